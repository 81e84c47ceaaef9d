/* SPDX-License-Identifier: MIT */
/*
 * tool - the functions that the Lua half of a command has beside those of a
 * simulation: what scripts/kit/ calls `tool`.
 *
 * Thread: main.
 */
#pragma once

#include <lua.h>

#include "server/sim_lua.h"

struct tool {
    struct sim *sim; /* the one under way, or NULL */
    const char *scripts;
    unsigned seconds; /* the longest that one simulation may take */
};

enum { TOOL_TEST_S = 60, TOOL_MAX_S = 86400 };

/* Make `require "kit.rig"` and `require "kit.tool"` work. `t` must outlive the state. */
void tool_open(lua_State *L, struct tool *t);
