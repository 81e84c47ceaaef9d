/* SPDX-License-Identifier: MIT */
#include "server/sim_lua.h"

#include <lauxlib.h>
#include <string.h>

#include "base/clk.h"
#include "room/http_call.h"
#include "server/lua_json.h"

static struct sim *sim_of(lua_State *L)
{
    struct sim **at = lua_touserdata(L, lua_upvalueindex(1));

    if (!*at)
        luaL_error(L, "there is no server outside of a test");
    return *at;
}

static struct game *check_game(lua_State *L, int index)
{
    size_t len;
    const char *name = luaL_checklstring(L, index, &len);
    struct game *g = game_find(&sim_of(L)->world, name, len);

    if (!g)
        luaL_error(L, "there is no game %s", name);
    return g;
}

static struct far_end *check_peer(lua_State *L, int index)
{
    struct sim *r = sim_of(L);
    lua_Integer i = luaL_checkinteger(L, index);

    luaL_argcheck(L, i >= 0 && i < (lua_Integer)r->n_peers, index, "no such connection");
    return r->peers[i];
}

/* write(game, file, text) */
static int do_write(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 3, &len);

    if (!sim_write(sim_of(L), luaL_checkstring(L, 1), luaL_checkstring(L, 2), text, len))
        luaL_error(L, "the file cannot be written");
    return 0;
}

static int outcome(lua_State *L, const struct game *g)
{
    if (g->load_error.code == 0) {
        lua_pushboolean(L, 1);
        return 1;
    }
    lua_pushnil(L);
    lua_pushstring(L, g->load_error.text);
    return 2;
}

/* link(game, folder): as sim_link() */
static int do_link(lua_State *L)
{
    if (!sim_link(sim_of(L), luaL_checkstring(L, 1), luaL_checkstring(L, 2)))
        luaL_error(L, "the folder %s cannot be read", lua_tostring(L, 2));
    return 0;
}

/* open(game) -> true, or nil and why it does not load */
static int do_open(lua_State *L)
{
    struct game *g = game_open(&sim_of(L)->world, luaL_checkstring(L, 1));

    return g ? outcome(L, g) : luaL_error(L, "out of memory");
}

static int do_reload(lua_State *L)
{
    struct game *g = check_game(L, 1);

    game_reload(g, 0);
    return outcome(L, g);
}

static int do_close_game(lua_State *L)
{
    struct game *g = check_game(L, 1);

    game_close(&g);
    return 0;
}

static int do_stop(lua_State *L)
{
    world_stop(&sim_of(L)->world, (uint16_t)luaL_checkinteger(L, 1),
               luaL_checkstring(L, 2));
    return 0;
}

/* restart(is_killed): as sim_restart() */
static int do_restart(lua_State *L)
{
    if (sim_restart(sim_of(L), lua_toboolean(L, 1)) < 0)
        luaL_error(L, "out of memory");
    return 0;
}

/* now() in us, set(us), next() -> us or nil, run() if the alarm has rung */
static int do_now(lua_State *L)
{
    lua_pushnumber(L, (double)clk_now_us());
    return 1;
}

static int do_set(lua_State *L)
{
    clk_fake((uint64_t)luaL_checknumber(L, 1));
    return 0;
}

static int do_next(lua_State *L)
{
    uint64_t at = sim_of(L)->alarm_us;

    if (at == UINT64_MAX)
        return 0;
    lua_pushnumber(L, (double)at);
    return 1;
}

static int do_run(lua_State *L)
{
    struct sim *r = sim_of(L);

    if (r->alarm_us <= clk_now_us())
        r->alarm_us = world_run(&r->world, clk_now_us());
    return 0;
}

/* connect(game, room or nil, codec, can_resume, options or nil, address or nil, door or
 * nil) -> connection */
static int do_connect(lua_State *L)
{
    static const char *const codecs[] = {"binary", "json", "raw", NULL};
    size_t n_options = 0;
    const char *options = luaL_optlstring(L, 5, NULL, &n_options);
    struct sim_source from = {.address = luaL_optstring(L, 6, "198.51.100.1")};
    from.door = (const uint8_t *)luaL_optlstring(L, 7, NULL, &from.n_door);
    int peer = sim_connect(sim_of(L), check_game(L, 1), luaL_optstring(L, 2, NULL),
                           (enum peer_codec)luaL_checkoption(L, 3, NULL, codecs),
                           lua_toboolean(L, 4), (const uint8_t *)options, n_options, &from);

    if (peer < 0)
        luaL_error(L, "too many connections");
    lua_pushinteger(L, peer);
    return 1;
}

/* message(connection, is_text, bytes). The bytes lie alone in their block, so that
 * a sanitizer sees a read past them. */
static int do_message(lua_State *L)
{
    struct far_end *e = check_peer(L, 1);
    size_t len;
    const char *bytes = luaL_checklstring(L, 3, &len);
    struct chunk *copy = chunk_copy(bytes, len);

    if (copy && e->session)
        session_message(e->session, lua_toboolean(L, 2) ? WS_TEXT : WS_BINARY, copy->bytes,
                        len);
    chunk_unref(&copy);
    return 0;
}

static int do_closed(lua_State *L)
{
    check_peer(L, 1);
    sim_closed(sim_of(L), (uint32_t)lua_tointeger(L, 1), (uint16_t)luaL_checkinteger(L, 2));
    return 0;
}

/* A frame's opcode and payload; it must be whole and unmasked. */
static void push_frame(lua_State *L, const struct chunk *c)
{
    size_t head = 2, len = c->bytes[1];

    if (len == 126) {
        head = 4;
        len = (size_t)c->bytes[2] << 8 | c->bytes[3];
    } else if (len == 127) {
        head = 10;
        len = 0;
        for (int i = 2; i < 10; i++)
            len = len << 8 | c->bytes[i];
    }
    if ((c->bytes[0] & 0xf0) != 0x80 || head + len != c->len)
        luaL_error(L, "the server sent a bad frame");
    lua_createtable(L, 0, 2);
    lua_pushboolean(L, (c->bytes[0] & 0x0f) == WS_TEXT);
    lua_setfield(L, -2, "is_text");
    lua_pushlstring(L, (const char *)c->bytes + head, len);
    lua_setfield(L, -2, "data");
}

/* frames(connection) -> all that was sent since the last call */
static int do_frames(lua_State *L)
{
    struct far_end *e = check_peer(L, 1);

    lua_createtable(L, (int)e->n_frames, 0);
    for (size_t i = 0; i < e->n_frames; i++) {
        push_frame(L, e->frames[i]);
        lua_rawseti(L, -2, (int)i + 1);
    }
    sim_taken(e);
    return 1;
}

/* http(game, request as any) -> status, header lines, body; or nil and why it is not
 * answered */
static int do_http(lua_State *L)
{
    struct game *g = check_game(L, 1);
    size_t n;
    const char *request = luaL_checklstring(L, 2, &n);
    struct script_http_answer a;

    if (!g->vm)
        return luaL_error(L, "the game %s does not load: %s", g->name, g->load_error.text);
    enum script_result r = http_call(g, (const uint8_t *)request, n, &a);
    if (r == SCRIPT_DONE) {
        lua_pushinteger(L, a.status);
        lua_pushstring(L, (const char *)a.headers.data);
        lua_pushlstring(L, a.body.data ? (const char *)a.body.data : "", a.body.len);
    } else {
        lua_pushnil(L);
        lua_pushstring(L, r == SCRIPT_ABSENT ? "the game has no http" : "http failed");
        lua_pushnil(L);
    }
    script_http_fini(&a);
    return 3;
}

/* closing(connection) -> code and reason that the server closes with, or nothing */
static int do_closing(lua_State *L)
{
    const struct far_end *e = check_peer(L, 1);

    if (e->close_code == 0)
        return 0;
    lua_pushinteger(L, e->close_code);
    lua_pushstring(L, e->close_reason);
    return 2;
}

static int do_backlog(lua_State *L)
{
    lua_pushinteger(L, (lua_Integer)check_peer(L, 1)->backlog);
    return 1;
}

static void push_room(lua_State *L, const struct room *r)
{
    lua_newtable(L);
    lua_pushstring(L, r->id);
    lua_setfield(L, -2, "id");
    lua_pushinteger(L, (lua_Integer)room_n_seats(r));
    lua_setfield(L, -2, "seats");
    lua_pushinteger(L, (lua_Integer)r->tick);
    lua_setfield(L, -2, "tick");
    lua_pushnumber(L, (double)r->dropped_ticks);
    lua_setfield(L, -2, "dropped");
    lua_pushboolean(L, r->is_paused);
    lua_setfield(L, -2, "is_paused");
}

/* rooms(game) -> list, and how many seat tokens are good */
static int do_rooms(lua_State *L)
{
    const struct game *g = check_game(L, 1);
    int n = 0;

    lua_newtable(L);
    for (struct map_entry *e = NULL; (e = map_next(&g->rooms, e));) {
        push_room(L, e->value);
        lua_rawseti(L, -2, ++n);
    }
    lua_pushinteger(L, (lua_Integer)g->passes.by_token.n);
    lua_pushinteger(L, (lua_Integer)g->n_players);
    return 3;
}

static const struct game_def *check_def(lua_State *L, int index)
{
    const struct game *g = check_game(L, index);

    if (!g->vm)
        luaL_error(L, "the game %s does not load: %s", g->name, g->load_error.text);
    return g->vm->def;
}

/* schema(game, all) -> the JSON text of its declarations: what clients get, or with `all`
 * also what is for the server alone */
static int do_schema(lua_State *L)
{
    const struct schema *schema = check_def(L, 1)->schema;

    if (lua_toboolean(L, 2))
        lua_pushlstring(L, schema->full, schema->n_full);
    else
        lua_pushlstring(L, schema->json, schema->n_json);
    return 1;
}

/* pace(game) -> steps a second (of an event-driven game: flushes), is it raw? */
static int do_pace(lua_State *L)
{
    const struct game_def *def = check_def(L, 1);

    lua_pushnumber(L, def->tick_rate > 0 ? def->tick_rate : def->sync_rate);
    lua_pushboolean(L, def->raw);
    return 2;
}

/* version(game) -> of the code that runs */
static int do_version(lua_State *L)
{
    const struct game *g = check_game(L, 1);

    lua_pushinteger(L, g->vm ? (lua_Integer)g->vm->version : 0);
    return 1;
}

static void push_method(void *ctx, bool is_handler, const char *name, const char *file,
                        int line)
{
    lua_State *L = ctx;

    lua_createtable(L, 0, 4);
    lua_pushboolean(L, is_handler);
    lua_setfield(L, -2, "is_handler");
    lua_pushstring(L, name);
    lua_setfield(L, -2, "name");
    lua_pushstring(L, file);
    lua_setfield(L, -2, "file");
    lua_pushinteger(L, line);
    lua_setfield(L, -2, "line");
    lua_rawseti(L, -2, (int)lua_objlen(L, -2) + 1);
}

/* methods(game) -> a list of {name=, file=, line=, is_handler=}: what vm_methods() tells */
static int do_methods(lua_State *L)
{
    check_def(L, 1);
    lua_newtable(L);
    vm_methods(check_game(L, 1)->vm, push_method, L);
    return 1;
}

/* failure() -> the first error since the last errors(): file, line, message; or nothing */
static int do_failure(lua_State *L)
{
    const struct sim *r = sim_of(L);

    if (r->n_errors == 0)
        return 0;
    lua_pushstring(L, r->first_error.file);
    lua_pushinteger(L, r->first_error.line);
    lua_pushstring(L, r->first_error.message);
    return 3;
}

/* errors() -> what scripts did wrong since the last call, a line each */
static int do_errors(lua_State *L)
{
    struct sim *r = sim_of(L);

    lua_pushlstring(L, r->errors.data ? (const char *)r->errors.data : "", r->errors.len);
    buf_clear(&r->errors);
    r->n_errors = 0;
    return 1;
}

static void push_rig(lua_State *L, struct sim **at)
{
    static const luaL_Reg functions[] = {
        {"write",      do_write     },
        {"link",       do_link      },
        {"schema",     do_schema    },
        {"pace",       do_pace      },
        {"version",    do_version   },
        {"methods",    do_methods   },
        {"failure",    do_failure   },
        {"open",       do_open      },
        {"reload",     do_reload    },
        {"close_game", do_close_game},
        {"stop",       do_stop      },
        {"restart",    do_restart   },
        {"now",        do_now       },
        {"set",        do_set       },
        {"next",       do_next      },
        {"run",        do_run       },
        {"connect",    do_connect   },
        {"message",    do_message   },
        {"closed",     do_closed    },
        {"frames",     do_frames    },
        {"closing",    do_closing   },
        {"backlog",    do_backlog   },
        {"rooms",      do_rooms     },
        {"http",       do_http      },
        {"errors",     do_errors    },
        {"json",       lua_json_read},
        {NULL,         NULL         },
    };

    lua_newtable(L);
    for (const luaL_Reg *f = functions; f->name; f++) {
        lua_pushlightuserdata(L, at);
        lua_pushcclosure(L, f->func, 1);
        lua_setfield(L, -2, f->name);
    }
}

void sim_lua_open(lua_State *L, const char *scripts, struct sim **at)
{
    lua_getglobal(L, "package");
    lua_pushfstring(L, "%s/?.lua", scripts);
    lua_setfield(L, -2, "path");
    lua_getfield(L, -1, "loaded");
    push_rig(L, at);
    lua_setfield(L, -2, "kit.rig");
    lua_pop(L, 2);
}
