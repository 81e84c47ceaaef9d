/* SPDX-License-Identifier: MIT */
/*
 * vm_profile - samples of what a VM's callbacks are doing.
 *
 * The watchdog's signal asks for a sample now and then while a call runs; the hook
 * that it arms takes it before the next Lua instruction, in compiled loops at the next
 * guard (guard.h). Meanwhile there is a guard for each line instead of each trace, which
 * costs the game some 20 %, and its code is compiled anew at both ends. Without a
 * profile nothing is done at all.
 *
 * What runs in C (the server's own, string.rep) counts for the Lua line behind it, or as
 * "[server]" where the call ends first. Where scripts are not stopped by the hook mask,
 * a compiled loop is seen only once it is left.
 *
 * Ownership: the profile is the VM's. Thread: the VM's.
 */
#pragma once

#include <lua.h>
#include <stdint.h>

#include "script/profile.h"

struct vm;

enum { VM_PROFILE_MAX_HZ = 1000 };

/* Take samples, about `hz` (1 to VM_PROFILE_MAX_HZ) a second, at irregular times. A new
 * VM in the place of this one is sampled, too. Only one VM of a thread at a time.
 * Returns 0 or -ENOMEM. */
int vm_profile_begin(struct vm *vm, uint32_t hz);

/* No more samples, and the ones so far are forgotten. Nothing where there is no profile. */
void vm_profile_end(struct vm *vm);

/* The L of `vm` is another one now. */
void vm_profile_follow(struct vm *vm);

/* From the hook: coroutine `L` gives a sample. */
void vm_profile_take(struct vm *vm, lua_State *L);

/* A sample was due, but the call is over: it was C. */
void vm_profile_take_late(struct vm *vm);
