/* SPDX-License-Identifier: MIT */
/*
 * report - figures for people and for their monitoring.
 *
 * Thread: its worker's.
 */
#pragma once

#include "net/conn.h"

struct server;
struct worker;

/* {"dev":…,"network":[…],"games":[{"name","title","about","raw","players",
 * "spectators","rooms","max_players","version","error"},…]}, by name. network: in dev,
 * where we listen on all addresses, those that other machines may reach (IPv4). */
void report_games(struct worker *w, struct conn *c);

/* Prometheus text. On the main thread. */
void report_metrics(struct server *s, struct conn *c);
