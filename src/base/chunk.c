/* SPDX-License-Identifier: MIT */
#include "base/chunk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Small ones come and go with every message: each thread keeps some blocks of one
 * size at hand (malloc keeps seven, and a turn that sends more pays 20 ns each). Not
 * under ASan, which should see every use after the end. */
#if defined(__SANITIZE_ADDRESS__)
#define SMALL_BYTES 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SMALL_BYTES 0
#endif
#endif
#ifndef SMALL_BYTES
#define SMALL_BYTES 120
#endif

enum { MAX_SPARE = 2048 }; /* 256 KiB; a turn can answer 16 messages of 100 connections */

struct spare {
    struct spare *next;
};

static _Thread_local struct spare *spares;
static _Thread_local unsigned n_spares;

static struct chunk *take_block(size_t len)
{
    struct spare *block = spares;

    if (len > SMALL_BYTES)
        return malloc(sizeof(struct chunk) + len);
    if (!block)
        return malloc(sizeof(struct chunk) + SMALL_BYTES);
    spares = block->next;
    n_spares--;
    return (struct chunk *)block;
}

static void give_block(struct chunk *c)
{
    struct spare *block = (struct spare *)c;

    if (c->len > SMALL_BYTES || n_spares >= MAX_SPARE) {
        free(c);
        return;
    }
    block->next = spares;
    spares = block;
    n_spares++;
}

struct chunk *chunk_new(size_t len)
{
    if (len > UINT32_MAX)
        return NULL;
    struct chunk *c = take_block(len);
    if (!c)
        return NULL;
    atomic_init(&c->refs, 1);
    c->len = (uint32_t)len;
    c->is_shared = false;
    return c;
}

struct chunk *chunk_copy(const void *bytes, size_t len)
{
    struct chunk *c = chunk_new(len);

    if (c && len)
        memcpy(c->bytes, bytes, len);
    return c;
}

struct chunk *chunk_share(struct chunk *c)
{
    if (c)
        c->is_shared = true;
    return c;
}

struct chunk *chunk_ref(struct chunk *c)
{
    /* Who has the only one is alone with the count. */
    if (atomic_load_explicit(&c->refs, memory_order_relaxed) == 1)
        atomic_store_explicit(&c->refs, 2, memory_order_relaxed);
    else
        atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

void chunk_unref(struct chunk **c)
{
    if (!*c)
        return;
    /* The only one left needs no atomic subtraction: nobody else can have the count. */
    unsigned before = atomic_load_explicit(&(*c)->refs, memory_order_acquire);
    if (before != 1)
        before = atomic_fetch_sub_explicit(&(*c)->refs, 1, memory_order_acq_rel);
    assert(before > 0);
    if (before == 1)
        give_block(*c);
    *c = NULL;
}

void chunk_end_thread(void)
{
    for (struct spare *next; spares; spares = next) {
        next = spares->next;
        free(spares);
    }
    n_spares = 0;
}
