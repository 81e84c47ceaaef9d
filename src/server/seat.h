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

/* Answer an upgrade request for a seat in `room` (n_room 0: any open one). Always
 * answers. */
void seat_open(struct worker *w, struct conn *c, const struct http_head *head,
               struct game *g, const char *room, size_t n_room);
