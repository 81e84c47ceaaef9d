/* SPDX-License-Identifier: MIT */
/*
 * bind_interest - what scripts say about what a player sees: player:view, watch and
 * unwatch.
 */
#include <lauxlib.h>
#include <math.h>
#include <string.h>

#include "script/vm_internal.h"

/* Positions and radii past this are no places in a game, and their squares could not
 * be compared. */
#define FARTHEST 1e15

/* options[key] of the table at 2; `preset` NAN where it has to be there. */
static double read_number(lua_State *L, const char *key, double low, double preset)
{
    lua_pushstring(L, key);
    lua_rawget(L, 2);
    double v = lua_tonumber(L, -1);
    if (lua_isnil(L, -1) && !isnan(preset))
        v = preset;
    else if (lua_type(L, -1) != LUA_TNUMBER || !(v >= low && v <= FARTHEST))
        luaL_error(L, "view: %s is a number from %f to 1e15", key, low);
    lua_pop(L, 1);
    return v;
}

/* player:view {x =, y =, radius =} or player:view(nil). */
int bind_player_view(lua_State *L)
{
    uint32_t player;
    struct script_room *sr = bind_room_of(L, 1, &player);
    struct script_view v = {0};

    lua_settop(L, 2);
    if (!lua_isnil(L, 2)) {
        luaL_checktype(L, 2, LUA_TTABLE);
        v.x = read_number(L, "x", -FARTHEST, NAN);
        v.y = read_number(L, "y", -FARTHEST, NAN);
        v.radius = read_number(L, "radius", 0, 0);
    }
    if (sr)
        sr->vm->hooks->view(sr->owner, player, lua_isnil(L, 2) ? NULL : &v);
    return 0;
}

/* watch(collection, key) -> true, or nil and why not; unwatch returns nothing. */
static int watch(lua_State *L, bool on)
{
    uint32_t player;
    struct script_room *sr = bind_room_of(L, 1, &player);
    size_t len, n_key = 0;
    const char *name = luaL_checklstring(L, 2, &len), *text = NULL;

    lua_settop(L, 3);
    if (!sr)
        return 0;
    /* By the image: right after a reload the game's own schema may be newer. */
    const struct schema *schema = sr->image->schema;
    int table = schema_find_table(schema, name, len);
    if (table < 1 || schema->tables[table].interest.kind != INTEREST_KEYS)
        luaL_argerror(L, 2, "a map with interest = s.keys is expected");
    const char *why = bind_check_key(L, 3, &schema->tables[table]);
    if (why)
        luaL_argerror(L, 3, why);
    if (schema->tables[table].keys == KEY_STR)
        text = lua_tolstring(L, 3, &n_key);
    bool done = sr->vm->hooks->watch(sr->owner, player, on, (uint32_t)table,
                                     text ? 0 : (int64_t)lua_tonumber(L, 3), text, n_key);
    if (!on)
        return 0;
    if (!done) {
        lua_pushnil(L);
        lua_pushliteral(L, "too many keys are watched");
        return 2;
    }
    lua_pushboolean(L, true);
    return 1;
}

int bind_player_watch(lua_State *L)
{
    return watch(L, true);
}

int bind_player_unwatch(lua_State *L)
{
    return watch(L, false);
}
