/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/bits.h"

TEST(members, "numbers are added, removed, counted and walked in order")
{
    static const uint32_t members[] = {0, 1, 63, 64, 127, 128, 640};
    struct bits b;
    uint32_t at = 0;

    bits_init(&b);
    CHECK(!bits_has(&b, 0));
    CHECK_EQ(bits_next(&b, 0), BITS_NONE);
    CHECK(bits_grow(&b, 641));
    for (size_t i = 0; i < 7; i++)
        bits_add(&b, members[6 - i]);
    CHECK_EQ(bits_count(&b), 7);
    for (size_t i = 0; i < 7; i++) {
        CHECK(bits_has(&b, members[i]));
        CHECK_EQ(at = bits_next(&b, at), members[i]);
        at++;
    }
    CHECK_EQ(bits_next(&b, at), BITS_NONE);
    CHECK_EQ(bits_next(&b, 1u << 30), BITS_NONE);
    CHECK(!bits_has(&b, 2));
    CHECK(!bits_has(&b, 1u << 30));
    bits_remove(&b, 64);
    bits_remove(&b, 1u << 30);
    CHECK(!bits_has(&b, 64) && bits_has(&b, 63));
    CHECK_EQ(bits_count(&b), 6);
    bits_clear(&b);
    CHECK_EQ(bits_count(&b), 0);
    bits_fini(&b);
    bits_clear(&b);
}

TEST(growing, "growing keeps the members, the new places are empty")
{
    struct bits b;

    bits_init(&b);
    CHECK(bits_grow(&b, 64));
    CHECK_EQ(b.n_words, 1);
    for (uint32_t i = 0; i < 64; i++)
        bits_add(&b, i);
    CHECK(bits_grow(&b, 65));
    CHECK_EQ(b.n_words, 2);
    CHECK(bits_grow(&b, 1000));
    CHECK_EQ(bits_count(&b), 64);
    CHECK_EQ(bits_next(&b, 64), BITS_NONE);
    CHECK(bits_grow(&b, 10)); /* never shrinks */
    CHECK(b.n_words >= 16);
    bits_fini(&b);
}

TEST(copying, "a copy equals its original, whichever was larger")
{
    struct bits small, large;

    bits_init(&small);
    bits_init(&large);
    CHECK(bits_copy(&small, &large)); /* both empty */
    CHECK(bits_grow(&small, 64) && bits_grow(&large, 300));
    bits_add(&small, 3);
    bits_add(&large, 299);
    CHECK(bits_copy(&large, &small));
    CHECK_EQ(bits_count(&large), 1);
    CHECK(bits_has(&large, 3) && !bits_has(&large, 299));
    bits_add(&large, 299);
    CHECK(bits_copy(&small, &large));
    CHECK_EQ(bits_count(&small), 2);
    CHECK(bits_has(&small, 299) && bits_has(&small, 3));
    bits_fini(&small);
    bits_fini(&large);
}
