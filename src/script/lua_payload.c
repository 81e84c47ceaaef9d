/* SPDX-License-Identifier: MIT */
#include "script/lua_payload.h"

#include <errno.h>
#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "proto/record.h"
#include "proto/utf8.h"

static int absolute(lua_State *L, int index)
{
    return index < 0 && index > LUA_REGISTRYINDEX ? lua_gettop(L) + index + 1 : index;
}

enum type_result lua_payload_cell(lua_State *L, int index, const struct type *t,
                                  union cell *out)
{
    size_t len;
    const char *text;

    switch (lua_type(L, index)) {
    case LUA_TNUMBER: return type_from_number(t, lua_tonumber(L, index), out);
    case LUA_TBOOLEAN: return type_from_bool(t, lua_toboolean(L, index), out);
    case LUA_TSTRING:
        text = lua_tolstring(L, index, &len);
        return type_from_text(t, text, len, out);
    default: return TYPE_ERR_KIND;
    }
}

void lua_payload_push_cell(lua_State *L, const struct type *t, union cell c)
{
    switch (t->kind) {
    case TYPE_BOOL: lua_pushboolean(L, c.q != 0); break;
    case TYPE_ENUM: lua_pushstring(L, t->names[c.q]); break;
    case TYPE_STR:
        if (c.text)
            lua_pushlstring(L, (const char *)c.text->bytes, c.text->len);
        else
            lua_pushliteral(L, "");
        break;
    default: lua_pushnumber(L, type_to_number(t, c)); break;
    }
}

void lua_payload_explain(lua_State *L, int index, const char *path, const struct type *t,
                         struct err *e)
{
    char what[128], wants[160];
    size_t len;

    switch (lua_type(L, index)) {
    case LUA_TNUMBER: snprintf(what, sizeof what, "%.14g", lua_tonumber(L, index)); break;
    case LUA_TBOOLEAN:
        snprintf(what, sizeof what, "%s", lua_toboolean(L, index) ? "true" : "false");
        break;
    case LUA_TSTRING: {
        const char *text = lua_tolstring(L, index, &len);
        if (len <= 40 && utf8_is_valid(text, len))
            snprintf(what, sizeof what, "\"%s\"", text);
        else
            snprintf(what, sizeof what, "a string of %zu bytes", len);
        break;
    }
    default: snprintf(what, sizeof what, "a %s", lua_typename(L, lua_type(L, index)));
    }
    type_describe(t, wants, sizeof wants);
    err_set(e, -EINVAL, "%s: %s is not %s", path, what, wants);
}

void lua_payload_get_path(lua_State *L, int index, const char *path)
{
    const char *dot;

    lua_pushvalue(L, index);
    while ((dot = strchr(path, '.'))) {
        if (lua_type(L, -1) != LUA_TTABLE)
            break;
        lua_pushlstring(L, path, (size_t)(dot - path));
        lua_rawget(L, -2);
        lua_remove(L, -2);
        path = dot + 1;
    }
    if (lua_type(L, -1) == LUA_TTABLE) {
        lua_pushstring(L, path);
        lua_rawget(L, -2);
    } else {
        lua_pushnil(L);
    }
    lua_remove(L, -2);
}

void lua_payload_set_path(lua_State *L, int index, const char *path)
{
    const char *dot;

    lua_pushvalue(L, index); /* value, table */
    while ((dot = strchr(path, '.'))) {
        lua_pushlstring(L, path, (size_t)(dot - path));
        lua_rawget(L, -2);
        if (lua_type(L, -1) != LUA_TTABLE) {
            lua_pop(L, 1);
            lua_newtable(L);
            lua_pushlstring(L, path, (size_t)(dot - path));
            lua_pushvalue(L, -2);
            lua_rawset(L, -4);
        }
        lua_remove(L, -2);
        path = dot + 1;
    }
    lua_pushstring(L, path);
    lua_pushvalue(L, -3);
    lua_rawset(L, -3);
    lua_pop(L, 2);
}

static int read_any(lua_State *L, int index, int depth, struct buf *out, struct err *e);

static void put_text(struct buf *out, const char *text, size_t len)
{
    wire_put_u8(out, utf8_is_valid(text, len) ? ANY_STR : ANY_BYTES);
    wire_put_uv(out, len);
    buf_append(out, text, len);
}

static int put_number(struct buf *out, double v, struct err *e)
{
    if (!isfinite(v))
        return err_set(e, -EINVAL, "%s cannot be sent", isnan(v) ? "nan" : "inf");
    if (v >= INT32_MIN && v <= INT32_MAX && v == floor(v)) {
        wire_put_u8(out, ANY_INT);
        wire_put_sv(out, (int64_t)v);
    } else {
        wire_put_u8(out, ANY_F64);
        wire_put_f64(out, v);
    }
    return 0;
}

/* How many entries the table has, and whether their keys are 1..n. */
static size_t count_entries(lua_State *L, int index, bool *is_array)
{
    size_t n = 0;
    double highest = 0;

    *is_array = true;
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        double key = lua_type(L, -2) == LUA_TNUMBER ? lua_tonumber(L, -2) : 0;
        if (!(key >= 1) || key != floor(key))
            *is_array = false;
        else if (key > highest)
            highest = key;
        n++;
    }
    *is_array = *is_array && n > 0 && highest == (double)n;
    return n;
}

static int read_array(lua_State *L, int index, size_t n, int depth, struct buf *out,
                      struct err *e)
{
    wire_put_u8(out, ANY_ARRAY);
    wire_put_uv(out, n);
    for (size_t i = 1; i <= n; i++) {
        lua_rawgeti(L, index, (int)i);
        int r = read_any(L, lua_gettop(L), depth + 1, out, e);
        lua_pop(L, 1);
        if (r < 0)
            return r;
    }
    return 0;
}

static int read_map(lua_State *L, int index, size_t n, int depth, struct buf *out,
                    struct err *e)
{
    wire_put_u8(out, ANY_MAP);
    wire_put_uv(out, n);
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        char number[32];
        size_t len;
        const char *key = number;
        if (lua_type(L, -2) == LUA_TSTRING) {
            key = lua_tolstring(L, -2, &len);
            if (!utf8_is_valid(key, len))
                return err_set(e, -EINVAL, "a key of the table is not UTF-8");
        } else if (lua_type(L, -2) == LUA_TNUMBER) {
            len = (size_t)snprintf(number, sizeof number, "%.14g", lua_tonumber(L, -2));
        } else {
            return err_set(e, -EINVAL, "a %s cannot be a key",
                           lua_typename(L, lua_type(L, -2)));
        }
        wire_put_uv(out, 0);
        wire_put_str(out, key, len);
        int r = read_any(L, lua_gettop(L), depth + 1, out, e);
        if (r < 0)
            return r;
    }
    return 0;
}

static int read_any(lua_State *L, int index, int depth, struct buf *out, struct err *e)
{
    bool is_array;
    size_t len;
    const char *text;

    /* A table may be in another a hundred times, and that one a hundred times in
     * the next: what is too big has to end the walk. */
    if (out->failed)
        return err_set(e, -EINVAL, "the message is too big");
    switch (lua_type(L, index)) {
    case LUA_TNONE:
    case LUA_TNIL: wire_put_u8(out, ANY_NIL); return 0;
    case LUA_TBOOLEAN:
        wire_put_u8(out, lua_toboolean(L, index) ? ANY_TRUE : ANY_FALSE);
        return 0;
    case LUA_TNUMBER: return put_number(out, lua_tonumber(L, index), e);
    case LUA_TSTRING:
        text = lua_tolstring(L, index, &len);
        put_text(out, text, len);
        return 0;
    case LUA_TTABLE:
        if (depth >= ANY_MAX_DEPTH || !lua_checkstack(L, 8))
            return err_set(e, -EINVAL, "tables are nested deeper than %d, or in a circle",
                           ANY_MAX_DEPTH);
        len = count_entries(L, index, &is_array);
        return is_array ? read_array(L, index, len, depth, out, e)
                        : read_map(L, index, len, depth, out, e);
    default:
        return err_set(e, -EINVAL, "a %s cannot be sent",
                       lua_typename(L, lua_type(L, index)));
    }
}

static int read_record(lua_State *L, int index, const struct record *record,
                       struct buf *out, struct err *e)
{
    if (lua_type(L, index) != LUA_TTABLE && !lua_isnoneornil(L, index))
        return err_set(e, -EINVAL, "a table is expected, not a %s",
                       lua_typename(L, lua_type(L, index)));
    for (uint32_t i = 0; i < record->n_fields; i++) {
        const struct field *f = &record->fields[i];
        union cell c;
        if (lua_isnoneornil(L, index)) {
            type_put(&f->type, f->preset, out);
            continue;
        }
        lua_payload_get_path(L, index, f->path);
        if (lua_isnil(L, -1)) {
            type_put(&f->type, f->preset, out);
        } else if (lua_payload_cell(L, -1, &f->type, &c) != TYPE_OK) {
            lua_payload_explain(L, -1, f->path, &f->type, e);
            lua_pop(L, 1);
            return -EINVAL;
        } else {
            type_put(&f->type, c, out);
            type_release(&f->type, &c);
        }
        lua_pop(L, 1);
    }
    return 0;
}

int lua_payload_read(lua_State *L, int index, const struct record *record, struct buf *out,
                     struct err *e)
{
    int top = lua_gettop(L), at = absolute(L, index);
    int r = record ? read_record(L, at, record, out, e) : read_any(L, at, 0, out, e);

    lua_settop(L, top);
    if (r == 0 && out->failed)
        r = err_set(e, -EINVAL, "the message is too big");
    return r;
}

static void push_any(lua_State *L, struct wire_in *in)
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
            push_any(L, in);
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
            push_any(L, in);
            lua_rawset(L, -3);
        }
        break;
    default: lua_pushnil(L); break;
    }
}

void lua_payload_push(lua_State *L, const struct record *record, struct wire_in *in)
{
    if (!record) {
        push_any(L, in);
        return;
    }
    lua_createtable(L, 0, (int)record->n_fields);
    for (uint32_t i = 0; i < record->n_fields; i++) {
        const struct field *f = &record->fields[i];
        union cell c = {0};
        type_get(&f->type, in, &c);
        lua_payload_push_cell(L, &f->type, c);
        type_release(&f->type, &c);
        lua_payload_set_path(L, lua_gettop(L) - 1, f->path);
    }
}
