/* SPDX-License-Identifier: MIT */
/*
 * lua_table - tables as arrays and maps: what lua_any and lua_value share.
 *
 * Thread: the VM's.
 */
#pragma once

#include <lua.h>
#include <stdbool.h>

#include "state/value.h"

/* How many entries the table at `index` has, and whether their keys are 1..n (n >= 1). */
size_t lua_table_count(lua_State *L, int index, bool *is_array);

/* Where a member of a map, key and value, has been written. */
struct lua_member {
    size_t at, len;
    struct value_key key; /* set by lua_table_sort() */
};

/* Bring the `n` members, which follow each other in `out`, into the order of their
 * keys. `kind` KEY_NONE: keys as an any writes them. 0, -ENOMEM, or -EINVAL where two
 * keys are the same; *e begins with the key. */
int lua_table_sort(struct buf *out, enum key_kind kind, struct lua_member *list, size_t n,
                   struct err *e);

/* Put the key at `index` in front of an error's text: "[3]", "[sword]", or `as_name`
 * "sword". Returns `code`. */
int lua_table_at_key(lua_State *L, int index, bool as_name, int code, struct err *e);
