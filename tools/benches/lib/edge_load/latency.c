/* SPDX-License-Identifier: MIT */
#include "latency.h"

#include <stddef.h>
#include <string.h>

enum { STEPS = 32 }; /* of a doubling */

static uint32_t latencies[64 * STEPS];

/* Latencies in buckets of 1/STEPS of a doubling, so within 3 %. */
static size_t bucket_of(uint64_t ns)
{
    unsigned shift = 58 - (unsigned)__builtin_clzll(ns | STEPS);

    return shift * STEPS + (size_t)(ns >> shift);
}

static double bucket_us(size_t i)
{
    size_t shift = i < 2 * STEPS ? 0 : i / STEPS - 1;

    return (double)((i - shift * STEPS) << shift) / 1000;
}

void latency_note(uint64_t ns)
{
    latencies[bucket_of(ns)]++;
}

void latency_reset(void)
{
    memset(latencies, 0, sizeof latencies);
}

double latency_percentile_us(double share)
{
    uint64_t n = 0, seen = 0;
    size_t i = 0;

    for (size_t k = 0; k < sizeof latencies / sizeof *latencies; k++)
        n += latencies[k];
    for (; i < sizeof latencies / sizeof *latencies - 1; i++)
        if ((double)(seen += latencies[i]) >= share * (double)n)
            break;
    return bucket_us(i);
}
