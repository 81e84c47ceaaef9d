/* SPDX-License-Identifier: MIT */
/*
 * type - the types a field may have: range, quantum, bytes on the wire.
 *
 * A value is held as a cell in wire form: numbers as their quantum (for f32 and
 * f64 the bits of the number), strings as a chunk, and what is composed (opt,
 * list, map, any) as a chunk with its whole absolute form, map keys ascending.
 * Two values are equal when their cells are, so "changed" means "changed on the
 * wire". The arithmetic is that of PROTOCOL.md and gives the same result in
 * JavaScript.
 *
 * Thread: types are constant once made.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/chunk.h"
#include "base/err.h"
#include "proto/json_out.h"
#include "proto/wire.h"

enum type_kind {
    TYPE_BOOL,
    TYPE_U8,
    TYPE_U16,
    TYPE_U32,
    TYPE_I8,
    TYPE_I16,
    TYPE_I32,
    TYPE_UINT,
    TYPE_INT,
    TYPE_F32,
    TYPE_F64,
    TYPE_FIXED,
    TYPE_ANGLE,
    TYPE_ENUM,
    TYPE_STR, /* from here on a cell is a chunk */
    TYPE_BYTES,
    TYPE_TEXT,
    TYPE_OPT, /* from here on composed: the chunk holds the absolute form */
    TYPE_LIST,
    TYPE_MAP,
    TYPE_ANY,
    TYPE_RECORD, /* as what an opt, list or map holds; never a field's own type */
};

enum key_kind {
    KEY_NONE,   /* the root record */
    KEY_PLAYER, /* uv, from 1 */
    KEY_INT,    /* sv, -2^31 .. 2^31 - 1 */
    KEY_STR,    /* 1 .. 255 bytes */
};

enum {
    TYPE_MAX_KEY = 255,          /* bytes of a KEY_STR */
    TYPE_MAX_COMPOSED = 1 << 20, /* bytes of one composed value, all it holds included */
};

struct type {
    enum type_kind kind;
    uint8_t bytes;      /* on the wire in absolute form, 0: uv or sv or str */
    bool is_delta;      /* `update` carries a difference */
    int64_t low, high;  /* range of the quantum (integers, fixed, enum) */
    double min, step;   /* fixed; min is 0 without bounds */
    double per_step;    /* 1 / step where that is exact (a power of two), else 0 */
    double max;         /* fixed with bounds: as declared, for texts only */
    uint32_t max_bytes; /* str, bytes, text; any: of its wire form */
    uint32_t max_items; /* list, map */
    uint32_t n_names;   /* enum */
    char **names;       /* enum; owned by the schema, like the next two */
    enum key_kind keys; /* map */
    struct type *item;  /* opt, list, map: what is in it */
    uint32_t n_fields;  /* record: its leaves, in order */
    struct field *fields;
};

union cell {
    int64_t q;          /* numbers, bool, enum, angle; f32 and f64: the bits */
    struct chunk *text; /* str, bytes, text: what they hold, NULL is ""; composed: the
                         * wire form, NULL is the single byte 0 (absent, empty, nil) */
};

static inline bool type_is_chunk(const struct type *t)
{
    return t->kind >= TYPE_STR;
}

static inline bool type_is_composed(const struct type *t)
{
    return t->kind >= TYPE_OPT;
}

enum type_result {
    TYPE_OK = 0,
    TYPE_ERR_KIND = -1,  /* a number where a string belongs, and so on */
    TYPE_ERR_RANGE = -2, /* out of range, NaN, infinite, too long */
    TYPE_ERR_WHOLE = -3, /* an integer type and a number with a fraction */
    TYPE_ERR_NAME = -4,  /* not one of an enum's names */
    TYPE_ERR_UTF8 = -5,
    TYPE_ERR_MEMORY = -6,
};

/* Let go of what a type owns: names, item, fields with their defaults. */
void type_fini(struct type *t);

/* From what a script or JSON holds to a cell. On error *out is untouched. A number
 * fits a fixed type when its nearest quantum does: 1.0000000000000002 fits 0..1.
 * type_from_text sets *out to a new reference (str, bytes, text) or a place (enum).
 * Composed types are TYPE_ERR_KIND here: their wire form is written first (value.h,
 * script/lua_value.h) and then taken by type_from_wire(). */
enum type_result type_from_number(const struct type *t, double v, union cell *out);
enum type_result type_from_bool(const struct type *t, bool v, union cell *out);
enum type_result type_from_text(const struct type *t, const char *text, size_t len,
                                union cell *out);

/* The cell of a composed type from its valid wire form. TYPE_ERR_RANGE where it is
 * longer than the type or TYPE_MAX_COMPOSED allows. */
enum type_result type_from_wire(const struct type *t, const uint8_t *bytes, size_t len,
                                union cell *out);

/* The value a cell stands for; only for number types. */
double type_to_number(const struct type *t, union cell c);

bool type_equal(const struct type *t, union cell a, union cell b);

/* Drop what a cell holds (a chunk's reference); copies take one more. */
void type_release(const struct type *t, union cell *c);
union cell type_copy(const struct type *t, union cell c);

/* What `update` carries, as sv, for a type with is_delta: the angle goes the short
 * way. All other types are absolute there too. */
static inline int64_t type_change(const struct type *t, union cell from, union cell to)
{
    int64_t d = to.q - from.q;

    return t->kind == TYPE_ANGLE ? (int16_t)(uint16_t)d : d;
}

void type_put(const struct type *t, union cell c, struct buf *out);

/* The wire form of a composed cell, to be read; borrows from it. */
struct wire_in type_wire(union cell c);

void type_put_json(const struct type *t, union cell c, struct json_out *j);

/* Read an absolute value. Out of range sets in->failed; then *out is zero. The
 * cell is yours to release. */
void type_get(const struct type *t, struct wire_in *in, union cell *out);

/* What the type takes, for error texts: "0..255", "a string of at most 16
 * bytes", "one of lobby, play, over". Written to out, cut at `size`. */
void type_describe(const struct type *t, char *out, size_t size);

/* Why a value was refused, as one line: "dx: 3 is not in -1..1". `shown` is the
 * value in words. Returns 0 for TYPE_OK, else -EINVAL or -ENOMEM. */
int type_refuse(const struct type *t, enum type_result r, const char *path,
                const char *shown, struct err *e);
