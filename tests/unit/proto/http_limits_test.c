/* SPDX-License-Identifier: MIT */
/*
 * http_limits_test - what http_head takes of a request before it refuses to go on.
 */
#include "http_feed.h"
#include "unit.h"
#include <string.h>

#include "base/buf.h"
#include "proto/http_head.h"

/* `text` followed by n times `again`. */
static void put_many(struct buf *b, const char *text, const char *again, size_t n)
{
    buf_text(b, text);
    for (size_t i = 0; i < n; i++)
        buf_text(b, again);
}

/* In one read, in reads of 1 000 bytes, and (without a guard page for each) of
 * one byte; the error comes before more than `at_most` bytes have been used. */
static void check_limit(struct buf *b, enum http_result want, size_t at_most)
{
    static const size_t steps[] = {1, 1000, SIZE_MAX};
    struct http_head *h = http_feed_head();

    CHECK(!b->failed);
    for (size_t i = 0; i < 3; i++) {
        enum http_result r = HTTP_MORE;
        size_t used, at = 0;
        http_head_reset(h);
        while (at < b->len && r == HTTP_MORE) {
            size_t len = b->len - at < steps[i] ? b->len - at : steps[i];
            r = http_head_feed(h, b->data + at, len, &used);
            at += used;
        }
        CHECK_EQ(r, want);
        CHECK(at <= at_most);
    }
    http_head_free(&h);
    buf_fini(b);
}

TEST(limits,
     "H30-H32: head, headers and target have limits, known at the byte that breaks them")
{
    struct buf b;
    const struct http_limits *l = &http_limits_default;

    buf_init(&b, 0);
    put_many(&b, GET "X: ", "x", 64 << 10);
    check_limit(&b, HTTP_ERR_HEAD, l->max_head);
    put_many(&b, GET, "a: b\r\n", 3000);
    check_limit(&b, HTTP_ERR_HEAD, sizeof GET + 6 * l->max_headers);
    put_many(&b, "GET /", "x", 64 << 10);
    check_limit(&b, HTTP_ERR_URI, 5 + l->max_target);
    put_many(&b, "", "G", 64 << 10);
    check_limit(&b, HTTP_ERR_METHOD, l->max_head);

    /* the limits themselves are allowed */
    put_many(&b, GET, "a: b\r\n", l->max_headers - 1);
    buf_text(&b, "\r\n");
    check_limit(&b, HTTP_DONE, b.len);
    put_many(&b, "GET /", "x", l->max_target - 1);
    buf_text(&b, " HTTP/1.1\r\n" HOST "\r\n");
    check_limit(&b, HTTP_DONE, b.len);
    put_many(&b, "GET /", "x", l->max_target);
    buf_text(&b, " HTTP/1.1\r\n" HOST "\r\n");
    check_limit(&b, HTTP_ERR_URI, 5 + l->max_target);
    for (size_t more = 0; more < 2; more++) {
        size_t fixed = strlen(GET "X: \r\n\r\n");
        put_many(&b, GET "X: ", "x", l->max_head - fixed + more);
        buf_text(&b, "\r\n\r\n");
        check_limit(&b, more ? HTTP_ERR_HEAD : HTTP_DONE, l->max_head);
    }
}

TEST(body_limits, "a body above the limit is refused as soon as its size is announced")
{
    struct buf b;
    size_t max = http_limits_default.max_body, head;

    buf_init(&b, 0);
    buf_format(&b, POST "Content-Length: %zu\r\n\r\n", max + 1);
    check_limit(&b, HTTP_ERR_BODY, b.len);
    buf_format(&b, POST "Content-Length: %zu\r\n\r\n", max);
    put_many(&b, "", "x", max);
    check_limit(&b, HTTP_DONE, b.len);
    buf_format(&b, POST "Content-Length: 9999999999999999\r\n\r\n");
    check_limit(&b, HTTP_ERR_BODY, b.len);

    buf_format(&b, CHUNKED "%zx\r\n", max + 1);
    check_limit(&b, HTTP_ERR_BODY, b.len);
    buf_format(&b, CHUNKED "%zx\r\n", max);
    put_many(&b, "", "x", max);
    head = b.len;
    put_many(&b, "\r\n", "1\r\nx", 1);
    check_limit(&b, HTTP_ERR_BODY, head + 5);

    /* framing without end: extensions, trailers, zeros */
    put_many(&b, CHUNKED "1;x=", "x", 10 * max);
    check_limit(&b, HTTP_ERR_BODY, b.len);
    put_many(&b, CHUNKED "0\r\nX: ", "x", http_limits_default.max_head);
    check_limit(&b, HTTP_ERR_HEAD, strlen(CHUNKED "0\r\n") + http_limits_default.max_head);
    put_many(&b, CHUNKED "0\r\n", "X: y\r\n", http_limits_default.max_headers);
    buf_text(&b, "\r\n");
    check_limit(&b, HTTP_DONE, b.len);
    put_many(&b, CHUNKED "0\r\n", "X: y\r\n", http_limits_default.max_headers + 1);
    check_limit(&b, HTTP_ERR_HEAD, b.len - strlen("X: y\r\n"));
    put_many(&b, CHUNKED, "0", 10 * max);
    check_limit(&b, HTTP_ERR_BODY, b.len);
    put_many(&b, CHUNKED, "1\r\nx\r\n", max);
    buf_text(&b, "0\r\n\r\n");
    check_limit(&b, HTTP_DONE, b.len);
}
