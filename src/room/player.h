/* SPDX-License-Identifier: MIT */
/*
 * player - a seat in a room; it outlives its connection.
 *
 *   JOINING -> SEATED <-> HELD -> gone
 *
 * JOINING: counted against max_players, `join` has not run yet. HELD: the
 * connection is lost, the seat is kept until held_until_us.
 *
 * Ownership: its room's; sessions borrow it and are told before it goes.
 * Thread: its room's worker.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/record.h"
#include "room/pace.h"
#include "room/pass.h"
#include "room/peer.h"
#include "room/ring.h"
#include "state/emit.h"
#include "state/schema.h"

enum { PLAYER_NAME_MAX = 48 };

enum player_state {
    PLAYER_JOINING,
    PLAYER_SEATED,
    PLAYER_HELD,
};

/* Tokens of one limit: `level` refills with time up to the burst. */
struct bucket {
    float level;
    uint32_t at_ms; /* of the last refill; wraps */
};

/* What the two sides of a seat have received from each other, so that nothing is lost or
 * doubled when the client comes back. It knows no connection. */
struct tally {
    uint32_t n_received; /* counted records from the client */
    uint32_t n_stale;    /* of those sent to it so many were encoded by other events than
                          * the schema's (binary) */
    struct ring sent;    /* counted records to it */
    bool has_gap;        /* some are lost: the next hello does not say "resumed" */
    bool is_anew;        /* a hello told so: the client counts from 0 once it has that */
};

/* What a seat has whose client speaks in records. A raw one, of which there may be very
 * many, goes without. */
struct ledger {
    struct tally tally;
    struct pass pass;      /* not given: the seat is not held for who is away */
    uint32_t input_heard;  /* seq of the last predicted input that came, dropped ones too */
    uint32_t input_done;   /* ... that was handled */
    uint32_t input_told;   /* ... that this connection was told of */
    uint32_t offered_hash; /* schema that the client said it holds */
    uint32_t resume_tick;  /* with needs_hello: of the state that it holds; 0: none */
    uint32_t away_ms;      /* while HELD: since when */
    uint64_t opened_us;    /* when its connection became a WebSocket */
    struct bucket answers; /* to requests that the connection's limits drop */
};

struct session;
struct room;

/* What each message or flush touches comes first. */
struct player {
    uint32_t id;
    uint8_t state;     /* enum player_state */
    bool is_spectator; /* watches: no seat, and its messages reach no script */
    bool has_joined;   /* the script knows this seat */
    bool needs_schema; /* SCHEMA goes out before the next state */
    bool needs_hello;  /* HELLO and snapshot go out with the next flush */
    bool is_back;      /* ... to a client that has sat here before */
    bool is_known;     /* the first HELLO has gone out: someone may have the token */
    bool is_leaving;   /* its INPUT_LEAVE is queued, or it was kicked */
    bool has_events;   /* were sent since the last state: they may wait in the socket */
    bool is_slow;      /* got no state in this flush, and no volatile events */
    bool is_restored;  /* its room has come back from the store, it has not yet */
    uint8_t
        counted_as; /* as which kind of listener the room counts it: codec + 1, 0: none */
    uint32_t hashed_at;   /* dev: tick of the last state hash that it was sent */
    uint32_t outbox_from; /* events queued before this place are not for it */
    struct room *room;
    struct peer peer;        /* peer.conn is NULL while HELD */
    struct session *session; /* of the connection, or NULL */
    struct view *view;       /* of what was sent; left alone while HELD; raw: NULL */
    struct pace *pace;       /* of the connection: what state its line takes; raw: NULL */
    struct schema *schema;   /* by which this client encodes (own reference) */
    struct ledger *ledger;   /* of what goes both ways; raw: NULL */
    uint32_t n_waiting;      /* inputs in the room's queue */
    uint64_t held_until_us;
    struct bucket *buckets; /* by message id; NULL until one is needed */
    float credit_s;         /* that those then get beside their burst */
    float strikes;          /* rate violations, see player_strike() */
    uint32_t strikes_at_ms;
    uint32_t n_invalid; /* messages that did not fit their declaration */
    char name[PLAYER_NAME_MAX + 1];
    uint8_t *user; /* what auth() has found out, an any; NULL: nothing */
    uint32_t n_user;
    uint32_t resync_ms; /* when RESYNC was last granted to this connection; 0: never */
};

/* A player without a pass, or NULL when memory is out. It gets no state, and has no
 * ledger, until it has player_make_view(). */
struct player *player_new(uint32_t id);
void player_free(struct player **p);

/* Can its client come back? */
static inline bool player_has_pass(const struct player *p)
{
    return p->ledger && p->ledger->pass.is_given;
}

/* Do events go to it? While it is away those that it will be sent when it is back. */
static inline bool player_listens(const struct player *p)
{
    return p->peer.conn || (p->state == PLAYER_HELD && player_has_pass(p));
}

/* False when memory is out. */
bool player_make_view(struct player *p);

/* This client encodes by another schema from here on; limits start anew. */
void player_set_schema(struct player *p, struct schema *schema);

/* Clean a name that a client gave: control characters, odd white space and what
 * cannot be seen go, at most `max` bytes (up to PLAYER_NAME_MAX) of whole
 * characters stay; "player 7" where nothing is left. `text` may be anything. */
void player_set_name(struct player *p, const char *text, size_t len, size_t max);

/* Copies `user`, `n` bytes (not 0); false when memory is out. */
bool player_set_user(struct player *p, const uint8_t *user, size_t n);

/* Make the buckets of this client's messages, all of them full; false when memory is
 * out. */
bool player_make_buckets(struct player *p, uint32_t now_ms);

/* It is back after `away_s` (60 at most count) and sends at once what it would have sent
 * meanwhile: its buckets get what they would have, above their burst too. */
void player_credit(struct player *p, double away_s, uint32_t now_ms);

/* Take one token; false: the limit is reached. Rates are per second. What a bucket holds
 * above its burst stays, but nothing is added. */
bool bucket_take(struct bucket *b, double rate, double burst, uint32_t now_ms);

/* Count a message above a limit; true when that has gone on for too long and
 * the connection should end with 4006. 300 strikes, 10 a second are forgiven. */
bool player_strike(struct player *p, uint32_t now_ms);
