/* SPDX-License-Identifier: MIT */
/*
 * edge_impl - the inside of an edge, for the files of this folder that make up a
 * connection (conn*.c, listener.c). Others include edge.h.
 *
 * Thread: its worker's.
 */
#pragma once

#include "base/chunk.h"
#include "net/edge.h"
#include "net/link.h"
#include "net/poller.h"
#include "net/tls.h"
#include "net/twins.h"
#include "net/wheel.h"

/* A group's reads take up to this much, and a connection is read once a turn: so it is
 * also what one connection may keep the others waiting for. */
enum { EDGE_READ_BYTES = 128 * 1024 };

/* What TLS has still to decrypt is read to the second half of the buffer; what comes
 * out goes to its front and never catches up (see tls_stream_read). */
enum { EDGE_TLS_BYTES = EDGE_READ_BYTES / 2 };

/* Connections that are read, looked at and answered together. */
enum { EDGE_GROUP = 64 };

/* What one of them has read, in the edge's buffer, and is not looked at yet. */
struct edge_read {
    struct conn *of;
    uint8_t *bytes;
    uint32_t n;
    uint32_t left; /* EPOLLIN, EPOLLOUT: what is to be asked for again afterwards */
};

struct edge_reads {
    unsigned n;
    size_t at; /* where in the buffer the next one goes */
    struct edge_read list[EDGE_GROUP];
};

/* What a connection has read and is being looked at. */
struct edge_input {
    const struct conn *of; /* NULL: nothing is */
    uint8_t *at;
    size_t left;
    uint64_t inflated; /* counters.inflate_plain at the begin */
    uint32_t steps;    /* requests and messages so far */
};

struct edge {
    uint32_t magic;
    uint32_t n_handles; /* that libuv still knows; the last one frees the edge */
    uv_loop_t *loop;
    struct edge_limits limits;
    const struct edge_handler *handler;
    void *ctx;
    struct edge_counters counters;
    struct edge_input input;
    struct edge_reads reads;
    bool is_closing;
    uint8_t n_answered;  /* of `dirty`, each by its own read alone (conn_io.c) */
    uint32_t n_requests; /* reads of connections that are no WebSocket, in this turn */
    uint64_t requests_until_us; /* then the others wait for the next */
    uv_prepare_t flusher;       /* before each poll: write what waits */
    uv_check_t sweeper;         /* after it: free what has ended */
    uv_idle_t hurry; /* runs while there is work, so that the loop does not sleep */
    uv_timer_t second;
    struct poller poller; /* of all connections */
    struct link conns, dirty, more, moving, listeners;
    struct link waiting; /* connections with requests for a later turn, read or not */
    struct link
        dead; /* connections whose socket is closed; freed once no code of theirs runs */
    struct wheel wheel;
    struct chunk *ping;               /* the one that all connections send */
    struct twins twins;               /* compressed frames of this turn */
    struct edge_share *share, own;    /* own: where limits.share is NULL */
    struct tls_context *tls;          /* what new connections speak; NULL: in clear */
    uint8_t record[TLS_RECORD_BYTES]; /* small chunks on their way into one write */
    uint8_t buffer[EDGE_READ_BYTES];
};

/* Each handle of libuv that needs the edge holds it until it is closed. */
void edge_hold(struct edge *edge);
void edge_drop(struct edge *edge);

/* `more` is no longer empty: go on with it in the next turn. */
void edge_hurry(struct edge *edge);

/* There is time in this turn for one more read of a connection that is no WebSocket, a
 * request or a part of a TLS handshake; it counts as done. */
bool edge_has_time(struct edge *edge);

/* What is due by the clock of clk_now_us() happens now. The edge calls it each
 * second; tests with a faked clock call it themselves. */
void edge_tick(struct edge *edge);

/* The clock of all time-outs. */
uint64_t edge_now_ms(void);
