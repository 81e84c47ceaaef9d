/* SPDX-License-Identifier: MIT */
/*
 * vm_internal - what the files of this layer share and nobody else includes.
 */
#pragma once

#include "script/script_room.h"
#include "script/vm.h"

/* Places in vm->refs: functions that host.lua returns, and our own. */
enum {
    REF_LOAD,
    REF_COMMIT,
    REF_ROOM_NEW,
    REF_ROOM_FREE,
    REF_ROOM_REBIND,
    REF_SEAT_ADD,
    REF_SEAT_REMOVE,
    REF_LAST_TIMER,
    REF_RUN_TIMER,
    REF_SCAN,
    REF_RAW_MESSAGE,
    REF_RESTORE,
    REF_AUTH,
    REF_TIMERS_GET,
    REF_TIMERS_PUT,
    REF_ROOM_ADOPT,
    REF_ANSWER,
    REF_N_HOST,               /* the ones above come from host.lua */
    REF_HANDLES = REF_N_HOST, /* room or player -> handle */
    REF_ASKING,               /* id -> coroutine of an auth that waits */
    REF_ON_RAISE,             /* the message handler of every protected call */
    REF_ENTER,                /* the trampoline of every protected call */
};

/* What a load brings, until it is taken over or thrown away; and what a generation that
 * is replaced leaves. */
struct generation {
    struct game_def *def;
    struct schema *reuse;
    int gen_ref; /* host.lua's own */
    int handlers[SCRIPT_N_CALLBACKS];
    int *on;
    struct call_stats *on_stats;
    struct vm_sources sources;
    struct err e;
};

/* An empty state with all that comes before a game: libraries, limits, host.lua. */
int vm_bring_up(struct vm *vm, struct err *e);

/* Run a game's files and commit what they declare; C goes on with what runs until
 * vm_swap_generation(). They come from `from`, NULL: from the folder. A schema that says
 * what `reuse` says is that one. On error nothing is left in *g. */
int vm_load(struct vm *vm, struct generation *g, const struct vm_sources *from,
            struct schema *reuse, struct err *e);

void vm_drop_generation(struct vm *vm, struct generation *g);

/* Its references lead into a state that is gone (vm_replace.c). */
void vm_forget_generation(struct generation *g);

/* Swap what runs for *g; *g is what ran then. The Lua half has been committed. */
void vm_swap_generation(struct vm *vm, struct generation *g);

/* A protected call: `body` runs inside it and may raise. */
struct vm_call {
    void (*body)(lua_State *L, struct vm *vm, void *arg);
    void *arg;
};

/* Run body(L, vm, arg) protected, with `where` as the name of what runs, for
 * `sr` (NULL: none). On SCRIPT_RAISED the error has been reported. */
enum script_result vm_protect(struct vm *vm, struct script_room *sr, const char *where,
                              void (*body)(lua_State *L, struct vm *vm, void *arg),
                              void *arg);

/* The same for a callback whose time counts: `stats` as in vm_stop_leave(). */
enum script_result vm_call(struct vm *vm, struct script_room *sr, struct call_stats *stats,
                           const char *where,
                           void (*body)(lua_State *L, struct vm *vm, void *arg), void *arg);

/* The same for the function refs[ref] of host.lua, which takes nothing and gives back
 * nothing: what it needs it reads from vm->raw_in. Half the cost of vm_call(). */
enum script_result vm_call_host(struct vm *vm, struct script_room *sr,
                                struct call_stats *stats, const char *where, int ref);

/* Raise where scripts have nested too much of the C stack away. */
void vm_check_stack(lua_State *L, const struct vm *vm);

/* Report an error that is no raise: a value that does not fit, and so on. */
void vm_report(struct vm *vm, const char *message);

/* The VM is gone, and with it what the room had there. */
void script_room_forget(struct script_room *sr);

/* Make a room's tables in a VM that is new, from the room's image. Returns 0 or
 * -ENOMEM. */
int script_room_rebuild(struct script_room *sr);

/* Push refs[ref], or the function of a handler reference. */
void vm_push(lua_State *L, const struct vm *vm, int ref);

/* Libraries, guards, stand-ins; raises where memory is out (vm_prelude.c). */
void vm_prelude(lua_State *L);

/* The table of C functions that host.lua takes, left on the stack. */
void bind_push_host(lua_State *L, struct vm *vm);

/* Upvalue 1 of all C functions that scripts and host.lua call. */
struct vm *bind_vm_of(lua_State *L);

/* What scripts send, and what host.lua calls through ffi for it (bind_send.c). */
int bind_room_send(lua_State *L);
int bind_room_broadcast(lua_State *L);
int bind_player_send(lua_State *L);
int bind_send_raw(struct vm *vm, double handle, const char *data, size_t len, int is_text);

/* The same for the player whose message is in vm->raw_in, asked first: returns 1 in many
 * more cases. */
int bind_answer_raw(struct vm *vm, const char *data, size_t len, int is_text);

/* The callback for the message in vm->raw_in has returned. 1: there is another one now, and
 * its time runs. host.lua calls it through ffi, so it leaves the Lua state alone. */
int script_next_raw(struct vm *vm);

/* The room behind the room or player object at `index`; *player is 0 for a room.
 * NULL for one that has left or closed, and for any other table; raises where
 * there is no table. (bind.c, for all C functions that scripts call.) */
struct script_room *bind_room_of(lua_State *L, int index, uint32_t *player);

/* Why the value at `index` cannot be a key of this record, or NULL. */
const char *bind_check_key(lua_State *L, int index, const struct record *record);

/* player:view, player:watch, player:unwatch (bind_interest.c). */
int bind_player_view(lua_State *L);
int bind_player_watch(lua_State *L);
int bind_player_unwatch(lua_State *L);

/* room:label (bind_label.c). */
int bind_room_label(lua_State *L);

/* The room whose handle is at `index`; raises where there is none. Upvalue 1 is the
 * VM, here and in the functions for host.lua below (bind_restore.c). */
struct script_room *bind_room_at(lua_State *L, int index);
int bind_room_for(lua_State *L);
int bind_rows(lua_State *L);
int bind_row_restore(lua_State *L);
/* The functions of bind_auth.c, into the table at the top of the stack. */
void bind_add_auth(lua_State *L, struct vm *vm);

/* ... and those of bind_rooms.c. */
void bind_add_rooms(lua_State *L, struct vm *vm);

/* Take over what scan.lua found: `n` numbers in the array at `index`, a table or an ffi
 * one, and a list of the values that are none (scan.c). */
void scan_apply(lua_State *L, struct script_room *sr, int index, int n, int others);

/* The functions of bind_store.c, likewise. */
void bind_add_store(lua_State *L, struct vm *vm);

/* Read the file `path` of the game's folder or of the library; NULL when there
 * is none (or it is larger than 4 MiB). free() the result. */
char *vm_read_file(const char *folder, const char *path, size_t *len);
