/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "base/buf.h"

TEST(appending, "bytes, text and formatted text follow each other as the buffer grows")
{
    struct buf b;

    buf_init(&b, 0);
    for (int i = 0; i < 1000; i++) {
        buf_append(&b, "ab", 2);
        buf_byte(&b, 'c');
        buf_text(&b, "de");
        buf_format(&b, "%d|", i % 10);
    }
    CHECK(!b.failed);
    CHECK_EQ(b.len, 7000);
    for (size_t i = 0; i < b.len; i += 7) {
        char want[8];
        snprintf(want, sizeof want, "abcde%zu|", i / 7 % 10);
        CHECK_MEM(b.data + i, want, 7);
    }
    buf_fini(&b);
    CHECK(b.data == NULL && b.len == 0 && b.cap == 0);
}

TEST(limit, "growth stops exactly at the limit, and a failure lasts until the clear")
{
    struct buf b;

    buf_init(&b, 100);
    for (int i = 0; i < 100; i++)
        buf_byte(&b, 'x');
    CHECK(!b.failed && b.len == 100 && b.cap == 100);
    buf_byte(&b, 'y');
    CHECK(b.failed);
    CHECK_EQ(b.len, 100);
    buf_truncate(&b, 10);
    buf_byte(&b, 'y'); /* would fit now */
    CHECK_EQ(b.len, 10);
    CHECK(buf_reserve(&b, 1) == NULL);
    buf_clear(&b);
    CHECK(!b.failed && b.len == 0 && b.cap == 100);
    buf_append(&b, "fits", 4);
    CHECK_MEM(b.data, "fits", 4);
    buf_fini(&b);
    CHECK_EQ(b.max, 100);
}

TEST(too_much, "a length that cannot be is refused, not wrapped around")
{
    struct buf b;

    buf_init(&b, 0);
    buf_byte(&b, 'x');
    CHECK(buf_reserve(&b, SIZE_MAX) == NULL);
    CHECK(b.failed && b.len == 1);
    buf_fini(&b);
    buf_init(&b, 8);
    buf_byte(&b, 'x');
    CHECK(buf_reserve(&b, 8) == NULL);
    buf_clear(&b);
    CHECK(buf_reserve(&b, 8) != NULL);
    buf_fini(&b);
}

TEST(reserve, "reserved room counts only once it is added")
{
    struct buf b;

    buf_init(&b, 0);
    uint8_t *at = buf_reserve(&b, 300);
    CHECK(at && b.cap >= 300);
    CHECK_EQ(b.len, 0);
    memset(at, 'z', 300);
    buf_added(&b, 200);
    CHECK_EQ(b.len, 200);
    CHECK(buf_reserve(&b, 1) == b.data + 200);
    buf_fini(&b);
}

TEST(consume, "what is consumed leaves from the front, the rest moves down")
{
    struct buf b;

    buf_init(&b, 0);
    buf_text(&b, "0123456789");
    buf_consume(&b, 0);
    buf_consume(&b, 3);
    CHECK_EQ(b.len, 7);
    CHECK_MEM(b.data, "3456789", 7);
    buf_consume(&b, 7);
    CHECK_EQ(b.len, 0);
    buf_text(&b, "again");
    CHECK_MEM(b.data, "again", 5);
    buf_fini(&b);
}

TEST(empty_appends, "appending nothing needs no memory")
{
    struct buf b;

    buf_init(&b, 0);
    buf_append(&b, NULL, 0);
    buf_text(&b, "");
    CHECK(!b.failed && b.len == 0 && b.data == NULL);
    buf_fini(&b);
}
