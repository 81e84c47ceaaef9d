/* SPDX-License-Identifier: MIT */
#include "state/any_value.h"

#include <errno.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "proto/record.h"
#include "proto/utf8.h"

static int put_text(const char *text, struct buf *out, struct err *e)
{
    size_t len = strlen(text);

    if (!utf8_is_valid(text, len))
        return err_set(e, -EINVAL, "a text is not valid UTF-8");
    wire_put_str(out, text, len);
    return 0;
}

static int put_number(double v, struct buf *out, struct err *e)
{
    if (!isfinite(v))
        return err_set(e, -EINVAL, "a number is too large");
    if (v >= INT32_MIN && v <= INT32_MAX && v == (double)(int32_t)v) {
        wire_put_u8(out, ANY_INT); /* -0 becomes 0 */
        wire_put_sv(out, (int32_t)v);
    } else {
        wire_put_u8(out, ANY_F64);
        wire_put_f64(out, v);
    }
    return 0;
}

static int put_value(const cJSON *v, int depth, struct buf *out, struct err *e);

static int put_children(const cJSON *v, int depth, struct buf *out, struct err *e)
{
    bool is_map = cJSON_IsObject(v);
    const cJSON *item;

    if (depth == ANY_MAX_DEPTH)
        return err_set(e, -EINVAL, "arrays and maps are more than %d deep", ANY_MAX_DEPTH);
    wire_put_u8(out, is_map ? ANY_MAP : ANY_ARRAY);
    wire_put_uv(out, (uint64_t)cJSON_GetArraySize(v));
    cJSON_ArrayForEach(item, v)
    {
        int code = 0;
        if (is_map) {
            wire_put_uv(out, 0); /* a string follows, not a place in the dictionary */
            code = put_text(item->string, out, e);
        }
        if (code == 0)
            code = put_value(item, depth + 1, out, e);
        if (code < 0)
            return code;
    }
    return 0;
}

static int put_value(const cJSON *v, int depth, struct buf *out, struct err *e)
{
    if (cJSON_IsArray(v) || cJSON_IsObject(v))
        return put_children(v, depth, out, e);
    if (cJSON_IsNumber(v))
        return put_number(v->valuedouble, out, e);
    if (cJSON_IsString(v)) {
        wire_put_u8(out, ANY_STR);
        return put_text(v->valuestring, out, e);
    }
    wire_put_u8(out, cJSON_IsTrue(v) ? ANY_TRUE : cJSON_IsFalse(v) ? ANY_FALSE : ANY_NIL);
    return 0;
}

int any_from_json(const cJSON *value, struct buf *out, struct err *e)
{
    return put_value(value, 0, out, e);
}

static void refuse(struct wire_in *in)
{
    in->failed = true;
    in->at = in->end;
}

/* The key of a map's member. */
static struct wire_str get_key(struct wire_in *in)
{
    if (wire_uv(in) != 0)
        refuse(in);
    return wire_str(in);
}

/* Sets in->failed for an integer past 32 bits or a number that is not finite. */
static double get_number(struct wire_in *in, uint8_t tag)
{
    if (tag == ANY_F64) {
        double v = wire_f64(in);
        if (!isfinite(v))
            refuse(in);
        return v;
    }
    int64_t v = wire_sv(in);
    if (v < INT32_MIN || v > INT32_MAX)
        refuse(in);
    return (double)v;
}

/* Each value is at least one byte, so a count that lies ends with the input. */
static void check_value(struct wire_in *in, int depth)
{
    uint8_t tag = wire_u8(in);
    uint32_t n;

    switch (tag) {
    case ANY_NIL:
    case ANY_FALSE:
    case ANY_TRUE: return;
    case ANY_INT:
    case ANY_F64: get_number(in, tag); return;
    case ANY_STR: wire_str(in); return;
    case ANY_BYTES: wire_raw(in, wire_uv(in)); return;
    case ANY_ARRAY:
    case ANY_MAP:
        n = wire_uv(in);
        if (depth == ANY_MAX_DEPTH)
            break;
        for (uint32_t i = 0; i < n && !in->failed; i++) {
            if (tag == ANY_MAP)
                get_key(in);
            check_value(in, depth + 1);
        }
        return;
    }
    refuse(in);
}

void any_check(struct wire_in *in)
{
    check_value(in, 0);
}

static void value_to_json(struct wire_in *in, struct json_out *j);

static void array_to_json(struct wire_in *in, struct json_out *j)
{
    uint32_t n = wire_uv(in);

    json_out_array(j);
    for (uint32_t i = 0; i < n && !in->failed; i++)
        value_to_json(in, j);
    json_out_end_array(j);
}

static void map_to_json(struct wire_in *in, struct json_out *j)
{
    uint32_t n = wire_uv(in);

    json_out_object(j);
    for (uint32_t i = 0; i < n && !in->failed; i++) {
        struct wire_str key = get_key(in);
        json_out_key(j, key.text, key.len);
        value_to_json(in, j);
    }
    json_out_end_object(j);
}

/* Only for values that any_check() has passed: depth is not counted again. */
static void value_to_json(struct wire_in *in, struct json_out *j)
{
    uint8_t tag = wire_u8(in);

    switch (tag) {
    case ANY_FALSE:
    case ANY_TRUE: json_out_bool(j, tag == ANY_TRUE); break;
    case ANY_INT:
    case ANY_F64: json_out_num(j, get_number(in, tag)); break;
    case ANY_STR: {
        struct wire_str s = wire_str(in);
        json_out_str(j, s.text, s.len);
        break;
    }
    case ANY_BYTES: {
        uint32_t n = wire_uv(in);
        const uint8_t *bytes = wire_raw(in, n);
        json_out_base64(j, bytes, bytes ? n : 0);
        break;
    }
    case ANY_ARRAY: array_to_json(in, j); break;
    case ANY_MAP: map_to_json(in, j); break;
    default: json_out_null(j);
    }
}

void any_to_json(struct wire_in *in, struct json_out *j)
{
    value_to_json(in, j);
}
