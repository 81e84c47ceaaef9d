/* SPDX-License-Identifier: MIT */
#include "net/edge.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/clk.h"
#include "net/conn_impl.h"
#include "net/edge_impl.h"
#include "net/listener.h"
#include "net/tls_slack.h"

enum {
    MAGIC = 0x65646765,

    /* How much of a turn goes to those who come and to those who go. A request or a TLS
     * handshake takes 30 to 400 us, an end up to 30, and there may be thousands at once:
     * ticks, and the messages of those who are there, get in between. */
    REQUESTS_US = 1000,
    REQUESTS_PER_TURN = 64,
    ENDS_US = 1000,
};

const struct edge_limits edge_limits_default = {
    .http = {16 * 1024,  4 * 1024, 64, 64 * 1024}, /* as http_limits_default */
    .head_ms = 10000,
    .keep_alive_ms = 30000,
    .close_ms = 3000,
    .ping_ms = 25000,
    .dead_ms = 60000,
    .stuck_ms = 30000,
    .max_conns = 100000,
    .max_out_bytes = 4 << 20,
    .high_water = 256 << 10,
    .conns_per_address = 256,
    .conns = {50, 100        },
    .messages = {200,       400      },
    .bytes = {1 << 20, 4 << 20  },
    .flood_ms = 5000,
    .deflate = {4,   128,         1 << 20}, /* as ws_deflate_tuning_default */
    .requests = {50,     100},
};

static struct edge *edge_of(void *handle)
{
    struct edge *edge = ((uv_handle_t *)handle)->data;

    assert(edge->magic == MAGIC);
    return edge;
}

int edge_share_init(struct edge_share *s)
{
    atomic_init(&s->n_open, 0);
    s->addresses = limits_new();
    return s->addresses ? 0 : -ENOMEM;
}

void edge_share_fini(struct edge_share *s)
{
    limits_free(&s->addresses);
}

uint64_t edge_now_ms(void)
{
    return clk_now_us() / 1000;
}

void edge_hold(struct edge *edge)
{
    edge->n_handles++;
}

void edge_drop(struct edge *edge)
{
    assert(edge->magic == MAGIC && edge->n_handles > 0);
    if (--edge->n_handles > 0)
        return;
    chunk_unref(&edge->ping);
    twins_fini(&edge->twins);
    edge_share_fini(&edge->own);
    tls_context_unref(&edge->tls);
    free(edge);
}

static void on_handle_closed(uv_handle_t *handle)
{
    edge_drop(edge_of(handle));
}

/* Here no connection's own code is running. What it calls may end others. */
static void free_dead(struct edge *edge, uint64_t until_us)
{
    while (!link_is_alone(&edge->dead) && clk_now_us() < until_us)
        conn_free(LINK_OWNER(edge->dead.next, struct conn, due));
}

/* The others in the next turn. */
static void free_some(struct edge *edge)
{
    if (link_is_alone(&edge->dead))
        return;
    free_dead(edge, clk_now_us() + ENDS_US);
    if (tls_slack_give_back())
        edge->counters.given_back++;
    if (!link_is_alone(&edge->dead))
        edge_hurry(edge);
}

static void on_poller_closed(uv_handle_t *handle)
{
    free_dead(edge_of(handle), UINT64_MAX);
    edge_drop(edge_of(handle));
}

void edge_flush(struct edge *edge)
{
    while (!link_is_alone(&edge->dirty))
        conn_flush(LINK_OWNER(edge->dirty.next, struct conn, dirty));
    twins_clear(&edge->twins);
    edge->n_answered = 0;
}

static void on_prepare(uv_prepare_t *handle)
{
    struct edge *edge = edge_of(handle);

    edge_flush(edge);
    if (!link_is_alone(&edge->moving)) {
        do
            conn_detach(LINK_OWNER(edge->moving.next, struct conn, more));
        while (!link_is_alone(&edge->moving));
        edge_flush(edge); /* the last words to those that could not be passed on */
    }
    free_some(edge);
}

static void on_check(uv_check_t *handle)
{
    struct edge *edge = edge_of(handle);

    free_some(edge);
    edge->n_requests = 0;
}

bool edge_has_time(struct edge *edge)
{
    uint64_t now_us = clk_now_us();

    if (edge->n_requests == 0)
        edge->requests_until_us = now_us + REQUESTS_US;
    if (now_us >= edge->requests_until_us || edge->n_requests == REQUESTS_PER_TURN)
        return false;
    edge->n_requests++;
    return true;
}

/* Connections that still have bytes from an earlier turn, then some that were not read in
 * one. Those of the first that join while we work wait for the next one, so that everybody
 * else has a turn between. */
static void on_hurry(uv_idle_t *handle)
{
    struct edge *edge = edge_of(handle);
    struct link now;

    clk_now_us(); /* clk_recent_us() goes by it, as after a read */
    link_take_all(&now, &edge->more);
    while (!link_is_alone(&now))
        conn_go_on(LINK_OWNER(now.next, struct conn, more));
    while (!link_is_alone(&edge->waiting) && edge_has_time(edge))
        conn_go_on(LINK_OWNER(edge->waiting.next, struct conn, more));
    if (link_is_alone(&edge->more) && link_is_alone(&edge->waiting) &&
        link_is_alone(&edge->dead))
        uv_idle_stop(handle);
}

void edge_hurry(struct edge *edge)
{
    if (!edge->is_closing && !uv_is_active((uv_handle_t *)&edge->hurry))
        uv_idle_start(&edge->hurry, on_hurry);
}

static void on_conn_due(void *arg, struct link *item)
{
    (void)arg;
    conn_on_due(LINK_OWNER(item, struct conn, due));
}

void edge_tick(struct edge *edge)
{
    wheel_turn(&edge->wheel, edge_now_ms() / 1000, on_conn_due, NULL);
    for (struct link *l = edge->listeners.next; l != &edge->listeners; l = l->next)
        listener_resume(listener_of_link(l));
}

/* Set anew each time, to just after the next full second: deadlines are rounded
 * down to seconds, so a time-out comes up to a second early and never late. */
static void on_second(uv_timer_t *timer)
{
    struct edge *edge = edge_of(timer);

    edge_tick(edge);
    if (!edge->is_closing)
        uv_timer_start(timer, on_second, 1002 - edge_now_ms() % 1000, 0);
}

int edge_open(struct edge **out, uv_loop_t *loop, const struct edge_limits *limits,
              const struct edge_handler *handler, void *ctx, struct err *e)
{
    struct edge *edge = calloc(1, sizeof *edge);

    *out = NULL;
    if (!edge || !(edge->ping = ws_frame_chunk(WS_PING, NULL, 0)) ||
        (!limits->share && edge_share_init(&edge->own) < 0) ||
        twins_init(&edge->twins, &limits->deflate) < 0) {
        if (edge) {
            chunk_unref(&edge->ping);
            edge_share_fini(&edge->own);
        }
        free(edge);
        return err_set(e, UV_ENOMEM, "no memory for the network's buffers");
    }
    int r = poller_open(&edge->poller, loop, edge, conn_on_ready, conn_take_reads);
    if (r < 0) {
        chunk_unref(&edge->ping);
        edge_share_fini(&edge->own);
        free(edge);
        return err_set(e, r, "no descriptor for polling: %s", uv_strerror(r));
    }
    edge->magic = MAGIC;
    edge->loop = loop;
    edge->limits = *limits;
    edge->share = limits->share ? limits->share : &edge->own;
    edge->handler = handler;
    edge->ctx = ctx;
    link_init(&edge->conns);
    link_init(&edge->dirty);
    link_init(&edge->more);
    link_init(&edge->waiting);
    link_init(&edge->moving);
    link_init(&edge->dead);
    link_init(&edge->listeners);
    wheel_init(&edge->wheel, edge_now_ms() / 1000);
    /* None of these eight can fail (libuv's reference). */
    uv_prepare_init(loop, &edge->flusher);
    uv_check_init(loop, &edge->sweeper);
    uv_idle_init(loop, &edge->hurry);
    uv_timer_init(loop, &edge->second);
    edge->flusher.data = edge->sweeper.data = edge->hurry.data = edge->second.data = edge;
    edge->n_handles = 5;
    uv_prepare_start(&edge->flusher, on_prepare);
    uv_check_start(&edge->sweeper, on_check);
    uv_timer_start(&edge->second, on_second, 1002 - edge_now_ms() % 1000, 0);
    *out = edge;
    return 0;
}

void edge_close(struct edge **edge)
{
    struct edge *x = *edge;

    *edge = NULL;
    if (!x)
        return;
    x->is_closing = true;
    edge_stop_listening(x);
    for (struct link *l = x->conns.next; l != &x->conns; l = l->next)
        conn_abort(LINK_OWNER(l, struct conn, all));
    poller_close(&x->poller, on_poller_closed);
    uv_close((uv_handle_t *)&x->flusher, on_handle_closed);
    uv_close((uv_handle_t *)&x->sweeper, on_handle_closed);
    uv_close((uv_handle_t *)&x->hurry, on_handle_closed);
    uv_close((uv_handle_t *)&x->second, on_handle_closed);
}

int edge_listen(struct edge *edge, const char *host, uint16_t port, bool probe,
                struct err *e)
{
    return listener_open_all(edge, host, port, probe, e);
}

uint16_t edge_port(const struct edge *edge)
{
    return link_is_alone(&edge->listeners)
               ? 0
               : listener_port(listener_of_link(edge->listeners.next));
}

void edge_use_tls(struct edge *edge, struct tls_context *tls)
{
    struct tls_context *old = edge->tls;

    edge->tls = tls_context_ref(tls);
    tls_context_unref(&old);
}

void edge_stop_listening(struct edge *edge)
{
    while (!link_is_alone(&edge->listeners))
        listener_close(listener_of_link(edge->listeners.next));
}

const struct edge_counters *edge_counters(const struct edge *edge)
{
    return &edge->counters;
}

size_t edge_deflate_bytes(const struct edge *edge)
{
    return ws_deflate_pool_held_bytes(edge->twins.pool);
}
