/* SPDX-License-Identifier: MIT */
#include "base/mailbox.h"

#include <assert.h>

void mailbox_init(struct mailbox *b, size_t max, void (*wake)(void *ctx), void *ctx)
{
    atomic_init(&b->top, NULL);
    atomic_init(&b->n, 0);
    b->max = max;
    b->wake = wake;
    b->ctx = ctx;
}

/* Only the reader takes letters off, and always all of them, so the one that `top` was
 * read as cannot have left and come back in between. */
static void push(struct mailbox *b, struct letter *l)
{
    struct letter *top = atomic_load_explicit(&b->top, memory_order_relaxed);

    do
        l->next = top;
    while (!atomic_compare_exchange_weak_explicit(&b->top, &top, l, memory_order_release,
                                                  memory_order_relaxed));
    /* `l` may be gone by now. */
    if (!top)
        b->wake(b->ctx);
}

bool mailbox_post(struct mailbox *b, struct letter *l)
{
    if (atomic_fetch_add_explicit(&b->n, 1, memory_order_relaxed) >= b->max) {
        atomic_fetch_sub_explicit(&b->n, 1, memory_order_relaxed);
        return false;
    }
    push(b, l);
    return true;
}

void mailbox_insist(struct mailbox *b, struct letter *l)
{
    atomic_fetch_add_explicit(&b->n, 1, memory_order_relaxed);
    push(b, l);
}

size_t mailbox_read(struct mailbox *b, void *reader)
{
    struct letter *newest = atomic_exchange_explicit(&b->top, NULL, memory_order_acquire);
    struct letter *oldest = NULL;
    size_t n = 0;

    while (newest) {
        struct letter *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
        n++;
    }
    for (struct letter *next; oldest; oldest = next) {
        next = oldest->next;
        /* First, so that whoever is answered by a letter finds room for the next one. */
        atomic_fetch_sub_explicit(&b->n, 1, memory_order_relaxed);
        oldest->open(oldest, reader);
    }
    return n;
}

void mailbox_fini(struct mailbox *b)
{
    while (mailbox_read(b, NULL) > 0)
        ;
    assert(atomic_load(&b->n) == 0);
}

size_t mailbox_n(struct mailbox *b)
{
    return atomic_load_explicit(&b->n, memory_order_relaxed);
}
