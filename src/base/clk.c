/* SPDX-License-Identifier: MIT */
#include "base/clk.h"

#include <time.h>

static bool faked;
static uint64_t fake_us;
static _Thread_local uint64_t recent_us, recent_ns;

uint64_t clk_now_us(void)
{
    if (faked)
        return fake_us;
    recent_us = clk_real_ns() / 1000u;
    return recent_us;
}

uint64_t clk_recent_us(void)
{
    if (faked)
        return fake_us;
    return recent_us ? recent_us : clk_now_us();
}

uint64_t clk_real_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    recent_ns = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
    return recent_ns;
}

uint64_t clk_recent_ns(void)
{
    return faked || !recent_ns ? clk_real_ns() : recent_ns;
}

double clk_wall_s(void)
{
    struct timespec t;

    if (faked)
        return (double)fake_us * 1e-6;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void clk_fake(uint64_t us)
{
    faked = true;
    fake_us = us;
}

void clk_fake_advance(uint64_t us)
{
    fake_us += us;
}

void clk_real(void)
{
    faked = false;
}
