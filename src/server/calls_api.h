/* SPDX-License-Identifier: MIT */
/*
 * calls_api - /_calls?game=NAME on the admin listener: what a game costs, as a whole, by
 * callback and by room.
 *
 * Thread: its worker's.
 */
#pragma once

#include "net/conn.h"

struct worker;

/* JSON; rooms beyond the first ROOMS_API_MAX by id are left out. */
void calls_api_get(struct worker *w, struct conn *c, const struct http_head *head);
