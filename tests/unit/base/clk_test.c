/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/clk.h"

TEST(real, "the real clock goes on and never back, wall time is of this century")
{
    uint64_t first = clk_now_us(), last = first;

    for (int i = 0; i < 100000 && last == first; i++) {
        uint64_t now = clk_now_us();
        CHECK(now >= last);
        last = now;
    }
    CHECK(last > first && last - first < 60 * 1000000u);
    CHECK(clk_wall_s() > 1.7e9);
}

TEST(recent, "the recent time is what the clock gave last, and a faked one's at once")
{
    uint64_t now = clk_now_us();

    for (uint64_t last = now; last == now;) {
        CHECK(clk_recent_us() == last);
        now = clk_now_us();
    }
    CHECK(clk_recent_us() == now);
    clk_fake(77);
    CHECK(clk_recent_us() == 77);
    clk_real();
}

TEST(quick, "what is quick by the ticks is quick by the clock")
{
    int n_quick = 0;

    for (int i = 0; i < 3000; i++) {
        uint64_t ticks = clk_ticks(), began = clk_real_ns(), ended = began;
        for (int k = 0; k < i % 300; k++)
            ended = clk_real_ns();
        ticks = clk_ticks() - ticks;
        n_quick += ticks < clk_quick_ticks;
        CHECK(ticks >= clk_quick_ticks || ended - began < CLK_QUICK_NS);
    }
    CHECK(n_quick > 0 || clk_quick_ticks == 0);
}

TEST(fake, "a faked clock stands until it is told to move, and lets go again")
{
    clk_fake(5000000);
    CHECK(clk_now_us() == 5000000);
    CHECK(clk_now_us() == 5000000);
    CHECK(clk_wall_s() == 5.0);
    uint64_t real = clk_real_ns();
    while (clk_real_ns() == real)
        ;
    CHECK(clk_now_us() == 5000000);
    clk_fake_advance(250000);
    CHECK(clk_now_us() == 5250000);
    CHECK(clk_wall_s() == 5.25);
    clk_real();
    CHECK(clk_wall_s() > 1.7e9);
}
