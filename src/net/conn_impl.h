/* SPDX-License-Identifier: MIT */
/*
 * conn_impl - the inside of a connection, for conn.c (life and time-outs),
 * conn_source.c (who it is), conn_io.c (bytes in and out), conn_http.c and
 * conn_ws.c (what they mean).
 *
 * An idle WebSocket costs this struct and nothing else: reads go to the edge's
 * buffer, the request's parser is freed at the upgrade, the output queue frees
 * itself when it runs empty.
 *
 * Thread: its worker's.
 */
#pragma once

#include <sys/socket.h>

#include "net/conn.h"
#include "net/edge_impl.h"
#include "net/limits.h"
#include "net/outq.h"
#include "proto/ws_session.h"

/* How the client came: with TLS of ours, or by a trusted proxy's word. */
enum conn_scheme {
    SCHEME_UNKNOWN,
    SCHEME_HTTP,
    SCHEME_HTTPS,
};

enum conn_state {
    CONN_HTTP,       /* requests */
    CONN_WS,         /* messages */
    CONN_WS_CLOSING, /* our Close is queued, the peer's is awaited */
    CONN_ENDING,     /* nothing more to say: write out, shut down, await the FIN */
    CONN_DEAD,       /* the socket is gone; the memory goes before the next poll */
};

/* What a message touches comes first and lies together: with many connections each
 * cache line of it is a miss (see poller.c). */
struct conn {
    uint32_t magic;
    int fd;
    struct edge *edge;
    uint8_t state;     /* enum conn_state */
    uint8_t events;    /* what is polled for: EPOLLIN, EPOLLOUT */
    bool is_loopback;  /* the client */
    bool is_trusted;   /* the peer: its X-Forwarded- headers count */
    bool is_limited;   /* the meters below count */
    bool is_blocked;   /* the socket is full; wait until it is writable */
    bool may_wait;     /* the kernel may hold bytes that it has not sent */
    bool is_paused;    /* too much waits to leave: read no more for now */
    bool is_held;      /* the same, because its handler says so */
    bool is_moving;    /* to another edge, at the end of the turn; in edge->moving */
    bool is_shut;      /* our side of the TCP connection is closed */
    bool is_eof;       /* and this is the peer's */
    bool is_eof_next;  /* the same, once `rest` is used up */
    bool is_pinged;    /* since we last heard */
    bool is_first;     /* no request has been read yet */
    bool in_request;   /* on_request runs */
    bool is_answered;  /* and has replied */
    bool is_last;      /* close after this reply */
    bool is_continued; /* 100 Continue was sent for this request */
    uint8_t scheme;    /* enum conn_scheme */
    uint16_t code;     /* for on_closed */
    uint64_t heard_ms; /* the peer last proved to be alive */
    uint64_t moved_ms; /* the socket last took bytes */
    struct outq out;
    struct link dirty;                  /* the edge's ring of those with output */
    const struct conn_handler *handler; /* NULL until the upgrade */
    void *user;
    struct tls_stream *tls;     /* NULL: in clear */
    struct proxy_header *proxy; /* while the PROXY header is awaited */
    struct chunk *pong;         /* at most one that waits for a stuck output */
    uint8_t *rest;              /* read but not yet looked at; NULL as a rule */
    uint32_t rest_at, rest_len;
    struct ws_session ws;
    uint64_t messages, bytes; /* meters of what comes in (limits.h) */
    uint64_t flood_ms;        /* when it began to be too much; 0: it is not */
    struct link all, more;    /* the edge's rings; `more` is also in `waiting`, `moving` */
    struct link due;          /* its wheel, in the end its ring of the dead */
    struct http_head *head;   /* NULL before the first byte and after the upgrade */
    uint64_t since_ms;        /* when the wait that is timed began */
    struct ip peer, client;   /* the same, unless a trusted proxy is between */
    struct limits_address *share;
};

/* conn.c */

/* A new connection on `fd`, which it takes in any case. */
void conn_accept(struct edge *edge, int fd, const struct sockaddr_storage *from);

/* It is not moved after all. */
void conn_stay(struct conn *c);

/* The turn is over, and it leaves its edge (conn_move). */
void conn_detach(struct conn *c);

/* The end of one that conn_abort() has marked: calls on_closed, then frees it. */
void conn_free(struct conn *c);

/* Put it into the wheel where its present state says. Needed when a deadline may
 * have come nearer; one that moves away is noticed when it comes up. */
void conn_retime(struct conn *c);

/* Its slot of the wheel has come. */
void conn_on_due(struct conn *c);

/* Nothing more will be said: write what is queued, shut down, wait for the peer. */
void conn_start_ending(struct conn *c);

/* conn_source.c */

/* Take down who the peer is; its own headers may tell more (conn_note_request). */
void conn_note_peer(struct conn *c, const struct sockaddr_storage *from);

/* The connection begins: it counts against the limits of its address, and may be
 * refused. */
void conn_enter(struct conn *c);

/* The same once the PROXY header has come, which must be first. */
void conn_await_proxy(struct conn *c);
void conn_read_proxy(struct conn *c);

/* A request is whole: take down what a trusted proxy says about it. false: it has
 * been refused and answered. */
bool conn_note_request(struct conn *c);

/* conn_read.c */

/* Its input waits: too much output does, its handler says so, or it is moving. */
bool conn_is_held_back(const struct conn *c);

/* The state or the queue has changed so that input may matter again. */
void conn_let_in(struct conn *c);

/* Bytes of this connection are being looked at, some are left, and neither the turn's
 * share nor the room for answers is used up. */
bool conn_may_take(const struct conn *c);

/* Go on with the bytes in `rest`, or with a read that had to wait. */
void conn_go_on(struct conn *c);

/* May it be read? One that asks for something waits for a later turn when others have used
 * this one up. */
bool conn_may_read(struct conn *c);

/* Something has been heard of the peer. */
void conn_note_alive(struct conn *c, uint64_t now_ms);

/* Read once, to be looked at with those of its group; then `left` (EPOLLIN, EPOLLOUT) is
 * asked for again. */
void conn_read_along(struct conn *c, uint32_t left);

/* Look at what has been read. `edge` is the edge. */
void conn_take_reads(void *edge);

/* `n` bytes have come from the socket; 0: it is writable, and TLS waited for that. */
void conn_read_tls(struct conn *c, const uint8_t *in, size_t n);

/* The connection has been read and looked at. Perhaps its group's answers leave now; `last`
 * was the last one of edge->dirty before. */
void conn_flush_group(struct conn *c, const struct link *last);

/* conn_io.c */

/* Bring what is polled for in line with the state. */
void conn_update_poll(struct conn *c);

/* The same, and what is ready for `left` is told of once more: it has not been used up. */
void conn_update_poll_again(struct conn *c, uint32_t left);

/* Queue bytes to leave at the end of the turn. false when memory is out; the
 * connection is dead then. */
bool conn_queue(struct conn *c, struct chunk *bytes);

/* Write now what the socket takes. Calls no handler. */
void conn_flush(struct conn *c);

/* The socket is ready for these events of epoll; `item` is the connection. What is read
 * may wait for others to be read. */
void conn_on_ready(void *item, uint32_t events);
struct conn *conn_of(void *item);

/* conn_http.c and conn_ws.c: take one step from the front of [*in, *in + *n). */
void conn_http_step(struct conn *c, uint8_t **in, size_t *n);
void conn_ws_step(struct conn *c, uint8_t **in, size_t *n);

/* Answer a request that is not whole or not valid, and end the connection. */
void conn_http_fail(struct conn *c, int status, const char *text);
