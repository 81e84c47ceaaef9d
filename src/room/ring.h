/* SPDX-License-Identifier: MIT */
/*
 * ring - the records that a seat was sent last and its client may not have: when it
 * comes back it tells how many it has received, and gets the rest again.
 *
 * Only counted records go in (PROTOCOL.md, "Nothing lost, nothing doubled"). Each is the
 * frame that was sent, by reference: a broadcast is held once, however many keep it. An
 * empty ring holds no memory.
 *
 * Ownership: its seat's, ring_fini(). Thread: its room's worker.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/chunk.h"

enum { RING_RECORD_BYTES = 16 /* that each record counts beside its own */ };

struct ring {
    struct chunk **frames; /* a circle; those of records first + 1 … first + n */
    uint32_t cap, head, n; /* cap is 0 or a power of two */
    uint32_t first;        /* so many came before the oldest that is kept */
    size_t bytes;
};

void ring_fini(struct ring *g);

/* One more record was sent; keeps a reference of its own. The oldest go where more than
 * `max_bytes` would be kept, or memory is out; this one, too, where it is too big. */
void ring_push(struct ring *g, struct chunk *frame, size_t max_bytes);

/* How many were sent so far. */
uint32_t ring_count(const struct ring *g);

/* Is all that came after the first `count` at hand? Not where fewer were sent. */
bool ring_reaches(const struct ring *g, uint32_t count);

/* The client has received `count` records, which the ring reaches: forget those. A count
 * that cannot be is passed over. */
void ring_confirm(struct ring *g, uint32_t count);

/* Record i of those that are kept, from 0, oldest first. Borrows. */
struct chunk *ring_at(const struct ring *g, uint32_t i);

/* Forget all and count from 0. */
void ring_restart(struct ring *g);
