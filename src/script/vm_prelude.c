/* SPDX-License-Identifier: MIT */
/*
 * vm_prelude - the first thing that runs in a VM: Lua's own libraries, guards in
 * compiled code, and stand-ins for what this LuaJIT does wrong.
 */
#include <lauxlib.h>
#include <lualib.h>

#include "script/guard.h"
#include "script/vm_internal.h"
#include "script/watchdog.h"

/* Instead of those that leave nested loops early. `next` is no builtin then, so the
 * broken instruction is not used either where a loop names it. */
static const char own_pairs[] =
    "local raw, type, error = next, type, error\n"
    "function next(t, k) return raw(t, k) end\n"
    "local next = next\n"
    "function pairs(t)\n"
    "  if type(t) ~= 'table' then\n"
    "    error(\"bad argument #1 to 'pairs' (table expected, got \" .. type(t) .. ')', 2)\n"
    "  end\n"
    "  return next, t, nil\n"
    "end\n";

/* KiB of machine code in one VM; when it is full all of it is thrown away and compiled
 * anew. OpenResty's LuaJIT takes up to 40 MiB, which no memory limit sees. */
static const char jit_limits[] = "require('jit.opt').start('maxmcode=4096')";

/* LuaJIT runs xpcall's handler inside the hook that raised, where hooks are off; only
 * who knows the hook mask (GUARD_BYTE) can reach it there. This one runs it after. */
static const char own_xpcall[] = "local pcall = pcall\n"
                                 "function xpcall(f, on_error, ...)\n"
                                 "  local function finish(ok, ...)\n"
                                 "    if ok then return true, ... end\n"
                                 "    return false, on_error(...)\n"
                                 "  end\n"
                                 "  return finish(pcall(f, ...))\n"
                                 "end\n";

void vm_prelude(lua_State *L)
{
    luaL_openlibs(L);
    guard_attach(L);
    if (luaL_dostring(L, jit_limits) != 0 ||
        (!watchdog_has_good_pairs() && luaL_dostring(L, own_pairs) != 0) ||
        (guard_mode() != GUARD_BYTE && luaL_dostring(L, own_xpcall) != 0))
        lua_error(L);
}
