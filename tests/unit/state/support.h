/* SPDX-License-Identifier: MIT */
/*
 * support - what the tests of this layer share: vectors, bytes in hex, and what an
 * image holds as a JSON tree, found without the writers under test.
 */
#pragma once

#include "unit.h"
#include <cJSON.h>
#include <stdint.h>

#include "base/buf.h"
#include "state/image.h"

/* tests/vectors/<name>, parsed; aborts when it is not there. */
cJSON *vectors_load(const char *name);

/* Member `key` of a vector, which must be there. */
const cJSON *vector_at(const cJSON *object, const char *key);
const char *vector_text(const cJSON *object, const char *key);

/* Bytes of a hex text; returns how many. */
size_t bytes_of_hex(const char *hex, uint8_t *out, size_t size);
void check_hex(const struct buf *b, const char *hex);

/* A schema that must parse. */
struct schema *schema_of(const char *json);

/* The type that a schema's field object describes, as field 0 of the root. */
struct schema *schema_of_type(const cJSON *type);

/* A JSON value to a cell of the type. */
enum type_result cell_of_json(const struct type *t, const cJSON *v, union cell *out);

/* A cell as the peer reads it, with numbers as their quanta (peer_value.h). */
cJSON *tree_of_cell(const struct type *t, union cell c);

/* A cell as JSON, and a leaf put into a tree at a path such as "pos.x". */
cJSON *json_of_cell(const struct type *t, union cell c);
void tree_set(cJSON *tree, const char *path, cJSON *leaf);

/* The whole state: root fields and maps, as in a JSON snapshot. */
cJSON *json_of_image(const struct image *img);

/* What a player (0: nobody) sees of it: the rows of `seen`, by table (NULL: all). */
cJSON *json_of_sight(const struct image *img, uint32_t player, const struct bits *seen);

/* The same value; numbers must be the same double. */
bool json_equal(const cJSON *a, const cJSON *b);
