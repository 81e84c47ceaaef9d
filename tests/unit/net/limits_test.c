/* SPDX-License-Identifier: MIT */
#include "unit.h"
#include <stdlib.h>

#include "net/limits.h"

static const struct limits_rate slow = {10, 20}, none = {0, 0};

static struct ip ip_of(const char *text)
{
    struct ip ip;

    CHECK(ip_parse(&ip, text, strlen(text)));
    return ip;
}

TEST(limits_burst, "a burst passes at once, then as much as the rate allows")
{
    uint64_t meter = 0, now = 5000000;
    unsigned n = 0;

    while (limits_take(&meter, slow, 1, now))
        n++;
    CHECK_EQ(n, 20);
    CHECK(!limits_take(&meter, slow, 1, now + 99999));
    /* One leaves the meter each 100 ms, whether somebody asks or not. */
    CHECK(limits_take(&meter, slow, 1, now + 100000));
    CHECK(!limits_take(&meter, slow, 1, now + 100000));
    for (n = 0; limits_take(&meter, slow, 1, now + 1100000); n++)
        ;
    CHECK_EQ(n, 10);
    /* After a long pause a burst again, not more. */
    for (n = 0; limits_take(&meter, slow, 1, now + 3600000000u); n++)
        ;
    CHECK_EQ(n, 20);
}

TEST(limits_debt, "what is bigger than a burst is taken, and paid for afterwards")
{
    uint64_t meter = 0;

    CHECK(limits_take(&meter, slow, 1000, 0));
    CHECK(!limits_take(&meter, slow, 1, 98099999));
    CHECK(limits_take(&meter, slow, 1, 98100000));
}

TEST(limits_calm, "a meter is calm again below half a burst")
{
    uint64_t meter = 0;

    CHECK(limits_is_calm(meter, slow, 0));
    CHECK(limits_take(&meter, slow, 20, 0));
    CHECK(!limits_is_calm(meter, slow, 999000));
    CHECK(limits_is_calm(meter, slow, 1000000));
    CHECK(limits_is_calm(meter, none, 0));
}

TEST(limits_extremes, "no rate is no limit; the largest figures do not overflow")
{
    const struct limits_rate least = {1, UINT32_MAX}, most = {UINT32_MAX, 1};
    const uint64_t year_us = 365 * 86400 * (uint64_t)1000000;
    uint64_t meter = 0;

    for (int i = 0; i < 1000; i++)
        CHECK(limits_take(&meter, none, UINT32_MAX, 0));
    CHECK_EQ(meter, 0);
    CHECK(limits_take(&meter, least, UINT32_MAX, year_us));
    CHECK(!limits_take(&meter, least, 1, year_us));
    CHECK(limits_take(&meter, least, 1, year_us + 2000000));
    meter = 0;
    CHECK(limits_take(&meter, most, UINT32_MAX, year_us));
    CHECK(!limits_take(&meter, most, 1, year_us + 999000));
    CHECK(limits_take(&meter, most, 1, year_us + 1000001));
}

TEST(limits_open, "one address has so many connections at a time, others are not hurt")
{
    struct limits *l = limits_new();
    struct limits_address *a[4], *other;
    struct ip one = ip_of("203.0.113.7"), two = ip_of("203.0.113.8");

    CHECK(l != NULL);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(limits_enter(l, &a[i], &one, 3, none, 0), LIMITS_OK);
    CHECK_EQ(limits_enter(l, &a[3], &one, 3, none, 0), LIMITS_FULL);
    CHECK(a[3] == NULL);
    CHECK_EQ(limits_enter(l, &other, &two, 3, none, 0), LIMITS_OK);
    limits_leave(l, &a[1]);
    CHECK(a[1] == NULL);
    CHECK_EQ(limits_enter(l, &a[1], &one, 3, none, 0), LIMITS_OK);
    for (int i = 0; i < 4; i++)
        limits_leave(l, &a[i]);
    limits_leave(l, &other);
    limits_free(&l);
}

TEST(limits_hasty, "new connections have a rate, which leaving does not reset")
{
    struct limits *l = limits_new();
    struct limits_address *a;
    struct ip one = ip_of("203.0.113.7");
    uint64_t now = 1;

    for (int i = 0; i < 20; i++) {
        CHECK_EQ(limits_enter(l, &a, &one, 3, slow, now), LIMITS_OK);
        limits_leave(l, &a);
    }
    CHECK_EQ(limits_enter(l, &a, &one, 3, slow, now), LIMITS_HASTY);
    CHECK_EQ(limits_enter(l, &a, &one, 3, slow, now + 100001), LIMITS_OK);
    limits_leave(l, &a);
    limits_free(&l);
}

TEST(limits_prefix, "IPv6 addresses of one /64 count together, IPv4 ones alone")
{
    static const struct {
        const char *a, *b;
        bool is_same;
    } cases[] = {
        {"2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true },
        {"2001:db8:1:2::1", "2001:db8:1:3::1",      false},
        {"203.0.113.7",     "203.0.113.7",          true },
        {"203.0.113.7",     "203.0.113.6",          false},
        {"203.0.113.7",     "::1",                  false},
        {"0.0.0.0",         "::",                   false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct limits *l = limits_new();
        struct limits_address *a, *b;
        struct ip one = ip_of(cases[i].a), two = ip_of(cases[i].b);
        CHECK_EQ(limits_enter(l, &a, &one, 1, none, 0), LIMITS_OK);
        CHECK_EQ(limits_enter(l, &b, &two, 1, none, 0),
                 cases[i].is_same ? LIMITS_FULL : LIMITS_OK);
        limits_leave(l, &a);
        limits_leave(l, &b);
        limits_free(&l);
    }
}

TEST(limits_requests, "requests of an address have a meter of their own")
{
    struct limits *l = limits_new();
    struct limits_address *a, *b;
    struct ip one = ip_of("203.0.113.7"), other = ip_of("203.0.113.8");
    unsigned n = 0;

    CHECK_EQ(limits_enter(l, &a, &one, 0, slow, 0), LIMITS_OK);
    CHECK_EQ(limits_enter(l, &b, &other, 0, slow, 0), LIMITS_OK);
    while (limits_request(l, a, slow, 0))
        n++;
    CHECK_EQ(n, 20);
    CHECK(limits_request(l, b, slow, 0));
    CHECK(limits_request(l, NULL, slow, 0)); /* exempt */
    limits_leave(l, &a);
    /* A new connection does not make it new. */
    CHECK_EQ(limits_enter(l, &a, &one, 0, slow, 500000), LIMITS_OK);
    for (n = 0; limits_request(l, a, slow, 500000); n++)
        ;
    CHECK_EQ(n, 5);
    limits_leave(l, &a);
    limits_leave(l, &b);
    limits_free(&l);
}

TEST(limits_bounded, "a million addresses leave a bounded table, those inside stay known")
{
    struct limits *l = limits_new();
    struct limits_address *inside, *a;
    struct ip first = ip_of("203.0.113.7"), ip = ip_of("2001:db8::");

    CHECK_EQ(limits_enter(l, &inside, &first, 1, slow, 0), LIMITS_OK);
    for (uint32_t i = 0; i < 1000000; i++) {
        memcpy(ip.bytes + 4, &i, sizeof i);
        CHECK_EQ(limits_enter(l, &a, &ip, 1, slow, 0), LIMITS_OK);
        limits_leave(l, &a);
        CHECK(limits_n_addresses(l) <= LIMITS_IDLE + 2);
    }
    /* The last is remembered: it has used one of its burst. */
    for (int i = 1; i < 20; i++) {
        CHECK_EQ(limits_enter(l, &a, &ip, 1, slow, 0), LIMITS_OK);
        limits_leave(l, &a);
    }
    CHECK_EQ(limits_enter(l, &a, &ip, 1, slow, 0), LIMITS_HASTY);
    CHECK_EQ(limits_enter(l, &a, &first, 1, slow, 0), LIMITS_FULL);
    /* Once their meters are empty they are forgotten, two with each that comes. */
    size_t before = limits_n_addresses(l);
    for (int i = 0; i < 100; i++)
        CHECK_EQ(limits_enter(l, &a, &first, 1, slow, 60000000), LIMITS_FULL + (i >= 20));
    CHECK_EQ(limits_n_addresses(l), before - 200);
    limits_leave(l, &inside);
    limits_free(&l);
}
