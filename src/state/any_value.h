/* SPDX-License-Identifier: MIT */
/*
 * any_value - the tagged values of PROTOCOL.md ("Any"), between wire and JSON.
 * Internal to value and payload; use payload.h with a NULL record.
 *
 * Keys of maps are always strings here: places in the room's dictionary mean
 * nothing without the room, and clients may not send them.
 *
 * Thread: any; nothing is kept.
 */
#pragma once

#include <cJSON.h>

#include "base/err.h"
#include "proto/json_out.h"
#include "proto/wire.h"

int any_from_json(const cJSON *value, struct buf *out, struct err *e);
void any_check(struct wire_in *in);
void any_to_json(struct wire_in *in, struct json_out *j);
