/* SPDX-License-Identifier: MIT */
/*
 * http_range - which part of a thing, and in which coding, a request wants it (RFC
 * 9110 12.5.3, 13.1.5, 14.2).
 *
 * Pure. Thread: any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/http_head.h"

enum http_range_kind {
    HTTP_RANGE_ALL,  /* no range is asked for, or none that we understand */
    HTTP_RANGE_PART, /* *first to *last, both included and inside */
    HTTP_RANGE_NONE, /* there is no such part: 416 */
};

/* What a GET wants of something that is `size` bytes long and whose strong entity
 * tag is `etag` ("" where it has none). Several ranges at once are not served in
 * parts: the whole is always a right answer. */
enum http_range_kind http_range_read(const struct http_head *h, uint64_t size,
                                     const char *etag, uint64_t *first, uint64_t *last);

/* How much the client likes this content coding, in thousandths; 0: not at all. It
 * may be named or meant by "*". Without Accept-Encoding nothing but the plain form is
 * liked. */
unsigned http_range_coding(const struct http_head *h, const char *coding);
