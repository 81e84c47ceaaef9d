/* SPDX-License-Identifier: MIT */
/*
 * conn_io - bytes of a connection: reading within its turn, holding back while
 * output is stuck, and writing once a turn.
 *
 * Nothing in here frees a connection: conn_abort() only marks it, so every loop
 * asks for CONN_DEAD after each call that may have led to a handler.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

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

/* And TLS records that it may write: 256 KiB, then the others have their turn. */
enum { RECORDS_PER_TURN = 16 };

/* Answers that leave together. */
enum { GROUP = 32, NO_GROUP = UINT8_MAX };

/* Hold back only what would make more output: while closing, the peer's Close is
 * wanted however much still waits to leave. */
static bool is_held_back(const struct conn *c)
{
    return (c->is_paused || c->is_held || c->is_moving) &&
           (c->state == CONN_HTTP || c->state == CONN_WS);
}

/* A handshake has filled the socket: until that has room, TLS can take in nothing. */
static bool reads_after_write(const struct conn *c)
{
    return c->tls && c->state != CONN_ENDING && tls_stream_reads_after_write(c->tls);
}

void conn_update_poll(struct conn *c)
{
    uint32_t want = 0;

    if (c->state == CONN_DEAD)
        return;
    if (reads_after_write(c))
        want = EPOLLOUT;
    else if (!c->is_eof && link_is_alone(&c->more) && !c->rest && !is_held_back(c))
        want = EPOLLIN;
    if (c->is_blocked && !(c->tls && tls_stream_writes_after_read(c->tls)))
        want |= EPOLLOUT;
    if (poller_watch(&c->edge->poller, c->fd, c, c->events, want) < 0)
        conn_abort(c);
    c->events = (uint8_t)want;
}

bool conn_may_take(const struct conn *c)
{
    const struct edge_input *in = &c->edge->input;

    if (in->of != c || in->left == 0 || is_held_back(c))
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
static void flush_group(struct conn *c, const struct link *last)
{
    struct edge *edge = c->edge;

    if (edge->dirty.prev == last)
        return;
    if (edge->dirty.prev != &c->dirty || c->dirty.prev != last)
        edge->n_answered = NO_GROUP;
    else if (edge->n_answered != NO_GROUP && ++edge->n_answered == GROUP)
        edge_flush(edge);
}

void conn_let_in(struct conn *c)
{
    if (c->state != CONN_DEAD && c->rest && !is_held_back(c))
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
    if (!is_held_back(c))
        queue_more(c);
}

/* Its slot in the wheel stays where it is, except after a ping: then the next
 * ping is due before the time at which the peer would have been dropped. */
static void note_alive(struct conn *c)
{
    c->heard_ms = edge_now_ms();
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
static void read_tls(struct conn *c, const uint8_t *in, size_t n)
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

/* One read a turn; what is left is told again. */
static void do_read(struct conn *c)
{
    struct edge *edge = c->edge;
    size_t skip = c->tls ? EDGE_TLS_BYTES : 0;
    ssize_t n = sock_recv(c->fd, edge->buffer + skip, sizeof edge->buffer - skip);

    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return;
    if (n < 0) {
        conn_abort(c);
        return;
    }
    if (n == 0) {
        on_eof(c);
        return;
    }
    edge->counters.bytes_in += (uint64_t)n;
    if (c->state == CONN_HTTP || c->state == CONN_WS)
        note_alive(c);
    if (c->tls)
        read_tls(c, edge->buffer + skip, (size_t)n);
    else
        take_or_keep(c, edge->buffer, (size_t)n);
}

/* One that asks for something waits for a later turn when others have used this one up. */
static bool may_read(struct conn *c)
{
    if (c->state != CONN_HTTP || edge_has_time(c->edge))
        return true;
    queue_more(c);
    return false;
}

/* A TLS handshake that has not come to its end. */
static bool is_shaking(const struct conn *c)
{
    return c->tls && c->state == CONN_HTTP && !tls_stream_is_ready(c->tls);
}

void conn_go_on(struct conn *c)
{
    const struct link *last = c->edge->dirty.prev;

    link_leave(&c->more);
    if (is_held_back(c))
        return;
    if (!c->rest) { /* it has not been read */
        do_read(c);
        flush_group(c, last);
        conn_update_poll(c);
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
    } else if (!is_held_back(c)) {
        queue_more(c);
    }
    flush_group(c, last);
    conn_update_poll(c);
}

void conn_on_near(void *item)
{
    const char *user = ((const struct conn *)item)->user;

    __builtin_prefetch(user);
    __builtin_prefetch(user + 64);
}

void conn_on_ready(void *item, uint32_t events)
{
    struct conn *c = conn_of(item);
    const struct link *last = c->edge->dirty.prev;

    if (c->state == CONN_DEAD) /* since this turn began */
        return;
    if (c->proxy) {
        conn_read_proxy(c);
        return;
    }
    if (events & EPOLLERR) {
        /* Reset. What the peer said before is still there to be read: perhaps its
         * Close, and it matters whether it left or was cut off. To shake hands with it
         * would be work for nobody. */
        if ((c->events & EPOLLIN) && !is_shaking(c))
            do_read(c);
        conn_abort(c);
        return;
    }
    if (events == EPOLLHUP) /* both sides are closed: a read or a write will tell */
        events = c->events;
    if (events & EPOLLOUT) {
        /* The peer has taken bytes, so it is alive, even if we do not hear it. */
        note_alive(c);
        if (reads_after_write(c))
            read_tls(c, NULL, 0);
        conn_flush(c);
    }
    if ((events & EPOLLIN) && (c->events & EPOLLIN) && c->state != CONN_DEAD && may_read(c))
        do_read(c);
    flush_group(c, last);
    conn_update_poll(c);
}

bool conn_queue(struct conn *c, struct chunk *bytes)
{
    if (!outq_push(&c->out, bytes)) {
        conn_abort(c);
        return false;
    }
    if (c->out.bytes > c->edge->limits.high_water)
        c->is_paused = true;
    if (c->is_blocked)
        conn_update_poll(c); /* no flush comes by before the socket is writable */
    else
        link_join(&c->dirty, &c->edge->dirty);
    return c->state != CONN_DEAD;
}

/* As outq_write(), in records. After a full socket the queue still begins with the
 * same bytes, as TLS demands. */
static int write_tls(struct conn *c)
{
    for (int records = 0; c->out.n > 0; records++) {
        size_t n;
        if (records == RECORDS_PER_TURN)
            return 1;
        const uint8_t *bytes =
            outq_front(&c->out, c->edge->record, sizeof c->edge->record, &n);
        int written = tls_stream_write(c->tls, bytes, n);
        if (written <= 0)
            return written == 0 ? 1 : written;
        outq_drop(&c->out, (size_t)written);
    }
    return 0;
}

static int write_out(struct conn *c)
{
    size_t written;
    int r = 0;

    if (!c->tls) {
        r = outq_write(&c->out, c->fd, c->edge->record, sizeof c->edge->record, &written);
    } else {
        r = write_tls(c);
        written = tls_stream_take_sent(c->tls);
    }
    c->edge->counters.bytes_out += written;
    c->may_wait = c->may_wait || written > 0;
    if (written > 0)
        c->moved_ms = clk_recent_us() / 1000;
    return r;
}

/* The peer is gone. Its last words may lie unread in the socket, and handlers must
 * not be called from here: so nothing more is written, and the next poll reads
 * them and finds the end. */
static void on_write_error(struct conn *c, int error)
{
    if (error == -ENOMEM || c->is_eof || c->state == CONN_ENDING) {
        conn_abort(c);
        return;
    }
    shutdown(c->fd, SHUT_RDWR);
    outq_fini(&c->out);
    c->is_blocked = c->is_paused = false;
    conn_let_in(c);
}

/* TLS has an end of its own, before TCP's. false: the socket is full. */
static bool shut_tls(struct conn *c)
{
    bool is_shut = !c->tls || c->is_shut || tls_stream_shut(c->tls);

    if (c->tls)
        c->edge->counters.bytes_out += tls_stream_take_sent(c->tls);
    return is_shut;
}

void conn_flush(struct conn *c)
{
    link_leave(&c->dirty);
    if (c->state == CONN_DEAD)
        return;
    int r = write_out(c);
    if (r == 0 && c->pong) {
        r = outq_push(&c->out, c->pong) ? write_out(c) : -ENOMEM;
        chunk_unref(&c->pong);
    }
    if (r < 0) {
        on_write_error(c, r);
        return;
    }
    if (r == 1 && !c->is_blocked) {
        c->is_blocked = true;
        conn_retime(c); /* from here on it may be too slow */
    }
    c->is_blocked = r == 1;
    if (c->out.n == 0 && c->state == CONN_ENDING && !shut_tls(c)) {
        c->is_blocked = true;
    } else if (c->out.n == 0 && c->state == CONN_ENDING) {
        if (c->is_eof) {
            conn_abort(c);
            return;
        }
        if (!c->is_shut) {
            c->is_shut = true;
            if (!c->handler)
                c->since_ms = edge_now_ms();
            shutdown(c->fd, SHUT_WR);
            conn_retime(c);
        }
    }
    if (c->out.n == 0 || c->out.bytes < c->edge->limits.high_water / 2)
        c->is_paused = false;
    conn_let_in(c);
}

size_t conn_queued(const struct conn *c)
{
    return c->out.bytes;
}

size_t conn_backlog(struct conn *c)
{
    int unsent = 0;

    /* What was queued in this turn has not had its chance yet. */
    if (c->out.n > 0 && !c->is_blocked)
        conn_flush(c);
    if (c->state == CONN_DEAD || !c->may_wait)
        return c->out.bytes;
    if (ioctl(c->fd, SIOCOUTQNSD, &unsent) != 0 || unsent < 0)
        unsent = 0;
    c->may_wait = unsent > 0;
    return c->out.bytes + (size_t)unsent;
}
