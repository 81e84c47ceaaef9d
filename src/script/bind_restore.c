/* SPDX-License-Identifier: MIT */
/*
 * bind_restore - what host.lua asks C for where limits are at hand: what the image
 * holds, for putting a room's tables back, and whether something large would fit.
 */
#include <lauxlib.h>

#include "script/lua_payload.h"
#include "script/vm_internal.h"

/* room_for(bytes): raise where so much more would pass the game's memory. */
int bind_room_for(lua_State *L)
{
    const struct vm *vm = lua_touserdata(L, lua_upvalueindex(1));
    const struct vm_memory *m = &vm->memory;
    double bytes = luaL_checknumber(L, 1);

    if ((double)m->used + bytes > (double)m->cap)
        return luaL_error(L, "the result would not fit into the game's memory");
    return 0;
}

/* rows(handle, table) -> {slot, key, slot, key, …}, as the image has them. */
int bind_rows(lua_State *L)
{
    const struct script_room *sr = bind_room_at(L, 1);
    const struct table *table = &sr->image->tables[(uint32_t)luaL_checknumber(L, 2)];
    int n = 0;

    lua_newtable(L);
    for (uint32_t slot = 0; slot < table->cap; slot++) {
        const struct row *row = table->rows[slot];
        if (!row)
            continue;
        lua_pushnumber(L, slot);
        lua_rawseti(L, -2, ++n);
        if (table->record->keys == KEY_STR)
            lua_pushlstring(L, (const char *)row->key.text->bytes, row->key.text->len);
        else
            lua_pushnumber(L, (double)row->key.number);
        lua_rawseti(L, -2, ++n);
    }
    return 1;
}

/* row_restore(handle, table, slot, row): fields that mean something else than in
 * the image get its value. */
int bind_row_restore(lua_State *L)
{
    const struct script_room *sr = bind_room_at(L, 1);
    uint32_t table = (uint32_t)luaL_checknumber(L, 2);
    const struct record *record = sr->image->tables[table].record;
    const struct row *row = image_row(sr->image, table, (uint32_t)luaL_checknumber(L, 3));

    luaL_checktype(L, 4, LUA_TTABLE);
    for (uint32_t i = 0; i < record->n_fields; i++) {
        const struct field *f = &record->fields[i];
        union cell c;
        bool is_same = false;
        lua_payload_get_path(L, 4, f->path);
        if (lua_payload_cell(L, -1, &f->type, &c) == TYPE_OK) {
            is_same = type_equal(&f->type, c, row->now[i]);
            type_release(&f->type, &c);
        }
        lua_pop(L, 1);
        if (is_same)
            continue;
        lua_payload_push_cell(L, &f->type, row->now[i]);
        lua_payload_set_path(L, 4, f->path);
    }
    return 0;
}
