/* SPDX-License-Identifier: MIT */
#include "rig.h"
#include <stdlib.h>

#define STATE                                                                              \
    "state = {n = s.u8, m = s.map({x = s.u8}, {keys = 'string'})}, messages = {hop = {}}"
#define KEYS                                                                               \
    "function keys(room) local t = {} for k in parlor.each(room.state.m) do t[#t + 1] = "  \
    "k "                                                                                   \
    "end return table.concat(t, ' ') end\n"

static void check_state(struct rig *r, const char *json)
{
    rig_scan(r);
    char *have = rig_state(r->image);
    CHECK_STR(have, json);
    free(have);
}

TEST(reload_handlers, "a reload swaps handlers and methods; state, players, timers stay")
{
    struct rig r = {0};

    rig_open(&r, RUNNER(STATE,
                        "local n = 0\nfunction g.on.hop(room) n = n + 1 room:broadcast("
                        "'v', {1, n}) end\nfunction g:late() self:broadcast('late', 1) end "
                        "function g:old() return 1 end function g:tick() end"));
    const struct record *hop = &r.vm->def->schema->messages[0];
    struct schema *schema = r.vm->def->schema;
    CHECK_EQ(r.vm->version, 1);
    script_message(r.room, 1, hop, "hop", 3, NULL, 0, NULL);
    rig_eval(
        &r,
        "room.state.n = 5 room.state.m.a = {x = 1} room.mine = 'kept' player.vars.v = 8 "
        "room:after(10, 'late') global = 1");
    rig_scan(&r);

    CHECK_EQ(
        rig_reload(&r, RUNNER(STATE, "local n = 0\nfunction g.on.hop(room) n = n + 1 room:"
                                     "broadcast('v', {2, n}) end\nfunction g:late() self:"
                                     "broadcast('late', 2) end function g:reloaded(old) "
                                     "self:broadcast('was', old) end")),
        0);
    CHECK_EQ(r.vm->version, 2);
    CHECK(r.vm->def->schema == schema); /* the same declaration is the same schema */
    CHECK_EQ(script_tick(r.room, 1), SCRIPT_ABSENT);
    CHECK_EQ(script_reloaded(r.room, 1), SCRIPT_DONE);
    script_message(r.room, 1, hop, "hop", 3, NULL, 0, NULL);
    r.room->now_ms = 10;
    script_timers(r.room, NULL);
    CHECK_STR(rig_trace(&r), "broadcast except 0 to all v -1 [1,1]\n"
                             "broadcast except 0 to all was -1 1\n"
                             "broadcast except 0 to all v -1 [2,1]\n"
                             "broadcast except 0 to all late -1 2\n");
    CHECK_STR(rig_eval(&r, "return {room.mine, player.vars.v, room.players[1] == player, "
                           "room.old == nil, global == nil, room.state.m.a.x}"),
              "[\"kept\",8,true,true,true,1]");
    rig_eval(&r, "room.state.m.b = {x = 2}");
    check_state(&r, "{\"n\":5,\"m\":{\"a\":{\"x\":1},\"b\":{\"x\":2}}}");
    rig_close(&r);
}

static const char *const broken[] = {
    "x = = 1",
    "error 'no'",
    "return 5",
    "return require('parlor').game {tick_rate = -1}",
    "local g = require('parlor').game {} function g.on.hop() end return g",
    "local g = require('parlor').game {} g.tick = 5 return g",
    "local g = require('parlor').game {state = {x = 5}} return g",
    "require 'nothing'",
};

TEST(reload_broken, "a file that does not load changes nothing")
{
    struct rig r = {0};

    rig_open(&r, RUNNER(STATE, "function g:tick() self:broadcast('old', 1) end"));
    rig_eval(&r, "room.state.n = 5 global = 7");
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        const struct game_def *def = r.vm->def;
        rig_forget(&r);
        CHECK(rig_reload(&r, broken[i]) < 0);
        CHECK(*r.e.text);
        CHECK_EQ(r.n_errors, 1);
        CHECK(strstr(r.error, "load|") == r.error);
        CHECK_STR(r.room_of_error, "-");
        CHECK_EQ(r.vm->version, 1);
        CHECK(r.vm->def == def);
        CHECK_EQ(script_tick(r.room, 1), SCRIPT_DONE);
        CHECK_STR(rig_trace(&r), "broadcast except 0 to all old -1 1\n");
        CHECK_STR(rig_eval(&r, "return {room.state.n, global}"), "[5,7]");
        check_state(&r, "{\"n\":5,\"m\":{}}");
    }
    CHECK_EQ(rig_reload(&r, RUNNER(STATE, "")), 0);
    CHECK_EQ(r.vm->version, 2);
    rig_close(&r);
}

TEST(reload_schema, "fields and maps come, go and change; the tables stay where they are")
{
    struct rig r = {0};

    rig_open(
        &r,
        RUNNER("state = {n = s.u8, gone = s.u8, m = s.map({x = s.u8, old = s.u8}, {keys "
               "= 'string'}), zz = s.map({x = s.u8}, {keys = 'string'})}",
               KEYS));
    rig_eval(&r,
             "local t = room.state t.n = 200 t.m.z = {x = 100} t.m.a = {x = 2} t.m.k = {} "
             "t.zz.k = {x = 3} room.m, room.zz = t.m, t.zz");
    check_state(&r,
                "{\"gone\":0,\"n\":200,\"m\":{\"a\":{\"old\":0,\"x\":2},\"k\":{\"old\":0,"
                "\"x\":0},\"z\":{\"old\":0,\"x\":100}},\"zz\":{\"k\":{\"x\":3}}}");
    CHECK_EQ(rig_reload(
                 &r, RUNNER("state = {n = s.i8, fresh = s.u8 {default = 4}, added = s.map "
                            "{q = s.u8}, m = s.map({x = s.fixed {min = 0, max = 50, step = "
                            "1}, new = s.bool {default = true}}, {keys = 'string'})}",
                            KEYS)),
             0);
    CHECK_EQ(r.vm->version, 2);
    rig_forget(&r);
    CHECK_STR(rig_eval(&r, "return {room.m == room.state.m, keys(room), room.state.fresh, "
                           "room.state.n, next(room.state.added)}"),
              "[true,\"z a k\",4,127]");
    rig_scan(&r);
    CHECK_EQ(r.n_errors, 0); /* what is out of the new range is brought into it */
    check_state(&r,
                "{\"fresh\":4,\"n\":127,\"added\":{},\"m\":{\"a\":{\"new\":true,\"x\":2},"
                "\"k\":{\"new\":true,\"x\":0},\"z\":{\"new\":true,\"x\":50}}}");
    /* A table that was a map is a plain one now, and has no one else's checks. */
    CHECK_STR(rig_eval(&r,
                       "room.zz[5] = 'anything' room.zz.q = {x = 1e9} return {getmetatable("
                       "room.zz) == nil, room.zz[5]}"),
              "[true,\"anything\"]");
    CHECK_STR(rig_eval(&r, "room.m.q = {x = 51}"), "!m[q].x: 51 is not in 0..50");
    CHECK_STR(rig_eval(&r, "room.m.last = {x = 50} return keys(room)"), "\"z a k last\"");
    /* Back again: the fields that nobody knew meanwhile are still in the tables. */
    CHECK_EQ(rig_reload(&r, RUNNER("state = {n = s.u8, gone = s.u8}", KEYS)), 0);
    rig_eval(&r, "room.m.x = 5 room.state.gone = 9");
    check_state(&r, "{\"gone\":9,\"n\":127}");
    CHECK_EQ(r.vm->version, 3);
    rig_close(&r);
}

TEST(reload_between, "between a reload and the rebind, old tables are no danger")
{
    struct rig r = {0};
    bool has_changed = false;

    rig_open(&r, RUNNER("state = {a = s.map {x = s.u8}, b = s.map {x = s.u8}}", ""));
    rig_write(&r, "game.lua", RUNNER("", ""));
    CHECK_EQ(vm_reload(r.vm, &has_changed, &r.e), 0);
    CHECK(has_changed);
    CHECK_STR(rig_eval(&r, "room.state.b[1] = {x = 1} return room.state.b[1].x"), "1");
    rig_close(&r);
}

TEST(reload_overwritten,
     "a state that a script has overwritten is mended at the rebind too")
{
    struct rig r = {0};

    rig_open(&r, RUNNER("state = {n = s.u8, m = s.map {x = s.u8}}", ""));
    rig_eval(&r, "room.state.m[1] = {x = 1} room.state.n = 3");
    rig_scan(&r);
    rig_eval(&r, "room.state = 5");
    CHECK_EQ(rig_reload(&r, RUNNER("state = {n = s.u16, m = s.map {x = s.u8}}", "")), 0);
    check_state(&r, "{\"n\":3,\"m\":{\"1\":{\"x\":1}}}");
    rig_eval(&r, "room.state = {m = {[2] = {x = 7}}}");
    CHECK_EQ(rig_reload(
                 &r, RUNNER("state = {n = s.u16 {default = 9}, m = s.map {x = s.u8}}", "")),
             0);
    CHECK_STR(rig_eval(&r, "return room.state.n"), "9");
    check_state(&r, "{\"n\":9,\"m\":{\"2\":{\"x\":7}}}");
    rig_eval(&r, "room.state.m = 'x' room.state.n = 3");
    CHECK_EQ(rig_reload(&r, RUNNER("state = {n = s.u32, m = s.map {x = s.u8}}", "")), 0);
    check_state(&r, "{\"n\":3,\"m\":{}}");
    rig_close(&r);
}

TEST(reload_library, "each generation gets the library afresh")
{
    struct rig r = {0};

    rig_open(&r, RUNNER("", ""));
    rig_eval(&r, "local p = require 'parlor' p.schema.u8 = 5 p.game = 6 math.sin = 7");
    CHECK_EQ(rig_reload(&r, RUNNER("state = {x = s.u8}", "")), 0);
    CHECK_STR(rig_eval(&r, "return {require('parlor').schema.u8.t, type(math.sin)}"),
              "[\"u8\",\"function\"]");
    rig_close(&r);
}

TEST(reload_messages, "a message of the old schema finds its handler by name")
{
    struct rig r = {0};

    rig_open(&r, RUNNER("messages = {a = {}, hop = {x = s.u8}}", ""));
    struct schema *old = schema_ref(r.vm->def->schema);
    CHECK_EQ(
        rig_reload(&r, RUNNER("messages = {hop = {y = s.u16}}",
                              "function g.on.hop(room, player, m) room:broadcast('x', m) "
                              "end")),
        0);
    const uint8_t nine[] = {9};
    CHECK_EQ(script_message(r.room, 1, &old->messages[1], "hop", 3, nine, 1, NULL),
             SCRIPT_DONE);
    CHECK_EQ(script_message(r.room, 1, &old->messages[0], "a", 1, NULL, 0, NULL),
             SCRIPT_ABSENT);
    CHECK_STR(rig_trace(&r), "broadcast except 0 to all x -1 {\"x\":9}\n");
    schema_unref(&old);
    rig_close(&r);
}
