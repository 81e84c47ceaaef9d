/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "proto/proxy_header.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"

/* Feed in reads of `step`; *used counts over all reads. */
static enum proxy_result feed(struct proxy_header *p, const void *bytes, size_t n,
                              size_t step, size_t *used)
{
    enum proxy_result r = PROXY_MORE;

    proxy_header_init(p);
    *used = 0;
    for (size_t at = 0; at < n && r == PROXY_MORE; at += step) {
        size_t len = n - at < step ? n - at : step, k;
        uint8_t *copy = unit_guarded((const uint8_t *)bytes + at, len);
        r = proxy_header_feed(p, copy, len, &k);
        CHECK(k <= len && (r != PROXY_MORE || k == len));
        *used += k;
        unit_guarded_free(copy, len);
    }
    return r;
}

/* The header is taken, whatever is behind it, and says this; "": nothing. */
static void check_says(const void *bytes, size_t n, const char *client)
{
    uint8_t with_more[PROXY_MAX_BYTES + 8];

    memcpy(with_more, bytes, n);
    memcpy(with_more + n, "GET /", 5);
    for (size_t step = 1; step <= n + 5; step += 1 + step / 8) {
        char text[IP_TEXT_BYTES] = "";
        struct proxy_header p;
        size_t used;
        CHECK_EQ(feed(&p, with_more, n + 5, step, &used), PROXY_DONE);
        CHECK_EQ(used, n);
        if (p.has_client)
            ip_format(&p.client, text);
        CHECK_STR(text, client);
        CHECK_EQ(feed(&p, bytes, n - 1, step, &used), PROXY_MORE);
    }
}

static void check_refused(const void *bytes, size_t n, enum proxy_result want)
{
    for (size_t step = 1; step <= n; step++) {
        struct proxy_header p;
        size_t used;
        CHECK_EQ(feed(&p, bytes, n, step, &used), want);
        CHECK(!p.has_client);
    }
}

TEST(proxy_v1, "a line of version 1 names the client")
{
    static const struct {
        const char *line, *client;
    } cases[] = {
        {"PROXY TCP4 203.0.113.7 192.0.2.1 56324 443\r\n",             "203.0.113.7"    },
        {"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255"},
        {"PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n",                         "0.0.0.0"        },
        {"PROXY TCP6 2001:db8::7 ::1 56324 443\r\n",                   "2001:db8::7"    },
        {"PROXY TCP6 ::ffff:203.0.113.7 ::1 1 2\r\n",                  "203.0.113.7"    },
        {"PROXY UNKNOWN\r\n",                                          ""               },
        {"PROXY UNKNOWN ffff::1 anything 65535 x\r\n",                 ""               },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_says(cases[i].line, strlen(cases[i].line), cases[i].client);
}

TEST(proxy_v1_longest, "the longest line passes, one byte more does not")
{
    static const char longest[] = "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
                                  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n";
    char longer[PROXY_V1_BYTES + 1];

    CHECK_EQ(sizeof longest - 1, PROXY_V1_BYTES);
    check_says(longest, PROXY_V1_BYTES, "");
    memcpy(longer, longest, PROXY_V1_BYTES - 2);
    memcpy(longer + PROXY_V1_BYTES - 2, "x\r\n", 3);
    check_refused(longer, sizeof longer, PROXY_ERR_BAD);
}

TEST(proxy_v1_bad, "what is not exactly such a line is refused")
{
    static const char *const cases[] = {
        "GET / HTTP/1.1\r\n",
        "proxy TCP4 203.0.113.7 192.0.2.1 1 2\r\n",
        "PROXY\r\n",
        "PROXY \r\n",
        "PROXY TCP5 203.0.113.7 192.0.2.1 1 2\r\n",
        "PROXY TCP4\r\n",
        "PROXY TCP4 203.0.113.7\r\n",
        "PROXY TCP4 203.0.113.7 192.0.2.1 1\r\n",
        "PROXY TCP4 203.0.113.7 192.0.2.1 1 \r\n",
        "PROXY TCP4 203.0.113.7 192.0.2.1 1 2 \r\n",
        "PROXY TCP4 203.0.113.7 192.0.2.1 1 2 3\r\n",
        "PROXY TCP4  203.0.113.7 192.0.2.1 1 2\r\n",
        "PROXY TCP4 203.0.113.7 192.0.2.1  1 2\r\n",
        "PROXY TCP4 203.0.113.7 192.0.2.1 65536 2\r\n",
        "PROXY TCP4 203.0.113.7 192.0.2.1 1 99999\r\n",
        "PROXY TCP4 203.0.113.7 192.0.2.1 -1 2\r\n",
        "PROXY TCP4 203.0.113.7 192.0.2.1 01 2\r\n",
        "PROXY TCP4 203.0.113.7 192.0.2.1 x 2\r\n",
        "PROXY TCP4 203.0.113.256 192.0.2.1 1 2\r\n",
        "PROXY TCP4 203.0.113.7 localhost 1 2\r\n",
        "PROXY TCP4 ::1 ::1 1 2\r\n",
        "PROXY TCP6 203.0.113.7 192.0.2.1 1 2\r\n",
        "PROXY TCP6 2001:db8::g ::1 1 2\r\n",
        "PROXY UNKNOWNS\r\n",
        "PROXY UNKNOWN\n",
        "PROXY UNKNOWN \r \r\n",
        "\n",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_refused(cases[i], strlen(cases[i]), PROXY_ERR_BAD);
    check_refused("PROXY UNKNOWN \0\r\n", 17, PROXY_ERR_BAD);
}

/* A header of version 2; returns its length. */
static size_t v2(uint8_t *out, uint8_t command, uint8_t family, size_t announced,
                 const void *rest, size_t n)
{
    memcpy(out, SIGNATURE, 12);
    out[12] = command;
    out[13] = family;
    out[14] = (uint8_t)(announced >> 8);
    out[15] = (uint8_t)announced;
    memcpy(out + 16, rest, n);
    return 16 + n;
}

static const uint8_t v4_rest[12] = {203, 0, 113, 7, 192, 0, 2, 1, 0xdc, 4, 1, 0xbb};
static const uint8_t v6_rest[36] = {0x20, 0x01, 0x0d, 0xb8, [15] = 7, [31] = 1};
static const uint8_t unix_rest[216] = "/run/x";

TEST(proxy_v2, "version 2 names the client of IPv4 and IPv6, and nobody else")
{
    uint8_t all[PROXY_MAX_BYTES];

    check_says(all, v2(all, 0x21, 0x11, 12, v4_rest, 12), "203.0.113.7");
    check_says(all, v2(all, 0x21, 0x12, 12, v4_rest, 12), "203.0.113.7");
    check_says(all, v2(all, 0x21, 0x21, 36, v6_rest, 36), "2001:db8::7");
    check_says(all, v2(all, 0x21, 0x22, 36, v6_rest, 36), "2001:db8::7");
    check_says(all, v2(all, 0x21, 0x31, 216, unix_rest, 216), "");
    check_says(all, v2(all, 0x21, 0x00, 0, "", 0), "");
    /* A health check of the proxy's own: whatever else it says does not count. */
    check_says(all, v2(all, 0x20, 0x00, 0, "", 0), "");
    check_says(all, v2(all, 0x20, 0x11, 12, v4_rest, 12), "");
    check_says(all, v2(all, 0x20, 0x21, 5, v6_rest, 5), "");
    check_says(all, v2(all, 0x20, 0xff, 3, v6_rest, 3), "");
}

TEST(proxy_v2_tlvs, "what follows the addresses is skipped, up to 4 KiB in all")
{
    uint8_t rest[PROXY_MAX_BYTES - 16 + 1], all[PROXY_MAX_BYTES + 1];

    memset(rest, 0xee, sizeof rest);
    memcpy(rest, v4_rest, 12);
    check_says(all, v2(all, 0x21, 0x11, 15, rest, 15), "203.0.113.7");
    check_says(all, v2(all, 0x21, 0x11, 4080, rest, 4080), "203.0.113.7");
    check_refused(all, v2(all, 0x21, 0x11, 4081, "", 0), PROXY_ERR_LONG);
    check_refused(all, v2(all, 0x20, 0x00, 65535, "", 0), PROXY_ERR_LONG);
}

TEST(proxy_v2_bad, "short addresses, unknown families and versions are refused")
{
    uint8_t all[PROXY_MAX_BYTES];

    check_refused(all, v2(all, 0x21, 0x11, 11, v4_rest, 11), PROXY_ERR_BAD);
    check_refused(all, v2(all, 0x21, 0x11, 0, "", 0), PROXY_ERR_BAD);
    check_refused(all, v2(all, 0x21, 0x21, 35, v6_rest, 35), PROXY_ERR_BAD);
    check_refused(all, v2(all, 0x21, 0x21, 12, v4_rest, 12), PROXY_ERR_BAD);
    check_refused(all, v2(all, 0x21, 0x31, 215, unix_rest, 215), PROXY_ERR_BAD);
    check_refused(all, v2(all, 0x21, 0x13, 12, v4_rest, 12), PROXY_ERR_BAD);
    check_refused(all, v2(all, 0x21, 0x41, 12, v4_rest, 12), PROXY_ERR_BAD);
    check_refused(all, v2(all, 0x11, 0x11, 12, v4_rest, 12), PROXY_ERR_BAD);
    check_refused(all, v2(all, 0x22, 0x11, 12, v4_rest, 12), PROXY_ERR_BAD);
    for (size_t i = 0; i < 12; i++) {
        size_t n = v2(all, 0x21, 0x11, 12, v4_rest, 12);
        all[i] ^= 1;
        check_refused(all, n, PROXY_ERR_BAD);
    }
}
