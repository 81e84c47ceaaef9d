/* SPDX-License-Identifier: MIT */
/*
 * seat - from an upgrade request to a session: the WebSocket handshake, Origin,
 * the choice of subprotocol, and the peer that a room gets.
 *
 * Thread: its worker's.
 */
#pragma once

#include "net/conn.h"
#include "room/game.h"

struct worker;

/* For upgrades that lead to no seat: is the handshake right, the origin one of ours, and
 * the server not about to stop? Then `accept` (WS_ACCEPT_BYTES + 1) is filled in; true:
 * it has been answered. */
bool seat_refuse_stranger(struct worker *w, struct conn *c, const struct http_head *head,
                          char *accept);

/* Does the request come from a page of ours, or of the list `origins`, by its Origin; or
 * from no page at all? */
bool seat_is_origin_trusted(const struct worker *w, struct conn *c,
                            const struct http_head *head);

/* May pages of any site connect: in dev, or because `origins` has "*"? */
bool seat_is_open_to_all(const struct worker *w);

/* Answer an upgrade request for a seat in `room` (n_room 0: any open one). Always
 * answers. */
void seat_open(struct worker *w, struct conn *c, const struct http_head *head,
               struct game *g, const char *room, size_t n_room);
