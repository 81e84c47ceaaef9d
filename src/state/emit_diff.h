/* SPDX-License-Identifier: MIT */
/*
 * emit_diff - which rows and fields lie between what a view holds and the image
 * at rest. Internal to emit: the binary and the JSON writer walk the same answers.
 *
 * A view in step looks only at what this bracket touched; one that is behind
 * compares ticks over all rows; without a view everything is new (a snapshot).
 *
 * Thread: the room's worker. Nothing is kept.
 */
#pragma once

#include <string.h>

#include "state/emit.h"

enum { DIFF_WORDS = SCHEMA_MAX_FIELDS / 32 };

/* What a view sees of one table with an interest rule, and which of these rows, in
 * their slots, it holds already. Sets that reach as far as the table's. */
struct look {
    struct bits seen, same;
    bool is_still; /* nothing comes or goes: it sees what it held, in the same slots */
};

struct diff {
    const struct image *img;
    const struct view *view;  /* NULL: a snapshot */
    uint32_t player;          /* who owns rows, 0: nobody */
    const struct look *looks; /* by place of the rule; NULL where there is none */
    bool in_step;
};

/* `looks` as in the struct. */
struct diff diff_of(const struct image *img, const struct view *v,
                    const struct look *looks);

/* v holds what the image was right before its last commit. */
bool diff_is_in_step(const struct image *img, const struct view *v);

/* Slots at or after `from`, in ascending order, BITS_NONE at the end: rows that
 * the view holds and sees no more; rows that it sees and does not hold; both; those
 * of which a field for everybody differs, with the mask of these fields. A slot that was
 * used again is among the first two. When a client comes back nothing leaves: where
 * diff_has_left(), what is not kept goes. */
uint32_t diff_next_leave(const struct diff *d, uint32_t table, uint32_t from);
uint32_t diff_next_enter(const struct diff *d, uint32_t table, uint32_t from);
uint32_t diff_next_kept(const struct diff *d, uint32_t table, uint32_t from);
uint32_t diff_next_change(const struct diff *d, uint32_t table, uint32_t from,
                          uint32_t fields[DIFF_WORDS]);

/* May a client that comes back hold rows which are not there any more, or out of its
 * sight? */
bool diff_has_left(const struct diff *d, uint32_t table);

/* The same for one row that is held, and for fields of another audience: false where
 * none of the `n` from `first` differs. Bit 0 of the mask is `first`. */
bool diff_mark(const struct diff *d, const struct record *table, const struct row *r,
               uint32_t first, uint32_t n, uint32_t *fields);

/* The same in step, and in line: the work of every tick. What was set and set back is not
 * sent, as the value before is at hand. */
static inline bool diff_mark_moved(const struct diff *d, const struct record *table,
                                   const struct row *r, uint32_t first, uint32_t n,
                                   uint32_t *fields)
{
    uint32_t any = 0, end = first + n;

    memset(fields, 0, (n + 31) / 32 * sizeof *fields);
    if (r->changed != d->img->tick)
        return false;
    for (uint32_t i = field_next(r->touched, first, end); i < end;
         i = field_next(r->touched, i + 1, end)) {
        const struct type *t = &table->fields[i].type;
        if (type_is_chunk(t) ? type_equal(t, r->before[i], r->now[i])
                             : r->before[i].q == r->now[i].q)
            continue;
        fields[(i - first) / 32] |= UINT32_C(1) << ((i - first) % 32);
        any = 1;
    }
    return any;
}

/* The row of a table with owners' fields that the viewer owns, NULL where there is
 * none; and whether the view holds it. */
const struct row *diff_own_row(const struct diff *d, uint32_t table);
bool diff_holds_own(const struct diff *d, uint32_t table, const struct row *own);
