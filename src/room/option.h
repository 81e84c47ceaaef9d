/* SPDX-License-Identifier: MIT */
/*
 * option - looking into join options and labels: members of a map, which is an any
 * in wire form that has been checked.
 *
 * What comes from a query (`/pond?skill=12`) is text; so numbers and flags are
 * understood as text, too.
 *
 * Ownership: what is found borrows from the map. Thread: any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/wire.h"

enum option_kind {
    OPTION_NONE, /* not there, or nil */
    OPTION_FLAG,
    OPTION_NUMBER,
    OPTION_TEXT,
    OPTION_LIST, /* `bytes` from its tag on */
    OPTION_MAP,
    OPTION_OTHER,
};

struct option {
    enum option_kind kind;
    bool flag;
    double number;
    struct wire_str text;
    const uint8_t *bytes;
    size_t n_bytes;
};

/* The member `key` of the map; the last one where a client has sent it twice.
 * OPTION_NONE also where `map` is empty or no map. */
struct option option_find(const uint8_t *map, size_t n, const char *key);

/* The first `max` items of a list, or the value itself as the only one; nothing for
 * OPTION_NONE. Returns how many there are, which may be more. */
uint32_t option_items(const struct option *o, struct option *out, uint32_t max);

/* true, or text that says so ("true", "1"). */
bool option_is_set(const struct option *o);

/* A number, or text that is one as a whole. False: neither. */
bool option_number(const struct option *o, double *out);

/* Both are there and say the same: texts, flags, numbers; 7 and "7" do. */
bool option_is_same(const struct option *a, const struct option *b);

/* Append a flag, number or text as an any. */
void option_put(struct buf *out, const struct option *o);
