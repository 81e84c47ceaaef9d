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

void outbox_cut(struct outbox *o, size_t mark)
{
    while (o->n > mark) {
        struct out_event *ev = &o->events[--o->n];
        o->bytes -= size_of(ev);
        o->n_volatile -= ev->is_volatile;
        release(ev);
    }
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
