/* SPDX-License-Identifier: MIT */
/*
 * schema - what a game declared: state, messages, events. Parsed from the JSON
 * of PROTOCOL.md, which is also what clients get.
 *
 * Nested records are flattened: a record is a list of leaf fields with paths
 * such as "pos.x", in byte order; a field's id is its place. A record that an opt,
 * a list or a map holds is the same, inside the field's type.
 *
 * A root map is a table of rows. Its fields have audiences: everybody, the player
 * who owns the row, or nobody but the server. In a table's record those of one
 * audience stand together, everybody's first, so what one audience sees is a run
 * of fields: a facet. What is for the server alone is in no facet, and not in the
 * JSON that clients get.
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

/* Who sees a field. In this order they stand in a table's record. */
enum audience { TO_ALL, TO_OWNER, TO_SERVER };

struct field {
    const char *path; /* "x" or "pos.x" */
    struct type type;
    union cell preset; /* the default */
    enum audience to;
};

/* Which rows of a table a player sees. */
enum interest_kind {
    INTEREST_ALL,  /* every row */
    INTEREST_NEAR, /* those near the player's centre, and its own */
    INTEREST_KEYS, /* those whose keys it watches, and its own */
};

struct interest_rule {
    enum interest_kind kind;
    uint32_t place;     /* among the tables with a rule: of a view's sight */
    uint32_t x, y;      /* near: fields */
    double see, forget; /* near: rows enter within `see`, leave beyond `forget` */
};

struct record {
    const char *name; /* of the map, message or event; "" for the root */
    enum key_kind keys;
    uint32_t n_fields;
    struct field *fields;
    uint32_t n_public; /* fields for everybody; all of them where it is no table */
    uint32_t n_owner;  /* ... and, behind them, for the owner of the row */
    uint16_t *by_path; /* places of the fields in byte order of their paths, which is
                        * that of scripts; NULL: as they stand */
    bool is_hidden;    /* a map that nobody sees: it has no facet */
    struct interest_rule interest;
    uint32_t n_words;   /* of a field mask: (n_fields + 31) / 32, at least 1 */
    double rate, burst; /* messages: per second and player; 0: no limit of its own.
                         * Without a burst of its own: one second's worth, at least 1 */
    bool is_input;      /* messages: a predicted input (record 82) */
};

/* The part of a table with one audience, as clients know it. */
struct facet {
    uint32_t table;
    uint32_t first;     /* its fields in the table's record */
    bool is_owners;     /* one row at most: the player's own, in the slot it has there */
    uint32_t fields;    /* everybody's of at most 32 fields, as a mask, and of these the */
    uint32_t deltas;    /* ones of which an update carries a difference; else both 0 */
    struct record part; /* these fields; borrows from the table. The owner's has no key */
};

struct schema {
    atomic_uint refs;
    uint32_t hash; /* of `json` */
    char *json;    /* what clients get, NUL-terminated */
    size_t n_json;
    char *full; /* exactly as parsed */
    size_t n_full;
    uint32_t n_tables;     /* 1 + number of maps */
    struct record *tables; /* [0] is the root, then the maps in order */
    uint32_t n_facets;
    struct facet *facets; /* in the order of their numbers on the wire */
    uint32_t n_sights;    /* tables with an interest rule */
    bool is_personal;     /* not everybody gets the same: owners' fields or rules */
    uint32_t n_messages;
    struct record *messages;
    uint32_t n_events;
    uint32_t events_hash; /* of their declarations: those of one hash have one encoding */
    struct record *events;
};

/* Parse and check. On error returns a negative code, *out is NULL and *e names
 * the place, as in `state.frogs.x: step must be above 0`. */
int schema_parse(struct schema **out, const char *json, size_t len, struct err *e);

struct schema *schema_ref(struct schema *s);
void schema_unref(struct schema **s);

/* Free a list of fields with all they own (for type_fini()). */
void schema_free_fields(struct field *fields, uint32_t n);

/* FNV-1a over the JSON, 0 replaced by 1. */
uint32_t schema_hash(const char *json, size_t len);

/* Make the facets of the tables that were read. Internal to schema_parse(). Returns
 * 0 or -ENOMEM. */
int schema_make_facets(struct schema *s);

/* The place of the field with this path, or -1. */
int record_find(const struct record *r, const char *path);

/* Place in the list, or -1. */
int schema_find_message(const struct schema *s, const char *name, size_t len);
int schema_find_event(const struct schema *s, const char *name, size_t len);
int schema_find_table(const struct schema *s, const char *name, size_t len);

/* Walk the members of a field mask: the lowest one at or after `from`, n_fields at
 * the end. */
static inline uint32_t field_next(const uint32_t *fields, uint32_t from, uint32_t n_fields)
{
    while (from < n_fields) {
        uint32_t rest = fields[from / 32] >> (from % 32);
        if (rest)
            return from + (uint32_t)__builtin_ctz(rest);
        from = (from / 32 + 1) * 32;
    }
    return n_fields;
}
