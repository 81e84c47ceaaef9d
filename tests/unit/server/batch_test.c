/* SPDX-License-Identifier: MIT */
#include "unit.h"
#include <stdlib.h>

#include "server/batch.h"

/* The orders as text: "look 1-3 7; send 1-3; …". */
static const char *text_of(const struct batch *b)
{
    static const char *const names[] = {"send", "look", "close", "forget"};
    static char text[512];
    size_t n = 0;

    *text = 0;
    for (uint32_t i = 0; i < b->n_orders; i++) {
        const struct batch_order *o = &b->orders[i];
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", i ? "; " : "",
                              names[o->kind]);
        for (uint32_t k = 0; k < o->n_spans; k++) {
            struct batch_span s = o->spans[k];
            n += (size_t)snprintf(text + n, sizeof text - n, s.n > 1 ? " %u-%u" : " %u",
                                  s.first, s.first + s.n - 1);
        }
    }
    return text;
}

static void begin(struct batch *b)
{
    batch_init(b);
    b->serial = 1;
}

TEST(batch_many, "what alternates between many members becomes an order of each kind")
{
    struct batch b;
    struct batch_mark marks[10] = {0};
    struct chunk *frame = chunk_copy("abc", 3);

    begin(&b);
    for (uint32_t i = 0; i < 10; i++) {
        if (i == 5)
            continue;
        CHECK(batch_add_order(&b, ORDER_LOOK, 0, NULL, i, &marks[i]));
        CHECK(batch_add_order(&b, ORDER_SEND, 0, frame, i, &marks[i]));
    }
    CHECK_STR(text_of(&b), "look 0-4 6-9; send 0-4 6-9");
    CHECK_EQ(atomic_load(&frame->refs), 2);
    batch_fini(&b);
    CHECK_EQ(atomic_load(&frame->refs), 1);
    chunk_unref(&frame);
}

TEST(batch_order, "of one member nothing is told before what was told earlier")
{
    struct batch b;
    struct batch_mark one = {0}, two = {0};
    struct chunk *own = chunk_copy("own", 3), *all = chunk_copy("all", 3);

    begin(&b);
    batch_add_order(&b, ORDER_SEND, 0, all, 1, &one);
    batch_add_order(&b, ORDER_SEND, 0, own, 1, &one);
    batch_add_order(&b, ORDER_SEND, 0, all, 2, &two); /* joins the first */
    batch_add_order(&b, ORDER_SEND, 0, all, 1, &one); /* cannot: a new one */
    batch_add_order(&b, ORDER_SEND, 0, all, 2, &two); /* that one, again */
    CHECK_STR(text_of(&b), "send 1-2; send 1; send 1-2");
    CHECK(b.orders[0].frame == all && b.orders[1].frame == own && b.orders[2].frame == all);
    batch_add_order(&b, ORDER_CLOSE, 4000, own, 1, &one);
    batch_add_order(&b, ORDER_CLOSE, 4001, own, 2, &two);
    CHECK_EQ(b.n_orders, 5); /* other codes are other orders */
    CHECK_EQ(b.orders[3].code, 4000);
    batch_fini(&b);
    chunk_unref(&own);
    chunk_unref(&all);
}

TEST(batch_next, "a mark of an earlier batch holds nothing back, and memory is used again")
{
    struct batch b;
    struct batch_mark mark = {0}, late = {0};
    struct chunk *frame = chunk_copy("abc", 3);

    begin(&b);
    for (uint32_t i = 0; i < 100; i += 2) {
        struct batch_mark any = {0};
        CHECK(batch_add_order(&b, ORDER_SEND, 0, frame, i, &any));
    }
    batch_add_order(&b, ORDER_LOOK, 0, NULL, 1, &mark);
    CHECK_EQ(mark.after, 2);
    const void *spans = b.orders[0].spans, *orders = b.orders;
    batch_clear(&b);
    CHECK(batch_is_empty(&b));
    CHECK_EQ(atomic_load(&frame->refs), 1);
    b.serial = 2;
    batch_add_order(&b, ORDER_SEND, 0, frame, 7, &late);
    batch_add_order(&b, ORDER_SEND, 0, frame, 8, &mark);
    CHECK_STR(text_of(&b), "send 7-8");
    CHECK(b.orders == orders && b.orders[0].spans == spans);
    batch_fini(&b);
    chunk_unref(&frame);
}

TEST(batch_apart, "of many frames only the last ones are looked at")
{
    struct batch b;
    struct batch_mark marks[3] = {0};
    struct chunk *all = chunk_copy("all", 3);

    begin(&b);
    batch_add_order(&b, ORDER_SEND, 0, all, 0, &marks[0]);
    for (uint32_t i = 0; i < 50; i++) {
        struct chunk *own = chunk_copy("own", 3);
        batch_add_order(&b, ORDER_SEND, 0, own, 1, &marks[1]);
        chunk_unref(&own);
    }
    batch_add_order(&b, ORDER_SEND, 0, all, 2, &marks[2]);
    CHECK_EQ(b.n_orders, 52);
    batch_fini(&b);
    chunk_unref(&all);
}

TEST(batch_notes, "notes keep their bytes in order, and weigh what they hold")
{
    struct batch b;
    struct batch_note message = {NULL, NOTE_MESSAGE, 1, 5},
                      backlog = {NULL, NOTE_BACKLOG, 0, 1000000},
                      dropped = {NULL, NOTE_DROPPED, 2, 3},
                      closed = {NULL, NOTE_CLOSED, 1001, 0};

    begin(&b);
    CHECK(batch_add_note(&b, &message, "hello"));
    CHECK(batch_add_note(&b, &backlog, NULL));
    CHECK(batch_add_note(&b, &dropped, "abc"));
    CHECK(batch_add_note(&b, &closed, NULL));
    CHECK_EQ(b.n_notes, 4);
    CHECK_EQ(b.bytes.len, 8);
    CHECK(memcmp(b.bytes.data, "helloabc", 8) == 0);
    CHECK_EQ(b.weight, 8 + 4 * sizeof message);
    CHECK_EQ(b.notes[3].code, 1001);
    batch_clear(&b);
    CHECK_EQ(b.weight, 0);
    CHECK(batch_is_empty(&b));
    batch_fini(&b);
}
