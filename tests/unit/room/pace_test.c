/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "room/pace.h"

enum { MS = 1000, TICK = 50 * MS, SLACK = 140 * MS };

/* A client behind a line: `delay` either way, `per_frame` for each frame to get
 * through, one after the other. Runs `n` ticks and returns the age of the oldest
 * state that a client had to look at, in us. */
struct line {
    struct pace pace;
    uint32_t delay, per_frame;
    uint32_t free_at; /* when the line is done with what was sent */
    struct {
        uint32_t tick, at;
    } acks[512];
    uint32_t n_acks, n_sent;
    uint32_t now, tick, held, worst;
};

static void line_init(struct line *l, uint32_t delay, uint32_t per_frame)
{
    *l = (struct line){.delay = delay, .per_frame = per_frame, .now = 1000 * MS};
    pace_reset(&l->pace);
}

static void line_run(struct line *l, uint32_t n_ticks)
{
    for (uint32_t i = 0; i < n_ticks; i++, l->now += TICK) {
        uint32_t left = 0;
        for (uint32_t k = 0; k < l->n_acks; k++) {
            uint32_t shown_at = l->acks[k].at - l->delay;
            if (shown_at <= l->now) {
                uint32_t age = shown_at - l->held;
                l->held = (l->acks[k].tick - 1) * TICK + 1000 * MS;
                if (l->acks[k].tick > 1 && age > l->worst)
                    l->worst = age;
            }
            if (l->acks[k].at <= l->now)
                pace_acked(&l->pace, l->acks[k].tick, l->acks[k].at, SLACK);
            else
                l->acks[left++] = l->acks[k];
        }
        l->n_acks = left;
        l->tick++;
        if (pace_is_full(&l->pace, l->now, SLACK))
            continue;
        pace_sent(&l->pace, l->tick, l->now);
        l->n_sent++;
        l->free_at = (l->free_at > l->now ? l->free_at : l->now) + l->per_frame;
        assert_true(l->n_acks < 512);
        l->acks[l->n_acks].tick = l->tick;
        l->acks[l->n_acks++].at = l->free_at + 2 * l->delay;
    }
}

TEST(pace_fast, "on a line that is only long nothing is ever held back")
{
    static const uint32_t delays[] = {0, 1 * MS, 20 * MS, 150 * MS, 400 * MS};

    for (size_t i = 0; i < sizeof delays / sizeof *delays; i++) {
        struct line l;
        line_init(&l, delays[i], 1 * MS);
        line_run(&l, 400);
        CHECK_EQ(l.n_sent, 400);
    }
}

TEST(pace_slow,
     "on a line that takes 0.4 s a frame one at a time is sent, for as long as it lasts")
{
    struct line l;

    line_init(&l, 10 * MS, 1 * MS);
    line_run(&l, 100);
    l.per_frame = 400 * MS;
    line_run(&l, 100); /* what was let out before anybody could know */
    l.worst = 0;
    l.n_sent = 0;
    line_run(&l, 2000);
    /* Two frames' time, the way there and back, a tick, and now and then a trial. */
    CHECK(l.worst <= 3 * 400 * MS + 150 * MS);
    CHECK(l.n_sent >= 2000 / 10 && l.n_sent <= 2000 / 8 + 10);
    CHECK(l.n_acks <= 2);
    l.per_frame = 1 * MS; /* and soon after it is fast again nothing is held back */
    line_run(&l, 40);
    l.n_sent = 0;
    line_run(&l, 100);
    CHECK_EQ(l.n_sent, 100);
}

TEST(pace_longer, "a path that has become longer is told from a slow line")
{
    struct line l;

    line_init(&l, 5 * MS, 1 * MS);
    line_run(&l, 100);
    l.delay = 300 * MS;
    line_run(&l, 64 * 14 + 50);
    l.n_sent = 0;
    line_run(&l, 100);
    CHECK_EQ(l.n_sent, 100);
    CHECK(l.pace.rtt_ms > 500);
}

TEST(pace_silent, "a client that never sends an ACK is never held back; one that stops is")
{
    struct pace p;

    pace_reset(&p);
    for (uint32_t i = 1; i < 1000; i++) {
        CHECK(!pace_is_full(&p, i * TICK, SLACK));
        CHECK(!pace_is_idle(&p));
        pace_sent(&p, i, i * TICK);
    }
    pace_acked(&p, 999, 1000 * TICK, SLACK);
    CHECK(pace_is_idle(&p));
    CHECK(!pace_is_full(&p, 1000 * TICK, SLACK));
    CHECK_EQ(p.base_us, 0); /* the last slot stood for many */
    pace_sent(&p, 1000, 1000 * TICK);
    CHECK(!pace_is_full(&p, 1100 * TICK, SLACK)); /* nothing to measure by yet */
    pace_acked(&p, 1000, 1000 * TICK + 20 * MS, SLACK);
    pace_sent(&p, 1001, 1001 * TICK);
    CHECK(!pace_is_idle(&p));
    CHECK(!pace_is_full(&p, 1001 * TICK + 30 * MS + SLACK, SLACK));
    CHECK(pace_is_full(&p, 1001 * TICK + 31 * MS + SLACK, SLACK));
}

TEST(pace_odd, "old, doubled and invented ACKs, and more frames out than there are slots")
{
    struct pace p;

    pace_reset(&p);
    pace_acked(&p, 77, 0, SLACK); /* nothing was sent */
    for (uint32_t i = 1; i <= 40; i++)
        pace_sent(&p, i, i * MS);
    CHECK_EQ(p.n, PACE_SLOTS);
    pace_acked(&p, 0, 50 * MS, SLACK);
    CHECK_EQ(p.n, PACE_SLOTS);
    pace_acked(&p, 15, 50 * MS, SLACK);
    pace_acked(&p, 15, 51 * MS, SLACK);
    CHECK_EQ(p.n, 1);
    CHECK_EQ(p.base_us, 35 * MS);
    pace_acked(&p, 39, 52 * MS, SLACK); /* the last of several counts */
    CHECK_EQ(p.n, 1);
    pace_acked(&p, 4000, 53 * MS, SLACK);
    CHECK_EQ(p.n, 0);
}

TEST(pace_at_once, "a round trip of nothing is one to judge by as well")
{
    struct pace p;

    pace_reset(&p);
    for (uint32_t i = 1; i < 100; i++) {
        pace_sent(&p, i, i * TICK);
        pace_acked(&p, i, i * TICK, SLACK);
        CHECK_EQ(p.base_us, 1);
    }
    pace_sent(&p, 100, 100 * TICK);
    CHECK(pace_is_full(&p, 100 * TICK + SLACK + 2, SLACK));
}

TEST(pace_wrap, "time and ticks may wrap")
{
    struct pace p;

    pace_reset(&p);
    pace_sent(&p, UINT32_MAX, UINT32_MAX - 5 * MS);
    pace_acked(&p, UINT32_MAX, 5 * MS, SLACK);
    CHECK_EQ(p.base_us, 10 * MS + 1);
    pace_sent(&p, 0, UINT32_MAX - 5 * MS);
    pace_acked(&p, UINT32_MAX, 5 * MS, SLACK);
    CHECK_EQ(p.n, 1);
    CHECK(!pace_is_full(&p, 5 * MS, SLACK));
}
