/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "room/outbox.h"

static struct out_event event(struct chunk *frame)
{
    return (struct out_event){.binary = chunk_ref(frame)};
}

TEST(outbox_cut, "a cut drops what came behind the mark and lets its frames go")
{
    struct chunk *frame = chunk_copy("frame", 5);
    struct outbox o;

    outbox_init(&o, 1 << 16);
    for (int i = 0; i < 20; i++) {
        struct out_event ev = event(frame);
        CHECK(outbox_push(&o, &ev, NULL));
    }
    CHECK_EQ(frame->refs, 21);
    outbox_cut(&o, 5);
    CHECK_EQ(o.n, 5);
    CHECK_EQ(frame->refs, 6);
    outbox_cut(&o, 5);
    CHECK_EQ(o.n, 5);
    outbox_cut(&o, 0);
    CHECK_EQ(o.bytes, 0);
    outbox_fini(&o);
    CHECK_EQ(frame->refs, 1);
    chunk_unref(&frame);
}

TEST(outbox_full, "a full box releases what it refuses, and takes more after a cut")
{
    struct chunk *frame = chunk_new(400);
    struct outbox o;
    struct out_event ev = event(frame);

    outbox_init(&o, 600);
    CHECK(outbox_push(&o, &ev, NULL));
    ev = event(frame);
    CHECK(!outbox_push(&o, &ev, NULL));
    CHECK_EQ(frame->refs, 2);
    outbox_cut(&o, 0);
    ev = event(frame);
    CHECK(outbox_push(&o, &ev, NULL));
    outbox_fini(&o);
    chunk_unref(&frame);
}

TEST(outbox_extend, "an event takes on further players, counts them, and goes as a whole")
{
    enum { PLAYERS = 1000 };
    struct chunk *frame = chunk_copy("frame", 5);
    struct outbox o;
    struct out_event ev = event(frame);
    size_t one;

    outbox_init(&o, 6000);
    ev.to = 1;
    CHECK(outbox_push(&o, &ev, NULL));
    one = o.bytes;
    for (uint32_t id = 2; id <= PLAYERS; id++)
        CHECK(outbox_extend(&o, id));
    CHECK_EQ(o.n, 1);
    CHECK_EQ(o.bytes, one + PLAYERS * 4);
    CHECK_EQ(frame->refs, 2);
    for (uint32_t id = 1; id <= PLAYERS; id++)
        CHECK_EQ(o.events[0].list[id - 1], id);
    CHECK(outbox_is_for(&o.events[0], 1) && outbox_is_for(&o.events[0], PLAYERS));
    CHECK(!outbox_is_for(&o.events[0], PLAYERS + 1));
    for (uint32_t id = 0; outbox_extend(&o, id); id++)
        CHECK(o.bytes <= 6000);
    CHECK(o.bytes > 5900);
    outbox_cut(&o, 0);
    CHECK_EQ(o.bytes, 0);
    outbox_fini(&o);
    chunk_unref(&frame);
}

TEST(outbox_targets, "an event is for all, for one, for a list, and never for `except`")
{
    uint32_t list[] = {3, 5};
    struct outbox o;
    struct out_event all = {.except = 2}, one = {.to = 3},
                     some = {.n_list = 2, .except = 5}, nobody = {.n_list = 0};

    outbox_init(&o, 1 << 16);
    CHECK(outbox_push(&o, &all, NULL) && outbox_push(&o, &one, NULL) &&
          outbox_push(&o, &some, list) && outbox_push(&o, &nobody, list));
    list[0] = 9; /* it was copied */
    static const bool want[4][6] = {
        {0, 1, 0, 1, 1, 1},
        {0, 0, 0, 1, 0, 0},
        {0, 0, 0, 1, 0, 0},
        {0, 0, 0, 0, 0, 0}
    };
    for (size_t i = 0; i < 4; i++)
        for (uint32_t player = 1; player < 6; player++)
            CHECK_EQ(outbox_is_for(&o.events[i], player), want[i][player]);
    outbox_fini(&o);
}
