/* SPDX-License-Identifier: MIT */
#include "unit.h"
#include <stdlib.h>

#include "base/rnd.h"
#include "room/sched.h"

enum { N = 300 };

TEST(sched_order, "items come out by their time, whatever order they went in")
{
    struct sched s;
    struct sched_item items[N] = {0};
    struct rnd rnd;
    uint64_t last = 0;

    rnd_seed(&rnd, 5);
    sched_init(&s);
    CHECK(sched_first(&s) == NULL);
    CHECK_EQ(sched_reserve(&s, N), 0);
    for (int i = 0; i < N; i++)
        sched_set(&s, &items[i], (uint64_t)rnd_range(&rnd, 1, 100));
    for (int i = 0; i < N; i++) {
        struct sched_item *first = sched_first(&s);
        CHECK(first->due_us >= last);
        last = first->due_us;
        sched_set(&s, first, UINT64_MAX);
        CHECK_EQ(first->place, 0);
    }
    CHECK(sched_first(&s) == NULL);
    sched_fini(&s);
}

TEST(sched_moves, "items that move to and fro, or are taken out, leave the others in order")
{
    struct sched s;
    struct sched_item items[N] = {0};
    uint64_t due[N];
    struct rnd rnd;

    rnd_seed(&rnd, 7);
    sched_init(&s);
    CHECK_EQ(sched_reserve(&s, N), 0);
    for (int i = 0; i < N; i++)
        due[i] = UINT64_MAX;
    for (int round = 0; round < 20000; round++) {
        size_t i = (size_t)rnd_range(&rnd, 0, N - 1);
        due[i] = rnd_range(&rnd, 0, 3) ? (uint64_t)rnd_range(&rnd, 0, 50) : UINT64_MAX;
        sched_set(&s, &items[i], due[i]);
        uint64_t least = UINT64_MAX;
        for (int k = 0; k < N; k++)
            least = due[k] < least ? due[k] : least;
        struct sched_item *first = sched_first(&s);
        CHECK_EQ(first ? first->due_us : UINT64_MAX, least);
    }
    sched_fini(&s);
}

TEST(sched_out_twice, "what is not in it can be taken out, and put in again")
{
    struct sched s;
    struct sched_item item = {0};

    sched_init(&s);
    CHECK_EQ(sched_reserve(&s, 1), 0);
    sched_set(&s, &item, UINT64_MAX);
    sched_set(&s, &item, 3);
    sched_set(&s, &item, UINT64_MAX);
    sched_set(&s, &item, UINT64_MAX);
    CHECK(sched_first(&s) == NULL);
    sched_set(&s, &item, 4);
    CHECK(sched_first(&s) == &item);
    sched_fini(&s);
}
