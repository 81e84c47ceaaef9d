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
    cJSON *tree[32];  /* bytes, text and what is composed (peer_value.h) */
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

/* What it holds as a tree like that of a JSON snapshot; yours. */
cJSON *peer_tree(const struct peer *p);

/* It holds exactly the rows, keys and cells of the image at rest; for schemas whose facets
 * are their tables. */
bool peer_equals(const struct peer *p, const struct image *img);

/* The JSON client is its state tree: apply one j1 record to it (*state is replaced
 * by a snapshot). The schema tells what is a record, whose members are merged. False
 * where the record does not fit. */
bool peer_apply_json(const struct schema *s, cJSON **state, uint32_t *tick,
                     const cJSON *record);
