/* SPDX-License-Identifier: MIT */
#include "rig.h"
#include <lauxlib.h>
#include <stdlib.h>

#include "script/answers.h"

static const struct {
    const char *code, *trace;
} calls[] = {
    {"room:send(player, 'hi', {1, 'x'})",                           "send 1 hi -1 [1,\"x\"]\n"                   },
    {"room:send(7, 'hi')",                                          "send 7 hi -1 null\n"                        },
    {"player:send('hi', {a = 1})",                                  "send 1 hi -1 {\"a\":1}\n"                   },
    {"player:send('sank', {worms = 3})",                            "send 1 sank 0 {\"name\":\"\",\"worms\":3}\n"},
    {"room:broadcast('sank')",
     "broadcast except 0 to all sank 0 {\"name\":\"\",\"worms\":0}\n"                                            },
    {"room:broadcast('hi', 5, {except = player})",                  "broadcast except 1 to all hi -1 5\n"        },
    {"room:broadcast('hi', 5, {except = 4, to = {player, 3}})",
     "broadcast except 4 to 1 3 hi -1 5\n"                                                                       },
    {"room:broadcast('hi', 5, {to = {}})",                          "broadcast except 0 to hi -1 5\n"            },
    {"room:broadcast('hi', 5, {})",                                 "broadcast except 0 to all hi -1 5\n"        },
    {"room:label { b = true, a = 'x', n = 3 }",
     "label 07 03 00 01 a 05 01 x 00 01 b 02 00 01 n 03 06\n"                                                    },
    {"room:label {}",                                               "label 07 00\n"                              },
    {"room:lock(true) room:lock(false)",                            "lock 1\nlock 0\n"                           },
    {"room:close() room:close('over')",                             "close ''\nclose 'over'\n"                   },
    {"player:kick() player:kick('bad \xc3\xa4')",                   "kick 1 ''\nkick 1 'bad \xc3\xa4'\n"         },
 /* options are read without their metatable, which could send in between */
    {"room:broadcast('hi', 5, setmetatable({}, {__index = function() "
     "room:broadcast('inner', ('x'):rep(9)) end}))",           "broadcast except 0 to all hi -1 5\n"        },
    {"player.send({}, 'hi') room.send({}, 1, 'hi') room.close({})", ""                                           },
};

#define GAME RUNNER("events = {sank = {worms = s.u8, name = s.str(4)}}", "")

TEST(bind_calls, "what rooms and players do reaches the hooks")
{
    struct rig r = {0};

    rig_open(&r, GAME);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        rig_forget(&r);
        if (strcmp(rig_eval(&r, calls[i].code), "null") != 0 ||
            strcmp(rig_trace(&r), calls[i].trace) != 0)
            fail_msg("%s gave %s and %s", calls[i].code, r.answer, rig_trace(&r));
    }
    CHECK_STR(rig_eval(&r,
                       "return {player.rtt, player.backlog, player.id, player.name, "
                       "player.nothing == nil, room.id, room.game, room.tick, room.time}"),
              "[10,1000,1,\"ann\",true,\"lobby\",\"pond\",0,0]");
    rig_close(&r);
}

static const struct {
    const char *code, *error;
} bad[] = {
    {"room:send({}, 'hi')",                                                           "bad argument #1 to 'send' (a player is expected)"            },
    {"room:send(0, 'hi')",                                                            "bad argument #1 to 'send' (a player is expected)"            },
    {"room:send(1.5, 'hi')",                                                          "bad argument #1 to 'send' (a player is expected)"            },
    {"room:send(2^32, 'hi')",                                                         "bad argument #1 to 'send' (a player is expected)"            },
    {"room:send('1', 'hi')",                                                          "bad argument #1 to 'send' (a player is expected)"            },
    {"room:send(1)",                                                                  "bad argument #2 to 'send' (string expected, got nil)"        },
    {"room:send(1, '')",                                                              "bad argument #2 to 'send' (an event's name has 1 to 64 bytes"},
    {"room:send(1, ('x'):rep(65))",
     "bad argument #2 to 'send' (an event's name has 1 to 64"                                                                                       },
    {"room:send(1, 'a\\0b')",
     "bad argument #2 to 'send' (an event's name has 1 to 64 bytes"                                                                                 },
    {"room:send(1, 'a\\255')",
     "bad argument #2 to 'send' (an event's name has 1 to 64 bytes"                                                                                 },
    {"room:send(1, 'x', print)",                                                      "event x: a function cannot be sent"                          },
    {"room:send(1, 'sank', {worms = 256})",                                           "event sank: worms: 256 is not in 0..255"                     },
    {"room:send(1, 'sank', 5)",                                                       "event sank: a table is expected, not a number"               },
    {"room.send(5, 1, 'x')",                                                          "bad argument #1 to 'send' (table expected, got number)"      },
    {"room:broadcast('x', 1, 5)",
     "bad argument #3 to 'broadcast' (table expected, got number)"                                                                                  },
    {"room:broadcast('x', 1, {to = 5})",                                              "bad argument"                                                },
    {"room:broadcast('x', 1, {to = {'a'}})",                                          "bad argument"                                                },
    {"room:broadcast('x', 1, {except = 'a'})",                                        "bad argument"                                                },
    {"local t = {} for i = 1, 4097 do t[i] = 1 end room:broadcast('x', 1, {to = t})",
     "broadcast: more than 4096 players in `to`"                                                                                                    },
    {"room:label()",                                                                  "bad argument #1 to 'label' (table expected, got no value)"   },
    {"room:label { [1] = 2 }",                                                        "label: a name has 1 to 32 bytes of UTF-8"                    },
    {"room:label { [''] = 2 }",                                                       "label: a name has 1 to 32 bytes of UTF-8"                    },
    {"room:label { [('x'):rep(33)] = 2 }",                                            "label: a name has 1 to 32 bytes of UTF-8"                    },
    {"room:label { a = {} }",
     "label: a: a boolean, a number or a string of at most 64 bytes of UTF-8 is expected"                                                           },
    {"room:label { a = 1/0 }",
     "label: a: a boolean, a number or a string of at most 64 bytes of UTF-8 is expected"                                                           },
    {"room:label { a = ('x'):rep(65) }",
     "label: a: a boolean, a number or a string of at most 64 bytes of UTF-8 is expected"                                                           },
    {"room:label { a = '\\255' }",
     "label: a: a boolean, a number or a string of at most 64 bytes of UTF-8 is expected"                                                           },
    {"local t = {} for i = 1, 17 do t['l' .. i] = i end room:label(t)",
     "label: a room has at most 16 labels"                                                                                                          },
    {"room:lock()",                                                                   "bad argument #1 to 'lock' (boolean expected, got no value)"  },
    {"room:close(('x'):rep(121))",
     "bad argument #1 to 'close' (a reason has at most 120 bytes"                                                                                   },
    {"room:close('\\255')",                                                           "bad argument #1 to 'close' (a reason has at most 120 bytes"  },
    {"player:kick('a\\0b')",                                                          "bad argument #1 to 'kick' (a reason has at most 120 bytes"   },
    {"player:kick({})",                                                               "bad argument #1 to 'kick' (string expected, got table)"      },
    {"room:random(1.5)",                                                              "random: whole numbers are expected"                          },
    {"room:random(0/0)",                                                              "random: whole numbers are expected"                          },
    {"room:random(2^54)",                                                             "random: whole numbers are expected"                          },
    {"room:random(0)",                                                                "random: 1..0 holds no number"                                },
    {"room:random(5, 4)",                                                             "random: 5..4 holds no number"                                },
    {"room:random('x')",                                                              "bad argument #1 to 'random' (number expected, got string)"   },
};

TEST(bind_misuse, "misuse is refused at the script's own line and reaches no hook")
{
    struct rig r = {0};

    rig_open(&r, GAME);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char code[200];
        snprintf(code, sizeof code, "\n%s\nreturn 1", bad[i].code);
        rig_eval(&r, code);
        if (*r.answer != '!' ||
            strncmp(r.answer + 1, bad[i].error, strlen(bad[i].error)) != 0)
            fail_msg("%s gave %s", bad[i].code, r.answer);
        CHECK(strstr(r.error, "message|pond/run.lua:2|") == r.error);
        CHECK_EQ(r.trace.len, 0);
    }
    rig_close(&r);
}

TEST(bind_raw, "a raw game sends bytes and text as they are")
{
    const uint8_t data[] = {'a', 0, 0xff};
    struct rig r = {0};

    rig_open(&r, "local g = require('parlor').game {raw = true}\n"
                 "function g:message(player, data, is_text)\n"
                 "  if data == 'bad' then player:send('\\255', true) end\n"
                 "  player:send(#data .. data:sub(1, 1), is_text)\n"
                 "  player:send(5) end return g");
    CHECK_EQ(script_raw_message(r.room, 1, data, 3, false), SCRIPT_DONE);
    CHECK_EQ(script_raw_message(r.room, 1, data, 1, true), SCRIPT_DONE);
    CHECK_EQ(script_raw_message(r.room, 1, NULL, 0, true), SCRIPT_DONE);
    CHECK_STR(rig_trace(&r),
              "raw 1 binary 3a\nraw 1 binary 5\nraw 1 text 1a\nraw 1 binary 5\n"
              "raw 1 text 0\nraw 1 binary 5\n");
    CHECK_EQ(script_raw_message(r.room, 1, (const uint8_t *)"bad", 3, true), SCRIPT_RAISED);
    CHECK(strstr(r.error,
                 "message|pond/game.lua:3|bad argument #1 to 'send' (a text message "
                 "must be UTF-8)"));
    rig_close(&r);
}

TEST(bind_raw_broadcast, "a raw game sends one message to all, or to all but some")
{
    struct rig r = {0};

    rig_open(&r, "local g = require('parlor').game {raw = true}\n"
                 "function g:message(player, data)\n"
                 "  if data == 'bad' then self:broadcast('\\255', true) end\n"
                 "  if data == 'odd' then self:broadcast(data, true, 5) end\n"
                 "  self:broadcast(data)\n"
                 "  self:broadcast(data, true, {except = player})\n"
                 "  self:broadcast('', false, {to = {player, 7}}) end return g");
    CHECK_EQ(script_raw_message(r.room, 1, (const uint8_t *)"a", 1, true), SCRIPT_DONE);
    CHECK_STR(rig_trace(&r), "raw to all 0 except 0 bytes 'a'\n"
                             "raw to all 0 except 1 text 'a'\n"
                             "raw to list of 2 except 0 bytes ''\n");
    CHECK_EQ(script_raw_message(r.room, 1, (const uint8_t *)"bad", 3, true), SCRIPT_RAISED);
    CHECK(strstr(r.error, "bad argument #1 to 'broadcast' (a text message must be UTF-8)"));
    CHECK_EQ(script_raw_message(r.room, 1, (const uint8_t *)"odd", 3, true), SCRIPT_RAISED);
    CHECK(strstr(r.error, "bad argument #3 to 'broadcast' (table expected, got number)"));
    rig_close(&r);
}

static enum script_result raw(struct rig *r, uint32_t player, const char *text)
{
    return script_raw_message(r->room, player, (const uint8_t *)text, strlen(text), false);
}

TEST(bind_raw_hot, "the same once it is compiled: errors, seats that go, other handlers")
{
    struct rig r = {0};

    rig_open(&r, "local g = require('parlor').game {raw = true}\n"
                 "function g:message(player, data)\n"
                 "  self.eve = self.eve or self.players[2]\n"
                 "  if data == 'bad' then player:send('\\255', true) end\n"
                 "  if data == 'nil' then player:send() end\n"
                 "  if data == 'eve' then self.eve:send(data) else player:send(data) end\n"
                 "end return g");
    CHECK_EQ(script_seat_add(r.room, 2, "eve"), 0);
    for (int i = 0; i < 1000; i++)
        CHECK_EQ(raw(&r, 1, i % 2 ? "odd" : "eve"), SCRIPT_DONE);
    rig_forget(&r);
    CHECK_EQ(raw(&r, 1, "a"), SCRIPT_DONE);
    CHECK_EQ(raw(&r, 2, "b"), SCRIPT_DONE);
    CHECK_EQ(raw(&r, 1, "eve"), SCRIPT_DONE);
    CHECK_STR(rig_trace(&r), "raw 1 binary a\nraw 2 binary b\nraw 2 binary eve\n");
    CHECK_EQ(raw(&r, 1, "bad"), SCRIPT_RAISED);
    CHECK(strstr(r.error,
                 "message|pond/game.lua:4|bad argument #1 to 'send' (a text message "
                 "must be UTF-8)") == r.error);
    CHECK(!strstr(r.traceback, "host.lua"));
    CHECK_EQ(raw(&r, 1, "nil"), SCRIPT_RAISED);
    CHECK(strstr(r.error, "message|pond/game.lua:5|bad argument #1 to 'send' (string "
                          "expected, got nil)") == r.error);
    script_seat_remove(r.room, 2);
    rig_forget(&r);
    CHECK_EQ(raw(&r, 1, "eve"), SCRIPT_DONE); /* she has left: nobody gets it */
    CHECK_STR(rig_trace(&r), "");

    CHECK_EQ(rig_reload(&r, "local g = require('parlor').game {raw = true}\n"
                            "function g:message(player, data)\n"
                            "  player:send('new ' .. data) end return g"),
             0);
    CHECK_EQ(raw(&r, 1, "a"), SCRIPT_DONE);
    CHECK_STR(rig_trace(&r), "raw 1 binary new a\n");
    /* A game that is raw no more sends events. */
    rig_forget(&r);
    CHECK_EQ(rig_reload(&r, RUNNER("", "")), 0);
    rig_eval(&r, "player:send('note', 7)");
    CHECK_STR(rig_trace(&r), "send 1 note -1 7\n");
    rig_close(&r);
}

TEST(bind_raw_answers,
     "what goes back to the sender is a frame at once, all else asks the room")
{
    struct rig r = {0};
    struct answers a;
    char big[ANSWERS_MESSAGE + 2] = "";

    rig_open(
        &r, "local g = require('parlor').game {raw = true}\n"
            "function g:message(player, data)\n"
            "  self.eve = self.eve or self.players[2]\n"
            "  if data == 'bad' then player:send('\\255', true) end\n"
            "  if data == 'eve' then self.eve:send(data) else player:send(data, true) end\n"
            "end\n"
            "function g:drop(player) player:send('drop') end return g");
    CHECK_EQ(script_seat_add(r.room, 2, "eve"), 0);
    answers_init(&a);
    r.vm->answers = &a;
    for (int i = 0; i < 1000; i++) { /* until it is compiled */
        answers_clear(&a);
        CHECK_EQ(raw(&r, 1, i % 9 ? "odd" : "eve"), SCRIPT_DONE);
    }
    rig_forget(&r);
    answers_clear(&a);
    uint64_t sent = r.room->stats.sent;
    CHECK_EQ(raw(&r, 1, "a"), SCRIPT_DONE);
    CHECK_EQ(a.to, 1);
    CHECK_EQ(raw(&r, 1, "eve"), SCRIPT_DONE);
    CHECK_EQ(raw(&r, 1, "bad"), SCRIPT_RAISED);
    CHECK_EQ(raw(&r, 2, "eve"), SCRIPT_DONE);
    CHECK_EQ(a.to, 2);
    CHECK_EQ(a.n, 2);
    CHECK_MEM(a.frames.data, "\x81\1a\x82\3eve", a.frames.len);
    CHECK_EQ(r.room->stats.sent - sent, 3 + 3 + 5);
    CHECK_STR(rig_trace(&r), "raw 2 binary eve\n");

    rig_forget(&r); /* too big for an answer, and one too many for its buffer */
    memset(big, 'x', ANSWERS_MESSAGE + 1);
    CHECK_EQ(raw(&r, 1, big), SCRIPT_DONE);
    CHECK_EQ(a.n, 2);
    big[ANSWERS_MESSAGE] = 0;
    while (r.trace.len < 2 * ANSWERS_MESSAGE)
        CHECK_EQ(raw(&r, 1, big), SCRIPT_DONE);
    CHECK(a.frames.len > ANSWERS_BYTES / 2 && a.frames.len <= ANSWERS_BYTES);

    rig_forget(&r); /* her message was the last one, but this is no message */
    answers_clear(&a);
    r.vm->answers = NULL;
    CHECK_EQ(raw(&r, 2, "b"), SCRIPT_DONE);
    CHECK_EQ(script_player(r.room, SCRIPT_DROP, 2, NULL), SCRIPT_DONE);
    CHECK_STR(rig_trace(&r), "raw 2 text b\nraw 2 binary drop\n");
    rig_forget(&r);
    r.vm->answers = &a;
    script_seat_remove(r.room, 2);
    CHECK_EQ(raw(&r, 1, "eve"), SCRIPT_DONE); /* she has left: nobody gets it */
    CHECK_STR(rig_trace(&r), "");
    CHECK_EQ(a.n, 0);
    answers_fini(&a);
    rig_close(&r);
}

TEST(bind_random, "random numbers are the room's: seeded, in range, the same again")
{
    struct image *image;
    struct rig r = {0};

    rig_open(&r, GAME);
    const char *code =
        "local t = {} for i = 1, 50 do local a, b, c = room:random(), "
        "room:random(6), room:random(-3, 3) assert(a >= 0 and a < 1 and b >= 1 "
        "and b <= 6 and c >= -3 and c <= 3 and b % 1 == 0 and c % 1 == 0) "
        "t[b], t[10 + c] = true, true end local n = 0 for _ in pairs(t) do "
        "n = n + 1 end return {n, room:random(2^53), room:random(5, 5)}";
    char first[4096];
    strcpy(first, rig_eval(&r, code));
    CHECK(strstr(first, "[13,") == first && strstr(first, ",5]"));
    struct script_room *second = rig_room(&r, "second", &image); /* of the same seed */
    script_seat_add(second, 1, "bob");
    CHECK_STR(rig_eval_in(&r, second, code), first);
    CHECK(strcmp(rig_eval_in(&r, second, code), first) != 0);
    rig_end_room(&second, &image);
    rig_close(&r);
}

TEST(bind_gone, "players that have left and rooms that are closed do nothing any more")
{
    struct image *image;
    struct rig r = {0};

    rig_open(&r, GAME);
    CHECK_EQ(script_seat_add(r.room, 2, "eve"), 0);
    rig_eval(&r, "eve = room.players[2]");
    script_seat_remove(r.room, 2);
    CHECK_STR(rig_eval(&r,
                       "eve:send('x') eve:kick() return {eve.rtt, eve.backlog, eve.name, "
                       "room.players[2] == nil}"),
              "[0,0,\"eve\",true]");
    struct script_room *second = rig_room(&r, "second", &image);
    script_seat_add(second, 1, "bob");
    rig_eval_in(&r, second, "gone, bob = room, player");
    rig_end_room(&second, &image);
    CHECK_STR(rig_eval(&r,
                       "gone:send(1, 'x') gone:broadcast('x') gone:lock(true) gone:close() "
                       "bob:send('x') return {bob.rtt, gone.id}"),
              "[0,\"second\"]");
    CHECK_STR(rig_eval(&r, "gone:random()"), "!random: the room is closed");
    CHECK_STR(rig_trace(&r), "");
    /* The handle is used again; the old objects do not come back to life. */
    second = rig_room(&r, "third", &image);
    script_seat_add(second, 1, "tim");
    rig_eval(&r, "gone:close('x') bob:kick('x')");
    CHECK_STR(rig_trace(&r), "");
    rig_end_room(&second, &image);
    rig_close(&r);
}

TEST(bind_players, "room.players follows the seats, whatever a script puts there")
{
    struct rig r = {0};

    rig_open(&r, GAME);
    rig_eval(&r, "room.players = 5");
    CHECK_EQ(script_seat_add(r.room, 2, "eve"), 0);
    CHECK_STR(rig_eval(&r, "return {room.players[1] == player, room.players[2].name}"),
              "[true,\"eve\"]");
    rig_eval(&r, "room.players = nil");
    script_seat_remove(r.room, 2);
    CHECK_STR(rig_eval(&r, "return {room.players[1] == player, room.players[2] == nil}"),
              "[true,true]");
    rig_eval(&r, "room.players = setmetatable({}, {__newindex = error})");
    CHECK_EQ(script_seat_add(r.room, 3, "tim"), 0);
    CHECK_EQ(r.n_errors, 0);
    rig_close(&r);
}

TEST(bind_api_wins, "a game's method does not hide the room's own")
{
    struct rig r = {0};

    rig_open(&r,
             RUNNER("",
                    "function g:close(reason) end function g:send() end function g:mine() "
                    "return 'mine' end"));
    rig_eval(&r, "room:close('api') room:send(1, 'x')");
    CHECK_STR(rig_trace(&r), "close 'api'\nsend 1 x -1 null\n");
    CHECK_STR(rig_eval(&r, "return room:mine()"), "\"mine\"");
    rig_close(&r);
}

static int registry_size(lua_State *L)
{
    int n = 0;

    for (lua_pushnil(L); lua_next(L, LUA_REGISTRYINDEX); lua_pop(L, 1))
        n += lua_type(L, -1) == LUA_TTABLE;
    return n;
}

TEST(room_many, "rooms come and go and leave nothing behind")
{
    enum { N = 40 };
    struct script_room *rooms[N];
    struct image *images[N];
    struct rig r = {0};

    rig_open(&r, RUNNER("state = {m = s.map {x = s.u8}}", ""));
    int before = registry_size(r.vm->L);
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < N; i++) {
            rooms[i] = rig_room(&r, "x", &images[i]);
            script_seat_add(rooms[i], 1, "p");
            rig_eval_in(&r, rooms[i],
                        "room.state.m[1] = {x = 1} room:after(1e6, 'x') "
                        "last = room");
            CHECK_EQ(script_scan(rooms[i]), SCRIPT_DONE);
            CHECK_EQ(rooms[i]->handle, i + 2); /* the lobby has 1 */
        }
        CHECK_EQ(r.vm->n_rooms, N + 1);
        for (int i = N - 1; i >= 0; i--)
            rig_end_room(&rooms[i], &images[i]);
    }
    rig_eval(&r, "last = nil");
    lua_gc(r.vm->L, LUA_GCCOLLECT, 0);
    lua_gc(r.vm->L, LUA_GCCOLLECT, 0);
    CHECK_EQ(registry_size(r.vm->L), before);
    vm_push(r.vm->L, r.vm, REF_HANDLES);
    int n = 0;
    for (lua_pushnil(r.vm->L); lua_next(r.vm->L, -2); lua_pop(r.vm->L, 1))
        n++;
    lua_pop(r.vm->L, 1);
    CHECK_EQ(n, 2); /* the lobby and ann */
    CHECK_EQ(r.vm->n_rooms, 1);
    CHECK(vm_bytes(r.vm) > 10000 && vm_bytes(r.vm) < 4000000);
    rig_close(&r);
}
