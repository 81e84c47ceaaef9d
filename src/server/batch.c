/* SPDX-License-Identifier: MIT */
#include "server/batch.h"

#include <stdlib.h>
#include <string.h>

enum {
    /* So many of the last orders are looked at for one that fits: what goes to many at
     * a time is a look, and a frame or two for each of the two codecs. */
    RECENT = 8,
    BYTES_KEPT = 1 << 20,
};

void batch_init(struct batch *b)
{
    *b = (struct batch){0};
    buf_init(&b->bytes, 0);
}

void batch_clear(struct batch *b)
{
    for (uint32_t i = 0; i < b->n_orders; i++) {
        chunk_unref(&b->orders[i].frame);
        b->orders[i].n_spans = 0;
    }
    b->n_orders = b->n_notes = 0;
    b->weight = 0;
    if (b->bytes.cap > BYTES_KEPT)
        buf_fini(&b->bytes);
    buf_clear(&b->bytes);
}

void batch_fini(struct batch *b)
{
    batch_clear(b);
    for (uint32_t i = 0; i < b->cap_orders; i++)
        free(b->orders[i].spans);
    free(b->orders);
    free(b->notes);
    buf_fini(&b->bytes);
}

bool batch_is_empty(const struct batch *b)
{
    return b->n_orders == 0 && b->n_notes == 0;
}

/* Twice as many places, the new ones zeroed; NULL: out of memory. */
static void *grow(void *at, uint32_t *cap, size_t size)
{
    uint32_t more = *cap ? *cap * 2 : 4;
    char *grown = realloc(at, more * size);

    if (grown) {
        memset(grown + *cap * size, 0, (more - *cap) * size);
        *cap = more;
    }
    return grown;
}

static bool add_member(struct batch_order *o, uint32_t member)
{
    struct batch_span *last = o->n_spans ? &o->spans[o->n_spans - 1] : NULL;

    if (last && last->first + last->n == member) {
        last->n++;
        return true;
    }
    if (o->n_spans == o->cap_spans) {
        struct batch_span *grown = grow(o->spans, &o->cap_spans, sizeof *grown);
        if (!grown)
            return false;
        o->spans = grown;
    }
    o->spans[o->n_spans++] = (struct batch_span){member, 1};
    return true;
}

/* An order that the member can join, or a new one; NULL: out of memory. */
static struct batch_order *find(struct batch *b, enum batch_order_kind kind, uint16_t code,
                                struct chunk *frame, uint32_t not_before)
{
    for (uint32_t i = b->n_orders, left = RECENT; i > not_before && left > 0; left--) {
        struct batch_order *o = &b->orders[--i];
        if (o->kind == kind && o->frame == frame && o->code == code)
            return o;
    }
    if (b->n_orders == b->cap_orders) {
        struct batch_order *grown = grow(b->orders, &b->cap_orders, sizeof *grown);
        if (!grown)
            return NULL;
        b->orders = grown;
    }
    struct batch_order *o = &b->orders[b->n_orders++];
    o->kind = (uint8_t)kind;
    o->code = code;
    o->frame = frame ? chunk_ref(frame) : NULL;
    return o;
}

bool batch_add_order(struct batch *b, enum batch_order_kind kind, uint16_t code,
                     struct chunk *frame, uint32_t member, struct batch_mark *mark)
{
    uint32_t not_before = mark->serial == b->serial ? mark->after : 0;
    struct batch_order *o = find(b, kind, code, frame, not_before);

    if (!o || !add_member(o, member))
        return false;
    *mark = (struct batch_mark){b->serial, (uint32_t)(o - b->orders) + 1};
    return true;
}

bool batch_add_note(struct batch *b, const struct batch_note *note, const void *bytes)
{
    size_t len = note->kind <= NOTE_DROPPED ? note->value : 0, before = b->bytes.len;

    if (b->n_notes == b->cap_notes) {
        struct batch_note *grown = grow(b->notes, &b->cap_notes, sizeof *grown);
        if (!grown)
            return false;
        b->notes = grown;
    }
    if (len)
        buf_append(&b->bytes, bytes, len);
    if (b->bytes.failed) {
        b->bytes.failed = false; /* what was in it is still whole */
        buf_truncate(&b->bytes, before);
        return false;
    }
    b->notes[b->n_notes++] = *note;
    b->weight += sizeof *note + len;
    return true;
}
