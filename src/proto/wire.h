/* SPDX-License-Identifier: MIT */
/*
 * wire - cursors over the values of PROTOCOL.md: read with wire_in, write to
 * a buf.
 *
 * A reader never steps past its end: the first value that is cut, not minimal
 * or out of range sets `failed`, and every later read returns 0. So a record is
 * read in one go and checked once at its end.
 *
 * Ownership: slices that a reader returns borrow from its input. Thread: any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct wire_in {
    const uint8_t *at, *end;
    bool failed;
};

struct wire_str {
    const char *text; /* borrows; not NUL-terminated; valid UTF-8 */
    size_t len;
};

/* `bytes` may be NULL where there are none; what reads them never sees that. */
static inline struct wire_in wire_from(const void *bytes, size_t len)
{
    const uint8_t *p = bytes ? bytes : (const uint8_t *)"";
    return (struct wire_in){p, p + len, false};
}

static inline size_t wire_left(const struct wire_in *in)
{
    return (size_t)(in->end - in->at);
}

uint8_t wire_u8(struct wire_in *in);
uint16_t wire_u16(struct wire_in *in);
uint32_t wire_u32(struct wire_in *in);
float wire_f32(struct wire_in *in);
double wire_f64(struct wire_in *in);

/* `n` bytes, 1 to 4, as an unsigned number. */
uint32_t wire_bytes_le(struct wire_in *in, unsigned n);

/* uv, at most 2^32 - 1: counts, lengths, ids, uint fields. */
uint32_t wire_uv(struct wire_in *in);
int64_t wire_sv(struct wire_in *in); /* -2^33 .. 2^33 - 1 */

struct wire_str wire_str(struct wire_in *in); /* {"", 0} on failure */

/* The next `n` bytes as they are, NULL (and failed) when there are fewer. */
const uint8_t *wire_raw(struct wire_in *in, size_t n);

/* The next id of a run; *previous starts at -1 and is moved on. */
uint32_t wire_gap(struct wire_in *in, int64_t *previous);

void wire_put_u8(struct buf *out, uint8_t v);
void wire_put_u16(struct buf *out, uint16_t v);
void wire_put_u32(struct buf *out, uint32_t v);
void wire_put_f32(struct buf *out, float v);
void wire_put_f64(struct buf *out, double v);
void wire_put_bytes_le(struct buf *out, uint32_t v, unsigned n);
void wire_put_uv(struct buf *out, uint64_t v); /* v < 2^34 */
void wire_put_sv(struct buf *out, int64_t v);  /* -2^33 <= v < 2^33 */
void wire_put_str(struct buf *out, const char *text, size_t len);
void wire_put_gap(struct buf *out, uint32_t id, int64_t *previous);

/* A mask over `n_fields` fields; `fields` holds 32 of them a word, lowest first. */
void wire_put_mask(struct buf *out, const uint32_t *fields, unsigned n_fields);

/* Read one into `fields` (words for n_fields, zeroed first). Fails on a bit at
 * or past n_fields and on a trailing zero byte. */
void wire_mask(struct wire_in *in, uint32_t *fields, unsigned n_fields);
