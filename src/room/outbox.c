/* SPDX-License-Identifier: MIT */
#include "room/outbox.h"

#include <stdlib.h>
#include <string.h>

void outbox_init(struct outbox *o, size_t max_bytes)
{
    *o = (struct outbox){.max_bytes = max_bytes};
}

void outbox_fini(struct outbox *o)
{
    outbox_cut(o, 0);
    free(o->events);
    *o = (struct outbox){0};
}

static size_t size_of(const struct out_event *ev)
{
    return (ev->binary ? ev->binary->len : 0) + (ev->json ? ev->json->len : 0) +
           ev->n_list * sizeof *ev->list + sizeof *ev;
}

static void release(struct out_event *ev)
{
    chunk_unref(&ev->binary);
    chunk_unref(&ev->json);
    free(ev->list);
}

bool outbox_push(struct outbox *o, const struct out_event *given, const uint32_t *list)
{
    struct out_event ev = *given;

    ev.list = NULL;
    if (o->n == o->cap) {
        size_t cap = o->cap ? o->cap * 2 : 8;
        struct out_event *grown = realloc(o->events, cap * sizeof *grown);
        if (!grown)
            goto fail;
        o->events = grown;
        o->cap = cap;
    }
    if (list) {
        if (!(ev.list = malloc((ev.n_list ? ev.n_list : 1) * sizeof *ev.list)))
            goto fail;
        memcpy(ev.list, list, ev.n_list * sizeof *ev.list);
    }
    if (o->bytes + size_of(&ev) > o->max_bytes)
        goto fail;
    o->bytes += size_of(&ev);
    o->events[o->n++] = ev;
    o->n_volatile += ev.is_volatile;
    return true;

fail:
    release(&ev);
    return false;
}

bool outbox_extend(struct outbox *o, uint32_t player)
{
    enum { FIRST = 16 };
    struct out_event *ev = &o->events[o->n - 1];
    uint32_t n = ev->list ? ev->n_list : 1; /* a list has room for the next power of two */
    bool is_full = !ev->list || (n >= FIRST && (n & (n - 1)) == 0);

    if (o->bytes + 2 * sizeof *ev->list > o->max_bytes)
        return false;
    if (is_full) {
        uint32_t cap = n < FIRST ? FIRST : 2 * n;
        uint32_t *grown = realloc(ev->list, cap * sizeof *grown);
        if (!grown)
            return false;
        ev->list = grown;
    }
    o->bytes -= size_of(ev);
    if (ev->to) {
        ev->list[0] = ev->to;
        ev->to = 0;
    }
    ev->list[n] = player;
    ev->n_list = n + 1;
    o->bytes += size_of(ev);
    return true;
}

void outbox_cut(struct outbox *o, size_t mark)
{
    while (o->n > mark) {
        struct out_event *ev = &o->events[--o->n];
        o->bytes -= size_of(ev);
        o->n_volatile -= ev->is_volatile;
        release(ev);
    }
}

void outbox_drop(struct outbox *o, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        o->bytes -= size_of(&o->events[i]);
        o->n_volatile -= o->events[i].is_volatile;
        release(&o->events[i]);
    }
    o->n -= n;
    memmove(o->events, o->events + n, o->n * sizeof *o->events);
}

bool outbox_is_for(const struct out_event *ev, uint32_t player)
{
    if (player == ev->except)
        return false;
    if (ev->to)
        return ev->to == player;
    if (!ev->list)
        return true;
    for (uint32_t i = 0; i < ev->n_list; i++)
        if (ev->list[i] == player)
            return true;
    return false;
}
