/* SPDX-License-Identifier: MIT */
/*
 * rooms_api - the list of a game's rooms, for lobby pages: GET /_parlor/rooms?game=pond.
 *
 * Rooms that are private or about to end are not in it. Thread: its worker's.
 */
#pragma once

#include "base/buf.h"
#include "net/conn.h"
#include "proto/json_out.h"
#include "room/game.h"

struct server;
struct worker;

enum { ROOMS_API_MAX = 1000 }; /* rooms in a list; `total` says how many there are */

/* Answer the request: 200 and the list, 400 without a `game`, 404 for none of that name. */
void rooms_api_get(struct worker *w, struct conn *c, const struct http_head *head);

/* The game that the query names. NULL: there is none, which has been answered. */
struct game *rooms_api_game(struct worker *w, struct conn *c, const struct http_head *head);

/* The same for the admin listener, on the main thread: its name, whether or not it loads
 * just now. */
const char *rooms_api_game_name(struct server *s, struct conn *c,
                                const struct http_head *head);

/* The rooms that may be shown, in the order of their ids, and behind these `n` others;
 * hall_list_free(list, n_all). NULL: memory is out. */
struct place_view *rooms_api_collect(const struct game *g, size_t *n, size_t *n_all);

/* One room as a JSON object. */
void rooms_api_put_room(const struct game *g, const struct place_view *r,
                        struct json_out *j);

/* Append the list as JSON. False: memory is out. */
bool rooms_api_list(const struct game *g, struct buf *out);
