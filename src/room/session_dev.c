/* SPDX-License-Identifier: MIT */
/*
 * session_dev - messages that were dropped: counted always, and told in dev, to the log
 * and to the page that sent them, once a second at most.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clk.h"
#include "base/logger.h"
#include "proto/json_out.h"
#include "proto/utf8.h"
#include "room/session_internal.h"

enum { TOLD_EVERY_MS = 1000 };

static void tell_page(struct session *s, const char *game, const char *text)
{
    struct buf out;
    struct json_out j = json_out_to(&out);
    size_t n = strlen(text);

    while (n > 0 && !utf8_is_valid(text, n))
        n--; /* it may be cut inside a character of the client's */
    buf_init(&out, 4096);
    json_out_key_str(&j, "kind", "warning");
    json_out_key_str(&j, "game", game);
    json_out_key(&j, "message", 7);
    json_out_str(&j, text, n);
    struct chunk *frame = out.failed ? NULL
                                     : game_dev_frame(s->peer.codec == PEER_JSON,
                                                      (const char *)out.data, out.len);
    if (frame)
        s->peer.ops->send(s->peer.conn, frame);
    chunk_unref(&frame);
    buf_fini(&out);
}

bool session_tells_dropped(struct session *s)
{
    uint32_t now = (uint32_t)(clk_now_us() / 1000) | 1;

    if (!s->world->is_dev)
        return false;
    if (s->dropped_told_ms && now - s->dropped_told_ms < TOLD_EVERY_MS) {
        if (s->n_untold < UINT16_MAX)
            s->n_untold++;
        return false;
    }
    s->dropped_told_ms = now;
    return true;
}

void session_tell_dropped(struct session *s, const char *format, ...)
{
    const struct player *p = s->player;
    const struct room *r = p->room;
    char text[512], count[48] = "";
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text - sizeof count, format, args);
    va_end(args);
    if (s->n_untold)
        snprintf(count, sizeof count, " (and %u more before it)", s->n_untold);
    s->n_untold = 0;
    strcat(text, count);
    logger_warn(r->game->name, "room %s, player %u: a message was dropped: %s", r->id,
                p->id, text);
    if (s->peer.can_resume)
        tell_page(s, r->game->name, text);
}
