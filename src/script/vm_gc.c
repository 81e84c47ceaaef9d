/* SPDX-License-Identifier: MIT */
#include "script/vm_gc.h"

#include "base/clk.h"

enum {
    SLACK = 512 << 10,       /* bytes of garbage that are never worth a cycle */
    MUCH = 4 << 20,          /* twice what is live and this: shares are four times */
    FAR_TOO_MUCH = 32 << 20, /* four times and this: the cycle is ended at once */
};

/* What came during a cycle is left by it, garbage or not. Taken for live, a flood of
 * garbage would allow for a larger one each time. */
static void end_cycle(struct vm_gc *gc, const struct vm_memory *m)
{
    uint64_t made = m->made - gc->made_before;

    gc->n_cycles++;
    gc->live = m->used > made ? m->used - (size_t)made : 0;
    gc->begin = gc->live + gc->live / 4 + SLACK;
}

void vm_gc_init(struct vm_gc *gc, const struct vm_memory *m, lua_State *L)
{
    lua_gc(L, LUA_GCSTOP, 0);
    gc->live = m->used;
    gc->begin = m->used + m->used / 4 + SLACK;
}

static uint64_t share_ns(const struct vm_gc *gc, const struct vm_memory *m)
{
    if (m->used > 4 * gc->live + FAR_TOO_MUCH)
        return UINT64_MAX;
    if (m->used > 2 * gc->live + MUCH)
        return 4 * VM_GC_SHARE_US * 1000ull;
    return VM_GC_SHARE_US * 1000ull;
}

void vm_gc_share(struct vm_gc *gc, struct vm_memory *m, lua_State *L)
{
    uint64_t began = clk_real_ns(), took = 0, share = share_ns(gc, m);
    size_t hard = m->hard;
    bool is_over = false;

    m->hard = SIZE_MAX; /* nothing here is protected, so nothing may be refused */
    if (gc->begin)
        gc->made_before = m->made;
    gc->begin = 0;
    while (!is_over && took < share) {
        is_over = lua_gc(L, LUA_GCSTEP, 0) != 0;
        took = clk_real_ns() - began;
    }
    lua_gc(L, LUA_GCSTOP, 0); /* a step lets the collector loose again */
    m->hard = hard;
    if (is_over)
        end_cycle(gc, m);
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
