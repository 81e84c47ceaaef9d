/* SPDX-License-Identifier: MIT */
#include "base/clk.h"

#include <time.h>
#ifdef __x86_64__
#include <cpuid.h>
#endif

static bool faked;
static uint64_t fake_us;
static _Thread_local uint64_t recent_us, recent_ns;

uint64_t clk_quick_ticks;

static uint64_t read_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

#ifdef __x86_64__
/* The counter is of use where it neither stops nor changes its speed: where the processor
 * says so (AMD manual 3, 80000007h; Intel manual 2A, CPUID). Its speed is measured once,
 * for as long as a quick call may take. */
__attribute__((constructor)) static void measure_ticks(void)
{
    unsigned a, b, c, d;

    if (!__get_cpuid(0x80000007, &a, &b, &c, &d) || !(d & 1u << 8))
        return;
    uint64_t ns = read_ns(), first = clk_ticks(), last, took;
    do { /* the ticks lie within the time, should something come in between */
        last = clk_ticks();
        took = read_ns() - ns;
    } while (took < CLK_QUICK_NS);
    clk_quick_ticks = (last - first) * (CLK_QUICK_NS - CLK_QUICK_NS / 8) / took;
}
#endif

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
    return recent_ns = read_ns();
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
