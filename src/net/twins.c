/* SPDX-License-Identifier: MIT */
#include "net/twins.h"

#include <string.h>

int twins_init(struct twins *t, const struct ws_deflate_tuning *tuning)
{
    *t = (struct twins){0};
    return ws_deflate_pool_new(&t->pool, tuning);
}

void twins_fini(struct twins *t)
{
    twins_clear(t);
    ws_deflate_pool_free(&t->pool);
}

static bool is_same(const struct chunk *a, const struct chunk *b)
{
    return a == b || (a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0);
}

static struct chunk *find(const struct twin *list, int n, uint8_t bits,
                          const struct chunk *plain)
{
    for (int i = 0; i < n && list[i].plain; i++)
        if (list[i].bits == bits && is_same(list[i].plain, plain))
            return list[i].packed;
    return NULL;
}

static void release(struct twin *list, int n)
{
    for (int i = 0; i < n && list[i].plain; i++) {
        chunk_unref(&list[i].plain);
        chunk_unref(&list[i].packed);
    }
}

struct chunk *twins_get(struct twins *t, uint8_t bits, struct chunk *plain, bool *is_new)
{
    struct twin *list = plain->is_shared ? t->shared : t->single;
    int n = plain->is_shared ? TWINS_SHARED : TWINS_SINGLE;
    uint8_t *next = plain->is_shared ? &t->next_shared : &t->next_single;
    struct chunk *packed = find(list, n, bits, plain);

    *is_new = !packed;
    if (packed)
        return packed;
    struct twin *place = &list[*next];
    *next = (uint8_t)((*next + 1) % n);
    chunk_unref(&place->plain);
    chunk_unref(&place->packed);
    *place =
        (struct twin){chunk_ref(plain), ws_deflate_pool_chunk(t->pool, bits, plain), bits};
    t->is_used = true;
    return place->packed;
}

void twins_clear(struct twins *t)
{
    if (!t->is_used)
        return;
    release(t->shared, TWINS_SHARED);
    release(t->single, TWINS_SINGLE);
    t->next_shared = t->next_single = 0;
    t->is_used = false;
}
