/* SPDX-License-Identifier: MIT */
/*
 * any_map - members of an any that is a map: join options, what auth said of a user.
 *
 * Thread: any; nothing is kept.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "proto/wire.h"

/* The member `key` of a valid any of `n` bytes; *out gets the bytes of its value (an any,
 * borrowed), of a doubled one the last, as scripts see it. false: there is none, or this is
 * no map. */
bool any_map_find(const uint8_t *any, size_t n, const char *key, struct wire_in *out);

/* Append the map without the member `key`; anything else as it is. */
void any_map_without(const uint8_t *any, size_t n, const char *key, struct buf *out);
