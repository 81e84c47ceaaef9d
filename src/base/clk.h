/* SPDX-License-Identifier: MIT */
/*
 * clk - time behind one seam, so that tests and replay can turn the hands.
 *
 * Monotonic times count microseconds from an arbitrary start and never go
 * back; wall time is for people and logs only.
 *
 * Thread: reading is safe anywhere; faking belongs to single-threaded tests.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Monotonic time in microseconds; about 30 ns a call. */
uint64_t clk_now_us(void);

/* What clk_now_us() last gave on this thread, for a tenth of its cost. Every group of
 * reads and every alarm reads the clock: so it is late by what the messages of this
 * group have taken so far. For stamps, not for measuring. */
uint64_t clk_recent_us(void);

/* Monotonic time in nanoseconds that no test can turn: for measuring what really
 * took how long, and for stopping what takes too long. */
uint64_t clk_real_ns(void);

/* What clk_real_ns() or clk_now_us() last saw on this thread, by the same clock; read anew
 * while it is faked. For a start: what ends before is the last thing that was measured. */
uint64_t clk_recent_ns(void);

/* A counter of the processor, for less than half of what the clock costs: it goes up
 * steadily, at a speed that nobody knows exactly. For whether it is worth while to read the
 * clock: less than clk_quick_ticks further on, less than CLK_QUICK_NS have passed. Where
 * there is no such counter both are 0. */
enum { CLK_QUICK_NS = 16000 };
extern uint64_t clk_quick_ticks;

static inline uint64_t clk_ticks(void)
{
#ifdef __x86_64__
    return __builtin_ia32_rdtsc();
#else
    return 0;
#endif
}

/* Seconds since 1970 with fraction, UTC. */
double clk_wall_s(void);

/* From now on both clocks stand at `us` until told otherwise; tests only. */
void clk_fake(uint64_t us);
void clk_fake_advance(uint64_t us);
void clk_real(void);
