/* SPDX-License-Identifier: MIT */
#include "proto/ip.h"

#include <arpa/inet.h>
#include <string.h>

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

struct ip ip_from_v4(const uint8_t bytes[4])
{
    struct ip ip;

    memcpy(ip.bytes, mapped, sizeof mapped);
    memcpy(ip.bytes + sizeof mapped, bytes, 4);
    return ip;
}

struct ip ip_from_v6(const uint8_t bytes[16])
{
    struct ip ip;

    memcpy(ip.bytes, bytes, sizeof ip.bytes);
    return ip;
}

bool ip_is_v4(const struct ip *ip)
{
    return memcmp(ip->bytes, mapped, sizeof mapped) == 0;
}

bool ip_is_loopback(const struct ip *ip)
{
    static const uint8_t one[16] = {[15] = 1};

    return ip_is_v4(ip) ? ip->bytes[12] == 127 : memcmp(ip->bytes, one, sizeof one) == 0;
}

bool ip_parse(struct ip *out, const char *text, size_t len)
{
    char copy[IP_TEXT_BYTES];
    uint8_t bytes[16];

    if (len == 0 || len >= sizeof copy || memchr(text, 0, len))
        return false;
    memcpy(copy, text, len);
    copy[len] = 0;
    if (inet_pton(AF_INET, copy, bytes) == 1)
        *out = ip_from_v4(bytes);
    else if (inet_pton(AF_INET6, copy, bytes) == 1)
        *out = ip_from_v6(bytes);
    else
        return false;
    return true;
}

static bool is_port(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] < '0' || text[i] > '9')
            return false;
    return len >= 1 && len <= 5;
}

bool ip_parse_node(struct ip *out, const char *text, size_t len)
{
    if (len > 0 && *text == '[') {
        const char *end = memchr(text, ']', len);
        size_t n = end ? (size_t)(end - text) : 0;
        if (!end || !ip_parse(out, text + 1, n - 1) || ip_is_v4(out))
            return false;
        return n + 1 == len || (text[n + 1] == ':' && is_port(text + n + 2, len - n - 2));
    }
    const char *colon = len > 0 ? memchr(text, ':', len) : NULL;
    size_t n = colon ? (size_t)(colon - text) : len;
    /* One colon is a port's, more are an IPv6 address. */
    if (colon && !memchr(colon + 1, ':', len - n - 1))
        return is_port(colon + 1, len - n - 1) && ip_parse(out, text, n);
    return ip_parse(out, text, len);
}

void ip_format(const struct ip *ip, char out[IP_TEXT_BYTES])
{
    if (ip_is_v4(ip))
        inet_ntop(AF_INET, ip->bytes + sizeof mapped, out, IP_TEXT_BYTES);
    else
        inet_ntop(AF_INET6, ip->bytes, out, IP_TEXT_BYTES);
}

/* The first `bits` bits of both are the same. */
static bool is_same_start(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;

    if (memcmp(a, b, whole) != 0)
        return false;
    return rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

bool ip_net_parse(struct ip_net *out, const char *text, size_t len)
{
    const char *slash = len > 0 ? memchr(text, '/', len) : NULL;
    size_t n = slash ? (size_t)(slash - text) : len;
    unsigned most, bits = 0;

    if (!ip_parse(&out->ip, text, n))
        return false;
    /* By how it is written: ::ffff:0:0/96 is a network of IPv6, and all of IPv4. */
    most = memchr(text, ':', n) ? 128 : 32;
    if (slash) {
        size_t digits = len - n - 1;
        if (digits < 1 || digits > 3 || !is_port(slash + 1, digits))
            return false;
        for (size_t i = 1; i <= digits; i++)
            bits = bits * 10 + (unsigned)(slash[i] - '0');
        if (bits > most)
            return false;
    } else {
        bits = most;
    }
    out->bits = (uint8_t)(128 - most + bits);
    for (unsigned i = out->bits; i < 128; i++)
        if (out->ip.bytes[i / 8] & 0x80 >> i % 8)
            return false;
    return true;
}

bool ip_net_holds(const struct ip_net *net, const struct ip *ip)
{
    return is_same_start(net->ip.bytes, ip->bytes, net->bits);
}
