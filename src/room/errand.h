/* SPDX-License-Identifier: MIT */
/*
 * errand - a session on its way to the worker where its room lives, or is to.
 *
 *   session_admit -> errand -> world_ops.on_move -> (session_detach, another thread,
 *   session_attach) -> session_arrive
 *
 * It has no seat yet, or comes back to one, so only the session itself travels: its peer,
 * its wish, what auth() has found out, and what its client has said early (early.h). The
 * seat is reserved in the directory before it leaves; where its room has gone when it
 * arrives it begins anew, a few times.
 *
 * Ownership: its session's. Thread: its session's.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "proto/ws_frame.h"
#include "room/directory.h"
#include "room/session_internal.h"

enum { ERRAND_MAX = 8 }; /* moves of one session, until it is told to try later */

enum errand_kind {
    ERRAND_ADMIT, /* to the game's home: session_admit() there */
    ERRAND_SIT,   /* a seat in `place` */
    ERRAND_WATCH, /* the same, beside the seats */
    ERRAND_AGAIN, /* its hello is read again there */
};

struct errand {
    enum errand_kind kind;
    unsigned worker;
    struct session_entry entry; /* points into `bytes` */
    uint8_t *bytes;             /* ERRAND_AGAIN: the message that the hello was in */
    size_t n_bytes;
    enum ws_op op;
    struct place *place;    /* with one reserved seat for ERRAND_SIT */
    struct room_plan *plan; /* of the room, should it have to be made; NULL: by `entry` */
};

/* The errand that it is on, or NULL. */
static inline struct errand *session_errand(const struct session *s)
{
    return s->wish ? s->wish->errand : NULL;
}

/* How a room is to begin, for all who might be the first to arrive. Counted, and never
 * changed: share freely. */
struct room_plan {
    atomic_uint refs;
    bool is_named, is_private;
    size_t n_labels, n_options;
    uint8_t bytes[]; /* labels, then options for `create` */
};

/* One reference, yours; NULL: out of memory. */
struct room_plan *room_plan_new(const struct room_start *start);
struct room_plan *room_plan_ref(struct room_plan *p);
void room_plan_unref(struct room_plan **p);

/* Send it off; `entry` (NULL for ERRAND_AGAIN) is copied, the place and the plan are taken
 * (both may be NULL). Where memory is out the session ends. */
void errand_send(struct session *s, enum errand_kind kind, unsigned worker,
                 const struct session_entry *entry, struct place *place,
                 struct room_plan *plan);

/* Give up what it holds. NULL is fine. */
void errand_free(struct errand **e);

/* ERRAND_AGAIN: the message that its hello came in, whole; copied. */
void errand_keep_hello(struct session *s, enum ws_op op, const uint8_t *data, size_t len);
