/* SPDX-License-Identifier: MIT */
/*
 * http_feed - feed one request to http_head at every split; for the tests of
 * http_head, its limits and ws_handshake.
 */
#pragma once

#include "unit.h"

#include "proto/http_head.h"

/* How requests begin. */
#define HOST    "Host: a.example\r\n"
#define GET     "GET / HTTP/1.1\r\n" HOST
#define POST    "POST /p HTTP/1.1\r\n" HOST
#define CHUNKED POST "Transfer-Encoding: Chunked\r\n\r\n"

static inline struct http_head *http_feed_head(void)
{
    struct http_head *h;

    CHECK_EQ(http_head_new(&h, &http_limits_default), 0);
    return h;
}

/* Feed in reads of `first` bytes, then `step` each, every one against a guard
 * page. *used counts over all reads. */
static inline enum http_result http_feed(struct http_head *h, const char *bytes, size_t n,
                                         size_t first, size_t step, size_t *used)
{
    enum http_result r = HTTP_MORE;

    *used = 0;
    for (size_t at = 0, len = first; at < n && r == HTTP_MORE; at += len, len = step) {
        size_t got;
        if (len > n - at)
            len = n - at;
        uint8_t *copy = unit_guarded(bytes + at, len);
        r = http_head_feed(h, copy, len, &got);
        if (r == HTTP_MORE)
            CHECK_EQ(got, len);
        *used += got;
        unit_guarded_free(copy, len);
    }
    return r;
}

/* The same result, at the same byte, in one read, in reads of one byte and at
 * every split into two? Leaves *h as after the last. Says what was wrong. */
static inline bool http_feed_all_ways(struct http_head *h, const char *bytes, size_t n,
                                      enum http_result want, size_t want_used)
{
    for (size_t i = 0; i <= n; i++) {
        size_t used, first = i == 0 ? 1 : i, step = i == 0 ? 1 : n;
        http_head_reset(h);
        enum http_result r = http_feed(h, bytes, n, first, step, &used);
        if (r != want || (r == HTTP_DONE && used != want_used)) {
            print_error("%d, %zu used, instead of %d, %zu; first read of %zu: %.200s\n", r,
                        used, want, want_used, first, bytes);
            return false;
        }
    }
    return true;
}
