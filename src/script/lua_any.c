/* SPDX-License-Identifier: MIT */
#include "script/lua_any.h"

#include <errno.h>
#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/record.h"
#include "proto/utf8.h"
#include "script/lua_table.h"

/* One reading: where it goes, and in which form. */
struct reader {
    lua_State *L;
    struct buf *out;
    struct err *e;
    bool canonical;
};

/* What is too big has to end the walk: a table may be in another a hundred times, and
 * that one a hundred times in the next. */
static int too_big(const struct reader *r)
{
    return err_set(r->e, -EINVAL, ": the value is too big");
}

static int read_any(const struct reader *r, int index, int depth);

static void put_text(struct buf *out, const char *text, size_t len)
{
    wire_put_u8(out, utf8_is_valid(text, len) ? ANY_STR : ANY_BYTES);
    wire_put_uv(out, len);
    buf_append(out, text, len);
}

static int put_number(const struct reader *r, double v)
{
    if (!isfinite(v))
        return err_set(r->e, -EINVAL, ": %s cannot be sent", isnan(v) ? "nan" : "inf");
    if (v >= INT32_MIN && v <= INT32_MAX && v == floor(v)) {
        wire_put_u8(r->out, ANY_INT);
        wire_put_sv(r->out, (int64_t)v);
    } else {
        wire_put_u8(r->out, ANY_F64);
        wire_put_f64(r->out, v);
    }
    return 0;
}

static int read_array(const struct reader *r, int index, size_t n, int depth)
{
    wire_put_u8(r->out, ANY_ARRAY);
    wire_put_uv(r->out, n);
    for (size_t i = 1; i <= n; i++) {
        lua_rawgeti(r->L, index, (int)i);
        int code = read_any(r, lua_gettop(r->L), depth + 1);
        lua_pop(r->L, 1);
        if (code < 0)
            return value_err_at(r->e, code, "[%zu]", i);
    }
    return 0;
}

/* The key at `index` as an any writes it: numbers become strings. */
static int put_any_key(const struct reader *r, int index)
{
    char number[32];
    size_t len;
    const char *key = number;

    if (lua_type(r->L, index) == LUA_TSTRING) {
        key = lua_tolstring(r->L, index, &len);
        if (!utf8_is_valid(key, len))
            return err_set(r->e, -EINVAL, ": a key of the table is not UTF-8");
    } else if (lua_type(r->L, index) == LUA_TNUMBER) {
        len = (size_t)snprintf(number, sizeof number, "%.14g", lua_tonumber(r->L, index));
    } else {
        return err_set(r->e, -EINVAL, ": a %s cannot be a key",
                       lua_typename(r->L, lua_type(r->L, index)));
    }
    wire_put_uv(r->out, 0);
    wire_put_str(r->out, key, len);
    return 0;
}

static int read_any_members(const struct reader *r, int index, int depth,
                            struct lua_member *list)
{
    size_t n = 0;

    for (lua_pushnil(r->L); lua_next(r->L, index); lua_pop(r->L, 1)) {
        size_t at = r->out->len;
        int key = lua_gettop(r->L) - 1, code = put_any_key(r, key);
        if (code < 0)
            return code;
        if ((code = read_any(r, key + 1, depth + 1)) < 0)
            return lua_table_at_key(r->L, key, true, code, r->e);
        if (list)
            list[n++] = (struct lua_member){.at = at, .len = r->out->len - at};
    }
    return list ? lua_table_sort(r->out, KEY_NONE, list, n, r->e) : 0;
}

static int read_map(const struct reader *r, int index, size_t n, int depth)
{
    struct lua_member *list = NULL;

    wire_put_u8(r->out, ANY_MAP);
    wire_put_uv(r->out, n);
    if (r->canonical && !(list = malloc((n + 1) * sizeof *list)))
        return err_set(r->e, -ENOMEM, ": out of memory");
    int code = read_any_members(r, index, depth, list);
    free(list);
    return code;
}

static int read_any(const struct reader *r, int index, int depth)
{
    lua_State *L = r->L;
    bool is_array;
    size_t len;
    const char *text;

    if (r->out->failed)
        return too_big(r);
    switch (lua_type(L, index)) {
    case LUA_TNONE:
    case LUA_TNIL: wire_put_u8(r->out, ANY_NIL); return 0;
    case LUA_TBOOLEAN:
        wire_put_u8(r->out, lua_toboolean(L, index) ? ANY_TRUE : ANY_FALSE);
        return 0;
    case LUA_TNUMBER: return put_number(r, lua_tonumber(L, index));
    case LUA_TSTRING:
        text = lua_tolstring(L, index, &len);
        put_text(r->out, text, len);
        return 0;
    case LUA_TTABLE:
        if (depth >= ANY_MAX_DEPTH || !lua_checkstack(L, 8))
            return err_set(r->e, -EINVAL,
                           ": tables are nested deeper than %d, or in a circle",
                           ANY_MAX_DEPTH);
        len = lua_table_count(L, index, &is_array);
        return is_array ? read_array(r, index, len, depth) : read_map(r, index, len, depth);
    default:
        return err_set(r->e, -EINVAL, ": a %s cannot be sent",
                       lua_typename(L, lua_type(L, index)));
    }
}

int lua_any_read(lua_State *L, int index, bool canonical, struct buf *out, struct err *e)
{
    return read_any(&(struct reader){L, out, e, canonical}, index, 0);
}

void lua_any_push(lua_State *L, struct wire_in *in)
{
    struct wire_str s;
    uint32_t n;

    luaL_checkstack(L, 4, "message");
    switch (wire_u8(in)) {
    case ANY_FALSE: lua_pushboolean(L, 0); break;
    case ANY_TRUE: lua_pushboolean(L, 1); break;
    case ANY_INT: lua_pushnumber(L, (double)wire_sv(in)); break;
    case ANY_F64: lua_pushnumber(L, wire_f64(in)); break;
    case ANY_STR:
        s = wire_str(in);
        lua_pushlstring(L, s.text ? s.text : "", s.len);
        break;
    case ANY_BYTES: {
        n = wire_uv(in);
        const uint8_t *bytes = wire_raw(in, n);
        lua_pushlstring(L, bytes ? (const char *)bytes : "", bytes ? n : 0);
        break;
    }
    case ANY_ARRAY:
        n = wire_uv(in);
        lua_newtable(L);
        for (uint32_t i = 1; i <= n && !in->failed; i++) {
            lua_any_push(L, in);
            lua_rawseti(L, -2, (int)i);
        }
        break;
    case ANY_MAP:
        n = wire_uv(in);
        lua_newtable(L);
        for (uint32_t i = 0; i < n && !in->failed; i++) {
            wire_uv(in); /* clients always send the string */
            s = wire_str(in);
            lua_pushlstring(L, s.text ? s.text : "", s.len);
            lua_any_push(L, in);
            lua_rawset(L, -3);
        }
        break;
    default: lua_pushnil(L); break;
    }
}
