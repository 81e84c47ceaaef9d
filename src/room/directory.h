/* SPDX-License-Identifier: MIT */
/*
 * directory - all rooms of the process: on which worker each lives, and what others have
 * to know to join, match and list it.
 *
 * A `hall` is a game, a `place` one room of it. Who wants a seat reserves it here first,
 * so that two workers never give away the last one; then the session goes to the room's
 * worker (errand.h), which turns the reservation into a seat. A place may be there before
 * its room: the first who arrives makes that.
 *
 * Each game has a home, the worker on which those who name no room wait for one
 * (lobby.h): so one list knows all who wait, and needs no lock.
 *
 * One lock, held for a moment: at joins, when seats, labels or locks change, when rooms
 * begin and end. No message and no tick comes by here.
 *
 * Ownership: directory_new/directory_free; places are counted. Thread: any.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/chunk.h"
#include "base/map.h"

enum {
    DIRECTORY_MAX_ROOMS = 10000, /* of one game */
    DIRECTORY_ID_MAX = 64,       /* bytes of a room's id */
};

struct directory;

struct hall {
    struct directory *directory;
    unsigned home;         /* worker */
    atomic_uint n_waiting; /* sessions that the game's auth() has not answered yet */
    struct map places;     /* id -> place; the directory's lock */
};

/* What a room tells about itself. */
struct place_state {
    uint32_t n_seats, n_spectators;
    bool is_open;    /* for those who name no room */
    bool is_private; /* neither listed nor matched */
    bool is_locked, is_closing;
    bool is_spread; /* who comes from now on leaves the connection where it was accepted */
};

struct place {
    char id[DIRECTORY_ID_MAX + 1];
    unsigned worker;
    struct hall *hall;
    /* The directory's lock: */
    unsigned n_refs;
    bool has_room;       /* else it is on its way */
    bool is_gone;        /* its room has ended */
    uint32_t n_reserved; /* seats for those who are under way */
    struct place_state state;
    struct chunk *labels; /* a map as any; NULL: none */
};

/* For workers 0 to n_workers - 1. NULL: out of memory. */
struct directory *directory_new(unsigned n_workers);
void directory_free(struct directory **d);

unsigned directory_n_workers(const struct directory *d);

/* The game of this name, from the first call on; lives as long as the directory. NULL:
 * out of memory. */
struct hall *directory_hall(struct directory *d, const char *game);

/* Where a new room should live, as seen from worker `own`: where the least is done. */
unsigned directory_pick(struct directory *d, unsigned own);

/* Of the last second worker `worker` has worked `busy`, of 1000. */
void directory_note_load(struct directory *d, unsigned worker, unsigned busy);

/* The last that was noted. */
unsigned directory_load(struct directory *d, unsigned worker);

enum place_answer {
    PLACE_FOUND,
    PLACE_NONE,    /* there is no such room */
    PLACE_FULL,    /* it has not so many seats */
    PLACE_CLOSING, /* it is about to end */
    PLACE_NOT_NOW, /* a new one would be too many, or memory is out */
};

struct place_wish {
    const char *id; /* NULL: a new one, whose id is made up */
    size_t n_id;
    uint32_t n_seats;   /* to reserve; 0: none */
    uint32_t max_seats; /* of the room */
    bool may_make;
    /* Of a new one: */
    unsigned worker;
    bool is_open;         /* for those who name no room, before it is there */
    struct chunk *labels; /* borrowed; NULL: none */
};

/* Find or make a place, and reserve seats in it. *out: a reference, to be given back with
 * place_release(); NULL unless PLACE_FOUND. */
enum place_answer hall_take(struct hall *h, const struct place_wish *w, struct place **out);

/* Seats in a place that is known; false: it has not so many, or is closed to those who
 * name no room. A reference comes with them. */
bool place_reserve(struct place *p, uint32_t n, uint32_t max_seats);

/* One more reference, without a seat. */
struct place *place_ref(struct place *p);

/* Give back a reference and `n` reserved seats: taken by now, or not wanted. A place
 * whose room nobody will make any more goes. Nulls *p. */
void place_release(struct place **p, uint32_t n);

/* Is its room to be made, or there? */
bool place_is_gone(struct place *p);

/* Do those who come leave their connections where they are? */
bool place_is_spread(struct place *p);

/* For its room: it is there from now on, and holds a reference; has changed; tells other
 * labels (`labels` is borrowed, NULL: none); has ended (nulls *p). */
void place_begin(struct place *p);
void place_tell(struct place *p, const struct place_state *s);
void place_label(struct place *p, struct chunk *labels);
void place_end(struct place **p);

/* A room as a list shows it. */
struct place_view {
    struct place *place;
    struct place_state state; /* n_seats with those reserved */
    struct chunk *labels;
};

/* All rooms of a game that are there, and with `coming` those on their way, in no order;
 * NULL: out of memory. */
struct place_view *hall_list(struct hall *h, bool coming, size_t *n);
void hall_list_free(struct place_view *list, size_t n);

struct hall_counts {
    uint32_t n_rooms, n_players, n_spectators;
};

struct hall_counts hall_count(struct hall *h);
