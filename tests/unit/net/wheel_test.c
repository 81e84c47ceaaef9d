/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "net/wheel.h"

struct item {
    struct link link;
    unsigned fired;
    uint64_t again_s; /* put again for this second; 0: not */
    struct wheel *wheel;
};

static void on_fire(void *arg, struct link *l)
{
    struct item *x = LINK_OWNER(l, struct item, link);

    ++*(unsigned *)arg;
    x->fired++;
    if (x->again_s)
        wheel_put(x->wheel, l, x->again_s);
}

TEST(wheel_seconds, "each comes up in its own second, once, whatever way time moves")
{
    for (uint64_t step = 1; step <= 200; step = step * 3 + 1) {
        struct item items[60] = {0};
        struct wheel w;
        unsigned fired = 0;
        wheel_init(&w, 1000);
        for (unsigned i = 0; i < 60; i++) {
            link_init(&items[i].link);
            wheel_put(&w, &items[i].link, 1000 + i + 1);
        }
        for (uint64_t now = 1000; now < 1070; now += step) {
            wheel_turn(&w, now, on_fire, &fired);
            for (unsigned i = 0; i < 60; i++)
                CHECK_EQ(items[i].fired, 1000 + i + 1 <= now ? 1 : 0);
        }
        wheel_turn(&w, 5000, on_fire, &fired);
        CHECK_EQ(fired, 60);
    }
}

TEST(wheel_past, "what is due already comes in the next second, not in this turn again")
{
    struct item x = {.again_s = 1};
    struct wheel w;
    unsigned fired = 0;

    wheel_init(&w, 100);
    link_init(&x.link);
    x.wheel = &w;
    wheel_put(&w, &x.link, 50);
    wheel_turn(&w, 100, on_fire, &fired);
    CHECK_EQ(fired, 0);
    wheel_turn(&w, 101, on_fire, &fired);
    CHECK_EQ(fired, 1);
    wheel_turn(&w, 300, on_fire, &fired); /* a long stall is one turn */
    CHECK_EQ(fired, 2);
    link_leave(&x.link);
    wheel_turn(&w, 400, on_fire, &fired);
    CHECK_EQ(fired, 2);
}

TEST(wheel_far, "what is further away than the wheel is long comes up early, never late")
{
    struct item x = {0};
    struct wheel w;
    unsigned fired = 0;
    uint64_t now = 10;

    wheel_init(&w, now);
    link_init(&x.link);
    wheel_put(&w, &x.link, now + 10 * WHEEL_SLOTS);
    while (!fired && now < 10 + 10 * WHEEL_SLOTS)
        wheel_turn(&w, ++now, on_fire, &fired);
    CHECK_EQ(fired, 1);
    CHECK_EQ(now, 10 + WHEEL_SLOTS - 1);
}
