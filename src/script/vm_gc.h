/* SPDX-License-Identifier: MIT */
/*
 * vm_gc - garbage collection between callbacks, a little at a time.
 *
 * LuaJIT's own collector works when memory is asked for, which is in the middle of
 * ticks. Here it stands still while scripts run; once they have made a quarter more
 * than what was left after the last cycle, each step of a room ends with a share of
 * a new cycle. Its last part waits a little (WAIT_MS), see vm_gc.c. Where garbage comes
 * faster than that, the shares grow; what comes in one callback alone is the memory limit's
 * to collect (vm_stop.h).
 *
 * Ownership: a value inside its VM. Thread: its VM's.
 */
#pragma once

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clk.h"
#include "script/call_stats.h"
#include "script/vm_memory.h"

enum { VM_GC_SHARE_US = 500 };

struct vm_gc {
    size_t live;          /* bytes left after the last cycle, without what came during it */
    size_t begin;         /* bytes at which the next share is due; 0: at once */
    size_t had;           /* bytes when the cycle began; 0: there is none */
    uint64_t made_before; /* what the allocator had given out then */
    uint64_t wait_until_ns; /* its last part waits for garbage, or this; 0: not so far */
    uint64_t n_cycles;
    struct call_stats pauses;
};

/* The VM's collector is ours from here on. */
void vm_gc_init(struct vm_gc *gc, const struct vm_memory *m, lua_State *L);

/* A share of the work, if one is due. */
void vm_gc_share(struct vm_gc *gc, struct vm_memory *m, lua_State *L);

static inline bool vm_gc_is_due(const struct vm_gc *gc, const struct vm_memory *m)
{
    return m->used >= gc->begin;
}

/* So is the end of a cycle that has waited for garbage long enough. */
static inline bool vm_gc_is_late(const struct vm_gc *gc)
{
    return gc->wait_until_ns && clk_recent_ns() >= gc->wait_until_ns;
}

/* A whole cycle at once. Safe inside a callback. */
void vm_gc_full(struct vm_gc *gc, struct vm_memory *m, lua_State *L);
