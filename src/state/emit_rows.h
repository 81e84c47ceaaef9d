/* SPDX-License-Identifier: MIT */
/*
 * emit_rows - the rows of one table, encoded at most once for all views that hold the
 * same tick, and the runs of one player made of them. Internal to emit: for tables with
 * an interest rule, and all views but those that come back.
 *
 * Ownership: rows_init/fini. Thread: the room's worker.
 */
#pragma once

#include "state/emit_diff.h"

/* Where a row's bytes are in a buffer. */
struct piece {
    uint32_t at, len;
};

/* What an item of an update or set run has behind its gap; most take 4 to 8 bytes. All
 * of it is copied, whatever its length. */
enum { ITEM_BYTES = 15, ITEM_LONG = 255 };
struct item {
    uint8_t bytes[ITEM_BYTES]; /* of a long one: a struct piece */
    uint8_t len;               /* ITEM_LONG: it is in `longs` */
};

struct rows {
    struct item *items;  /* by slot; good for rows in `differ` */
    struct piece *enter; /* by slot; a piece of length 0 is not there */
    struct buf longs, enters;
    uint32_t cap;
    bool has_moved;     /* in step: all that moved are done */
    struct bits done;   /* behind: rows that somebody who holds them has asked for */
    struct bits differ; /* those of them with an item */
};

void rows_init(struct rows *r);
void rows_fini(struct rows *r);

/* Another tick, or other views: what was encoded is of no use any more. */
void rows_clear(struct rows *r);

/* The section of a facet for everybody, for a view that does not come back; all that ask
 * until rows_clear() hold the same tick, or are in step, or have no state. `sight` was
 * what it saw, NULL where it has no state; now it sees what `look` says. Nothing where
 * there is no run. Returns false when memory is out. */
bool rows_put_section(struct rows *r, const struct diff *d, const struct facet *f,
                      const struct sight *sight, const struct look *look, struct buf *out);
