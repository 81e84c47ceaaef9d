/* SPDX-License-Identifier: MIT */
#include "base/map.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/rnd.h"

static uint64_t seed;
static pthread_once_t seeded = PTHREAD_ONCE_INIT;

static void draw_seed(void)
{
    rnd_secret(&seed, sizeof seed);
}

static uint64_t mix(uint64_t x)
{
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdu;
    x ^= x >> 33;
    x *= 0xc4ceb9fe1a85ec53u;
    return x ^ x >> 33;
}

/* FNV-1a over the bytes, started and finished with the seed. */
static uint64_t hash_bytes(const void *key, size_t len)
{
    const uint8_t *p = key;

    pthread_once(&seeded, draw_seed);
    uint64_t h = 0xcbf29ce484222325u ^ seed;
    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * 0x100000001b3u;
    return mix(h ^ seed);
}

void map_init(struct map *m)
{
    *m = (struct map){0};
}

void map_fini(struct map *m)
{
    for (size_t i = 0; i < m->cap; i++)
        free(m->entries[i].bytes);
    free(m->entries);
    *m = (struct map){0};
}

static bool is_key(const struct map_entry *e, uint64_t number, const void *bytes,
                   size_t len)
{
    if (e->number != number)
        return false;
    return !bytes || (e->len == len && memcmp(e->bytes, bytes, len) == 0);
}

/* The entry of this key or the free place where it would go; cap must be > 0. */
static struct map_entry *find(const struct map *m, uint64_t number, const void *bytes,
                              size_t len)
{
    size_t i = mix(number) & (m->cap - 1);

    while (m->entries[i].value && !is_key(&m->entries[i], number, bytes, len))
        i = (i + 1) & (m->cap - 1);
    return &m->entries[i];
}

static bool grow(struct map *m)
{
    struct map old = *m;
    size_t cap = old.cap ? old.cap * 2 : 8;
    struct map_entry *entries = calloc(cap, sizeof *entries);

    if (!entries)
        return false;
    m->entries = entries;
    m->cap = cap;
    for (size_t i = 0; i < old.cap; i++)
        if (old.entries[i].value) {
            struct map_entry *e = &old.entries[i];
            *find(m, e->number, e->bytes, e->len) = *e;
        }
    free(old.entries);
    return true;
}

static bool put(struct map *m, uint64_t number, const void *bytes, size_t len, void *value)
{
    if ((m->n + 1) * 4 > m->cap * 3 && !grow(m))
        return false;
    struct map_entry *e = find(m, number, bytes, len);
    if (!e->value) {
        char *copy = NULL;
        if (bytes) {
            if (!(copy = malloc(len + 1)))
                return false;
            memcpy(copy, bytes, len);
            copy[len] = 0;
        }
        *e = (struct map_entry){.number = number, .bytes = copy, .len = len};
        m->n++;
    }
    e->value = value;
    return true;
}

/* Close the gap that a removal leaves: whatever probed past it moves back. */
static void *take(struct map *m, struct map_entry *e)
{
    void *value = e->value;
    size_t gap = (size_t)(e - m->entries), mask = m->cap - 1;

    free(e->bytes);
    m->n--;
    for (size_t i = (gap + 1) & mask; m->entries[i].value; i = (i + 1) & mask) {
        size_t home = mix(m->entries[i].number) & mask;
        if (((i - home) & mask) >= ((i - gap) & mask)) {
            m->entries[gap] = m->entries[i];
            gap = i;
        }
    }
    m->entries[gap] = (struct map_entry){0};
    return value;
}

bool map_put(struct map *m, uint64_t key, void *value)
{
    return put(m, key, NULL, 0, value);
}

bool map_put_bytes(struct map *m, const void *key, size_t len, void *value)
{
    return put(m, hash_bytes(key, len), len ? key : "", len, value);
}

void *map_get(const struct map *m, uint64_t key)
{
    return m->cap ? find(m, key, NULL, 0)->value : NULL;
}

void *map_get_bytes(const struct map *m, const void *key, size_t len)
{
    return m->cap ? find(m, hash_bytes(key, len), len ? key : "", len)->value : NULL;
}

void *map_remove(struct map *m, uint64_t key)
{
    struct map_entry *e = m->cap ? find(m, key, NULL, 0) : NULL;

    return e && e->value ? take(m, e) : NULL;
}

void *map_remove_bytes(struct map *m, const void *key, size_t len)
{
    struct map_entry *e =
        m->cap ? find(m, hash_bytes(key, len), len ? key : "", len) : NULL;

    return e && e->value ? take(m, e) : NULL;
}

struct map_entry *map_next(const struct map *m, struct map_entry *after)
{
    size_t i = after ? (size_t)(after - m->entries) + 1 : 0;

    while (i < m->cap && !m->entries[i].value)
        i++;
    return i < m->cap ? &m->entries[i] : NULL;
}
