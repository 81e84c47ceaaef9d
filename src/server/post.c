/* SPDX-License-Identifier: MIT */
#include "server/post.h"

#include <errno.h>
#include <stdlib.h>

#include "server/distant.h"
#include "server/outpost.h"
#include "server/server.h"
#include "server/worker.h"

int post_open(struct post *p, struct worker *w, unsigned n_workers)
{
    *p = (struct post){.worker = w};
    if (n_workers == 1)
        return 0;
    if (!(p->to = calloc(n_workers, sizeof *p->to)))
        return -ENOMEM;
    p->n = n_workers;
    return 0;
}

static void free_batch(struct batch *b)
{
    batch_fini(b);
    free(b);
}

/* Have at hand what has come back, as many as `most`. */
static void take_spares(struct post *p, unsigned most)
{
    struct batch *b = atomic_exchange_explicit(&p->spares, NULL, memory_order_acquire);
    unsigned n = 0;

    for (struct batch *next; b; b = next) {
        next = b->next;
        if (n++ >= most) {
            free_batch(b);
            continue;
        }
        b->next = p->at_hand;
        p->at_hand = b;
    }
}

/* NULL: there is none. */
static struct batch *take_spare(struct post *p)
{
    if (!p->at_hand)
        take_spares(p, POST_SPARES * p->n);
    struct batch *b = p->at_hand;
    if (b)
        p->at_hand = b->next;
    return b;
}

void post_close(struct post *p)
{
    for (unsigned i = 0; i < p->n; i++)
        if (p->to[i].open)
            free_batch(p->to[i].open);
    take_spares(p, 0);
    for (struct batch *b; (b = p->at_hand);) {
        p->at_hand = b->next;
        free_batch(b);
    }
    free(p->to);
    p->to = NULL;
    p->n = 0;
}

/* On the thread of the reader. */
static void give_back(struct batch *b)
{
    struct post *p = b->from;

    batch_clear(b);
    b->next = atomic_load_explicit(&p->spares, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(
        &p->spares, &b->next, b, memory_order_release, memory_order_relaxed))
        ;
}

static void on_open(struct letter *l, void *reader)
{
    struct batch *b = (struct batch *)l;
    struct worker *w = reader;

    if (!w) {
        free_batch(b);
        return;
    }
    struct post_channel *c = &b->from->to[w->index];
    outpost_obey(&w->outpost, b);
    distants_hear(b);
    atomic_store_explicit(&c->read, b->serial, memory_order_release);
    size_t left =
        atomic_fetch_sub_explicit(&c->unread, b->weight, memory_order_acq_rel) - b->weight;
    if (left <= POST_UNREAD / 2 && atomic_exchange(&c->is_held_back, false))
        uv_async_send(&b->from->worker->mail);
    give_back(b);
}

struct batch *post_batch(struct post *p, unsigned to)
{
    struct post_channel *c = p->n ? &p->to[to] : NULL;

    if (!c || c->open)
        return c ? c->open : NULL;
    struct batch *b = take_spare(p);
    if (!b) {
        if (!(b = malloc(sizeof *b)))
            return NULL;
        batch_init(b);
    }
    b->letter = (struct letter){NULL, on_open};
    b->from = p;
    b->serial = ++c->serial;
    return c->open = b;
}

void post_flush(struct post *p)
{
    for (unsigned i = 0; i < p->n; i++) {
        struct post_channel *c = &p->to[i];
        struct batch *b = c->open;
        if (!b || batch_is_empty(b))
            continue;
        c->open = NULL;
        atomic_fetch_add_explicit(&c->unread, b->weight, memory_order_relaxed);
        mailbox_insist(&p->worker->server->workers[i].box, &b->letter);
    }
}

bool post_is_full(struct post *p, unsigned to)
{
    struct post_channel *c = &p->to[to];
    size_t waiting = atomic_load_explicit(&c->unread, memory_order_relaxed) +
                     (c->open ? c->open->weight : 0);

    /* Whatever is too much lies in a batch that is still to be read: who reads that
     * sees the mark. */
    if (waiting <= POST_UNREAD || !c->open || c->open->weight == 0)
        return false;
    atomic_store(&c->is_held_back, true);
    return true;
}

bool post_may_go_on(const struct post *p, unsigned to)
{
    return !atomic_load(&p->to[to].is_held_back);
}

bool post_is_read(const struct post *p, unsigned to, uint64_t serial)
{
    return atomic_load_explicit(&p->to[to].read, memory_order_acquire) >= serial;
}
