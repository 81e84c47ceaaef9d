/* SPDX-License-Identifier: MIT */
#include "script/guard.h"

#include <lauxlib.h>
#include <luajit.h>
#include <lualib.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Bits of the hook mask beside those of lua.h. */
enum { HOOK_ACTIVE = 0x10, HOOK_PROFILE = 0x80, HOOK_EVENTS = 0x0f };

/* A period that never comes: the profiler's timer is of no use to us. */
#define NO_TIMER "i1000000000"

static enum guard_mode mode;
static ptrdiff_t mask_at;    /* hook mask, from the main coroutine's address */
static ptrdiff_t profile_at; /* int, which lines get a guard; 0: not known */
static lua_State *holder;    /* keeps the profiler, so that no VM gets it */
static pthread_mutex_t profiler = PTHREAD_MUTEX_INITIALIZER; /* who has it */

static volatile unsigned char *mask_of(lua_State *L)
{
    return (volatile unsigned char *)L + mask_at;
}

static volatile int *profile_of(lua_State *L)
{
    return (volatile int *)(void *)((char *)L + profile_at);
}

static void on_profile(void *data, lua_State *L, int samples, int vm_state)
{
    (void)data;
    (void)L;
    (void)samples;
    (void)vm_state;
}

static void no_hook(lua_State *L, lua_Debug *ar)
{
    (void)L;
    (void)ar;
}

/* Finding the bytes: LuaJIT's first allocation holds all of a VM's fixed parts, the
 * main coroutine among them. */

struct block {
    unsigned char *at;
    size_t size;
};

static void *first_block(void *ud, void *p, size_t before, size_t size)
{
    struct block *block = ud;

    (void)before;
    if (size == 0) {
        free(p);
        return NULL;
    }
    p = realloc(p, size);
    if (!block->at)
        *block = (struct block){p, size};
    return p;
}

/* The one byte that follows the mask of events; 0 where none or several do. */
static ptrdiff_t find_mask(lua_State *L, const struct block *block)
{
    bool *fits = calloc(block->size, 1);
    ptrdiff_t at = 0;
    size_t n = 0;

    if (!fits)
        return 0;
    memset(fits, 1, block->size);
    for (int mask = 0; mask <= HOOK_EVENTS; mask++) {
        lua_sethook(L, mask ? no_hook : NULL, mask, 1000000);
        for (size_t i = 0; i < block->size; i++)
            fits[i] = fits[i] && block->at[i] == mask;
    }
    lua_sethook(L, NULL, 0, 0);
    for (size_t i = 0; i < block->size; i++)
        if (fits[i]) {
            at = block->at + i - (unsigned char *)L;
            n++;
        }
    free(fits);
    return n == 1 ? at : 0;
}

/* The one int that follows the profiler's mode; 0 where none or several do. */
static ptrdiff_t find_profile(lua_State *L, const struct block *block)
{
    static const char *const modes[] = {"l", "f", "l"};
    size_t n_ints = block->size / sizeof(int), n = 0;
    bool *fits = calloc(n_ints, 1);
    ptrdiff_t at = 0;

    if (!fits)
        return 0;
    memset(fits, 1, n_ints);
    for (size_t k = 0; k < sizeof modes / sizeof *modes; k++) {
        luaJIT_profile_start(L, modes[k], on_profile, NULL);
        for (size_t i = 0; i < n_ints; i++)
            fits[i] = fits[i] && ((const int *)(const void *)block->at)[i] == *modes[k];
    }
    for (size_t i = 0; i < n_ints; i++)
        if (fits[i]) {
            at = block->at + i * sizeof(int) - (unsigned char *)L;
            n++;
        }
    free(fits);
    return n == 1 ? at : 0;
}

void guard_find(void)
{
    struct block block = {NULL, 0};
    lua_State *L = lua_newstate(first_block, &block);

    holder = luaL_newstate();
    if (holder)
        luaJIT_profile_start(holder, NO_TIMER, on_profile, NULL);
    mode = holder ? GUARD_PUBLIC : GUARD_NO_JIT;
    if (!L)
        return;
    luaopen_base(L);
    lua_settop(L, 0);
    if ((mask_at = find_mask(L, &block)) && holder)
        mode = GUARD_BYTE;
    profile_at = holder ? find_profile(L, &block) : 0;
    lua_close(L);
}

bool guard_fall_back(void)
{
    if (mode == GUARD_NO_JIT)
        return false;
    mode = mode == GUARD_BYTE ? GUARD_PUBLIC : GUARD_NO_JIT;
    return true;
}

enum guard_mode guard_mode(void)
{
    return mode;
}

/* One guard per trace is enough and costs 4 % where one per line costs 20: the
 * profiler's mode is on for the first instruction of each trace only. */

struct recording {
    int n;     /* instructions of this trace */
    bool full; /* a guard for each line */
};

static char recording_key; /* its address: where the registry has it */

static int on_trace(lua_State *L)
{
    lua_State *main = lua_touserdata(L, lua_upvalueindex(1));

    ((struct recording *)lua_touserdata(L, lua_upvalueindex(2)))->n = 0;
    *profile_of(main) = 'l';
    return 0;
}

static int on_record(lua_State *L)
{
    lua_State *main = lua_touserdata(L, lua_upvalueindex(1));
    struct recording *r = lua_touserdata(L, lua_upvalueindex(2));

    if (r->n++ >= 1 && !r->full)
        *profile_of(main) = 0;
    return 0;
}

static void attach(lua_State *L, lua_CFunction f, const char *event, int count)
{
    lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
    lua_getfield(L, -1, "jit");
    lua_getfield(L, -1, "attach");
    lua_pushlightuserdata(L, L);
    lua_pushvalue(L, count);
    lua_pushcclosure(L, f, 2);
    lua_pushstring(L, event);
    lua_call(L, 2, 0);
    lua_pop(L, 2);
}

static void attach_per_trace(lua_State *L)
{
    lua_pushlightuserdata(L, &recording_key);
    *(struct recording *)lua_newuserdata(L, sizeof(struct recording)) =
        (struct recording){0};
    int count = lua_gettop(L);
    *profile_of(L) = 'l';
    attach(L, on_trace, "trace", count);
    attach(L, on_record, "record", count);
    lua_rawset(L, LUA_REGISTRYINDEX);
}

void guard_set_lines(lua_State *L, bool on)
{
    lua_pushlightuserdata(L, &recording_key);
    lua_rawget(L, LUA_REGISTRYINDEX);
    struct recording *r = lua_touserdata(L, -1);
    lua_pop(L, 1);
    if (!r)
        return;
    r->full = on;
    luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_FLUSH);
}

void guard_attach(lua_State *L)
{
    if (mode == GUARD_NO_JIT) {
        luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
    } else if (mode == GUARD_BYTE && profile_at) {
        attach_per_trace(L);
    } else {
        pthread_mutex_lock(&profiler);
        luaJIT_profile_start(L, "l", on_profile, NULL);
        pthread_mutex_unlock(&profiler);
    }
}

/* The hook stays armed while it raises; an xpcall handler that loops is inside the
 * hook's own error, so "a hook is running" must not keep it from being called. */
void guard_arm(lua_State *L, lua_Hook hook, bool again)
{
    if (again)
        lua_sethook(L, NULL, 0, 0); /* a change makes LuaJIT look again */
    if (mode == GUARD_BYTE)
        *mask_of(L) &= (unsigned char)~HOOK_ACTIVE;
    lua_sethook(L, hook, LUA_MASKCOUNT, 1);
    if (mode == GUARD_BYTE)
        *mask_of(L) |= HOOK_PROFILE;
}

void guard_aim(lua_State *L)
{
    if (mode != GUARD_PUBLIC)
        return;
    pthread_mutex_lock(&profiler);
    luaJIT_profile_stop(holder);
    luaJIT_profile_start(L, NO_TIMER, on_profile, NULL);
    pthread_mutex_unlock(&profiler);
}

void guard_disarm(lua_State *L)
{
    if (mode == GUARD_BYTE) {
        *mask_of(L) &= (unsigned char)~HOOK_PROFILE;
    } else if (mode == GUARD_PUBLIC) {
        pthread_mutex_lock(&profiler);
        luaJIT_profile_stop(L); /* forgets the guards, too */
        luaJIT_profile_start(holder, NO_TIMER, on_profile, NULL);
        luaJIT_profile_start(L, "l", on_profile, NULL);
        pthread_mutex_unlock(&profiler);
    }
    lua_sethook(L, no_hook, LUA_MASKCOUNT, 1000000); /* on and off: LuaJIT looks again */
    lua_sethook(L, NULL, 0, 0);
}

/* Nested loops as in the issue, and the return to the interpreter that it takes. */
static const char pairs_test[] =
    "local t = {1, 2, 3, 4, 5}\n"
    "local tables = {a = t, b = t, c = t, d = t, e = t}\n"
    "local function f(...) for _ = 1, 100 do end end\n"
    "for _ = 1, 45000 do\n"
    "  f()\n"
    "  local n = 0\n"
    "  for _, v in pairs(tables) do for _ in pairs(v) do end n = n + 1 end\n"
    "  if n ~= 5 then return false end\n"
    "end\n"
    "return true\n";

bool guard_has_good_pairs(void)
{
    lua_State *L = luaL_newstate();
    bool good = false;

    if (!L)
        return false;
    luaL_openlibs(L);
    good = luaL_loadstring(L, pairs_test) == 0 && lua_pcall(L, 0, 1, 0) == 0 &&
           lua_toboolean(L, -1);
    lua_close(L);
    return good;
}
