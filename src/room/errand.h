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
 * Where the room is one whose members stay on all workers (place_is_spread), the session
 * first takes its connection back to the worker that has accepted it, should it have come
 * away from there (to the lobby), and then goes on alone.
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
    unsigned worker;            /* where it is to be done, */
    unsigned next;              /* ... and where it goes first */
    bool is_alone;              /* the connection stays where it was accepted */
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

/* A session on this worker that is for this room, of this worker: should its connection
 * go back first? */
bool errand_leads_back(const struct session *s, struct place *place);

/* The same for one whose hello has a token, which is read again when it is back alone. */
void errand_lead_back(struct session *s);

/* Send it off; `entry` (NULL for ERRAND_AGAIN) is copied, the place and the plan are taken
 * (both may be NULL). Where memory is out the session ends. */
void errand_send(struct session *s, enum errand_kind kind, unsigned worker,
                 const struct session_entry *entry, struct place *place,
                 struct room_plan *plan);

/* Give up what it holds. NULL is fine. */
void errand_free(struct errand **e);

/* ERRAND_AGAIN: the message that its hello came in, whole; copied. */
void errand_keep_hello(struct session *s, enum ws_op op, const uint8_t *data, size_t len);
