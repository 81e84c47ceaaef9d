/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "room/ring.h"

/* Push records of `len` bytes whose first byte is their number. */
static void push(struct ring *g, uint32_t n, size_t len, size_t max)
{
    while (n-- > 0) {
        struct chunk *c = chunk_new(len);
        memset(c->bytes, 0, len);
        c->bytes[0] = (uint8_t)(ring_count(g) + 1);
        ring_push(g, c, max);
        chunk_unref(&c);
    }
}

/* Those that are kept are the last ones, in order. */
static void check_order(const struct ring *g)
{
    for (uint32_t i = 0; i < g->n; i++)
        CHECK_EQ(ring_at(g, i)->bytes[0], (uint8_t)(g->first + i + 1));
}

TEST(ring_again, "what came after a count is at hand, in order, however the circle lies")
{
    struct ring g = {0};

    CHECK(ring_reaches(&g, 0));
    CHECK(!ring_reaches(&g, 1));
    for (uint32_t round = 0; round < 40; round++) {
        push(&g, 3, 10, 1000);
        check_order(&g);
        ring_confirm(&g, ring_count(&g) - round % 4);
        CHECK_EQ(g.n, round % 4);
        check_order(&g);
        CHECK_EQ(g.bytes, g.n * (10 + RING_RECORD_BYTES));
    }
    CHECK_EQ(ring_count(&g), 120);
    CHECK(ring_reaches(&g, 120) && ring_reaches(&g, 117));
    CHECK(!ring_reaches(&g, 116));
    ring_fini(&g);
}

TEST(ring_bounded, "the oldest go where it is full; what is too big leaves nothing behind")
{
    struct ring g = {0};

    push(&g, 100, 84, 1000);
    CHECK_EQ(g.n, 10);
    CHECK_EQ(g.first, 90);
    check_order(&g);
    push(&g, 1, 485, 1000); /* five of the others make place, and one for one byte */
    CHECK_EQ(g.n, 5);
    CHECK_EQ(g.first, 96);
    push(&g, 1, 985, 1000);
    CHECK_EQ(g.n, 0);
    CHECK_EQ(ring_count(&g), 102);
    CHECK(!ring_reaches(&g, 101) && ring_reaches(&g, 102));
    push(&g, 1, 1, 0); /* nothing is to be kept, but counted */
    CHECK_EQ(ring_count(&g), 103);
    ring_fini(&g);
}

TEST(ring_empty, "an empty ring holds no memory; a count that cannot be changes nothing")
{
    struct ring g = {0};

    push(&g, 5, 10, 1000);
    ring_confirm(&g, 6);
    CHECK_EQ(g.n, 5);
    ring_confirm(&g, 2);
    ring_confirm(&g, 1); /* late */
    CHECK_EQ(g.n, 3);
    ring_confirm(&g, 5);
    CHECK(g.frames == NULL && g.cap == 0 && g.bytes == 0);
    push(&g, 1, 10, 1000);
    CHECK_EQ(ring_count(&g), 6);
    ring_restart(&g);
    CHECK_EQ(ring_count(&g), 0);
    CHECK(g.frames == NULL);
}

TEST(ring_shares, "a frame is kept by reference")
{
    struct ring a = {0}, b = {0};
    struct chunk *c = chunk_copy("x", 1);

    ring_push(&a, c, 100);
    ring_push(&b, c, 100);
    CHECK_EQ(atomic_load(&c->refs), 3);
    CHECK(ring_at(&a, 0) == c && ring_at(&b, 0) == c);
    ring_fini(&a);
    ring_confirm(&b, 1);
    CHECK_EQ(atomic_load(&c->refs), 1);
    chunk_unref(&c);
}
