/* SPDX-License-Identifier: MIT */
#include "server/lua_json.h"

#include <cJSON.h>
#include <lauxlib.h>

static void push_json(lua_State *L, const cJSON *v)
{
    const cJSON *member;
    int n = 0;

    luaL_checkstack(L, 4, "json");
    if (cJSON_IsString(v)) {
        lua_pushstring(L, v->valuestring);
    } else if (cJSON_IsNumber(v)) {
        lua_pushnumber(L, v->valuedouble);
    } else if (cJSON_IsBool(v)) {
        lua_pushboolean(L, cJSON_IsTrue(v));
    } else if (cJSON_IsObject(v) || cJSON_IsArray(v)) {
        lua_newtable(L);
        cJSON_ArrayForEach(member, v)
        {
            push_json(L, member);
            if (member->string)
                lua_setfield(L, -2, member->string);
            else
                lua_rawseti(L, -2, ++n);
        }
    } else {
        lua_pushlightuserdata(L, NULL); /* null */
    }
}

int lua_json_read(lua_State *L)
{
    cJSON *v = cJSON_Parse(luaL_checkstring(L, 1));

    if (!v)
        return luaL_error(L, "this is not JSON: %s", lua_tostring(L, 1));
    push_json(L, v);
    cJSON_Delete(v);
    return 1;
}
