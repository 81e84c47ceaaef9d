/* SPDX-License-Identifier: MIT */
/*
 * lobby - how those who name no room find one: by the game's rules (fit.h), at once
 * where there is a room or one may be made, else in a queue; and parties, which come
 * into one room together or not at all.
 *
 * One unit waits as a whole: a player, or a party, ready once all of it is there. Room
 * and seats are taken in one go, so nobody comes between a choice and its seats.
 *
 * Who waits has passed auth(); a ban that comes meanwhile sends away all the same.
 *
 * Limits: LOBBY_MAX players wait in a game, each with LOBBY_OPTIONS_BYTES of join
 * options and what auth() has found out; one run makes LOBBY_BUDGET comparisons, and the
 * next goes on from there.
 *
 * Ownership: a game's; units and waiters are the lobby's, sessions the server's.
 * Thread: its worker's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LOBBY_MAX = 1000,
    LOBBY_OPTIONS_BYTES = 4096,
    LOBBY_BUDGET = 12000,  /* enough for one unit, whatever there is */
    LOBBY_RUN_MS = 250,    /* while somebody waits */
    LOBBY_SOON_MS = 20,    /* after a newcomer: those that come together are looked at so */
    LOBBY_TELL_MS = 1000,  /* what has changed is told at most so often, */
    LOBBY_AGAIN_MS = 5000, /* ... and what has not at least so often */
    LOBBY_PARTY_S = 60,    /* that a party waits for its rest, where there is no queue */
    LOBBY_PARTY_ID_MAX = 64,
};

struct game;
struct session;
struct session_entry;
struct unit;
struct waiter;
struct world;

struct lobby {
    struct unit *first, *last; /* in the order in which they came */
    uint32_t n;                /* players who wait */
    struct unit *cursor;       /* where the next run goes on; NULL: at the first */
    double typical_s;          /* that those waited who have found others; 0: none yet */
};

/* Someone has said hello and named no room. Afterwards the session has a seat, waits
 * (s->waiter), or is over. */
void lobby_join(struct session *s, struct game *g, const struct session_entry *e);

/* Its connection or its wish is gone: waits no more. */
void lobby_leave(struct session *s);

/* Look for rooms and for groups, once. The script must have loaded. */
void lobby_run(struct game *g, uint64_t now_us);

/* Those of all games, where world->lobby_us says that it is time. */
void lobby_run_all(struct world *w, uint64_t now_us);

/* Everybody who waits is told this and goes. */
void lobby_end(struct game *g, uint16_t code, const char *reason);
