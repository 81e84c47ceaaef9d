/* SPDX-License-Identifier: MIT */
#include "rig.h"
#include <stdlib.h>

#include "base/clk.h"

enum { MIB = 1 << 20 };

#define SMALL(more) RUNNER("memory = 8, budget_kill = 5000", "keep = {}\n" more)

TEST(memory_counts, "what a VM's values take is counted, and its peak")
{
    struct rig r = {0};

    rig_open(&r, SMALL(""));
    size_t before = vm_bytes(r.vm);
    CHECK(before > 50000 && before < 2 * MIB);
    rig_eval(&r, "keep[1] = ('x'):rep(1e6) return 1");
    CHECK(vm_bytes(r.vm) > before + 1000000 && vm_bytes(r.vm) < before + 3000000);
    rig_eval(&r, "keep[1] = nil return 1");
    for (int i = 0; i < 10; i++) /* buffers shrink by half in each cycle */
        vm_gc_full(&r.vm->gc, &r.vm->memory, r.vm->L);
    CHECK(vm_bytes(r.vm) < before + 100000);
    CHECK(r.vm->memory.peak > before + 1000000);
    size_t said = (size_t)lua_gc(r.vm->L, LUA_GCCOUNT, 0) * 1024;
    CHECK(vm_bytes(r.vm) - said < 1024);
    rig_close(&r);
}

TEST(memory_spare, "small blocks that were given back lie at hand, 1 MiB of them at most")
{
    struct rig r = {0};
    struct vm_memory *m;

    rig_open(&r, SMALL(""));
    m = &r.vm->memory;
    for (int round = 0; round < 3; round++) {
        rig_eval(&r, "for i = 1, 30000 do keep[i] = { 'text ' .. i } end return #keep");
        CHECK(m->spare_bytes < 100000);
        rig_eval(&r, "for i = 1, 30000 do keep[i] = nil end return 1");
        lua_gc(r.vm->L, LUA_GCCOLLECT, 0);
        lua_gc(r.vm->L, LUA_GCSTOP, 0);
        CHECK(m->spare_bytes > 1000000 && m->spare_bytes <= MIB + VM_SMALL_BYTES);
    }
    vm_gc_full(&r.vm->gc, m, r.vm->L);
    CHECK_EQ(m->spare_bytes, 0);
    rig_close(&r);
}

TEST(memory_garbage, "a callback may make any amount of garbage")
{
    static const char *const codes[] = {
        "local n = 0 for i = 1, 3e5 do local t = {i, i + 1, x = i} n = n + #t end return n",
        "local s = '' for i = 1, 1e5 do s = ('v' .. i):rep(10) end return #s",
        "local n = 0 for i = 1, 5e5 do local f = function() return i end n = n + f() end "
        "return n > 0",
        "for i = 1, 60 do local t = {} for j = 1, 10000 do t[j] = {} end end return 1",
        "local s = 'x' for i = 1, 20 do s = s .. s end return #s",
    };
    struct rig r = {0};

    rig_open(&r, SMALL(""));
    for (int round = 0; round < 4; round++)
        for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
            rig_eval(&r, codes[i]);
            if (r.result != SCRIPT_DONE)
                fail_msg("%s: %s", codes[i], r.answer);
        }
    CHECK(r.vm->memory.peak < 20 * MIB);
    CHECK(!r.vm->is_lost);
    rig_close(&r);
}

/* What holds on to more than the cap is stopped, whatever it tries; and when it lets
 * go the VM is as before. */
TEST(memory_limit, "a callback that needs more than the game may have is stopped")
{
    static const char *const codes[] = {
        "local t = {} while true do t[#t + 1] = {} end",
        "local t = {} while true do pcall(function() while true do t[#t + 1] = {1} end "
        "end) "
        "end",
        "local t = {} for i = 1, 1e9 do t[i] = i end",
        "local t = {} for i = 1, 1e9 do t['a' .. i] = i end",
        "local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(i % 1000 + 1) .. i end",
        "local t = {} for i = 1, 1e9 do t[i] = function() return t end end",
        "local t = {} for i = 1, 1e9 do t[i] = coroutine.create(print) end",
        "local s = 'x' while true do s = s .. s end",
        "local s = 'x' while true do local r = s .. s .. s .. s .. s .. s s = r end",
        "local t = {} for i = 1, 1e5 do t[i] = ('x'):rep(1000) end return #table.concat(t)",
        "local t = {} for i = 1, 1e9 do t[i] = 1LL * i end",
        "local t = {} for i = 1, 1e9 do t[i] = load('return ' .. i) end",
        "local t = {} local function f() t[#t + 1] = {} return f() end return f()",
        "local t = {} return (('x'):rep(1e5)):gsub('x', function(c) t[#t + 1] = {c, c, c, "
        "c, "
        "c, c, c, c, c, c, c, c} end)",
        "local t = {} for w in (('x '):rep(1e6)):gmatch('%a') do t[#t + 1] = {w, w, w} end",
    };
    struct rig r = {0};

    rig_open(&r,
             SMALL("function check() local n = 0 for i = 1, 1000 do n = n + #{i, i} end "
                   "return n end\n"));
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
            rig_forget(&r);
            rig_eval(&r, codes[i]);
            if (r.result != SCRIPT_STOPPED || (!strstr(r.error, "needs more than 8 MiB") &&
                                               !strstr(r.error, "out of memory")))
                fail_msg("%s: %s", codes[i], r.answer);
            CHECK_EQ(script_restore(r.room), SCRIPT_DONE);
            CHECK(!r.vm->is_lost);
            CHECK(vm_bytes(r.vm) <= 6 * MIB); /* three quarters of the cap */
            CHECK_STR(rig_eval(&r, "return check()"), "2000");
        }
    CHECK(r.vm->memory.peak < 24 * MIB);
    rig_close(&r);
}

TEST(memory_huge, "one huge request is refused by an error that the script may catch")
{
    static const char *const codes[] = {
        "return pcall(string.rep, 'x', 1e15)",
        "return pcall(string.rep, 'x', 2^31)",
        "return pcall(string.rep, 'xy', 1e8)",
        "return pcall(string.rep, 'x', 1e7, 'abc')",
        "return pcall(function() return ('x'):rep(1e9) end)",
        "return pcall(string.rep, 12, '1e9')",
        "local s = ('x'):rep(1e6) return pcall(function() return s:rep(100) end)",
    };
    struct rig r = {0};

    rig_open(&r, SMALL(""));
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        if (strcmp(rig_eval(&r, codes[i]), "false") != 0)
            fail_msg("%s: %s", codes[i], r.answer);
        CHECK(vm_bytes(r.vm) < 6 * MIB);
    }
    CHECK_STR(rig_eval(&r, "return {('x'):rep(3), ('ab'):rep(2, '-'), ('x'):rep(-1), "
                           "#('x'):rep(1e6), ('x'):rep('2')}"),
              "[\"xxx\",\"ab-ab\",\"\",1000000,\"xx\"]");
    rig_close(&r);
}

TEST(memory_lost,
     "a VM that stays full is lost; a new one has the state and runs the same code")
{
    struct rig r = {0};
    struct image *image2;
    struct err e;

    rig_write(&r, "more.lua", "return {word = 'old'}");
    rig_open(&r,
             RUNNER("memory = 8, budget_kill = 5000, state = {n = s.u8, frogs = s.map {x "
                    "= s.f64}}, messages = {hop = {}}",
                    "keep = {} local more = require 'more'\n"
                    "function g.on.hop(room) room.state.n = 200 return more.word end\n"
                    "function g:reloaded(v, is_rebuilt) self.told = is_rebuilt and v end"));
    struct script_room *room2 = rig_room(&r, "other", &image2);
    CHECK_EQ(script_seat_add(room2, 5, "eve"), 0);
    rig_eval(&r, "room.mine = 1 room.state.n = 7 room.state.frogs[3] = {x = 1.25} "
                 "room:after(10, 'x') return 1");
    rig_scan(&r);
    rig_eval(&r, "for i = 1, 1e9 do keep[i] = {i} end");
    CHECK_EQ(r.result, SCRIPT_STOPPED);
    CHECK(r.vm->is_lost);
    /* The folder has moved on: what ran is what counts. */
    rig_write(&r, "game.lua", "this is no Lua");
    rig_write(&r, "more.lua", "return {word = 'new'}");
    CHECK_EQ(vm_replace(r.vm, &e), 0);
    CHECK(!r.vm->is_lost);
    CHECK_EQ(r.vm->version, 1);
    CHECK_EQ((int)r.vm->n_replaced, 1);
    CHECK(vm_bytes(r.vm) < 2 * MIB);
    CHECK_EQ(script_seat_add(r.room, 1, "ann"), 0);
    CHECK_EQ(script_seat_add(room2, 5, "eve"), 0);
    CHECK_EQ(script_rebuilt(r.room, 1), SCRIPT_DONE);
    CHECK_STR(rig_eval(&r, "return {room.mine == nil, room.state.n, room.state.frogs[3].x, "
                           "player.name, room.told, #keep, require('more').word, room.id}"),
              "[true,7,1.25,\"ann\",1,0,\"old\",\"lobby\"]");
    char *before = rig_state(r.image);
    rig_scan(&r);
    char *after = rig_state(r.image);
    CHECK_STR(after, before);
    free(before);
    free(after);
    CHECK(rig_reload(&r, "still none") < 0);
    CHECK_EQ(rig_reload(&r, RUNNER("", "")), 0);
    rig_end_room(&room2, &image2);
    rig_close(&r);
}

TEST(memory_replace_fails,
     "a game that declares something else each time it runs is not replaced")
{
    struct rig r = {0};
    struct err e;

    rig_open(
        &r, "local parlor = require 'parlor'\nlocal s = parlor.schema\n"
            "local g = parlor.game {state = {['a' .. math.floor(parlor.now() * 1e6) % 1e9] "
            "= s.u8}}\nreturn g");
    CHECK(vm_replace(r.vm, &e) < 0);
    CHECK(strstr(e.text, "declares another state each time"));
    CHECK(r.vm->is_lost);
    CHECK_EQ(script_tick(r.room, 0.05), SCRIPT_ABSENT);
    rig_end_room(&r.room, &r.image);
    bool changed;
    rig_write(&r, "game.lua", RUNNER("", ""));
    CHECK_EQ(vm_reload(r.vm, &changed, &e), 0);
    CHECK(!r.vm->is_lost);
    r.room = rig_room(&r, "lobby", &r.image);
    CHECK_EQ(script_seat_add(r.room, 1, "ann"), 0);
    CHECK_STR(rig_eval(&r, "return 1"), "1");
    rig_close(&r);
}
