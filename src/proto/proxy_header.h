/* SPDX-License-Identifier: MIT */
/*
 * proxy_header - the PROXY protocol, versions 1 and 2: what a proxy says about
 * the client before the client's own bytes
 * (https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt).
 *
 * Strict: what is not exactly as the text has it is an error, whether we could
 * guess its meaning or not; lengths are checked before what they bound is
 * looked at. TLVs are skipped. A header is at most 4 KiB. Pure.
 *
 * Ownership: by value; keeps no pointer to your bytes. Thread: one owner.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/ip.h"

enum {
    PROXY_V1_BYTES = 107,     /* the longest line, with its CR LF */
    PROXY_V2_BYTES = 16 + 36, /* the fixed part and two IPv6 addresses with ports */
    PROXY_MAX_BYTES = 4096,
};

enum proxy_result {
    PROXY_MORE = 0,      /* all bytes used, the header is not complete yet */
    PROXY_DONE = 1,      /* *used tells where it ends */
    PROXY_ERR_BAD = -1,  /* no PROXY header, or a malformed one */
    PROXY_ERR_LONG = -2, /* above PROXY_MAX_BYTES */
};

struct proxy_header {
    uint8_t bytes[PROXY_V1_BYTES];
    uint32_t n;      /* seen so far, TLVs included */
    uint32_t need;   /* of version 2, once its length is known */
    bool has_client; /* valid after PROXY_DONE: false for LOCAL and UNKNOWN, and for
                      * families that have no IP: the peer is then what it is */
    struct ip client;
};

void proxy_header_init(struct proxy_header *p);

/* Feed bytes; on PROXY_DONE *used is how many of `len` belong to the header.
 * Errors are final, and come with the first byte that is wrong. */
enum proxy_result proxy_header_feed(struct proxy_header *p, const uint8_t *bytes,
                                    size_t len, size_t *used);
