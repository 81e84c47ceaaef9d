/* SPDX-License-Identifier: MIT */
#include "base/chunk.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct chunk *chunk_new(size_t len)
{
    if (len > UINT32_MAX)
        return NULL;
    struct chunk *c = malloc(sizeof *c + len);
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
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

void chunk_unref(struct chunk **c)
{
    if (!*c)
        return;
    unsigned before = atomic_fetch_sub_explicit(&(*c)->refs, 1, memory_order_acq_rel);
    assert(before > 0);
    if (before == 1)
        free(*c);
    *c = NULL;
}
