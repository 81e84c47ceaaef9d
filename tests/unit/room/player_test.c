/* SPDX-License-Identifier: MIT */
#include "unit.h"
#include <stdlib.h>

#include "room/player.h"

static void expect_name(const char *given, size_t len, size_t max, const char *want)
{
    struct player *p = player_new(7);
    uint8_t *copy = unit_guarded(given, len);

    player_set_name(p, (char *)copy, len, max);
    CHECK_STR(p->name, want);
    unit_guarded_free(copy, len);
    player_free(&p);
    CHECK(p == NULL);
}

TEST(player_name, "names lose controls, odd white space and what cannot be seen")
{
    static const char *const cases[][2] = {
        {"ann",                        "ann"                      },
        {"  ann \t\r\n of  arc ",      "ann of arc"               },
        {"",                           "player 7"                 },
        {" \x01\x7f\xc2\x80\xc2\xa0 ", "player 7"                 },
        {"\xe2\x80\x8b\xef\xbb\xbf",   "player 7"                 }, /* zero width, BOM */
        {"\xe2\x80\x8d",               "player 7"                 }, /* a joiner of nothing */
        {"a\xe2\x80\x8d"
         "b",                 "a\xe2\x80\x8d"
         "b"                                },
        {"a\xe2\x80\xae"
         "b\xe2\x81\xa6"
         "c",                 "abc"                      }, /* text direction */
        {"a\xe3\x80\x80"
         "b\xe2\x80\xa8"
         "c",                 "a b c"                    },
        {"\xf0\x9f\x90\xb8 \xc3\xa4",  "\xf0\x9f\x90\xb8 \xc3\xa4"},
        {"bad \xff",                   "player 7"                 },
        {"cut \xe2\x80",               "player 7"                 },
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_name(cases[i][0], strlen(cases[i][0]), PLAYER_NAME_MAX, cases[i][1]);
    expect_name("a\0b", 3, PLAYER_NAME_MAX, "a b");
}

TEST(player_name_max, "a long name is cut at a character and ends in no space")
{
    expect_name("\xc3\xa4\xc3\xa4\xc3\xa4", 6, 5, "\xc3\xa4\xc3\xa4");
    expect_name("abcd efgh", 9, 5, "abcd");
    expect_name("abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz", 52, PLAYER_NAME_MAX,
                "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuv");
    expect_name("\xf0\x9f\x90\xb8", 4, 3, "player 7");
}

TEST(player_bucket, "a bucket gives its burst, then as much as the rate allows")
{
    struct bucket b = {5, 1000};

    for (int i = 0; i < 5; i++)
        CHECK(bucket_take(&b, 10, 5, 1000));
    CHECK(!bucket_take(&b, 10, 5, 1000));
    CHECK(!bucket_take(&b, 10, 5, 1099));
    CHECK(bucket_take(&b, 10, 5, 1101));
    CHECK(!bucket_take(&b, 10, 5, 1101));
    for (int i = 0; i < 5; i++) /* a long rest fills no more than the burst */
        CHECK(bucket_take(&b, 10, 5, 1000000));
    CHECK(!bucket_take(&b, 10, 5, 1000000));
    b = (struct bucket){0, UINT32_MAX - 50}; /* the clock's 32 bits turn over */
    CHECK(bucket_take(&b, 10, 5, 60));
}

TEST(player_strikes, "300 strikes are forgiven at ten a second, not more")
{
    struct player *p = player_new(1);

    for (int i = 0; i < 300; i++)
        CHECK(!player_strike(p, 5000));
    CHECK(player_strike(p, 5000));
    CHECK(!player_strike(p, 6000));
    for (int i = 0; i < 8; i++)
        CHECK(!player_strike(p, 6000));
    CHECK(player_strike(p, 6000)); /* ten more than 291 */
    p->strikes = 0;
    for (int i = 0; i < 10000; i++)
        CHECK(!player_strike(p, 7000 + (uint32_t)i * 100));
    player_free(&p);
}

TEST(player_credit, "who was away may send at once what it would have sent, and no more")
{
    struct player *p = player_new(1);
    struct record messages[2] = {
        {.rate = 10, .burst = 5},
        {.rate = 0         }
    };
    struct schema schema = {.n_messages = 2, .messages = messages};
    unsigned n = 0;

    p->schema = &schema;
    CHECK(player_make_buckets(p, 1000));
    for (int i = 0; i < 5; i++)
        CHECK(bucket_take(&p->buckets[0], 10, 5, 1000));
    player_credit(p, 20, 21000);
    while (bucket_take(&p->buckets[0], 10, 5, 21000))
        n++;
    CHECK_EQ(n, 200);
    for (n = 0; bucket_take(&p->buckets[0], 10, 5, 30000);)
        n++;
    CHECK_EQ(n, 5); /* the burst is what it was */

    /* Long away, or silent only for a part of it: what counts is bounded. */
    player_credit(p, 3600, 3630000);
    for (n = 0; bucket_take(&p->buckets[0], 10, 5, 3630000);)
        n++;
    CHECK_EQ(n, 600);
    player_credit(p, 3600, 3631000);
    for (n = 0; bucket_take(&p->buckets[0], 10, 5, 3631000);)
        n++;
    CHECK_EQ(n, 10);

    /* Buckets that are made later have it, once. */
    free(p->buckets);
    p->buckets = NULL;
    player_credit(p, 20, 4000000);
    CHECK(player_make_buckets(p, 4000000));
    for (n = 0; bucket_take(&p->buckets[0], 10, 5, 4000000);)
        n++;
    CHECK_EQ(n, 205);
    CHECK(p->credit_s == 0);
    p->schema = NULL;
    player_free(&p);
}
