/* SPDX-License-Identifier: MIT */
#include "script/lua_sort.h"

#include <lauxlib.h>
#include <string.h>

#include "script/vm_internal.h"

/* Places on the stack: the list, the function or nil, the list as it was. */
enum { LIST = 1, BEFORE = 2, COPY = 3 };

/* Does element a of the copy come before element b? */
static bool comes_before(lua_State *L, int a, int b)
{
    bool is;

    if (lua_isnil(L, BEFORE)) {
        lua_rawgeti(L, COPY, a);
        lua_rawgeti(L, COPY, b);
        is = lua_lessthan(L, -2, -1);
        lua_pop(L, 2);
    } else {
        lua_pushvalue(L, BEFORE);
        lua_rawgeti(L, COPY, a);
        lua_rawgeti(L, COPY, b);
        lua_call(L, 2, 1);
        is = lua_toboolean(L, -1);
        lua_pop(L, 1);
    }
    return is;
}

/* Merge from[low, middle) and from[middle, high) into to[low, high). */
static void merge(lua_State *L, const int *from, int *to, ptrdiff_t low, ptrdiff_t middle,
                  ptrdiff_t high)
{
    ptrdiff_t a = low, b = middle;

    for (ptrdiff_t i = low; i < high; i++)
        to[i] = b >= high || (a < middle && !comes_before(L, from[b], from[a])) ? from[a++]
                                                                                : from[b++];
}

int lua_sort(lua_State *L)
{
    luaL_checktype(L, LIST, LUA_TTABLE);
    if (!lua_isnoneornil(L, BEFORE))
        luaL_checktype(L, BEFORE, LUA_TFUNCTION);
    lua_settop(L, BEFORE);
    vm_check_stack(L, lua_touserdata(L, lua_upvalueindex(1)));

    size_t size = lua_objlen(L, LIST);
    int n = (int)size;
    if (n < 2)
        return 0;
    lua_createtable(L, n, 0);
    /* Lua's memory, since a comparison may raise. */
    int *from = lua_newuserdata(L, 2 * size * sizeof *from), *to = from + n;
    for (int i = 0; i < n; i++) {
        from[i] = i + 1;
        lua_rawgeti(L, LIST, i + 1);
        lua_rawseti(L, COPY, i + 1);
    }
    for (ptrdiff_t width = 1; width < n; width *= 2) {
        for (ptrdiff_t low = 0; low < n; low += 2 * width) {
            ptrdiff_t middle = low + width < n ? low + width : n;
            merge(L, from, to, low, middle, middle + width < n ? middle + width : n);
        }
        int *spare = from;
        from = to;
        to = spare;
    }
    for (int i = 0; i < n; i++) {
        lua_rawgeti(L, COPY, from[i]);
        lua_rawseti(L, LIST, i + 1);
    }
    return 0;
}
