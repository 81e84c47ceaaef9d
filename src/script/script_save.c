/* SPDX-License-Identifier: MIT */
#include "script/script_save.h"

#include <cJSON.h>
#include <lauxlib.h>
#include <stdio.h>

#include "proto/record.h"
#include "proto/wire.h"
#include "script/lua_payload.h"
#include "script/vm_internal.h"
#include "state/payload.h"

struct timers {
    struct script_room *sr;
    struct buf *out;
    const uint8_t *any;
    size_t n;
};

static void push_data(lua_State *L, const struct script_room *sr)
{
    lua_rawgeti(L, LUA_REGISTRYINDEX, sr->data_ref);
}

/* Append those of the list at the top of the stack that can be kept, as an array. */
static void put_timers(lua_State *L, struct vm *vm, struct timers *t)
{
    int n = (int)lua_objlen(L, -1);
    uint32_t n_kept = 0;
    struct buf *items = &vm->scratch;
    struct err e;

    buf_clear(items);
    for (int i = 1; i <= n; i++) {
        size_t at = items->len;
        lua_rawgeti(L, -1, i);
        int r = lua_payload_read(L, -1, NULL, items, &e);
        if (r == 0) {
            n_kept++;
        } else {
            buf_truncate(items, at);
            lua_getfield(L, -1, "method");
            if (!t->sr->has_lost_timer)
                vm_report(vm, lua_pushfstring(L,
                                              "a timer of %s is not kept with the room, "
                                              "because of its arguments: %s",
                                              lua_tostring(L, -1), e.text));
            t->sr->has_lost_timer = true;
            lua_settop(L, -2);
        }
        lua_settop(L, 1);
    }
    wire_put_u8(t->out, n_kept ? ANY_ARRAY : ANY_MAP); /* what is empty is a map */
    wire_put_uv(t->out, n_kept);
    buf_append(t->out, items->data, items->len);
    if (items->failed)
        luaL_error(L, "the room's timers are too large to be kept");
}

static void get_body(lua_State *L, struct vm *vm, void *arg)
{
    struct timers *t = arg;

    vm_push(L, vm, REF_TIMERS_GET);
    push_data(L, t->sr);
    lua_call(L, 1, 2);
    double last = lua_tonumber(L, -1);
    lua_settop(L, 1);
    wire_put_u8(t->out, ANY_ARRAY); /* {list, the last id that was given out} */
    wire_put_uv(t->out, 2);
    put_timers(L, vm, t);
    wire_put_u8(t->out, ANY_F64);
    wire_put_f64(t->out, last);
}

enum script_result script_timers_get(struct script_room *sr, struct buf *out)
{
    struct timers t = {.sr = sr, .out = out};

    return vm_protect(sr->vm, sr, "timer", get_body, &t);
}

static void put_body(lua_State *L, struct vm *vm, void *arg)
{
    const struct timers *t = arg;
    struct wire_in in = wire_from(t->any, t->n);

    vm_push(L, vm, REF_TIMERS_PUT);
    push_data(L, t->sr);
    lua_payload_push(L, NULL, &in);
    lua_call(L, 2, 0);
}

enum script_result script_timers_put(struct script_room *sr, const uint8_t *any, size_t n)
{
    struct timers t = {.sr = sr, .any = any, .n = n};

    return vm_protect(sr->vm, sr, "timer", put_body, &t);
}

struct adoption {
    struct script_room *sr;
    const struct image *saved;
    const cJSON *state; /* of the schema that it was saved by */
};

static void push_json(lua_State *L, const cJSON *v)
{
    const cJSON *member;
    int n = 0;

    luaL_checkstack(L, 4, "schema");
    if (cJSON_IsString(v)) {
        lua_pushstring(L, v->valuestring);
    } else if (cJSON_IsNumber(v)) {
        lua_pushnumber(L, v->valuedouble);
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
        lua_pushboolean(L, cJSON_IsTrue(v));
    }
}

/* A row's fields into the table at `index`. */
static void set_fields(lua_State *L, int index, const struct record *record,
                       const struct row *row)
{
    for (uint32_t i = 0; i < record->n_fields; i++) {
        lua_payload_push_cell(L, &record->fields[i].type, row->now[i]);
        lua_payload_set_path(L, index, record->fields[i].path);
    }
}

static void push_key(lua_State *L, const struct record *record, const struct row *row)
{
    if (record->keys == KEY_STR)
        lua_pushlstring(L, (const char *)row->key.text->bytes, row->key.text->len);
    else
        lua_pushnumber(L, (double)row->key.number);
}

/* All that the image holds, as the tables that scripts would have. */
static void push_state(lua_State *L, const struct image *img)
{
    int state = lua_gettop(L) + 1;

    lua_newtable(L);
    set_fields(L, state, img->tables[0].record, image_row(img, 0, 0));
    for (uint32_t t = 1; t < img->schema->n_tables; t++) {
        const struct table *table = &img->tables[t];
        lua_newtable(L);
        for (uint32_t slot = 0; slot < table->cap; slot++) {
            if (!table->rows[slot])
                continue;
            push_key(L, table->record, table->rows[slot]);
            lua_newtable(L);
            set_fields(L, lua_gettop(L), table->record, table->rows[slot]);
            lua_rawset(L, state + 1);
        }
        lua_setfield(L, state, table->record->name);
    }
}

static void adopt_body(lua_State *L, struct vm *vm, void *arg)
{
    const struct adoption *a = arg;

    vm_push(L, vm, REF_ROOM_ADOPT);
    push_data(L, a->sr);
    push_state(L, a->saved);
    push_json(L, a->state);
    lua_call(L, 3, 0);
}

enum script_result script_adopt(struct script_room *sr, const struct image *saved)
{
    cJSON *json = cJSON_ParseWithLength(saved->schema->full, saved->schema->n_full);
    struct adoption a = {sr, saved, cJSON_GetObjectItemCaseSensitive(json, "state")};
    enum script_result r = SCRIPT_RAISED;

    if (a.state)
        r = vm_protect(sr->vm, sr, "restore", adopt_body, &a);
    cJSON_Delete(json);
    return r;
}
