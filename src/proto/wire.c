/* SPDX-License-Identifier: MIT */
#include "proto/wire.h"

#include <assert.h>
#include <string.h>

#include "proto/utf8.h"

enum { UV_MAX_BYTES = 5 };

#define UV_LIMIT (UINT64_C(1) << 34) /* uv values stay below */
#define SV_LIMIT (INT64_C(1) << 33)  /* -SV_LIMIT <= sv < SV_LIMIT */

/* Nothing more can be read: the end moves up to the cursor's place, so the
 * ordinary length check refuses every later read. */
static void fail(struct wire_in *in)
{
    in->failed = true;
    in->at = in->end;
}

/* The next `n` bytes (n > 0), or NULL and the reader has failed. */
static const uint8_t *take(struct wire_in *in, size_t n)
{
    const uint8_t *at = in->at;

    if (n > wire_left(in)) {
        fail(in);
        return NULL;
    }
    in->at += n;
    return at;
}

uint8_t wire_u8(struct wire_in *in)
{
    const uint8_t *p = take(in, 1);

    return p ? *p : 0;
}

uint16_t wire_u16(struct wire_in *in)
{
    return (uint16_t)wire_bytes_le(in, 2);
}

uint32_t wire_u32(struct wire_in *in)
{
    return wire_bytes_le(in, 4);
}

float wire_f32(struct wire_in *in)
{
    uint32_t bits = wire_u32(in);
    float v;

    memcpy(&v, &bits, sizeof v);
    return v;
}

double wire_f64(struct wire_in *in)
{
    const uint8_t *p = take(in, 8);
    uint64_t bits = 0;
    double v;

    for (unsigned i = 0; p && i < 8; i++)
        bits |= (uint64_t)p[i] << (8 * i);
    memcpy(&v, &bits, sizeof v);
    return v;
}

uint32_t wire_bytes_le(struct wire_in *in, unsigned n)
{
    assert(n >= 1 && n <= 4);
    const uint8_t *p = take(in, n);
    uint32_t v = 0;

    for (unsigned i = 0; p && i < n; i++)
        v |= (uint32_t)p[i] << (8 * i);
    return v;
}

/* A uv of up to 2^34 - 1, as sv needs it; 0 and failed where it is cut, too
 * long or not minimal. */
static uint64_t read_uv(struct wire_in *in)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < UV_MAX_BYTES; i++) {
        const uint8_t *p = take(in, 1);
        if (!p)
            return 0;
        v |= (uint64_t)(*p & 0x7f) << (7 * i);
        if (*p & 0x80)
            continue;
        if ((*p == 0 && i > 0) || v >= UV_LIMIT)
            break;
        return v;
    }
    fail(in);
    return 0;
}

uint32_t wire_uv(struct wire_in *in)
{
    /* Ids and counts are below 128 more often than not. */
    if (in->at < in->end && *in->at < 0x80)
        return *in->at++;
    uint64_t v = read_uv(in);
    if (v > UINT32_MAX) {
        fail(in);
        return 0;
    }
    return (uint32_t)v;
}

int64_t wire_sv(struct wire_in *in)
{
    uint64_t z = read_uv(in);

    return (int64_t)(z >> 1) ^ -(int64_t)(z & 1);
}

struct wire_str wire_str(struct wire_in *in)
{
    size_t len = wire_uv(in);
    const uint8_t *p = wire_raw(in, len);

    if (p && utf8_is_valid(p, len))
        return (struct wire_str){(const char *)p, len};
    fail(in);
    return (struct wire_str){"", 0};
}

const uint8_t *wire_raw(struct wire_in *in, size_t n)
{
    return in->failed ? NULL : take(in, n);
}

uint32_t wire_gap(struct wire_in *in, int64_t *previous)
{
    uint32_t gap = wire_uv(in);
    int64_t id = *previous + 1 + (int64_t)gap;

    if (in->failed || id > (int64_t)UINT32_MAX) {
        fail(in);
        return 0;
    }
    *previous = id;
    return (uint32_t)id;
}

void wire_put_u8(struct buf *out, uint8_t v)
{
    buf_byte(out, v);
}

void wire_put_u16(struct buf *out, uint16_t v)
{
    wire_put_bytes_le(out, v, 2);
}

void wire_put_u32(struct buf *out, uint32_t v)
{
    wire_put_bytes_le(out, v, 4);
}

void wire_put_f32(struct buf *out, float v)
{
    uint32_t bits;

    memcpy(&bits, &v, sizeof bits);
    wire_put_bytes_le(out, bits, 4);
}

void wire_put_f64(struct buf *out, double v)
{
    uint64_t bits;
    uint8_t *at = buf_reserve(out, 8);

    if (!at)
        return;
    memcpy(&bits, &v, sizeof bits);
    for (unsigned i = 0; i < 8; i++)
        at[i] = (uint8_t)(bits >> (8 * i));
    buf_added(out, 8);
}

void wire_put_bytes_le(struct buf *out, uint32_t v, unsigned n)
{
    assert(n >= 1 && n <= 4);
    uint8_t *at = buf_reserve(out, n);

    if (!at)
        return;
    for (unsigned i = 0; i < n; i++)
        at[i] = (uint8_t)(v >> (8 * i));
    buf_added(out, n);
}

void wire_put_uv(struct buf *out, uint64_t v)
{
    uint8_t bytes[UV_MAX_BYTES];
    size_t n = 0;

    assert(v < UV_LIMIT);
    while (v >= 0x80) {
        bytes[n++] = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    bytes[n++] = (uint8_t)v;
    buf_append(out, bytes, n);
}

void wire_put_sv(struct buf *out, int64_t v)
{
    assert(v >= -SV_LIMIT && v < SV_LIMIT);
    wire_put_uv(out, (uint64_t)v << 1 ^ (uint64_t)(v >> 63));
}

void wire_put_str(struct buf *out, const char *text, size_t len)
{
    assert(len <= UINT32_MAX);
    wire_put_uv(out, len);
    buf_append(out, text, len);
}

void wire_put_gap(struct buf *out, uint32_t id, int64_t *previous)
{
    assert((int64_t)id > *previous);
    wire_put_uv(out, (uint64_t)((int64_t)id - *previous - 1));
    *previous = id;
}

static bool has_field(const uint32_t *fields, unsigned i)
{
    return fields[i / 32] >> (i % 32) & 1;
}

void wire_put_mask(struct buf *out, const uint32_t *fields, unsigned n_fields)
{
    uint8_t byte = 0;
    unsigned past = n_fields; /* one past the highest field that is there */

    while (past > 0 && !has_field(fields, past - 1))
        past--;
    for (unsigned i = 0; i < past; i++) {
        byte |= (uint8_t)(has_field(fields, i) << (i % 7));
        if (i % 7 == 6 && i + 1 < past) {
            buf_byte(out, byte | 0x80);
            byte = 0;
        }
    }
    buf_byte(out, byte);
}

void wire_mask(struct wire_in *in, uint32_t *fields, unsigned n_fields)
{
    size_t words_bytes = (n_fields + 31) / 32 * sizeof *fields;
    uint8_t byte = 0x80;

    memset(fields, 0, words_bytes);
    for (unsigned first = 0; byte & 0x80; first += 7) {
        byte = wire_u8(in);
        if (in->failed || (byte == 0 && first > 0))
            goto fail;
        for (uint8_t left = byte & 0x7f; left; left &= (uint8_t)(left - 1)) {
            unsigned i = first + (unsigned)__builtin_ctz(left);
            if (i >= n_fields)
                goto fail;
            fields[i / 32] |= UINT32_C(1) << (i % 32);
        }
    }
    return;

fail:
    memset(fields, 0, words_bytes);
    fail(in);
}
