/* SPDX-License-Identifier: MIT */
/*
 * lua_value - single values of any type between Lua and the wire, however deep.
 *
 * Tables are read raw: no metamethod runs, and nothing here raises while it reads, so
 * what is half written is never left behind.
 *
 * Thread: the VM's.
 */
#pragma once

#include <lua.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "proto/wire.h"
#include "state/type.h"

/* Append the absolute form of the Lua value at `index` (from the bottom). nil is an
 * absent opt, and nil in an any; anywhere else it does not fit. `canonical`: keys of
 * maps in an any ascend, none is there twice, as the state needs it; the keys of a
 * typed map always do. Returns 0 or -EINVAL, and *e (which may be NULL) begins with
 * the place inside the value: "[3].x: 300 is not in 0..255", or ": …" where it is the
 * value itself. `out` may then hold a part. */
int lua_value_read(lua_State *L, int index, const struct type *t, bool canonical,
                   struct buf *out, struct err *e);

/* Push the value of one valid absolute form, moving `in` past it. May raise (memory). */
void lua_value_push(lua_State *L, const struct type *t, struct wire_in *in);

/* What the value at `index` is, in words. */
void lua_value_show(lua_State *L, int index, char *out, size_t size);
