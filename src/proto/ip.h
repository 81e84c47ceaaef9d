/* SPDX-License-Identifier: MIT */
/*
 * ip - internet addresses as text and as 16 bytes, and networks of them.
 *
 * IPv4 is kept as IPv6 shows it (::ffff:203.0.113.7, RFC 4291 2.5.5.2), so one
 * comparison serves both; as text it is IPv4 again. Pure; no look-up of names.
 *
 * Thread: any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { IP_TEXT_BYTES = 46 }; /* the longest address and its NUL */

struct ip {
    uint8_t bytes[16];
};

struct ip_net {
    struct ip ip;
    uint8_t bits; /* of the 128 */
};

struct ip ip_from_v4(const uint8_t bytes[4]);
struct ip ip_from_v6(const uint8_t bytes[16]);

bool ip_is_v4(const struct ip *ip);
bool ip_is_loopback(const struct ip *ip); /* 127.0.0.0/8 or ::1 */

/* "203.0.113.7" or "2001:db8::1"; nothing before it, nothing after it. */
bool ip_parse(struct ip *out, const char *text, size_t len);

/* As X-Forwarded-For has it, also with a port: "203.0.113.7:80", "[2001:db8::1]",
 * "[2001:db8::1]:80". */
bool ip_parse_node(struct ip *out, const char *text, size_t len);

void ip_format(const struct ip *ip, char out[IP_TEXT_BYTES]);

/* "10.0.0.0/8", "2001:db8::/32", or an address alone. Bits behind the length
 * must be zero: who writes 10.1.2.3/8 has probably meant something else. */
bool ip_net_parse(struct ip_net *out, const char *text, size_t len);
bool ip_net_holds(const struct ip_net *net, const struct ip *ip);
