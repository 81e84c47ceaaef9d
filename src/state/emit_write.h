/* SPDX-License-Identifier: MIT */
/*
 * emit_write - the sections of SNAPSHOT and DELTA, one by one. Internal to emit.
 *
 * Thread: the room's worker.
 */
#pragma once

#include "state/emit_diff.h"

/* The section of one facet, or nothing where it has no run. An owner's facet needs
 * a diff with a player. */
void emit_put_section(const struct diff *d, const struct facet *f, struct buf *out);

/* SNAPSHOT's or DELTA's first bytes; `ack` as in struct view. */
void emit_put_snapshot_head(uint32_t tick, uint32_t ack, struct buf *out);
void emit_put_delta_head(uint32_t tick, uint32_t base, bool is_resume, uint32_t ack,
                         struct buf *out);

/* The key of a row; nothing for the root and an owner's facet. */
void emit_put_key(const struct record *record, const struct image_key *key,
                  struct buf *out);

/* What an item of an enter run has behind its gap. */
void emit_put_entered(const struct facet *f, const struct row *r, struct buf *out);

/* A run's length, for which a byte was left at `at`: where it takes more, what is behind
 * it moves up. */
void emit_set_count(struct buf *out, size_t at, uint32_t n);

/* What an item of a set run has behind its gap. */
void emit_put_set(const struct facet *f, const struct row *r, const uint32_t *fields,
                  struct buf *out);

/* An item of an update run; with `gap` -1 what it has behind its gap. */
void emit_put_update(const struct facet *f, const struct row *r, const uint32_t *fields,
                     int64_t gap, struct buf *out);

/* A whole JSON record: a snapshot where d->view is NULL, else a delta from `base`.
 * `ack` as in struct view. Returns whether a delta says anything beside its tick. */
bool emit_put_json(const struct diff *d, uint32_t tick, uint32_t base, uint32_t ack,
                   struct buf *out);

/* The first bytes of such a record, up to its ack. */
void emit_put_json_head(bool is_delta, uint32_t ack, struct buf *out);
