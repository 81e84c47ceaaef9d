/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "proto/utf8.h"

/* What RFC 3629 says, by decoding: slow and plain, to compare with. */
static bool is_valid_by_definition(const uint8_t *p, size_t n)
{
    static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};

    while (n > 0) {
        size_t more = *p < 0x80         ? 0
                      : *p >> 5 == 0x06 ? 1
                      : *p >> 4 == 0x0e ? 2
                      : *p >> 3 == 0x1e ? 3
                                        : 9;
        if (more == 9 || more >= n)
            return false;
        uint32_t c = more == 0 ? *p : *p & (0x3fu >> more);
        for (size_t i = 1; i <= more; i++) {
            if (p[i] >> 6 != 2)
                return false;
            c = c << 6 | (p[i] & 0x3fu);
        }
        if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
            return false;
        p += more + 1;
        n -= more + 1;
    }
    return true;
}

TEST(definition, "every start of two bytes with telling third and fourth ones agrees "
                 "with a decoder")
{
    static const uint8_t telling[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0xbf, 0xc0, 0xff};

    for (unsigned start = 0; start < 0x10000; start++)
        for (size_t i = 0; i < sizeof telling * sizeof telling; i++) {
            uint8_t p[4] = {(uint8_t)(start >> 8), (uint8_t)start,
                            telling[i / sizeof telling], telling[i % sizeof telling]};
            for (size_t n = 1; n <= 4; n++)
                if (utf8_is_valid(p, n) != is_valid_by_definition(p, n))
                    fail_msg("%02x %02x %02x %02x, %zu bytes", p[0], p[1], p[2], p[3], n);
        }
}

/* Feed one byte at a time; the index of the byte that was refused, or -1. */
static int refused_at(const uint8_t *p, size_t n)
{
    struct utf8 u;

    utf8_init(&u);
    for (size_t i = 0; i < n; i++)
        if (!utf8_feed(&u, p + i, 1))
            return (int)i;
    return -1;
}

TEST(first_impossible, "the first byte that makes the text impossible is refused, not a "
                       "later one")
{
    static const struct {
        const char *bytes;
        size_t n;
        int at;
    } cases[] = {
        {"a\x80",                                            2,  1 }, /* continuation without a start */
        {"\xc0\xaf",                                         2,  0 }, /* overlong */
        {"\xc1\xbf",                                         2,  0 }, /* overlong */
        {"\xe0\x9f\xbf",                                     3,  1 }, /* overlong, seen at the second byte */
        {"\xf0\x8f\xbf\xbf",                                 4,  1 }, /* overlong */
        {"\xed\xa0\x80",                                     3,  1 }, /* surrogate */
        {"\xf4\x90\x80\x80",                                 4,  1 }, /* past U+10FFFF */
        {"\xf5\x80\x80\x80",                                 4,  0 }, /* far past it */
        {"\xe2\x82"
         "a",                                       3,  2 }, /* cut by another character */
        {"\xf0\x9f\x98\xc0",                                 4,  3 }, /* cut at its last byte */
        {"\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf\xc2\x80", 12, -1}, /* the edges */
        {"\xe0\xa0\x80\xf0\x90\x80\x80",                     7,  -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CHECK_EQ(refused_at((const uint8_t *)cases[i].bytes, cases[i].n), cases[i].at);
}

TEST(splits, "text means the same wherever it is split, and a cut is seen")
{
    static const char text[] =
        "plain, \xc3\xa9, \xe2\x82\xac, \xf0\x9f\x90\xb8, plain again";
    size_t n = sizeof text - 1;
    uint8_t *p = unit_guarded(text, n);

    for (size_t cut = 0; cut <= n; cut++) {
        struct utf8 u;
        utf8_init(&u);
        CHECK(utf8_feed(&u, p, cut));
        CHECK_EQ(utf8_is_complete(&u), utf8_is_valid(p, cut));
        CHECK(utf8_feed(&u, p + cut, n - cut));
        CHECK(utf8_is_complete(&u));
    }
    unit_guarded_free(p, n);
}

TEST(fast_path, "one bad byte is found at any place of a long ASCII text, at any alignment")
{
    char text[48];

    for (size_t align = 0; align < 8; align++)
        for (size_t bad = align; bad < sizeof text; bad++) {
            memset(text, 'a', sizeof text);
            CHECK(utf8_is_valid(text + align, sizeof text - align));
            text[bad] = '\xff';
            CHECK(!utf8_is_valid(text + align, sizeof text - align));
        }
}

TEST(final, "after a refusal nothing is valid any more")
{
    struct utf8 u;

    utf8_init(&u);
    CHECK(!utf8_feed(&u, "\xff", 1));
    CHECK(!utf8_is_complete(&u));
    CHECK(!utf8_feed(&u, "a", 1));
    CHECK(!utf8_feed(&u, "\x80", 1));
}

TEST(empty, "an empty text is valid, an open character is not")
{
    CHECK(utf8_is_valid("", 0));
    CHECK(!utf8_is_valid("\xc3", 1));
    CHECK(!utf8_is_valid("ok \xf0\x9f\x90", 6));
}
