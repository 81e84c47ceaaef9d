/* SPDX-License-Identifier: MIT */
#include "rig.h"
#include <stdlib.h>

/* Line numbers below count from the first line of this text. */
static const char game[] = "local parlor = require 'parlor'\n" /* 1 */
                           "local s = parlor.schema\n"
                           "local g = parlor.game {\n"
                           "  state = {n = s.u8, frogs = s.map {x = s.u8}},\n"
                           "  messages = {hop = {x = s.u8}}}\n" /* 5 */
                           "local function deep() local t = nil; return t.x end\n"
                           "function g:create() error 'in create' end\n"
                           "function g:join(player) error('in join') end\n"
                           "function g:message(player, name) error('in message', 1) end\n"
                           "function g:tick(dt)\n" /* 10 */
                           "  local x = deep()\n"
                           "  return x\n"
                           "end\n"
                           "function g:drop() error() end\n"
                           "function g:resume() error({}) end\n" /* 15 */
                           "function g:leave(p, reason) error('left: ' .. reason, 0) end\n"
                           "function g:reloaded(v) error('was ' .. v) end\n"
                           "function g:close(reason) error('closed: ' .. reason) end\n"
                           "function g.on.hop(room, player, m)\n"
                           "  room.state.frogs[m.x] = {x = 300}\n" /* 20 */
                           "end\n"
                           "function g:late() error('late') end\n"
                           "return g\n";

static void check_error(struct rig *r, enum script_result result, const char *error)
{
    CHECK_EQ(result, SCRIPT_RAISED);
    CHECK_EQ(r->n_errors, 1);
    CHECK_STR(r->error, error);
    CHECK_STR(r->room_of_error, "lobby");
    CHECK(strstr(r->traceback, "stack traceback:\n") == r->traceback);
    CHECK(strstr(r->traceback, "pond/game.lua:"));
    CHECK(!r->vm->current && !r->vm->where);
    rig_forget(r);
}

TEST(errors_places, "each callback's error has its name, file, line and a traceback")
{
    const uint8_t three[] = {3};
    const uint8_t text[] = {5, 0};
    struct rig r = {0};

    rig_open(&r, game);
    struct script_room *room = r.room;
    int top = lua_gettop(r.vm->L);
    check_error(&r, script_create(room, NULL, 0), "create|pond/game.lua:7|in create");
    check_error(&r, script_join(room, 1, NULL, 0), "join|pond/game.lua:8|in join");
    check_error(&r, script_message(room, 1, NULL, "x", 1, text, 2, NULL),
                "message|pond/game.lua:9|in message");
    check_error(&r, script_tick(room, 0.05),
                "tick|pond/game.lua:6|attempt to index local 't' (a nil value)");
    check_error(&r, script_player(room, SCRIPT_DROP, 1, NULL),
                "drop|pond/game.lua:14|the script raised a nil");
    check_error(&r, script_player(room, SCRIPT_RESUME, 1, NULL),
                "resume|pond/game.lua:15|the script raised a table");
    check_error(&r, script_player(room, SCRIPT_LEAVE, 1, "kicked"),
                "leave|:0|left: kicked");
    check_error(&r, script_reloaded(room, 4), "reloaded|pond/game.lua:17|was 4");
    check_error(&r, script_close(room, "empty"), "close|pond/game.lua:18|closed: empty");
    check_error(
        &r,
        script_message(room, 1, &r.vm->def->schema->messages[0], "hop", 3, three, 1, NULL),
        "on.hop|pond/game.lua:20|frogs[3].x: 300 is not in 0..255");
    CHECK_EQ(lua_gettop(r.vm->L), top);
    rig_close(&r);
}

TEST(errors_traceback, "a traceback shows the way there")
{
    struct rig r = {0};

    rig_open(&r, game);
    script_tick(r.room, 0.05);
    CHECK(strstr(r.traceback, "game.lua:6: in function 'deep'"));
    CHECK(strstr(r.traceback, "game.lua:11: in function"));
    rig_close(&r);
}

TEST(errors_callbacks, "absent callbacks are told apart from those that have run")
{
    struct rig r = {0};

    rig_open(&r, "local g = require('parlor').game {messages = {a = {}, b = {}}}\n"
                 "seen = {}\n"
                 "function g.on.a(room, player, m) seen.a = player.name end\n"
                 "function g:tick(dt) self.dt = dt end\n"
                 "function g:join(player, o) self.joined = player.id .. tostring(o) end\n"
                 "function g:message(p, name, data) return {p.id, name, data, self.dt, "
                 "seen, self.joined, self.tick, self.time} end\n"
                 "return g");
    const struct record *messages = r.vm->def->schema->messages;
    CHECK_EQ(script_create(r.room, NULL, 0), SCRIPT_ABSENT);
    CHECK_EQ(script_player(r.room, SCRIPT_DROP, 1, NULL), SCRIPT_ABSENT);
    CHECK_EQ(script_message(r.room, 1, &messages[1], "b", 1, NULL, 0, NULL), SCRIPT_ABSENT);
    CHECK_EQ(script_message(r.room, 1, &messages[0], "a", 1, NULL, 0, NULL), SCRIPT_DONE);
    CHECK_EQ(script_tick(r.room, 0.25), SCRIPT_DONE);
    CHECK_EQ(script_join(r.room, 1, NULL, 0), SCRIPT_DONE);
    script_room_set_tick(r.room, 77, 3.5);
    CHECK_STR(rig_eval(&r, "x"), "[1,\"run\",\"x\",0.25,{\"a\":\"ann\"},\"1nil\",77,3.5]");
    CHECK_EQ(r.n_errors, 0);
    rig_close(&r);
}

/* What scripts write into a message may look like a place. */
static const struct {
    const char *raised, *error;
} forged[] = {
    {"error('a.lua:7: x', 0)",                    "message|a.lua:7|x"             },
    {"error('a.lua:7:x', 0)",                     "message|a.lua:7|x"             },
    {"error('a.lua:99999999999999999999: x', 0)",
     "message|:0|a.lua:99999999999999999999: x"                                   },
    {"error('a.lua:2147483647: x', 0)",           "message|:0|a.lua:2147483647: x"},
    {"error('a.lua:-3: x', 0)",                   "message|a.lua:0|-3: x"         },
    {"error('a.lua:7', 0)",                       "message|:0|a.lua:7"            },
    {"error('a.lua:', 0)",                        "message|a.lua:0|"              },
    {"error('in a.lua:7: x', 0)",                 "message|:0|in a.lua:7: x"      },
    {"error(('y'):rep(200) .. '.lua:7: x', 0)",   "message|:0|yyyy"               },
    {"error('', 0)",                              "message|:0|"                   },
};

TEST(errors_forged, "a message that looks like a place is read with care")
{
    struct rig r = {0};

    rig_open(&r, RUNNER("", ""));
    for (size_t i = 0; i < sizeof forged / sizeof *forged; i++) {
        rig_eval(&r, forged[i].raised);
        if (strncmp(r.error, forged[i].error, strlen(forged[i].error)) != 0)
            fail_msg("%s gave %s", forged[i].raised, r.error);
    }
    rig_close(&r);
}

TEST(errors_reply, "what cannot be an answer is an error of the handler")
{
    struct rig r = {0};

    rig_open(&r, RUNNER("", ""));
    CHECK_STR(rig_eval(&r, "return print"),
              "!the answer to the request: a function cannot be sent");
    CHECK_STR(rig_eval(&r, "return 0/0"), "!the answer to the request: nan cannot be sent");
    CHECK_STR(rig_eval(&r, "return"), "null");
    CHECK_STR(rig_eval(&r, "return 1, 2"), "1");
    rig_close(&r);
}

TEST(errors_address,
     "a traceback ends with the script's own calls, not with an address of ours")
{
    struct rig r = {0};

    rig_open(&r, RUNNER("", ""));
    rig_eval(&r, "local function f() error 'no' end f() return 1");
    CHECK(strstr(r.traceback, "pond/run.lua:1: in function 'f'"));
    CHECK(!strstr(r.traceback, "0x"));
    rig_close(&r);
}
