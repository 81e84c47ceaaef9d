/* SPDX-License-Identifier: MIT */
#include "room/player.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/utf8.h"

enum { MAX_STRIKES = 300, FORGIVEN_PER_S = 10, MAX_CREDIT_S = 60 };

struct player *player_new(uint32_t id)
{
    struct player *p = calloc(1, sizeof *p);

    if (!p)
        return NULL;
    p->id = id;
    player_set_name(p, NULL, 0, PLAYER_NAME_MAX);
    return p;
}

bool player_make_view(struct player *p)
{
    p->view = malloc(sizeof *p->view);
    p->pace = malloc(sizeof *p->pace);
    p->ledger = calloc(1, sizeof *p->ledger);
    if (!p->view || !p->pace || !p->ledger) {
        free(p->view);
        p->view = NULL;
        return false;
    }
    view_init(p->view);
    /* No row is a spectator's own, whatever keys a script gives out. */
    p->view->player = p->is_spectator ? 0 : p->id;
    pace_reset(p->pace);
    return true;
}

void player_free(struct player **at)
{
    struct player *p = *at;

    *at = NULL;
    if (!p)
        return;
    if (p->view)
        view_fini(p->view);
    free(p->view);
    schema_unref(&p->schema);
    free(p->buckets);
    free(p->pace);
    free(p->user);
    if (p->ledger)
        ring_fini(&p->ledger->tally.sent);
    free(p->ledger);
    free(p);
}

void player_set_schema(struct player *p, struct schema *schema)
{
    if (p->schema == schema)
        return;
    schema_unref(&p->schema);
    p->schema = schema_ref(schema);
    free(p->buckets);
    p->buckets = NULL;
}

/* The code point at `text`, which is valid UTF-8 and `bytes` long. */
static uint32_t decode(const char *text, size_t bytes)
{
    uint32_t c = (unsigned char)text[0];

    if (bytes > 1)
        c &= 0x7fu >> bytes;
    for (size_t i = 1; i < bytes; i++)
        c = c << 6 | ((unsigned char)text[i] & 0x3fu);
    return c;
}

/* White space of any kind, and controls, which end a word too. */
static bool is_space(uint32_t c)
{
    return c <= ' ' || (c >= 0x7f && c <= 0xa0) || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
           c == 0x205f || c == 0x3000;
}

/* Characters without a look of their own: with them two names could look alike,
 * a name could be blank, or turn the text around it. The joiners of zero width
 * (U+200C, U+200D) stay, because scripts and emoji need them. */
static bool is_unseen(uint32_t c)
{
    return c == 0xad || c == 0x200b || c == 0x200e || c == 0x200f ||
           (c >= 0x202a && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

void player_set_name(struct player *p, const char *text, size_t len, size_t max)
{
    size_t n = 0;
    bool space = false, is_blank = true;

    if (!text || !utf8_is_valid(text, len))
        len = 0;
    for (size_t i = 0; i < len;) {
        unsigned char c = (unsigned char)text[i];
        size_t bytes = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
        uint32_t point = decode(text + i, bytes);
        if (is_space(point)) {
            space = n > 0; /* however many: one */
        } else if (!is_unseen(point)) {
            if (n + space + bytes > max)
                break;
            if (space)
                p->name[n++] = ' ';
            space = false;
            is_blank = is_blank && (point == 0x200c || point == 0x200d);
            memcpy(p->name + n, text + i, bytes);
            n += bytes;
        }
        i += bytes;
    }
    p->name[n] = 0;
    if (is_blank)
        snprintf(p->name, sizeof p->name, "player %u", p->id);
}

bool player_set_user(struct player *p, const uint8_t *user, size_t n)
{
    uint8_t *copy = malloc(n);

    if (!copy)
        return false;
    free(p->user);
    p->user = memcpy(copy, user, n);
    p->n_user = (uint32_t)n;
    return true;
}

bool player_make_buckets(struct player *p, uint32_t now_ms)
{
    uint32_t n = p->schema->n_messages;

    if (!(p->buckets = calloc(n, sizeof *p->buckets)))
        return false;
    for (uint32_t i = 0; i < n; i++) {
        const struct record *m = &p->schema->messages[i];
        p->buckets[i] = (struct bucket){(float)(m->burst + m->rate * p->credit_s), now_ms};
    }
    p->credit_s = 0;
    return true;
}

void player_credit(struct player *p, double away_s, uint32_t now_ms)
{
    uint32_t n = p->buckets ? p->schema->n_messages : 0;

    if (away_s > MAX_CREDIT_S)
        away_s = MAX_CREDIT_S;
    p->credit_s = p->buckets ? 0 : (float)away_s;
    for (uint32_t i = 0; i < n; i++) {
        struct bucket *b = &p->buckets[i];
        double idle_s = (double)(now_ms - b->at_ms) / 1000;
        double credit_s = idle_s < away_s ? idle_s : away_s;
        b->level += (float)(credit_s * p->schema->messages[i].rate);
        b->at_ms = now_ms;
    }
}

bool bucket_take(struct bucket *b, double rate, double burst, uint32_t now_ms)
{
    double level = b->level + (double)(now_ms - b->at_ms) * rate / 1000;

    b->at_ms = now_ms;
    if (level > burst)
        level = b->level > burst ? b->level : burst;
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
