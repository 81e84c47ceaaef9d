/* SPDX-License-Identifier: MIT */
/*
 * peer - a small client of its own: decodes SNAPSHOT and DELTA records strictly by
 * PROTOCOL.md, binary and JSON, sharing no reading code with the server.
 *
 * A frame is applied to a copy and the copy kept when all of it was good.
 */
#pragma once

#include <cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/image.h"

struct peer_row {
    bool held;
    int64_t number;
    char text[256];   /* the key of a map with string keys */
    int64_t q[32];    /* numbers as their quantum */
    char str[32][64]; /* texts */
};

struct peer_facet {
    struct peer_row *rows;
    uint32_t n;
};

struct peer {
    struct schema *schema; /* borrows */
    struct peer_facet *facets;
    uint32_t tick;
    bool has_state;
    unsigned n_sets, n_updates, n_keeps; /* runs of each kind that were applied */
};

void peer_init(struct peer *p, struct schema *s);
void peer_fini(struct peer *p);

/* One record and nothing behind it. False: malformed or of another base, and the
 * peer is as it was. */
bool peer_apply(struct peer *p, const uint8_t *bytes, size_t len);

/* It holds exactly the rows, keys and cells of the image at rest. */
bool peer_equals(const struct peer *p, const struct image *img);

/* The JSON client is its state tree: apply one j1 record to it (*state is replaced
 * by a snapshot). False where the record does not fit. */
bool peer_apply_json(cJSON **state, uint32_t *tick, const cJSON *record);
