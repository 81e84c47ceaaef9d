/* SPDX-License-Identifier: MIT */
/*
 * watchdog - one thread that looks after all workers: Lua that runs past its
 * deadline is stopped, and where even that does not help the process ends.
 *
 * A worker enters before it calls Lua and leaves after. The watchdog sleeps until
 * the next deadline; past one it sends WATCHDOG_SIGNAL to the worker, whose
 * handler arms the hook (guard.h) if that same call still runs, again each 10 ms
 * until it is out. Deadlines are wall time, with two exceptions: where the watchdog
 * itself wakes late the whole process stood still (a suspended machine), and that
 * time does not count; and a worker that got less than half of its budget in
 * CPU time is given longer.
 *
 * A forked process gets a watchdog thread of its own.
 *
 * Thread: watchdog_start() anywhere, enter and leave on the worker that runs the
 * VM; each thread has a slot of its own.
 */
#pragma once

#include <lua.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* Reserved: a program that links this must not use it. */
#define WATCHDOG_SIGNAL (SIGRTMIN + 3)

enum {
    WATCHDOG_AGAIN_MS = 10,  /* between two signals for one call */
    WATCHDOG_LOST_MS = 5000, /* CPU time after the first one until all is given up */
    WATCHDOG_EXIT_CODE = 70, /* EX_SOFTWARE */
    WATCHDOG_END_MS = 2000,  /* for what watchdog_before_end() has set */
};

/* Find out what this LuaJIT can do, start the thread, and prove with a loop in a
 * scratch VM that it is stopped; once per process, later calls only return what the
 * first one did. Logs what does not work. Takes some 20 ms. Returns 0, or a negative
 * code where there can be no such thread. */
int watchdog_start(void);

/* `pairs` of this LuaJIT is right (guard.h); known after watchdog_start(). */
bool watchdog_has_good_pairs(void);

/* There will be calls with so short a budget: the thread wakes often enough that
 * none is found late. */
void watchdog_expect(uint64_t budget_ns);

/* CPU time in ms after which a call that cannot be stopped ends the process. */
void watchdog_set_lost_ms(uint32_t ms);

/* What to do before the process is ended, on the watchdog's thread, while the worker is
 * stuck: it may use nothing that a worker may hold, and must be back within
 * WATCHDOG_END_MS. NULL: nothing. */
void watchdog_before_end(void (*f)(void *ctx), void *ctx);

/* Lua is about to run in VM `L` (the main coroutine); `game` and `where` are for
 * the log and stay until watchdog_leave(). `hook` is called before each of its
 * instructions once clk_real_ns(), which is `now_ns` now, has passed the deadline. false:
 * the thread has entered already, and the outer call counts; do not leave then. */
bool watchdog_enter(lua_State *L, lua_Hook hook, uint64_t now_ns, uint64_t deadline_ns,
                    const char *game, const char *where);

/* It is back. Nothing of it is stopped any more. true: it owes a sample (see below) that
 * its hook had no time to take. */
bool watchdog_leave(void);

/* The call under way ends and the next one begins, with the same Lua state, game and
 * `where`. Not while a hook is armed; one that a signal arms in between finds nothing to
 * do. */
void watchdog_next(uint64_t now_ns, uint64_t deadline_ns);

/* The same, and the next one's deadline is that of the one that ends. */
void watchdog_again(void);

/* Has the hook been armed in this call, for whatever reason? */
bool watchdog_is_armed(void);

/* Is the deadline of this thread's call over, as far as the watchdog has said? */
bool watchdog_is_over(void);

/* Arm the hook of this thread's call now, for another reason than time. Nothing
 * where no call runs. Safe inside an allocator. */
void watchdog_arm(void);

/* Ask calls in VM `L` of this thread for samples, about `hz` a second and at irregular
 * times: each is a call of the hook that finds watchdog_take_sample() true. NULL: no
 * more. Costs nothing where nobody asks. */
void watchdog_sample(lua_State *L, uint32_t hz);

/* Is a sample due? It is taken then. */
bool watchdog_take_sample(void);

/* Take back watchdog_arm(), unless the deadline is over. */
void watchdog_disarm(void);
