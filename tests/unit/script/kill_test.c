/* SPDX-License-Identifier: MIT */
#include "rig.h"
#include "runaways.h"
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

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
        rig_eval(r, check);
        for (int k = 0; k < 5 && r->result == SCRIPT_STOPPED; k++)
            rig_eval(r, check); /* a busy machine had no 20 ms for it */
        if (strcmp(r->answer, want[i % 8]) != 0)
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

/* In a process of its own: modes are for ever, and some tests end the process. */
static int in_child(void (*body)(void))
{
    int status = 0;
    fflush(NULL);
    pid_t child = fork();

    if (child == 0) {
        body();
        fflush(NULL);
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void kill_in_mode(enum guard_mode mode)
{
    struct rig r = {0};

    watchdog_start();
    while (guard_mode() != mode)
        CHECK(guard_fall_back());
    rig_open(&r, GAME);
    kill_all(&r, 1);
    rig_close(&r);
}

static void kill_public(void)
{
    kill_in_mode(GUARD_PUBLIC);
}

static void kill_without_jit(void)
{
    kill_in_mode(GUARD_NO_JIT);
    CHECK(!guard_fall_back());
}

TEST(kill_fallbacks,
     "where the hook mask is not found, the profiler stops scripts, or else "
     "the interpreter")
{
    CHECK_EQ(in_child(kill_public), 0);
    CHECK_EQ(in_child(kill_without_jit), 0);
}

/* A C function that does not come back: nothing of ours is like that. */
static int hang(lua_State *L)
{
    for (volatile unsigned i = 0;; i++)
        ;
    return lua_gettop(L);
}

static void hang_body(lua_State *L, struct vm *vm, void *arg)
{
    (void)vm;
    (void)arg;
    lua_pushcfunction(L, hang);
    lua_call(L, 0, 0);
}

static void on_end(void *ctx)
{
    fprintf(stderr, "written at the end: %s\n", (const char *)ctx);
}

static void hang_for_ever(void)
{
    struct rig r = {0};

    watchdog_start();
    watchdog_set_lost_ms(50);
    watchdog_before_end(on_end, "rooms");
    rig_open(&r, GAME);
    vm_protect(r.vm, r.room, "tick", hang_body, NULL);
}

TEST(kill_lost,
     "what cannot be stopped at all ends the process, with its stacks and a code")
{
    char path[] = "/tmp/parlor-lost-XXXXXX", text[16384] = "";
    int fd = mkstemp(path), saved = dup(STDERR_FILENO);

    CHECK(fd >= 0 && saved >= 0);
    dup2(fd, STDERR_FILENO);
    int code = in_child(hang_for_ever);
    dup2(saved, STDERR_FILENO);
    CHECK(pread(fd, text, sizeof text - 1, 0) > 0);
    close(fd);
    close(saved);
    unlink(path);
    CHECK_EQ(code, WATCHDOG_EXIT_CODE);
    CHECK(strstr(text, "game pond, tick: cannot be stopped"));
    CHECK(strstr(text, "C stack of the worker"));
    CHECK(strstr(text, "unit_script"));
    CHECK(strstr(text, "written at the end: rooms"));
}

TEST(kill_load,
     "a game.lua that does not end is stopped, when it is loaded and at a reload")
{
    struct rig r = {.load_ms = 20};

    CHECK(!rig_load(&r, "while true do end"));
    CHECK_STR(r.e.text, "pond/game.lua:1: stopped after 20 ms");
    CHECK(!rig_load(&r, "local s = ('a'):rep(30) while true do "
                        "pcall(string.find, s, ('a?'):rep(30) .. s) end"));
    CHECK(strstr(r.e.text, "stopped after 20 ms"));
    CHECK(!rig_load(&r, "local t = {} for i = 1, 1e9 do t[i] = {i} end"));
    CHECK(strstr(r.e.text, "stopped"));
    rig_open(&r, GAME);
    CHECK(rig_reload(&r, "repeat until false") < 0);
    CHECK_STR(rig_eval(&r, "return check(1) == check(1)"), "true");
    CHECK_EQ(rig_reload(&r, RUNNER("", "")), 0);
    CHECK_STR(rig_eval(&r, "return check == nil"), "true");
    rig_close(&r);
}

TEST(kill_late_signal, "a callback that ends right at its deadline hurts none after it")
{
    struct rig r = {0};

    rig_open(&r, RUNNER("budget_kill = 5", ""));
    for (int i = 0; i < 60; i++) {
        rig_forget(&r);
        rig_eval(&r, "local now = os.clock local t = now() "
                     "while now() - t < 0.0049 do end return 1");
        CHECK(strcmp(r.answer, "1") == 0 || strstr(r.answer, "stopped after 5 ms"));
        for (int k = 0; k < 20; k++)
            CHECK_STR(rig_eval(&r, "return 2"), "2");
    }
    rig_close(&r);
}

/* 0.15 s of work, in which the process stands still for 0.6 s; was it let be? */
static bool is_let_be(struct rig *r)
{
    uint64_t began = clk_real_ns();
    pid_t child = fork();

    if (child == 0) {
        usleep(50000);
        kill(getppid(), SIGSTOP);
        usleep(600000);
        kill(getppid(), SIGCONT);
        _exit(0);
    }
    rig_eval(r,
             "local now = os.clock local t = now() while now() - t < 0.15 do end return 1");
    CHECK(clk_real_ns() - began > 550000000u);
    waitpid(child, NULL, 0);
    return r->result == SCRIPT_DONE;
}

TEST(kill_patient,
     "a process that stood still for longer than a budget kills nobody for it")
{
    struct rig r = {0};
    bool good = false;

    /* On a busy machine the work alone can take too long, but not each time. */
    rig_open(&r, RUNNER("budget_kill = 400", ""));
    for (int i = 0; i < 8 && !good; i++)
        good = is_let_be(&r);
    CHECK(good);
    rig_close(&r);
}

/* What a stopped callback has left of rows, collections, and the order of both. */
TEST(restore_state,
     "the declared state goes back, in the tables it was in; what is private "
     "stays")
{
    static const char *const changes[] = {
        "room.state.frogs[1].x = 99",
        "room.state.frogs[1] = nil",
        "room.state.frogs[1] = {x = 3}",
        "room.state.frogs[9] = {x = 3}",
        "room.state.frogs = {}",
        "room.state.frogs = {[4] = {x = 2}}",
        "room.state = {}",
        "room.state = 5",
        "room.state.frogs[2].pos = nil",
        "room.state.frogs[2].pos = 7",
        "room.state.frogs[2].pos.z = 200",
        "room.state.frogs[2].x = 'x'",
        "room.state.n = 77",
        "room.state.n = nil",
        "setmetatable(room.state.frogs[1], {__index = function() while true do end end}) "
        "room.state.frogs[1].x = nil",
        "for i = 1, 500 do room.state.frogs[i + 10] = {x = i} end",
        "room.state.frogs[1], room.state.frogs[2] = room.state.frogs[2], "
        "room.state.frogs[1]",
    };
    struct rig r = {0};

    rig_open(&r, RUNNER("budget_kill = 20, state = {n = s.u8, frogs = s.map {x = s.f64, "
                        "pos = {z = s.i8}}}",
                        ""));
    CHECK_STR(rig_eval(&r,
                       "frogs = room.state.frogs state = room.state room.state.n = 4 "
                       "frogs[2] = {x = 2, mine = 'two'} frogs[1] = {x = 0.1, pos = {z = "
                       "5}} one, two = frogs[1], frogs[2] return 1"),
              "1");
    rig_scan(&r);
    char *before = rig_state(r.image);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        char code[300];
        snprintf(code, sizeof code, "room.count = %zu %s while true do end", i, changes[i]);
        rig_forget(&r);
        rig_eval(&r, code);
        CHECK_EQ(r.result, SCRIPT_STOPPED);
        CHECK_EQ(script_restore(r.room), SCRIPT_DONE);
        rig_scan(&r);
        char *after = rig_state(r.image);
        if (strcmp(before, after) != 0 || r.n_errors != 1)
            fail_msg("%s: %s is not %s; %s", changes[i], after, before, r.error);
        free(after);
        rig_eval(&r,
                 "local f, keys = room.state.frogs, {} "
                 "for id in require('parlor').each(f) do keys[#keys + 1] = id end "
                 "return {room.count, room.state == state, f == frogs, f[1].x, f[2].mine, "
                 "f[2].pos.z, room.state.n, keys}");
        snprintf(code, sizeof code, "[%zu,true,true,0.1,\"two\",0,4,[2,1]]", i);
        if (i == 1 || i == 16)
            continue; /* rows that were taken out or swapped come back as new tables */
        if (strcmp(r.answer, code) != 0)
            fail_msg("%s: %s", changes[i], r.answer);
    }
    free(before);
    rig_close(&r);
}

TEST(restore_host, "timers and seats that a stop has torn apart are mended")
{
    struct rig r = {0};

    rig_open(&r,
             RUNNER("budget_kill = 20", "function g:hit(n) self:broadcast('hit', n) end "
                                        "function g:x() end\n"));
    rig_eval(&r,
             "room:after(50, 'hit', 1) room:every(60, 'hit', 2) room:after(5, 'hit', 0) "
             "return 1");
    for (int i = 0; i < 40; i++) {
        rig_eval(&r, "while true do for i = 1, 50 do ids = ids or {} "
                     "ids[i] = room:after(i % 7 + 100000, 'x') end "
                     "for i = 1, 50 do room:cancel(ids[i]) end end");
        CHECK_EQ(r.result, SCRIPT_STOPPED);
        CHECK_EQ(script_restore(r.room), SCRIPT_DONE);
    }
    /* And one torn apart by hand: an insertion that got half way. */
    lua_State *L = r.vm->L;
    lua_rawgeti(L, LUA_REGISTRYINDEX, r.room->data_ref);
    lua_getfield(L, -1, "timers");
    lua_rawgeti(L, -1, 1);
    lua_rawseti(L, -2, 5);
    lua_rawgeti(L, -1, 3);
    lua_rawseti(L, -2, 1);
    lua_settop(L, 0);
    r.room->wake_ms = 1e9;
    CHECK_EQ(script_restore(r.room), SCRIPT_DONE);
    rig_forget(&r);
    r.room->now_ms = 70;
    script_timers(r.room, NULL);
    CHECK_STR(rig_trace(&r), "broadcast except 0 to all hit -1 0\n"
                             "broadcast except 0 to all hit -1 1\n"
                             "broadcast except 0 to all hit -1 2\n");
    CHECK_EQ((int)r.room->wake_ms, 120);
    rig_close(&r);
}

TEST(kill_in_batch,
     "raw messages that come together have a budget each, and one of them is stopped")
{
    static const char *const next[] = {"busy", "busy", "busy", "busy",
                                       "spin", "busy", NULL};
    struct rig r = {0};

    rig_open(&r, "local g = require('parlor').game {raw = true, budget_kill = 60,\n"
                 "  budget_warn = 5000}\n"
                 "function g:message(player, data)\n"
                 "  if data == 'spin' then while true do end end\n"
                 "  local t = os.clock() while os.clock() - t < 0.025 do end\n"
                 "  player:send(data)\n"
                 "end return g");
    do /* collect what the load has left, which would come first */
        vm_step_end(r.vm);
    while (vm_gc_is_due(&r.vm->gc, &r.vm->memory));
    r.next = next;
    CHECK_EQ(script_raw_message(r.room, 1, (const uint8_t *)"first", 5, true),
             SCRIPT_STOPPED);
    CHECK_STR(r.error, "message|pond/game.lua:4|stopped after 60 ms (budget_kill)");
    CHECK_STR(rig_trace(&r), "raw 1 binary first\nraw 1 binary busy\nraw 1 binary busy\n"
                             "raw 1 binary busy\nraw 1 binary busy\n");
    CHECK_STR(*r.next, "busy");
    const struct call_stats *stats = &r.vm->stats[SCRIPT_MESSAGE];
    CHECK_EQ(stats->calls, 6);
    CHECK_EQ(stats->kills, 1);
    CHECK(stats->total_ns >= 5 * 25000000ull + 60000000ull);
    CHECK(stats->max_ns <= stats->total_ns - 5 * 25000000ull);
    rig_close(&r);
}

TEST(kill_among_quick, "among raw messages too quick to be measured each, a slow one has "
                       "its own time, and the "
                       "one that is stopped its whole budget")
{
    enum { QUICK = 200, BUSY = QUICK, SPIN = 2 * QUICK + 1 };
    static const char *next[SPIN + 2];
    struct rig r = {0};
    size_t sent = strlen("first") + 2 * QUICK * strlen("quick") + strlen("busy");

    rig_open(&r, "local g = require('parlor').game {raw = true, budget_kill = 60,\n"
                 "  budget_warn = 5000}\n"
                 "function g:message(player, data)\n"
                 "  player:send(data)\n"
                 "  if data == 'spin' then while true do end end\n"
                 "  if data == 'busy' then\n"
                 "    local t = os.clock() while os.clock() - t < 0.025 do end\n"
                 "  end\n"
                 "end return g");
    for (int i = 0; i < SPIN; i++)
        next[i] = "quick";
    next[BUSY] = "busy";
    next[SPIN] = "spin";
    do /* collect what the load has left, which would come first */
        vm_step_end(r.vm);
    while (vm_gc_is_due(&r.vm->gc, &r.vm->memory));
    r.next = next;
    CHECK_EQ(script_raw_message(r.room, 1, (const uint8_t *)"first", 5, true),
             SCRIPT_STOPPED);
    CHECK_STR(r.error, "message|pond/game.lua:5|stopped after 60 ms (budget_kill)");
    CHECK(r.most_quick > 0 || clk_quick_ticks == 0);
    const struct call_stats *all[] = {&r.vm->stats[SCRIPT_MESSAGE], &r.room->stats};
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(all[i]->calls, SPIN + 2);
        CHECK_EQ(all[i]->kills, 1);
        CHECK_EQ(all[i]->sent, sent); /* what was stopped has sent nothing */
        CHECK(all[i]->max_ns >= 60000000 && all[i]->max_ns <= all[i]->total_ns - 25000000);
        CHECK(call_stats_quantile(all[i], 1 - 1.5 / (SPIN + 2)) >= 25000000);
        CHECK(call_stats_quantile(all[i], 0.5) < 1000000);
    }
    rig_close(&r);
}
