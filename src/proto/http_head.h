/* SPDX-License-Identifier: MIT */
/*
 * http_head - an HTTP/1.1 request read strictly: bytes in, head (and a small
 * body) out (RFC 9110, 9112), on llhttp.
 *
 * Pure: no sockets, no clock. What llhttp lets pass and we do not: two Hosts,
 * no Host, obs-fold, bare LF, transfer codings other than chunked, TE together
 * with Content-Length, a target that is not origin-form or absolute-form,
 * HTTP versions other than 1.x.
 *
 * Ownership: http_head_init/fini; method, target and headers borrow from the
 * parser's own buffer until http_head_reset() or fini. Thread: one owner.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/http_text.h"

struct http_header {
    struct http_text name, value; /* value without surrounding white space */
};

enum http_result {
    HTTP_MORE = 0,          /* all bytes used, the request is not complete yet */
    HTTP_DONE = 1,          /* a whole request is there; *used tells where it ends */
    HTTP_ERR_BAD = -400,    /* malformed */
    HTTP_ERR_BODY = -413,   /* body above max_body */
    HTTP_ERR_URI = -414,    /* target above max_target */
    HTTP_ERR_HEAD = -431,   /* head above max_head or max_headers */
    HTTP_ERR_CODING = -501, /* a transfer coding that is not chunked */
    HTTP_ERR_METHOD = -501, /* a method that nobody knows; the same answer */
    HTTP_ERR_VERSION = -505,
    HTTP_ERR_MEMORY = -503,
};

/* Limits in bytes (max_headers: a count). */
struct http_limits {
    size_t max_head, max_target, max_headers, max_body;
};

/* 16 KiB head, 4 KiB target, 64 headers, 64 KiB body. */
extern const struct http_limits http_limits_default;

struct http_head; /* parser and result in one */

int http_head_new(struct http_head **out,
                  const struct http_limits *limits); /* 0 or -ENOMEM */
void http_head_free(struct http_head **h);

/* Forget the request and be ready for the next on the same connection. */
void http_head_reset(struct http_head *h);

/* Feed bytes. On HTTP_DONE *used is how many of `len` belong to this request
 * (the rest is the next one, or frames after an upgrade); otherwise it is len.
 * Errors are final: their value is minus the status to answer with. A request
 * with `Upgrade` and `Connection: upgrade` is done at the end of its head. */
enum http_result http_head_feed(struct http_head *h, const uint8_t *bytes, size_t len,
                                size_t *used);

/* Some byte of a request has been seen (for the difference between an idle
 * keep-alive connection and one that stalls in a head). */
bool http_head_is_started(const struct http_head *h);

/* The client sent `Expect: 100-continue` with HTTP/1.1 and no byte of a body has
 * come: answer 100 first. Ask after HTTP_MORE, and after HTTP_DONE too: a request
 * that has no body may expect it all the same. */
bool http_head_wants_continue(const struct http_head *h);

/* Valid after HTTP_DONE. */
struct http_text http_head_method(const struct http_head *h); /* "GET" */
struct http_text
http_head_path(const struct http_head *h); /* raw, starts with '/'; no query */
struct http_text http_head_query(const struct http_head *h); /* without '?', may be empty */
struct http_text http_head_body(const struct http_head *h);
/* host[:port] that the request is for: from an absolute target, else from Host
 * (RFC 9112 3.2.2). Empty only in HTTP/1.0. */
struct http_text http_head_host(const struct http_head *h);
int http_head_minor_version(const struct http_head *h); /* 0, or 1: that or above */
bool http_head_keeps_alive(const struct http_head *h);
bool http_head_wants_upgrade(const struct http_head *h); /* to WebSocket */
size_t http_head_n_headers(const struct http_head *h);
const struct http_header *http_head_header(const struct http_head *h, size_t i);

/* The value of the header of this name (lower case; compared without case), or
 * {NULL, 0}. *count, where not NULL, tells how many there are. */
struct http_text http_head_find(const struct http_head *h, const char *name, size_t *count);

/* Is `token` among the comma-separated elements of any header `name`?
 * Compared without case. */
bool http_head_has_token(const struct http_head *h, const char *name, const char *token);
