/* SPDX-License-Identifier: MIT */
#include "rig.h"
#include <luajit.h>
#include <stdio.h>

#include "base/clk.h"
#include "script/vm_trial.h"

#define GAME(more)                                                                         \
    RUNNER("state = {n = s.u8}, messages = {hop = {}}", "function g.on.hop() end " more)

/* Memory of the Lua values that are still wanted; how many traces there are is a matter
 * of luck, so they may be left out. */
static size_t live_bytes(struct rig *r, bool with_traces)
{
    if (!with_traces)
        luaJIT_setmode(r->vm->L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_FLUSH);
    lua_gc(r->vm->L, LUA_GCCOLLECT, 0);
    lua_gc(r->vm->L, LUA_GCCOLLECT, 0);
    return vm_bytes(r->vm);
}

static void reload_often(struct rig *r, int times)
{
    for (int i = 0; i < times; i++) {
        CHECK_EQ(rig_reload(r, GAME("local t = {} for i = 1, 500 do t[i] = 'x' .. i end "
                                    "function g:tick() return t end")),
                 0);
        script_tick(r->room, 0.05);
        /* Every third one fails and is taken back. */
        if (i % 3 == 0) {
            bool changed;
            struct err why;
            CHECK_EQ(rig_reload(r, GAME("function g:tick() error 'no' end")), 0);
            CHECK_EQ(script_tick(r->room, 0.05), SCRIPT_RAISED);
            CHECK(vm_has_failed(r->vm));
            CHECK_EQ(vm_roll_back(r->vm, &changed, &why), 0);
            CHECK(!changed);
            CHECK(strstr(why.text, "game.lua:") && strstr(why.text, ": no"));
            CHECK_EQ(script_tick(r->room, 0.05), SCRIPT_DONE);
        }
    }
}

TEST(trial_memory, "hundreds of reloads, some taken back, leave nothing behind")
{
    struct rig r = {0};

    rig_open(&r, GAME(""));
    reload_often(&r, 100); /* until traces and tables have their size */
    size_t before = live_bytes(&r, false);
    reload_often(&r, 300);
    size_t after = live_bytes(&r, false);
    /* One generation that stays is some 20 KB; the compiler's own tables grow a little. */
    if (after > before + 32768)
        fail_msg("%zu bytes more", after - before);
    rig_close(&r);
}

static void change_often(struct rig *r, int times)
{
    char game[2048];

    for (int i = 0; i < times; i++) {
        snprintf(game, sizeof game,
                 RUNNER("state = {n%d = s.u8, m = s.map {x = s.u8}}",
                        "function g:tick() for _, row in pairs(self.state.m) do row.x = "
                        "(row.x + 1) %% 100 end end"),
                 i % 7);
        CHECK_EQ(rig_reload(r, game), 0);
        for (int tick = 0; tick < 10; tick++) {
            script_tick(r->room, 0.05);
            rig_scan(r);
        }
    }
}

TEST(trial_traces, "traces of schemas that are gone do not pile up")
{
    struct rig r = {0};

    rig_open(&r, RUNNER("state = {m = s.map {x = s.u8}}", ""));
    rig_eval(&r, "for i = 1, 20 do room.state.m[i] = {x = i} end");
    change_often(&r, 10);
    size_t before = live_bytes(&r, true);
    change_often(&r, 60);
    size_t after = live_bytes(&r, true);
    if (after > before + 32768)
        fail_msg("%zu bytes more", after - before);
    rig_close(&r);
}

TEST(trial_settle, "the generation before goes when its time is over")
{
    struct rig r = {0};

    clk_fake(1000000);
    rig_open(&r, GAME(""));
    CHECK(!r.vm->trial);
    CHECK_EQ(rig_reload(&r, GAME("function g:tick() error 'no' end")), 0);
    CHECK(r.vm->trial != NULL);
    clk_fake_advance((uint64_t)VM_TRIAL_MS * 1000 - 1);
    vm_settle(r.vm, clk_now_us());
    CHECK(r.vm->trial != NULL);
    clk_fake_advance(1);
    script_tick(r.room, 0.05); /* too late: an error like any other */
    CHECK(!vm_has_failed(r.vm));
    clk_fake_advance((uint64_t)VM_TRIAL_KEPT_MS * 1000 - 1);
    vm_settle(r.vm, clk_now_us());
    CHECK(r.vm->trial != NULL);
    clk_fake_advance(1);
    vm_settle(r.vm, clk_now_us());
    CHECK(!r.vm->trial);
    CHECK(!vm_fail(r.vm, "too late"));
    rig_close(&r);
    clk_real();
}

TEST(trial_elsewhere, "what has failed in another VM is taken back here as well")
{
    struct rig r = {0};
    bool changed;
    struct err why;

    rig_open(&r, GAME(""));
    CHECK(!vm_fail(r.vm, "there is nothing to go back to"));
    CHECK_EQ(rig_reload(&r, GAME("function g:tick() end")), 0);
    script_tick(r.room, 0.05); /* which proves nothing there */
    CHECK(vm_fail(r.vm, "no luck"));
    CHECK(vm_has_failed(r.vm));
    CHECK_EQ(vm_roll_back(r.vm, &changed, &why), 0);
    CHECK_STR(why.text, "no luck");
    CHECK_EQ(r.vm->version, 1);
    rig_close(&r);
}

TEST(trial_versions, "going back has the old number, and no number comes twice")
{
    struct rig r = {0};
    bool changed;
    struct err why;

    rig_open(&r, GAME(""));
    CHECK_EQ(rig_reload(&r, GAME("function g:tick() error 'no' end")), 0);
    CHECK_EQ(r.vm->version, 2);
    script_tick(r.room, 0.05);
    CHECK_EQ(vm_roll_back(r.vm, &changed, &why), 0);
    CHECK_EQ(r.vm->version, 1);
    CHECK(!vm_has_failed(r.vm));
    CHECK_EQ(rig_reload(&r, GAME("")), 0);
    CHECK_EQ(r.vm->version, 3);
    rig_close(&r);
}
