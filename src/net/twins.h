/* SPDX-License-Identifier: MIT */
/*
 * twins - the compressed forms of the frames that are sent in this turn of the loop.
 *
 * A room sends one plain frame to many connections. Here each gets the frame's
 * compressed twin, which is made for the first of them and found by all others: one
 * compression for each window size in the audience, as a rule one. It is found by
 * the frame's address or, because games that send one by one make a frame of the same
 * message for each player, by its bytes.
 *
 * What is not marked as shared (chunk.h) has a few places of its own, so that what
 * goes to one player does not push out what goes to all.
 *
 * Ownership: twins_init/twins_fini. It holds references to both frames until
 * twins_clear(), which the edge calls at the end of each turn. Thread: one owner.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proto/ws_deflate.h"

enum {
    TWINS_SHARED = 16, /* binary and JSON for each of the seven window sizes, and two */
    TWINS_SINGLE = 4,
};

struct twin {
    struct chunk *plain, *packed; /* NULL: a free place */
    uint8_t bits;
};

struct twins {
    struct ws_deflate_pool *pool;
    struct twin shared[TWINS_SHARED], single[TWINS_SINGLE];
    uint8_t next_shared, next_single; /* the places to be used next, the oldest ones */
    bool is_used;
};

/* 0 or -ENOMEM (then there is nothing to fini). */
int twins_init(struct twins *t, const struct ws_deflate_tuning *tuning);
void twins_fini(struct twins *t);

/* The twin of a whole, plain frame for a window of 2^bits; the plain frame itself where
 * compressing it is of no use. *is_new: it was made just now. Borrows until the next
 * call. */
struct chunk *twins_get(struct twins *t, uint8_t bits, struct chunk *plain, bool *is_new);

/* The turn is over: let go of all frames. */
void twins_clear(struct twins *t);
