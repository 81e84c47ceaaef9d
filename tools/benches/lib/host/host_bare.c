/* SPDX-License-Identifier: MIT */
/*
 * host_bare - the same ticks without watchdog and accounting: the linker (--wrap) puts
 * these in the place of the product's functions. There is no watchdog, traces have no
 * guards, calls no deadline, no times and no accounts. Memory is counted as ever:
 * collecting garbage goes by it.
 */
#include "../host_tick.h"

#include "script/guard.h"
#include "script/vm_stop.h"

void __wrap_guard_attach(lua_State *L);
int __wrap_watchdog_start(void);
bool __wrap_watchdog_has_good_pairs(void);
bool __wrap_vm_stop_enter(struct vm *vm, const char *where, bool is_callback);
enum script_result __wrap_vm_stop_leave(struct vm *vm, int r, const char *where,
                                        struct call_stats *stats);

void __wrap_guard_attach(lua_State *L)
{
    (void)L;
}

int __wrap_watchdog_start(void)
{
    return 0;
}

bool __wrap_watchdog_has_good_pairs(void)
{
    return guard_has_good_pairs();
}

bool __wrap_vm_stop_enter(struct vm *vm, const char *where, bool is_callback)
{
    (void)vm, (void)where, (void)is_callback;
    return true;
}

enum script_result __wrap_vm_stop_leave(struct vm *vm, int r, const char *where,
                                        struct call_stats *stats)
{
    (void)vm, (void)where, (void)stats;
    return r == 0 ? SCRIPT_DONE : SCRIPT_RAISED;
}
