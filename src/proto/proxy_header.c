/* SPDX-License-Identifier: MIT */
#include "proto/proxy_header.h"

#include <string.h>

enum {
    FIXED_BYTES = 16, /* of version 2 */
    LOCAL = 0x20,     /* version and command */
    PROXY = 0x21,
};

static const char v1_start[] = "PROXY ";
static const uint8_t v2_start[12] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                     0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};

void proxy_header_init(struct proxy_header *p)
{
    *p = (struct proxy_header){.n = 0};
}

/* Cut the word that ends at `end` off the front of [*at, stop). */
static bool next_word(const char **at, const char *stop, char end, const char **word,
                      size_t *len)
{
    const char *found = memchr(*at, end, (size_t)(stop - *at));

    if (!found || found == *at)
        return false;
    *word = *at;
    *len = (size_t)(found - *at);
    *at = found + 1;
    return true;
}

/* 0..65535 without a leading zero. */
static bool is_port(const char *text, size_t len)
{
    unsigned long value = 0;

    if (len > 5 || (len > 1 && *text == '0'))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (unsigned long)(text[i] - '0');
    }
    return value <= 65535;
}

/* An address in the family's own form: no IPv4 inside IPv6 and the reverse. */
static bool is_address(struct ip *out, const char *text, size_t len, bool is_v6)
{
    return (memchr(text, ':', len) != NULL) == is_v6 && ip_parse(out, text, len);
}

/* The line up to its CR: "PROXY TCP4 203.0.113.7 192.0.2.1 56324 443". Behind
 * UNKNOWN anything may stand, and is to be ignored (2.1). */
static enum proxy_result read_v1(struct proxy_header *p, const char *line, size_t len)
{
    static const char unknown[] = "UNKNOWN", v4[] = "TCP4 ", v6[] = "TCP6 ";
    const char *at = line + sizeof v1_start - 1, *stop = line + len, *word[4];
    size_t n[4], left = (size_t)(stop - at), n_unknown = sizeof unknown - 1;
    struct ip to;

    if (left >= n_unknown && memcmp(at, unknown, n_unknown) == 0)
        return left == n_unknown || at[n_unknown] == ' ' ? PROXY_DONE : PROXY_ERR_BAD;
    bool is_v6 = left >= 5 && memcmp(at, v6, 5) == 0;
    if (!is_v6 && (left < 5 || memcmp(at, v4, 5) != 0))
        return PROXY_ERR_BAD;
    at += 5;
    for (int i = 0; i < 4; i++)
        if (!next_word(&at, i < 3 ? stop : stop + 1, i < 3 ? ' ' : '\r', &word[i], &n[i]))
            return PROXY_ERR_BAD;
    if (!is_address(&p->client, word[0], n[0], is_v6) ||
        !is_address(&to, word[1], n[1], is_v6) || !is_port(word[2], n[2]) ||
        !is_port(word[3], n[3]))
        return PROXY_ERR_BAD;
    p->has_client = true;
    return PROXY_DONE;
}

static enum proxy_result feed_v1(struct proxy_header *p, uint8_t byte)
{
    bool was_cr = p->n > 0 && p->bytes[p->n - 1] == '\r';

    if (p->n < sizeof v1_start - 1 && byte != (uint8_t)v1_start[p->n])
        return PROXY_ERR_BAD;
    if (p->n == PROXY_V1_BYTES || byte == 0 || (byte == '\n') != was_cr)
        return PROXY_ERR_BAD;
    p->bytes[p->n++] = byte;
    return byte == '\n' ? read_v1(p, (const char *)p->bytes, p->n - 2) : PROXY_MORE;
}

/* Address bytes that this family and transport need; -1: not known (2.2). */
static int address_bytes(uint8_t family)
{
    switch (family) {
    case 0x00: return 0;       /* unspecified */
    case 0x11:                 /* TCP over IPv4 */
    case 0x12: return 12;      /* UDP */
    case 0x21:                 /* TCP over IPv6 */
    case 0x22: return 36;      /* UDP */
    case 0x31:                 /* Unix stream */
    case 0x32: return 2 * 108; /* and datagram */
    default: return -1;
    }
}

/* The 16 fixed bytes are there. The length comes first: an address that it does
 * not hold is never looked at. LOCAL's family is to be ignored (2.2). */
static enum proxy_result check_fixed(struct proxy_header *p)
{
    uint32_t len = (uint32_t)(p->bytes[14] << 8 | p->bytes[15]);
    int need = address_bytes(p->bytes[13]);

    if (FIXED_BYTES + len > PROXY_MAX_BYTES)
        return PROXY_ERR_LONG;
    if (p->bytes[12] != LOCAL && (need < 0 || len < (uint32_t)need))
        return PROXY_ERR_BAD;
    p->need = FIXED_BYTES + len;
    return PROXY_MORE;
}

static enum proxy_result read_v2(struct proxy_header *p)
{
    uint8_t family = p->bytes[13] >> 4;

    if (p->bytes[12] == PROXY && (family == 1 || family == 2)) {
        p->has_client = true;
        p->client = family == 1 ? ip_from_v4(p->bytes + FIXED_BYTES)
                                : ip_from_v6(p->bytes + FIXED_BYTES);
    }
    return PROXY_DONE;
}

static enum proxy_result feed_v2(struct proxy_header *p, uint8_t byte)
{
    enum proxy_result r = PROXY_MORE;

    if (p->n < sizeof v2_start && byte != v2_start[p->n])
        return PROXY_ERR_BAD;
    if (p->n == 12 && byte != LOCAL && byte != PROXY)
        return PROXY_ERR_BAD;
    if (p->n < PROXY_V2_BYTES) /* what follows the addresses is only counted */
        p->bytes[p->n] = byte;
    p->n++;
    if (p->n == FIXED_BYTES)
        r = check_fixed(p);
    return r == PROXY_MORE && p->n >= FIXED_BYTES && p->n == p->need ? read_v2(p) : r;
}

enum proxy_result proxy_header_feed(struct proxy_header *p, const uint8_t *bytes,
                                    size_t len, size_t *used)
{
    enum proxy_result r = PROXY_MORE;
    size_t at = 0;

    /* Their first bytes differ, so the first one tells which it is. */
    for (; at < len && r == PROXY_MORE; at++) {
        uint8_t first = p->n ? p->bytes[0] : bytes[at];
        r = first == v2_start[0] ? feed_v2(p, bytes[at]) : feed_v1(p, bytes[at]);
    }
    *used = at;
    return r;
}
