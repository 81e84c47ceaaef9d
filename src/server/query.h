/* SPDX-License-Identifier: MIT */
/*
 * query - values of a request's query that need no decoding: names of games, numbers.
 *
 * Thread: any.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "proto/http_head.h"

/* The first value of `name`, as it stands there; at is NULL where there is none. */
struct http_text query_find(const struct http_head *head, const char *name);

/* The same as a whole number. Where there is none *out stays as it is. false: it is no
 * number from `low` to `high`. */
bool query_whole(const struct http_head *head, const char *name, uint32_t low,
                 uint32_t high, uint32_t *out);
