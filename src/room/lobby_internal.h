/* SPDX-License-Identifier: MIT */
/*
 * lobby_internal - what lobby.c, lobby_rooms.c and lobby_tell.c share: who waits.
 */
#pragma once

#include "room/fit.h"
#include "room/game.h"
#include "room/lobby.h"
#include "room/session_internal.h"

struct waiter {
    struct waiter *next; /* of its unit */
    struct unit *unit;
    struct session *session;
    struct session_entry entry;
    uint8_t *bytes; /* own copy of what `entry` points to */
};

/* What its players were told last. */
struct told {
    uint32_t position, waiting, found, need;
    int64_t estimate_s; /* -1: not known */
};

struct unit {
    struct unit *next, *previous;
    struct game *game;
    char party[LOBBY_PARTY_ID_MAX + 1]; /* "": one player */
    struct waiter *waiters;             /* the first came first */
    uint32_t n, size;
    uint64_t since_us, told_us;
    struct told told;
    uint32_t found; /* who would begin together, as the last run saw it */
    struct fit fit; /* of this run; borrows from the options */
};

static inline const struct game_def *lobby_def(const struct game *g)
{
    return g->vm->def;
}

static inline double lobby_waited_s(const struct unit *u, uint64_t now_us)
{
    return (double)(now_us - u->since_us) / 1e6;
}

/* Say to those who wait where they stand, as often as that is due. */
void lobby_tell(struct game *g, uint64_t now_us);

/* One run over the units of a game. */
struct lobby_run {
    struct game *game;
    uint64_t now_us;
    uint32_t budget;
    struct place_view
        *open; /* rooms with a free seat for the nameless, the fullest first */
    size_t n_open, n_listed;
};

/* A room that is to be. */
struct lobby_room {
    struct place *place; /* NULL: none can be */
    struct room_plan *plan;
    struct chunk *labels; /* NULL: none */
};

/* List the open ones. false: memory is out. */
bool lobby_rooms_find(struct lobby_run *run);

/* A room with seats for all of it, which are reserved; NULL: there is none. */
struct place *lobby_rooms_pick(struct lobby_run *run, const struct unit *u);

/* A room for those who fit together, `n` players, whose seats are reserved; the first
 * player's options go to `create`. */
struct lobby_room lobby_rooms_make(struct game *g, const struct unit *first,
                                   const struct fit *fit, uint32_t n);

/* It has become known to this run, with `n` seats taken. */
void lobby_rooms_add(struct lobby_run *run, const struct lobby_room *made, uint32_t n);

/* Give it back: who goes there has a reference of their own by now. */
void lobby_rooms_release(struct lobby_room *made);
