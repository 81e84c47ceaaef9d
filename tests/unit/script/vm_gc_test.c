/* SPDX-License-Identifier: MIT */
#include "rig.h"

enum { MIB = 1 << 20 };

static size_t steps(struct rig *r, int n, const char *code)
{
    size_t peak = 0;

    for (int i = 0; i < n; i++) {
        vm_step_begin(r->vm);
        rig_eval(r, code);
        if (r->result != SCRIPT_DONE)
            fail_msg("%s", r->answer);
        vm_step_end(r->vm);
        peak = vm_bytes(r->vm) > peak ? vm_bytes(r->vm) : peak;
    }
    return peak;
}

TEST(gc_between, "nothing is collected inside a callback; what it left is, between them")
{
    struct rig r = {0};

    rig_open(&r, RUNNER("", ""));
    size_t before = vm_bytes(r.vm);
    uint64_t cycles = r.vm->gc.n_cycles;
    rig_eval(&r, "weak = setmetatable({}, {__mode = 'v'}) weak[1] = {} "
                 "for i = 1, 1e5 do last = {i} end return weak[1] ~= nil");
    CHECK_STR(r.answer, "true");
    CHECK(vm_bytes(r.vm) > before + 3 * MIB);
    CHECK(vm_gc_is_due(&r.vm->gc, &r.vm->memory));
    steps(&r, 400, "return 1");
    CHECK(r.vm->gc.n_cycles > cycles);
    CHECK(vm_bytes(r.vm) < before + MIB);
    CHECK(r.vm->gc.pauses.calls > 0);
    CHECK_STR(rig_eval(&r, "return weak[1] == nil"), "true");
    rig_close(&r);
}

TEST(gc_steady,
     "steady garbage does not pile up, little of it or much, over small heaps or "
     "large ones")
{
    struct rig r = {0};

    rig_open(&r, RUNNER("", "keep = {}"));
    size_t small = steps(&r, 500, "for i = 1, 100 do last = {i, x = {i}} end return 1");
    CHECK(small < 4 * MIB);
    size_t big = steps(&r, 40, "for i = 1, 100000 do last = {i, x = {i}} end return 1");
    CHECK(big < 128 * MIB);
    steps(&r, 600, "return 1");
    CHECK(vm_bytes(r.vm) < 4 * MIB);
    rig_eval(&r, "for i = 1, 100000 do keep[i] = {i} end return 1");
    steps(&r, 600, "return 1");
    size_t live = vm_bytes(r.vm);
    CHECK(steps(&r, 500, "for i = 1, 500 do last = {i, x = {i}} end return 1") <
          2 * live + 8 * MIB);
    rig_close(&r);
}

TEST(gc_idle, "a step that leaves no garbage costs no collection")
{
    struct rig r = {0};

    rig_open(&r, RUNNER("", "function g:tick() end"));
    steps(&r, 300, "return 1");
    uint64_t shares = r.vm->gc.pauses.calls;
    for (int i = 0; i < 100; i++) {
        vm_step_begin(r.vm);
        CHECK_EQ(script_tick(r.room, 0.05), SCRIPT_DONE);
        vm_step_end(r.vm);
    }
    CHECK(r.vm->gc.pauses.calls - shares < 20);
    rig_close(&r);
}

static lua_Alloc below;
static int n_tables;

/* LuaJIT's table of texts is the only block of that kind in the game below. */
static void *count_tables(void *ud, void *p, size_t before, size_t size)
{
    n_tables += !p && size >= 4096 * sizeof(void *);
    return below(ud, p, before, size);
}

TEST(gc_texts,
     "a flood of texts does not have LuaJIT resize its table of them in each cycle")
{
    static const char flood[] = "n = n or 0 for i = 1, 300 do n = n + 1 "
                                "last = ('%064d'):format(n) end return 1";
    struct rig r = {0};
    struct vm_gc *gc;

    rig_open(&r, RUNNER("", ""));
    gc = &r.vm->gc;
    while (gc->n_cycles < 5)
        steps(&r, 10, flood);
    below = r.vm->memory.alloc;
    r.vm->memory.alloc = count_tables;
    while (gc->n_cycles < 25)
        steps(&r, 1, flood);
    CHECK(n_tables < 10); /* none, unless the machine sleeps; or two in each */
    r.vm->memory.alloc = below;
    rig_close(&r);
}

TEST(gc_end, "a cycle that waits for garbage comes to its end without it")
{
    struct rig r = {0};
    struct vm_gc *gc;

    rig_open(&r, RUNNER("", "function g:tick() end"));
    gc = &r.vm->gc;
    while (!gc->wait_until_ns)
        steps(&r, 1, "for i = 1, 100 do last = {i} end return 1");
    CHECK(gc->had > 0 && !vm_gc_is_due(gc, &r.vm->memory));
    size_t waiting = vm_bytes(r.vm);
    uint64_t cycles = gc->n_cycles, from = clk_real_ns();
    while (gc->n_cycles == cycles && clk_real_ns() - from < 30000000000u) {
        vm_step_begin(r.vm);
        CHECK_EQ(script_tick(r.room, 0.05), SCRIPT_DONE);
        vm_step_end(r.vm);
    }
    CHECK_EQ(gc->n_cycles, cycles + 1);
    CHECK(!gc->wait_until_ns && vm_bytes(r.vm) < waiting);
    rig_close(&r);
}
