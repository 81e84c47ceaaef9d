/* SPDX-License-Identifier: MIT */
/*
 * near - where the rows of a table are: a uniform grid over two of its fields that
 * finds those around a point.
 *
 * Positions are what clients see: the quanta as doubles. A tick costs in proportion
 * to the rows it moved; they are sorted into their cells again when one of them has left
 * its own, and the grid is laid out anew when rows came or went, or after a while. Rows
 * outside the box that it covers count to its edge, and every row that is found was
 * measured: the grid is never wrong, at worst slow.
 *
 * Ownership: near_init/fini. Thread: its room's worker.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bits.h"
#include "state/image.h"

/* Two sets of rows side by side, 64 rows of each. */
typedef uint64_t near_word __attribute__((vector_size(16)));

struct near {
    uint32_t tick;             /* of the image up to which it is; 0: nothing yet */
    uint32_t n;                /* rows in it */
    uint32_t cap;              /* by slot, and by place */
    uint32_t sorts;            /* since it was laid out */
    double *x, *y;             /* by place: rows of one cell are neighbours */
    uint64_t *bits;            /* by place: the row's bit in the word of its slot */
    uint32_t *words;           /* by place: which word that is */
    uint32_t *places;          /* by slot */
    uint32_t *cells;           /* by slot */
    double *home;              /* by slot: x and y */
    near_word *found;          /* by word: rows within sight, rows that are kept there;
                                * all 0 between searches */
    double low_x, low_y, cell; /* the box begins at low; a cell's width */
    uint32_t nx, ny;
    uint32_t *starts; /* nx * ny + 1: where the places of a cell begin */
    uint32_t cap_starts;
};

void near_init(struct near *g);
void near_fini(struct near *g);

/* Bring it up to the image at rest. False: memory is out, and it is empty. */
bool near_update(struct near *g, const struct image *img, uint32_t table);

/* Add to `out` (which has room for all slots) the rows no farther from x, y than
 * `see`, and those of `held` no farther than `forget`. */
void near_find(struct near *g, double x, double y, double see, double forget,
               const struct bits *held, struct bits *out);
