/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "script/vm_internal.h"

struct listing {
    vm_method_cb *cb;
    void *ctx;
};

/* The functions of the table at the top of the stack. No metamethod is asked. */
static void list(lua_State *L, const struct listing *to, bool is_handler)
{
    lua_Debug ar;

    for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
        if (lua_type(L, -2) != LUA_TSTRING || !lua_isfunction(L, -1))
            continue;
        lua_pushvalue(L, -1);
        lua_getinfo(L, ">S", &ar);
        if (strcmp(ar.what, "C") != 0)
            to->cb(to->ctx, is_handler, lua_tostring(L, -2), ar.short_src, ar.linedefined);
    }
}

static void body(lua_State *L, struct vm *vm, void *arg)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, vm->gen_ref);
    lua_getfield(L, -1, "game");
    list(L, arg, false);
    lua_pushliteral(L, "on");
    lua_rawget(L, -2);
    if (lua_istable(L, -1))
        list(L, arg, true);
}

void vm_methods(struct vm *vm, vm_method_cb *cb, void *ctx)
{
    struct listing to = {cb, ctx};

    vm_protect(vm, NULL, "methods", body, &to);
}
