/* SPDX-License-Identifier: MIT */
/*
 * route - which request goes where: the hub, pages, the SDK, seats.
 *
 *   /                    the hub
 *   /healthz /readyz     for load balancers
 *   /_parlor/games       the hub's figures, JSON
 *   /_parlor/rooms       a game's rooms, JSON (?game=NAME); upgrade: live
 *   /_parlor/FILE        the SDK
 *   /GAME                upgrade: a seat in any open room; else 308 to /GAME/
 *   /GAME/ROOM           upgrade: a seat in that room; else the page
 *   /GAME/FILE.EXT       the page's files
 *   /GAME/shared.js      the game's shared.lua, translated
 *
 * and on the admin listener:
 *   /metrics             for Prometheus
 *   /_calls?game=NAME    what a game's callbacks and rooms cost, JSON
 *   /_profile            profiler.h
 *
 * Thread: its worker's.
 */
#pragma once

#include "net/conn.h"

extern const struct edge_handler route_handler; /* ctx: struct worker */
extern const struct edge_handler admin_handler; /* ctx: struct server */
