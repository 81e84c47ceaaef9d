/* SPDX-License-Identifier: MIT */
/*
 * sim_lua - the functions of a simulation for Lua, as one table: what
 * scripts/kit/ calls `rig`.
 *
 * Thread: the simulation's.
 */
#pragma once

#include <lua.h>

#include "server/sim.h"

/* Make the kit known to a state with all of Lua's libraries: `require "kit.rig"` gives
 * the functions, other names are files of `scripts`. `*at` is the simulation under
 * way, or NULL between two tests; it must outlive the state. */
void sim_lua_open(lua_State *L, const char *scripts, struct sim **at);
