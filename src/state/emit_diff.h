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

#include "state/emit.h"

enum { DIFF_WORDS = SCHEMA_MAX_FIELDS / 32 };

struct diff {
    const struct image *img;
    const struct view *view; /* NULL: a snapshot */
    bool in_step;
    bool is_resume; /* of the view only the base is known: it has no list of rows */
};

struct diff diff_of(const struct image *img, const struct view *v);

/* v holds what the image was right before its last commit. */
bool diff_is_in_step(const struct image *img, const struct view *v);

/* Slots at or after `from`, in ascending order, BITS_NONE at the end: rows that
 * the view holds and that are no more; rows that it does not hold; rows of which
 * a field differs, with the mask of those fields. A slot that was used again is
 * among the first two. */
uint32_t diff_next_leave(const struct diff *d, uint32_t facet, uint32_t from);
uint32_t diff_next_enter(const struct diff *d, uint32_t facet, uint32_t from);
uint32_t diff_next_change(const struct diff *d, uint32_t facet, uint32_t from,
                          uint32_t fields[DIFF_WORDS]);

/* From what a client held at view->base, when it was in step with the image. */
struct diff diff_of_resume(const struct image *img, const struct view *v);

/* Has a row left since view->base? Only then a resuming client needs to be told which
 * rows it keeps: those for which diff_next_kept() gives slots. */
bool diff_has_left(const struct diff *d, uint32_t facet);
uint32_t diff_next_kept(const struct diff *d, uint32_t facet, uint32_t from);

/* Walk the members of a field mask: the lowest one at or after `from`, n_fields at
 * the end. */
static inline uint32_t diff_next_field(const uint32_t *fields, uint32_t from,
                                       uint32_t n_fields)
{
    while (from < n_fields) {
        uint32_t rest = fields[from / 32] >> (from % 32);
        if (rest)
            return from + (uint32_t)__builtin_ctz(rest);
        from = (from / 32 + 1) * 32;
    }
    return n_fields;
}
