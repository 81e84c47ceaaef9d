/* SPDX-License-Identifier: MIT */
#include "server/distant.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clk.h"
#include "base/close_reason.h"
#include "net/conn.h"
#include "room/session.h"
#include "server/server.h"
#include "server/worker.h"

enum { NO_CLOSE = 1006 /* there was none (RFC 6455, 7.1.5) */ };

struct distant *distant_new(unsigned worker, const struct conn *c, struct session *s)
{
    struct distant *d = calloc(1, sizeof *d);

    if (!d)
        return NULL;
    d->worker = worker;
    d->session = s;
    snprintf(d->address, sizeof d->address, "%s", conn_address(c));
    return d;
}

static bool order(struct distant *d, enum batch_order_kind kind, uint16_t code,
                  struct chunk *frame)
{
    struct batch *b = post_batch(&d->here->post, d->worker);

    if (b && batch_add_order(b, kind, code, frame, d->number, &d->mark))
        return true;
    d->here->has_broken = d->is_broken = true; /* see distants_run() */
    return false;
}

/* The bytes that we have given away and nobody has looked at yet. */
static size_t unread(struct distant *d)
{
    if (d->unread && post_is_read(&d->here->post, d->worker, d->sent_in))
        d->unread = 0;
    return d->unread;
}

/* As conn_send() judges its own queue. */
static bool is_too_much(struct distant *d, size_t len)
{
    const struct edge_limits *l = &d->here->server->limits.edge;

    return unread(d) > l->high_water && d->unread + len > l->max_out_bytes;
}

static void distant_close(void *conn, uint16_t code, const char *reason)
{
    struct distant *d = conn;
    struct chunk *text = NULL;

    if (d->is_closing)
        return;
    d->is_closing = true;
    if (!reason)
        reason = close_reason_text(code);
    text = chunk_copy(reason, strlen(reason)); /* without it there is just the code */
    order(d, ORDER_CLOSE, code, text);
    chunk_unref(&text);
}

static void distant_send(void *conn, struct chunk *frame)
{
    struct distant *d = conn;

    if (d->is_closing || d->is_broken)
        return;
    if (is_too_much(d, frame->len)) {
        distant_close(d, CLOSE_TOO_SLOW, NULL);
        return;
    }
    if (!order(d, ORDER_SEND, 0, frame))
        return;
    d->sent_in = d->mark.serial;
    d->unread += frame->len;
}

static size_t distant_backlog(void *conn)
{
    struct distant *d = conn;

    if (!d->is_closing && !d->is_broken)
        order(d, ORDER_LOOK, 0, NULL);
    return unread(d) + d->backlog;
}

static const char *distant_address(void *conn)
{
    return ((struct distant *)conn)->address;
}

/* No messages lie at hand, and a run of raw messages is of no use: raw games do not
 * spread. */
static const struct peer_ops ops = {.send = distant_send,
                                    .close = distant_close,
                                    .backlog = distant_backlog,
                                    .address = distant_address};

void distant_arrive(struct distant *d, struct worker *here)
{
    d->here = here;
    if ((d->next = here->distants))
        d->next->at = &d->next;
    d->at = &here->distants;
    here->distants = d;
    here->n_distants++;
    session_talk_through(d->session, &ops, d);
}

static void free_distant(struct distant *d)
{
    if ((*d->at = d->next))
        d->next->at = d->at;
    d->here->n_distants--;
    free(d);
}

void distant_discard(struct distant *d)
{
    session_closed(&d->session, NO_CLOSE);
    free(d);
}

/* Its connection is gone, and its session: the last word. */
static void forget(struct distant *d)
{
    if (order(d, ORDER_FORGET, 0, NULL))
        free_distant(d);
}

static void end(struct distant *d, uint16_t code)
{
    d->is_closing = true; /* what its room still says goes nowhere */
    session_closed(&d->session, code);
}

static void hear(struct distant *d, const struct batch_note *note, const uint8_t *bytes)
{
    switch ((enum batch_note_kind)note->kind) {
    case NOTE_MESSAGE:
        session_message(d->session, (enum ws_op)note->code, bytes, note->value);
        break;
    case NOTE_DROPPED: session_dropped(d->session, bytes, note->value); break;
    case NOTE_BACKLOG: d->backlog = note->value; break;
    case NOTE_CLOSED:
        end(d, note->code);
        forget(d);
        break;
    }
}

void distants_hear(const struct batch *b)
{
    const uint8_t *bytes = b->bytes.data;

    for (uint32_t i = 0; i < b->n_notes; i++) {
        const struct batch_note *note = &b->notes[i];
        hear(note->of, note, bytes);
        if (note->kind <= NOTE_DROPPED)
            bytes += note->value;
    }
}

void distants_run(struct worker *w)
{
    if (!w->has_broken)
        return;
    w->has_broken = false;
    for (struct distant *d = w->distants, *next; d; d = next) {
        next = d->next;
        if (!d->is_broken)
            continue;
        d->is_broken = false;
        if (d->session)
            order(d, ORDER_CLOSE, CLOSE_TRY_LATER, NULL);
        else
            forget(d);
    }
}

void distants_close(struct worker *w)
{
    while (w->distants) {
        struct distant *d = w->distants;
        end(d, NO_CLOSE);
        free_distant(d);
    }
}
