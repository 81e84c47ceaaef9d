/* SPDX-License-Identifier: MIT */
/*
 * vm - one game's Lua: a LuaJIT state, the sandbox in it, and the generation of
 * the game's code that runs.
 *
 * A VM holds all rooms of its game on one worker. Code is replaced as a
 * generation: the new files are run aside, and only when all of that has worked
 * do the handlers change, between two callbacks. State tables, players and
 * timers stay.
 *
 * Ownership: vm_new/vm_free. Thread: its worker's.
 */
#pragma once

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/map.h"
#include "script/call_stats.h"
#include "script/game_def.h"
#include "script/vm_gc.h"
#include "script/vm_memory.h"
#include "script/vm_source.h"

struct profile;
struct script_room;
struct vm_trial;

/* The callbacks a game may have, and their names. */
enum script_callback {
    SCRIPT_CREATE,
    SCRIPT_JOIN,
    SCRIPT_MESSAGE,
    SCRIPT_TICK,
    SCRIPT_DROP,
    SCRIPT_RESUME,
    SCRIPT_LEAVE,
    SCRIPT_RELOADED,
    SCRIPT_CLOSE,
    SCRIPT_AUTH, /* belongs to no room (script_auth.h) */
    SCRIPT_SPECTATE,
    SCRIPT_HTTP, /* belongs to no room (script_http.h) */
    SCRIPT_SIGNAL,
    SCRIPT_N_CALLBACKS,
};

extern const char *const vm_callback_names[SCRIPT_N_CALLBACKS];

/* Something a script did wrong. Texts borrow until the hook returns. */
struct script_error {
    const char *game;
    const char *room;      /* NULL while loading */
    const char *where;     /* "tick", "on.hop", "load" */
    const char *message;   /* without file and line */
    const char *traceback; /* "" where there is none */
    char file[160];        /* "pond/game.lua" (below games/), "" where unknown */
    int line;              /* 0 where unknown */
};

struct script_event {
    int id;           /* place among the declared events, -1: any */
    const char *name; /* borrows, NUL-terminated */
    size_t n_name;
    const uint8_t *payload; /* wire form, typed or any; borrows */
    size_t n_payload;
    bool is_volatile; /* may be left out where a player's line is stuck */
};

struct script_view {
    double x, y, radius; /* radius 0: as far as the map says */
};

struct answers;
struct jwt_keys;
struct vm_raw_in;
struct store_port;

enum script_ban_by {
    SCRIPT_BAN_ANY, /* of a player: by user where it has an id, else by address */
    SCRIPT_BAN_USER,
    SCRIPT_BAN_ADDRESS,
};

/* Whom to keep out. Everything borrows until the hook returns. */
struct script_ban {
    void *room; /* and a player in it; NULL: `user` or `address`, as `by` says */
    uint32_t player;
    enum script_ban_by by;
    const uint8_t *user; /* a string or a number, any */
    size_t n_user;
    const char *address;
    double seconds;
    const char *reason;
};

/* What parlor.signal leaves for a room. Everything borrows. */
struct script_signal {
    const char *name;
    size_t n_name;
    const uint8_t *payload; /* any */
    size_t n_payload;
};

/* What scripts do to the world, given by the room layer. `room` is what
 * script_room_new() took. No hook may call back into the VM. */
struct vm_hooks {
    /* An event to one player. */
    void (*send)(void *room, uint32_t player, const struct script_event *ev);
    /* An event to all (list NULL) or to those of the list, but not to `except`
     * (0: nobody). */
    void (*broadcast)(void *room, const struct script_event *ev, const uint32_t *list,
                      size_t n_list, uint32_t except);
    /* A plain message of a raw game. */
    void (*send_raw)(void *room, uint32_t player, const uint8_t *data, size_t len,
                     bool is_text);
    /* The same to all, or as broadcast says. */
    void (*broadcast_raw)(void *room, const uint8_t *data, size_t len, bool is_text,
                          const uint32_t *list, size_t n_list, uint32_t except);
    /* The callback for a raw message is over: what it has sent goes on its way. Is there
     * another one that can be handled at once, as if it were a call of its own? Then true,
     * and `in` has its data, len, player and is_text. NULL: there never is. */
    bool (*next_raw)(void *room, struct vm_raw_in *in);
    void (*kick)(void *room, uint32_t player, const char *reason);
    void (*close)(void *room, const char *reason);
    void (*lock)(void *room, bool locked);
    /* What the room tells those who look for one: a map of flags, numbers and texts, as
     * any. In place of what it told before. */
    void (*label)(void *room, const uint8_t *map, size_t n);
    /* The centre of what a player sees; NULL: its own row again. */
    void (*view)(void *room, uint32_t player, const struct script_view *v);
    /* Watch a row of a table with INTEREST_KEYS, be it there or not, or watch it no
     * more. `text` for KEY_STR, else `number`. False: too many are watched. */
    bool (*watch)(void *room, uint32_t player, bool on, uint32_t table, int64_t number,
                  const char *text, size_t len);
    double (*rtt_ms)(void *room, uint32_t player);
    double (*backlog)(void *room, uint32_t player);
    /* A callback took longer than the game's budget_warn; told once a second for
     * each. NULL: nobody wants to know. */
    void (*on_slow)(void *room, const char *where, double ms);
    /* The keys of parlor.jwt(); NULL: none are configured. */
    const struct jwt_keys *(*jwt_keys)(void *ctx);
    /* Where parlor.store and parlor.board ask; NULL: nowhere, the server stops. */
    struct store_port *(*store)(void *ctx);
    /* Keep somebody out of the game. NULL, or why that cannot be. */
    const char *(*ban)(void *ctx, const struct script_ban *ban);
    /* Let him in again; false: he was not kept out. */
    bool (*unban)(void *ctx, const struct script_ban *ban);
    /* Leave something for a room of the game: its `signal` runs in the room's next step.
     * NULL, or why that cannot be. */
    const char *(*signal)(void *ctx, const char *room, size_t n_room,
                          const struct script_signal *what);
    /* Append the rooms of a game (NULL: of this one, private ones too) as any, a list of
     * maps. false: there is no such game, or memory is out. */
    bool (*rooms)(void *ctx, const char *game, struct buf *out);
    /* `room` is NULL for errors while loading, in auth and in http. */
    void (*on_error)(void *ctx, void *room, const struct script_error *error);
};

struct vm_options {
    const char *name;             /* of the game */
    const char *folder;           /* games/NAME; copied */
    const char *scripts;          /* folder of the Lua library; copied */
    const struct vm_hooks *hooks; /* must outlive the VM */
    void *ctx;                    /* for on_error */
    double load_ms; /* that loading may take; 0: VM_LOAD_MS, or budget_kill if longer */
};

/* A message of a raw game on its way in, where host.lua reads it: the struct is
 * declared there once more. `data` borrows until the callback returns. */
struct vm_raw_in {
    const uint8_t *data;
    uint32_t len;
    uint32_t room;   /* its handle */
    uint32_t player; /* its id */
    uint32_t is_text;
};

enum vm_stop {
    VM_STOP_NOT,
    VM_STOP_TIME,
    VM_STOP_MEMORY,
};

/* What a game may use before its options are known. */
enum { VM_LOAD_MS = 1000, VM_LOAD_MIB = 256 };

struct vm {
    lua_State *L;
    char *name, *folder, *scripts;
    const struct vm_hooks *hooks;
    void *ctx;
    struct game_def *def;       /* of the generation that runs */
    uint32_t version;           /* 1 for the first; each reload takes a new number */
    uint32_t last_version;      /* the highest that was given out */
    int gen_ref;                /* host.lua's table of the generation that runs */
    struct vm_trial *trial;     /* the generation before, while it is kept */
    bool is_first_timer;        /* the timer under way calls a method for the first time */
    struct map files;           /* all that it has read, as errors name them */
    struct script_room **rooms; /* by handle; NULL where free */
    uint32_t n_rooms, cap_rooms;
    struct script_room *current; /* whose callback runs, or NULL */
    const char *where;           /* which: "tick", "on.hop" */
    char where_text[128];
    struct vm_raw_in raw_in;
    struct answers *answers; /* where what is sent to raw_in's player may go; NULL: the
                              * hook has to be asked */
    uint64_t last_ticket;    /* of what the store was asked */
    uint32_t n_asked;        /* ... and has not answered */
    const char *stack_base;  /* of the C stack, where the callback began */
    struct buf scratch;      /* payloads on their way out */
    struct buf numbers;      /* what a scan found, where it is in a table */
    int refs[24];            /* registry references, see vm.c */
    int handlers[SCRIPT_N_CALLBACKS];    /* LUA_NOREF where the game has none */
    int *on;                             /* by message id; LUA_NOREF likewise */
    char traceback[2048], message[1024]; /* of the last error */
    /* Limits (vm_stop.h). */
    struct vm_memory memory;
    struct vm_gc gc;
    enum vm_stop stop;            /* why the call under way has to end */
    bool is_lost;                 /* it cannot be saved: vm_replace() */
    bool is_asking;               /* auth runs: no room's callback, but with its budget */
    bool is_spent;                /* a callback has used up the step's time */
    bool ends_with_step;          /* the call's deadline is that of its room's step */
    double load_ms;               /* as in vm_options */
    uint64_t call_ns, load_ns;    /* budgets */
    uint64_t began_ns, budget_ns; /* of the call under way */
    uint64_t began_made, began_sent; /* what memory.made and sent were then */
    uint64_t sent; /* bytes queued for players, as hooks tell with vm_note_sent() */
    /* Of calls in a run that were too quick to read the clock for each (vm_stop_next()). */
    uint32_t n_quick;     /* since began_ns; its ticks, and those at the end of the last: */
    uint64_t began_ticks; /* 0: not known, as none has ended */
    uint64_t quick_ticks;
    uint64_t quick_sent;   /* what `sent` was then */
    uint64_t left_ns;      /* when the callback before ended; 0: something came between */
    uint64_t step_ends_ns; /* deadline of the room's step, 0: none */
    struct call_stats stats[SCRIPT_N_CALLBACKS], timer_stats, load_stats;
    struct call_stats *on_stats; /* by message id */
    uint64_t n_replaced;
    struct profile *profile; /* vm_profile.h; NULL: none is taken */
    uint32_t profile_hz;
    struct vm_sources sources;          /* of the generation that runs */
    const struct vm_sources *load_from; /* of a load under way; NULL: the folder */
    struct vm_sources *load_into;       /* NULL: no load is under way */
};

enum { VM_MAX_TIMERS = 4096 }; /* of one room */

/* Make a VM and load the game. On error *out is NULL and *e says where; on_error
 * has heard it too. -EINVAL: the script; others: memory, missing library. */
int vm_new(struct vm **out, const struct vm_options *o, struct err *e);

/* All its rooms must be gone. */
void vm_free(struct vm **vm);

/* Load the files again and swap. 0: the new generation runs (version is a new
 * number; *schema_changed tells whether rooms need script_room_rebind()). On
 * error nothing has changed, and on_error has heard it. */
int vm_reload(struct vm *vm, bool *schema_changed, struct err *e);

/* Throw the Lua values away, load the code that ran once more, and make each room
 * anew from its image: seats have to be added again, private fields and timers are
 * gone. Not within a callback. A trial goes on: what failed has failed, and
 * vm_roll_back() loads the files of the generation before. On error there are no callbacks
 * until a reload works, is_lost stays set, and *e says why; the rooms have to end. */
int vm_replace(struct vm *vm, struct err *e);

/* Accounts, for a report: those of callback i, with its name ("tick", "on.hop",
 * "timer", "load"); NULL behind the last. Callbacks that never ran are there too. */
const struct call_stats *vm_stats(const struct vm *vm, uint32_t i, char name[80]);
/* After a reload the generation before is kept for a while (vm_trial.h). Has the new one
 * failed: did the first call of one of its handlers raise, or was it stopped? Then
 * vm_roll_back() is due, as soon as no callback runs. */
bool vm_has_failed(const struct vm *vm);

/* Code that is on trial has failed elsewhere. false: there is none that could go on. */
bool vm_fail(struct vm *vm, const char *why);

/* Go back to the generation before: its code and its version. *schema_changed tells
 * whether rooms need script_room_rebind(); *why is what was raised. On error nothing has
 * changed: -ENOMEM, or, where its files had to be loaded once more, -EINVAL. */
int vm_roll_back(struct vm *vm, bool *schema_changed, struct err *why);

/* Let go of the generation before when its time is over (or, with `now_us` UINT64_MAX, at
 * once): from here on errors are just errors. */
void vm_settle(struct vm *vm, uint64_t now_us);

/* Has the game asked for this file, "pond/lib.lua" or "scripts/vec.lua", since the VM was
 * made? Files that it did not find count. */
bool vm_uses(const struct vm *vm, const char *file);

/* What the running code has made for its page by this name ("shared.js": shared.lua,
 * translated). Borrows until the next reload; NULL where it has not. */
const char *vm_page(const struct vm *vm, const char *name, size_t *len);

/* Tell of each function in the game's table (`is_handler`: in its `on`): its name, the
 * file ("pond/game.lua") and the line where it begins. Names borrow. */
typedef void vm_method_cb(void *ctx, bool is_handler, const char *name, const char *file,
                          int line);
void vm_methods(struct vm *vm, vm_method_cb *cb, void *ctx);

/* Memory in use by its Lua values, in bytes. */
size_t vm_bytes(const struct vm *vm);

/* The callback under way has queued so many bytes of frames for players, each player
 * counted, before compression. One that raises has sent nothing. */
static inline void vm_note_sent(struct vm *vm, uint64_t bytes)
{
    vm->sent += bytes;
}

/* Around all callbacks of one step of a room: together they have the time of one
 * (budget_kill). vm_step_end() also collects a share of the garbage. */
void vm_step_begin(struct vm *vm);
void vm_step_end(struct vm *vm);

/* The step's time is up: what is left to do waits for the next one. */
static inline bool vm_step_is_over(const struct vm *vm)
{
    return vm->is_spent;
}
