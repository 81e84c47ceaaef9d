/* SPDX-License-Identifier: MIT */
#include "script/script_room.h"

#include <assert.h>
#include <errno.h>
#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "script/lua_payload.h"
#include "script/vm_internal.h"
#include "script/vm_stop.h"
#include "script/vm_trial.h"

/* What one call in needs; which members count depends on its body. */
struct args {
    struct script_room *sr;
    int handler;
    uint32_t player;
    const char *text;
    size_t n_text;
    const struct record *record;
    const uint8_t *bytes;
    size_t n_bytes;
    bool is_over; /* of timers: none is left to run */
    bool is_rebuilt;
    bool is_spectator;
    double number;
    struct buf *reply;
};

static void push_ref(lua_State *L, int ref)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, ref);
}

static void push_player(lua_State *L, const struct script_room *sr, uint32_t player)
{
    push_ref(L, sr->seats_ref);
    lua_rawgeti(L, -1, (int)player);
    lua_remove(L, -2);
}

static void push_payload(lua_State *L, const struct args *a)
{
    struct wire_in in = wire_from(a->bytes, a->n_bytes);

    if (a->n_bytes || a->record)
        lua_payload_push(L, a->record, &in);
    else
        lua_pushnil(L);
}

/* The free handle with the lowest number; room for one is made first. */
static int take_handle(struct vm *vm, uint32_t *out)
{
    for (uint32_t i = 1; i < vm->cap_rooms; i++)
        if (!vm->rooms[i]) {
            *out = i;
            return 0;
        }
    uint32_t cap = vm->cap_rooms ? vm->cap_rooms * 2 : 8;
    struct script_room **grown = realloc(vm->rooms, cap * sizeof *grown);
    if (!grown)
        return -ENOMEM;
    memset(grown + vm->cap_rooms, 0, (cap - vm->cap_rooms) * sizeof *grown);
    *out = vm->cap_rooms ? vm->cap_rooms : 1;
    vm->rooms = grown;
    vm->cap_rooms = cap;
    return 0;
}

static void new_body(lua_State *L, struct vm *vm, void *arg)
{
    struct script_room *sr = arg;

    vm_push(L, vm, REF_ROOM_NEW);
    lua_pushnumber(L, sr->handle);
    lua_pushstring(L, sr->id);
    lua_pushstring(L, vm->name);
    lua_call(L, 3, 3);
    sr->seats_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    sr->data_ref = luaL_ref(L, LUA_REGISTRYINDEX);
    sr->room_ref = luaL_ref(L, LUA_REGISTRYINDEX);
}

int script_room_new(struct script_room **out, struct vm *vm, void *owner, const char *id,
                    uint64_t seed, struct image *image)
{
    struct script_room *sr = calloc(1, sizeof *sr);

    *out = NULL;
    if (!sr || take_handle(vm, &sr->handle) < 0) {
        free(sr);
        return -ENOMEM;
    }
    sr->vm = vm;
    sr->owner = owner;
    sr->id = id;
    sr->image = image;
    sr->room_ref = sr->data_ref = sr->seats_ref = LUA_NOREF;
    sr->wake_ms = HUGE_VAL;
    rnd_seed(&sr->rnd, seed);
    vm->rooms[sr->handle] = sr;
    vm->n_rooms++;
    if (vm_protect(vm, sr, "create", new_body, sr) < 0) {
        script_room_free(&sr);
        return -ENOMEM;
    }
    *out = sr;
    return 0;
}

void script_room_forget(struct script_room *sr)
{
    sr->room_ref = sr->data_ref = sr->seats_ref = LUA_NOREF;
    sr->wake_ms = HUGE_VAL;
}

int script_room_rebuild(struct script_room *sr)
{
    if (vm_protect(sr->vm, sr, "create", new_body, sr) < 0 ||
        script_restore(sr) != SCRIPT_DONE)
        return -ENOMEM;
    return 0;
}

static void free_body(lua_State *L, struct vm *vm, void *arg)
{
    struct script_room *sr = arg;

    vm_push(L, vm, REF_ROOM_FREE);
    push_ref(L, sr->data_ref);
    lua_call(L, 1, 0);
}

void script_room_free(struct script_room **at)
{
    struct script_room *sr = *at;

    *at = NULL;
    if (!sr)
        return;
    if (sr->data_ref != LUA_NOREF)
        vm_protect(sr->vm, sr, "close", free_body, sr);
    luaL_unref(sr->vm->L, LUA_REGISTRYINDEX, sr->room_ref);
    luaL_unref(sr->vm->L, LUA_REGISTRYINDEX, sr->data_ref);
    luaL_unref(sr->vm->L, LUA_REGISTRYINDEX, sr->seats_ref);
    sr->vm->rooms[sr->handle] = NULL;
    sr->vm->n_rooms--;
    free(sr);
}

static void rebind_body(lua_State *L, struct vm *vm, void *arg)
{
    struct script_room *sr = arg;

    vm_push(L, vm, REF_ROOM_REBIND);
    push_ref(L, sr->data_ref);
    lua_call(L, 1, 0);
}

int script_room_rebind(struct script_room *sr, struct image *image)
{
    sr->image = image;
    return vm_protect(sr->vm, sr, "reload", rebind_body, sr) == SCRIPT_DONE ? 0 : -ENOMEM;
}

static void set_tick_body(lua_State *L, struct vm *vm, void *arg)
{
    const struct args *a = arg;

    (void)vm;
    push_ref(L, a->sr->room_ref);
    lua_pushnumber(L, a->player);
    lua_setfield(L, 1, "tick");
    lua_pushnumber(L, a->number);
    lua_setfield(L, 1, "time");
}

void script_room_set_tick(struct script_room *sr, uint32_t tick, double time_s)
{
    struct args a = {.sr = sr, .player = tick, .number = time_s};

    vm_protect(sr->vm, sr, "tick", set_tick_body, &a);
}

static void seat_add_body(lua_State *L, struct vm *vm, void *arg)
{
    const struct args *a = arg;

    vm_push(L, vm, REF_SEAT_ADD);
    push_ref(L, a->sr->data_ref);
    lua_pushnumber(L, a->player);
    lua_pushstring(L, a->text);
    lua_pushboolean(L, a->is_spectator);
    lua_call(L, 4, 0);
}

int script_seat_add(struct script_room *sr, uint32_t id, const char *name)
{
    struct args a = {.sr = sr, .player = id, .text = name};

    return vm_protect(sr->vm, sr, "join", seat_add_body, &a) == SCRIPT_DONE ? 0 : -ENOMEM;
}

static void set_user_body(lua_State *L, struct vm *vm, void *arg)
{
    const struct args *a = arg;

    (void)vm;
    push_player(L, a->sr, a->player);
    lua_pushliteral(L, "user");
    push_payload(L, a);
    lua_rawset(L, -3);
}

int script_seat_set_user(struct script_room *sr, uint32_t id, const uint8_t *user, size_t n)
{
    struct args a = {.sr = sr, .player = id, .bytes = user, .n_bytes = n};

    return vm_protect(sr->vm, sr, "join", set_user_body, &a) == SCRIPT_DONE ? 0 : -ENOMEM;
}

int script_spectator_add(struct script_room *sr, uint32_t id, const char *name)
{
    struct args a = {.sr = sr, .player = id, .text = name, .is_spectator = true};

    return vm_protect(sr->vm, sr, "spectate", seat_add_body, &a) == SCRIPT_DONE ? 0
                                                                                : -ENOMEM;
}

static void seat_remove_body(lua_State *L, struct vm *vm, void *arg)
{
    const struct args *a = arg;

    vm_push(L, vm, REF_SEAT_REMOVE);
    push_ref(L, a->sr->data_ref);
    lua_pushnumber(L, a->player);
    lua_call(L, 2, 0);
}

void script_seat_remove(struct script_room *sr, uint32_t id)
{
    struct args a = {.sr = sr, .player = id};

    vm_protect(sr->vm, sr, "leave", seat_remove_body, &a);
}

/* All game callbacks: the handler, the room, then what is set in the args. */
static void callback_body(lua_State *L, struct vm *vm, void *arg)
{
    const struct args *a = arg;
    struct err e;
    int n = 1;

    push_ref(L, a->handler);
    push_ref(L, a->sr->room_ref);
    if (a->player) {
        push_player(L, a->sr, a->player);
        n++;
    }
    if (a->text) {
        lua_pushlstring(L, a->text, a->n_text);
        n++;
    }
    if (a->bytes) {
        push_payload(L, a);
        n++;
    }
    if (!a->player && !a->text && !a->bytes) {
        lua_pushnumber(L, a->number);
        n++;
    }
    if (a->is_rebuilt) {
        lua_pushboolean(L, true);
        n++;
    }
    lua_call(L, n, a->reply ? 1 : 0);
    if (a->reply && lua_payload_read(L, -1, NULL, a->reply, &e) < 0)
        luaL_error(L, "the answer to the request: %s", e.text);
    if (a->reply)
        vm_note_sent(vm, a->reply->len);
}

static enum script_result call(enum script_callback which, struct args *a)
{
    struct vm *vm = a->sr->vm;

    a->handler = vm->handlers[which];
    if (a->handler == LUA_NOREF)
        return SCRIPT_ABSENT;
    enum script_result result =
        vm_call(vm, a->sr, &vm->stats[which], vm_callback_names[which], callback_body, a);
    if (vm->trial && which != SCRIPT_TICK)
        vm_trial_note(vm, which, result);
    return result;
}

static const uint8_t nothing[1];

enum script_result script_create(struct script_room *sr, const uint8_t *options, size_t n)
{
    struct args a = {.sr = sr, .bytes = n ? options : nothing, .n_bytes = n};

    return call(SCRIPT_CREATE, &a);
}

enum script_result script_join(struct script_room *sr, uint32_t player,
                               const uint8_t *options, size_t n)
{
    struct args a = {
        .sr = sr, .player = player, .bytes = n ? options : nothing, .n_bytes = n};

    return call(SCRIPT_JOIN, &a);
}

enum script_result script_spectate(struct script_room *sr, uint32_t player,
                                   const uint8_t *options, size_t n)
{
    struct args a = {
        .sr = sr, .player = player, .bytes = n ? options : nothing, .n_bytes = n};

    return call(SCRIPT_SPECTATE, &a);
}

enum script_result script_message(struct script_room *sr, uint32_t player,
                                  const struct record *record, const char *name,
                                  size_t n_name, const uint8_t *payload, size_t n,
                                  struct buf *reply)
{
    struct vm *vm = sr->vm;
    struct args a = {.sr = sr,
                     .player = player,
                     .record = record,
                     .bytes = n ? payload : nothing,
                     .n_bytes = n,
                     .reply = reply};

    if (!record) {
        a.text = name;
        a.n_text = n_name;
        return call(SCRIPT_MESSAGE, &a);
    }
    int id = schema_find_message(vm->def->schema, record->name, strlen(record->name));
    if (id < 0 || vm->on[id] == LUA_NOREF)
        return SCRIPT_ABSENT;
    snprintf(vm->where_text, sizeof vm->where_text, "on.%s", record->name);
    a.handler = vm->on[id];
    enum script_result result =
        vm_call(vm, sr, &vm->on_stats[id], vm->where_text, callback_body, &a);
    if (vm->trial)
        vm_trial_note_message(vm, (uint32_t)id, result);
    return result;
}

int script_next_raw(struct vm *vm)
{
    if (!vm->hooks->next_raw || !vm_stop_may_go_on(vm) ||
        !vm->hooks->next_raw(vm->current->owner, &vm->raw_in))
        return 0;
    vm_stop_next(vm, "message", &vm->stats[SCRIPT_MESSAGE]);
    return 1;
}

enum script_result script_raw_message(struct script_room *sr, uint32_t player,
                                      const uint8_t *data, size_t n, bool is_text)
{
    struct vm *vm = sr->vm;

    if (vm->handlers[SCRIPT_MESSAGE] == LUA_NOREF)
        return SCRIPT_ABSENT;
    assert(n <= UINT32_MAX);
    vm->raw_in =
        (struct vm_raw_in){n ? data : nothing, (uint32_t)n, sr->handle, player, is_text};
    enum script_result result =
        vm_call_host(vm, sr, &vm->stats[SCRIPT_MESSAGE], "message", REF_RAW_MESSAGE);
    if (vm->trial)
        vm_trial_note(vm, SCRIPT_MESSAGE, result);
    return result;
}

enum script_result script_signal(struct script_room *sr, const char *name, size_t n_name,
                                 const uint8_t *payload, size_t n)
{
    struct args a = {
        .sr = sr, .text = name, .n_text = n_name, .bytes = payload, .n_bytes = n};

    return call(SCRIPT_SIGNAL, &a);
}

enum script_result script_tick(struct script_room *sr, double dt)
{
    struct args a = {.sr = sr, .number = dt};
    enum script_result result = call(SCRIPT_TICK, &a);

    if (sr->vm->trial)
        vm_trial_note_tick(sr, result);
    return result;
}

enum script_result script_player(struct script_room *sr, enum script_callback which,
                                 uint32_t player, const char *reason)
{
    struct args a = {.sr = sr, .player = player, .text = reason};

    assert(which == SCRIPT_DROP || which == SCRIPT_RESUME || which == SCRIPT_LEAVE);
    a.n_text = reason ? strlen(reason) : 0;
    return call(which, &a);
}

enum script_result script_reloaded(struct script_room *sr, uint32_t old_version)
{
    struct args a = {.sr = sr, .number = old_version};

    return call(SCRIPT_RELOADED, &a);
}

enum script_result script_rebuilt(struct script_room *sr, uint32_t version)
{
    struct args a = {.sr = sr, .number = version, .is_rebuilt = true};

    return call(SCRIPT_RELOADED, &a);
}

enum script_result script_close(struct script_room *sr, const char *reason)
{
    struct args a = {.sr = sr, .text = reason, .n_text = strlen(reason)};

    return call(SCRIPT_CLOSE, &a);
}

static void last_timer_body(lua_State *L, struct vm *vm, void *arg)
{
    struct args *a = arg;

    vm_push(L, vm, REF_LAST_TIMER);
    push_ref(L, a->sr->data_ref);
    lua_call(L, 1, 1);
    a->number = lua_tonumber(L, -1);
}

static void timer_body(lua_State *L, struct vm *vm, void *arg)
{
    struct args *a = arg;

    vm_push(L, vm, REF_RUN_TIMER);
    push_ref(L, a->sr->data_ref);
    lua_pushnumber(L, a->sr->now_ms);
    lua_pushnumber(L, a->number);
    a->is_over = false; /* stays so where the timer raises */
    lua_call(L, 3, 1);
    a->is_over = !lua_toboolean(L, -1);
}

void script_timers(struct script_room *sr, bool (*after)(void *owner, enum script_result r))
{
    struct args a = {.sr = sr};

    if (sr->wake_ms > sr->now_ms ||
        vm_protect(sr->vm, sr, "timer", last_timer_body, &a) < 0)
        return;
    /* Each call takes one timer off before it runs it, so an error costs only
     * that one, and a timer that sets itself anew waits for the next tick. */
    for (int i = 0; i < VM_MAX_TIMERS && !a.is_over && sr->wake_ms <= sr->now_ms; i++) {
        enum script_result r =
            vm_call(sr->vm, sr, &sr->vm->timer_stats, "timer", timer_body, &a);
        vm_trial_note_timer(sr->vm, r);
        if (after && !after(sr->owner, r))
            break;
    }
}

static void restore_body(lua_State *L, struct vm *vm, void *arg)
{
    struct script_room *sr = arg;

    vm_push(L, vm, REF_RESTORE);
    push_ref(L, sr->data_ref);
    lua_call(L, 1, 0);
}

enum script_result script_restore(struct script_room *sr)
{
    if (vm_protect(sr->vm, sr, "restore", restore_body, sr) == SCRIPT_DONE)
        return SCRIPT_DONE;
    sr->vm->is_lost = true;
    return SCRIPT_RAISED;
}

static void scan_body(lua_State *L, struct vm *vm, void *arg)
{
    struct script_room *sr = arg;

    vm_push(L, vm, REF_SCAN);
    push_ref(L, sr->data_ref);
    lua_call(L, 1, 3);
    scan_apply(L, sr, 1, (int)lua_tointeger(L, 2), 3);
}

enum script_result script_scan(struct script_room *sr)
{
    /* `where` stays that of the callback that came before, where one is running:
     * errors name it. */
    const char *where = sr->vm->where ? sr->vm->where : "scan";

    return vm_protect(sr->vm, sr, where, scan_body, sr);
}
