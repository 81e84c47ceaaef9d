/* SPDX-License-Identifier: MIT */
/*
 * buf - a growing run of bytes for building messages.
 *
 * Writers append without checking each call: the first failed growth sets
 * `failed`, later appends do nothing, and the one check at the end sees it.
 * A buffer is meant to be kept and cleared, so a steady stream of messages
 * allocates nothing.
 *
 * Ownership: x_init/x_fini, the storage is yours. Thread: one owner.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
    uint8_t *data;
    size_t len, cap;
    size_t max;  /* growth past this fails; 0 means no limit of its own */
    bool failed; /* an append did not fit or memory was out; contents are useless */
};

/* An empty buffer that may hold up to `max` bytes (0: as much as there is). */
void buf_init(struct buf *b, size_t max);
void buf_fini(struct buf *b);

/* Empty it and forget a failure; the memory stays. */
void buf_clear(struct buf *b);

/* Cut back to `len` bytes, which must not be more than it has. */
void buf_truncate(struct buf *b, size_t len);

/* Room for `n` more bytes at the returned place, or NULL (and `failed`). The
 * bytes count only once buf_added() says so. */
uint8_t *buf_reserve(struct buf *b, size_t n);
void buf_added(struct buf *b, size_t n);

void buf_append(struct buf *b, const void *bytes, size_t n);
void buf_byte(struct buf *b, uint8_t byte);
void buf_text(struct buf *b, const char *text); /* without the closing NUL */
void buf_format(struct buf *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Drop `n` bytes from the front (moves the rest down). */
void buf_consume(struct buf *b, size_t n);
