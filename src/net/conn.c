/* SPDX-License-Identifier: MIT */
#include "net/conn.h"

#include <assert.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/close_reason.h"
#include "base/logger.h"
#include "net/conn_impl.h"

enum { MAGIC = 0x636f6e6e };

struct conn *conn_of(void *item)
{
    struct conn *c = item;

    assert(c->magic == MAGIC);
    return c;
}

void conn_accept(struct edge *edge, int fd, const struct sockaddr_storage *from)
{
    uint32_t max = edge->limits.max_conns;
    struct conn *c = NULL;
    int on = 1;

    /* A few above the limit still get their 503; in a flood they do not. */
    uint64_t n_open = atomic_load_explicit(&edge->share->n_open, memory_order_relaxed);
    if (n_open < (uint64_t)max + max / 16 + 16)
        c = calloc(1, sizeof *c);
    if (c && edge->tls)
        c->tls = tls_stream_new(edge->tls, fd);
    if (!c || (edge->tls && !c->tls)) {
        edge->counters.refused++;
        close(fd);
        free(c);
        return;
    }
    /* Our writes are whole already, once a turn; waiting for more only delays. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    c->magic = MAGIC;
    c->fd = fd;
    c->edge = edge;
    c->code = 1006;
    c->scheme = edge->tls ? SCHEME_HTTPS : SCHEME_UNKNOWN;
    c->state = CONN_HTTP;
    c->is_first = true;
    c->since_ms = c->heard_ms = edge_now_ms();
    outq_init(&c->out);
    conn_note_peer(c, from);
    link_init(&c->all);
    link_init(&c->dirty);
    link_init(&c->more);
    link_init(&c->due);
    link_join(&c->all, &edge->conns);
    edge_hold(edge);
    edge->counters.open++;
    if (atomic_fetch_add_explicit(&edge->share->n_open, 1, memory_order_relaxed) >= max) {
        edge->counters.refused++;
        if (c->tls) { /* a handshake just to say no is what a full server saves */
            conn_abort(c);
            return;
        }
        conn_http_fail(c, 503, "the server is full, come back later");
    } else if (edge->limits.proxy_protocol) {
        conn_await_proxy(c);
        conn_retime(c);
        return;
    } else {
        conn_enter(c);
    }
    conn_retime(c);
    conn_update_poll(c);
}

/* When has output been stuck for too long? */
static uint64_t stuck_ms(const struct conn *c)
{
    return c->is_blocked ? c->moved_ms + c->edge->limits.stuck_ms : UINT64_MAX;
}

/* When does its present state end by itself? */
static uint64_t due_ms(const struct conn *c)
{
    const struct edge_limits *l = &c->edge->limits;
    uint64_t moved_ms = c->heard_ms > c->since_ms ? c->heard_ms : c->since_ms;

    switch ((enum conn_state)c->state) {
    case CONN_HTTP:
        if (c->is_first || (c->head && http_head_is_started(c->head)))
            return c->since_ms + l->head_ms;
        return moved_ms + l->keep_alive_ms;
    case CONN_WS: {
        uint64_t silent_ms = c->heard_ms + (c->is_pinged ? l->dead_ms : l->ping_ms);
        return silent_ms < stuck_ms(c) ? silent_ms : stuck_ms(c);
    }
    case CONN_ENDING:
        /* A reply that is still leaving has time as long as it moves. */
        if (!c->handler && !c->is_shut)
            return moved_ms + l->keep_alive_ms;
        return c->since_ms + l->close_ms;
    case CONN_WS_CLOSING:
    case CONN_DEAD: break;
    }
    return c->since_ms + l->close_ms;
}

void conn_retime(struct conn *c)
{
    if (c->state != CONN_DEAD)
        wheel_put(&c->edge->wheel, &c->due, due_ms(c) / 1000);
}

void conn_on_due(struct conn *c)
{
    if (c->ws.deflate)
        ws_deflate_idle(c->ws.deflate);
    if (due_ms(c) / 1000 > c->edge->wheel.now_s) {
        conn_retime(c);
        return;
    }
    if (c->state == CONN_WS && stuck_ms(c) / 1000 <= c->edge->wheel.now_s) {
        logger_debug("net", "%s: %zu bytes do not leave, too slow", conn_address(c),
                     c->out.bytes);
        conn_close(c, CLOSE_TOO_SLOW, NULL);
        return;
    }
    if (c->state == CONN_WS && !c->is_pinged) {
        c->is_pinged = true;
        conn_retime(c);
        /* While output is stuck there is enough for the peer to answer to. */
        if (c->out.n == 0)
            conn_queue(c, c->edge->ping);
        return;
    }
    if (c->state == CONN_HTTP && c->head && http_head_is_started(c->head)) {
        conn_http_fail(c, 408, "the request took too long");
        return;
    }
    if (c->state == CONN_WS)
        logger_debug("net", "%s: no answer to a ping, dropped", conn_address(c));
    conn_abort(c);
}

void conn_start_ending(struct conn *c)
{
    if (c->state != CONN_WS_CLOSING)
        c->since_ms = edge_now_ms();
    c->state = CONN_ENDING;
    conn_retime(c);
    /* Even where nothing is queued: the flush is what shuts the socket down. */
    if (!c->is_blocked)
        link_join(&c->dirty, &c->edge->dirty);
    conn_let_in(c);
}

/* The end of its memory, once no ring holds it. */
static void release(struct conn *c)
{
    if (c->handler)
        c->handler->on_closed(c->user, c->code);
    link_leave(&c->all);
    outq_fini(&c->out);
    tls_stream_free(&c->tls);
    chunk_unref(&c->pong);
    http_head_free(&c->head);
    if (c->handler)
        ws_session_fini(&c->ws);
    free(c->rest);
    free(c->proxy);
    if (c->edge)
        edge_drop(c->edge);
    c->magic = 0;
    free(c);
}

void conn_free(struct conn *c)
{
    link_leave(&c->due);
    release(c);
}

static void leave_share(struct conn *c, struct edge_share *share)
{
    limits_leave(share->addresses, &c->share);
    atomic_fetch_sub_explicit(&share->n_open, 1, memory_order_relaxed);
}

void conn_abort(struct conn *c)
{
    if (c->state == CONN_DEAD)
        return;
    c->state = CONN_DEAD;
    c->edge->counters.open--;
    if (c->handler)
        c->edge->counters.open_ws--;
    link_leave(&c->dirty);
    link_leave(&c->more);
    link_join(&c->due, &c->edge->dead);
    leave_share(c, c->edge->share);
    close(c->fd); /* which also ends polling it */
    c->fd = -1;
}

void conn_stay(struct conn *c)
{
    if (!c->is_moving)
        return;
    c->is_moving = false;
    link_leave(&c->more);
}

void conn_move(struct conn *c)
{
    assert(c->handler && c->edge->handler->on_moved);
    if (c->state != CONN_WS)
        return;
    c->is_moving = true;
    link_join(&c->more, &c->edge->moving);
    conn_update_poll(c);
}

void conn_detach(struct conn *c)
{
    struct edge *edge = c->edge;

    conn_stay(c);
    link_leave(&c->all);
    link_leave(&c->dirty);
    link_leave(&c->due);
    poller_watch(&edge->poller, c->fd, c, c->events,
                 0); /* fails only where it is unknown */
    c->events = 0;
    edge->counters.open--;
    edge->counters.open_ws--;
    c->edge = NULL;
    edge->handler->on_moved(edge->ctx, c, c->user);
    edge_drop(edge);
}

void conn_adopt(struct conn *c, struct edge *edge)
{
    assert(!c->edge);
    c->edge = edge;
    edge_hold(edge);
    link_join(&c->all, &edge->conns);
    edge->counters.open++;
    edge->counters.open_ws++;
    if (edge->is_closing) {
        conn_abort(c);
        return;
    }
    if (c->out.n > 0 && !c->is_blocked)
        link_join(&c->dirty, &edge->dirty);
    conn_retime(c);
    conn_let_in(c);
}

void conn_discard(struct conn *c, struct edge_share *share)
{
    assert(!c->edge);
    leave_share(c, share);
    close(c->fd);
    release(c);
}

void conn_set_user(struct conn *c, void *user)
{
    c->user = user;
}

void conn_hand_over(struct conn *c, const struct conn_handler *handler, void *user)
{
    assert(c->handler);
    c->handler = handler;
    c->user = user;
}

void conn_hold(struct conn *c, bool is_held)
{
    c->is_held = is_held;
    conn_let_in(c);
}

const char *conn_address(const struct conn *c)
{
    static _Thread_local char text[IP_TEXT_BYTES];

    ip_format(&c->client, text);
    return text;
}

bool conn_is_loopback(const struct conn *c)
{
    return c->is_loopback;
}
