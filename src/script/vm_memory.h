/* SPDX-License-Identifier: MIT */
/*
 * vm_memory - counts what a VM's Lua values take, and refuses beyond a limit.
 *
 * LuaJIT's own allocator does the work. Small blocks that Lua gives back lie at hand
 * for the next who wants one of their size, at most 1 MiB of them: going to the
 * allocator and back costs ten times that. They count as free. Passing `cap` is only
 * noted, and the hook is armed (vm_stop.h), because a refusal in the middle of something
 * leaves less to save: it comes at `hard`.
 *
 * Ownership: a value inside its VM. Thread: its VM's.
 */
#pragma once

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A block above this goes to the allocator. */
enum { VM_SMALL_BYTES = 256 };

struct vm_block;

struct vm_memory {
    lua_Alloc alloc;
    void *ud;
    void *owner;       /* what vm_memory_owner() gives back */
    size_t used, peak; /* bytes */
    uint64_t made;     /* bytes given out since the beginning, returned ones too */
    size_t cap, hard;  /* bytes; hard is 2.5 times the cap */
    bool is_over;      /* used has passed cap, and nobody has cleared this since */
    uint64_t n_refused;
    size_t spare_bytes;
    struct vm_block *spare[VM_SMALL_BYTES / sizeof(void *) + 1]; /* by size in words */
};

/* Count from here on. */
void vm_memory_wrap(struct vm_memory *m, lua_State *L, void *owner, size_t cap);

/* Give the VM its own allocator back; before lua_close(). */
void vm_memory_unwrap(struct vm_memory *m, lua_State *L);

/* Give the allocator back what lies at hand. */
void vm_memory_trim(struct vm_memory *m);

void vm_memory_set_cap(struct vm_memory *m, size_t cap);

/* The owner of the VM that this coroutine belongs to. */
void *vm_memory_owner(lua_State *L);
