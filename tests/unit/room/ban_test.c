/* SPDX-License-Identifier: MIT */
#include "unit.h"
#include <stdio.h>

#include "proto/record.h"
#include "proto/wire.h"
#include "room/ban.h"

static struct ban_key address(const char *text)
{
    struct ban_key key;

    CHECK(ban_key_of_address(&key, text));
    return key;
}

static bool is_same(const char *a, const char *b)
{
    struct ban_key one = address(a), two = address(b);

    return ban_key_is_equal(&one, &two);
}

TEST(ban_addresses, "IPv4 counts whole, IPv6 by its /64, and text that is none not at all")
{
    struct ban_key key;

    CHECK(is_same("192.0.2.7", "::ffff:192.0.2.7"));
    CHECK(!is_same("192.0.2.7", "192.0.2.8"));
    CHECK(is_same("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"));
    CHECK(!is_same("2001:db8:1:2::1", "2001:db8:1:3::1"));
    CHECK(!ban_key_of_address(&key, ""));
    CHECK(!ban_key_of_address(&key, "192.0.2.7:80"));
    CHECK(!ban_key_of_address(&key, "test"));
}

TEST(ban_users, "a user's id is a string or a number, its own or in a member")
{
    static const struct {
        const char *any;
        size_t n;
        bool has_id;
    } cases[] = {
        {"\5\1a",                 3,  true },
        {"\3\x0e",                2,  true }, /* 7 */
        {"\7\1\0\2id\5\1a",       9,  true },
        {"\7\2\0\1x\2\0\2id\3\2", 12, true },
        {"\7\1\0\2ID\5\1a",       9,  false},
        {"\7\1\0\2id\2",          7,  false}, /* true */
        {"\7\1\0\2id\7\0",        8,  false},
        {"\7\0",                  2,  false},
        {"\6\1\5\1a",             5,  false},
        {"\2",                    1,  false},
        {"\0",                    1,  false},
        {"",                      0,  false},
    };
    struct ban_key own, member;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t *any = unit_guarded(cases[i].any, cases[i].n);
        CHECK_EQ(ban_key_of_user(&own, any, cases[i].n), cases[i].has_id);
        unit_guarded_free(any, cases[i].n);
    }
    CHECK(ban_key_of_user(&own, (const uint8_t *)"\5\1a", 3));
    CHECK(ban_key_of_user(&member, (const uint8_t *)"\7\1\0\2id\5\1a", 9));
    CHECK(ban_key_is_equal(&own, &member));
    CHECK(ban_key_of_user(&member, (const uint8_t *)"\5\1b", 3));
    CHECK(!ban_key_is_equal(&own, &member));
}

TEST(ban_long_ids, "an id of 255 bytes is one, a longer one is none")
{
    static char text[400];
    struct ban_key key;
    struct buf any;

    buf_init(&any, 0);
    wire_put_u8(&any, ANY_STR);
    wire_put_str(&any, text, 255);
    CHECK(ban_key_of_user(&key, any.data, any.len));
    buf_clear(&any);
    wire_put_u8(&any, ANY_STR);
    wire_put_str(&any, text, 300);
    CHECK(!ban_key_of_user(&key, any.data, any.len));
    buf_fini(&any);
}

TEST(ban_time, "a ban ends when its time is over, and can be lifted before")
{
    struct ban_key key = address("192.0.2.7"), other = address("192.0.2.8");
    struct bans b;

    bans_init(&b);
    CHECK(bans_find(&b, &key, 0) == NULL);
    CHECK(bans_put(&b, &key, 100, "spam", 0));
    CHECK_STR(bans_find(&b, &key, 99), "spam");
    CHECK(bans_find(&b, &other, 99) == NULL);
    CHECK(bans_put(&b, &key, 200, "more spam", 99));
    CHECK_STR(bans_find(&b, &key, 199), "more spam");
    CHECK_EQ(b.map.n, 1);
    CHECK(bans_find(&b, &key, 200) == NULL);
    CHECK_EQ(b.map.n, 0);
    CHECK(!bans_remove(&b, &key, 200));
    CHECK(bans_put(&b, &key, 300, "again", 200));
    CHECK(bans_remove(&b, &key, 250));
    CHECK(bans_find(&b, &key, 250) == NULL);
    bans_fini(&b);
}

TEST(ban_full, "a full list forgets what is over, else the one that would end first")
{
    struct ban_key key, first = address("10.0.0.0"), last = address("10.0.15.255");
    char text[32];
    struct bans b;

    bans_init(&b);
    for (unsigned i = 0; i < BAN_MAX; i++) {
        snprintf(text, sizeof text, "10.0.%u.%u", i >> 8, i & 255);
        key = address(text);
        CHECK(bans_put(&b, &key, 1000 + i, "x", 0));
    }
    key = address("192.0.2.1");
    CHECK(bans_put(&b, &key, 5, "short", 0));
    CHECK_EQ(b.map.n, BAN_MAX);
    CHECK(bans_find(&b, &first, 1) == NULL);
    CHECK(bans_find(&b, &last, 1) && bans_find(&b, &key, 1));
    key = address("192.0.2.2");
    CHECK(bans_put(&b, &key, 9000, "late", 2000));
    CHECK_EQ(b.map.n, BAN_MAX - 1000 + 1 - 1);
    CHECK(bans_find(&b, &last, 2000) && bans_find(&b, &key, 2000));
    bans_fini(&b);
}

TEST(ban_lifted,
     "what was lifted is remembered as long as it would have held, no more than BAN_MAX")
{
    struct bans b;
    struct map_entry *at = NULL;
    struct ban_view ban;
    char text[24];
    struct ban_key one = address("192.0.2.7"), two = address("192.0.2.8");

    bans_init(&b);
    CHECK(bans_put(&b, &one, 100, "rude", 0) && bans_put(&b, &two, 200, "rude", 0));
    CHECK(bans_remove(&b, &one, 50) && !bans_remove(&b, &one, 50));
    CHECK(bans_find(&b, &one, 50) == NULL && bans_find(&b, &two, 50));
    CHECK(bans_next_lifted(&b, &at, &ban) && ban_key_is_equal(&ban.key, &one));
    CHECK_EQ(ban.until_us, 100);
    CHECK(!bans_next_lifted(&b, &at, &ban));
    CHECK(bans_put(&b, &one, 150, "again",
                   60)); /* kept out again: it is not lifted any more */
    at = NULL;
    CHECK(!bans_next_lifted(&b, &at, &ban));
    CHECK_STR(bans_find(&b, &one, 60), "again");
    for (unsigned i = 0; i < 2 * BAN_MAX; i++) {
        snprintf(text, sizeof text, "10.0.%u.%u", i / 256, i % 256);
        one = address(text);
        CHECK(bans_put(&b, &one, 1000 + i, "", 500) && bans_remove(&b, &one, 500));
    }
    CHECK_EQ(b.lifted.n, BAN_MAX);
    bans_fini(&b);
}
