/* SPDX-License-Identifier: MIT */
#include "state/type.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "proto/utf8.h"
#include "state/schema.h"
#include "state/type_number.h"
#include "state/value.h"

#define TWO_PI 6.283185307179586

static int64_t bits_of_f64(double v)
{
    int64_t bits;

    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static double f64_of_bits(int64_t bits)
{
    double v;

    memcpy(&v, &bits, sizeof v);
    return v;
}

static int64_t bits_of_f32(float v)
{
    uint32_t bits;

    memcpy(&bits, &v, sizeof bits);
    return bits;
}

static float f32_of_bits(int64_t bits)
{
    uint32_t low = (uint32_t)bits;
    float v;

    memcpy(&v, &low, sizeof v);
    return v;
}

void type_fini(struct type *t)
{
    for (uint32_t i = 0; i < t->n_names; i++)
        free(t->names[i]);
    free(t->names);
    schema_free_fields(t->fields, t->n_fields);
    if (t->item)
        type_fini(t->item);
    free(t->item);
}

/* x modulo 65536 for any finite whole x. Dividing by a power of two is exact,
 * and from 2^69 on every double is a multiple of 65536. */
static int64_t wrap_angle(double x)
{
    double turns = x / 65536;

    return (int64_t)(x - type_floor(turns) * 65536);
}

enum type_result type_from_number(const struct type *t, double v, union cell *out)
{
    double x = v;

    if (type_is_chunk(t))
        return TYPE_ERR_KIND;
    switch (t->kind) {
    case TYPE_BOOL:
    case TYPE_ENUM: return TYPE_ERR_KIND;
    case TYPE_F64:
        if (!isfinite(v))
            return TYPE_ERR_RANGE;
        out->q = bits_of_f64(v == 0 ? 0 : v);
        return TYPE_OK;
    case TYPE_F32: {
        /* Half way between FLT_MAX and what would follow it: from here on the
         * conversion would give infinity. */
        if (!(v > -0x1.ffffffp127 && v < 0x1.ffffffp127))
            return TYPE_ERR_RANGE;
        float f = (float)v;
        out->q = bits_of_f32(f == 0 ? 0 : f); /* a tiny negative rounds to -0 */
        return TYPE_OK;
    }
    case TYPE_ANGLE:
        x = type_floor(v * 65536 / TWO_PI + 0.5);
        if (!isfinite(x))
            return TYPE_ERR_RANGE;
        out->q = wrap_angle(x);
        return TYPE_OK;
    case TYPE_FIXED: x = type_floor(type_steps(t, v)); break;
    default:
        if (isfinite(v) && v != type_floor(v))
            return TYPE_ERR_WHOLE;
    }
    if (!(x >= (double)t->low && x <= (double)t->high)) /* NaN falls in here too */
        return TYPE_ERR_RANGE;
    out->q = (int64_t)x;
    return TYPE_OK;
}

enum type_result type_from_bool(const struct type *t, bool v, union cell *out)
{
    if (t->kind != TYPE_BOOL)
        return TYPE_ERR_KIND;
    out->q = v;
    return TYPE_OK;
}

enum type_result type_from_text(const struct type *t, const char *text, size_t len,
                                union cell *out)
{
    if (t->kind == TYPE_ENUM) {
        for (uint32_t i = 0; i < t->n_names; i++)
            if (strlen(t->names[i]) == len && memcmp(t->names[i], text, len) == 0) {
                out->q = i;
                return TYPE_OK;
            }
        return TYPE_ERR_NAME;
    }
    if (t->kind != TYPE_STR && t->kind != TYPE_TEXT && t->kind != TYPE_BYTES)
        return TYPE_ERR_KIND;
    if (len > t->max_bytes)
        return TYPE_ERR_RANGE;
    if (t->kind != TYPE_BYTES && !utf8_is_valid(text, len))
        return TYPE_ERR_UTF8;
    struct chunk *copy = NULL;
    if (len > 0 && !(copy = chunk_copy(text, len)))
        return TYPE_ERR_MEMORY;
    *out = (union cell){.text = copy};
    return TYPE_OK;
}

enum type_result type_from_wire(const struct type *t, const uint8_t *bytes, size_t len,
                                union cell *out)
{
    struct chunk *copy = NULL;

    if (len > TYPE_MAX_COMPOSED || (t->kind == TYPE_ANY && len > t->max_bytes))
        return TYPE_ERR_RANGE;
    if ((len > 1 || *bytes != 0) && !(copy = chunk_copy(bytes, len)))
        return TYPE_ERR_MEMORY;
    *out = (union cell){.text = copy};
    return TYPE_OK;
}

double type_to_number(const struct type *t, union cell c)
{
    switch (t->kind) {
    case TYPE_F32: return (double)f32_of_bits(c.q);
    case TYPE_F64: return f64_of_bits(c.q);
    case TYPE_FIXED: return (double)c.q * t->step + t->min;
    case TYPE_ANGLE: return (double)c.q * TWO_PI / 65536;
    default: return (double)c.q;
    }
}

bool type_equal(const struct type *t, union cell a, union cell b)
{
    if (!type_is_chunk(t))
        return a.q == b.q;
    if (a.text == b.text)
        return true;
    return a.text && b.text && a.text->len == b.text->len &&
           memcmp(a.text->bytes, b.text->bytes, a.text->len) == 0;
}

void type_release(const struct type *t, union cell *c)
{
    if (type_is_chunk(t))
        chunk_unref(&c->text);
}

union cell type_copy(const struct type *t, union cell c)
{
    if (type_is_chunk(t) && c.text)
        chunk_ref(c.text);
    return c;
}

struct wire_in type_wire(union cell c)
{
    static const uint8_t zero[1];

    return c.text ? wire_from(c.text->bytes, c.text->len) : wire_from(zero, 1);
}

void type_put(const struct type *t, union cell c, struct buf *out)
{
    switch (t->kind) {
    case TYPE_STR:
    case TYPE_TEXT:
    case TYPE_BYTES:
        wire_put_str(out, c.text ? (const char *)c.text->bytes : "",
                     c.text ? c.text->len : 0);
        return;
    case TYPE_OPT:
    case TYPE_LIST:
    case TYPE_MAP:
    case TYPE_ANY: {
        struct wire_in in = type_wire(c);
        buf_append(out, in.at, wire_left(&in));
        return;
    }
    case TYPE_F64: wire_put_f64(out, f64_of_bits(c.q)); return;
    case TYPE_UINT:
    case TYPE_ENUM: wire_put_uv(out, (uint64_t)c.q); return;
    case TYPE_INT: wire_put_sv(out, c.q); return;
    case TYPE_FIXED:
        if (t->bytes == 0) {
            wire_put_sv(out, c.q);
            return;
        }
        break;
    default: break;
    }
    wire_put_bytes_le(out, (uint32_t)c.q, t->bytes);
}

void type_put_json(const struct type *t, union cell c, struct json_out *j)
{
    switch (t->kind) {
    case TYPE_BOOL: json_out_bool(j, c.q != 0); break;
    case TYPE_ENUM: json_out_str(j, t->names[c.q], strlen(t->names[c.q])); break;
    case TYPE_STR:
    case TYPE_TEXT:
        json_out_str(j, c.text ? (const char *)c.text->bytes : "",
                     c.text ? c.text->len : 0);
        break;
    case TYPE_BYTES:
        json_out_base64(j, c.text ? c.text->bytes : NULL, c.text ? c.text->len : 0);
        break;
    case TYPE_OPT:
    case TYPE_LIST:
    case TYPE_MAP:
    case TYPE_ANY: {
        struct wire_in in = type_wire(c);
        value_to_json(t, &in, j);
        break;
    }
    case TYPE_F32:
    case TYPE_F64:
    case TYPE_FIXED:
    case TYPE_ANGLE: json_out_num(j, type_to_number(t, c)); break;
    default: json_out_int(j, c.q);
    }
}

/* A quantum as it stands on the wire, not yet checked against the range. */
static int64_t get_quantum(const struct type *t, struct wire_in *in)
{
    switch (t->kind) {
    case TYPE_I8: return (int8_t)wire_u8(in);
    case TYPE_I16: return (int16_t)wire_u16(in);
    case TYPE_I32: return (int32_t)wire_u32(in);
    case TYPE_UINT:
    case TYPE_ENUM: return wire_uv(in);
    case TYPE_INT: return wire_sv(in);
    case TYPE_FIXED:
        if (t->bytes == 0)
            return wire_sv(in);
        return wire_bytes_le(in, t->bytes);
    default: return wire_bytes_le(in, t->bytes);
    }
}

static void refuse(struct wire_in *in)
{
    in->failed = true;
    in->at = in->end;
}

static void get_text(const struct type *t, struct wire_in *in, union cell *out)
{
    struct wire_str s = {"", 0};

    if (t->kind == TYPE_BYTES) {
        s.len = wire_uv(in);
        s.text = (const char *)wire_raw(in, s.len);
    } else {
        s = wire_str(in);
    }
    if (in->failed || s.len == 0)
        return;
    if (s.len > t->max_bytes || !(out->text = chunk_copy(s.text, s.len)))
        refuse(in);
}

static void get_composed(const struct type *t, struct wire_in *in, union cell *out)
{
    const uint8_t *start = in->at;

    value_check(t, in);
    if (!in->failed && type_from_wire(t, start, (size_t)(in->at - start), out) != TYPE_OK)
        refuse(in);
}

void type_get(const struct type *t, struct wire_in *in, union cell *out)
{
    *out = (union cell){0};
    if (type_is_composed(t)) {
        get_composed(t, in, out);
    } else if (type_is_chunk(t)) {
        get_text(t, in, out);
    } else if (t->kind == TYPE_F64 || t->kind == TYPE_F32) {
        double v = t->kind == TYPE_F64 ? wire_f64(in) : (double)wire_f32(in);
        if (type_from_number(t, v, out) != TYPE_OK)
            refuse(in);
    } else {
        int64_t q = get_quantum(t, in);
        if (q < t->low || q > t->high)
            refuse(in);
        else
            out->q = q;
    }
}
