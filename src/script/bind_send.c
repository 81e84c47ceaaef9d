/* SPDX-License-Identifier: MIT */
/*
 * bind_send - what scripts send: room:send, room:broadcast and player:send, as events
 * or, in raw games, as messages.
 */
#include <lauxlib.h>
#include <math.h>
#include <string.h>

#include "proto/utf8.h"
#include "script/answers.h"
#include "script/lua_payload.h"
#include "script/vm_internal.h"

enum { MAX_TARGETS = 4096 };

/* A player given as object or id. */
static uint32_t check_player(lua_State *L, int index)
{
    double id = 0;

    if (lua_type(L, index) == LUA_TNUMBER) {
        id = lua_tonumber(L, index);
    } else if (lua_type(L, index) == LUA_TTABLE) {
        lua_pushliteral(L, "id");
        lua_rawget(L, index);
        id = lua_tonumber(L, -1);
        lua_pop(L, 1);
    }
    if (!(id >= 1 && id <= UINT32_MAX) || id != floor(id))
        luaL_argerror(L, index, "a player is expected");
    return (uint32_t)id;
}

/* The event with its name at `name` and its body behind it, into vm->scratch. */
static struct script_event read_event(lua_State *L, int name)
{
    struct vm *vm = bind_vm_of(L);
    struct script_event ev;
    struct err e;

    ev.name = luaL_checklstring(L, name, &ev.n_name);
    if (ev.n_name == 0 || ev.n_name > 64 || strlen(ev.name) != ev.n_name ||
        !utf8_is_valid(ev.name, ev.n_name))
        luaL_argerror(L, name, "an event's name has 1 to 64 bytes of UTF-8");
    ev.id = schema_find_event(vm->def->schema, ev.name, ev.n_name);
    buf_clear(&vm->scratch);
    if (lua_payload_read(L, name + 1, ev.id < 0 ? NULL : &vm->def->schema->events[ev.id],
                         &vm->scratch, &e) < 0)
        luaL_error(L, "event %s: %s", ev.name, e.text);
    ev.payload = vm->scratch.data;
    ev.n_payload = vm->scratch.len;
    ev.is_volatile = false;
    return ev;
}

/* Push options[key] of the table at `index`, without asking its metatable: that
 * could run script code which overwrites the event at hand. */
static void push_option(lua_State *L, int index, const char *key)
{
    lua_pushstring(L, key);
    lua_rawget(L, index);
}

/* The option `volatile` of the table at `index`, which may be nil. */
static bool read_volatile(lua_State *L, int index)
{
    if (lua_isnil(L, index))
        return false;
    luaL_checktype(L, index, LUA_TTABLE);
    push_option(L, index, "volatile");
    bool is_volatile = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return is_volatile;
}

int bind_room_send(lua_State *L)
{
    uint32_t none, player = check_player(L, 2);
    struct script_room *sr = bind_room_of(L, 1, &none);

    lua_settop(L, 5);
    struct script_event ev = read_event(L, 3);
    ev.is_volatile = read_volatile(L, 5);
    if (sr)
        sr->vm->hooks->send(sr->owner, player, &ev);
    return 0;
}

/* The `to` list at the top of the stack. */
static size_t read_targets(lua_State *L, uint32_t *list)
{
    luaL_checktype(L, -1, LUA_TTABLE);
    size_t n = lua_objlen(L, -1);
    if (n > MAX_TARGETS)
        luaL_error(L, "broadcast: more than %d players in `to`", MAX_TARGETS);
    for (size_t i = 0; i < n; i++) {
        lua_rawgeti(L, -1, (int)i + 1);
        list[i] = check_player(L, lua_gettop(L));
        lua_pop(L, 1);
    }
    return n;
}

/* A raw game's message: the data are at 2, and at 3 whether they are text. */
static const char *check_raw(lua_State *L, size_t *len)
{
    const char *data = luaL_checklstring(L, 2, len);

    if (lua_toboolean(L, 3) && !utf8_is_valid(data, *len))
        luaL_argerror(L, 2, "a text message must be UTF-8");
    return data;
}

int bind_room_broadcast(lua_State *L)
{
    uint32_t none, list[MAX_TARGETS], except = 0;
    size_t n_list = 0, len = 0;
    bool has_list = false, is_raw = bind_vm_of(L)->def->raw;
    struct script_room *sr = bind_room_of(L, 1, &none);
    struct script_event ev = {0};

    lua_settop(L, 4);
    const char *data = is_raw ? check_raw(L, &len) : NULL;
    if (!is_raw) {
        ev = read_event(L, 2);
        ev.is_volatile = read_volatile(L, 4);
    }
    if (!lua_isnil(L, 4)) {
        luaL_checktype(L, 4, LUA_TTABLE);
        push_option(L, 4, "except");
        if (!lua_isnil(L, -1))
            except = check_player(L, lua_gettop(L));
        push_option(L, 4, "to");
        if ((has_list = !lua_isnil(L, -1)))
            n_list = read_targets(L, list);
    }
    if (sr && is_raw)
        sr->vm->hooks->broadcast_raw(sr->owner, (const uint8_t *)data, len,
                                     lua_toboolean(L, 3), has_list ? list : NULL, n_list,
                                     except);
    else if (sr)
        sr->vm->hooks->broadcast(sr->owner, &ev, has_list ? list : NULL, n_list, except);
    return 0;
}

/* What host.lua calls through ffi in place of bind_player_send(), which it asks only where
 * this has sent nothing: then returns 1. `handle` as host.lua keeps it. */
int bind_send_raw(struct vm *vm, double handle, const char *data, size_t len, int is_text)
{
    uint32_t room = (uint32_t)(handle / 4294967296.0);
    struct script_room *sr = room < vm->cap_rooms ? vm->rooms[room] : NULL;

    if (!vm->def->raw || !sr || (is_text && !utf8_is_valid(data, len)))
        return 1;
    vm->hooks->send_raw(sr->owner, (uint32_t)(handle - room * 4294967296.0),
                        (const uint8_t *)data, len, is_text);
    return 0;
}

int bind_answer_raw(struct vm *vm, const char *data, size_t len, int is_text)
{
    size_t bytes;

    if (!vm->answers || len > ANSWERS_MESSAGE || (is_text && !utf8_is_valid(data, len)) ||
        !(bytes = answers_add(vm->answers, vm->raw_in.player, is_text ? WS_TEXT : WS_BINARY,
                              (const uint8_t *)data, len)))
        return 1;
    vm_note_sent(vm, bytes);
    return 0;
}

int bind_player_send(lua_State *L)
{
    uint32_t player;
    struct script_room *sr = bind_room_of(L, 1, &player);
    struct vm *vm = bind_vm_of(L);

    if (vm->def->raw) {
        size_t len;
        const char *data = check_raw(L, &len);
        if (sr)
            vm->hooks->send_raw(sr->owner, player, (const uint8_t *)data, len,
                                lua_toboolean(L, 3));
        return 0;
    }
    lua_settop(L, 4);
    struct script_event ev = read_event(L, 2);
    ev.is_volatile = read_volatile(L, 4);
    if (sr)
        vm->hooks->send(sr->owner, player, &ev);
    return 0;
}
