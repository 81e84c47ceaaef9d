/* SPDX-License-Identifier: MIT */
/*
 * conn - one browser: a socket that speaks HTTP and perhaps becomes a
 * WebSocket.
 *
 *   accepted -> HTTP requests (one after the other, pipelined ones too)
 *            -> conn_upgrade() -> messages -> closing -> closed
 *
 * A conn never sees a script or a room; it calls its handler. It lives on its
 * edge's loop: the memory returns after the turn in which it ended, after on_closed.
 *
 * Ownership: the edge owns it; your pointer dies when on_closed returns.
 * Thread: its edge's; between on_moved and conn_adopt() any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/chunk.h"
#include "net/edge.h"
#include "proto/ws_frame.h"

/* What happens on an upgraded connection. `user` is what conn_upgrade() took. */
struct conn_handler {
    /* A whole message, UTF-8 checked when it is text; `data` borrows until the
     * return. You may send, close, anything but free. */
    void (*on_message)(void *user, enum ws_op op, const uint8_t *data, size_t len);

    /* The connection is over; called once, whatever ended it, and never from
     * inside conn_send() or conn_close(). `code` is the peer's close code, 1005
     * for none, 1006 for a cut or a time-out, or ours where we closed first. */
    void (*on_closed)(void *user, uint16_t code);

    /* A message that was dropped, because the connection sends too many (may be NULL). */
    void (*on_dropped)(void *user, enum ws_op op, const uint8_t *data, size_t len);
};

struct conn_ws_options {
    const char *subprotocol; /* NULL: none is answered */
    const char *extensions;  /* value of Sec-WebSocket-Extensions; NULL: none */
    const struct ws_deflate_params *deflate; /* what `extensions` agrees to; or NULL */
    uint64_t max_message;                    /* bytes, uncompressed */
    bool is_limited;                         /* edge_limits.messages and .bytes count */
};

/* Answer the request being handled with 101 and go on as a WebSocket. The caller
 * has checked it (ws_handshake_check) and passes the accept value. Returns 0 or
 * -ENOMEM (then the connection is closed and no callback comes). */
int conn_upgrade(struct conn *c, const char *accept, const struct conn_ws_options *o,
                 const struct conn_handler *handler, void *user);

/* What the handler's callbacks get from now on, in place of conn_upgrade()'s `user`. */
void conn_set_user(struct conn *c, void *user);

/* Another handler, and what it gets, from now on. */
void conn_hand_over(struct conn *c, const struct conn_handler *handler, void *user);

/* Answer the request being handled. `type` may be NULL where body is empty;
 * `headers` are further lines, each ended with \r\n, or NULL. HEAD gets the
 * length without the body. The body is copied. */
void conn_reply(struct conn *c, int status, const char *type, const char *headers,
                const void *body, size_t len);

/* The same with a body that is shared, not copied; takes one reference. */
void conn_reply_chunk(struct conn *c, int status, const char *type, const char *headers,
                      struct chunk *body);

/* A short text body that says `text`, as all errors are answered. */
void conn_reply_error(struct conn *c, int status, const char *headers, const char *text);

/* Queue one whole WebSocket frame (see ws_frame_chunk); keeps its own
 * reference, yours stays yours. Where permessage-deflate was agreed on, the frame's
 * compressed form is queued instead, the same for all connections that are sent this
 * frame in this turn; chunk.is_shared says that there are several. Past max_out_bytes
 * (of what is really queued) the connection is closed with 4007, but a frame of any
 * size is taken while no more than high_water waits. Ignored once the connection is
 * closing. */
void conn_send(struct conn *c, struct chunk *frame);

/* The same for `n` frames that lie in `run`, one behind the other: without compression
 * that is one place in the queue, not n. */
void conn_send_run(struct conn *c, struct chunk *run, size_t n);

/* Within on_message: the next message of the same read, which then will not come by
 * on_message. Only for connections without limits; only one that lies there whole, in one
 * frame. false: on_message has to return, and brings what comes next. The message before is
 * borrowed no longer in any case. */
bool conn_next_message(struct conn *c, enum ws_op *op, const uint8_t **data, size_t *len);

/* Start the close handshake: Close goes out after what is queued, the peer's
 * Close is awaited, then the socket ends; close_ms bounds it all. */
void conn_close(struct conn *c, uint16_t code, const char *reason);

/* End the socket now, without a word. */
void conn_abort(struct conn *c);

/* Read no more of it until it is let go again: whoever handles its messages cannot keep
 * up. Its end is noticed then. */
void conn_hold(struct conn *c, bool is_held);

/* Hand an upgraded connection to another edge: no message of it is read any more from
 * here on, and at the end of the turn edge_handler.on_moved gets it, with all that is
 * queued and unread. What ends the connection first, conn_close() included, ends this,
 * too. */
void conn_move(struct conn *c);

/* Take over what on_moved got, on the thread of this edge. It goes on where it was; a
 * failure ends it as on_closed tells, in a later turn. */
void conn_adopt(struct conn *c, struct edge *edge);

/* Nobody takes it over: on_closed is called from here, and it is gone. `share` is that of
 * its last edge. */
void conn_discard(struct conn *c, struct edge_share *share);

/* Bytes that have not left: our queue, plus what the kernel has not sent
 * (SIOCOUTQNSD, asked only when something was written since it was last nothing).
 * What was queued in this turn is written first; calls no handler. */
size_t conn_backlog(struct conn *c);

/* Bytes in our own queue alone. */
size_t conn_queued(const struct conn *c);

/* "203.0.113.7" or "2001:db8::1", without the port: the client's, also where a
 * trusted proxy is between. Until the next call in this thread. */
const char *conn_address(const struct conn *c);

/* One more request that a script is to answer: false where its address sends too many
 * (edge_limits.requests). */
bool conn_may_ask(struct conn *c);

/* "https" where it speaks TLS with us; "https" or "http" where a trusted proxy tells
 * how the client came; else NULL. */
const char *conn_scheme(const struct conn *c);

/* The client is on this machine (127.0.0.0/8 or ::1). */
bool conn_is_loopback(const struct conn *c);
