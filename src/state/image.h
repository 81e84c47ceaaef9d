/* SPDX-License-Identifier: MIT */
/*
 * image - the wire image of one room's state: rows of cells, and for every
 * field the tick at which it last changed. What is here is what is sent.
 *
 * A tick is a bracket: image_begin(tick), any number of adds, sets and removes,
 * image_commit(). Between commit and the next begin the image is at rest and
 * emit.h reads it.
 *
 * Rows live in slots, small numbers that are used again after a removal. A slot
 * freed in a tick may be taken again in the same tick: the row's spawn tick
 * tells the two apart.
 *
 * Fields stand as in the table's record: everybody's, the owner's, the server's.
 *
 * Ownership: image_new/free; refers to its schema (own reference). Thread: its
 * room's worker.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bits.h"
#include "base/map.h"
#include "state/schema.h"

struct image_key {
    int64_t number;     /* KEY_PLAYER, KEY_INT */
    struct chunk *text; /* KEY_STR */
};

struct row {
    struct image_key key;
    struct row *next; /* in table.gone */
    uint32_t slot;
    uint32_t spawn;     /* tick at which it entered */
    uint32_t changed;   /* tick at which any field last changed */
    union cell *now;    /* n_fields */
    union cell *before; /* values at the end of the last tick; valid for fields
                         * whose tick is the current one, on rows that were there */
    uint32_t *ticks;    /* n_fields: when each last changed */
    uint32_t *touched;  /* n_words: fields whose tick is `changed`; not of a row that
                         * is new in this tick */
};

struct table {
    const struct record *record;
    bool is_indexed;   /* somebody looks rows up by key: by_key is kept */
    struct map by_key; /* key -> row */
    uint32_t moved_at; /* tick at which a row last came or went */
    uint32_t left_at;  /* tick at which a row that players knew last left */
    struct row **rows; /* by slot; NULL where free */
    uint32_t cap;
    uint32_t free_from; /* no slot below is free */
    struct row *gone;   /* the rows of `left`, in the order they left: their keys */
    struct row **gone_tail;
    struct bits alive;   /* slots in use */
    struct bits known;   /* what a player in step held before this bracket: image_begin()
                          * makes it equal to `alive` */
    struct bits changed; /* touched in this tick, spawned ones too */
    struct bits left;    /* were in `known` and have been removed in this tick */
};

struct image {
    struct schema *schema;
    uint32_t born;   /* the tick before its first bracket */
    uint32_t tick;   /* of the bracket under way, or the last one */
    uint32_t at;     /* the tick at which anything last changed: what players
                      * that are in step hold */
    uint32_t was_at; /* `at` before the last commit that changed something: the
                      * base of the delta that all in step get */
    bool is_dirty;   /* something was touched in this bracket */
    bool is_open;
    struct table *tables;    /* schema->n_tables */
    size_t n_rows, max_rows; /* rows of all maps; limit (default 100 000) */
};

enum { IMAGE_NO_SLOT = UINT32_MAX };

/* An image at rest whose root record holds the defaults. Takes its own reference
 * to the schema. Returns 0 or -ENOMEM. */
int image_new(struct image **out, struct schema *schema, uint32_t tick);
void image_free(struct image **img);

/* Ticks ascend; more than one bracket a tick is not allowed. */
void image_begin(struct image *img, uint32_t tick);

/* End the bracket: true when anything that players see is other than before it (then
 * `at` is this tick). What was changed and changed back does not count. */
bool image_commit(struct image *img);

/* A new row with default values; the lowest free slot. IMAGE_NO_SLOT when
 * max_rows is reached or memory is out. The key must be of the map's kind and
 * range, and is not checked for a twin. Text keys (1 to 255 bytes of UTF-8) are
 * copied. */
uint32_t image_add(struct image *img, uint32_t table, int64_t number, const char *text,
                   size_t len);
void image_remove(struct image *img, uint32_t table, uint32_t slot);

/* Store a cell (takes it: a string's reference is the image's now). Unchanged
 * values leave no trace. Returns whether it changed. The root row is slot 0. */
bool image_set(struct image *img, uint32_t table, uint32_t slot, uint32_t field,
               union cell value);

/* The same for many numbers of one row that is there: of the fields in `mask` (n_words),
 * in ascending order of by_path, `values` holds one each. Takes those that fit and leaves
 * the others in the mask: not a number (NaN), out of range, a type that is not for
 * this. Returns how many values there were. */
size_t image_set_numbers(struct image *img, uint32_t table, uint32_t slot, uint32_t *mask,
                         const double *values);

/* The row with this key (text for KEY_STR), NULL where there is none. Only for tables
 * with owners' fields or an interest rule. */
const struct row *image_find(const struct image *img, uint32_t table, int64_t number,
                             const char *text, size_t len);

const struct row *image_row(const struct image *img, uint32_t table, uint32_t slot);
