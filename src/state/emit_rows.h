/* SPDX-License-Identifier: MIT */
/*
 * emit_rows - the rows of one table, encoded at most once a tick, and the runs of
 * one player made of them. Internal to emit: for views in step and snapshots of
 * tables with an interest rule.
 *
 * Ownership: rows_init/fini. Thread: the room's worker.
 */
#pragma once

#include "state/emit_diff.h"

/* Where a row's bytes are in a buffer. */
struct piece {
    uint32_t at, len;
};

/* What an item of an update run has behind its gap; most take 4 to 8 bytes. All of it
 * is copied, whatever its length. */
enum { ITEM_BYTES = 15, ITEM_LONG = 255 };
struct item {
    uint8_t bytes[ITEM_BYTES]; /* of a long one: a struct piece */
    uint8_t len;               /* ITEM_LONG: it is in `longs` */
};

struct rows {
    struct item *update; /* by slot; good for rows that moved */
    struct piece *enter; /* by slot; a piece of length 0 is not there */
    struct buf longs, enters;
    uint32_t cap;
    struct bits moved; /* rows with an update in this tick */
    bool has_updates;
};

void rows_init(struct rows *r);
void rows_fini(struct rows *r);

/* A tick is over: what was encoded is of no use any more. */
void rows_clear(struct rows *r);

/* The section of a facet for a view in step or without state (then `sight` is NULL):
 * that was its sight, now it sees what `look` says. Nothing where there is no run.
 * Returns false when memory is out. */
bool rows_put_section(struct rows *r, const struct diff *d, const struct facet *f,
                      const struct sight *sight, const struct look *look, struct buf *out);
