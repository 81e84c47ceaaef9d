/* SPDX-License-Identifier: MIT */
/*
 * vm_gc - garbage collection between callbacks, a little at a time.
 *
 * LuaJIT's own collector works when memory is asked for, which is in the middle of
 * ticks. Here it stands still while scripts run; once they have made a quarter more
 * than what was left after the last cycle, each step of a room ends with a share of
 * a new cycle. Where garbage comes faster than that, the shares grow; what comes in
 * one callback alone is the memory limit's to collect (vm_stop.h).
 *
 * Ownership: a value inside its VM. Thread: its VM's.
 */
#pragma once

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "script/call_stats.h"
#include "script/vm_memory.h"

enum { VM_GC_SHARE_US = 500 };

struct vm_gc {
    size_t live;          /* bytes left after the last cycle, without what came during it */
    size_t begin;         /* bytes at which the next share is due; 0: in a cycle */
    uint64_t made_before; /* what the allocator had given out when the cycle began */
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

/* A whole cycle at once. Safe inside a callback. */
void vm_gc_full(struct vm_gc *gc, struct vm_memory *m, lua_State *L);
