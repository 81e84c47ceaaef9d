/* SPDX-License-Identifier: MIT */
/*
 * vm_replace - a VM that cannot be saved: a new one in its place runs the same code, and
 * rooms go on from their images.
 */
#include <assert.h>
#include <errno.h>
#include <lauxlib.h>

#include "script/vm_internal.h"
#include "script/vm_profile.h"
#include "script/vm_trial.h"

void vm_forget_generation(struct generation *g)
{
    g->gen_ref = LUA_NOREF;
    for (int i = 0; i < SCRIPT_N_CALLBACKS; i++)
        g->handlers[i] = LUA_NOREF;
    for (uint32_t i = 0; g->on && i < g->def->schema->n_messages; i++)
        g->on[i] = LUA_NOREF;
}

/* References into a state that is gone. */
static void forget_refs(struct vm *vm)
{
    for (uint32_t i = 0; i < vm->cap_rooms; i++)
        if (vm->rooms[i])
            script_room_forget(vm->rooms[i]);
    vm->gen_ref = LUA_NOREF;
    for (int i = 0; i < SCRIPT_N_CALLBACKS; i++)
        vm->handlers[i] = LUA_NOREF;
    for (uint32_t i = 0; i < vm->def->schema->n_messages; i++)
        vm->on[i] = LUA_NOREF;
    vm_trial_forget(vm);
}

/* The code that ran, in a state of its own. */
static int start_again(struct vm *vm, struct err *e)
{
    struct generation g;
    int r = vm_bring_up(vm, e);

    vm_profile_follow(vm);
    if (r == 0)
        r = vm_load(vm, &g, &vm->sources, vm->def->schema, e);
    if (r < 0)
        return r;
    if (g.def->schema != vm->def->schema) {
        vm_drop_generation(vm, &g); /* it asks the time what to declare, perhaps */
        return err_set(e, -EINVAL,
                       "%s/game.lua: declares another state each time it is run", vm->name);
    }
    vm_swap_generation(vm, &g);
    vm_drop_generation(vm, &g);
    return 0;
}

int vm_replace(struct vm *vm, struct err *e)
{
    assert(!vm->current);
    vm_memory_unwrap(&vm->memory, vm->L);
    lua_close(vm->L);
    forget_refs(vm);
    vm->n_replaced++;
    vm->is_lost = true;
    int r = start_again(vm, e);
    if (r < 0) {
        vm_settle(vm, UINT64_MAX);
        return r;
    }
    vm->is_lost = false;
    for (uint32_t i = 0; i < vm->cap_rooms; i++)
        if (vm->rooms[i] && script_room_rebuild(vm->rooms[i]) < 0)
            vm->is_lost = true;
    return vm->is_lost ? err_set(e, -ENOMEM,
                                 "the rooms' state does not fit into the "
                                 "game's memory")
                       : 0;
}
