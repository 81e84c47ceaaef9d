/* SPDX-License-Identifier: MIT */
#include "script/answers.h"

#include <assert.h>
#include <string.h>

void answers_init(struct answers *a)
{
    *a = (struct answers){0};
    buf_init(&a->frames, ANSWERS_BYTES);
}

void answers_fini(struct answers *a)
{
    buf_fini(&a->frames);
}

size_t answers_add(struct answers *a, uint32_t to, enum ws_op op, const uint8_t *data,
                   size_t len)
{
    struct buf *frames = &a->frames;
    uint8_t *at = frames->cap - frames->len >= WS_HEAD_MAX + ANSWERS_MESSAGE
                      ? frames->data + frames->len
                      : buf_reserve(frames, WS_HEAD_MAX + ANSWERS_MESSAGE);

    assert(len <= ANSWERS_MESSAGE);
    if (!at) {
        a->frames.failed = false; /* only this one finds no room */
        return 0;
    }
    size_t head = ws_frame_head(at, op, len);
    memcpy(at + head, data, len);
    buf_added(&a->frames, head + len);
    a->to = to;
    a->last = data;
    a->n++;
    return head + len;
}

void answers_mark(struct answers *a)
{
    a->n_done = a->n;
    a->done_bytes = a->frames.len;
}

void answers_cut(struct answers *a)
{
    buf_truncate(&a->frames, a->done_bytes);
    a->n = a->n_done;
}

void answers_clear(struct answers *a)
{
    buf_clear(&a->frames);
    a->n = a->n_done = 0;
    a->done_bytes = 0;
}
