/* SPDX-License-Identifier: MIT */
/*
 * guard - what makes Lua that runs stoppable: compiled code that can be left, and
 * a hook that is armed from a signal handler.
 *
 * lua_sethook alone never reaches compiled code. LuaJIT's profiler, though, puts
 * a test of one byte, the VM's hook mask, into each trace; where the byte says so
 * the trace is left for the interpreter, which runs the hook. No timer is needed
 * for that, only the byte's place, which is found by setting masks in a scratch
 * VM and looking which byte follows. What cannot be found is not guessed:
 *
 *   GUARD_BYTE    the byte is known and set directly
 *   GUARD_PUBLIC  through LuaJIT's API alone: the profiler itself is started on
 *                 the VM that has to stop, and its own signal sets the byte
 *   GUARD_NO_JIT  games run interpreted: slow, but every instruction sees hooks
 *
 * Thread: guard_find() and guard_fall_back() once, before there are VMs; attach,
 * arm and disarm on the thread of the VM; arm also in a signal handler there.
 */
#pragma once

#include <lua.h>
#include <stdbool.h>

enum guard_mode {
    GUARD_BYTE,
    GUARD_PUBLIC,
    GUARD_NO_JIT,
};

/* Look for the bytes; the best mode they allow is the one in force after. */
void guard_find(void);

/* The mode in force has been tried and does not stop a loop: take the next one, for
 * VMs made from here on. false where it was the last. */
bool guard_fall_back(void);

enum guard_mode guard_mode(void);

/* A new VM: from here on each trace that is compiled gets its guard. `L` is the
 * main coroutine, here and below; the libraries are open. May raise for lack of
 * memory. */
void guard_attach(lua_State *L);

/* While `on`, code that is compiled gets a guard for each line (20 % slower, but what
 * stops there tells where it was); the code there is is thrown away. Only in GUARD_BYTE;
 * no code of `L` may be running. */
void guard_set_lines(lua_State *L, bool on);

/* Call `hook` before the next Lua instruction, and before each one after, until
 * guard_disarm(). Again: makes sure that LuaJIT has taken notice of it. Safe in a
 * signal handler that interrupted this VM, and inside its allocator. */
void guard_arm(lua_State *L, lua_Hook hook, bool again);
void guard_disarm(lua_State *L);

/* GUARD_PUBLIC: let the profiler aim at this VM, from any thread, before its
 * thread gets SIGPROF; guard_disarm() ends it. Else nothing happens. */
void guard_aim(lua_State *L);

/* Does `pairs` visit everything? Debian's LuaJIT of 2022 leaves nested loops early
 * (LuaJIT issue 827). Takes some 16 ms; call once. */
bool guard_has_good_pairs(void);
