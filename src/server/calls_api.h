/* SPDX-License-Identifier: MIT */
/*
 * calls_api - /_calls?game=NAME on the admin listener: what a game costs, as a whole, by
 * callback and by room, over all workers.
 *
 * Thread: main.
 */
#pragma once

#include "net/conn.h"

struct server;

/* JSON; rooms beyond the first ROOMS_API_MAX by id are left out. */
void calls_api_get(struct server *s, struct conn *c, const struct http_head *head);
