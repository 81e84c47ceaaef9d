/* SPDX-License-Identifier: MIT */
#include "net/rig.h"
#include "net/ticker.h"

struct rings {
    struct ticker *t;
    unsigned n, max;
    uint64_t due_us, latest_us;
    int64_t worst_us; /* how early a ring came; negative never happens */
    bool is_closing;
};

static void on_ring(void *ctx)
{
    struct rings *x = ctx;

    x->n++;
    x->latest_us = clk_now_us();
    if (x->latest_us < x->due_us)
        x->worst_us = (int64_t)(x->due_us - x->latest_us);
    if (x->is_closing)
        ticker_close(&x->t);
    else if (x->n < x->max)
        ticker_set(x->t, x->due_us += 2500);
}

static void turn_until(uv_loop_t *loop, const unsigned *n, unsigned want)
{
    uint64_t until = rig_clock_ms() + 30000;

    while (*n < want && rig_clock_ms() < until)
        uv_run(loop, UV_RUN_NOWAIT);
    CHECK_EQ(*n, want);
}

TEST(ticker_rings,
     "it rings at the time that is set, finer than a millisecond, never early")
{
    uint64_t start = clk_now_us();
    struct rings x = {.max = 20};
    uv_loop_t loop;
    struct err e;

    uv_loop_init(&loop);
    CHECK_EQ(ticker_open(&x.t, &loop, on_ring, &x, &e), 0);
    x.due_us = start + 2500;
    ticker_set(x.t, x.due_us);
    turn_until(&loop, &x.n, 20);
    /* 20 steps of 2.5 ms: timers of whole milliseconds would take 40 or 60. The
     * upper bound is loose, other programs run too. */
    CHECK_EQ(x.worst_us, 0);
    CHECK(x.latest_us - start >= 50000);
    CHECK(x.latest_us - start < 5000000);

    ticker_set(x.t, 0); /* long past: at once */
    x.due_us = 0;
    turn_until(&loop, &x.n, 21);
    ticker_set(x.t, clk_now_us() + 3600000000u);
    ticker_set(x.t, UINT64_MAX); /* replaced: off */
    for (int i = 0; i < 100; i++)
        uv_run(&loop, UV_RUN_NOWAIT);
    CHECK_EQ(x.n, 21);
    ticker_close(&x.t);
    CHECK(x.t == NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    CHECK_EQ(uv_loop_close(&loop), 0);
}

TEST(ticker_close_inside, "it may be closed from its own callback")
{
    struct rings x = {.is_closing = true};
    uv_loop_t loop;
    struct err e;

    uv_loop_init(&loop);
    CHECK_EQ(ticker_open(&x.t, &loop, on_ring, &x, &e), 0);
    ticker_set(x.t, clk_now_us());
    uv_run(&loop, UV_RUN_DEFAULT);
    CHECK_EQ(x.n, 1);
    CHECK_EQ(uv_loop_close(&loop), 0);
}
