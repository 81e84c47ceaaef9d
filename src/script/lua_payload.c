/* SPDX-License-Identifier: MIT */
#include "script/lua_payload.h"

#include <errno.h>
#include <lauxlib.h>
#include <string.h>

#include "script/lua_any.h"
#include "script/lua_value.h"
#include "state/value.h"

static int absolute(lua_State *L, int index)
{
    return index < 0 && index > LUA_REGISTRYINDEX ? lua_gettop(L) + index + 1 : index;
}

static enum type_result composed_cell(lua_State *L, int index, const struct type *t,
                                      union cell *out)
{
    enum type_result r = TYPE_ERR_RANGE;
    struct buf wire;

    buf_init(&wire, TYPE_MAX_COMPOSED);
    if (lua_value_read(L, absolute(L, index), t, true, &wire, NULL) == 0 && !wire.failed)
        r = type_from_wire(t, wire.data, wire.len, out);
    buf_fini(&wire);
    return r;
}

enum type_result lua_payload_cell(lua_State *L, int index, const struct type *t,
                                  union cell *out)
{
    size_t len;
    const char *text;

    if (type_is_composed(t))
        return composed_cell(L, index, t, out);
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
    case TYPE_TEXT:
    case TYPE_BYTES:
        if (c.text)
            lua_pushlstring(L, (const char *)c.text->bytes, c.text->len);
        else
            lua_pushliteral(L, "");
        break;
    case TYPE_OPT:
    case TYPE_LIST:
    case TYPE_MAP:
    case TYPE_ANY: {
        struct wire_in in = type_wire(c);
        lua_value_push(L, t, &in);
        break;
    }
    default: lua_pushnumber(L, type_to_number(t, c)); break;
    }
}

void lua_payload_explain(lua_State *L, int index, const char *path, const struct type *t,
                         struct err *e)
{
    char what[128];
    struct buf wire;

    if (!type_is_composed(t)) {
        lua_value_show(L, index, what, sizeof what);
        type_refuse(t, TYPE_ERR_RANGE, path, what, e);
        return;
    }
    /* Read once more, for the words: the place inside is known only on the way. */
    buf_init(&wire, TYPE_MAX_COMPOSED);
    if (lua_value_read(L, absolute(L, index), t, true, &wire, e) < 0 && !wire.failed)
        value_err_at(e, -EINVAL, "%s", path);
    else
        err_set(e, -EINVAL, "%s: the value is longer than %d bytes", path,
                TYPE_MAX_COMPOSED);
    buf_fini(&wire);
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

static int read_record(lua_State *L, int index, const struct record *record,
                       struct buf *out, struct err *e)
{
    if (lua_type(L, index) != LUA_TTABLE && !lua_isnoneornil(L, index))
        return err_set(e, -EINVAL, "a table is expected, not a %s",
                       lua_typename(L, lua_type(L, index)));
    for (uint32_t i = 0; i < record->n_fields; i++) {
        const struct field *f = &record->fields[i];
        int r = 0;
        if (lua_isnoneornil(L, index)) {
            type_put(&f->type, f->preset, out);
            continue;
        }
        lua_payload_get_path(L, index, f->path);
        if (lua_isnil(L, -1))
            type_put(&f->type, f->preset, out);
        else
            r = lua_value_read(L, lua_gettop(L), &f->type, false, out, e);
        lua_pop(L, 1);
        if (r < 0)
            return value_err_at(e, r, "%s", f->path);
    }
    return 0;
}

int lua_payload_read(lua_State *L, int index, const struct record *record, struct buf *out,
                     struct err *e)
{
    int top = lua_gettop(L), at = absolute(L, index);
    int r =
        record ? read_record(L, at, record, out, e) : lua_any_read(L, at, false, out, e);

    lua_settop(L, top);
    if (out->failed)
        return err_set(e, -EINVAL, "the message is too big");
    if (r < 0 && e && *e->text == ':') /* the value itself, which has no name here */
        r = err_set(e, r, "%s", strdupa(e->text) + 2);
    return r;
}

void lua_payload_push(lua_State *L, const struct record *record, struct wire_in *in)
{
    if (!record) {
        lua_any_push(L, in);
        return;
    }
    lua_createtable(L, 0, (int)record->n_fields);
    for (uint32_t i = 0; i < record->n_fields; i++) {
        const struct field *f = &record->fields[i];
        lua_value_push(L, &f->type, in);
        lua_payload_set_path(L, lua_gettop(L) - 1, f->path);
    }
}
