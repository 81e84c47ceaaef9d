/* SPDX-License-Identifier: MIT */
/*
 * distant - members of rooms here whose connections are on other workers: the peer that
 * a room gets for such a one.
 *
 * What a room sends becomes orders to that worker (batch.h), and leaves with the turn.
 * What comes from there goes to the session as if it came from the connection. The
 * backlog that a room sees is what has not been read over there, and what it told last
 * of the socket; asking for it lets that worker look again. So a member whose line is
 * stuck is sent one state more than one who is here, and skipped from then on.
 *
 * Ownership: made where the connection is, and this worker's from distant_arrive() on;
 * gone when the connection's end has been told. Thread: its worker's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/ip.h"
#include "server/batch.h"

struct conn;
struct session;
struct worker;

struct distant {
    struct distant *next, **at; /* in the worker's list */
    struct worker *here;        /* of the room */
    struct session *session;
    unsigned worker; /* of the connection, */
    uint32_t number; /* ... and which one it is there */
    struct batch_mark mark;
    uint64_t sent_in; /* the last batch with frames for it */
    size_t unread;    /* bytes of those that have not been read there */
    size_t backlog;   /* that was told last */
    bool is_closing;
    bool is_broken; /* an order was lost for want of memory */
    char address[IP_TEXT_BYTES];
};

/* For a connection of worker `worker`, on its thread. NULL: out of memory. */
struct distant *distant_new(unsigned worker, const struct conn *c, struct session *s);

/* On its room's worker: the session begins to talk through it. */
void distant_arrive(struct distant *d, struct worker *here);

/* Nobody takes it over: the session ends. */
void distant_discard(struct distant *d);

/* What another worker tells. */
void distants_hear(const struct batch *b);

/* Once a turn: those whose orders were lost are closed. */
void distants_run(struct worker *w);

/* The worker ends: all that are left are over. */
void distants_close(struct worker *w);
