/* SPDX-License-Identifier: MIT */
#include "script/lua_match.h"

#include <lauxlib.h>
#include <string.h>

#include "script/match.h"
#include "script/vm_internal.h"
#include "script/watchdog.h"

static void begin(struct match *m, const char *text, size_t len, const char *pattern,
                  size_t n_pattern)
{
    match_init(m, text, len, pattern, n_pattern, LUA_MATCH_MAX_STEPS);
    m->is_over = watchdog_is_over;
}

/* match_at() with fresh captures; raises what is wrong with the pattern. */
static const char *try_at(lua_State *L, struct match *m, const char *at,
                          const char *pattern)
{
    m->level = m->depth = 0;
    const char *end = match_at(m, at, pattern);
    if (m->error)
        luaL_error(L, "%s", m->error);
    return end;
}

/* Capture i, or, where the pattern has none, the whole match from `at` to `end`. */
static void push_capture(lua_State *L, const struct match *m, int i, const char *at,
                         const char *end)
{
    if (i >= m->level) {
        if (i != 0)
            luaL_error(L, "invalid capture index");
        lua_pushlstring(L, at, (size_t)(end - at));
    } else if (m->captures[i].len == MATCH_UNCLOSED) {
        luaL_error(L, "unfinished capture");
    } else if (m->captures[i].len == MATCH_POSITION) {
        lua_pushinteger(L, m->captures[i].at - m->text + 1);
    } else {
        lua_pushlstring(L, m->captures[i].at, (size_t)m->captures[i].len);
    }
}

/* All of them; `at` NULL: none for a pattern without captures. Returns how many. */
static int push_captures(lua_State *L, const struct match *m, const char *at,
                         const char *end)
{
    int n = m->level == 0 && at ? 1 : m->level;

    luaL_checkstack(L, n, "too many captures");
    for (int i = 0; i < n; i++)
        push_capture(L, m, i, at, end);
    return n;
}

static bool has_specials(const char *pattern, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (pattern[i] && strchr("^$*+?.([%-", pattern[i]))
            return true;
    return false;
}

static int find_or_match(lua_State *L, bool is_find)
{
    size_t len, n_pattern;
    const char *text = luaL_checklstring(L, 1, &len);
    const char *pattern = luaL_checklstring(L, 2, &n_pattern);
    double from = (double)luaL_optinteger(L, 3, 1);
    struct match m;

    if (from < 0)
        from = from + (double)len + 1 < 0 ? 0 : from + (double)len + 1;
    if (from > 0)
        from--;
    if (from > (double)len)
        from = (double)len; /* as in 5.1: the empty pattern matches there */
    const char *at = text + (size_t)from;
    if (is_find && (lua_toboolean(L, 4) || !has_specials(pattern, n_pattern))) {
        const char *found = memmem(at, len - (size_t)(at - text), pattern, n_pattern);
        if (!found) {
            lua_pushnil(L);
            return 1;
        }
        lua_pushinteger(L, found - text + 1);
        lua_pushinteger(L, found - text + (ptrdiff_t)n_pattern);
        return 2;
    }
    bool is_anchored = n_pattern > 0 && *pattern == '^';
    begin(&m, text, len, pattern, n_pattern);
    do {
        const char *end = try_at(L, &m, at, pattern + is_anchored);
        if (end && is_find) {
            lua_pushinteger(L, at - text + 1);
            lua_pushinteger(L, end - text);
            return 2 + push_captures(L, &m, NULL, NULL);
        }
        if (end)
            return push_captures(L, &m, at, end);
    } while (at++ < m.text_end && !is_anchored);
    lua_pushnil(L);
    return 1;
}

int lua_match_find(lua_State *L)
{
    return find_or_match(L, true);
}

int lua_match_match(lua_State *L)
{
    return find_or_match(L, false);
}

/* The iterator: upvalues text, pattern, and how far it is. */
static int next_match(lua_State *L)
{
    size_t len, n_pattern;
    const char *text = lua_tolstring(L, lua_upvalueindex(1), &len);
    const char *pattern = lua_tolstring(L, lua_upvalueindex(2), &n_pattern);
    struct match m;

    begin(&m, text, len, pattern, n_pattern);
    for (const char *at = text + lua_tointeger(L, lua_upvalueindex(3)); at <= m.text_end;
         at++) {
        const char *end = try_at(L, &m, at, pattern);
        if (end) {
            lua_pushinteger(L, end - text + (end == at)); /* an empty match moves on */
            lua_replace(L, lua_upvalueindex(3));
            return push_captures(L, &m, at, end);
        }
    }
    return 0;
}

int lua_match_gmatch(lua_State *L)
{
    luaL_checkstring(L, 1);
    luaL_checkstring(L, 2);
    lua_settop(L, 2);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, next_match, 3);
    return 1;
}

/* The text at 3 with its %0 to %9 filled in. */
static void add_text(lua_State *L, const struct match *m, luaL_Buffer *out, const char *at,
                     const char *end)
{
    size_t len;
    const char *by = lua_tolstring(L, 3, &len);

    for (size_t i = 0; i < len; i++) {
        if (by[i] != '%') {
            luaL_addchar(out, by[i]);
        } else if (++i >= len || by[i] < '0' || by[i] > '9') {
            luaL_addchar(out, i < len ? by[i] : '\0');
        } else if (by[i] == '0') {
            luaL_addlstring(out, at, (size_t)(end - at));
        } else {
            push_capture(L, m, by[i] - '1', at, end);
            luaL_addvalue(out);
        }
    }
}

static void add_replacement(lua_State *L, const struct match *m, luaL_Buffer *out,
                            const char *at, const char *end)
{
    switch (lua_type(L, 3)) {
    case LUA_TNUMBER:
    case LUA_TSTRING: add_text(L, m, out, at, end); return;
    case LUA_TTABLE:
        push_capture(L, m, 0, at, end);
        lua_gettable(L, 3);
        break;
    default: lua_pushvalue(L, 3); lua_call(L, push_captures(L, m, at, end), 1);
    }
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        lua_pushlstring(L, at, (size_t)(end - at)); /* as it was */
    } else if (!lua_isstring(L, -1)) {
        luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
    }
    luaL_addvalue(out);
}

int lua_match_gsub(lua_State *L)
{
    size_t len, n_pattern;
    const char *text = luaL_checklstring(L, 1, &len), *at = text;
    const char *pattern = luaL_checklstring(L, 2, &n_pattern);
    int kind = lua_type(L, 3), n = 0;
    int max = luaL_optint(L, 4, len < INT32_MAX ? (int)len + 1 : INT32_MAX);
    bool is_anchored = n_pattern > 0 && *pattern == '^';
    struct match m;
    luaL_Buffer out;

    if (kind != LUA_TNUMBER && kind != LUA_TSTRING && kind != LUA_TFUNCTION &&
        kind != LUA_TTABLE)
        return luaL_argerror(L, 3, "string/function/table expected");
    if (kind == LUA_TFUNCTION || kind == LUA_TTABLE)
        vm_check_stack(L, lua_touserdata(L, lua_upvalueindex(1)));
    begin(&m, text, len, pattern, n_pattern);
    luaL_buffinit(L, &out);
    while (n < max) {
        const char *end = try_at(L, &m, at, pattern + is_anchored);
        if (end) {
            n++;
            add_replacement(L, &m, &out, at, end);
        }
        if (end && end > at)
            at = end;
        else if (at < m.text_end)
            luaL_addchar(&out, *at++);
        else
            break;
        if (is_anchored)
            break;
    }
    luaL_addlstring(&out, at, (size_t)(m.text_end - at));
    luaL_pushresult(&out);
    lua_pushinteger(L, n);
    return 2;
}
