/* SPDX-License-Identifier: MIT */
/*
 * conn_ws - an upgraded connection: messages, pings and the close handshake (RFC
 * 6455, 5.5 and 7).
 */
#include <assert.h>

#include "base/clk.h"
#include "base/close_reason.h"
#include "base/logger.h"
#include "net/conn_impl.h"

enum {
    /* Up to so many chunks may wait while pongs are still answered one by one;
     * above it, and while the socket is full, only the last ping is answered
     * (5.5.3), so that a burst of pings holds no memory. */
    PONG_QUEUE = 256,
    NO_CODE = 1005,
};

static void answer_ping(struct conn *c, const uint8_t *payload, size_t len)
{
    struct chunk *pong = ws_frame_chunk(WS_PONG, payload, len);

    if (!pong) /* nobody promised an answer when there is no memory */
        return;
    if (c->is_blocked || c->out.n >= PONG_QUEUE) {
        chunk_unref(&c->pong);
        c->pong = pong;
        return;
    }
    conn_queue(c, pong);
    chunk_unref(&pong);
}

/* Queue a Close frame; code 0 makes an empty one. false: no memory, aborted. */
static bool queue_close(struct conn *c, uint16_t code, const char *reason)
{
    struct chunk *frame = ws_frame_close(code, reason);
    bool is_queued = frame && conn_queue(c, frame);

    chunk_unref(&frame);
    if (!is_queued)
        conn_abort(c);
    return is_queued;
}

/* The peer's Close is answered with the same code; where ours went out before,
 * this is its answer. Either way all is said (7.1.1: the server ends the TCP). */
static void on_peer_close(struct conn *c, uint16_t code)
{
    if (c->state == CONN_WS) {
        c->code = code;
        if (!queue_close(c, code == NO_CODE ? 0 : code, ""))
            return;
    }
    conn_start_ending(c);
}

/* "Fail the connection" (7.1.7): a Close that says why, and no wait for the
 * peer's, because the parser cannot go on. */
static void on_error(struct conn *c, enum ws_result result)
{
    uint16_t code = ws_close_code(result);

    c->edge->counters.protocol_errors++;
    logger_debug("net", "%s: bad frame (%d), closed with %u", conn_address(c), (int)result,
                 code);
    if (c->state == CONN_WS) {
        c->code = code;
        if (!queue_close(c, code, close_reason_text(code)))
            return;
    }
    conn_start_ending(c);
}

/* What a connection may ask of us; asked for every event, because fragments and
 * pings cost as well. What is too much is dropped before a script sees it, and
 * who goes on with it for long is sent away. The flood is over once both meters
 * are down to half a burst, so a client that stays just above its rate does not
 * pass for one that has calmed down. */
static bool is_within_rate(struct conn *c, bool is_message, size_t n_bytes)
{
    const struct edge_limits *l = &c->edge->limits;

    if (!c->is_limited)
        return true;
    uint64_t now_us = clk_recent_us(); /* they have come together */
    bool fits = limits_take(&c->bytes, l->bytes, n_bytes, now_us) &&
                (!is_message || limits_take(&c->messages, l->messages, 1, now_us));
    if (fits) {
        if (c->flood_ms && limits_is_calm(c->bytes, l->bytes, now_us) &&
            limits_is_calm(c->messages, l->messages, now_us))
            c->flood_ms = 0;
        return true;
    }
    c->edge->counters.messages_dropped += is_message;
    if (!c->flood_ms) {
        c->flood_ms = now_us / 1000;
        logger_debug("net", "%s: too many messages, some are dropped", conn_address(c));
    } else if (now_us / 1000 - c->flood_ms >= l->flood_ms) {
        conn_close(c, CLOSE_TOO_MANY, NULL);
    }
    return false;
}

/* A step has used `used` bytes of a compressed message, and perhaps ended it. Returns
 * what the step costs the client: once uncompressed, a message counts with what it
 * holds, or a limit on bytes would be none. */
static size_t note_inflated(struct conn *c, const struct ws_in *got, size_t used)
{
    struct edge_counters *n = &c->edge->counters;

    n->inflate_received += used;
    if (got->event != WS_EVENT_MESSAGE)
        return used;
    n->inflate_plain += got->len;
    return got->len > used ? got->len : used;
}

void conn_ws_step(struct conn *c, uint8_t **in, size_t *n)
{
    size_t used = *n;
    struct ws_in got = ws_session_next(&c->ws, in, n);

    used -= *n;
    if (c->ws.is_packed && (c->ws.op || got.event == WS_EVENT_MESSAGE))
        used = note_inflated(c, &got, used);
    bool fits =
        c->state != CONN_WS || is_within_rate(c, got.event == WS_EVENT_MESSAGE, used);

    switch (got.event) {
    case WS_EVENT_NONE: *n = 0; break;
    case WS_EVENT_MESSAGE:
        if (c->state != CONN_WS) /* closing: ignored (5.5.1) */
            break;
        c->edge->counters.messages_in++;
        if (!fits) {
            if (c->handler->on_dropped)
                c->handler->on_dropped(c->user, got.op, got.data, got.len);
            break;
        }
        c->handler->on_message(c->user, got.op, got.data, got.len);
        break;
    case WS_EVENT_PING:
        if (c->state == CONN_WS)
            answer_ping(c, got.data, got.len);
        break;
    case WS_EVENT_PONG: break; /* heard_ms has moved already */
    case WS_EVENT_CLOSE:
        *n = 0;
        on_peer_close(c, got.code);
        break;
    case WS_EVENT_ERROR:
        *n = 0;
        on_error(c, got.result);
        break;
    }
}

bool conn_next_message(struct conn *c, enum ws_op *op, const uint8_t **data, size_t *len)
{
    struct edge_input *in = &c->edge->input;
    struct ws_in got;

    if (c->is_limited || c->state != CONN_WS || !conn_may_take(c) ||
        !ws_session_whole(&c->ws, &in->at, &in->left, &got))
        return false;
    in->steps++;
    c->edge->counters.messages_in++;
    *op = got.op;
    *data = got.data;
    *len = got.len;
    return true;
}

/* Would this frame make the queue too long? One message on a queue that is not
 * held back always fits, however big, or no client could be sent it. */
static bool is_too_much(const struct conn *c, const struct chunk *frame)
{
    const struct edge_limits *l = &c->edge->limits;

    return c->out.bytes > l->high_water && c->out.bytes + frame->len > l->max_out_bytes;
}

static void send_frame(struct conn *c, struct chunk *frame)
{
    /* Before we call a client too slow, see what its socket takes. */
    if (is_too_much(c, frame) && !c->is_blocked)
        conn_flush(c);
    if (c->state != CONN_WS)
        return;
    if (is_too_much(c, frame)) {
        logger_debug("net", "%s: %zu bytes wait, too slow", conn_address(c), c->out.bytes);
        conn_close(c, CLOSE_TOO_SLOW, NULL);
        return;
    }
    if (conn_queue(c, frame))
        c->edge->counters.messages_out++;
}

/* The compressed form of a frame; the reference is the caller's. What goes to several
 * is compressed once for all of them, and what this peer's window holds is then no
 * longer what its own compressor knows. */
static struct chunk *pack(struct conn *c, struct chunk *frame)
{
    struct ws_deflate *d = c->ws.deflate;
    struct edge *edge = c->edge;
    const struct ws_deflate_params *params = ws_deflate_params(d);
    bool is_new = true;
    struct chunk *packed;

    if (params->server_no_context_takeover || frame->is_shared) {
        packed = chunk_ref(
            twins_get(&edge->twins, params->server_max_window_bits, frame, &is_new));
        if (ws_deflate_is_packed(packed))
            ws_deflate_forget(d);
    } else {
        packed = ws_deflate_message(d, edge->twins.pool, frame);
    }
    edge->counters.deflated += is_new;
    return packed;
}

void conn_send(struct conn *c, struct chunk *frame)
{
    struct edge_counters *n = &c->edge->counters;

    if (c->state != CONN_WS)
        return;
    if (!c->ws.deflate || !ws_deflate_pool_wants(c->edge->twins.pool, frame)) {
        send_frame(c, frame);
        return;
    }
    struct chunk *packed = pack(c, frame);
    if (ws_deflate_is_packed(packed)) {
        n->deflate_plain += frame->len;
        n->deflate_sent += packed->len;
    }
    send_frame(c, packed);
    chunk_unref(&packed);
}

/* Each is compressed by itself. */
static void send_apart(struct conn *c, const struct chunk *run)
{
    for (size_t at = 0, len; at < run->len && c->state == CONN_WS; at += len) {
        len = ws_frame_bytes(run->bytes + at);
        struct chunk *frame = chunk_copy(run->bytes + at, len);
        if (!frame) {
            conn_abort(c);
            return;
        }
        conn_send(c, frame);
        chunk_unref(&frame);
    }
}

void conn_send_run(struct conn *c, struct chunk *run, size_t n)
{
    if (c->ws.deflate) {
        send_apart(c, run);
    } else if (c->state == CONN_WS) {
        c->edge->counters.messages_out += n - 1;
        send_frame(c, run);
    }
}

void conn_close(struct conn *c, uint16_t code, const char *reason)
{
    if (c->state == CONN_HTTP) {
        conn_start_ending(c);
        return;
    }
    if (c->state != CONN_WS)
        return;
    conn_stay(c);
    c->code = code;
    c->since_ms = edge_now_ms();
    if (!queue_close(c, code, reason ? reason : close_reason_text(code)))
        return;
    c->state = CONN_WS_CLOSING;
    conn_retime(c);
    conn_let_in(c);
}
