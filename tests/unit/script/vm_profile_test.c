/* SPDX-License-Identifier: MIT */
#include "rig.h"
#include <stdlib.h>

#include "script/vm_profile.h"

#define HELPERS                                                                            \
    "function burn(n) local x = 0 for i = 1, n do\n x = x + i % 7\n end return x end\n"    \
    "function deep(n) if n == 0 then return burn(2e7) end local x = deep(n - 1) return x " \
    "end\n"

static const char *folded(struct rig *r, struct buf *out)
{
    buf_clear(out);
    profile_write(r->vm->profile, out);
    buf_byte(out, 0);
    CHECK(!out->failed);
    return (const char *)out->data;
}

/* How many samples have this in their stack. */
static unsigned long long samples_with(struct rig *r, const char *word)
{
    struct buf out;
    unsigned long long n = 0;

    buf_init(&out, 0);
    folded(r, &out);
    for (char *line = strtok((char *)out.data, "\n"); line; line = strtok(NULL, "\n"))
        if (strstr(line, word))
            n += strtoull(strrchr(line, ' ') + 1, NULL, 10);
    buf_fini(&out);
    return n;
}

TEST(vm_profile_loop, "a compiled loop is sampled inside, with all that called it")
{
    struct rig r = {0};

    rig_open(&r, RUNNER("budget_kill = 60000", HELPERS));
    CHECK_EQ(vm_profile_begin(r.vm, VM_PROFILE_MAX_HZ), 0);
    for (int i = 0; i < 100 && samples_with(&r, "burn") < 50; i++)
        rig_eval(&r, "local function outer() local x = burn(2e7) return x end "
                     "return outer() > 0");
    CHECK_STR(r.answer, "true");
    uint64_t in_burn = samples_with(&r, "callback pond.message;pond/run.lua;"
                                        "pond/run.lua:1 outer;"
                                        "pond/game.lua:7 burn ");
    if (in_burn < 50 || in_burn * 10 < r.vm->profile->n_samples * 9) {
        struct buf out;
        buf_init(&out, 0);
        fail_msg("burn has %llu of\n%s", (unsigned long long)in_burn, folded(&r, &out));
    }
    vm_profile_end(r.vm);
    CHECK(r.vm->profile == NULL);
    CHECK_STR(rig_eval(&r, "return burn(1000)"), "3003");
    CHECK(lua_gethook(r.vm->L) == NULL);
    rig_close(&r);
}

TEST(vm_profile_inlined,
     "a function that compiled code has taken into its caller's loop is "
     "seen as itself, again after a reload")
{
    struct rig r = {0};
    const char *game =
        RUNNER("budget_kill = 60000",
               "local function heavy(x)\n x = x % 1013 + 3\n x = x * 7 % 911\n"
               " x = x * 5 % 773\n x = x * 3 % 613\n return x\nend\n"
               "function drive(n) local x = 1 for i = 1, n do\n x = heavy(x)\n "
               "end return x end\n");

    rig_open(&r, game);
    CHECK_EQ(vm_profile_begin(r.vm, VM_PROFILE_MAX_HZ), 0);
    for (int round = 1; round <= 2; round++) {
        for (int i = 0; i < 100 && samples_with(&r, " drive;") < 20ull * (unsigned)round;
             i++)
            rig_eval(&r, "local x = drive(2e6) return x");
        CHECK(samples_with(&r, " drive;pond/game.lua:7 heavy ") >= 20ull * (unsigned)round);
        CHECK_EQ(rig_reload(&r, game), 0);
    }
    rig_close(&r);
}

TEST(vm_profile_shapes,
     "coroutines come behind who resumed them, very deep stacks are cut, and what ends "
     "in C is the server's")
{
    struct rig r = {0};

    rig_open(&r, RUNNER("budget_kill = 60000", HELPERS));
    CHECK_EQ(vm_profile_begin(r.vm, VM_PROFILE_MAX_HZ), 0);
    for (int i = 0; i < 100 && samples_with(&r, "burn") < 5; i++)
        rig_eval(&r, "local function body() local x = burn(2e7) return x end "
                     "coroutine.wrap(body)() return 1");
    CHECK(samples_with(
              &r, "pond.message;pond/run.lua;pond/run.lua:1 function;pond/game.lua:7 ") >=
          5);
    for (int i = 0; i < 100 && samples_with(&r, "[deeper]") < 5; i++)
        rig_eval(&r, "return deep(150)");
    CHECK(samples_with(&r, "callback pond.message;[deeper];pond/game.lua:") >= 5);
    for (int i = 0; i < 300 && samples_with(&r, "[server]") < 1; i++)
        rig_eval(&r, "return ('x'):rep(2e7)");
    CHECK(samples_with(&r, "callback pond.message;[server]") >= 1);
    vm_profile_end(r.vm);
    rig_close(&r);
}

TEST(vm_profile_kill, "a runaway is sampled and stopped all the same; a new VM is sampled "
                      "like the old one")
{
    struct rig r = {0};
    struct err e;

    rig_open(&r, RUNNER("budget_kill = 50", HELPERS));
    CHECK_EQ(vm_profile_begin(r.vm, VM_PROFILE_MAX_HZ), 0);
    for (int i = 0; i < 20; i++) {
        rig_eval(&r, "pcall(function() while true do end end) while true do end");
        CHECK_EQ(r.result, SCRIPT_STOPPED);
        CHECK_EQ(script_restore(r.room), SCRIPT_DONE);
        CHECK(!r.vm->is_lost);
    }
    CHECK(samples_with(&r, "pond/run.lua") >= 20);
    CHECK_EQ(vm_replace(r.vm, &e), 0);
    CHECK_EQ(script_seat_add(r.room, 1, "ann"), 0);
    uint64_t before = samples_with(&r, "again");
    for (int i = 0; i < 100 && samples_with(&r, "again") < before + 5; i++)
        rig_eval(&r, "local function again() local x = burn(1e6) return x end again() "
                     "return 7");
    CHECK_STR(r.answer, "7");
    CHECK(samples_with(&r, "again") >= before + 5);
    rig_close(&r); /* ends the profile, too */
}
