/* SPDX-License-Identifier: MIT */
/*
 * vm_trial - new code has to prove itself: the generation before is kept after a reload,
 * and taken back when the first call of a handler raises or is stopped.
 *
 * First means: the first since the reload of this handler, in any room; of `tick` also
 * the first in a room. A handler that has once come to its end has proved itself, and
 * what it raises later is an error like any other; an auth() that sleeps has not. After
 * VM_TRIAL_MS nothing is taken back any more (but what vm_fail() is told). Timers count by
 * the method they call.
 *
 * Ownership: the VM's. Thread: its worker's.
 */
#pragma once

#include "script/script_room.h"
#include "script/vm_internal.h"

enum {
    VM_TRIAL_MS = 30000,
    VM_TRIAL_KEPT_MS = 5000, /* longer, for when it fails elsewhere at the last moment */
};

/* Keep *before (takes it), the generation that a reload has replaced; vm->version is
 * still its number. Without memory for that it is dropped. */
void vm_trial_begin(struct vm *vm, struct generation *before);

/* The VM is gone, and with it the Lua half of what is kept; its files are still known. */
void vm_trial_forget(struct vm *vm);

/* A callback has returned `result`. */
void vm_trial_note(struct vm *vm, enum script_callback which, enum script_result result);
void vm_trial_note_message(struct vm *vm, uint32_t message, enum script_result result);
void vm_trial_note_tick(struct script_room *sr, enum script_result result);
void vm_trial_note_timer(struct vm *vm, enum script_result result);
