/* SPDX-License-Identifier: MIT */
#include "script/lua_value.h"

#include <errno.h>
#include <inttypes.h>
#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/utf8.h"
#include "script/lua_any.h"
#include "script/lua_payload.h"
#include "script/lua_table.h"
#include "state/value.h"

/* One reading: where it goes, and in which form. */
struct reader {
    lua_State *L;
    struct buf *out;
    struct err *e;
    bool canonical;
};

void lua_value_show(lua_State *L, int index, char *out, size_t size)
{
    const char *text;
    size_t len;

    switch (lua_type(L, index)) {
    case LUA_TNUMBER: snprintf(out, size, "%.14g", lua_tonumber(L, index)); return;
    case LUA_TBOOLEAN:
        snprintf(out, size, "%s", lua_toboolean(L, index) ? "true" : "false");
        return;
    case LUA_TSTRING:
        text = lua_tolstring(L, index, &len);
        if (len <= 40 && utf8_is_valid(text, len))
            snprintf(out, size, "\"%s\"", text);
        else
            snprintf(out, size, "a string of %zu bytes", len);
        return;
    case LUA_TNIL: snprintf(out, size, "nil"); return;
    default: snprintf(out, size, "a %s", lua_typename(L, lua_type(L, index)));
    }
}

/* The number or text at `index` does not fit. */
static int misfit(const struct reader *r, int index, const struct type *t)
{
    char what[128];

    if (!r->e)
        return -EINVAL;
    lua_value_show(r->L, index, what, sizeof what);
    return type_refuse(t, TYPE_ERR_RANGE, "", what, r->e);
}

static int read_value(const struct reader *r, int index, const struct type *t);

/* The table at `index`: how many entries it has. Negative where it is none, or has too
 * many. */
static int64_t open_table(const struct reader *r, int index, const struct type *t,
                          bool *is_array)
{
    if (lua_type(r->L, index) != LUA_TTABLE || !lua_checkstack(r->L, 8))
        return misfit(r, index, t);
    size_t n = lua_table_count(r->L, index, is_array);
    if (n > t->max_items)
        return err_set(r->e, -EINVAL, ": %zu values are more than %" PRIu32, n,
                       t->max_items);
    return (int64_t)n;
}

static int read_list(const struct reader *r, int index, const struct type *t)
{
    bool is_array;
    int64_t n = open_table(r, index, t, &is_array);

    if (n < 0)
        return (int)n;
    wire_put_uv(r->out, (uint64_t)n);
    for (int i = 1; i <= n; i++) {
        lua_rawgeti(r->L, index, i);
        int code = lua_isnil(r->L, -1)
                       ? err_set(r->e, -EINVAL,
                                 ": nothing is here, but %d entries are in the list: its "
                                 "keys are 1..%d",
                                 (int)n, (int)n)
                       : read_value(r, lua_gettop(r->L), t->item);
        lua_pop(r->L, 1);
        if (code < 0)
            return value_err_at(r->e, code, "[%d]", i);
    }
    return 0;
}

static int put_key(const struct reader *r, int index, enum key_kind kind)
{
    double v = lua_tonumber(r->L, index);
    bool is_number = lua_type(r->L, index) == LUA_TNUMBER && v == floor(v);
    struct value_key key = {
        0, {"", 0}
    };
    char what[128];

    if (kind == KEY_STR && lua_type(r->L, index) == LUA_TSTRING) {
        key.text.text = lua_tolstring(r->L, index, &key.text.len);
        if (key.text.len >= 1 && key.text.len <= TYPE_MAX_KEY &&
            utf8_is_valid(key.text.text, key.text.len)) {
            value_put_key(kind, &key, r->out);
            return 0;
        }
    } else if (kind != KEY_STR && is_number && v >= (kind == KEY_INT ? INT32_MIN : 1) &&
               v <= (kind == KEY_INT ? INT32_MAX : (double)UINT32_MAX)) {
        key.number = (int64_t)v;
        value_put_key(kind, &key, r->out);
        return 0;
    }
    if (!r->e)
        return -EINVAL;
    lua_value_show(r->L, index, what, sizeof what);
    return err_set(r->e, -EINVAL, "[%.60s]: the key must be %s", what,
                   kind == KEY_STR   ? "a string of 1 to 255 bytes of UTF-8"
                   : kind == KEY_INT ? "a whole number of 32 bits"
                                     : "a player id");
}

static int read_members(const struct reader *r, int index, const struct type *t,
                        struct lua_member *list)
{
    size_t n = 0;

    for (lua_pushnil(r->L); lua_next(r->L, index); lua_pop(r->L, 1)) {
        size_t at = r->out->len;
        int key = lua_gettop(r->L) - 1, code = put_key(r, key, t->keys);
        if (code < 0)
            return code;
        if ((code = read_value(r, key + 1, t->item)) < 0)
            return lua_table_at_key(r->L, key, false, code, r->e);
        list[n++] = (struct lua_member){.at = at, .len = r->out->len - at};
    }
    return lua_table_sort(r->out, t->keys, list, n, r->e);
}

static int read_typed_map(const struct reader *r, int index, const struct type *t)
{
    bool is_array;
    int64_t n = open_table(r, index, t, &is_array);
    struct lua_member *list;

    if (n < 0)
        return (int)n;
    wire_put_uv(r->out, (uint64_t)n);
    if (!(list = malloc((size_t)(n + 1) * sizeof *list)))
        return err_set(r->e, -ENOMEM, ": out of memory");
    int code = read_members(r, index, t, list);
    free(list);
    return code;
}

/* Absent fields take their defaults, others than the declared are not looked at: as
 * with the rows of a root map. */
static int read_fields(const struct reader *r, int index, const struct type *t)
{
    if (lua_type(r->L, index) != LUA_TTABLE || !lua_checkstack(r->L, 8))
        return misfit(r, index, t);
    for (uint32_t i = 0; i < t->n_fields; i++) {
        const struct field *f = &t->fields[i];
        int code = 0;
        lua_payload_get_path(r->L, index, f->path);
        if (lua_isnil(r->L, -1))
            type_put(&f->type, f->preset, r->out);
        else
            code = read_value(r, lua_gettop(r->L), &f->type);
        lua_pop(r->L, 1);
        if (code < 0)
            return value_err_at(r->e, code, "%s", f->path);
    }
    return 0;
}

static int read_text(const struct reader *r, int index, const struct type *t)
{
    size_t len;
    const char *text;

    if (lua_type(r->L, index) != LUA_TSTRING)
        return misfit(r, index, t);
    text = lua_tolstring(r->L, index, &len);
    if (len > t->max_bytes || (t->kind != TYPE_BYTES && !utf8_is_valid(text, len)))
        return misfit(r, index, t);
    wire_put_str(r->out, text, len);
    return 0;
}

static int read_value(const struct reader *r, int index, const struct type *t)
{
    size_t start = r->out->len;
    union cell c;
    int code, top = lua_gettop(r->L);

    if (r->out->failed)
        return err_set(r->e, -EINVAL, ": the value is too big");
    switch (t->kind) {
    case TYPE_STR:
    case TYPE_TEXT:
    case TYPE_BYTES: return read_text(r, index, t);
    case TYPE_OPT:
        wire_put_u8(r->out, !lua_isnil(r->L, index));
        return lua_isnil(r->L, index) ? 0 : read_value(r, index, t->item);
    case TYPE_LIST: code = read_list(r, index, t); break;
    case TYPE_MAP: code = read_typed_map(r, index, t); break;
    case TYPE_RECORD: code = read_fields(r, index, t); break;
    case TYPE_ANY:
        code = lua_any_read(r->L, index, r->canonical, r->out, r->e);
        if (code == 0 && r->out->len - start > t->max_bytes)
            code = err_set(r->e, -EINVAL, ": %zu bytes are more than %" PRIu32,
                           r->out->len - start, t->max_bytes);
        break;
    default:
        if (lua_payload_cell(r->L, index, t, &c) != TYPE_OK)
            return misfit(r, index, t);
        type_put(t, c, r->out);
        return 0;
    }
    lua_settop(r->L, top);
    return code;
}

int lua_value_read(lua_State *L, int index, const struct type *t, bool canonical,
                   struct buf *out, struct err *e)
{
    return read_value(&(struct reader){L, out, e, canonical}, index, t);
}

static void push_items(lua_State *L, const struct type *t, struct wire_in *in)
{
    uint32_t n = wire_uv(in);

    lua_newtable(L); /* not sized by n: memory only for what is really there */
    for (uint32_t i = 1; i <= n && !in->failed; i++) {
        if (t->kind == TYPE_MAP) {
            struct value_key key = value_get_key(t->keys, in);
            if (t->keys == KEY_STR)
                lua_pushlstring(L, key.text.text, key.text.len);
            else
                lua_pushnumber(L, (double)key.number);
        } else {
            lua_pushnumber(L, i);
        }
        lua_value_push(L, t->item, in);
        lua_rawset(L, -3);
    }
}

void lua_value_push(lua_State *L, const struct type *t, struct wire_in *in)
{
    struct wire_str s;
    union cell c;

    luaL_checkstack(L, 6, "value");
    switch (t->kind) {
    case TYPE_STR:
    case TYPE_TEXT:
        s = wire_str(in);
        lua_pushlstring(L, s.text, s.len);
        break;
    case TYPE_BYTES: {
        uint32_t n = wire_uv(in);
        const uint8_t *bytes = wire_raw(in, n);
        lua_pushlstring(L, bytes ? (const char *)bytes : "", bytes ? n : 0);
        break;
    }
    case TYPE_OPT:
        if (wire_u8(in))
            lua_value_push(L, t->item, in);
        else
            lua_pushnil(L);
        break;
    case TYPE_LIST:
    case TYPE_MAP: push_items(L, t, in); break;
    case TYPE_ANY: lua_any_push(L, in); break;
    case TYPE_RECORD:
        lua_createtable(L, 0, (int)t->n_fields);
        for (uint32_t i = 0; i < t->n_fields; i++) {
            lua_value_push(L, &t->fields[i].type, in);
            lua_payload_set_path(L, lua_gettop(L) - 1, t->fields[i].path);
        }
        break;
    default:
        type_get(t, in, &c); /* a number: nothing to release */
        lua_payload_push_cell(L, t, c);
    }
}
