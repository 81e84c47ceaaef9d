/* SPDX-License-Identifier: MIT */
/*
 * lua_payload - message and event bodies between the wire and Lua values.
 *
 * Reading from Lua calls no metamethods, so a script's tables cannot run code
 * in the middle of it.
 *
 * Thread: the VM's.
 */
#pragma once

#include <lua.h>

#include "base/buf.h"
#include "base/err.h"
#include "proto/wire.h"
#include "state/schema.h"

/* Append the wire form of the Lua value at `index`. `record` NULL: any value -
 * tables with keys 1..n become arrays, other tables maps, strings that are not
 * UTF-8 bytes; NaN and infinities are refused. For a record absent fields take their
 * defaults. Returns 0 or -EINVAL with *e naming the field; `out` may then hold a part. */
int lua_payload_read(lua_State *L, int index, const struct record *record, struct buf *out,
                     struct err *e);

/* Push the value of one payload known to be valid. */
void lua_payload_push(lua_State *L, const struct record *record, struct wire_in *in);

/* The Lua value at `index` as a cell of this type. nil is TYPE_ERR_KIND, but for an opt
 * and an any. A composed value that does not fit is TYPE_ERR_RANGE, whatever is wrong
 * inside; lua_payload_explain() finds it. */
enum type_result lua_payload_cell(lua_State *L, int index, const struct type *t,
                                  union cell *out);

/* Push what a cell stands for. */
void lua_payload_push_cell(lua_State *L, const struct type *t, union cell c);

/* Say in *e why the value at `index` does not fit: "hp: 300 is not in 0..255",
 * "cargo[3]: 300 is not in 0..255". */
void lua_payload_explain(lua_State *L, int index, const char *path, const struct type *t,
                         struct err *e);

/* Push the value at a path such as "pos.x" of the table at `index` (nil where a
 * step is missing). */
void lua_payload_get_path(lua_State *L, int index, const char *path);

/* Set it to the value at the top of the stack, which is popped; tables on the way
 * are made where they are missing. */
void lua_payload_set_path(lua_State *L, int index, const char *path);
