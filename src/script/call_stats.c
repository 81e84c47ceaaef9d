/* SPDX-License-Identifier: MIT */
#include "script/call_stats.h"

enum { FIRST_BIT = 8 }; /* 2^8 ns and less are the first bucket */

static unsigned bucket_of(uint64_t ns)
{
    if (ns < 1u << FIRST_BIT)
        return 0;
    unsigned bit = 63 - (unsigned)__builtin_clzll(ns);
    unsigned i = (bit - FIRST_BIT) * 4 + (unsigned)(ns >> (bit - 2) & 3) + 1;
    return i < CALL_STATS_BUCKETS ? i : CALL_STATS_BUCKETS - 1;
}

/* Where bucket i ends. */
static uint64_t end_of(unsigned i)
{
    if (i == 0)
        return 1u << FIRST_BIT;
    return (uint64_t)(5 + (i - 1) % 4) << (FIRST_BIT - 2 + (i - 1) / 4);
}

void call_stats_add(struct call_stats *s, uint64_t ns)
{
    s->calls++;
    s->total_ns += ns;
    s->max_ns = ns > s->max_ns ? ns : s->max_ns;
    s->buckets[bucket_of(ns)]++;
}

void call_stats_add_some(struct call_stats *s, uint32_t n, uint64_t ns)
{
    uint64_t each = ns / n;

    s->calls += n;
    s->total_ns += ns;
    s->max_ns = each > s->max_ns ? each : s->max_ns;
    s->buckets[bucket_of(each)] += n;
}

void call_stats_merge(struct call_stats *s, const struct call_stats *more)
{
    s->calls += more->calls;
    s->errors += more->errors;
    s->kills += more->kills;
    s->total_ns += more->total_ns;
    s->max_ns = more->max_ns > s->max_ns ? more->max_ns : s->max_ns;
    s->allocated += more->allocated;
    s->sent += more->sent;
    for (unsigned i = 0; i < CALL_STATS_BUCKETS; i++)
        s->buckets[i] += more->buckets[i];
}

uint64_t call_stats_quantile(const struct call_stats *s, double share)
{
    double wanted = share * (double)s->calls, seen = 0;

    for (unsigned i = 0; i < CALL_STATS_BUCKETS; i++) {
        seen += (double)s->buckets[i];
        if (seen > 0 && seen >= wanted)
            return end_of(i) < s->max_ns ? end_of(i) : s->max_ns;
    }
    return s->max_ns;
}
