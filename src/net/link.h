/* SPDX-License-Identifier: MIT */
/*
 * link - a ring of things that hold their own place in it.
 *
 * A connection sits in several rings at once (all, to be flushed, to go on
 * reading, time-outs) and leaves each of them without a search.
 *
 * Ownership: the link lies inside its owner, which must leave the ring before
 * it goes away. Thread: one owner.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct link {
    struct link *prev, *next; /* itself, when alone or when it is an empty ring's head */
};

static inline void link_init(struct link *l)
{
    l->prev = l->next = l;
}

static inline bool link_is_alone(const struct link *l)
{
    return l->next == l;
}

/* Leave the ring; nothing happens when it is in none. */
static inline void link_leave(struct link *l)
{
    l->prev->next = l->next;
    l->next->prev = l->prev;
    link_init(l);
}

/* Leave the ring it is in and become the last of `ring`. */
static inline void link_join(struct link *l, struct link *ring)
{
    link_leave(l);
    l->prev = ring->prev;
    l->next = ring;
    ring->prev->next = l;
    ring->prev = l;
}

/* Move everything from `from` into `to`, which is overwritten; `from` is empty
 * then. So a ring can be worked off while new things join it. */
static inline void link_take_all(struct link *to, struct link *from)
{
    link_init(to);
    if (link_is_alone(from))
        return;
    *to = *from;
    to->prev->next = to;
    to->next->prev = to;
    link_init(from);
}

/* The struct that holds this link as its field `field`. */
#define LINK_OWNER(l, type, field) ((type *)(void *)((char *)(l)-offsetof(type, field)))
