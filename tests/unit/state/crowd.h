/* SPDX-License-Identifier: MIT */
/*
 * crowd - a random room in which everybody sees something else, and a model of what
 * that is.
 *
 * Schemas are drawn (fields for all, for owners, for the server; maps near, by keys,
 * or for all), then ticks: rows come and go, slots are used again, players move
 * their centres and watch keys, are skipped, resync, lose frames on the way, are away
 * and come back with an older tick. After every frame that arrives, what the client
 * holds is compared with what the model said when the frame was made. Seeded.
 */
#pragma once

#include <cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "state/schema.h"

/* Who else wants to see what arrives; all may be NULL. */
struct crowd_sink {
    void *ctx;
    /* A new room; its clients hold nothing. */
    void (*room)(void *ctx, const struct schema *s);
    /* A frame's payload has come to a client, which now must hold `want`, of which
     * emit_hash() says `hashes`. */
    void (*frame)(void *ctx, int client, bool json, const uint8_t *bytes, size_t len,
                  uint32_t tick, const cJSON *want, const char *hashes);
};

/* How often what came about. */
struct crowd_counts {
    unsigned compared, quiet, merged, together, resumed, resumed_json, resumed_older,
        reused, left_sight, in_margin, owned, snapshots, needless;
};

/* Run one room for `n_ticks`, its dice from `seed`. Fails the test that runs. */
void crowd_run(uint64_t seed, uint32_t n_ticks, const struct crowd_sink *sink,
               struct crowd_counts *n);
