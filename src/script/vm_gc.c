/* SPDX-License-Identifier: MIT */
#include "script/vm_gc.h"

#include "base/clk.h"

enum {
    SLACK = 512 << 10,       /* bytes of garbage that are never worth a cycle */
    MUCH = 4 << 20,          /* twice what is live and this: shares are four times */
    FAR_TOO_MUCH = 32 << 20, /* four times and this: the cycle is ended at once */
    WAIT_MS = 100,           /* a cycle's last part waits no longer for new garbage */
};

/* What may come before the next cycle begins. */
static size_t allowance(const struct vm_gc *gc)
{
    return gc->live / 4 + SLACK;
}

/* What came during a cycle is left by it, garbage or not. Taken for live, a flood of
 * garbage would allow for a larger one each time. */
static void end_cycle(struct vm_gc *gc, const struct vm_memory *m)
{
    uint64_t made = m->made - gc->made_before;

    gc->n_cycles++;
    gc->live = m->used > made ? m->used - (size_t)made : 0;
    gc->begin = gc->live + allowance(gc);
    gc->wait_until_ns = 0;
    gc->had = 0;
}

void vm_gc_init(struct vm_gc *gc, const struct vm_memory *m, lua_State *L)
{
    lua_gc(L, LUA_GCSTOP, 0);
    gc->live = m->used;
    gc->begin = gc->live + allowance(gc);
}

static uint64_t share_ns(const struct vm_gc *gc, const struct vm_memory *m)
{
    if (m->used > 4 * gc->live + FAR_TOO_MUCH)
        return UINT64_MAX;
    if (m->used > 2 * gc->live + MUCH)
        return 4 * VM_GC_SHARE_US * 1000ull;
    return VM_GC_SHARE_US * 1000ull;
}

/* LuaJIT doubles its table of texts when there are more texts than places, which takes as
 * long as making them, and halves it where a cycle ends with three quarters of the places
 * free. A flood of short texts would have it do both in each cycle. So a cycle like any
 * other that has given back most of what it began for waits, once, until half as much has
 * come again: those texts are there at its end. */
static bool may_wait(const struct vm_gc *gc)
{
    return !gc->wait_until_ns && gc->had > gc->live &&
           gc->had - gc->live < 2 * allowance(gc);
}

static bool is_nearly_over(const struct vm_gc *gc, const struct vm_memory *m)
{
    return gc->had + (m->made - gc->made_before) - m->used > (gc->had - gc->live) / 8 * 7;
}

static void wait_for_more(struct vm_gc *gc, const struct vm_memory *m, uint64_t now)
{
    gc->begin = m->used + allowance(gc) / 2;
    gc->wait_until_ns = now + WAIT_MS * 1000000ull;
}

void vm_gc_share(struct vm_gc *gc, struct vm_memory *m, lua_State *L)
{
    uint64_t began = clk_real_ns(), took = 0, share = share_ns(gc, m);
    size_t hard = m->hard;
    bool is_over = false, is_waiting = false;

    m->hard = SIZE_MAX; /* nothing here is protected, so nothing may be refused */
    if (!gc->had) {
        gc->had = m->used;
        gc->made_before = m->made;
    }
    gc->begin = 0;
    while (!is_over && took < share && !is_waiting) {
        is_over = lua_gc(L, LUA_GCSTEP, 0) != 0;
        took = clk_real_ns() - began;
        is_waiting = may_wait(gc) && is_nearly_over(gc, m);
    }
    lua_gc(L, LUA_GCSTOP, 0); /* a step lets the collector loose again */
    m->hard = hard;
    if (is_over)
        end_cycle(gc, m);
    else if (is_waiting)
        wait_for_more(gc, m, began + took);
    if (m->used <= m->cap)
        m->is_over = false;
    call_stats_add(&gc->pauses, took);
}

void vm_gc_full(struct vm_gc *gc, struct vm_memory *m, lua_State *L)
{
    uint64_t began = clk_real_ns();
    size_t hard = m->hard;

    m->hard = SIZE_MAX;
    gc->made_before = m->made;
    lua_gc(L, LUA_GCCOLLECT, 0);
    lua_gc(L, LUA_GCSTOP, 0);
    vm_memory_trim(m);
    m->hard = hard;
    end_cycle(gc, m);
    call_stats_add(&gc->pauses, clk_real_ns() - began);
}
