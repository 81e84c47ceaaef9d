/* SPDX-License-Identifier: MIT */
/*
 * latency - a histogram of latencies, of which only percentiles are asked.
 */
#pragma once

#include <stdint.h>

/* Count one latency of `ns`. */
void latency_note(uint64_t ns);

/* Forget all. */
void latency_reset(void);

/* Which latency, in us and within 3 %, a `share` (0 to 1) of all stays within. */
double latency_percentile_us(double share);
