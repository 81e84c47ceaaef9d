/* SPDX-License-Identifier: MIT */
/*
 * lua_match - string.find, match, gmatch and gsub over match.h. What they return and
 * raise is what LuaJIT's own do; see match.h for what differs.
 *
 * Thread: the VM's.
 */
#pragma once

#include <lua.h>

enum { LUA_MATCH_MAX_STEPS = 20000000 }; /* of one call; some 0.1 s */

/* Each takes the `struct vm` as upvalue 1. */
int lua_match_find(lua_State *L);
int lua_match_match(lua_State *L);
int lua_match_gmatch(lua_State *L);
int lua_match_gsub(lua_State *L);
