/* SPDX-License-Identifier: MIT */
/*
 * interest - what one player asks to see: where its centre is, and which keys it
 * watches. Set by scripts (player:view, watch, unwatch); it outlives connections.
 *
 * Ownership: interest_init/fini; holds copies of text keys. Thread: its room's
 * worker.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"
#include "state/schema.h"

struct interest {
    bool is_new;      /* something has changed since the last frame */
    bool has_centre;  /* else the player's own row is the centre */
    double x, y;      /* the centre */
    double radius;    /* in place of `see`; 0: as declared */
    struct map *keys; /* watched, by place of the rule; NULL until the first */
    uint32_t n_places;
    uint32_t n_keys; /* watched in all of them */
};

void interest_init(struct interest *in);
void interest_fini(struct interest *in);

/* A centre apart from the player's own row, which may have none. x and y are
 * finite, radius is at least 0. */
void interest_look_at(struct interest *in, double x, double y, double radius);
void interest_look_home(struct interest *in);

/* Watch a key of a table with INTEREST_KEYS, be its row there yet or not, or watch it
 * no more. Text keys are copied. False: `max` keys are watched already, or memory is
 * out. */
bool interest_watch(struct interest *in, const struct schema *s, uint32_t table,
                    int64_t number, const char *text, size_t len, uint32_t max);
void interest_unwatch(struct interest *in, const struct schema *s, uint32_t table,
                      int64_t number, const char *text, size_t len);

/* The room goes on with another schema: watched keys stay where a map of the same
 * name and kind of keys still has them. */
void interest_rebind(struct interest *in, const struct schema *from,
                     const struct schema *to);
