/* SPDX-License-Identifier: MIT */
/*
 * edge - what all connections of one worker share: the loop, the read buffer,
 * the limits, the list of those with output to write, and the counters.
 *
 * Output is collected while callbacks run and leaves once a loop turn, one
 * write a connection (a uv_prepare flushes before the loop polls). A coarse
 * wheel, one slot a second, drives every time-out; a connection that sits idle
 * is touched only when its slot comes round.
 *
 * Ownership: edge_open/edge_close, lives on a loop. Thread: its worker's.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "net/limits.h"
#include "proto/http_head.h"
#include "proto/ip.h"
#include "proto/ws_deflate.h"

struct conn;
struct tls_context;

/* Limits of all connections; edge_limits_default holds the defaults. Documented
 * in src/server/README.md. */
struct edge_limits {
    struct http_limits http;
    uint32_t head_ms;       /* 10 000: a request's head must be whole by then */
    uint32_t keep_alive_ms; /* 30 000: idle between two requests */
    uint32_t close_ms;      /* 3 000: wait for the peer's Close, then for its FIN */
    uint32_t ping_ms;       /* 25 000: server pings on a silent WebSocket */
    uint32_t dead_ms;       /* 60 000: nothing heard for so long: dropped (1006) */
    uint32_t max_conns;     /* 100 000: more are answered 503 */
    uint32_t stuck_ms;      /* 30 000: output waits, none leaves: close 4007 */
    size_t max_out_bytes;   /* 4 MiB: output queue, beyond it close 4007 */
    size_t high_water;      /* 256 KiB: reading stops while so much waits to leave */

    /* Per address; loopback is exempt unless limit_loopback. */
    uint32_t conns_per_address;  /* 256 */
    struct limits_rate conns;    /* new ones: 50 a second, 100 at once */
    struct limits_rate requests; /* to scripts (conn_may_ask): 50 a second, 100 at once */
    bool limit_loopback;

    /* Per connection that was upgraded with is_limited: what is beyond is dropped,
     * and after flood_ms of it the connection is closed with 4006. */
    struct limits_rate messages; /* 200 a second, 400 at once */
    struct limits_rate bytes;    /* 1 MiB a second, 4 MiB at once */
    uint32_t flood_ms;           /* 5 000 */

    struct ws_deflate_tuning deflate; /* level 4, of messages from 128 B to 1 MiB */

    /* Proxies whose word about the client counts; borrows, as long as the edge. */
    const struct ip_net *trusted;
    size_t n_trusted;
    bool proxy_protocol; /* every connection starts with a PROXY header */

    /* What limits hold for all edges together; borrows, as long as the edge. NULL: this
     * edge is alone. */
    struct edge_share *share;
};

/* Of several edges, each on its own thread: their connections count together, against
 * max_conns and by address. */
struct edge_share {
    struct limits *addresses;
    atomic_uint n_open;
};

/* 0 or -ENOMEM. */
int edge_share_init(struct edge_share *s);
void edge_share_fini(struct edge_share *s);

extern const struct edge_limits edge_limits_default;

struct edge_counters {
    uint64_t accepted, refused, upgrades, bytes_in, bytes_out, messages_in, messages_out,
        messages_dropped, protocol_errors;
    uint64_t deflated;                    /* compressions: of a broadcast, one a window */
    uint64_t deflate_plain, deflate_sent; /* bytes of frames queued compressed; before
                                           * and after, each delivery counted */
    uint64_t inflate_received, inflate_plain; /* the same of what came, by messages */
    uint64_t given_back; /* times that memory of TLS connections was (tls_slack.h) */
    uint32_t open, open_ws;
};

/* What a worker does with its connections. `ctx` is edge->ctx. */
struct edge_handler {
    /* A whole request. Answer with exactly one of conn_reply…() or
     * conn_upgrade() before returning. */
    void (*on_request)(void *ctx, struct conn *c, const struct http_head *head);

    /* The turn after conn_move() is over: the connection belongs to this edge no more,
     * and is yours to pass on, until conn_adopt() or conn_discard(). NULL where nothing
     * is ever moved. `user` is the connection's. */
    void (*on_moved)(void *ctx, struct conn *c, void *user);
};

struct edge;

/* Takes nothing; `handler` must outlive the edge. On error *out is NULL. */
int edge_open(struct edge **out, uv_loop_t *loop, const struct edge_limits *limits,
              const struct edge_handler *handler, void *ctx, struct err *e);

/* Close every connection at once and the edge's own handles; run the loop until
 * it is empty, memory returns in the close callbacks. Nulls *edge. */
void edge_close(struct edge **edge);

/* Listen on `host` (an address, or a name such as "localhost": then on each of
 * its addresses) and `port` (0: any; edge_port() tells). With `probe` it first
 * makes sure that no other server has the port. Errors name address and port. */
int edge_listen(struct edge *edge, const char *host, uint16_t port, bool probe,
                struct err *e);
uint16_t edge_port(const struct edge *edge);

/* From now on new connections speak TLS with these certificates; those that are there
 * stay as they are. Keeps a reference of its own. */
void edge_use_tls(struct edge *edge, struct tls_context *tls);

/* Stop accepting; open connections stay, and so do those that wait in the kernel's
 * queue. */
void edge_stop_listening(struct edge *edge);

const struct edge_counters *edge_counters(const struct edge *edge);

/* Memory of the compressors that all connections share, in bytes. */
size_t edge_deflate_bytes(const struct edge *edge);

/* Write out what waits in every queue now, instead of at the end of the turn. */
void edge_flush(struct edge *edge);
