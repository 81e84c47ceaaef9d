/* SPDX-License-Identifier: MIT */
/*
 * emit - from the image to the bytes a player gets, for any base tick.
 *
 * One routine serves all: a player in step gets what changed since the last
 * change (the same bytes for everybody, encoded once: emit_cache), a player who
 * was skipped gets one merged delta, a new one the snapshot. It is driven by
 * field ticks and spawn ticks; there are no tombstones, so `view` remembers
 * which rows a player holds while it is not in step.
 *
 * Ownership: views belong to the room; chunks are shared. Thread: its room's
 * worker.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bits.h"
#include "base/buf.h"
#include "base/chunk.h"
#include "state/image.h"

/* The rows of one facet that a view holds, with their keys where JSON needs them. */
struct held {
    struct bits slots;
    struct image_key *keys; /* by slot; NULL in a view that gets binary */
    uint32_t n_keys;
};

/* What one player holds. In step (base == image->at before a commit, known ==
 * NULL) it costs nothing but this struct. */
struct view {
    uint32_t base;      /* tick of the state that was last sent */
    struct held *known; /* by facet: rows held, while behind; NULL while in step */
    uint32_t n_known;   /* facets in it */
    bool has_state;     /* false: nothing sent yet, or RESYNC: next is a snapshot */
    bool json;          /* gets JSON, so view_skip() keeps keys too; emit_frame() sets it */
};

void view_init(struct view *v);
void view_fini(struct view *v);

/* The player gets nothing for the commit that was just made: remember what it
 * holds before the image moves on. Call between image_commit() and the next
 * image_begin(); for a view that is behind already, or has nothing, it does
 * nothing. Memory out: the view starts over with a snapshot. */
void view_skip(struct view *v, const struct image *img);

/* Start over: the next emit is a snapshot. */
void view_reset(struct view *v);

/* One SNAPSHOT record, in binary or JSON. */
void emit_snapshot(const struct image *img, struct buf *out);
void emit_snapshot_json(const struct image *img, struct buf *out);

/* One DELTA record from what `v` (which has state) holds to the image at rest.
 * Leaves `out` as it was where v->base is img->at already; else there is always a
 * record, if only to move the tick. The JSON of a view that is behind needs
 * v->json to have been set before view_skip(). */
void emit_delta(const struct image *img, const struct view *v, struct buf *out);
void emit_delta_json(const struct image *img, const struct view *v, struct buf *out);

/* A client that was away holds the state of `tick`, or so it says. Can a delta bring it
 * up to date? Not where this image never was at that tick. Whether the client's schema
 * is the image's, and whether it means this room, is for the caller to know. */
bool emit_can_resume(const struct image *img, uint32_t tick);

/* One DELTA record with the resume flag from the state of `tick`, for which
 * emit_can_resume(), to the image at rest. Needs no memory of what the client was sent:
 * where rows have left since, those that it keeps are listed. There is always a
 * record. */
void emit_resume(const struct image *img, uint32_t tick, struct buf *out);
void emit_resume_json(const struct image *img, uint32_t tick, struct buf *out);

/* What all players in step get for the last commit, as a whole WebSocket frame,
 * encoded at the first call after it. */
struct emit_cache {
    struct chunk *binary, *json, *full_binary, *full_json;
    uint32_t at; /* image->at for which they are good */
    struct buf scratch;
};

void emit_cache_init(struct emit_cache *c);
void emit_cache_fini(struct emit_cache *c);

/* The WebSocket frame of emit_resume(), which moves `v` to the image. Else as
 * emit_frame(). */
struct chunk *emit_resume_frame(struct emit_cache *c, const struct image *img,
                                struct view *v, uint32_t tick, bool json, bool *failed);

/* The WebSocket frame that brings `v` up to date, and move `v` there: a snapshot
 * for a view without state, the shared delta for one in step, a merged delta of
 * its own for one that is behind. The reference is yours. NULL where there is
 * nothing to send, or when memory was out: then *failed is true and `v` starts
 * over with a snapshot. Call between image_commit() and image_begin(). */
struct chunk *emit_frame(struct emit_cache *c, const struct image *img, struct view *v,
                         bool json, bool *failed);
