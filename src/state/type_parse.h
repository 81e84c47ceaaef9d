/* SPDX-License-Identifier: MIT */
/*
 * type_parse - one field of a schema, from JSON to a type and its default.
 * Internal to schema_parse.c.
 *
 * Thread: any; nothing is kept.
 */
#pragma once

#include <cJSON.h>

#include "base/err.h"
#include "state/type.h"

/* "<place>: <why>"; returns -EINVAL. */
int schema_refuse(struct err *e, const char *place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Only these keys (NULL ends the list), each at most once. */
int schema_check_keys(const cJSON *object, const char *const *keys, const char *place,
                      struct err *e);

/* Read `keys`: "player", "integer" or "string". */
int type_parse_keys(enum key_kind *out, const cJSON *what, const char *place,
                    struct err *e);

/* Fill *t and *preset, but for what an opt, list or map holds. On error they hold
 * what schema_unref() can release. */
int type_parse(struct type *t, union cell *preset, const cJSON *what, const char *place,
               struct err *e);
