/* SPDX-License-Identifier: MIT */
/*
 * batch - all that one worker has to tell another about the members of its rooms, in one
 * letter a turn (src/server/README.md, "Rooms on all workers").
 *
 * Orders go from a room's worker to the one that has the connections: an order is one
 * thing to be done for some members, who are numbers of that worker (outpost.h). Members
 * who stand in a row are one span, so a frame for five thousand is one order with one
 * span as a rule. Notes go the other way, one for each thing that has come.
 *
 * What is told of one member is done in the order in which it was told; that of two
 * members may change places, so that what alternates between many (a look, a frame, a
 * look, …) becomes two orders.
 *
 * Pure: no thread, no socket. Memory is kept by batch_clear(), so that a steady stream
 * allocates nothing. Ownership: batch_init/batch_fini; an order holds its frame.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/chunk.h"
#include "base/mailbox.h"

enum batch_order_kind {
    ORDER_SEND,   /* this frame */
    ORDER_LOOK,   /* tell what has not left of this connection */
    ORDER_CLOSE,  /* with `code`; the frame holds the reason's text */
    ORDER_FORGET, /* the member is never spoken of again */
};

enum batch_note_kind {
    NOTE_MESSAGE, /* a WebSocket message, `code` is its opcode */
    NOTE_DROPPED, /* the same, above a limit */
    NOTE_BACKLOG, /* `value` bytes have not left */
    NOTE_CLOSED,  /* with `code`; the last of its member */
};

struct batch_span {
    uint32_t first, n;
};

struct batch_order {
    uint8_t kind; /* enum batch_order_kind */
    uint16_t code;
    struct chunk *frame; /* NULL: none */
    struct batch_span *spans;
    uint32_t n_spans, cap_spans;
};

struct distant;

struct batch_note {
    struct distant *of; /* who it is for its room's worker */
    uint8_t kind;       /* enum batch_note_kind */
    uint16_t code;
    uint32_t value; /* NOTE_MESSAGE, NOTE_DROPPED: bytes in `bytes`, in the notes' order */
};

/* When something was last told of a member: nothing of it may come before that. Zero:
 * never. */
struct batch_mark {
    uint64_t serial; /* of the batch */
    uint32_t after;  /* this place */
};

struct batch {
    struct letter letter; /* first */
    struct batch *next;   /* post.h: spares */
    struct post *from;
    uint64_t serial; /* counts those to one worker, from 1 */
    struct batch_order *orders;
    uint32_t n_orders, cap_orders;
    struct batch_note *notes;
    uint32_t n_notes, cap_notes;
    struct buf bytes;
    size_t weight; /* of its notes, in bytes */
};

void batch_init(struct batch *b);
void batch_fini(struct batch *b);

/* Nothing is in it, but its memory stays; more than 1 MiB of bytes does not. */
void batch_clear(struct batch *b);
bool batch_is_empty(const struct batch *b);

/* Add a member to an order of that kind and frame (NULL for ORDER_LOOK and ORDER_FORGET;
 * it keeps a reference), or a new one, behind all that was told of it. False: out of
 * memory. */
bool batch_add_order(struct batch *b, enum batch_order_kind kind, uint16_t code,
                     struct chunk *frame, uint32_t member, struct batch_mark *mark);

/* False: out of memory. Copies. */
bool batch_add_note(struct batch *b, const struct batch_note *note, const void *bytes);
