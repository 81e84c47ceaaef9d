/* SPDX-License-Identifier: MIT */
/*
 * lua_json - JSON text as Lua values, for the Lua halves of commands.
 *
 * Thread: the state's.
 */
#pragma once

#include <lua.h>

/* A lua_CFunction: json(text) -> value; null is a light userdata, arrays and objects are
 * tables. Raises where the text is not JSON. */
int lua_json_read(lua_State *L);
