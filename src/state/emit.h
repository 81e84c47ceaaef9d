/* SPDX-License-Identifier: MIT */
/*
 * emit - from the image to the bytes a player gets, for any base tick.
 *
 * One routine serves all: a player in step gets what changed since the last
 * change, one who was skipped gets one merged delta, one who comes back a delta
 * from the tick it says it holds, a new one the snapshot. It is driven by field
 * ticks, spawn ticks and, where a player does not see all rows, the ticks at which
 * rows came into its sight; there are no tombstones, so `view` remembers which rows
 * a player holds while it is not in step.
 *
 * In a room where everybody sees everything the players in step share one frame.
 * Else each gets a frame of its own (emit_personal): the sections that all share
 * are encoded once and copied, rows are encoded once and gathered, and what only
 * the owner sees is written into nobody else's frame.
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
#include "state/interest.h"

/* The rows of one table that a view holds, with their keys where JSON needs them. */
struct held {
    struct bits slots;
    struct image_key *keys; /* by slot; NULL in a view that gets binary */
    uint32_t n_keys;
};

/* The rows of one table with an interest rule that a view holds: one bit a slot, two
 * bytes a row. */
struct sight {
    struct bits slots;
    uint16_t *since; /* for the rows in slots, in their order: low bits of the tick in
                      * which they came into sight */
    uint32_t n, cap;
};

/* What one player holds. In step (base >= image->was_at before a commit, known ==
 * NULL) it costs nothing but this struct and its sights. */
struct view {
    uint32_t player;      /* whose view it is: who owns its rows; 0: nobody's */
    uint32_t base;        /* it holds the state of this tick */
    uint32_t ack;         /* to be told with the next frame: the last input of the client
                           * that the image contains; 0: nothing to tell */
    uint32_t told;        /* tick of the last frame, which is what the client knows: below
                           * base when nothing that it sees has changed since */
    struct held *known;   /* by table: rows held, while behind; NULL while in step */
    uint32_t n_known;     /* tables in it */
    struct sight *sights; /* by place of the rule; NULL where there is none, or nothing
                           * was sent yet */
    uint32_t n_sights;
    struct interest interest; /* what it asks to see; stays through view_reset() */
    bool has_state;           /* false: nothing sent yet, or RESYNC: next is a snapshot */
    bool json;        /* gets JSON, so view_skip() keeps keys too; emit_frame() sets it */
    bool is_resuming; /* the next frame says which rows the client keeps */
};

/* Nobody's view; set `player` where it is somebody's. */
void view_init(struct view *v);
void view_fini(struct view *v);

/* The player gets nothing for the commit that was just made: remember what it
 * holds before the image moves on. Call between image_commit() and the next
 * image_begin(); for a view that is behind already, or has nothing, it does
 * nothing. Memory out: the view starts over with a snapshot. */
void view_skip(struct view *v, const struct image *img);

/* Start over: the next emit is a snapshot. */
void view_reset(struct view *v);

/* Would emit_frame() give nothing, as the view holds all that it may see? Say so after
 * image_commit(). */
bool view_is_current(const struct view *v, const struct image *img);

/* The client has come back and holds the state of `tick`, or so it says; it may be an
 * older one than was sent. The next frame is a delta from there that names the rows it
 * keeps, where any can have left. A view of somebody who is away is otherwise left alone:
 * no view_skip(), no frames. False: that cannot be (no state, a tick that was never sent,
 * one of another image; 0 is none); then the view was reset. Whether the client's schema is
 * the image's is for the caller to know. */
bool view_resume(struct view *v, const struct image *img, uint32_t tick);

/* One SNAPSHOT record of a room in which everybody sees everything. */
void emit_snapshot(const struct image *img, struct buf *out);
void emit_snapshot_json(const struct image *img, struct buf *out);

/* One DELTA record from what `v` (which has state) holds to the image at rest, in such
 * a room. Leaves `out` as it was where v->base is img->at already; else there is always
 * a record, if only to move the tick. The JSON of a view that is behind needs
 * v->json to have been set before view_skip(). */
void emit_delta(const struct image *img, const struct view *v, struct buf *out);
void emit_delta_json(const struct image *img, const struct view *v, struct buf *out);

struct personal;

/* What is encoded once for several: whole frames for players in step where everybody
 * sees everything, else sections and rows (emit_personal.h). Good for one image; a
 * new image needs a new cache. */
struct emit_cache {
    struct chunk *binary, *json, *full_binary, *full_json;
    struct chunk *merged; /* for views that are behind: the last one, of this base */
    uint32_t merged_base;
    bool merged_json;
    uint32_t at; /* image->at for which they are good */
    struct buf scratch;
    struct personal *personal;
};

void emit_cache_init(struct emit_cache *c);
void emit_cache_fini(struct emit_cache *c);

/* The WebSocket frame that brings `v` up to date, and move `v` there: a snapshot
 * for a view without state, else a delta. It tells v->ack, which is 0 then; where there
 * is nothing else to send, an empty delta does. The reference is yours. NULL where there is
 * nothing to send, or when memory was out: then *failed is true and `v` starts
 * over with a snapshot. Call between image_commit() and image_begin(), once a tick. */
struct chunk *emit_frame(struct emit_cache *c, const struct image *img, struct view *v,
                         bool json, bool *failed);
