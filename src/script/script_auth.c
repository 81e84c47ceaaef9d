/* SPDX-License-Identifier: MIT */
#include "script/script_auth.h"

#include <lauxlib.h>
#include <string.h>

#include "proto/utf8.h"
#include "script/lua_payload.h"
#include "script/vm_internal.h"
#include "script/vm_trial.h"

struct ask {
    uint32_t id;
    const struct script_request *request;
    struct script_answer *answer;
};

bool script_has_auth(const struct vm *vm)
{
    return vm->handlers[SCRIPT_AUTH] != LUA_NOREF;
}

static void push_any(lua_State *L, const uint8_t *bytes, size_t n)
{
    struct wire_in in = wire_from(bytes, n);

    if (n)
        lua_payload_push(L, NULL, &in);
    else
        lua_newtable(L);
}

/* Lists that a script may always index. */
static void ensure_table(lua_State *L, const char *name)
{
    lua_getfield(L, -1, name);
    if (lua_isnil(L, -1)) {
        lua_newtable(L);
        lua_setfield(L, -3, name);
    }
    lua_pop(L, 1);
}

static void push_request(lua_State *L, const struct vm *vm, const struct script_request *q)
{
    push_any(L, q->door, q->n_door);
    ensure_table(L, "headers");
    ensure_table(L, "query");
    push_any(L, q->options, q->n_options);
    if (lua_istable(L, -1)) { /* a token that was given with the hello comes first */
        lua_getfield(L, -1, "token");
        if (lua_type(L, -1) == LUA_TSTRING)
            lua_setfield(L, -3, "token");
        else
            lua_pop(L, 1);
    }
    lua_setfield(L, -2, "options");
    lua_pushstring(L, vm->name);
    lua_setfield(L, -2, "game");
    if (*q->room) {
        lua_pushstring(L, q->room);
        lua_setfield(L, -2, "room");
    }
}

/* As much of the reason as a Close frame can carry, of whole characters. */
static void read_reason(lua_State *L, struct script_answer *a)
{
    size_t len = 0;
    const char *text = lua_tolstring(L, -1, &len);

    if (!text)
        return;
    len = strnlen(text, len < SCRIPT_REASON_BYTES ? len : SCRIPT_REASON_BYTES);
    while (len > 0 && !utf8_is_valid(text, len))
        len--;
    memcpy(a->reason, text, len);
}

/* What host.lua's auth has returned: two values at the top. */
static void read_answer(lua_State *L, struct script_answer *a)
{
    const char *kind = lua_tostring(L, -2);
    struct err e;

    if (strcmp(kind, "wait") == 0) {
        a->verdict = SCRIPT_AUTH_WAITS;
        a->wait_ms = lua_tonumber(L, -1);
    } else if (strcmp(kind, "out") == 0) {
        a->verdict = SCRIPT_AUTH_OUT;
        read_reason(L, a);
    } else {
        a->verdict = SCRIPT_AUTH_IN;
        if (lua_isnil(L, -1))
            return;
        int r = lua_payload_read(L, -1, NULL, &a->user, &e);
        if (a->user.failed)
            luaL_error(L, "auth: user: it takes more than %d bytes", SCRIPT_USER_BYTES);
        if (r < 0)
            luaL_error(L, "auth: user: %s", e.text);
    }
}

static void ask_body(lua_State *L, struct vm *vm, void *arg)
{
    const struct ask *ask = arg;

    vm_push(L, vm, REF_AUTH);
    lua_pushnumber(L, ask->id);
    if (ask->request)
        push_request(L, vm, ask->request);
    lua_call(L, ask->request ? 2 : 1, 2);
    read_answer(L, ask->answer);
}

enum script_result script_auth(struct vm *vm, uint32_t id,
                               const struct script_request *request,
                               struct script_answer *answer)
{
    struct ask ask = {id, request, answer};
    bool was_asking = vm->is_asking;

    *answer = (struct script_answer){.verdict = SCRIPT_AUTH_OUT};
    buf_init(&answer->user, SCRIPT_USER_BYTES);
    vm->is_asking = true;
    enum script_result r =
        vm_call(vm, NULL, &vm->stats[SCRIPT_AUTH], "auth", ask_body, &ask);
    vm->is_asking = was_asking;
    if (vm->trial && !(r == SCRIPT_DONE && answer->verdict == SCRIPT_AUTH_WAITS))
        vm_trial_note(vm, SCRIPT_AUTH, r);
    return r;
}

void script_auth_drop(struct vm *vm, uint32_t id)
{
    lua_State *L = vm->L;

    /* An entry that is emptied needs no memory, so nothing is raised here. */
    vm_push(L, vm, REF_ASKING);
    lua_rawgeti(L, -1, (int)id);
    if (!lua_isnil(L, -1)) {
        lua_pushnil(L);
        lua_rawseti(L, -3, (int)id);
    }
    lua_pop(L, 2);
}
