/* SPDX-License-Identifier: MIT */
/*
 * post - a worker's batches to the others: one to each is being written, and leaves when
 * post_flush() is called, which is after rooms have run and before the loop sleeps.
 *
 * A batch goes back to its worker when it has been read, so that a steady exchange
 * allocates nothing. Those that a stall has piled up are freed after it.
 *
 * Ownership: its worker's, post_open/post_close. Thread: its worker's, but where said
 * otherwise.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/batch.h"

struct worker;

enum {
    POST_UNREAD = 4 << 20, /* bytes of notes to one worker, that it has not read */
    POST_SPARES = 4,       /* batches that are kept for each worker */
};

/* To one worker. */
struct post_channel {
    struct batch *open;       /* being written; NULL: nothing is there to tell */
    uint64_t serial;          /* of the last that was begun */
    _Atomic(uint64_t) read;   /* the last that has been read there */
    atomic_size_t unread;     /* bytes of notes that have not been read there */
    atomic_bool is_held_back; /* no more of those until half of them have */
};

struct post {
    struct worker *worker;
    struct post_channel *to;        /* by worker */
    unsigned n;                     /* workers; 0: there are no others */
    struct batch *at_hand;          /* spare ones; what is more comes back here: */
    _Atomic(struct batch *) spares; /* any thread may add to these */
};

/* With a single worker nothing is ever told, and this takes nothing. 0 or -ENOMEM. */
int post_open(struct post *p, struct worker *w, unsigned n_workers);

/* Once no other thread runs. */
void post_close(struct post *p);

/* The batch to this worker, to add to; NULL: out of memory, or after post_close(). */
struct batch *post_batch(struct post *p, unsigned to);

/* Send what there is. */
void post_flush(struct post *p);

/* Has the batch of that number been read? */
bool post_is_read(const struct post *p, unsigned to, uint64_t serial);

/* Is there more of notes than the reader can keep up with? Asked right after one. Then
 * connections shall be read no more until post_may_go_on(), of which worker.mail tells. */
bool post_is_full(struct post *p, unsigned to);
bool post_may_go_on(const struct post *p, unsigned to);
