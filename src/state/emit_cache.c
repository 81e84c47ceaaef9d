/* SPDX-License-Identifier: MIT */
/*
 * emit_cache - whole WebSocket frames for a room's players, encoded once where
 * several get the same.
 */
#include <assert.h>

#include "proto/ws_frame.h"
#include "state/emit.h"
#include "state/emit_diff.h"
#include "state/emit_personal.h"
#include "state/emit_view.h"

/* A snapshot may be large and is rare: its buffer is not kept beyond this. */
enum { SCRATCH_KEPT = 64 * 1024 };

void emit_cache_init(struct emit_cache *c)
{
    *c = (struct emit_cache){0};
    buf_init(&c->scratch, 0);
}

static void drop_chunks(struct emit_cache *c)
{
    chunk_unref(&c->binary);
    chunk_unref(&c->json);
    chunk_unref(&c->full_binary);
    chunk_unref(&c->full_json);
    chunk_unref(&c->merged);
}

void emit_cache_fini(struct emit_cache *c)
{
    drop_chunks(c);
    buf_fini(&c->scratch);
    personal_free(&c->personal);
}

/* What is in the scratch buffer as a frame, or NULL when memory is out. */
static struct chunk *frame_of(struct emit_cache *c, bool json)
{
    if (c->scratch.failed)
        return NULL;
    return ws_frame_chunk(json ? WS_TEXT : WS_BINARY, c->scratch.data, c->scratch.len);
}

static struct chunk *snapshot_frame(struct emit_cache *c, const struct image *img,
                                    bool json)
{
    struct chunk **cached = json ? &c->full_json : &c->full_binary;

    if (!*cached) {
        buf_clear(&c->scratch);
        if (json)
            emit_snapshot_json(img, &c->scratch);
        else
            emit_snapshot(img, &c->scratch);
        *cached = chunk_share(frame_of(c, json));
        if (c->scratch.cap > SCRATCH_KEPT)
            buf_fini(&c->scratch);
    }
    return *cached ? chunk_ref(*cached) : NULL;
}

static struct chunk *delta_frame(struct emit_cache *c, const struct image *img,
                                 const struct view *v, bool json)
{
    buf_clear(&c->scratch);
    if (json)
        emit_delta_json(img, v, &c->scratch);
    else
        emit_delta(img, v, &c->scratch);
    return frame_of(c, json);
}

static struct chunk *shared_frame(struct emit_cache *c, const struct image *img,
                                  const struct view *v, bool json)
{
    struct chunk **cached = json ? &c->json : &c->binary;

    if (!*cached)
        *cached = chunk_share(delta_frame(c, img, v, json));
    return *cached ? chunk_ref(*cached) : NULL;
}

/* After a stall many views are behind by the same: what they held then is the same, and
 * so are the bytes. */
static struct chunk *merged_frame(struct emit_cache *c, const struct image *img,
                                  const struct view *v, bool json)
{
    if (v->is_resuming)
        return delta_frame(c, img, v, json);
    if (!c->merged || c->merged_base != v->base || c->merged_json != json) {
        chunk_unref(&c->merged);
        c->merged = delta_frame(c, img, v, json);
        c->merged_base = v->base;
        c->merged_json = json;
    }
    return c->merged ? chunk_ref(c->merged) : NULL;
}

/* Where everybody sees everything. */
static struct chunk *common_frame(struct emit_cache *c, const struct image *img,
                                  struct view *v, bool json, bool *failed)
{
    struct chunk *frame;

    if (c->at != img->at)
        drop_chunks(c);
    c->at = img->at;
    if (view_is_current(v, img))
        return NULL;
    if (!v->has_state)
        frame = snapshot_frame(c, img, json);
    else if (diff_is_in_step(img, v))
        frame = shared_frame(c, img, v, json);
    else
        frame = merged_frame(c, img, v, json);
    if (!frame) {
        *failed = true;
        view_reset(v);
        return NULL;
    }
    view_catch_up(v); /* nothing to remember */
    v->base = v->told = img->at;
    v->has_state = true;
    v->json = json;
    return frame;
}

struct chunk *emit_frame(struct emit_cache *c, const struct image *img, struct view *v,
                         bool json, bool *failed)
{
    assert(!img->is_open);
    *failed = false;
    if (!img->schema->is_personal)
        return common_frame(c, img, v, json, failed);
    if (!c->personal && !(c->personal = personal_new(img->schema))) {
        *failed = true;
        view_reset(v);
        return NULL;
    }
    return personal_frame(c->personal, img, v, json, failed);
}
