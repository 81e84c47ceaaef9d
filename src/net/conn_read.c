/* SPDX-License-Identifier: MIT */
/*
 * conn_read - bytes that come: read in groups, looked at within the turn's share, kept
 * where output is stuck.
 *
 * Nothing in here frees a connection: conn_abort() only marks it, so every loop
 * asks for CONN_DEAD after each call that may have led to a handler.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/logger.h"
#include "net/conn_impl.h"
#include "net/sock.h"

/* Requests and messages of one connection in one turn. With 128 KiB a read there
 * could be 20 000 of the smallest messages, each of which may run a script. */
enum { STEPS_PER_TURN = 1024 };

/* And of requests that do not wait for answers: a file is 10 to 50 us. */
enum { REQUESTS_PER_READ = 16 };

/* And what they may be uncompressed: a read could make a thousand times its size. The
 * message that goes past it is the last of the turn. */
enum { INFLATED_PER_TURN = 1 << 20 };

enum { NO_GROUP = UINT8_MAX };

/* With less room than this for a read, what is in the buffer is looked at first. */
enum { MIN_READ = 16 << 10 };

/* Hold back only what would make more output: while closing, the peer's Close is
 * wanted however much still waits to leave. */
bool conn_is_held_back(const struct conn *c)
{
    return (c->is_paused || c->is_held || c->is_moving) &&
           (c->state == CONN_HTTP || c->state == CONN_WS);
}

bool conn_may_take(const struct conn *c)
{
    const struct edge_input *in = &c->edge->input;

    if (in->of != c || in->left == 0 || conn_is_held_back(c))
        return false;
    if (c->state == CONN_HTTP)
        return in->steps == 0 || (in->steps < REQUESTS_PER_READ && edge_has_time(c->edge));
    return in->steps < STEPS_PER_TURN &&
           c->edge->counters.inflate_plain - in->inflated < INFLATED_PER_TURN;
}

/* Look at bytes until they, the turn's share, or the room for answers is used up;
 * returns how many were used. */
static size_t take(struct conn *c, uint8_t *bytes, size_t n)
{
    struct edge_input *in = &c->edge->input;

    *in = (struct edge_input){c, bytes, n, c->edge->counters.inflate_plain, 0};
    for (; conn_may_take(c); in->steps++) {
        if (c->state == CONN_HTTP)
            conn_http_step(c, &in->at, &in->left);
        else if (c->state == CONN_WS || c->state == CONN_WS_CLOSING)
            conn_ws_step(c, &in->at, &in->left);
        else
            in->left = 0; /* ending: what still comes is of no interest */
    }
    in->of = NULL;
    return n - in->left;
}

/* Requests wait until those of others have been read, and there is time. */
static void queue_more(struct conn *c)
{
    link_join(&c->more, c->state == CONN_HTTP ? &c->edge->waiting : &c->edge->more);
    edge_hurry(c->edge);
}

/* The peer has closed its side. A WebSocket without a Close is over at once (cut,
 * 1006); replies that are on their way to a plain client still go out. */
static void on_eof(struct conn *c)
{
    c->is_eof = true;
    /* Over TLS one read may hold messages and the end: their answers leave first, as
     * those do that came in a read of their own. */
    if (c->out.n > 0 && !c->is_blocked)
        conn_flush(c);
    if (c->state == CONN_DEAD)
        return;
    if (c->out.n == 0 || c->state == CONN_WS || c->state == CONN_WS_CLOSING) {
        if (c->tls)
            tls_stream_shut(c->tls); /* as far as the socket takes it */
        conn_abort(c);
        return;
    }
    if (c->state != CONN_ENDING)
        conn_start_ending(c);
}

/* The connection has been read. Where so far in this turn everybody has been answered for
 * itself alone, a group of answers leaves now, while the sockets are still in the cache:
 * with 1000 connections that is a tenth of what an echo costs. One by one would be better
 * for that, but wakes up a peer on this machine each time. Where somebody has output for
 * others, more may come for the same ones in this turn (a broadcast), and all of it shall
 * be one write. `last` was the ring's last before. */
void conn_flush_group(struct conn *c, const struct link *last)
{
    struct edge *edge = c->edge;

    if (edge->dirty.prev == last)
        return;
    if (edge->dirty.prev != &c->dirty || c->dirty.prev != last)
        edge->n_answered = NO_GROUP;
    else if (edge->n_answered != NO_GROUP && ++edge->n_answered == EDGE_GROUP)
        edge_flush(edge);
}

void conn_let_in(struct conn *c)
{
    if (c->state != CONN_DEAD && c->rest && !conn_is_held_back(c))
        queue_more(c);
    conn_update_poll(c);
}

/* The turn is over before the bytes are: copy them, the edge's buffer is needed. */
static void keep_rest(struct conn *c, const uint8_t *bytes, size_t n)
{
    c->rest = malloc(n);
    if (!c->rest) {
        conn_abort(c);
        return;
    }
    memcpy(c->rest, bytes, n);
    c->rest_at = 0;
    c->rest_len = (uint32_t)n;
    if (!conn_is_held_back(c))
        queue_more(c);
}

/* Its slot in the wheel stays where it is, except after a ping: then the next
 * ping is due before the time at which the peer would have been dropped. */
void conn_note_alive(struct conn *c, uint64_t now_ms)
{
    c->heard_ms = now_ms;
    if (c->is_pinged) {
        c->is_pinged = false;
        conn_retime(c);
    }
}

static void take_or_keep(struct conn *c, uint8_t *bytes, size_t n)
{
    size_t used = take(c, bytes, n);

    if (used < n && c->state != CONN_DEAD)
        keep_rest(c, bytes + used, n - used);
}

/* TLS is at an end, and perhaps its alert is on its way: what is queued cannot follow
 * it, but the socket must not be closed before the peer has read it. */
static void on_tls_error(struct conn *c)
{
    c->edge->counters.protocol_errors++;
    logger_debug("net", "%s: TLS %s", conn_address(c),
                 tls_stream_is_ready(c->tls) ? "was broken" : "could not be agreed on");
    outq_fini(&c->out);
    chunk_unref(&c->pong);
    c->is_blocked = c->is_paused = false;
    conn_start_ending(c);
}

/* `n` bytes have come from the socket; 0: it is writable, and TLS waited for that. */
void conn_read_tls(struct conn *c, const uint8_t *in, size_t n)
{
    bool held_a_write = tls_stream_writes_after_read(c->tls);
    enum tls_result r;
    size_t got;

    if (c->state == CONN_ENDING) /* only the end of the connection is awaited */
        return;
    r = tls_stream_read(c->tls, in, n, c->edge->buffer, &got);
    c->edge->counters.bytes_out += tls_stream_take_sent(c->tls);
    if (r == TLS_PLAIN) {
        tls_stream_free(&c->tls);
        conn_http_fail(c, 400, "this port speaks TLS: use an address with https://");
        return;
    }
    if (got > 0)
        take_or_keep(c, c->edge->buffer, got);
    if (c->state == CONN_DEAD)
        return;
    if (r == TLS_BAD)
        on_tls_error(c);
    else if (r == TLS_END && c->rest)
        c->is_eof_next = true;
    else if (r == TLS_END)
        on_eof(c);
    else if (held_a_write)
        conn_flush(c);
}

static void take_read(const struct edge_read *r)
{
    struct conn *c = r->of;
    const struct link *last = c->edge->dirty.prev;

    if (c->state == CONN_DEAD) /* by who was read with it */
        return;
    if (c->tls)
        conn_read_tls(c, r->bytes, r->n);
    else
        take_or_keep(c, r->bytes, r->n);
    conn_flush_group(c, last);
    conn_update_poll_again(c, r->left);
}

static void fetch_user(const struct edge_read *r)
{
    const char *user = r->of->user;

    __builtin_prefetch(user);
    __builtin_prefetch(user + 64);
}

/* Look at what has been read. A group is read first, then looked at, then answered: so
 * the code of each of the three is in the cache for all of it; between two system calls
 * the kernel drives it out. */
void conn_take_reads(void *data)
{
    struct edge *edge = data;
    struct edge_reads *reads = &edge->reads;

    for (unsigned i = 0; i < reads->n; i++) {
        if (i + 1 < reads->n)
            fetch_user(&reads->list[i + 1]);
        take_read(&reads->list[i]);
    }
    reads->n = 0;
}

/* Where to read to, behind what the group has read before; who was read is looked at
 * where that is not enough. What TLS has to decrypt goes to the second half. */
static uint8_t *room_for(const struct conn *c, size_t *max)
{
    struct edge *edge = c->edge;
    struct edge_reads *reads = &edge->reads;
    size_t first = c->tls ? EDGE_TLS_BYTES : 0;

    if (reads->n == EDGE_GROUP || sizeof edge->buffer - reads->at < MIN_READ ||
        reads->at < first)
        conn_take_reads(edge);
    if (reads->n == 0)
        reads->at = first;
    *max = sizeof edge->buffer - reads->at;
    return edge->buffer + reads->at;
}

/* One read a turn, to be looked at with those of its group; where there is none, `left`
 * is asked for again, as afterwards. */
void conn_read_along(struct conn *c, uint32_t left)
{
    struct edge_reads *reads = &c->edge->reads;
    size_t max;
    uint8_t *bytes = room_for(c, &max);

    if (!(c->events & EPOLLIN) ||
        c->state == CONN_DEAD) /* since the others were looked at */
        return;
    ssize_t n = sock_recv(c->fd, bytes, max);
    if (n > 0) {
        c->edge->counters.bytes_in += (uint64_t)n;
        if (c->state == CONN_HTTP || c->state == CONN_WS)
            conn_note_alive(c, reads->n > 0 ? clk_recent_us() / 1000 : edge_now_ms());
        if ((size_t)n == max)
            left |= EPOLLIN;
        reads->list[reads->n++] = (struct edge_read){c, bytes, (uint32_t)n, left};
        reads->at += (size_t)n;
        return;
    }
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
        conn_update_poll_again(c, errno == EINTR ? EPOLLIN : left & EPOLLOUT);
        return;
    }
    conn_take_reads(c->edge); /* they have come before */
    if (n < 0)
        conn_abort(c);
    else if (c->state != CONN_DEAD)
        on_eof(c);
    conn_update_poll(c);
}

bool conn_may_read(struct conn *c)
{
    if (c->state != CONN_HTTP || edge_has_time(c->edge))
        return true;
    queue_more(c);
    return false;
}

void conn_go_on(struct conn *c)
{
    const struct link *last = c->edge->dirty.prev;

    link_leave(&c->more);
    if (conn_is_held_back(c))
        return;
    if (!c->rest) { /* it has not been read, and nobody is being looked at */
        conn_update_poll(c);
        conn_read_along(c, 0);
        conn_take_reads(c->edge);
        return;
    }
    size_t used = take(c, c->rest + c->rest_at, c->rest_len);
    if (c->state == CONN_DEAD)
        return;
    c->rest_at += (uint32_t)used;
    c->rest_len -= (uint32_t)used;
    if (c->rest_len == 0) {
        free(c->rest);
        c->rest = NULL;
        if (c->is_eof_next)
            on_eof(c);
    } else if (!conn_is_held_back(c)) {
        queue_more(c);
    }
    conn_flush_group(c, last);
    conn_update_poll(c);
}
