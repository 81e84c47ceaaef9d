/* SPDX-License-Identifier: MIT */
#include "script/vm_profile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "script/guard.h"
#include "script/vm.h"
#include "script/watchdog.h"

enum { MAX_LEVELS = PROFILE_MAX_FRAMES - 3 }; /* beside callback, "[deeper]" and one more */

int vm_profile_begin(struct vm *vm, uint32_t hz)
{
    if (!(vm->profile = malloc(sizeof *vm->profile)))
        return -ENOMEM;
    profile_init(vm->profile);
    vm->profile_hz = hz;
    vm_profile_follow(vm);
    return 0;
}

void vm_profile_end(struct vm *vm)
{
    if (!vm->profile)
        return;
    watchdog_sample(NULL, 0);
    guard_set_lines(vm->L, false);
    profile_fini(vm->profile);
    free(vm->profile);
    vm->profile = NULL;
}

void vm_profile_follow(struct vm *vm)
{
    if (!vm->profile || !vm->L)
        return;
    guard_set_lines(vm->L, true);
    watchdog_sample(vm->L, vm->profile_hz);
}

/* The host's own Lua, which lies beside the games. */
static bool is_host(const lua_Debug *ar)
{
    return strncmp(ar->short_src, "scripts/", 8) == 0;
}

/* One frame. LuaJIT knows a function's name by who calls it; a handler is called by us,
 * and has that of its callback. */
static void add_frame(struct profile *p, const lua_Debug *ar, const char *handler)
{
    if (ar->currentline < 0 && ar->linedefined < 0) { /* C; without a name it is ours */
        if (ar->name)
            profile_frame(p, "[C] %s", ar->name);
    } else if (strcmp(ar->what, "main") == 0) {
        profile_frame(p, "%s", ar->short_src);
    } else {
        profile_frame(p, "%s:%d %s", ar->short_src, ar->linedefined,
                      ar->name                  ? ar->name
                      : handler && !is_host(ar) ? handler
                                                : "function");
    }
}

/* The frames of one coroutine, the outermost first. */
static void add_frames(struct profile *p, lua_State *L, const char *handler)
{
    lua_Debug ar;
    int n = 0;

    while (n < MAX_LEVELS && lua_getstack(L, n, &ar))
        n++;
    if (lua_getstack(L, n, &ar))
        profile_frame(p, "[deeper]");
    while (n-- > 0)
        if (lua_getstack(L, n, &ar) && lua_getinfo(L, "Sln", &ar)) {
            add_frame(p, &ar, handler);
            if (ar.linedefined >= 0 && !is_host(&ar))
                handler = NULL; /* what it calls has names of its own */
        }
}

static void begin_stack(struct vm *vm)
{
    vm->profile->n_text = 0;
    profile_frame(vm->profile, "callback %s.%s", vm->name, vm->where ? vm->where : "load");
}

void vm_profile_take(struct vm *vm, lua_State *L)
{
    begin_stack(vm);
    if (L != vm->L) /* of a coroutine, who resumed it comes first */
        add_frames(vm->profile, vm->L, vm->where);
    add_frames(vm->profile, L, L == vm->L ? vm->where : NULL);
    profile_count(vm->profile);
}

void vm_profile_take_late(struct vm *vm)
{
    begin_stack(vm);
    profile_frame(vm->profile, "[server]");
    profile_count(vm->profile);
}
