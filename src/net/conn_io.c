/* SPDX-License-Identifier: MIT */
/*
 * conn_io - what a connection's socket is polled for, what is ready, and bytes that
 * leave: once a turn.
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

/* TLS records of one connection in one turn: 256 KiB, then the others have theirs. */
enum { RECORDS_PER_TURN = 16 };

/* A handshake has filled the socket: until that has room, TLS can take in nothing. */
static bool reads_after_write(const struct conn *c)
{
    return c->tls && c->state != CONN_ENDING && tls_stream_reads_after_write(c->tls);
}

static uint32_t wanted_events(const struct conn *c)
{
    uint32_t want = 0;

    if (reads_after_write(c))
        want = EPOLLOUT;
    else if (!c->is_eof && link_is_alone(&c->more) && !c->rest && !conn_is_held_back(c))
        want = EPOLLIN;
    if (c->is_blocked && !(c->tls && tls_stream_writes_after_read(c->tls)))
        want |= EPOLLOUT;
    return want;
}

void conn_update_poll(struct conn *c)
{
    if (c->state == CONN_DEAD)
        return;
    uint32_t want = wanted_events(c);
    if (poller_watch(&c->edge->poller, c->fd, c, c->events, want) < 0)
        conn_abort(c);
    c->events = (uint8_t)want;
}

/* The same, and what is ready for `left` is told of once more: it has not been used up. */
void conn_update_poll_again(struct conn *c, uint32_t left)
{
    uint32_t before = c->events;

    conn_update_poll(c);
    if (c->events & left && c->events == before && c->state != CONN_DEAD &&
        poller_again(&c->edge->poller, c->fd, c, c->events) < 0)
        conn_abort(c);
}

/* A TLS handshake that has not come to its end. */
static bool is_shaking(const struct conn *c)
{
    return c->tls && c->state == CONN_HTTP && !tls_stream_is_ready(c->tls);
}

/* Anything but messages. */
static void on_event(struct conn *c, uint32_t events)
{
    const struct link *last = c->edge->dirty.prev;
    uint32_t left =
        events & EPOLLRDHUP ? EPOLLIN : 0; /* the end lies behind what we read */

    if (c->proxy) {
        conn_read_proxy(c);
        conn_update_poll_again(c, EPOLLIN);
        return;
    }
    if (events & EPOLLERR) {
        /* Reset. What the peer said before is still there to be read: perhaps its
         * Close, and it matters whether it left or was cut off. To shake hands with it
         * would be work for nobody. */
        if ((c->events & EPOLLIN) && !is_shaking(c))
            conn_read_along(c, 0);
        conn_take_reads(c->edge);
        conn_abort(c);
        return;
    }
    if (events == EPOLLHUP) /* both sides are closed: a read or a write will tell */
        events = c->events;
    if (events & EPOLLOUT) {
        /* The peer has taken bytes, so it is alive, even if we do not hear it. */
        conn_note_alive(c, edge_now_ms());
        if (reads_after_write(c))
            conn_read_tls(c, NULL, 0);
        conn_flush(c);
        left |= EPOLLOUT; /* a flush writes so much at a time */
    }
    if ((events & EPOLLIN) && (c->events & EPOLLIN) && c->state != CONN_DEAD &&
        conn_may_read(c)) {
        conn_read_along(c, left);
        conn_take_reads(c->edge);
    } else {
        conn_flush_group(c, last);
        conn_update_poll_again(c, left);
    }
}

void conn_on_ready(void *item, uint32_t events)
{
    struct conn *c = conn_of(item);

    if (c->state == CONN_DEAD) /* since this turn began */
        return;
    if (events == EPOLLIN && c->events == EPOLLIN && c->state == CONN_WS) {
        conn_read_along(c, 0);
        return;
    }
    conn_take_reads(c->edge);
    if (c->state != CONN_DEAD)
        on_event(c, events);
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
