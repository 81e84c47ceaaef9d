/* SPDX-License-Identifier: MIT */
/*
 * value - absolute values on the wire, of any type and depth: walked, written as
 * JSON and made from JSON, and what lies between two of them (PROTOCOL.md, "Values
 * in fields" and "Changes of composed values").
 *
 * A type's nesting is bounded by the schema (16), that of an `any` by its own 16, so
 * recursion is too. Every value has at least one byte: a count that lies ends with
 * the input.
 *
 * Thread: any; nothing is kept.
 */
#pragma once

#include <cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "proto/json_out.h"
#include "proto/wire.h"
#include "state/schema.h"

/* Walk one absolute value to its end. Fails (in->failed) on anything that is not its
 * one form: out of range, too many items, keys that do not ascend. */
void value_check(const struct type *t, struct wire_in *in);

/* Write one valid absolute value as JSON, moving `in` past it. */
void value_to_json(const struct type *t, struct wire_in *in, struct json_out *j);
void value_fields_to_json(const struct field *fields, uint32_t n, struct wire_in *in,
                          struct json_out *j);

/* Append the wire form of a JSON value. On error -EINVAL or -ENOMEM, and *e begins
 * with the place inside the value: "[3].x: 300 is not in 0..255", or ": …" where it is
 * the value itself; `out` may then hold a part. */
int value_from_json(const struct type *t, const cJSON *v, struct buf *out, struct err *e);

/* The same for an object with these fields (NULL: all take their defaults); *e then
 * begins with a field's name. */
int value_fields_from_json(const struct field *fields, uint32_t n, const cJSON *object,
                           struct buf *out, struct err *e);

/* Put a place in front of an error's text, with a dot where a name follows. Returns
 * `code`. */
int value_err_at(struct err *e, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A key of a nested map. Order: numbers ascend, strings as bytes. */
struct value_key {
    int64_t number;
    struct wire_str text; /* borrows */
};

struct value_key value_get_key(enum key_kind kind, struct wire_in *in);
void value_put_key(enum key_kind kind, const struct value_key *key, struct buf *out);
int value_compare_keys(const struct value_key *a, const struct value_key *b);

/* Append what `update` carries for a field that goes from one cell to another. */
void value_put_change(const struct type *t, union cell before, union cell now,
                      struct buf *out);
