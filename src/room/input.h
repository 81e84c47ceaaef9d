/* SPDX-License-Identifier: MIT */
/*
 * input - what players have sent and what has happened to them, in order, until
 * the room's next step.
 *
 * One run of bytes per room, kept from step to step, so that a steady stream of
 * inputs allocates nothing. Two take turns: what comes in while one is being
 * handled waits in the other.
 *
 * Ownership: inputs_init/inputs_fini. Thread: its room's worker.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "state/schema.h"

enum input_kind {
    INPUT_JOIN,    /* payload: options, any */
    INPUT_MESSAGE, /* payload: valid for the message */
    INPUT_OTHER,   /* payload: str name, any */
    INPUT_RAW,     /* payload: the message */
    INPUT_DROP,
    INPUT_RESUME,
    INPUT_LEAVE,  /* payload: the reason */
    INPUT_SIGNAL, /* of no player; payload: str name, any */
};

struct input {
    enum input_kind kind;
    uint32_t player;
    struct schema *schema; /* INPUT_MESSAGE: by which it is encoded */
    uint32_t message;      /* ... and its id in that schema */
    uint32_t request;      /* request id + 1; 0: no answer is wanted */
    uint32_t seq;          /* of a predicted input; 0: it is none */
    bool is_text;          /* INPUT_RAW */
    uint32_t len;
    const uint8_t *data; /* borrows from the queue */
};

struct inputs {
    struct buf coming, going;
    size_t at; /* how far `going` is handled */
    size_t n;  /* in `coming` */
};

/* At most `max_bytes` wait. */
void inputs_init(struct inputs *q, size_t max_bytes);
void inputs_fini(struct inputs *q);

/* Append; copies in->data and takes a reference of its own to in->schema. false
 * when the queue is full. */
bool inputs_push(struct inputs *q, const struct input *in);

/* Turn round: what has come is handled now. */
void inputs_turn(struct inputs *q);

/* Some are left of the turn under way. */
bool inputs_has_more(const struct inputs *q);

/* Look at all that wait, oldest first: *at is 0 for the first and moves on. false at the
 * end. Everything in *out borrows. */
bool inputs_peek(const struct inputs *q, size_t *at, struct input *out);

/* The next one; false at the end. The reference in out->schema is yours, the rest
 * borrows until inputs_turn(). */
bool inputs_next(struct inputs *q, struct input *out);
