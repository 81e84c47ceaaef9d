/* SPDX-License-Identifier: MIT */
/*
 * bind_rooms - the C functions behind parlor.signal and parlor.rooms, which see a game's
 * rooms from outside. host.lua has checked the arguments' types.
 */
#include <lauxlib.h>
#include <string.h>

#include "proto/utf8.h"
#include "script/lua_payload.h"
#include "script/vm_internal.h"

enum { MAX_SIGNAL_NAME = 64 };

/* signal(room, name, data) -> nil, or why not */
static int host_signal(lua_State *L)
{
    struct vm *vm = bind_vm_of(L);
    struct script_signal what;
    size_t n_room;
    struct err e;

    const char *room = luaL_checklstring(L, 1, &n_room);
    what.name = luaL_checklstring(L, 2, &what.n_name);
    if (what.n_name == 0 || what.n_name > MAX_SIGNAL_NAME ||
        !utf8_is_valid(what.name, what.n_name))
        return luaL_error(L, "parlor.signal: a name has 1 to %d bytes of UTF-8",
                          MAX_SIGNAL_NAME);
    lua_settop(L, 3);
    buf_clear(&vm->scratch);
    if (lua_payload_read(L, 3, NULL, &vm->scratch, &e) < 0)
        return luaL_error(L, "parlor.signal: data: %s", e.text);
    if (vm->scratch.failed)
        return luaL_error(L, "parlor.signal: data: it takes too much");
    what.payload = vm->scratch.data;
    what.n_payload = vm->scratch.len;
    lua_pushstring(L, vm->hooks->signal(vm->ctx, room, n_room, &what)); /* NULL is nil */
    return 1;
}

/* rooms(game or nil) -> a list, or nil where there is no such game */
static int host_rooms(lua_State *L)
{
    struct vm *vm = bind_vm_of(L);
    const char *game = luaL_optlstring(L, 1, NULL, NULL);

    buf_clear(&vm->scratch);
    if (!vm->hooks->rooms(vm->ctx, game, &vm->scratch) || vm->scratch.failed)
        return 0;
    struct wire_in in = wire_from(vm->scratch.data, vm->scratch.len);
    lua_payload_push(L, NULL, &in);
    return 1;
}

void bind_add_rooms(lua_State *L, struct vm *vm)
{
    static const luaL_Reg list[] = {
        {"signal", host_signal},
        {"rooms",  host_rooms },
        {NULL,     NULL       },
    };

    for (const luaL_Reg *f = list; f->name; f++) {
        lua_pushlightuserdata(L, vm);
        lua_pushcclosure(L, f->func, 1);
        lua_setfield(L, -2, f->name);
    }
}
