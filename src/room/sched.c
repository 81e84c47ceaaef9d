/* SPDX-License-Identifier: MIT */
#include "room/sched.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

void sched_init(struct sched *s)
{
    *s = (struct sched){0};
}

void sched_fini(struct sched *s)
{
    free(s->heap);
    *s = (struct sched){0};
}

int sched_reserve(struct sched *s, size_t n)
{
    size_t cap = s->cap ? s->cap : 16;

    if (n <= s->cap)
        return 0;
    while (cap < n)
        cap *= 2;
    struct sched_item **grown = realloc(s->heap, cap * sizeof *grown);
    if (!grown)
        return -ENOMEM;
    s->heap = grown;
    s->cap = cap;
    return 0;
}

static void put(struct sched *s, size_t i, struct sched_item *item)
{
    s->heap[i] = item;
    item->place = i + 1;
}

/* Let `item` find its level from place `i`, which is free. */
static void settle(struct sched *s, size_t i, struct sched_item *item)
{
    while (i > 0 && item->due_us < s->heap[(i - 1) / 2]->due_us) {
        put(s, i, s->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= s->n)
            break;
        if (child + 1 < s->n && s->heap[child + 1]->due_us < s->heap[child]->due_us)
            child++;
        if (s->heap[child]->due_us >= item->due_us)
            break;
        put(s, i, s->heap[child]);
        i = child;
    }
    put(s, i, item);
}

static void take_out(struct sched *s, struct sched_item *item)
{
    size_t i = item->place - 1;
    struct sched_item *last = s->heap[--s->n];

    item->place = 0;
    if (last != item)
        settle(s, i, last);
}

void sched_set(struct sched *s, struct sched_item *item, uint64_t due_us)
{
    if (due_us == UINT64_MAX) {
        if (item->place)
            take_out(s, item);
        return;
    }
    item->due_us = due_us;
    if (!item->place) {
        assert(s->n < s->cap);
        item->place = ++s->n;
    }
    settle(s, item->place - 1, item);
}

struct sched_item *sched_first(const struct sched *s)
{
    return s->n ? s->heap[0] : NULL;
}
