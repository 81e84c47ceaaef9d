/* SPDX-License-Identifier: MIT */
/*
 * schema - what a game declared: state, messages, events. Parsed from the JSON
 * of PROTOCOL.md, which is also what clients get.
 *
 * Nested records are flattened: a record is a list of leaf fields with paths
 * such as "pos.x", in byte order; a field's id is its place.
 *
 * Ownership: reference-counted and constant; schema_ref/schema_unref.
 * Thread: share freely.
 */
#pragma once

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "state/type.h"

enum {
    SCHEMA_MAX_FIELDS = 256, /* leaves of one record */
    SCHEMA_MAX_MAPS = 64,
    SCHEMA_MAX_MESSAGES = 256,
};

enum key_kind {
    KEY_NONE,   /* the root record */
    KEY_PLAYER, /* uv */
    KEY_INT,    /* sv, -2^31 .. 2^31 - 1 */
    KEY_STR,    /* 1 .. 255 bytes */
};

struct field {
    const char *path; /* "x" or "pos.x" */
    struct type type;
    union cell preset; /* the default */
};

struct record {
    const char *name; /* of the map, message or event; "" for the root */
    enum key_kind keys;
    uint32_t n_fields;
    struct field *fields;
    uint32_t n_words;   /* of a field mask: (n_fields + 31) / 32, at least 1 */
    double rate, burst; /* messages: per second and player; 0: no limit of its own.
                         * Without a burst of its own: one second's worth, at least 1 */
    bool is_input;      /* messages: a predicted input (record 82) */
};

struct schema {
    atomic_uint refs;
    uint32_t hash;
    char *json; /* NUL-terminated, exactly as parsed */
    size_t n_json;
    uint32_t n_tables;     /* 1 + number of maps */
    struct record *tables; /* [0] is the root, then the maps in order */
    uint32_t n_messages;
    struct record *messages;
    uint32_t n_events;
    struct record *events;
};

/* Parse and check. On error returns a negative code, *out is NULL and *e names
 * the place, as in `state.frogs.x: step must be above 0`. */
int schema_parse(struct schema **out, const char *json, size_t len, struct err *e);

struct schema *schema_ref(struct schema *s);
void schema_unref(struct schema **s);

/* FNV-1a over the JSON, 0 replaced by 1. */
uint32_t schema_hash(const char *json, size_t len);

/* Place in the list, or -1. */
int schema_find_message(const struct schema *s, const char *name, size_t len);
int schema_find_event(const struct schema *s, const char *name, size_t len);
int schema_find_table(const struct schema *s, const char *name, size_t len);
