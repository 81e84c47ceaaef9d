/* SPDX-License-Identifier: MIT */
/*
 * map - a hash map from bytes or a 64-bit number to a pointer.
 *
 * Open addressing with linear probing and backward-shift removal, so there are
 * no tombstones and a map that shrinks stays fast. Byte keys are copied and
 * hashed with a random per-process seed: keys come from clients.
 *
 * Ownership: map_init/map_fini; values are yours, fini does not free them.
 * Thread: one owner. A map is used with one kind of key only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_entry {
    void *value;     /* NULL marks a free place: values are never NULL */
    uint64_t number; /* the key, or the hash of a byte key */
    char *bytes;     /* byte keys: a copy with a NUL after it; else NULL */
    size_t len;
};

struct map {
    struct map_entry *entries;
    size_t n, cap; /* cap is 0 or a power of two */
};

void map_init(struct map *m);
void map_fini(struct map *m);

/* Set or replace; false when memory is out (unchanged then). */
bool map_put(struct map *m, uint64_t key, void *value);
bool map_put_bytes(struct map *m, const void *key, size_t len, void *value);

/* The value, or NULL. */
void *map_get(const struct map *m, uint64_t key);
void *map_get_bytes(const struct map *m, const void *key, size_t len);

/* Remove and return the value, or NULL where the key was not there. */
void *map_remove(struct map *m, uint64_t key);
void *map_remove_bytes(struct map *m, const void *key, size_t len);

/* Walk: for (struct map_entry *e = NULL; (e = map_next(m, e));) … in no
 * particular order; the map must not change meanwhile. */
struct map_entry *map_next(const struct map *m, struct map_entry *after);
