/* SPDX-License-Identifier: MIT */
#include "script/watchdog.h"

#include <errno.h>
#include <execinfo.h>
#include <lauxlib.h>
#include <lualib.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clk.h"
#include "base/logger.h"
#include "script/guard.h"

#define MS 1000000ull /* in ns */

enum {
    POLL_MS = 250,   /* while all budgets are long */
    MIN_POLL_MS = 2, /* however short they are */
    SOON_MS = 2,
    LATE_MS = 20,    /* later than that: the machine or the process stood still */
    CPU_SHARE = 2,   /* part of the budget that must have been CPU time */
    STACKS_MS = 200, /* for writing them, at the end */
    PROOF_BUDGET_MS = 3,
};

struct slot {
    struct slot *next;
    pthread_t thread;
    clockid_t cpu_clock;
    /* Written by its own thread, read by the watchdog. */
    _Atomic uint32_t turn; /* odd while a call runs; up by one at each end of it */
    _Atomic uint64_t deadline_ns, cpu_ns; /* CPU time it must have had by then */
    _Atomic(lua_State *) L;
    _Atomic(const char *) game, where;
    /* Written by the watchdog, read by the handler on the slot's thread. */
    _Atomic uint32_t stop_turn;   /* the call that has to stop */
    _Atomic uint32_t sample_turn; /* the call that owes a sample; 0: none */
    _Atomic bool wants_stacks, has_stacks;
    /* Its thread's; under the lock. */
    lua_State *sample_L; /* NULL: nobody asks for samples */
    uint64_t sample_ns;  /* between two of them, on average */
    /* Its thread's and the handler's. */
    lua_Hook hook;
    volatile sig_atomic_t is_armed;
    /* The watchdog's own: when it first saw this turn, and what it did. */
    uint32_t seen_turn;
    uint64_t seen_cpu_ns, grace_ns, signal_ns, stop_cpu_ns;
    uint64_t sample_at_ns; /* when the next sample is due */
    uint32_t sample_rnd;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* slots, poll_ns */
static pthread_cond_t wake;
static struct slot *slots;
static uint64_t poll_ns = POLL_MS * MS;
static _Atomic uint32_t lost_ms = WATCHDOG_LOST_MS;
static bool has_good_pairs;
static int start_result;
static pthread_key_t slot_key; /* for its destructor */
static __thread struct slot *self;

static uint64_t cpu_of(const struct slot *s)
{
    struct timespec t = {0, 0};

    clock_gettime(s->cpu_clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* The worker's side. */

static void write_text(const char *text)
{
    ssize_t r = write(STDERR_FILENO, text, strlen(text));

    (void)r; /* there is nowhere else to tell */
}

/* Last words, from the thread that hangs. Not all of it is safe in a handler; the
 * process ends a moment later either way. */
static void write_stacks(const struct slot *s)
{
    void *frames[64];
    lua_State *L = atomic_load(&s->L);
    lua_Debug ar;
    char line[256];

    write_text("C stack of the worker:\n");
    backtrace_symbols_fd(frames, backtrace(frames, 64), STDERR_FILENO);
    write_text("Lua stack of the callback:\n");
    for (int level = 0; level < 64 && lua_getstack(L, level, &ar); level++)
        if (lua_getinfo(L, "Sl", &ar)) {
            snprintf(line, sizeof line, "  %s:%d\n", ar.short_src, ar.currentline);
            write_text(line);
        }
}

static bool owes_sample(const struct slot *s)
{
    uint32_t turn = atomic_load_explicit(&s->turn, memory_order_relaxed);

    return (turn & 1) &&
           atomic_load_explicit(&s->sample_turn, memory_order_relaxed) == turn;
}

static void on_signal(int number)
{
    int saved = errno;
    struct slot *s = self;

    (void)number;
    if (s && atomic_load(&s->wants_stacks)) {
        write_stacks(s);
        atomic_store(&s->has_stacks, true);
    } else if (s && (watchdog_is_over() || owes_sample(s))) {
        guard_arm(atomic_load(&s->L), s->hook, s->is_armed);
        s->is_armed = 1;
    }
    errno = saved;
}

static void free_slot(void *at)
{
    struct slot *s = at, **link = &slots;

    pthread_mutex_lock(&lock);
    while (*link != s)
        link = &(*link)->next;
    *link = s->next;
    pthread_mutex_unlock(&lock);
    free(s);
}

static struct slot *new_slot(void)
{
    struct slot *s = calloc(1, sizeof *s);

    if (!s || pthread_getcpuclockid(pthread_self(), &s->cpu_clock) != 0 ||
        pthread_setspecific(slot_key, s) != 0) {
        /* Without a slot Lua would run unwatched. */
        logger_error("watchdog", "out of memory");
        abort();
    }
    s->thread = pthread_self();
    pthread_mutex_lock(&lock);
    s->next = slots;
    slots = s;
    pthread_mutex_unlock(&lock);
    return self = s;
}

bool watchdog_enter(lua_State *L, lua_Hook hook, uint64_t now_ns, uint64_t deadline_ns,
                    const char *game, const char *where)
{
    struct slot *s = self ? self : new_slot();
    uint32_t turn = atomic_load_explicit(&s->turn, memory_order_relaxed);

    if (turn & 1)
        return false;
    s->hook = hook;
    s->is_armed = 0;
    atomic_store_explicit(&s->L, L, memory_order_relaxed);
    atomic_store_explicit(&s->game, game, memory_order_relaxed);
    atomic_store_explicit(&s->where, where, memory_order_relaxed);
    atomic_store_explicit(&s->deadline_ns, deadline_ns, memory_order_relaxed);
    atomic_store_explicit(&s->cpu_ns,
                          deadline_ns > now_ns ? (deadline_ns - now_ns) / CPU_SHARE : 0,
                          memory_order_relaxed);
    atomic_store_explicit(&s->turn, turn + 1, memory_order_release);
    atomic_signal_fence(memory_order_seq_cst);
    return true;
}

void watchdog_next(uint64_t now_ns, uint64_t deadline_ns)
{
    struct slot *s = self;
    uint32_t turn = atomic_load_explicit(&s->turn, memory_order_relaxed);

    /* Who reads the old turn with these grants it more time, for a moment. */
    atomic_store_explicit(&s->deadline_ns, deadline_ns, memory_order_relaxed);
    atomic_store_explicit(&s->cpu_ns, (deadline_ns - now_ns) / CPU_SHARE,
                          memory_order_relaxed);
    atomic_store_explicit(&s->turn, turn + 2, memory_order_release);
    atomic_signal_fence(memory_order_seq_cst);
}

void watchdog_again(void)
{
    struct slot *s = self;
    uint32_t turn = atomic_load_explicit(&s->turn, memory_order_relaxed);

    atomic_store_explicit(&s->turn, turn + 2, memory_order_release);
    atomic_signal_fence(memory_order_seq_cst);
}

bool watchdog_leave(void)
{
    struct slot *s = self;
    uint32_t turn = atomic_load_explicit(&s->turn, memory_order_relaxed);
    bool owes = false;

    atomic_signal_fence(memory_order_seq_cst);
    atomic_store_explicit(&s->turn, turn + 1, memory_order_release);
    atomic_signal_fence(memory_order_seq_cst);
    /* A signal from here on finds the turn over. */
    if (s->is_armed) {
        guard_disarm(atomic_load_explicit(&s->L, memory_order_relaxed));
        owes = atomic_load_explicit(&s->sample_turn, memory_order_relaxed) == turn;
    }
    return owes;
}

bool watchdog_is_armed(void)
{
    return self && self->is_armed;
}

bool watchdog_is_over(void)
{
    const struct slot *s = self;
    uint32_t turn = s ? atomic_load_explicit(&s->turn, memory_order_relaxed) : 0;

    return (turn & 1) && atomic_load(&s->stop_turn) == turn;
}

void watchdog_arm(void)
{
    struct slot *s = self;

    if (!s || !(atomic_load_explicit(&s->turn, memory_order_relaxed) & 1))
        return;
    guard_arm(atomic_load_explicit(&s->L, memory_order_relaxed), s->hook, s->is_armed);
    s->is_armed = 1;
}

void watchdog_disarm(void)
{
    struct slot *s = self;

    if (!s || !s->is_armed || watchdog_is_over())
        return;
    guard_disarm(atomic_load_explicit(&s->L, memory_order_relaxed));
    s->is_armed = 0;
    /* A signal may have come in between and been wiped out; the next one, 10 ms
     * later, arms again. */
}

bool watchdog_take_sample(void)
{
    struct slot *s = self;

    if (!s || !owes_sample(s))
        return false;
    atomic_store_explicit(&s->sample_turn, 0, memory_order_relaxed);
    return true;
}

void watchdog_sample(lua_State *L, uint32_t hz)
{
    struct slot *s = self ? self : new_slot();

    pthread_mutex_lock(&lock);
    s->sample_L = L;
    s->sample_ns = hz ? 1000 * MS / hz : 0;
    s->sample_at_ns = 0;
    s->sample_rnd = 1;
    pthread_cond_signal(&wake);
    pthread_mutex_unlock(&lock);
    atomic_store(&s->sample_turn, 0);
}

/* The watchdog's side. */

static pthread_mutex_t end_lock = PTHREAD_MUTEX_INITIALIZER;
static void (*before_end)(void *ctx);
static void *before_end_ctx;

void watchdog_before_end(void (*f)(void *ctx), void *ctx)
{
    pthread_mutex_lock(&end_lock);
    before_end = f;
    before_end_ctx = ctx;
    pthread_mutex_unlock(&end_lock);
}

static void end_process(struct slot *s)
{
    logger_error("watchdog",
                 "game %s, %s: cannot be stopped; the process ends so that its "
                 "supervisor starts it anew (exit code %d)",
                 atomic_load(&s->game), atomic_load(&s->where), WATCHDOG_EXIT_CODE);
    atomic_store(&s->wants_stacks, true);
    pthread_kill(s->thread, WATCHDOG_SIGNAL);
    for (int i = 0; i < STACKS_MS && !atomic_load(&s->has_stacks); i++)
        usleep(1000);
    pthread_mutex_lock(&end_lock);
    if (before_end)
        before_end(before_end_ctx);
    _exit(WATCHDOG_EXIT_CODE);
}

static void send_signal(struct slot *s, uint64_t now)
{
    s->signal_ns = now;
    pthread_kill(s->thread, WATCHDOG_SIGNAL);
    if (guard_mode() == GUARD_PUBLIC)
        pthread_kill(s->thread, SIGPROF);
}

/* Between a half and one and a half of the period: what a game does in step with the
 * samples would be seen always, or never. */
static uint64_t sample_delay(struct slot *s)
{
    s->sample_rnd = s->sample_rnd * 1664525 + 1013904223;
    return s->sample_ns / 2 + s->sample_ns * (s->sample_rnd >> 16) / 65536;
}

/* Ask for a sample where it is time; returns when to look again. */
static uint64_t ask_for_sample(struct slot *s, uint64_t now)
{
    uint32_t turn = atomic_load_explicit(&s->turn, memory_order_acquire);

    if (!s->sample_L)
        return UINT64_MAX;
    if (now >= s->sample_at_ns) {
        s->sample_at_ns = now + sample_delay(s);
        if ((turn & 1) && atomic_load(&s->L) == s->sample_L) {
            atomic_store(&s->sample_turn, turn);
            pthread_kill(s->thread, WATCHDOG_SIGNAL);
        }
    }
    return s->sample_at_ns;
}

/* Look at one worker; returns when to look again, at the latest. */
static uint64_t look(struct slot *s, uint64_t now)
{
    uint32_t turn = atomic_load_explicit(&s->turn, memory_order_acquire);
    uint64_t deadline = atomic_load_explicit(&s->deadline_ns, memory_order_acquire);

    if (!(turn & 1) || atomic_load_explicit(&s->turn, memory_order_acquire) != turn)
        return UINT64_MAX;
    if (s->seen_turn != turn) {
        s->seen_turn = turn;
        s->seen_cpu_ns = cpu_of(s);
        s->grace_ns = 0;
    }
    deadline += s->grace_ns;
    if (now < deadline)
        return deadline;
    uint64_t cpu = cpu_of(s);
    if (atomic_load(&s->stop_turn) != turn) {
        if (cpu - s->seen_cpu_ns < atomic_load(&s->cpu_ns))
            return now + SOON_MS * MS;
        s->stop_cpu_ns = cpu;
        guard_aim(atomic_load(&s->L));
        atomic_store(&s->stop_turn, turn);
        send_signal(s, now);
    } else if (cpu - s->stop_cpu_ns >= atomic_load(&lost_ms) * MS) {
        end_process(s);
    } else if (now - s->signal_ns >= WATCHDOG_AGAIN_MS * MS) {
        send_signal(s, now);
    }
    return s->signal_ns + WATCHDOG_AGAIN_MS * MS;
}

static void *run(void *arg)
{
    uint64_t expected = UINT64_MAX;

    pthread_mutex_lock(&lock);
    for (;;) {
        uint64_t now = clk_real_ns(), next = now + poll_ns;
        if (now > expected && now - expected > LATE_MS * MS)
            for (struct slot *s = slots; s; s = s->next)
                s->grace_ns += now - expected;
        for (struct slot *s = slots; s; s = s->next) {
            uint64_t at = look(s, now), sample_at = ask_for_sample(s, now);
            next = at < next ? at : next;
            next = sample_at < next ? sample_at : next;
        }
        expected = next;
        struct timespec until = {(time_t)(next / 1000000000u), (long)(next % 1000000000u)};
        pthread_cond_timedwait(&wake, &lock, &until);
    }
    return arg;
}

void watchdog_expect(uint64_t budget_ns)
{
    uint64_t ns = budget_ns / 4 > MIN_POLL_MS * MS ? budget_ns / 4 : MIN_POLL_MS * MS;

    pthread_mutex_lock(&lock);
    if (ns < poll_ns) {
        poll_ns = ns;
        pthread_cond_signal(&wake);
    }
    pthread_mutex_unlock(&lock);
}

void watchdog_set_lost_ms(uint32_t ms)
{
    atomic_store(&lost_ms, ms);
}

bool watchdog_has_good_pairs(void)
{
    return has_good_pairs;
}

/* Starting. */

static void proof_hook(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    if (watchdog_is_over())
        luaL_error(L, "stopped");
}

/* Is a compiled loop stopped here? One that ends by itself, should it not be. */
static bool is_proved(void)
{
    lua_State *L = luaL_newstate();
    uint64_t poll = poll_ns;
    int r;

    if (!L)
        return false;
    luaL_openlibs(L);
    guard_attach(L);
    if (luaL_loadstring(L, "local n = 0 for i = 1, 1e8 do n = n + i % 7 end") != 0) {
        lua_close(L);
        return false;
    }
    watchdog_expect(PROOF_BUDGET_MS * MS);
    uint64_t now = clk_real_ns();
    watchdog_enter(L, proof_hook, now, now + PROOF_BUDGET_MS * MS, "-", "the proof");
    r = lua_pcall(L, 0, 0, 0);
    watchdog_leave();
    pthread_mutex_lock(&lock);
    poll_ns = poll;
    pthread_mutex_unlock(&lock);
    lua_close(L);
    return r != 0;
}

static int start_thread(void)
{
    pthread_condattr_t attr;
    pthread_attr_t detached;
    pthread_t thread;
    sigset_t all, before;
    int r;

    pthread_mutex_init(&lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&wake, &attr);
    pthread_condattr_destroy(&attr);
    /* Signals to the process are for those who wait for them. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    r = pthread_create(&thread, &detached, run, NULL);
    pthread_attr_destroy(&detached);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -r;
}

/* A forked process has the thread that forked and no other: it needs a watchdog of
 * its own. */
static void on_fork(void)
{
    struct slot *s = self;

    slots = s; /* those of threads that are not here leak */
    if (s) {
        s->next = NULL;
        s->thread = pthread_self();
        pthread_getcpuclockid(s->thread, &s->cpu_clock);
    }
    if (start_thread() < 0)
        abort();
}

static int start_watching(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    int r;

    sigemptyset(&action.sa_mask);
    if (sigaction(WATCHDOG_SIGNAL, &action, NULL) != 0)
        return -errno;
    if ((r = pthread_key_create(&slot_key, free_slot)) != 0 ||
        (r = pthread_atfork(NULL, NULL, on_fork)) != 0)
        return -r;
    return start_thread();
}

static void start(void)
{
    static const char *const names[] = {[GUARD_BYTE] = "by the hook mask",
                                        [GUARD_PUBLIC] = "by the profiler",
                                        [GUARD_NO_JIT] = "without the JIT"};

    guard_find();
    has_good_pairs = guard_has_good_pairs();
    if (!has_good_pairs)
        logger_info("watchdog", "this LuaJIT leaves nested pairs loops early (LuaJIT issue "
                                "827); games get a pairs written in Lua. Debian's "
                                "libluajit2-5.1-2 is faster there");
    if ((start_result = start_watching()) < 0)
        return;
    while (!is_proved()) {
        enum guard_mode failed = guard_mode();
        if (!guard_fall_back()) {
            logger_error("watchdog", "scripts cannot be stopped on this machine; one that "
                                     "does not return ends the process");
            return;
        }
        logger_warn("watchdog", "stopping scripts %s does not work here", names[failed]);
    }
    if (guard_mode() == GUARD_NO_JIT)
        logger_warn("watchdog", "this LuaJIT's compiled code cannot be stopped, so games "
                                "run interpreted: expect them to be several times slower");
    else
        logger_debug("watchdog", "scripts are stopped %s", names[guard_mode()]);
}

int watchdog_start(void)
{
    pthread_once(&once, start);
    return start_result;
}
