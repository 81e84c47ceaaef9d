/* SPDX-License-Identifier: MIT */
/*
 * bind - the C functions that host.lua is handed: what rooms and players can do,
 * and what the scan asks of the image. Those in room_api and player_api are
 * called by scripts directly, so each checks its arguments and raises at the
 * script's own line.
 */
#include <lauxlib.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/logger.h"
#include "proto/utf8.h"
#include "script/lua_match.h"
#include "script/lua_payload.h"
#include "script/lua_sort.h"
#include "script/vm_internal.h"

enum { MAX_REASON_BYTES = 120, MAX_STACK_BYTES = 1 << 20 };

struct vm *bind_vm_of(lua_State *L)
{
    return lua_touserdata(L, lua_upvalueindex(1));
}

struct script_room *bind_room_of(lua_State *L, int index, uint32_t *player)
{
    struct vm *vm = bind_vm_of(L);

    luaL_checktype(L, index, LUA_TTABLE);
    vm_push(L, vm, REF_HANDLES);
    lua_pushvalue(L, index);
    lua_rawget(L, -2);
    double h = lua_tonumber(L, -1);
    lua_pop(L, 2);
    uint32_t handle = (uint32_t)(h / 4294967296.0);
    *player = (uint32_t)(h - handle * 4294967296.0);
    return handle < vm->cap_rooms ? vm->rooms[handle] : NULL;
}

/* Why a player or all of them have to go, as a Close frame can carry it. */
static const char *check_reason(lua_State *L, int index)
{
    size_t len = 0;
    const char *reason = luaL_optlstring(L, index, "", &len);

    if (len > MAX_REASON_BYTES || strlen(reason) != len || !utf8_is_valid(reason, len))
        luaL_argerror(L, index, "a reason has at most 120 bytes of UTF-8");
    return reason;
}

static int room_lock(lua_State *L)
{
    uint32_t none;
    struct script_room *sr = bind_room_of(L, 1, &none);

    luaL_checktype(L, 2, LUA_TBOOLEAN);
    if (sr)
        sr->vm->hooks->lock(sr->owner, lua_toboolean(L, 2));
    return 0;
}

static int room_close(lua_State *L)
{
    uint32_t none;
    struct script_room *sr = bind_room_of(L, 1, &none);
    const char *reason = check_reason(L, 2);

    if (sr)
        sr->vm->hooks->close(sr->owner, reason);
    return 0;
}

/* random() in [0, 1); random(n) in 1..n; random(m, n) in m..n. */
static int room_random(lua_State *L)
{
    uint32_t none;
    struct script_room *sr = bind_room_of(L, 1, &none);

    if (!sr)
        return luaL_error(L, "random: the room is closed");
    if (lua_gettop(L) == 1) {
        lua_pushnumber(L, rnd_unit(&sr->rnd));
        return 1;
    }
    double low = lua_gettop(L) == 2 ? 1 : luaL_checknumber(L, 2);
    double high = luaL_checknumber(L, lua_gettop(L) == 2 ? 2 : 3);
    if (!(low >= -0x1p53 && high <= 0x1p53) || low != floor(low) || high != floor(high))
        return luaL_error(L, "random: whole numbers are expected");
    if (low > high)
        return luaL_error(L, "random: %.0f..%.0f holds no number", low, high);
    lua_pushnumber(L, (double)rnd_range(&sr->rnd, (int64_t)low, (int64_t)high));
    return 1;
}

static int player_kick(lua_State *L)
{
    uint32_t player;
    struct script_room *sr = bind_room_of(L, 1, &player);
    const char *reason = check_reason(L, 2);

    if (sr)
        sr->vm->hooks->kick(sr->owner, player, reason);
    return 0;
}

static int player_stat(lua_State *L)
{
    uint32_t player;
    struct script_room *sr = bind_room_of(L, 1, &player);
    const char *key = luaL_checkstring(L, 2);

    if (!sr)
        lua_pushnumber(L, 0);
    else if (strcmp(key, "rtt") == 0)
        lua_pushnumber(L, sr->vm->hooks->rtt_ms(sr->owner, player));
    else
        lua_pushnumber(L, sr->vm->hooks->backlog(sr->owner, player));
    return 1;
}

/* From here on: for host.lua alone. */

struct script_room *bind_room_at(lua_State *L, int index)
{
    struct vm *vm = bind_vm_of(L);
    double handle = luaL_checknumber(L, index);

    if (!(handle >= 1 && handle < vm->cap_rooms) || !vm->rooms[(uint32_t)handle])
        luaL_argerror(L, index, "no such room");
    return vm->rooms[(uint32_t)handle];
}

/* Files of the library that are the server's own; and a game without a game.lua
 * does not get one from there. */
static bool is_private(const char *path)
{
    static const char *const names[] = {
        "door.lua",    "game.lua",      "host.lua", "migrate.lua", "notes.lua",
        "restore.lua", "rooms.lua",     "scan.lua", "schema.lua",  "store.lua",
        "timers.lua",  "translate.lua", "wait.lua", "words.lua"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(path, names[i]) == 0)
            return true;
    /* The author's tools, and what editors and `parlor new` read. */
    return strncmp(path, "kit/", 4) == 0 || strncmp(path, "types/", 6) == 0 ||
           strncmp(path, "template/", 9) == 0;
}

/* Note that the file counts: whoever watches the folder asks vm_uses(). Where memory is
 * out it is not noticed when the file is saved. */
static void note_file(struct vm *vm, const char *folder, const char *path)
{
    char name[512];
    int n = snprintf(name, sizeof name, "%s/%s", folder, path);

    if (n < (int)sizeof name)
        map_put_bytes(&vm->files, name, (size_t)n, vm);
}

/* read(path) -> text, chunk name; or nil. The game's folder first, then the
 * library's. */
static int host_read(lua_State *L)
{
    struct vm *vm = bind_vm_of(L);
    const char *path = luaL_checkstring(L, 1);
    bool is_library = false;
    size_t len;
    const char *kept =
        vm->load_from ? vm_sources_find(vm->load_from, path, &len, &is_library) : NULL;
    char *text = kept ? NULL : vm_read_file(vm->folder, path, &len);

    if (!kept)
        note_file(vm, vm->name, path);
    if (!text && !kept) {
        is_library = true;
        note_file(vm, "scripts", path);
        text = is_private(path) ? NULL : vm_read_file(vm->scripts, path, &len);
    }
    if (!text && !kept)
        return 0;
    vm_sources_keep(vm->load_into ? vm->load_into : &vm->sources, path, kept ? kept : text,
                    len, is_library);
    lua_pushlstring(L, kept ? kept : text, len);
    free(text);
    lua_pushfstring(L, "@%s/%s", is_library ? "scripts" : vm->name, path);
    return 2;
}

/* page(path, text): what the running code makes for its page, found by vm_page(). */
static int host_page(lua_State *L)
{
    struct vm *vm = bind_vm_of(L);
    size_t len;
    const char *path = luaL_checkstring(L, 1), *text = luaL_checklstring(L, 2, &len);

    vm_sources_keep(vm->load_into ? vm->load_into : &vm->sources, path, text, len, false);
    return 0;
}

static int host_log(lua_State *L)
{
    struct vm *vm = bind_vm_of(L);
    char area[160];

    snprintf(area, sizeof area, "%s%s%s", vm->name, vm->current ? "/" : "",
             vm->current ? vm->current->id : "");
    logger_info(area, "%s", luaL_checkstring(L, 1));
    return 0;
}

/* LuaJIT counts its own stack only; a coroutine in a coroutine and so on, or
 * gsub calling itself (8 KiB a turn), would end the process. */
void vm_check_stack(lua_State *L, const struct vm *vm)
{
    const char *here = __builtin_frame_address(0);

    if (vm->stack_base - here > MAX_STACK_BYTES)
        luaL_error(L, "stack overflow");
}

static int host_check_stack(lua_State *L)
{
    vm_check_stack(L, bind_vm_of(L));
    return 0;
}

static int host_now(lua_State *L)
{
    lua_pushnumber(L, clk_wall_s());
    return 1;
}

static int host_report(lua_State *L)
{
    vm_report(bind_vm_of(L), luaL_checkstring(L, 1));
    return 0;
}

/* wake(handle, ms or nil): when the room's first timer is due. */
static int host_wake(lua_State *L)
{
    struct script_room *sr = bind_room_at(L, 1);

    sr->wake_ms = lua_isnil(L, 2) ? HUGE_VAL : luaL_checknumber(L, 2);
    return 0;
}

/* first_timer(): the timer under way calls a method that has not come to its end yet. */
static int host_first_timer(lua_State *L)
{
    bind_vm_of(L)->is_first_timer = true;
    return 0;
}

static int host_room_ms(lua_State *L)
{
    lua_pushnumber(L, bind_room_at(L, 1)->now_ms);
    return 1;
}

const char *bind_check_key(lua_State *L, int index, const struct record *record)
{
    double v = lua_tonumber(L, index);
    bool is_number = lua_type(L, index) == LUA_TNUMBER && v == floor(v);

    switch (record->keys) {
    case KEY_PLAYER:
        return is_number && v >= 1 && v <= UINT32_MAX ? NULL
                                                      : "the key must be a player id";
    case KEY_INT:
        return is_number && v >= INT32_MIN && v <= INT32_MAX
                   ? NULL
                   : "the key must be a whole number of 32 bits";
    default: {
        union cell c;
        struct type t = {.kind = TYPE_STR, .max_bytes = 255};
        if (lua_type(L, index) != LUA_TSTRING || lua_objlen(L, index) == 0 ||
            lua_payload_cell(L, index, &t, &c) != TYPE_OK)
            return "the key must be a string of 1 to 255 bytes of UTF-8";
        type_release(&t, &c);
        return NULL;
    }
    }
}

/* row_check(table, key, value) -> nil or what is wrong with it. Fields that are
 * absent are filled in with their defaults. */
static int host_row_check(lua_State *L)
{
    const struct schema *schema = bind_vm_of(L)->def->schema;
    double table = luaL_checknumber(L, 1);
    char key[64], path[400];

    /* Between a reload and script_room_rebind() the tables of a room are still
     * those of the old schema. */
    if (!(table >= 1 && table < schema->n_tables))
        return 0;
    const struct record *record = &schema->tables[(uint32_t)table];
    const char *why = bind_check_key(L, 2, record);

    if (lua_type(L, 2) == LUA_TSTRING)
        snprintf(key, sizeof key, "%.60s", lua_tostring(L, 2));
    else
        snprintf(key, sizeof key, "%.14g", lua_tonumber(L, 2));
    if (!why && lua_type(L, 3) != LUA_TTABLE)
        why = "a record (a table) is expected";
    if (why) {
        lua_pushfstring(L, "%s[%s]: %s", record->name, key, why);
        return 1;
    }
    for (uint32_t i = 0; i < record->n_fields; i++) {
        const struct field *f = &record->fields[i];
        union cell c;
        struct err e;
        lua_payload_get_path(L, 3, f->path);
        if (lua_isnil(L, -1)) {
            lua_payload_push_cell(L, &f->type, f->preset);
            lua_payload_set_path(L, 3, f->path);
        } else if (lua_payload_cell(L, -1, &f->type, &c) == TYPE_OK) {
            type_release(&f->type, &c);
        } else {
            snprintf(path, sizeof path, "%s[%s].%s", record->name, key, f->path);
            lua_payload_explain(L, -1, path, &f->type, &e);
            lua_pushstring(L, e.text);
            return 1;
        }
        lua_pop(L, 1);
    }
    return 0;
}

/* row_add(handle, table, key) -> slot; or nil and why not. */
static int host_row_add(lua_State *L)
{
    struct script_room *sr = bind_room_at(L, 1);
    uint32_t table = (uint32_t)luaL_checknumber(L, 2);
    const struct record *record = sr->image->tables[table].record;
    const char *why = bind_check_key(L, 3, record), *text = NULL;
    size_t len = 0;

    if (!why && record->keys == KEY_STR)
        text = lua_tolstring(L, 3, &len);
    uint32_t slot = why ? IMAGE_NO_SLOT
                        : image_add(sr->image, table,
                                    text ? 0 : (int64_t)lua_tonumber(L, 3), text, len);
    if (slot == IMAGE_NO_SLOT) {
        lua_pushnil(L);
        lua_pushstring(L, why ? why : "the room's state is full");
        return 2;
    }
    lua_pushnumber(L, slot);
    return 1;
}

static int host_row_remove(lua_State *L)
{
    struct script_room *sr = bind_room_at(L, 1);

    image_remove(sr->image, (uint32_t)luaL_checknumber(L, 2),
                 (uint32_t)luaL_checknumber(L, 3));
    return 0;
}

/* row_get(handle, table, slot) -> a table with the values of the image. */
static int host_row_get(lua_State *L)
{
    const struct script_room *sr = bind_room_at(L, 1);
    uint32_t table = (uint32_t)luaL_checknumber(L, 2);
    const struct record *record = sr->image->tables[table].record;
    const struct row *row = image_row(sr->image, table, (uint32_t)luaL_checknumber(L, 3));

    lua_settop(L, 0);
    lua_createtable(L, 0, (int)record->n_fields);
    for (uint32_t i = 0; i < record->n_fields; i++) {
        lua_payload_push_cell(L, &record->fields[i].type, row->now[i]);
        lua_payload_set_path(L, 1, record->fields[i].path);
    }
    return 1;
}

static void add_functions(lua_State *L, struct vm *vm, const luaL_Reg *list)
{
    for (; list->name; list++) {
        lua_pushlightuserdata(L, vm);
        lua_pushcclosure(L, list->func, 1);
        lua_setfield(L, -2, list->name);
    }
}

void bind_push_host(lua_State *L, struct vm *vm)
{
    static const luaL_Reg host[] = {
        {"read",        host_read       },
        {"page",        host_page       },
        {"log",         host_log        },
        {"now",         host_now        },
        {"report",      host_report     },
        {"wake",        host_wake       },
        {"room_ms",     host_room_ms    },
        {"first_timer", host_first_timer},
        {"row_check",   host_row_check  },
        {"row_add",     host_row_add    },
        {"row_remove",  host_row_remove },
        {"row_get",     host_row_get    },
        {"player_stat", player_stat     },
        {"check_stack", host_check_stack},
        {"room_for",    bind_room_for   },
        {"rows",        bind_rows       },
        {"row_restore", bind_row_restore},
        {"find",        lua_match_find  },
        {"match",       lua_match_match },
        {"gmatch",      lua_match_gmatch},
        {"gsub",        lua_match_gsub  },
        {"sort",        lua_sort        },
        {NULL,          NULL            },
    };
    static const luaL_Reg room[] = {
        {"send",      bind_room_send     },
        {"broadcast", bind_room_broadcast},
        {"lock",      room_lock          },
        {"label",     bind_room_label    },
        {"close",     room_close         },
        {"random",    room_random        },
        {NULL,        NULL               },
    };
    static const luaL_Reg player[] = {
        {"send",    bind_player_send   },
        {"kick",    player_kick        },
        {"view",    bind_player_view   },
        {"watch",   bind_player_watch  },
        {"unwatch", bind_player_unwatch},
        {NULL,      NULL               },
    };

    lua_newtable(L);
    add_functions(L, vm, host);
    lua_newtable(L);
    add_functions(L, vm, room);
    lua_setfield(L, -2, "room_api");
    lua_newtable(L);
    add_functions(L, vm, player);
    lua_setfield(L, -2, "player_api");
    bind_add_auth(L, vm);
    bind_add_store(L, vm);
    bind_add_rooms(L, vm);
    vm_push(L, vm, REF_HANDLES);
    lua_setfield(L, -2, "handles");
    lua_pushnumber(L, VM_MAX_TIMERS);
    lua_setfield(L, -2, "max_timers");
    lua_pushlightuserdata(L, vm);
    lua_setfield(L, -2, "vm");
    lua_pushlightuserdata(L, &vm->raw_in);
    lua_setfield(L, -2, "raw_in");
    lua_pushlightuserdata(L, (void *)(uintptr_t)bind_send_raw);
    lua_setfield(L, -2, "send_raw");
    lua_pushlightuserdata(L, (void *)(uintptr_t)bind_answer_raw);
    lua_setfield(L, -2, "answer_raw");
    lua_pushlightuserdata(L, (void *)(uintptr_t)script_next_raw);
    lua_setfield(L, -2, "next_raw");
}
