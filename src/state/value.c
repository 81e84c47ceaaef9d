/* SPDX-License-Identifier: MIT */
/*
 * value - walking absolute values, and writing them as JSON. From JSON: value_json.c;
 * changes: value_change.c.
 */
#include "state/value.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "state/any_value.h"
#include "state/json_nest.h"

static void refuse(struct wire_in *in)
{
    in->failed = true;
    in->at = in->end;
}

int value_err_at(struct err *e, int code, const char *format, ...)
{
    char place[sizeof e->text], rest[sizeof e->text];
    va_list args;

    if (!e)
        return code;
    va_start(args, format);
    vsnprintf(place, sizeof place, format, args);
    va_end(args);
    memcpy(rest, e->text, sizeof rest);
    const char *dot = *rest == ':' || *rest == '[' ? "" : ".";
    return err_set(e, code, "%.200s%s%s", place, dot, rest);
}

struct value_key value_get_key(enum key_kind kind, struct wire_in *in)
{
    struct value_key key = {
        0, {"", 0}
    };

    if (kind == KEY_STR) {
        key.text = wire_str(in);
        if (key.text.len < 1 || key.text.len > TYPE_MAX_KEY)
            refuse(in);
    } else if (kind == KEY_PLAYER) {
        key.number = wire_uv(in);
        if (key.number < 1)
            refuse(in);
    } else {
        key.number = wire_sv(in);
        if (key.number < INT32_MIN || key.number > INT32_MAX)
            refuse(in);
    }
    return key;
}

void value_put_key(enum key_kind kind, const struct value_key *key, struct buf *out)
{
    if (kind == KEY_STR)
        wire_put_str(out, key->text.text, key->text.len);
    else if (kind == KEY_PLAYER)
        wire_put_uv(out, (uint64_t)key->number);
    else
        wire_put_sv(out, key->number);
}

int value_compare_keys(const struct value_key *a, const struct value_key *b)
{
    size_t n = a->text.len < b->text.len ? a->text.len : b->text.len;
    int order = memcmp(a->text.text, b->text.text, n);

    if (order == 0)
        order = (a->text.len > b->text.len) - (a->text.len < b->text.len);
    return order ? order : (a->number > b->number) - (a->number < b->number);
}

static void check_items(const struct type *t, struct wire_in *in)
{
    uint32_t n = wire_uv(in);
    struct value_key last = {
        0, {"", 0}
    };

    if (n > t->max_items) {
        refuse(in);
        return;
    }
    for (uint32_t i = 0; i < n && !in->failed; i++) {
        if (t->kind == TYPE_MAP) {
            struct value_key key = value_get_key(t->keys, in);
            if (i > 0 && !in->failed && value_compare_keys(&last, &key) >= 0)
                refuse(in);
            last = key;
        }
        value_check(t->item, in);
    }
}

void value_check(const struct type *t, struct wire_in *in)
{
    const uint8_t *start = in->at;
    union cell c;
    uint32_t n;

    switch (t->kind) {
    case TYPE_STR:
    case TYPE_TEXT:
        if (wire_str(in).len > t->max_bytes)
            refuse(in);
        return;
    case TYPE_BYTES:
        n = wire_uv(in);
        wire_raw(in, n);
        if (n > t->max_bytes)
            refuse(in);
        return;
    case TYPE_OPT:
        n = wire_u8(in);
        if (n > 1)
            refuse(in);
        else if (n == 1)
            value_check(t->item, in);
        break;
    case TYPE_LIST:
    case TYPE_MAP: check_items(t, in); break;
    case TYPE_ANY:
        any_check(in);
        if (!in->failed && (size_t)(in->at - start) > t->max_bytes)
            refuse(in);
        return;
    case TYPE_RECORD:
        for (uint32_t i = 0; i < t->n_fields; i++)
            value_check(&t->fields[i].type, in);
        return;
    default: type_get(t, in, &c); return; /* a number: nothing to release */
    }
    if (!in->failed && in->at - start > TYPE_MAX_COMPOSED)
        refuse(in);
}

static void items_to_json(const struct type *t, struct wire_in *in, struct json_out *j)
{
    uint32_t n = wire_uv(in);
    char number[24];

    if (t->kind == TYPE_LIST)
        json_out_array(j);
    else
        json_out_object(j);
    for (uint32_t i = 0; i < n && !in->failed; i++) {
        if (t->kind == TYPE_MAP) {
            struct value_key key = value_get_key(t->keys, in);
            if (t->keys != KEY_STR) {
                key.text.len =
                    (size_t)snprintf(number, sizeof number, "%" PRId64, key.number);
                key.text.text = number;
            }
            json_out_key(j, key.text.text, key.text.len);
        }
        value_to_json(t->item, in, j);
    }
    if (t->kind == TYPE_LIST)
        json_out_end_array(j);
    else
        json_out_end_object(j);
}

void value_fields_to_json(const struct field *fields, uint32_t n, struct wire_in *in,
                          struct json_out *j)
{
    struct json_nest nest = {0};

    json_out_object(j);
    for (uint32_t i = 0; i < n; i++) {
        json_nest_key(&nest, fields[i].path, j);
        value_to_json(&fields[i].type, in, j);
    }
    json_nest_end(&nest, j);
    json_out_end_object(j);
}

void value_to_json(const struct type *t, struct wire_in *in, struct json_out *j)
{
    struct wire_str s;
    union cell c;

    switch (t->kind) {
    case TYPE_STR:
    case TYPE_TEXT:
        s = wire_str(in);
        json_out_str(j, s.text, s.len);
        break;
    case TYPE_BYTES: {
        uint32_t n = wire_uv(in);
        const uint8_t *bytes = wire_raw(in, n);
        json_out_base64(j, bytes, bytes ? n : 0);
        break;
    }
    case TYPE_OPT:
        if (wire_u8(in))
            value_to_json(t->item, in, j);
        else
            json_out_null(j);
        break;
    case TYPE_LIST:
    case TYPE_MAP: items_to_json(t, in, j); break;
    case TYPE_ANY: any_to_json(in, j); break;
    case TYPE_RECORD: value_fields_to_json(t->fields, t->n_fields, in, j); break;
    default: type_get(t, in, &c); type_put_json(t, c, j);
    }
}
