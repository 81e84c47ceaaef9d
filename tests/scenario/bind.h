/* SPDX-License-Identifier: MIT */
/*
 * bind - the functions of a rig that scenarios' Lua is handed, as one table.
 */
#pragma once

#include "rig.h"
#include <lua.h>

/* Push the table; `*at` is the rig of the scenario under way. */
void bind_push(lua_State *L, struct rig **at);
