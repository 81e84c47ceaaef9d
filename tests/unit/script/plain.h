/* SPDX-License-Identifier: MIT */
/*
 * plain - a Lua value in the absolute form of PROTOCOL.md, found the plain way: every
 * table is walked, every number quantised, nothing remembered. The reference for what
 * scan.lua and lua_value find.
 */
#pragma once

#include <lua.h>
#include <stdbool.h>

#include "base/buf.h"
#include "state/type.h"

/* False where the value does not fit. The stack is as it was. */
bool plain_read(lua_State *L, int index, const struct type *t, struct buf *out);
