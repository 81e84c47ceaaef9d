/* SPDX-License-Identifier: MIT */
#include "script/vm_stop.h"

#include <lauxlib.h>
#include <math.h>
#include <stdio.h>

#include "base/clk.h"
#include "script/vm_internal.h"
#include "script/vm_profile.h"
#include "script/watchdog.h"

#define MS 1000000ull /* in ns */

enum { SLOW_TOLD_EVERY_MS = 1000 };

static void raise_stop(lua_State *L, struct vm *vm)
{
    int ms = (int)(vm->budget_ns / MS), mib = (int)(vm->memory.cap >> 20);

    if (vm->stop == VM_STOP_MEMORY)
        vm->memory.hard = SIZE_MAX; /* the error needs some, too */
    luaL_where(L, 0);
    if (vm->stop == VM_STOP_MEMORY)
        lua_pushfstring(L, "stopped: the game needs more than %d MiB (memory)", mib);
    else if (!vm->current && !vm->is_asking)
        lua_pushfstring(L, "stopped after %d ms", ms);
    else if (vm->ends_with_step)
        lua_pushfstring(L, "stopped: this step of the room took over %d ms (budget_kill)",
                        ms);
    else
        lua_pushfstring(L, "stopped after %d ms (budget_kill)", ms);
    lua_concat(L, 2);
    lua_error(L);
}

/* After a whole collection: so little is free that the next one would follow at
 * once. */
static bool is_too_full(const struct vm *vm)
{
    return vm->memory.used > vm->memory.cap / 4 * 3;
}

/* Runs before an instruction of Lua while the hook is armed. */
static void on_hook(lua_State *L, lua_Debug *ar)
{
    struct vm *vm = vm_memory_owner(L);

    (void)ar;
    if (watchdog_take_sample())
        vm_profile_take(vm, L);
    if (vm->stop == VM_STOP_NOT && watchdog_is_over())
        vm->stop = VM_STOP_TIME;
    if (vm->stop == VM_STOP_NOT && vm->memory.is_over) {
        vm_gc_full(&vm->gc, &vm->memory, L);
        if (is_too_full(vm))
            vm->stop = VM_STOP_MEMORY;
        else
            vm->memory.is_over = false;
    }
    if (vm->stop != VM_STOP_NOT)
        raise_stop(L, vm);
    watchdog_disarm();
}

bool vm_stop_enter(struct vm *vm, const char *where, bool is_callback, uint64_t from)
{
    uint64_t now = from ? from : is_callback && vm->left_ns ? vm->left_ns : clk_real_ns();
    uint64_t budget = vm->current || vm->is_asking ? vm->call_ns : vm->load_ns;
    uint64_t deadline = now + budget;

    if (is_callback && vm->current && vm->step_ends_ns && deadline > vm->step_ends_ns)
        deadline = vm->step_ends_ns;
    if (!watchdog_enter(vm->L, on_hook, now, deadline, vm->name, where))
        return false;
    vm->budget_ns = budget;
    /* Whose fault it is, should it be stopped. */
    vm->ends_with_step = deadline < now + budget - budget / 10;
    vm->left_ns = 0;
    vm->began_ns = now;
    vm->began_made = vm->memory.made;
    vm->began_sent = vm->sent;
    vm->n_quick = 0;
    vm->began_ticks = 0;
    vm->stop = VM_STOP_NOT;
    if (vm->memory.is_over)
        watchdog_arm(); /* passed between two calls */
    return true;
}

static void tell_slow(struct vm *vm, const char *where, struct call_stats *stats,
                      uint64_t ns)
{
    uint64_t now = vm->began_ns + ns;

    if (!vm->hooks->on_slow || !vm->current ||
        (stats->slow_told_ns && now - stats->slow_told_ns < SLOW_TOLD_EVERY_MS * MS))
        return;
    stats->slow_told_ns = now;
    vm->hooks->on_slow(vm->current->owner, where, (double)ns / 1e6);
}

static void note(const struct vm *vm, struct call_stats *s, uint64_t ns,
                 enum script_result result)
{
    call_stats_add(s, ns);
    s->allocated += vm->memory.made - vm->began_made;
    if (result == SCRIPT_DONE) {
        s->sent += vm->sent - vm->began_sent;
    } else {
        s->errors++;
        s->kills += result == SCRIPT_STOPPED;
    }
}

/* The accounts of the quick ones before it: of the time since the clock was read they have
 * what they have of the ticks. */
static void account_quick(struct vm *vm, struct call_stats *stats, uint64_t now)
{
    uint64_t ns = now - vm->began_ns, ticks = clk_ticks() - vm->began_ticks;
    uint64_t quick = vm->quick_ticks - vm->began_ticks,
             sent = vm->quick_sent - vm->began_sent;

    if (quick < ticks)
        ns = (uint64_t)((double)ns * (double)quick / (double)ticks);
    call_stats_add_some(stats, vm->n_quick, ns);
    call_stats_add_some(&vm->current->stats, vm->n_quick, ns);
    stats->sent += sent;
    vm->current->stats.sent += sent;
    vm->began_ns += ns;
    vm->began_sent = vm->quick_sent;
    vm->n_quick = 0;
}

/* The accounts of a callback that ends now, its room's too. */
static void account(struct vm *vm, const char *where, struct call_stats *stats,
                    enum script_result result)
{
    uint64_t now = clk_real_ns();

    if (vm->n_quick)
        account_quick(vm, stats, now);
    uint64_t ns = now - vm->began_ns;
    note(vm, stats, ns, result);
    if (vm->current)
        note(vm, &vm->current->stats, ns, result);
    if (result == SCRIPT_DONE && vm->def && (double)ns > vm->def->budget_warn * 1e6)
        tell_slow(vm, where, stats, ns);
    /* Within a step the next callback follows at once: it begins where this one ended,
     * which saves it reading the clock. */
    vm->left_ns = vm->step_ends_ns ? now : 0;
}

bool vm_stop_may_go_on(const struct vm *vm)
{
    return vm->stop == VM_STOP_NOT && !vm->memory.is_over && !vm->trial &&
           !vm->step_ends_ns && !watchdog_is_armed() && !vm_gc_is_due(&vm->gc, &vm->memory);
}

void vm_stop_next(struct vm *vm, const char *where, struct call_stats *stats)
{
    uint64_t ticks = clk_ticks();

    if (vm->began_ticks && ticks - vm->began_ticks < clk_quick_ticks) {
        vm->n_quick++;
        vm->quick_ticks = ticks;
        vm->quick_sent = vm->sent;
        watchdog_again();
        return;
    }
    account(vm, where, stats, SCRIPT_DONE);
    vm->ends_with_step = false;
    vm->budget_ns = vm->call_ns;
    vm->began_ns = clk_recent_ns(); /* which account() has read */
    vm->began_made = vm->memory.made;
    vm->began_sent = vm->sent;
    vm->began_ticks = clk_ticks();
    /* Those that come before the clock is read again may begin so much later. */
    watchdog_next(vm->began_ns, vm->began_ns + CLK_QUICK_NS + vm->call_ns);
}

enum script_result vm_stop_leave(struct vm *vm, int r, const char *where,
                                 struct call_stats *stats)
{
    enum script_result result = r == 0 ? SCRIPT_DONE : SCRIPT_RAISED;

    if (r != 0 && vm->stop == VM_STOP_NOT && watchdog_is_over())
        vm->stop = VM_STOP_TIME; /* inside a pattern, which looks at the time itself */
    if (watchdog_leave())
        vm_profile_take_late(vm);
    if (r == LUA_ERRMEM)
        vm->stop = VM_STOP_MEMORY;
    if (r != 0 && vm->stop != VM_STOP_NOT)
        result = SCRIPT_STOPPED;
    vm->is_spent = vm->is_spent || (vm->step_ends_ns && vm->stop == VM_STOP_TIME && r != 0);
    if (stats)
        account(vm, where, stats, result);
    return result;
}

/* The VM answers as it should. */
static int is_well(lua_State *L)
{
    lua_newtable(L);
    lua_pushnumber(L, 42);
    lua_setfield(L, -2, "answer");
    lua_getfield(L, -1, "answer");
    return 1;
}

void vm_stop_settle(struct vm *vm)
{
    lua_State *L = vm->L;
    int top = lua_gettop(L);

    vm_memory_set_cap(&vm->memory, vm->memory.cap);
    if (vm->stop == VM_STOP_MEMORY) {
        size_t before;
        do { /* LuaJIT's buffers give back half of what they hold in each cycle */
            before = vm->memory.used;
            vm_gc_full(&vm->gc, &vm->memory, L);
        } while (is_too_full(vm) && vm->memory.used < before);
        vm->memory.is_over = false;
        vm->is_lost = vm->is_lost || is_too_full(vm);
    }
    lua_pushcfunction(L, is_well);
    if (lua_pcall(L, 0, 1, 0) != 0 || lua_tonumber(L, -1) != 42)
        vm->is_lost = true;
    lua_settop(L, top);
}

void vm_stop_configure(struct vm *vm)
{
    double call_ms = vm->def ? vm->def->budget_kill : VM_LOAD_MS;
    double load_ms = vm->load_ms > 0 ? vm->load_ms : fmax(VM_LOAD_MS, call_ms);
    double mib = vm->def ? vm->def->memory : VM_LOAD_MIB;

    vm->call_ns = (uint64_t)(call_ms * 1e6);
    vm->load_ns = (uint64_t)(load_ms * 1e6);
    watchdog_expect(vm->call_ns < vm->load_ns ? vm->call_ns : vm->load_ns);
    vm_memory_set_cap(&vm->memory, (size_t)(mib * 1048576));
}

const struct call_stats *vm_stats(const struct vm *vm, uint32_t i, char name[80])
{
    uint32_t n_messages = vm->def->schema->n_messages;

    if (i < SCRIPT_N_CALLBACKS) {
        snprintf(name, 80, "%s", vm_callback_names[i]);
        return &vm->stats[i];
    }
    i -= SCRIPT_N_CALLBACKS;
    if (i < n_messages) {
        snprintf(name, 80, "on.%s", vm->def->schema->messages[i].name);
        return &vm->on_stats[i];
    }
    i -= n_messages;
    snprintf(name, 80, "%s", i == 0 ? "timer" : "load");
    return i == 0 ? &vm->timer_stats : i == 1 ? &vm->load_stats : NULL;
}

void vm_step_begin(struct vm *vm)
{
    vm->step_ends_ns = clk_real_ns() + vm->call_ns;
    vm->is_spent = false;
}

void vm_step_end(struct vm *vm)
{
    vm->step_ends_ns = vm->left_ns = 0;
    vm->is_spent = false;
    if (vm_gc_is_due(&vm->gc, &vm->memory) || vm_gc_is_late(&vm->gc))
        vm_gc_share(&vm->gc, &vm->memory, vm->L);
}
