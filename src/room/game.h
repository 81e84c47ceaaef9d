/* SPDX-License-Identifier: MIT */
/*
 * game - one game on one worker: its VM and its rooms; and the world, which holds
 * all games of a worker.
 *
 * A game whose script does not load is kept with its error, so that its page can
 * say what is wrong and the next save can mend it.
 *
 * Ownership: the world owns games, games own rooms. Thread: one worker's.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/map.h"
#include "room/ban.h"
#include "room/directory.h"
#include "room/lobby.h"
#include "room/pass.h"
#include "room/phase.h"
#include "room/room.h"
#include "room/sched.h"
#include "script/vm.h"
#include "svc/histogram.h"

enum { GAME_NAME_MAX = 32 };

struct store_port;
struct world;
struct room_plan;
struct session;

struct game {
    struct world *world;
    struct hall *hall; /* its rooms on all workers */
    char name[GAME_NAME_MAX + 1];
    struct vm *vm;             /* NULL while the script does not load */
    struct err load_error;     /* code 0: the last load was fine */
    struct map rooms;          /* id -> room */
    struct passes passes;      /* by which players come back to their seats */
    uint32_t n_players;        /* seats over all rooms */
    uint32_t n_spectators;     /* ... and those who watch */
    struct lobby lobby;        /* who waits for a room */
    uint64_t state_bytes;      /* of state frames queued for its players */
    uint64_t n_dropped;        /* messages above a limit: `rate`, max_inputs */
    uint64_t n_invalid;        /* messages that did not fit their declaration */
    uint64_t n_skipped;        /* states not sent because a player's line was stuck */
    uint64_t n_dropped_ticks;  /* after stalls, and where a step had no time left */
    struct histogram ticks;    /* how long they took */
    struct histogram lateness; /* how long after their time they began */
    uint32_t n_waiting;        /* sessions that its auth() has not answered yet */
    struct bans bans;          /* who is kept out */
    bool is_replacing;         /* its VM, in game_replace_vm() */
    bool is_closing;           /* in game_close(): saved rooms stay saved */
    bool owes_rebuilt;         /* rooms in a new VM wait for game_tell_rebuilt() */
    uint64_t n_reloads;        /* code that became live */
    uint64_t n_failed_reloads; /* code that did not load, or was taken back */

    /* What the store was given to save rooms by: a schema (only compared), its hash. */
    const struct schema *shape_of;
    uint64_t shape_hash;
};

/* What the world tells its worker. */
struct world_ops {
    /* A script error; `room` may be NULL. */
    void (*on_error)(void *ctx, struct game *g, const struct script_error *error);
    /* The alarm has to ring at another time. */
    void (*on_schedule)(void *ctx);
    /* New code has failed in its first moments; the one before goes on. `failed` is the
     * version that was taken back; g->load_error says why. May be NULL. */
    void (*on_taken_back)(void *ctx, struct game *g, uint32_t failed);
    /* This session goes to a worker (where two of a party part, it may be its own): once
     * the code under way is done, detach it and have it attached there (session_detach),
     * with its connection or (session_goes_alone) without. NULL where there is one
     * worker. */
    void (*on_move)(void *ctx, struct session *s, unsigned worker);
    /* A signal for a room on another worker; what it holds borrows. false: it cannot be
     * passed on. NULL where there is one worker. */
    bool (*on_signal)(void *ctx, struct game *g, const struct place *to,
                      const struct script_signal *what);
    /* Somebody is kept out from now on, or (seconds 0) let in again: on the other workers,
     * too (game_ban). NULL where there are none. */
    void (*on_ban)(void *ctx, struct game *g, const struct ban_key *key, double seconds,
                   const char *reason);
};

struct world {
    struct map games; /* name -> game */
    struct sched sched;
    struct phases phases; /* of the rooms that tick */
    struct sched waiting; /* sessions whose auth() sleeps (auth.h) */
    uint32_t last_auth;   /* its coroutines are numbered */
    struct early *early;  /* of sessions that have seats now: to be read (early.h) */
    uint64_t lobby_us;    /* when lobbies want to run; UINT64_MAX: nobody waits */
    uint64_t bans_us;     /* when bans are to be saved again; UINT64_MAX: all are */
    size_t n_rooms;
    bool is_dev;              /* scan after every callback, developer records */
    bool has_failed;          /* new code of some game has to be taken back */
    bool is_stopping;         /* nobody is let in any more */
    struct session *sessions; /* all that are open; a list */
    struct buf scratch;       /* of the session whose message is handled */
    const char *folder, *scripts;
    const struct world_ops *ops;
    void *ctx;
    struct directory *directory;     /* of all workers' rooms */
    struct directory *own_directory; /* ... where world_join() was not called */
    unsigned worker;                 /* which one this is */
    const struct jwt_keys *jwt_keys; /* the server's; NULL: none are configured */
    struct store_port *store; /* for durable rooms and scripts; NULL: there is none */
    bool keeps_rooms;         /* durable rooms are saved there */
    uint32_t part, n_parts;   /* of n_parts worlds this one restores the rooms of `part`;
                               * n_parts 0: all of them */
    atomic_bool has_answers;  /* of the store: see world_wake_for_answers() */
    uint64_t n_failed_saves;  /* of the store, that have been seen to */
};

/* `folder` (games/), `scripts` and `ops` must outlive it. */
void world_init(struct world *w, const char *folder, const char *scripts, bool is_dev,
                const struct world_ops *ops, void *ctx);

/* It is one of several: right after world_init(). `d` must outlive it. */
void world_join(struct world *w, struct directory *d, unsigned worker);

/* Ends all rooms without asking them. */
void world_fini(struct world *w);

/* Run all rooms that are due; returns when the next is (UINT64_MAX: none). */
uint64_t world_run(struct world *w, uint64_t now_us);
uint64_t world_next_us(const struct world *w);

/* There are answers of the store to handle: world_next_us() is 0. From any thread, as the
 * store's `wake`; who owns the loop sees to it that world_run() is called. */
void world_wake_for_answers(struct world *w);

/* Is this a game's name: [a-z][a-z0-9-]{0,31}? And a room's: up to 64 of
 * A-Z a-z 0-9 - _ . ~? */
bool game_is_name(const char *text, size_t len);
bool game_is_room_name(const char *text, size_t len);

/* A name that means something else at the server's root. */
bool game_is_reserved(const char *name);

/* Load games/NAME. A script that does not load still gives a game (with
 * load_error set); NULL only when memory is out. */
struct game *game_open(struct world *w, const char *name);
struct game *game_find(const struct world *w, const char *name, size_t len);

/* Load the files again, as `version` (0: the next); the rooms go on with the new code. On
 * error nothing changes and load_error says why; so it does when `reloaded` raises in a
 * room. Returns 0 or a negative code. The code before stays at hand for a while, see
 * vm_trial.h. */
int game_reload(struct game *g, uint32_t version);

/* Version `failed` was taken back elsewhere, and is here, too, where it still runs and what
 * it has replaced is at hand. on_taken_back is not told. */
void game_take_back(struct game *g, uint32_t failed, const char *why);

/* The folder is gone: end its rooms and forget it. */
void game_close(struct game **g);

/* Its VM is lost (vm.h): make a new one, with the same code, and give the rooms back
 * their declared state and their seats; each `reloaded(version, true)`. Where that
 * fails all rooms end (4009), and load_error says why. */
void game_replace_vm(struct game *g);

struct room *game_find_room(const struct game *g, const char *id, size_t len);

/* The room's id that an invite code means, in capitals or not, spaces around it left out.
 * Returns its length, 0 where it cannot be one. */
size_t game_id_of_code(char id[ROOM_ID_MAX + 1], const char *code, size_t len);

/* How a new room begins. */
struct room_start {
    struct place *place; /* where it was announced (directory.h); NULL: nowhere yet */
    const char *id;      /* NULL: make one up, the code by which others can join it */
    size_t n_id;
    bool is_private;
    const uint8_t *labels; /* as in room_label(); n_labels 0: none */
    size_t n_labels;
    const uint8_t *options; /* any, for `create` */
    size_t n_options;
};

/* A new room on this worker. NULL when there are too many, the id is taken, or memory is
 * out. */
struct room *game_new_room(struct game *g, const struct room_start *start);

/* The same for a place, by a plan (errand.h). */
struct room *game_new_planned_room(struct game *g, struct place *place,
                                   const struct room_plan *plan);

/* Keep somebody out, or (seconds 0) let them in again; those who are in go. Returns false
 * when memory is out, or when nobody was kept out. */
bool game_ban(struct game *g, const struct ban_key *key, double seconds,
              const char *reason);

/* Its seats leave, `close(reason)` runs, and it is gone. */
void game_end_room(struct room *r, const char *reason);

/* A developer record as a whole frame (one reference, yours); NULL when memory is
 * out. `json`: an object's members, without braces. */
struct chunk *game_dev_frame(bool as_json, const char *json, size_t len);

/* Tell all players of the game something for the developer overlay: `json` is an
 * object's members, without braces. Only in dev. */
void game_tell_dev(struct game *g, const char *json, size_t len);

/* The server stops: everybody is told `code` (1001), those who have not said hello
 * too, and nobody gets in any more. Rooms stay until world_fini(). */
void world_stop(struct world *w, uint16_t code, const char *reason);
