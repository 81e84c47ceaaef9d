/* SPDX-License-Identifier: MIT */
/*
 * peer_value - the peer's own reading of composed values and their changes, by
 * PROTOCOL.md and sharing no code with the server. A value is a JSON tree in which
 * numbers are quanta (f32 and f64: the number), texts and bytes strings (bytes as hex),
 * records and maps objects by path and key, an absent opt null.
 */
#pragma once

#include <cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "state/schema.h"

struct cursor {
    const uint8_t *at, *end;
    bool bad;
};

/* The numbers of the wire (peer_test.c). */
uint64_t peer_little(struct cursor *c, unsigned n);
uint32_t peer_uv(struct cursor *c);
int64_t peer_sv(struct cursor *c);
void peer_mask(struct cursor *c, unsigned n, bool fields[256]);

/* One absolute value. Never NULL; null where it is bad. */
cJSON *peer_value(struct cursor *c, const struct type *t);

/* `old` after one change, as a tree of its own. */
cJSON *peer_change(struct cursor *c, const struct type *t, const cJSON *old);
