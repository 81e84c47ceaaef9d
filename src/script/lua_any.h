/* SPDX-License-Identifier: MIT */
/*
 * lua_any - any Lua value as a tagged value of the wire, and back.
 *
 * Tables with keys 1..n become arrays, all others maps, whose number keys become
 * strings; strings that are not UTF-8 become bytes. Tables are read raw: no metamethod
 * runs, and nothing here raises while it reads.
 *
 * Thread: the VM's.
 */
#pragma once

#include <lua.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "proto/wire.h"

/* Append the wire form of the value at `index` (from the bottom). `canonical`: keys
 * ascend and none is there twice, as the state needs it. Returns 0 or -EINVAL, -ENOMEM,
 * and *e (which may be NULL) begins with the place inside the value, "a.b[2]: a function
 * cannot be sent", or ": …" where it is the value itself. `out` may then hold a part, and
 * the stack may be higher. */
int lua_any_read(lua_State *L, int index, bool canonical, struct buf *out, struct err *e);

/* Push one valid any, moving `in` past it. May raise (memory). */
void lua_any_push(lua_State *L, struct wire_in *in);
