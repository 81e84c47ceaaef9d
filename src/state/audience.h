/* SPDX-License-Identifier: MIT */
/*
 * audience - the part of schema_parse that says who sees what: `to` of fields and
 * maps, `interest` of maps, and the schema as clients get it. Internal to
 * schema_parse.c.
 *
 * Thread: any.
 */
#pragma once

#include <cJSON.h>
#include <stdbool.h>

#include "base/err.h"
#include "state/schema.h"

/* Take `to` out of a field's object. An owner needs a map that is keyed by player. */
int audience_read_to(const cJSON *field, const struct record *r, enum audience *to,
                     const char *place, struct err *e);

/* `to` of a map: only "server". */
int audience_read_hidden(const cJSON *map, struct record *r, const char *place,
                         struct err *e);

/* `interest` of a map whose fields have been read and sorted. */
int audience_read_interest(const cJSON *map, struct record *r, const char *place,
                           struct err *e);

/* Bring the fields, which stand in the order of their paths, into that of their
 * audiences. Returns 0 or -ENOMEM. */
int audience_sort(struct record *r);

/* Cut out of a schema that has been read what clients do not get: fields and maps
 * for the server, and the rules of interest. Returns whether there was any. */
bool audience_strip(cJSON *root);

/* JSON whose numbers read back as the same doubles (cJSON's own may be off by the
 * last bit); spoils the tree. NULL when memory is out. */
char *audience_print(cJSON *root);
