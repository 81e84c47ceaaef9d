/* SPDX-License-Identifier: MIT */
/*
 * bind_store - what is behind scripts/store.lua, which has checked the arguments: asking
 * the store, and pushing what it answers.
 */
#include <lauxlib.h>
#include <string.h>

#include "proto/utf8.h"
#include "proto/wire.h"
#include "script/lua_payload.h"
#include "script/script_store.h"
#include "script/vm_internal.h"

static int refuse(lua_State *L, const char *why)
{
    lua_pushnil(L);
    lua_pushstring(L, why);
    return 2;
}

/* The value at `index` as any, in vm->scratch. false: it cannot be kept, and the reason is
 * pushed. */
static bool read_value(lua_State *L, struct vm *vm, int index, struct store_ask *ask)
{
    struct err e;

    if (lua_isnoneornil(L, index))
        return true;
    buf_clear(&vm->scratch);
    int r = lua_payload_read(L, index, NULL, &vm->scratch, &e);
    if (r == 0 && !vm->scratch.failed && vm->scratch.len <= STORE_MAX_VALUE) {
        ask->data = vm->scratch.data;
        ask->n_data = vm->scratch.len;
        return true;
    }
    if (r < 0 && !vm->scratch.failed)
        lua_pushfstring(L, "the value%s", e.text);
    else
        lua_pushfstring(L, "the value takes more than %d KiB", STORE_MAX_VALUE >> 10);
    return false;
}

/* store(waits, op, name, key, value, version, limit, prefix, after, score, keep, least)
 * -> ticket, or true where nobody waits; or nil and why not. */
static int host_store(lua_State *L)
{
    static const char *const ops[] = {"get", "put",    "delete", "list", "submit",
                                      "top", "around", "remove", NULL};
    static const enum store_op of[] = {STORE_GET,    STORE_PUT,     STORE_DELETE,
                                       STORE_LIST,   STORE_SUBMIT,  STORE_TOP,
                                       STORE_AROUND, STORE_UNSUBMIT};
    static const char *const keeps[] = {"best", "least", "last", "sum", NULL};
    struct vm *vm = bind_vm_of(L);
    struct store_port *port = vm->hooks->store ? vm->hooks->store(vm->ctx) : NULL;
    bool waits = lua_toboolean(L, 1);

    lua_settop(L, 12);
    struct store_ask ask = {.op = of[luaL_checkoption(L, 2, NULL, ops)],
                            .game = vm->name,
                            .name = luaL_checkstring(L, 3),
                            .key = lua_tostring(L, 4),
                            .version = (int64_t)luaL_optnumber(L, 6, STORE_ANY_VERSION),
                            .limit = (uint32_t)luaL_optnumber(L, 7, 1),
                            .prefix = lua_tostring(L, 8),
                            .after = lua_tostring(L, 9),
                            .number = luaL_optnumber(L, 10, 0),
                            .keep = (enum store_keep)luaL_checkoption(L, 11, "best", keeps),
                            .is_least = lua_toboolean(L, 12)};
    if (!port)
        return refuse(L, "the store is closed");
    if (waits && vm->n_asked >= SCRIPT_MAX_ASKED)
        return refuse(L, "busy");
    if (!read_value(L, vm, 5, &ask)) {
        lua_pushnil(L);
        lua_insert(L, -2);
        return 2;
    }
    ask.ticket = waits ? ++vm->last_ticket : 0;
    if (!store_post(port, &ask))
        return refuse(L, "busy");
    vm->n_asked += waits;
    if (waits)
        lua_pushnumber(L, (double)ask.ticket);
    else
        lua_pushboolean(L, true);
    return 1;
}

/* is_key(text): UTF-8 without a NUL, which C ends a text at? */
static int host_is_key(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);

    lua_pushboolean(L, strlen(text) == len && utf8_is_valid(text, len));
    return 1;
}

void bind_add_store(lua_State *L, struct vm *vm)
{
    static const luaL_Reg list[] = {
        {"store",  host_store },
        {"is_key", host_is_key},
        {NULL,     NULL       },
    };

    for (const luaL_Reg *f = list; f->name; f++) {
        lua_pushlightuserdata(L, vm);
        lua_pushcclosure(L, f->func, 1);
        lua_setfield(L, -2, f->name);
    }
    lua_pushnumber(L, STORE_MAX_NAME);
    lua_setfield(L, -2, "max_name");
    lua_pushnumber(L, STORE_MAX_KEY);
    lua_setfield(L, -2, "max_key");
    lua_pushnumber(L, STORE_MAX_LIST);
    lua_setfield(L, -2, "max_list");
}

/* Answers. */

struct taking {
    const struct store_answer *answer;
    struct script_answered to;
};

static void push_value(lua_State *L, const uint8_t *data, size_t len)
{
    struct wire_in in = wire_from(data, len);

    if (len)
        lua_payload_push(L, NULL, &in);
    else
        lua_pushnil(L);
}

static void push_items(lua_State *L, const struct store_answer *a)
{
    bool is_list = a->op == STORE_LIST;

    lua_createtable(L, (int)a->n_items, 0);
    for (uint32_t i = 0; i < a->n_items; i++) {
        const struct store_item *item = &a->items[i];
        lua_createtable(L, 0, 4);
        lua_pushlstring(L, item->key, item->n_key);
        lua_setfield(L, -2, "key");
        push_value(L, item->data, item->n_data);
        lua_setfield(L, -2, is_list ? "value" : "data");
        lua_pushnumber(L, is_list ? (double)item->version : item->score);
        lua_setfield(L, -2, is_list ? "version" : "score");
        if (!is_list) {
            lua_pushnumber(L, item->rank);
            lua_setfield(L, -2, "rank");
        }
        lua_rawseti(L, -2, (int)i + 1);
    }
}

/* What the call returns; how many values. */
static int push_answer(lua_State *L, const struct store_answer *a)
{
    bool is_removal = a->op == STORE_DELETE || a->op == STORE_UNSUBMIT;

    switch (a->result) {
    case STORE_FAILED: return refuse(L, a->why);
    case STORE_CONFLICT: return refuse(L, "conflict");
    case STORE_NONE:
        if (is_removal)
            lua_pushboolean(L, false);
        else
            lua_pushnil(L);
        return 1;
    case STORE_OK: break;
    }
    if (is_removal) {
        lua_pushboolean(L, true);
        return 1;
    }
    if (a->op == STORE_GET || a->op == STORE_PUT) {
        if (a->op == STORE_GET)
            push_value(L, a->data, a->n_data);
        lua_pushnumber(L, (double)a->version);
        return a->op == STORE_GET ? 2 : 1;
    }
    if (a->op == STORE_SUBMIT) {
        lua_pushnumber(L, a->rank);
        lua_pushnumber(L, a->number);
        return 2;
    }
    push_items(L, a);
    if (a->op != STORE_LIST || !a->has_more)
        return 1;
    const struct store_item *last = &a->items[a->n_items - 1];
    lua_pushlstring(L, last->key, last->n_key);
    return 2;
}

static void take_body(lua_State *L, struct vm *vm, void *arg)
{
    struct taking *t = arg;

    vm_push(L, vm, REF_ANSWER);
    lua_pushnumber(L, (double)t->answer->ticket);
    lua_call(L, push_answer(L, t->answer) + 1, 2); /* a room's handle, an auth's id */
    uint32_t handle = (uint32_t)lua_tonumber(L, 1);
    if (handle < vm->cap_rooms)
        t->to.room = vm->rooms[handle]; /* [0] is always NULL */
    t->to.auth = (uint32_t)lua_tonumber(L, 2);
}

struct script_answered script_take_answer(struct vm *vm, const struct store_answer *a)
{
    struct taking t = {.answer = a};

    if (vm->n_asked)
        vm->n_asked--;
    vm_protect(vm, NULL, "store", take_body, &t);
    return t.to;
}
