/* SPDX-License-Identifier: MIT */
/*
 * emit_cache - whole WebSocket frames for a room's players, encoded once where
 * several get the same.
 */
#include <assert.h>

#include "proto/ws_frame.h"
#include "state/emit.h"
#include "state/emit_diff.h"

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
}

void emit_cache_fini(struct emit_cache *c)
{
    drop_chunks(c);
    buf_fini(&c->scratch);
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
        *cached = frame_of(c, json);
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
        *cached = delta_frame(c, img, v, json);
    return *cached ? chunk_ref(*cached) : NULL;
}

/* `v` has got this frame, or memory was out. */
static struct chunk *move_view(struct view *v, const struct image *img, bool json,
                               struct chunk *frame, bool *failed)
{
    *failed = !frame;
    if (!frame) {
        view_reset(v);
        return NULL;
    }
    view_fini(v); /* in step from here: nothing to remember */
    v->base = img->at;
    v->has_state = true;
    v->json = json;
    return frame;
}

bool emit_can_resume(const struct image *img, uint32_t tick)
{
    return tick > img->born && tick <= img->at;
}

struct chunk *emit_resume_frame(struct emit_cache *c, const struct image *img,
                                struct view *v, uint32_t tick, bool json, bool *failed)
{
    assert(emit_can_resume(img, tick));
    buf_clear(&c->scratch);
    if (json)
        emit_resume_json(img, tick, &c->scratch);
    else
        emit_resume(img, tick, &c->scratch);
    return move_view(v, img, json, frame_of(c, json), failed);
}

struct chunk *emit_frame(struct emit_cache *c, const struct image *img, struct view *v,
                         bool json, bool *failed)
{
    struct chunk *frame;

    assert(!img->is_open);
    *failed = false;
    if (c->at != img->at)
        drop_chunks(c);
    c->at = img->at;
    if (v->has_state && v->base == img->at)
        return NULL;
    if (!v->has_state)
        frame = snapshot_frame(c, img, json);
    else if (diff_is_in_step(img, v))
        frame = shared_frame(c, img, v, json);
    else
        frame = delta_frame(c, img, v, json);
    return move_view(v, img, json, frame, failed);
}
