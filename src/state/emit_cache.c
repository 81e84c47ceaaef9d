/* SPDX-License-Identifier: MIT */
/*
 * emit_cache - whole WebSocket frames for a room's players, encoded once where
 * several get the same.
 */
#include <assert.h>

#include "proto/json_out.h"
#include "proto/wire.h"
#include "proto/ws_frame.h"
#include "state/emit.h"
#include "state/emit_diff.h"
#include "state/emit_personal.h"
#include "state/emit_view.h"
#include "state/emit_write.h"

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

static void put_head(const struct image *img, const struct view *v, uint32_t ack, bool json,
                     struct buf *out)
{
    buf_clear(out);
    if (json)
        emit_put_json_head(v->has_state, ack, out);
    else if (v->has_state)
        emit_put_delta_head(img->at, v->base, v->is_resuming, ack, out);
    else
        emit_put_snapshot_head(img->at, ack, out);
}

/* The frame that all get, with another head: a copy costs a tenth of encoding it anew.
 * Takes `common`. */
static struct chunk *with_ack(struct emit_cache *c, const struct image *img,
                              const struct view *v, bool json, struct chunk *common)
{
    struct chunk *frame = NULL;

    put_head(img, v, 0, json, &c->scratch);
    size_t before = ws_frame_head_bytes(common->bytes) + c->scratch.len;
    put_head(img, v, v->ack, json, &c->scratch);
    buf_append(&c->scratch, common->bytes + before, common->len - before);
    frame = frame_of(c, json);
    chunk_unref(&common);
    return frame;
}

/* There is nothing to say but that. */
static struct chunk *ack_frame(struct emit_cache *c, const struct view *v, bool json)
{
    buf_clear(&c->scratch);
    if (json) {
        struct json_out j = json_out_to(&c->scratch);
        json_out_object(&j);
        json_out_key_str(&j, "t", "delta");
        json_out_key_int(&j, "ack", v->ack);
        json_out_key_int(&j, "tick", v->told);
        json_out_key_int(&j, "base", v->told);
        json_out_end_object(&j);
    } else {
        emit_put_delta_head(v->told, v->told, false, v->ack, &c->scratch);
        wire_put_u8(&c->scratch, 0);
    }
    return frame_of(c, json);
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
    if (frame && v->ack)
        frame = with_ack(c, img, v, json, frame);
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
    struct chunk *frame = NULL;

    if (!img->schema->is_personal) {
        frame = common_frame(c, img, v, json, failed);
    } else if (!c->personal && !(c->personal = personal_new(img->schema))) {
        *failed = true;
        view_reset(v);
    } else {
        frame = personal_frame(c->personal, img, v, json, failed);
    }
    if (!frame && !*failed && v->ack && v->has_state)
        frame = ack_frame(c, v, json);
    if (frame)
        v->ack = 0;
    return frame;
}
