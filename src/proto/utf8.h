/* SPDX-License-Identifier: MIT */
/*
 * utf8 - validation that can stop and go on at any byte (RFC 3629).
 *
 * Refuses overlong forms, surrogates and code points past U+10FFFF at the
 * first byte that makes the text impossible, as RFC 6455 8.1 wants.
 *
 * Thread: any; the state is a value of the caller's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct utf8 {
    uint8_t need;      /* continuation bytes still to come */
    uint8_t low, high; /* allowed range of the next one */
};

void utf8_init(struct utf8 *u);

/* Feed `len` more bytes; false at the first impossible byte (final). */
bool utf8_feed(struct utf8 *u, const void *bytes, size_t len);

/* Nothing of a code point is missing. */
bool utf8_is_complete(const struct utf8 *u);

/* All of `text` is valid UTF-8. */
bool utf8_is_valid(const void *text, size_t len);
