/* SPDX-License-Identifier: MIT */
#include "script/vm_trial.h"

#include <errno.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clk.h"

struct vm_trial {
    struct generation before;
    uint32_t version; /* its number */
    uint64_t until_us;
    bool has_failed;
    char why[512];
    uint8_t is_proven[]; /* SCRIPT_N_CALLBACKS, then one for each message */
};

void vm_trial_begin(struct vm *vm, struct generation *before)
{
    size_t n = SCRIPT_N_CALLBACKS + (size_t)vm->def->schema->n_messages;
    struct vm_trial *t = calloc(1, sizeof *t + n);

    vm_settle(vm, UINT64_MAX);
    if (!t) {
        vm_drop_generation(vm, before);
        return;
    }
    t->before = *before;
    t->version = vm->version;
    t->until_us = clk_now_us() + (uint64_t)VM_TRIAL_MS * 1000;
    vm->trial = t;
}

void vm_settle(struct vm *vm, uint64_t now_us)
{
    struct vm_trial *t = vm->trial;

    if (!t || now_us < t->until_us + (uint64_t)VM_TRIAL_KEPT_MS * 1000)
        return;
    vm->trial = NULL;
    vm_drop_generation(vm, &t->before);
    free(t);
}

bool vm_has_failed(const struct vm *vm)
{
    return vm->trial && vm->trial->has_failed;
}

bool vm_fail(struct vm *vm, const char *why)
{
    struct vm_trial *t = vm->trial;

    if (!t)
        return false;
    t->has_failed = true;
    snprintf(t->why, sizeof t->why, "%s", why);
    return true;
}

static void fail(struct vm *vm)
{
    struct vm_trial *t = vm->trial;

    if (t->has_failed || t->until_us <= clk_now_us())
        return;
    t->has_failed = true;
    snprintf(t->why, sizeof t->why, "%.*s", (int)sizeof t->why - 1, vm->message);
}

static void note(struct vm *vm, size_t place, enum script_result result)
{
    if (!vm->trial || result == SCRIPT_ABSENT)
        return;
    if (result == SCRIPT_DONE)
        vm->trial->is_proven[place] = 1;
    else if (!vm->trial->is_proven[place])
        fail(vm);
}

void vm_trial_note(struct vm *vm, enum script_callback which, enum script_result result)
{
    note(vm, which, result);
}

void vm_trial_note_message(struct vm *vm, uint32_t message, enum script_result result)
{
    note(vm, SCRIPT_N_CALLBACKS + (size_t)message, result);
}

void vm_trial_note_tick(struct script_room *sr, enum script_result result)
{
    struct vm *vm = sr->vm;

    note(vm, SCRIPT_TICK, result);
    if (result == SCRIPT_DONE)
        sr->proven_version = vm->version;
    else if (vm->trial && result != SCRIPT_ABSENT && sr->proven_version != vm->version)
        fail(vm);
}

void vm_trial_note_timer(struct vm *vm, enum script_result result)
{
    if (vm->trial && result != SCRIPT_DONE && vm->is_first_timer)
        fail(vm);
    vm->is_first_timer = false;
}

/* REF_COMMIT with the table of the generation before. */
static void commit_body(lua_State *L, struct vm *vm, void *arg)
{
    const struct vm_trial *t = arg;

    vm_push(L, vm, REF_COMMIT);
    lua_rawgeti(L, LUA_REGISTRYINDEX, t->before.gen_ref);
    lua_call(L, 1, 0);
}

void vm_trial_forget(struct vm *vm)
{
    if (vm->trial)
        vm_forget_generation(&vm->trial->before);
}

/* Bring `before` into the VM as *g. Its Lua half is still there, or was lost with the VM:
 * then the files that it was loaded from are run once more. */
static int revive(struct vm *vm, struct vm_trial *t, struct generation *g, struct err *e)
{
    if (t->before.gen_ref == LUA_NOREF)
        return vm_load(vm, g, &t->before.sources, t->before.def->schema, e);
    if (vm_protect(vm, NULL, "reload", commit_body, t) != SCRIPT_DONE)
        return err_set(e, -ENOMEM, "out of memory");
    *g = t->before;
    t->before = (struct generation){.gen_ref = LUA_NOREF};
    vm_forget_generation(&t->before);
    return 0;
}

int vm_roll_back(struct vm *vm, bool *schema_changed, struct err *why)
{
    struct vm_trial *t = vm->trial;
    const struct schema *schema = vm->def->schema;
    struct generation g;
    int r = revive(vm, t, &g, why);

    if (r < 0)
        return r;
    err_set(why, -EINVAL, "%s", t->why);
    vm_swap_generation(vm, &g);
    *schema_changed = vm->def->schema != schema;
    vm->version = t->version;
    vm_drop_generation(vm, &g); /* the one that failed */
    vm_settle(vm, UINT64_MAX);
    return 0;
}
