/* SPDX-License-Identifier: MIT */
/*
 * answers - what a raw game sends back to the player whose messages are being handled,
 * as frames one behind the other.
 *
 * Messages that one read has brought are handled in one go, and most games answer the
 * sender alone: so their answers are written where they will leave from, without an
 * event for each, by bind_answer_raw() without asking the room (vm->answers). The first
 * message to somebody else ends that (room_spill()).
 *
 * Ownership: a value inside its room, answers_fini(). Thread: its room's worker.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/chunk.h"
#include "proto/ws_frame.h"

enum {
    ANSWERS_MESSAGE = 512,    /* bytes; a bigger one is an event of its own */
    ANSWERS_BYTES = 64 << 10, /* of frames; what comes then are events, too */
};

struct answers {
    struct buf frames;
    const uint8_t *last; /* the data of the last one, which may be gone by now */
    uint32_t to;         /* the player */
    uint32_t n;          /* frames */
    uint32_t n_done;     /* of those, of callbacks that have returned, */
    size_t done_bytes;   /* and so many bytes */
};

void answers_init(struct answers *a);
void answers_fini(struct answers *a);

/* Append a message of at most ANSWERS_MESSAGE to this player, who is the same until they
 * are cleared. Returns the bytes of its frame, 0: there is no room or no memory for it, and
 * all is as before. */
size_t answers_add(struct answers *a, uint32_t to, enum ws_op op, const uint8_t *data,
                   size_t len);

/* The callback has returned. */
void answers_mark(struct answers *a);

/* It has raised: forget what it has added. */
void answers_cut(struct answers *a);

/* All have left or gone elsewhere. */
void answers_clear(struct answers *a);
