/* SPDX-License-Identifier: MIT */
/*
 * call_stats - how often a callback ran, how long it took, what it used, and how it
 * ended.
 *
 * Times go into buckets a quarter of an octave wide, so a quantile is at most 25 %
 * too high.
 *
 * Ownership: values. Thread: one worker's.
 */
#pragma once

#include <stdint.h>

enum { CALL_STATS_BUCKETS = 112 }; /* from 256 ns to 68 s */

struct call_stats {
    uint64_t calls, errors, kills; /* kills: stopped for time or memory */
    uint64_t total_ns, max_ns;
    uint64_t allocated;    /* bytes of Lua values, collected since or not */
    uint64_t sent;         /* bytes it has queued for players, see vm.h */
    uint64_t slow_told_ns; /* when one was last called slow; clk_real_ns() */
    uint64_t buckets[CALL_STATS_BUCKETS];
};

void call_stats_add(struct call_stats *s, uint64_t ns);

/* `n` calls, at least one, that took so long together and about the same time each. */
void call_stats_add_some(struct call_stats *s, uint32_t n, uint64_t ns);

/* Add all of `more`; slow_told_ns stays. */
void call_stats_merge(struct call_stats *s, const struct call_stats *more);

/* The time that this share (0.5, 0.99) of the calls did not exceed, in ns; 0 where
 * there were none. */
uint64_t call_stats_quantile(const struct call_stats *s, double share);
