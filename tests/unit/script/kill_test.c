/* SPDX-License-Identifier: MIT */
#include "rig.h"
#include "runaways.h"
#include <stdlib.h>

#include "base/clk.h"
#include "script/guard.h"
#include "script/watchdog.h"

/* A result that takes recursion, tables, sorting, strings, coroutines and closures
 * to compute. */
#define CHECKER                                                                            \
    "local function fib(n) if n < 2 then return n end return fib(n - 1) + fib(n - 2) end " \
    "function check(k) local t = {} for i = 1, 300 do t[i] = (i * 7919 + k) % 1009 end "   \
    "table.sort(t) local s = 0 for i = 1, 300 do s = s + t[i] * i end "                    \
    "local str = {} for i = 1, 50 do str[#str + 1] = string.format('%d:%s', i, "           \
    "('x'):rep(i % 5)) end local u = table.concat(str, ',') "                              \
    "local co = coroutine.wrap(function() for i = 1, 10 do coroutine.yield(i) end end) "   \
    "local c = 0 for i = 1, 10 do c = c + co() end "                                       \
    "local n = 0 for k in pairs(t) do n = n + 1 end "                                      \
    "for w in u:gmatch('%d+') do n = n + tonumber(w) end "                                 \
    "return s + #u + c + n + fib(12) end\n"

#define GAME                                                                               \
    RUNNER("budget_kill = 20, state = {n = s.u8, frogs = s.map {x = s.f64, y = s.u8}}",    \
           CHECKER "function g:x() end\n")

static void expect_stopped(struct rig *r, const char *code)
{
    rig_eval(r, code);
    if (!strstr(r->error, "stopped after 20 ms (budget_kill)"))
        fail_msg("%s\n  ended with %s", code, *r->error ? r->error : r->answer);
    CHECK_EQ(r->result, SCRIPT_STOPPED);
    CHECK_EQ(script_restore(r->room), SCRIPT_DONE);
    CHECK(!r->vm->is_lost);
}

static void kill_all(struct rig *r, int rounds)
{
    char want[8][32];

    for (int k = 0; k < 8; k++) {
        char code[32];
        snprintf(code, sizeof code, "return check(%d)", k);
        snprintf(want[k], sizeof want[k], "%s", rig_eval(r, code));
        CHECK(*want[k] != '!');
    }
    rig_eval(r, "room.state.frogs[1] = {x = 1.5, y = 7} room.state.n = 3 return 1");
    rig_scan(r);
    char *before = rig_state(r->image);
    for (int i = 0; i < rounds * N_RUNAWAYS; i++) {
        const char *code = runaways[i % N_RUNAWAYS];
        char check[32];
        rig_forget(r);
        expect_stopped(r, code);
        snprintf(check, sizeof check, "return check(%d)", i % 8);
        if (strcmp(rig_eval(r, check), want[i % 8]) != 0)
            fail_msg("after %s: check gives %s instead of %s", code, r->answer,
                     want[i % 8]);
        CHECK_STR(rig_eval(r, "return {room.state.n, room.state.frogs[1].x, "
                              "room.state.frogs[5] == nil, room.players[1] == player}"),
                  "[3,1.5,true,true]");
        rig_scan(r);
        char *after = rig_state(r->image);
        CHECK_STR(after, before);
        free(after);
    }
    free(before);
}

TEST(kill_runaways,
     "each kind of runaway is stopped, and its VM computes what it did before")
{
    struct rig r = {0};

    rig_open(&r, GAME);
    CHECK_EQ(guard_mode(), GUARD_BYTE);
    kill_all(&r, 2);
    rig_close(&r);
}
