/* SPDX-License-Identifier: MIT */
#include "rig.h"
#include <lauxlib.h>
#include <lualib.h>
#include <pthread.h>

#include "base/clk.h"
#include "script/guard.h"
#include "script/watchdog.h"

#define MS 1000000ull

static void on_hook(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    if (watchdog_is_over())
        luaL_error(L, "over");
}

static lua_State *new_state(void)
{
    lua_State *L = luaL_newstate();

    luaL_openlibs(L);
    guard_attach(L);
    return L;
}

/* Run code with a deadline so many ms away; what lua_pcall gives. */
static int run(lua_State *L, const char *code, uint64_t ms)
{
    uint64_t now = clk_real_ns();

    CHECK_EQ(luaL_loadstring(L, code), 0);
    watchdog_expect(ms * MS);
    CHECK(watchdog_enter(L, on_hook, now, now + ms * MS, "pond", "tick"));
    CHECK(!watchdog_is_over());
    int r = lua_pcall(L, 0, 0, 0);
    watchdog_leave();
    CHECK(!watchdog_is_over());
    lua_settop(L, 0);
    return r;
}

TEST(watchdog_nested, "a call inside another is part of it")
{
    lua_State *L = new_state();
    uint64_t now = clk_real_ns();

    CHECK_EQ(watchdog_start(), 0);
    CHECK(watchdog_enter(L, on_hook, now, now + 1000 * MS, "pond", "tick"));
    CHECK(!watchdog_enter(L, on_hook, now, now + 1 * MS, "pond", "tick"));
    watchdog_leave();
    CHECK(watchdog_enter(L, on_hook, now, now + 1000 * MS, "pond", "tick"));
    watchdog_leave();
    lua_close(L);
}

/* A worker: stops its own loops, and its short calls end by themselves. */
static void *work(void *failures)
{
    lua_State *L = new_state();

    for (int i = 0; i < 20; i++) {
        if (run(L, "while true do end", 5) == 0)
            ++*(int *)failures;
        for (int k = 0; k < 50; k++)
            if (run(L, "local n = 0 for i = 1, 100 do n = n + i end", 2000) != 0)
                ++*(int *)failures;
    }
    lua_close(L);
    return NULL;
}

TEST(watchdog_threads,
     "several workers are looked after by one thread; none stops another's "
     "call")
{
    pthread_t threads[3];
    int failures[3] = {0};

    CHECK_EQ(watchdog_start(), 0);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, work, &failures[i]), 0);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
        CHECK_EQ(failures[i], 0);
    }
}

TEST(watchdog_arm,
     "a hook armed for another reason is taken back, unless the time is up, too")
{
    lua_State *L = new_state();
    uint64_t now = clk_real_ns();

    CHECK_EQ(watchdog_start(), 0);
    watchdog_arm(); /* no call runs: nothing happens */
    CHECK(lua_gethook(L) == NULL);
    CHECK(watchdog_enter(L, on_hook, now, now + 60000 * MS, "pond", "tick"));
    watchdog_arm();
    CHECK(lua_gethook(L) == on_hook);
    watchdog_disarm();
    CHECK(lua_gethook(L) == NULL);
    watchdog_arm();
    watchdog_leave();
    CHECK(lua_gethook(L) == NULL);
    lua_close(L);
}
