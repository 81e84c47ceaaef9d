/* SPDX-License-Identifier: MIT */
/*
 * http_scan - where a request's head or trailer ends, byte by byte, and the rules
 * about lines that llhttp does not keep or keeps too late.
 *
 * Refused here: NUL, a CR or LF without the other, lines that begin with white
 * space (obs-fold), a third space in the request line, and whatever exceeds a limit, at the
 * byte at which that is known. So the answer never depends on how the network cuts a head.
 *
 * Pure; no memory but the struct. Thread: one owner.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/http_head.h"

struct http_scan {
    size_t n_bytes, n_target, n_headers;
    size_t line_bytes; /* of the current line, without its end */
    size_t n_spaces;   /* in the request line; the target follows the first */
    bool in_headers;   /* the request line is over */
    bool cr;           /* the last byte was a CR */
};

void http_scan_init(struct http_scan *s); /* for a head: a request line comes first */
void http_scan_init_trailer(struct http_scan *s); /* for headers alone; they may be none */

/* Look at more bytes of a head or trailer. *n_clean is how many of them belong to it and
 * break no rule. HTTP_MORE: all of them; HTTP_DONE: it ends behind them; an error: the
 * next one, or the length so far, is wrong. */
enum http_result http_scan_feed(struct http_scan *s, const struct http_limits *limits,
                                const uint8_t *bytes, size_t len, size_t *n_clean);
