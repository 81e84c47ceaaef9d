/* SPDX-License-Identifier: MIT */
#include "room/ring.h"

#include <assert.h>
#include <stdlib.h>

enum { FIRST_CAP = 4 };

/* The oldest goes. */
static void drop_oldest(struct ring *g)
{
    struct chunk *old = g->frames[g->head];

    g->bytes -= old->len + RING_RECORD_BYTES;
    g->head = (g->head + 1) & (g->cap - 1);
    g->n--;
    g->first++;
    chunk_unref(&old);
}

static void drop_all(struct ring *g)
{
    while (g->n > 0)
        drop_oldest(g);
    free(g->frames);
    g->frames = NULL;
    g->cap = g->head = 0;
}

void ring_fini(struct ring *g)
{
    drop_all(g);
    *g = (struct ring){0};
}

static bool grow(struct ring *g)
{
    uint32_t cap = g->cap ? g->cap * 2 : FIRST_CAP;
    struct chunk **frames = malloc(cap * sizeof(struct chunk *));

    if (!frames)
        return false;
    for (uint32_t i = 0; i < g->n; i++)
        frames[i] = ring_at(g, i);
    free(g->frames);
    g->frames = frames;
    g->cap = cap;
    g->head = 0;
    return true;
}

void ring_push(struct ring *g, struct chunk *frame, size_t max_bytes)
{
    size_t more = frame->len + RING_RECORD_BYTES;

    while (g->n > 0 && g->bytes + more > max_bytes)
        drop_oldest(g);
    if (more > max_bytes || (g->n == g->cap && !grow(g))) {
        drop_all(g);
        g->first++;
        return;
    }
    g->frames[(g->head + g->n++) & (g->cap - 1)] = chunk_ref(frame);
    g->bytes += more;
}

uint32_t ring_count(const struct ring *g)
{
    return g->first + g->n;
}

bool ring_reaches(const struct ring *g, uint32_t count)
{
    return count >= g->first && count <= ring_count(g);
}

void ring_confirm(struct ring *g, uint32_t count)
{
    if (!ring_reaches(g, count))
        return;
    while (g->first < count)
        drop_oldest(g);
    if (g->n == 0)
        drop_all(g);
}

struct chunk *ring_at(const struct ring *g, uint32_t i)
{
    assert(i < g->n);
    return g->frames[(g->head + i) & (g->cap - 1)];
}

void ring_restart(struct ring *g)
{
    ring_fini(g);
}
