/* SPDX-License-Identifier: MIT */
/*
 * outbox - the events that callbacks have sent and that leave with the next
 * flush, in order.
 *
 * Each is encoded once for each kind of peer in the room, when it is queued. A
 * callback that raises is taken back to its mark, so nothing of it leaves.
 *
 * Ownership: outbox_init/fini; holds a reference to each frame. Thread: its
 * room's worker.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/chunk.h"

struct out_event {
    struct chunk *binary, *json; /* NULL: no such peer was there */
    uint32_t to;                 /* one player, 0: all or those of the list */
    uint32_t except;             /* not this one, 0: nobody */
    uint32_t *list;              /* owned; NULL: no list */
    uint32_t n_list;
    uint32_t request; /* the answer to this request + 1; 0: an event */
    bool is_volatile; /* not for players whose line is stuck */
};

struct outbox {
    struct out_event *events;
    size_t n, cap, n_volatile;
    size_t bytes, max_bytes;
};

void outbox_init(struct outbox *o, size_t max_bytes);
void outbox_fini(struct outbox *o);

/* Append; takes the frames and copies the list. false when the box is full or
 * memory is out (the frames are released then too). */
bool outbox_push(struct outbox *o, const struct out_event *ev, const uint32_t *list);

/* The last event, which must be there and to one player or to a list, goes to one more.
 * false when the box is full or memory is out: it stays as it was. */
bool outbox_extend(struct outbox *o, uint32_t player);

/* Forget all events from place `mark` on. */
void outbox_cut(struct outbox *o, size_t mark);

/* Forget the first `n`, which have been sent. */
void outbox_drop(struct outbox *o, size_t n);

/* Is this event for that player? */
bool outbox_is_for(const struct out_event *ev, uint32_t player);
