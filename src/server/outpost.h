/* SPDX-License-Identifier: MIT */
/*
 * outpost - the connections of this worker whose rooms are on others.
 *
 * Their sessions live with their rooms (distant.h). Here each is an outlet with a number:
 * it does what the room's worker orders, and passes on what comes, how much has not left
 * when it is asked, and its end. A number is free again once the room's worker has let go
 * of it.
 *
 * Ownership: its worker's, outpost_open/outpost_close. Thread: its worker's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "net/conn.h"
#include "server/batch.h"

struct worker;

struct outlet {
    struct conn *conn;   /* NULL: it is over */
    struct distant *of;  /* what it is over there; never looked into */
    struct worker *here; /* NULL: free */
    uint32_t number;
    uint32_t next_free; /* while it is free */
    uint32_t next_late; /* while is_late */
    uint32_t backlog;   /* as last told */
    uint16_t code;      /* of its end */
    uint8_t room_at;    /* the worker of its room */
    bool is_held_back;  /* it is not read */
    bool owes_end;      /* its end could not be told for want of memory */
    bool is_late;       /* one of these two: it is in the list of outpost_run() */
};

struct outpost {
    struct worker *worker;
    struct outlet **blocks; /* of OUTPOST_BLOCK outlets; they never move */
    uint32_t n_blocks, cap_blocks;
    uint32_t n_numbers; /* that have ever been used */
    uint32_t first_free, n_free;
    uint32_t first_late; /* of those with something to do in outpost_run() */
    uint64_t n_holds;    /* how often one was read no more for a while */
};

enum { OUTPOST_BLOCK = 256 };

void outpost_open(struct outpost *o, struct worker *w);

/* Its connections are gone. */
void outpost_close(struct outpost *o);

/* A place for a connection whose room is on worker `room_at`, where it is `of`. NULL: out
 * of memory. */
struct outlet *outpost_take(struct outpost *o, unsigned room_at, struct distant *of);

/* It is not needed after all. */
void outpost_give_back(struct outpost *o, struct outlet *at);

/* This connection is its from now on. */
void outpost_connect(struct outlet *at, struct conn *c);

/* How many there are. */
uint32_t outpost_n(const struct outpost *o);

/* Do what another worker says. */
void outpost_obey(struct outpost *o, const struct batch *b);

/* Once a turn: what could not be done before, for those that it was not done for. */
void outpost_run(struct outpost *o);
