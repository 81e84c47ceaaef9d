/* SPDX-License-Identifier: MIT */
/*
 * bind_label - room:label: what a room tells about itself to those who look for one.
 */
#include <lauxlib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/record.h"
#include "proto/utf8.h"
#include "proto/wire.h"
#include "script/lua_payload.h"
#include "script/vm_internal.h"

enum { MAX_LABELS = 16, MAX_NAME_BYTES = 32, MAX_TEXT_BYTES = 64 };

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A text at `index` of 0 to `max` bytes of UTF-8 without a NUL, or NULL. */
static const char *text_at(lua_State *L, int index, size_t max)
{
    size_t len;
    const char *text =
        lua_type(L, index) == LUA_TSTRING ? lua_tolstring(L, index, &len) : NULL;

    return text && len <= max && strlen(text) == len && utf8_is_valid(text, len) ? text
                                                                                 : NULL;
}

/* Is the value at the top of the stack one that a label may have? */
static bool is_value(lua_State *L)
{
    switch (lua_type(L, -1)) {
    case LUA_TBOOLEAN: return true;
    case LUA_TNUMBER: return isfinite(lua_tonumber(L, -1));
    case LUA_TSTRING: return text_at(L, -1, MAX_TEXT_BYTES) != NULL;
    default: return false;
    }
}

int bind_room_label(lua_State *L)
{
    const char *names[MAX_LABELS];
    uint32_t none, n = 0;
    struct script_room *sr = bind_room_of(L, 1, &none);
    struct vm *vm = lua_touserdata(L, lua_upvalueindex(1));
    struct buf *out = &vm->scratch;
    struct err e;

    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    for (lua_pushnil(L); lua_next(L, 2); lua_pop(L, 1)) {
        const char *name = text_at(L, -2, MAX_NAME_BYTES);
        if (!name || !*name)
            return luaL_error(L, "label: a name has 1 to %d bytes of UTF-8",
                              MAX_NAME_BYTES);
        if (!is_value(L))
            return luaL_error(L,
                              "label: %s: a boolean, a number or a string of at most %d "
                              "bytes of UTF-8 is expected",
                              name, MAX_TEXT_BYTES);
        if (n == MAX_LABELS)
            return luaL_error(L, "label: a room has at most %d labels", MAX_LABELS);
        names[n++] = name; /* the table holds on to it */
    }
    qsort(names, n, sizeof *names, by_bytes);
    buf_clear(out);
    wire_put_u8(out, ANY_MAP);
    wire_put_uv(out, n);
    for (uint32_t i = 0; i < n; i++) {
        wire_put_uv(out, 0);
        wire_put_str(out, names[i], strlen(names[i]));
        lua_pushstring(L, names[i]);
        lua_rawget(L, 2); /* no metamethod: it could write over the scratch */
        lua_payload_read(L, -1, NULL, out, &e);
        lua_pop(L, 1);
    }
    if (sr && !out->failed)
        sr->vm->hooks->label(sr->owner, out->data, out->len);
    return 0;
}
