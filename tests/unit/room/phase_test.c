/* SPDX-License-Identifier: MIT */
#include "unit.h"
#include <stdlib.h>

#include "room/phase.h"

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* The widest gap between the ticks of n clocks, in intervals; `step_us` apart. */
static double widest_gap(struct phases *p, size_t n, double rate, uint64_t now_us,
                         uint64_t step_us)
{
    uint64_t interval = (uint64_t)(1e6 / rate), widest = 0, *at = malloc(n * sizeof *at);

    CHECK(at != NULL);
    for (size_t i = 0; i < n; i++, now_us += step_us) {
        uint64_t began = phase_begin(p, rate, now_us);
        CHECK(began <= now_us && now_us - began <= interval);
        at[i] = began % interval;
    }
    qsort(at, n, sizeof *at, by_size);
    for (size_t i = 0; i < n; i++) {
        uint64_t next = i + 1 < n ? at[i + 1] : at[0] + interval;
        widest = next - at[i] > widest ? next - at[i] : widest;
    }
    free(at);
    return (double)widest / (double)interval;
}

TEST(phase_first, "a worker's first clock begins when its room does")
{
    struct phases p = {0};

    CHECK_EQ(phase_begin(&p, 20, 1234567), 1234567);
    CHECK_EQ(p.n, 1);
}

TEST(phase_spread, "clocks of one moment divide the interval, those that come later, too")
{
    static const double rates[] = {0.5, 1, 8, 20, 50, 125};
    static const uint64_t steps[] = {0, 1, 777, 50000, 12345678};

    for (size_t r = 0; r < sizeof rates / sizeof *rates; r++)
        for (size_t s = 0; s < sizeof steps / sizeof *steps; s++) {
            struct phases p = {0};
            /* 100 gaps: on an average a hundredth, and none over twice that. */
            CHECK(widest_gap(&p, 100, rates[r], UINT64_C(1000000000000), steps[s]) < 0.02);
            CHECK(widest_gap(&p, 1000, rates[r], UINT64_C(2000000000000), steps[s]) <
                  0.002);
        }
}

TEST(phase_wraps, "the count of clocks may wrap around")
{
    struct phases p = {.origin_us = 5, .n = UINT32_MAX - 50};

    CHECK(widest_gap(&p, 100, 20, 1000000, 0) < 0.025);
}
