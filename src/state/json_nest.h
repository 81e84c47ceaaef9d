/* SPDX-License-Identifier: MIT */
/*
 * json_nest - paths such as "pos.x" written as nested JSON objects.
 *
 * The fields of a record come in the order of their paths, so those of one
 * nested record are neighbours: objects are opened and closed on the way.
 *
 * Ownership: a value on the stack; borrows the last path. Thread: any.
 */
#pragma once

#include <stddef.h>

#include "proto/json_out.h"

struct json_nest {
    const char *path; /* of the last field */
    size_t open;      /* bytes of it that name open objects: "pos." */
};

/* Write the key of `path`, inside the objects it names; the value comes next. */
void json_nest_key(struct json_nest *n, const char *path, struct json_out *j);

/* Close what is open; the object around it stays. */
void json_nest_end(struct json_nest *n, struct json_out *j);
