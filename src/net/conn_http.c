/* SPDX-License-Identifier: MIT */
/*
 * conn_http - requests, one after the other, and their replies.
 *
 * A reply that ends the connection is followed by shutdown() and a wait for the
 * peer's FIN: closing a socket with unread bytes sends a reset, which would
 * overtake the reply (RFC 9112, 9.6).
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/logger.h"
#include "net/conn_impl.h"

static const char nosniff[] = "X-Content-Type-Options: nosniff\r\n";

static const char *phrase(int status)
{
    switch (status) {
#define X(code, text)                                                                      \
    case code:                                                                             \
        return text;
#include "net/http_status.def"
#undef X
    default: return "Unknown";
    }
}

/* Bytes without a reply of their own: the 100 and the 101. */
static bool queue_text(struct conn *c, const void *text, size_t len)
{
    struct chunk *bytes = chunk_copy(text, len);
    bool is_queued = bytes && conn_queue(c, bytes);

    chunk_unref(&bytes);
    if (!is_queued)
        conn_abort(c);
    return is_queued;
}

static bool send_continue(struct conn *c)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";

    c->is_continued = true;
    return queue_text(c, text, sizeof text - 1);
}

static bool is_head_request(const struct conn *c)
{
    if (!c->in_request)
        return false;
    struct http_text m = http_head_method(c->head);
    return m.len == 4 && memcmp(m.at, "HEAD", 4) == 0;
}

/* Status line and headers. 204 and 304 have no Content-Length: theirs would have
 * to be that of a 200 (RFC 9110, 8.6). */
static void write_head(struct conn *c, struct buf *b, int status, const char *type,
                       const char *headers, size_t len)
{
    buf_format(b, "HTTP/1.1 %d %s\r\n", status, phrase(status));
    if (status != 204 && status != 304)
        buf_format(b, "Content-Length: %zu\r\n", len);
    if (type)
        buf_format(b, "Content-Type: %s\r\n", type);
    if (headers)
        buf_text(b, headers);
    /* Who sends Upgrade names it as an option of the connection (7.8). */
    if (status == 426)
        buf_text(b, "Connection: upgrade\r\n");
    if (c->is_last)
        buf_text(b, "Connection: close\r\n");
    else if (c->in_request && http_head_has_token(c->head, "connection", "keep-alive"))
        buf_text(b, "Connection: keep-alive\r\n"); /* HTTP/1.0 clients want it said */
    buf_text(b, "\r\n");
}

/* Takes the body (which may be NULL). */
static void reply(struct conn *c, int status, const char *type, const char *headers,
                  struct chunk *body)
{
    struct buf b;

    if (c->state != CONN_HTTP) { /* ended by its handler before the reply */
        chunk_unref(&body);
        return;
    }
    assert(!c->is_answered);
    c->is_answered = true;
    buf_init(&b, 0);
    write_head(c, &b, status, type, headers, body ? body->len : 0);
    if (b.failed) {
        conn_abort(c);
    } else if (queue_text(c, b.data, b.len)) {
        if (body && !is_head_request(c) && status != 204 && status != 304)
            conn_queue(c, body);
        if (c->is_last && c->state != CONN_DEAD)
            conn_start_ending(c);
    }
    chunk_unref(&body);
    buf_fini(&b);
}

void conn_reply_chunk(struct conn *c, int status, const char *type, const char *headers,
                      struct chunk *body)
{
    reply(c, status, type, headers, body);
}

void conn_reply(struct conn *c, int status, const char *type, const char *headers,
                const void *body, size_t len)
{
    struct chunk *copy = chunk_copy(body, len);

    if (copy)
        reply(c, status, type, headers, copy);
    else
        conn_abort(c);
}

void conn_reply_error(struct conn *c, int status, const char *headers, const char *text)
{
    struct buf all, body;

    buf_init(&all, 0);
    buf_init(&body, 0);
    buf_text(&all, nosniff);
    buf_text(&all, headers ? headers : "");
    buf_byte(&all, 0);
    buf_format(&body, "%s\n", text);
    if (all.failed || body.failed)
        conn_abort(c);
    else
        conn_reply(c, status, "text/plain; charset=utf-8", (const char *)all.data,
                   body.data, body.len);
    buf_fini(&all);
    buf_fini(&body);
}

void conn_http_fail(struct conn *c, int status, const char *text)
{
    c->is_last = true;
    c->is_answered = false;
    conn_reply_error(c, status, NULL, text);
}

static const char *fault(int status)
{
    switch (status) {
    case 413: return "the body is too long";
    case 414: return "the address is too long";
    case 431: return "the headers are too long";
    case 501: return "this method or transfer coding is not known here";
    case 503: return "no memory, come back later";
    case 505: return "this version of HTTP is not spoken here";
    default: return "this is not a valid request";
    }
}

/* A whole request is there. One that asks for an upgrade and does not get it ends
 * the connection: what follows could be frames, or a body that was not read, and
 * neither must be taken for the next request. */
static void on_request(struct conn *c)
{
    struct edge *edge = c->edge;

    c->is_first = false;
    c->is_answered = false;
    c->in_request = true;
    c->is_last = !http_head_keeps_alive(c->head) || http_head_wants_upgrade(c->head);
    if (conn_note_request(c))
        edge->handler->on_request(edge->ctx, c, c->head);
    c->in_request = false;
    if (c->state == CONN_DEAD)
        return;
    assert(c->is_answered || c->state == CONN_ENDING);
    c->is_continued = false;
    if (c->state == CONN_HTTP) {
        http_head_reset(c->head);
        conn_retime(c); /* keep_alive_ms may be less than was left of head_ms */
    } else {
        http_head_free(&c->head);
    }
}

void conn_http_step(struct conn *c, uint8_t **in, size_t *n)
{
    size_t used = *n;

    if (!c->head && http_head_new(&c->head, &c->edge->limits.http) < 0) {
        conn_abort(c);
        *n = 0;
        return;
    }
    bool was_started = http_head_is_started(c->head);
    enum http_result r = http_head_feed(c->head, *in, *n, &used);
    *in += used;
    *n -= used;
    if (r < 0) {
        *n = 0;
        c->edge->counters.protocol_errors++;
        logger_debug("net", "%s: bad request, answered %d", conn_address(c), -r);
        conn_http_fail(c, -r, fault(-r));
        return;
    }
    if (r == HTTP_DONE) {
        on_request(c);
        return;
    }
    if (!was_started && !c->is_first && http_head_is_started(c->head)) {
        c->since_ms = edge_now_ms();
        conn_retime(c);
    }
    if (!c->is_continued && http_head_wants_continue(c->head))
        send_continue(c);
}

int conn_upgrade(struct conn *c, const char *accept, const struct conn_ws_options *o,
                 const struct conn_handler *handler, void *user)
{
    struct ws_deflate *deflate = NULL;
    struct buf b;

    if (c->state != CONN_HTTP)
        return -ENOMEM;
    assert(c->in_request && !c->is_answered);
    c->is_answered = true;
    /* 7.8 of RFC 9110: who expects a 100 gets it before the 101. */
    if (!c->is_continued && http_head_has_token(c->head, "expect", "100-continue") &&
        !send_continue(c))
        return -ENOMEM;
    buf_init(&b, 0);
    buf_format(&b,
               "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
               "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n",
               accept);
    if (o->subprotocol)
        buf_format(&b, "Sec-WebSocket-Protocol: %s\r\n", o->subprotocol);
    if (o->extensions)
        buf_format(&b, "Sec-WebSocket-Extensions: %s\r\n", o->extensions);
    buf_text(&b, "\r\n");
    if (b.failed || (o->deflate && ws_deflate_new(&deflate, o->deflate) < 0))
        conn_abort(c);
    else
        queue_text(c, b.data, b.len);
    buf_fini(&b);
    if (c->state == CONN_DEAD) {
        ws_deflate_free(&deflate);
        return -ENOMEM;
    }
    ws_session_init(&c->ws, o->max_message);
    if (deflate)
        ws_session_set_deflate(&c->ws, &deflate);
    c->is_limited = o->is_limited;
    c->handler = handler;
    c->user = user;
    c->state = CONN_WS;
    c->edge->counters.upgrades++;
    c->edge->counters.open_ws++;
    c->heard_ms = edge_now_ms();
    conn_retime(c);
    return 0;
}
