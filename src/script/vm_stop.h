/* SPDX-License-Identifier: MIT */
/*
 * vm_stop - what ends a callback before it returns: its time, its room's time in
 * this step, or its VM's memory.
 *
 * All of them arm one hook, which raises before each further Lua instruction, so
 * no pcall keeps the callback going. It runs only between instructions: functions
 * in C are never torn apart, host.lua can be (script_restore() mends that).
 *
 * Thread: the VM's.
 */
#pragma once

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

#include "script/call_stats.h"
#include "script/script_room.h"

struct vm;

/* A protected call begins, at `from` of clk_real_ns() or (0) now; false: inside another
 * one, which counts. The time of the room's step is for callbacks, not for what the host
 * does between them. */
bool vm_stop_enter(struct vm *vm, const char *where, bool is_callback, uint64_t from);

/* In a protected call that handles several messages one of them is done, and the next one
 * begins, with a budget of its own. false: that cannot be, the call has to end. The clock
 * is read for the first and then every CLK_QUICK_NS: what is over sooner is counted with
 * others like it, with their mean, and gets up to so much more time. */
bool vm_stop_may_go_on(const struct vm *vm);
void vm_stop_next(struct vm *vm, const char *where, struct call_stats *stats);

/* It is over. `r` is what lua_pcall() gave. Notes its time in `stats`, where given.
 * SCRIPT_STOPPED: the VM has been tidied up, or vm->is_lost is set. */
enum script_result vm_stop_leave(struct vm *vm, int r, const char *where,
                                 struct call_stats *stats);

/* After the traceback of what was stopped has been taken: collect garbage and see
 * whether the VM still works. */
void vm_stop_settle(struct vm *vm);

/* The options of the generation that runs have changed. */
void vm_stop_configure(struct vm *vm);
