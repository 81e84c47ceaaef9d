/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "net/twins.h"

static const struct ws_deflate_tuning tuning = {4, 10, 1 << 20};

/* A frame of 200 bytes that compresses; each `seed` makes another. */
static struct chunk *frame_of(char seed, bool is_shared)
{
    char text[200];

    memset(text, seed, sizeof text);
    struct chunk *c = ws_frame_chunk(WS_TEXT, text, sizeof text);
    return is_shared ? chunk_share(c) : c;
}

/* Was the twin of this frame made just now? */
static bool is_made(struct twins *t, uint8_t bits, struct chunk *plain)
{
    bool is_new;
    struct chunk *packed = twins_get(t, bits, plain, &is_new);

    CHECK(ws_deflate_is_packed(packed));
    CHECK(packed->len < plain->len);
    return is_new;
}

TEST(twins_once, "a frame is compressed once for each window in a turn")
{
    struct twins t;
    struct chunk *c = frame_of('a', true);
    bool is_new;

    CHECK_EQ(twins_init(&t, &tuning), 0);
    for (uint8_t bits = 9; bits <= 15; bits++)
        for (int i = 0; i < 3; i++)
            CHECK_EQ(is_made(&t, bits, c), i == 0);
    struct chunk *packed = twins_get(&t, 9, c, &is_new);
    CHECK(packed == twins_get(&t, 9, c, &is_new) && !is_new);
    CHECK(packed != twins_get(&t, 10, c, &is_new));
    CHECK(atomic_load(&c->refs) > 1);
    twins_clear(&t);
    CHECK_EQ(atomic_load(&c->refs), 1);
    CHECK(is_made(&t, 9, c));
    twins_fini(&t);
    CHECK_EQ(atomic_load(&c->refs), 1);
    chunk_unref(&c);
}

TEST(twins_content, "frames of the same message are one, whoever made them")
{
    struct twins t;
    struct chunk *a = frame_of('a', false), *again = frame_of('a', false);
    struct chunk *b = frame_of('b', false);

    CHECK_EQ(twins_init(&t, &tuning), 0);
    CHECK(is_made(&t, 12, a));
    CHECK(!is_made(&t, 12, again));
    CHECK(is_made(&t, 12, b));
    CHECK(!is_made(&t, 12, a));
    twins_fini(&t);
    chunk_unref(&a);
    chunk_unref(&again);
    chunk_unref(&b);
}

TEST(twins_places, "what goes to one does not push out what goes to all; the oldest goes")
{
    struct twins t;
    struct chunk *all = frame_of('z', true), *first = frame_of('a', false);

    CHECK_EQ(twins_init(&t, &tuning), 0);
    CHECK(is_made(&t, 12, all));
    CHECK(is_made(&t, 12, first));
    for (char seed = 'b'; seed < 'b' + TWINS_SINGLE; seed++) {
        struct chunk *one = frame_of(seed, false);
        CHECK(!is_made(&t, 12, first)); /* there until the places are used up */
        CHECK(is_made(&t, 12, one));
        chunk_unref(&one);
    }
    CHECK(is_made(&t, 12, first));
    CHECK(!is_made(&t, 12, all));
    twins_fini(&t);
    chunk_unref(&all);
    chunk_unref(&first);
}

TEST(twins_useless, "what does not shrink stands for itself, and is tried once")
{
    static const char noise[] = "q8z#Kd0v!x_7Pw2m";
    struct twins t;
    struct chunk *c = ws_frame_chunk(WS_TEXT, noise, sizeof noise - 1);
    bool is_new;

    CHECK_EQ(twins_init(&t, &tuning), 0);
    CHECK(twins_get(&t, 12, c, &is_new) == c && is_new);
    CHECK(twins_get(&t, 12, c, &is_new) == c && !is_new);
    twins_fini(&t);
    chunk_unref(&c);
}
