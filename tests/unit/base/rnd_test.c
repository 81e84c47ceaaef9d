/* SPDX-License-Identifier: MIT */
#include "unit.h"
#include <stdbool.h>

#include "base/rnd.h"

TEST(reference, "the stream is xoshiro256** as its authors publish it")
{
    /* state 1, 2, 3, 4: the vector that the reference code yields */
    static const uint64_t want[] = {11520, 0, 1509978240, 1215971899390074240,
                                    1216172134540287360};
    struct rnd r = {
        {1, 2, 3, 4}
    };

    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        CHECK(rnd_next(&r) == want[i]);
}

TEST(seeds, "the same seed gives the same stream, splitmix64 fills the state")
{
    struct rnd a, b;

    rnd_seed(&a, 0);
    CHECK(a.s[0] == UINT64_C(0xe220a8397b1dcdaf));
    CHECK(a.s[1] == UINT64_C(0x6e789e6aa1b965f4));
    rnd_seed(&a, 42);
    rnd_seed(&b, 42);
    for (int i = 0; i < 100; i++)
        CHECK(rnd_next(&a) == rnd_next(&b));
    rnd_seed(&b, 43);
    CHECK(rnd_next(&a) != rnd_next(&b));
}

TEST(unit_interval, "unit values lie in [0, 1) and fill it")
{
    struct rnd r;
    int tenths[10] = {0};

    rnd_seed(&r, 1);
    for (int i = 0; i < 10000; i++) {
        double v = rnd_unit(&r);
        CHECK(v >= 0 && v < 1);
        tenths[(int)(v * 10)]++;
    }
    for (int i = 0; i < 10; i++)
        CHECK(tenths[i] > 850 && tenths[i] < 1150);
}

TEST(ranges, "a range holds both its ends, each value about as often as the others")
{
    struct rnd r;
    int seen[7] = {0};

    rnd_seed(&r, 2);
    for (int i = 0; i < 7000; i++) {
        int64_t v = rnd_range(&r, -3, 3);
        CHECK(v >= -3 && v <= 3);
        seen[v + 3]++;
    }
    for (int i = 0; i < 7; i++)
        CHECK(seen[i] > 850 && seen[i] < 1150);
    CHECK(rnd_range(&r, 5, 5) == 5);
    CHECK(rnd_range(&r, INT64_MAX, INT64_MAX) == INT64_MAX);
    bool negative = false, positive = false;
    for (int i = 0; i < 64; i++) {
        int64_t v = rnd_range(&r, INT64_MIN, INT64_MAX);
        negative |= v < 0;
        positive |= v > 0;
    }
    CHECK(negative && positive);
}

TEST(secrets, "secrets differ each time, unless a test asks for the same")
{
    uint8_t a[32], b[32], zero[32] = {0};

    memset(a, 0, sizeof a);
    rnd_secret(a, sizeof a);
    rnd_secret(b, sizeof b);
    CHECK(memcmp(a, b, sizeof a) != 0);
    CHECK(memcmp(a, zero, sizeof a) != 0);
    rnd_fake(9);
    rnd_secret(a, sizeof a);
    rnd_fake(9);
    rnd_secret(b, sizeof b);
    CHECK_MEM(a, b, sizeof a);
    rnd_fake(0);
    rnd_secret(b, sizeof b);
    CHECK(memcmp(a, b, sizeof a) != 0);
}
