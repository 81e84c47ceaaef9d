/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "room/pass.h"

/* Where a pass is only pointed to, any address will do. */
static struct player *const ann = (struct player *)8, *const bob = (struct player *)16;

static enum pass_end why_not(const struct passes *all, const uint8_t *token)
{
    enum pass_end why;

    CHECK(pass_find(all, token, &why) == NULL);
    return why;
}

static bool is_good(const struct passes *all, const uint8_t *token, const struct pass *p)
{
    enum pass_end why;

    return pass_find(all, token, &why) == p;
}

TEST(pass_find, "a token leads to its seat, and to no other; one bit off leads nowhere")
{
    struct passes all;
    struct pass a, b;
    uint8_t token[RECORD_TOKEN_BYTES];

    passes_init(&all, 0, 1);
    CHECK(pass_give(&all, &a, ann) && pass_give(&all, &b, bob));
    CHECK(memcmp(a.now, b.now, sizeof a.now) != 0);
    CHECK(is_good(&all, a.now, &a) && is_good(&all, b.now, &b));
    for (size_t bit = 0; bit < 8 * sizeof token; bit++) {
        memcpy(token, a.now, sizeof token);
        token[bit / 8] ^= (uint8_t)(1 << bit % 8);
        CHECK_EQ(why_not(&all, token), PASS_UNKNOWN);
    }
    pass_take(&all, &a, PASS_LEFT);
    pass_take(&all, &b, PASS_LEFT);
    passes_fini(&all);
}

TEST(pass_renew, "the token that came stays good beside the new one, until that arrives")
{
    struct passes all;
    struct pass p;
    uint8_t first[RECORD_TOKEN_BYTES], second[RECORD_TOKEN_BYTES];

    passes_init(&all, 0, 1);
    pass_give(&all, &p, ann);
    memcpy(first, p.now, sizeof first);
    pass_renew(&all, &p, first);
    memcpy(second, p.now, sizeof second);
    CHECK(memcmp(first, second, sizeof first) != 0);
    CHECK(is_good(&all, first, &p) && is_good(&all, second, &p));
    CHECK(pass_is_before(&p, first) && !pass_is_before(&p, second));

    /* The second has never arrived. */
    pass_renew(&all, &p, first);
    CHECK_EQ(why_not(&all, second), PASS_REPLACED);
    CHECK(is_good(&all, first, &p));
    memcpy(second, p.now, sizeof second);

    /* Now it has: the client comes with it. */
    pass_renew(&all, &p, second);
    CHECK_EQ(why_not(&all, first), PASS_REPLACED);
    CHECK(is_good(&all, second, &p) && is_good(&all, p.now, &p));
    pass_settle(&all, &p);
    CHECK_EQ(why_not(&all, second), PASS_REPLACED);
    CHECK(!p.has_before);
    CHECK_EQ(all.by_token.n, 1);
    pass_settle(&all, &p); /* once is enough */
    CHECK(is_good(&all, p.now, &p));
    pass_take(&all, &p, PASS_CLOSED);
    CHECK_EQ(all.by_token.n, 0);
    passes_fini(&all);
}

TEST(pass_gone, "why a token is good no more is remembered, of the last thousand")
{
    struct passes all;
    struct pass p, others[PASS_GONE];
    uint8_t before[RECORD_TOKEN_BYTES], now[RECORD_TOKEN_BYTES];

    passes_init(&all, 0, 1);
    pass_give(&all, &p, ann);
    memcpy(before, p.now, sizeof before);
    pass_renew(&all, &p, before);
    memcpy(now, p.now, sizeof now);
    pass_take(&all, &p, PASS_KICKED);
    pass_take(&all, &p, PASS_LEFT); /* it has been taken already */
    CHECK_EQ(why_not(&all, before), PASS_KICKED);
    CHECK_EQ(why_not(&all, now), PASS_KICKED);
    for (int i = 0; i < PASS_GONE; i++) {
        pass_give(&all, &others[i], bob);
        memcpy(before, others[i].now, sizeof before);
        pass_take(&all, &others[i], PASS_LOST);
        CHECK_EQ(why_not(&all, before), PASS_LOST);
        CHECK_EQ(why_not(&all, now), i < PASS_GONE - 1 ? PASS_KICKED : PASS_UNKNOWN);
    }
    passes_fini(&all);
}

TEST(pass_worker, "a token tells the worker that has given it out, whatever else it is")
{
    static const unsigned counts[] = {1, 2, 3, 7, 64};

    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        for (int n = 0; n < 500; n++) {
            unsigned worker = (unsigned)n % counts[i];
            char player; /* only its address counts */
            struct passes all;
            struct pass p = {0};
            passes_init(&all, worker, counts[i]);
            CHECK(pass_give(&all, &p, (struct player *)&player));
            CHECK_EQ(pass_worker(p.now, counts[i]), worker);
            pass_take(&all, &p, PASS_LEFT);
            passes_fini(&all);
        }
}
