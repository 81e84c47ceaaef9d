/* SPDX-License-Identifier: MIT */
/*
 * payload - the bodies of messages and events, typed or `any`, between wire and
 * JSON. (Between wire and Lua: script/lua_payload.h.)
 *
 * The wire form is the one in the middle: whatever comes in becomes wire bytes
 * that are known to be valid, whatever goes out starts from them.
 *
 * cJSON ends a string at an escaped NUL (\u0000): who parses text from outside
 * refuses that before.
 *
 * Thread: any; nothing is kept.
 */
#pragma once

#include <cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "proto/json_out.h"
#include "state/schema.h"

/* Append the wire form of a JSON value to `out`. `record` NULL means any. For a
 * record `value` must be an object, or NULL for an empty one; an absent field takes
 * its default, one that the record does not have, or has twice, is an error. A map
 * in an any keeps a doubled key, of which receivers take the last. Returns 0, or -EINVAL
 * and *e names the field ("dx: 3 is not in -1..1"), or -ENOMEM where `out` could not grow.
 * `out` may then hold a part. */
int payload_from_json(const struct record *record, const cJSON *value, struct buf *out,
                      struct err *e);

/* Walk one payload to its end. Fails (in->failed) on anything malformed. Does not
 * ask that the input ends there. */
void payload_check(const struct record *record, struct wire_in *in);

/* Write one valid payload as JSON, moving `in` past it. */
void payload_to_json(const struct record *record, struct wire_in *in, struct json_out *j);
