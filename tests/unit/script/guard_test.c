/* SPDX-License-Identifier: MIT */
#include "rig.h"
#include <lauxlib.h>
#include <lualib.h>

#include "script/guard.h"
#include "script/watchdog.h"

static int n_hooks;

static void count_and_raise(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    n_hooks++;
    luaL_error(L, "out");
}

static lua_Alloc inner;
static void *inner_ud;
static size_t calls_left;
static lua_State *victim;

/* Arms after some allocations: from inside compiled code, as the memory limit does. */
static void *arming(void *ud, void *p, size_t before, size_t size)
{
    (void)ud;
    if (size > before && calls_left > 0 && --calls_left == 0)
        guard_arm(victim, count_and_raise, false);
    return inner(inner_ud, p, before, size);
}

TEST(guard_arm,
     "a hook armed inside a compiled loop is reached there, goes on raising, and "
     "is gone when disarmed")
{
    lua_State *L = victim = luaL_newstate();

    CHECK_EQ(watchdog_start(), 0);
    CHECK_EQ(guard_mode(), GUARD_BYTE);
    luaL_openlibs(L);
    guard_attach(L);
    inner = lua_getallocf(L, &inner_ud);
    lua_setallocf(L, arming, NULL);
    for (int round = 0; round < 20; round++) {
        n_hooks = 0;
        CHECK_EQ(luaL_loadstring(L, "local n = 0 while true do n = n + 1 last = {n} "
                                    "pcall(function() last = {n} end) end"),
                 0);
        calls_left = 20000;
        CHECK(lua_pcall(L, 0, 0, 0) != 0);
        CHECK(strstr(lua_tostring(L, -1), "out"));
        CHECK(n_hooks >= 1);
        guard_disarm(L);
        n_hooks = 0;
        CHECK_EQ(luaL_dostring(L, "local n = 0 for i = 1, 1e5 do n = n + i end return n"),
                 0);
        CHECK_EQ((int)(lua_tonumber(L, -1) / 1e5), 50000);
        CHECK_EQ(n_hooks, 0);
        lua_settop(L, 0);
    }
    lua_setallocf(L, inner, inner_ud);
    lua_close(L);
}

TEST(guard_pairs, "where pairs leaves nested loops early, games get one that does not")
{
    struct rig r = {0};

    rig_open(&r, RUNNER("budget_kill = 60000", ""));
    CHECK_STR(
        rig_eval(&r,
                 "local t = {1, 2, 3, 4, 5} local u = {a = t, b = t, c = t, d = t, e = t} "
                 "local function f(...) for _ = 1, 100 do end end "
                 "for i = 1, 60000 do f() local n = 0 "
                 "for _, v in pairs(u) do for _ in pairs(v) do end n = n + 1 end "
                 "if n ~= 5 then return i end end return 'all'"),
        "\"all\"");
    CHECK(strstr(rig_eval(&r, "return {pcall(pairs, 5)}"), "table expected, got number"));
    rig_close(&r);
}
