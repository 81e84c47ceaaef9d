/* SPDX-License-Identifier: MIT */
#include "proto/ws_session.h"

#include <stdlib.h>
#include <string.h>

/* RFC 6455 7.4.1: stands for an empty Close, never sent. */
enum { NO_CODE = 1005, CONTROL_MAX = 125 };

void ws_session_init(struct ws_session *s, uint64_t max_message)
{
    *s = (struct ws_session){.max_message = max_message};
    ws_frame_init(&s->frame, max_message, 0);
    buf_init(&s->message, 0);
}

void ws_session_fini(struct ws_session *s)
{
    buf_fini(&s->message);
    free(s->control);
    s->control = NULL;
    ws_deflate_free(&s->deflate);
}

void ws_session_set_deflate(struct ws_session *s, struct ws_deflate **d)
{
    s->deflate = *d;
    s->frame.rsv_allowed = WS_RSV1;
    *d = NULL;
}

bool ws_session_is_close_code(uint16_t code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

static struct ws_in failure(struct ws_session *s, enum ws_result r)
{
    s->ended = true;
    buf_fini(&s->message);
    return (struct ws_in){.event = WS_EVENT_ERROR, .result = r};
}

/* Bytes that may be handed out: never NULL, so that nobody's memcpy trips. */
static struct ws_in event(enum ws_event what, uint8_t op, const uint8_t *data, size_t len)
{
    return (struct ws_in){
        .event = what,
        .op = (enum ws_op)op,
        .data = len ? data : (const uint8_t *)"",
        .len = len,
    };
}

/* A whole Close payload (5.5.1, 7.4). */
static struct ws_in read_close(struct ws_session *s, const uint8_t *data, size_t len)
{
    struct ws_in in = event(WS_EVENT_CLOSE, WS_CLOSE, data, 0);

    in.code = NO_CODE;
    if (len == 1)
        return failure(s, WS_ERR_CLOSE);
    if (len >= 2) {
        in = event(WS_EVENT_CLOSE, WS_CLOSE, data + 2, len - 2);
        in.code = (uint16_t)(data[0] << 8 | data[1]);
        if (!ws_session_is_close_code(in.code))
            return failure(s, WS_ERR_CLOSE);
        if (!utf8_is_valid(in.data, in.len))
            return failure(s, WS_ERR_UTF8);
    }
    s->ended = true;
    buf_fini(&s->message);
    return in;
}

/* A slice of a control frame. It may come between the fragments of a message,
 * which it must leave alone; WS_EVENT_NONE while the frame is not whole. */
static struct ws_in take_control(struct ws_session *s, const struct ws_slice *slice)
{
    const uint8_t *data = slice->data;
    size_t len = slice->len;

    if (!(slice->first && slice->last)) {
        if (!s->control && !(s->control = malloc(CONTROL_MAX)))
            return failure(s, WS_ERR_MEMORY);
        memcpy(s->control + s->n_control, data, len);
        s->n_control = (uint8_t)(s->n_control + len);
        data = s->control;
        len = s->n_control;
    }
    if (!slice->last)
        return (struct ws_in){.event = WS_EVENT_NONE};
    s->n_control = 0;
    if (slice->op == WS_CLOSE)
        return read_close(s, data, len);
    return event(slice->op == WS_PING ? WS_EVENT_PING : WS_EVENT_PONG, (uint8_t)slice->op,
                 data, len);
}

/* The message is whole: hand it out, and be ready for the next one. */
static struct ws_in finish(struct ws_session *s, const uint8_t *data, size_t len)
{
    uint8_t op = s->op;

    s->op = 0;
    return event(WS_EVENT_MESSAGE, op, data, len);
}

/* A slice of a compressed message, which is gathered uncompressed. The text is
 * checked step by step: a bad byte is found before what follows it is unpacked. */
static struct ws_in take_packed(struct ws_session *s, const struct ws_slice *slice)
{
    const uint8_t *in = slice->data;
    size_t n = slice->len;
    enum ws_result r;

    do {
        size_t had = s->message.len;
        r = ws_deflate_inflate(s->deflate, &in, &n, &s->message, s->max_message);
        size_t got = s->message.len - had;
        if (s->op == WS_TEXT && got && !utf8_feed(&s->utf8, s->message.data + had, got))
            return failure(s, WS_ERR_UTF8);
    } while (r == WS_SLICE);
    if (r < 0)
        return failure(s, r);
    if (slice->last)
        s->frame.max_payload =
            slice->fin ? s->max_message : ws_frame_packed_max(s->max_message);
    if (!(slice->last && slice->fin))
        return (struct ws_in){.event = WS_EVENT_NONE};
    r = ws_deflate_end(s->deflate);
    if (r < 0)
        return failure(s, r);
    if (s->op == WS_TEXT && !utf8_is_complete(&s->utf8))
        return failure(s, WS_ERR_UTF8);
    return finish(s, s->message.data, s->message.len);
}

/* A slice of a message; WS_EVENT_NONE while the message is not whole. */
static struct ws_in take_data(struct ws_session *s, const struct ws_slice *slice)
{
    const uint8_t *data = slice->data;
    size_t len = slice->len;
    bool whole = slice->last && slice->fin;

    if (slice->first && slice->op != WS_CONTINUATION) {
        s->op = (uint8_t)slice->op;
        s->is_packed = slice->rsv1;
        utf8_init(&s->utf8);
    }
    if (s->is_packed)
        return take_packed(s, slice);
    if (s->op == WS_TEXT &&
        (!utf8_feed(&s->utf8, data, len) || (whole && !utf8_is_complete(&s->utf8))))
        return failure(s, WS_ERR_UTF8);

    /* Whatever else is in the message must come from the buffer; the buffer
     * grows by what has arrived, never by what a header announces. */
    if (!whole || s->message.len > 0) {
        if (len)
            buf_append(&s->message, data, len);
        if (s->message.failed)
            return failure(s, WS_ERR_MEMORY);
        data = s->message.data;
        len = s->message.len;
    }
    if (slice->last)
        s->frame.max_payload = s->max_message - (slice->fin ? 0 : s->message.len);
    if (!whole)
        return (struct ws_in){.event = WS_EVENT_NONE};
    return finish(s, data, len);
}

bool ws_session_whole(struct ws_session *s, uint8_t **in, size_t *n, struct ws_in *out)
{
    struct ws_slice slice;
    uint8_t *at = *in;
    size_t left = *n;

    if (s->op != 0 || s->ended || s->message.data || s->control ||
        !ws_frame_whole(&s->frame, &at, &left, &slice))
        return false;
    if (slice.op == WS_TEXT && !utf8_is_valid(slice.data, slice.len)) {
        ws_frame_mask_again(&slice);
        return false;
    }
    s->is_packed = false;
    *in = at;
    *n = left;
    *out = event(WS_EVENT_MESSAGE, (uint8_t)slice.op, slice.data, slice.len);
    return true;
}

struct ws_in ws_session_next(struct ws_session *s, uint8_t **in, size_t *n)
{
    struct ws_slice slice;
    enum ws_result r;
    struct ws_in whole;

    if (ws_session_whole(s, in, n, &whole))
        return whole;
    /* What the last call handed out is no longer borrowed. */
    if (s->op == 0 && s->message.data)
        buf_fini(&s->message);
    if (s->control && s->n_control == 0) {
        free(s->control);
        s->control = NULL;
    }
    if (s->ended) {
        *in += *n;
        *n = 0;
        return (struct ws_in){.event = WS_EVENT_NONE};
    }
    while ((r = ws_frame_next(&s->frame, in, n, &slice)) == WS_SLICE) {
        struct ws_in got = slice.op & 0x8 ? take_control(s, &slice) : take_data(s, &slice);
        if (got.event != WS_EVENT_NONE)
            return got;
    }
    if (r < 0)
        return failure(s, r);
    return (struct ws_in){.event = WS_EVENT_NONE};
}
