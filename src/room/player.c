/* SPDX-License-Identifier: MIT */
#include "room/player.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rnd.h"
#include "proto/utf8.h"

enum { MAX_STRIKES = 300, FORGIVEN_PER_S = 10 };

struct player *player_new(uint32_t id)
{
    struct player *p = calloc(1, sizeof *p);

    if (!p)
        return NULL;
    p->id = id;
    view_init(&p->view);
    rnd_secret(p->token, sizeof p->token);
    player_set_name(p, NULL, 0, PLAYER_NAME_MAX);
    return p;
}

void player_free(struct player **at)
{
    struct player *p = *at;

    *at = NULL;
    if (!p)
        return;
    view_fini(&p->view);
    schema_unref(&p->schema);
    free(p->buckets);
    free(p);
}

void player_set_name(struct player *p, const char *text, size_t len, size_t max)
{
    size_t n = 0;
    bool space = false;

    if (!text || !utf8_is_valid(text, len))
        len = 0;
    for (size_t i = 0; i < len;) {
        unsigned char c = (unsigned char)text[i];
        size_t bytes = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
        if (c <= ' ' || c == 0x7f || (c == 0xc2 && (unsigned char)text[i + 1] <= 0xa0)) {
            space = n > 0; /* C0, DEL, C1 and the no-break space: one space */
        } else {
            if (n + space + bytes > max)
                break;
            if (space)
                p->name[n++] = ' ';
            space = false;
            memcpy(p->name + n, text + i, bytes);
            n += bytes;
        }
        i += bytes;
    }
    p->name[n] = 0;
    if (n == 0)
        snprintf(p->name, sizeof p->name, "player %u", p->id);
}

bool bucket_take(struct bucket *b, double rate, double burst, uint32_t now_ms)
{
    double level = b->level + (double)(now_ms - b->at_ms) * rate / 1000;

    b->at_ms = now_ms;
    if (level > burst)
        level = burst;
    bool ok = level >= 1;
    b->level = (float)(ok ? level - 1 : level);
    return ok;
}

bool player_strike(struct player *p, uint32_t now_ms)
{
    p->strikes -= (float)(now_ms - p->strikes_at_ms) * FORGIVEN_PER_S / 1000;
    p->strikes_at_ms = now_ms;
    if (p->strikes < 0)
        p->strikes = 0;
    return ++p->strikes > MAX_STRIKES;
}
