/* SPDX-License-Identifier: MIT */
/*
 * http_text - slices of an HTTP head and what is asked of them: equality
 * without case, lists, tokens, percent decoding (RFC 9110 5.6, RFC 3986 2.1).
 *
 * Pure, and ASCII whatever the locale. A slice borrows; who made it says until
 * when. Thread: any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct http_text {
    const char *at; /* borrows; not NUL-terminated */
    size_t len;
};

/* Without spaces and tabs at both ends. */
struct http_text http_text_trim(struct http_text t);

bool http_text_is(struct http_text t, const char *text);        /* to the byte */
bool http_text_is_nocase(struct http_text t, const char *text); /* A-Z count as a-z */
bool http_text_equals_nocase(struct http_text a, struct http_text b);
bool http_text_starts_nocase(struct http_text t, const char *prefix);

/* At least one byte, all of them allowed in a token. */
bool http_text_is_token(struct http_text t);

/* host or host:port as in RFC 3986 3.2.2: a name, an IPv4 address or an IPv6
 * address in brackets; not empty, no user name. */
bool http_text_is_host(struct http_text t);

/* Cut the first element off a comma-separated list, trimmed; false when there
 * is none left. An empty list has one empty element. */
bool http_text_next(struct http_text *rest, struct http_text *element);

/* Decode %XX (and '+' as space where `plus`) into out, which must hold `len`
 * bytes. Returns the length, or -1 for a bad escape or a NUL. */
int http_decode(char *out, const char *text, size_t len, bool plus);
