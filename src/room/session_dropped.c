/* SPDX-License-Identifier: MIT */
/*
 * session_dropped - messages that reach no script: their sender hears how many, by an event
 * of our own (PROTOCOL.md, "Dropped"), once a second at most. Requests are answered
 * instead.
 */
#include <string.h>

#include "base/clk.h"
#include "proto/record.h"
#include "proto/wire.h"
#include "room/room_internal.h"
#include "room/session_internal.h"

enum { TOLD_EVERY_MS = 1000 };

static const char *text_of(enum session_drop why)
{
    switch (why) {
    case SESSION_DROP_INVALID: return "invalid";
    case SESSION_DROP_MAX_INPUTS: return "max_inputs";
    case SESSION_DROP_RATE: return "rate";
    case SESSION_DROP_LIMIT: break;
    }
    return "limit";
}

static void put_event(const struct session *s, struct buf *out)
{
    uint32_t tick = s->player->room->tick;
    const char *why = text_of(s->dropped_why);

    if (s->peer.codec == PEER_JSON) {
        buf_format(
            out,
            "{\"t\":\"event\",\"tick\":%u,\"name\":\"dropped\",\"data\":{\"count\":%u,"
            "\"why\":\"%s\"},\"volatile\":true}",
            tick, s->n_dropped, why);
        return;
    }
    wire_put_u8(out, RECORD_VOLATILE);
    wire_put_u16(out, (uint16_t)tick);
    wire_put_uv(out, 0);
    wire_put_str(out, "dropped", 7);
    wire_put_u8(out, ANY_MAP);
    wire_put_uv(out, 2);
    wire_put_uv(out, 0);
    wire_put_str(out, "count", 5);
    wire_put_u8(out, ANY_INT);
    wire_put_sv(out, s->n_dropped);
    wire_put_uv(out, 0);
    wire_put_str(out, "why", 3);
    wire_put_u8(out, ANY_STR);
    wire_put_str(out, why, strlen(why));
}

void session_dropped_tell(struct session *s)
{
    uint32_t now = (uint32_t)(clk_now_us() / 1000) | 1;
    struct buf out;

    if (s->is_over || !s->player || !session_is_greeted(s) ||
        (s->dropped_ms && now - s->dropped_ms < TOLD_EVERY_MS))
        return;
    s->dropped_ms = now;
    buf_init(&out, 256);
    put_event(s, &out);
    session_send(s, &out);
    buf_fini(&out);
    s->n_dropped = 0;
}

void session_dropped_one(struct session *s, enum session_drop why)
{
    if (s->peer.codec == PEER_RAW || s->player->is_spectator)
        return;
    if (s->n_dropped < INT32_MAX)
        s->n_dropped++;
    s->dropped_why = (uint8_t)why;
    session_dropped_tell(s);
}

void session_dropped(struct session *s, const uint8_t *data, size_t len)
{
    bool is_counted = true;

    if (!s->player || s->peer.codec == PEER_RAW)
        return;
    if (player_has_pass(s->player)) {
        is_counted =
            s->peer.codec == PEER_JSON
                ? session_json_kind(data, len) == SESSION_COUNTED
                : len > 0 && (data[0] == RECORD_C_EVENT || data[0] == RECORD_C_INPUT ||
                              data[0] == RECORD_C_REQUEST);
        s->player->ledger->tally.n_received += is_counted;
    }
    if (is_counted)
        session_dropped_one(s, SESSION_DROP_LIMIT);
}
