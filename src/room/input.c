/* SPDX-License-Identifier: MIT */
#include "room/input.h"

#include <string.h>

enum { ALIGN = 8, KEEP_BYTES = 64 << 10 };

void inputs_init(struct inputs *q, size_t max_bytes)
{
    *q = (struct inputs){0};
    buf_init(&q->coming, max_bytes);
    buf_init(&q->going, max_bytes);
}

void inputs_fini(struct inputs *q)
{
    struct input left;

    do
        while (inputs_next(q, &left))
            schema_unref(&left.schema);
    while (q->n > 0 && (inputs_turn(q), true));
    buf_fini(&q->coming);
    buf_fini(&q->going);
}

static size_t padded(size_t n)
{
    return (n + ALIGN - 1) / ALIGN * ALIGN;
}

bool inputs_push(struct inputs *q, const struct input *in)
{
    size_t head = padded(sizeof *in), body = padded(in->len);
    uint8_t *at = buf_reserve(&q->coming, head + body);

    if (!at) {
        q->coming.failed = false; /* only this one is lost */
        return false;
    }
    memset(at, 0, head + body);
    memcpy(at, in, sizeof *in);
    if (in->len)
        memcpy(at + head, in->data, in->len);
    if (in->schema)
        schema_ref(in->schema);
    buf_added(&q->coming, head + body);
    q->n++;
    return true;
}

void inputs_turn(struct inputs *q)
{
    struct buf spent = q->going;

    q->going = q->coming;
    q->coming = spent;
    buf_clear(&q->coming);
    if (q->coming.cap > KEEP_BYTES) /* a burst is over: give its memory back */
        buf_fini(&q->coming);
    q->at = 0;
    q->n = 0;
}

bool inputs_has_more(const struct inputs *q)
{
    return q->at < q->going.len;
}

/* The one at this place; returns the place behind it. */
static size_t read_at(const struct buf *from, size_t at, struct input *out)
{
    memcpy(out, from->data + at, sizeof *out);
    at += padded(sizeof *out);
    out->data = from->data + at;
    return at + padded(out->len);
}

bool inputs_peek(const struct inputs *q, size_t *at, struct input *out)
{
    size_t left = q->going.len - q->at; /* `at` goes through these, then through `coming` */

    if (*at < left)
        *at = read_at(&q->going, q->at + *at, out) - q->at;
    else if (*at - left < q->coming.len)
        *at = read_at(&q->coming, *at - left, out) + left;
    else
        return false;
    return true;
}

bool inputs_next(struct inputs *q, struct input *out)
{
    if (!inputs_has_more(q))
        return false;
    q->at = read_at(&q->going, q->at, out);
    return true;
}
