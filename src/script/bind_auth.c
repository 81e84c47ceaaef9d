/* SPDX-License-Identifier: MIT */
/*
 * bind_auth - the C functions behind parlor.jwt, the bans, and the waiting code of
 * host.lua, which has checked the arguments of all but jwt.
 */
#include <lauxlib.h>
#include <string.h>

#include "base/clk.h"
#include "proto/utf8.h"
#include "script/lua_payload.h"
#include "script/script_auth.h"
#include "script/vm_internal.h"
#include "state/payload.h"
#include "svc/jwt.h"

static int refuse(lua_State *L, const char *why)
{
    lua_pushnil(L);
    lua_pushstring(L, why);
    return 2;
}

/* jwt(token) -> claims; or nil and why not. */
static int host_jwt(lua_State *L)
{
    struct vm *vm = bind_vm_of(L);
    size_t len;
    cJSON *claims;
    struct err e;

    if (lua_isnoneornil(L, 1))
        return refuse(L, "there is no token");
    luaL_checktype(L, 1, LUA_TSTRING);
    const char *token = lua_tolstring(L, 1, &len);
    const struct jwt_keys *keys = vm->hooks->jwt_keys ? vm->hooks->jwt_keys(vm->ctx) : NULL;
    enum jwt_result r = jwt_verify(keys, token, len, clk_wall_s(), &claims);
    if (r != JWT_OK)
        return refuse(L, jwt_result_text(r));
    buf_clear(&vm->scratch);
    int code = payload_from_json(NULL, claims, &vm->scratch, &e);
    cJSON_Delete(claims); /* before anything that may raise */
    if (code < 0 || vm->scratch.failed)
        return refuse(L, jwt_result_text(JWT_CLAIMS));
    struct wire_in in = wire_from(vm->scratch.data, vm->scratch.len);
    lua_payload_push(L, NULL, &in);
    return 1;
}

/* A user's id and an address at `index` and behind it, one of which is nil. false: it
 * is no id that could be somebody's. */
static bool read_whom(lua_State *L, int index, struct script_ban *ban)
{
    struct buf *out = &bind_vm_of(L)->scratch;
    struct err e;

    if (lua_isnil(L, index)) {
        ban->by = SCRIPT_BAN_ADDRESS;
        ban->address = lua_tostring(L, index + 1);
        return true;
    }
    ban->by = SCRIPT_BAN_USER;
    buf_clear(out);
    if (lua_payload_read(L, index, NULL, out, &e) < 0 || out->failed)
        return false;
    ban->user = out->data;
    ban->n_user = out->len;
    return true;
}

static int answer(lua_State *L, const char *why)
{
    lua_pushstring(L, why); /* NULL is nil */
    return 1;
}

/* ban(room handle or nil, player, by, user, address, seconds, reason) -> nil, or why
 * not. */
static int host_ban(lua_State *L)
{
    struct vm *vm = bind_vm_of(L);
    struct script_ban ban = {.seconds = luaL_checknumber(L, 6)};
    const char *by = lua_tostring(L, 3);
    size_t len;

    ban.reason = luaL_checklstring(L, 7, &len);
    if (len > SCRIPT_REASON_BYTES || strlen(ban.reason) != len ||
        !utf8_is_valid(ban.reason, len))
        return answer(L, "a reason has at most 120 bytes of UTF-8");
    if (lua_isnil(L, 1)) {
        if (!read_whom(L, 4, &ban))
            return answer(L, "this is no id of a user");
    } else {
        uint32_t handle = (uint32_t)lua_tonumber(L, 1);
        const struct script_room *sr = handle < vm->cap_rooms ? vm->rooms[handle] : NULL;
        if (!sr)
            return answer(L, "the player has left");
        ban.room = sr->owner;
        ban.player = (uint32_t)lua_tonumber(L, 2);
        ban.by = !by                       ? SCRIPT_BAN_ANY
                 : strcmp(by, "user") == 0 ? SCRIPT_BAN_USER
                                           : SCRIPT_BAN_ADDRESS;
    }
    return answer(L, vm->hooks->ban(vm->ctx, &ban));
}

/* unban(user, address) -> was there such a ban? */
static int host_unban(lua_State *L)
{
    struct vm *vm = bind_vm_of(L);
    struct script_ban ban = {0};

    lua_pushboolean(L, read_whom(L, 1, &ban) && vm->hooks->unban(vm->ctx, &ban));
    return 1;
}

/* current() -> the handle of the room whose callback runs, 0: none. */
static int host_current(lua_State *L)
{
    const struct script_room *sr = bind_vm_of(L)->current;

    lua_pushnumber(L, sr ? sr->handle : 0);
    return 1;
}

void bind_add_auth(lua_State *L, struct vm *vm)
{
    static const luaL_Reg list[] = {
        {"jwt",     host_jwt    },
        {"ban",     host_ban    },
        {"unban",   host_unban  },
        {"current", host_current},
        {NULL,      NULL        },
    };

    for (const luaL_Reg *f = list; f->name; f++) {
        lua_pushlightuserdata(L, vm);
        lua_pushcclosure(L, f->func, 1);
        lua_setfield(L, -2, f->name);
    }
    vm_push(L, vm, REF_ASKING);
    lua_setfield(L, -2, "asking");
}
