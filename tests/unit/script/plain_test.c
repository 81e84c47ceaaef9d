/* SPDX-License-Identifier: MIT */
#include "plain.h"
#include "unit.h"
#include <math.h>

#include "proto/utf8.h"
#include "state/schema.h"

enum { MAX_ENTRIES = 64, MAX_LEVELS = 24 };

/* A member in wire form, with its key apart for the order. */
struct entry {
    bool is_number;
    double number;
    char text[300];
    size_t len;
    struct buf value;
};

static bool any(lua_State *L, int index, int depth, struct buf *out);

static bool before(const struct entry *a, const struct entry *b)
{
    size_t n = a->len < b->len ? a->len : b->len;
    int order = memcmp(a->text, b->text, n);

    if (a->is_number)
        return a->number < b->number;
    return order < 0 || (order == 0 && a->len < b->len);
}

static bool put_key(const struct entry *e, enum key_kind kind, struct buf *out)
{
    if (kind == KEY_PLAYER && e->is_number && e->number >= 1 && e->number <= 4294967295.0)
        wire_put_uv(out, (uint64_t)e->number);
    else if (kind == KEY_INT && e->is_number && fabs(e->number) < 2147483648.0)
        wire_put_sv(out, (int64_t)e->number);
    else if (kind == KEY_STR && !e->is_number && e->len >= 1 && e->len <= 255)
        wire_put_str(out, e->text, e->len);
    else
        return false;
    return !e->is_number || e->number == floor(e->number);
}

/* The members of the table in ascending order. `t` NULL: of an any. */
static bool members(lua_State *L, int index, const struct type *t, int depth,
                    struct buf *out)
{
    static struct entry pool[MAX_LEVELS][MAX_ENTRIES];
    static int level;
    struct entry *list = pool[level++ % MAX_LEVELS];
    int n = 0;
    bool good = true;

    CHECK(level <= MAX_LEVELS);
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        struct entry e = {.is_number = lua_type(L, -2) == LUA_TNUMBER};
        CHECK(n < MAX_ENTRIES);
        buf_init(&e.value, 0);
        if (e.is_number) {
            e.number = lua_tonumber(L, -2);
            e.len = (size_t)snprintf(e.text, sizeof e.text, "%.14g", e.number);
            e.is_number = t != NULL; /* keys of an any are texts */
        } else if (lua_type(L, -2) == LUA_TSTRING) {
            const char *text = lua_tolstring(L, -2, &e.len);
            CHECK(e.len < sizeof e.text);
            memcpy(e.text, text, e.len);
            good &= utf8_is_valid(text, e.len);
        } else {
            good = false;
        }
        good = good && (t ? plain_read(L, lua_gettop(L), t->item, &e.value)
                          : any(L, lua_gettop(L), depth + 1, &e.value));
        int at = n++;
        for (; at > 0 && before(&e, &list[at - 1]); at--)
            list[at] = list[at - 1];
        list[at] = e;
    }
    wire_put_uv(out, (uint64_t)n);
    for (int i = 0; i < n; i++) {
        good &= i == 0 || before(&list[i - 1], &list[i]);
        if (t) {
            good = good && put_key(&list[i], t->keys, out);
        } else {
            wire_put_uv(out, 0);
            wire_put_str(out, list[i].text, list[i].len);
        }
        if (list[i].value.len)
            buf_append(out, list[i].value.data, list[i].value.len);
        buf_fini(&list[i].value);
    }
    level--;
    return good && (!t || (uint32_t)n <= t->max_items);
}

/* How many entries there are where all keys are 1..n; -1 else. */
static int length(lua_State *L, int index)
{
    int n = 0, found = 0;

    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1))
        n++;
    for (int i = 1; i <= n; i++) {
        lua_rawgeti(L, index, i);
        found += !lua_isnil(L, -1);
        lua_pop(L, 1);
    }
    return found == n ? n : -1;
}

static bool any(lua_State *L, int index, int depth, struct buf *out)
{
    const char *text;
    size_t len;
    double v;

    switch (lua_type(L, index)) {
    case LUA_TNIL: wire_put_u8(out, 0); return true;
    case LUA_TBOOLEAN: wire_put_u8(out, lua_toboolean(L, index) ? 2 : 1); return true;
    case LUA_TNUMBER:
        v = lua_tonumber(L, index);
        if (v == floor(v) && fabs(v) < 2147483648.0) {
            wire_put_u8(out, 3);
            wire_put_sv(out, (int64_t)v);
        } else {
            wire_put_u8(out, 4);
            wire_put_f64(out, v);
        }
        return isfinite(v);
    case LUA_TSTRING:
        text = lua_tolstring(L, index, &len);
        wire_put_u8(out, utf8_is_valid(text, len) ? 5 : 8);
        wire_put_str(out, text, len);
        return true;
    case LUA_TTABLE: break;
    default: return false;
    }
    if (depth == 16)
        return false;
    int n = length(L, index);
    if (n <= 0) {
        wire_put_u8(out, 7);
        return members(L, index, NULL, depth, out);
    }
    wire_put_u8(out, 6);
    wire_put_uv(out, (uint64_t)n);
    bool good = true;
    for (int i = 1; i <= n && good; i++) {
        lua_rawgeti(L, index, i);
        good = any(L, lua_gettop(L), depth + 1, out);
        lua_pop(L, 1);
    }
    return good;
}

static bool list(lua_State *L, int index, const struct type *t, struct buf *out)
{
    int n = length(L, index);
    bool good = n >= 0 && (uint32_t)n <= t->max_items;

    wire_put_uv(out, (uint64_t)(n < 0 ? 0 : n));
    for (int i = 1; i <= n && good; i++) {
        lua_rawgeti(L, index, i);
        good = plain_read(L, lua_gettop(L), t->item, out);
        lua_pop(L, 1);
    }
    return good;
}

static bool record(lua_State *L, int index, const struct type *t, struct buf *out)
{
    bool good = true;

    for (uint32_t i = 0; i < t->n_fields && good; i++) {
        lua_pushstring(L, t->fields[i].path); /* none is nested in these tests */
        lua_rawget(L, index);
        if (lua_isnil(L, -1))
            type_put(&t->fields[i].type, t->fields[i].preset, out);
        else
            good = plain_read(L, lua_gettop(L), &t->fields[i].type, out);
        lua_pop(L, 1);
    }
    return good;
}

bool plain_read(lua_State *L, int index, const struct type *t, struct buf *out)
{
    bool is_table = lua_type(L, index) == LUA_TTABLE;
    size_t start = out->len, len;
    union cell c = {0};

    switch (t->kind) {
    case TYPE_OPT:
        wire_put_u8(out, !lua_isnil(L, index));
        return lua_isnil(L, index) || plain_read(L, index, t->item, out);
    case TYPE_LIST: return is_table && list(L, index, t, out);
    case TYPE_MAP: return is_table && members(L, index, t, 0, out);
    case TYPE_RECORD: return is_table && record(L, index, t, out);
    case TYPE_ANY: return any(L, index, 0, out) && out->len - start <= t->max_bytes;
    default: break;
    }
    enum type_result r = TYPE_ERR_KIND;
    if (lua_type(L, index) == LUA_TNUMBER)
        r = type_from_number(t, lua_tonumber(L, index), &c);
    else if (lua_type(L, index) == LUA_TBOOLEAN)
        r = type_from_bool(t, lua_toboolean(L, index), &c);
    else if (lua_type(L, index) == LUA_TSTRING) {
        const char *text = lua_tolstring(L, index, &len);
        r = type_from_text(t, text, len, &c);
    }
    if (r != TYPE_OK)
        return false;
    type_put(t, c, out);
    type_release(t, &c);
    return true;
}
