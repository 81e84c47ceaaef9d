/* SPDX-License-Identifier: MIT */
/*
 * move - a connection goes with its session to the worker where its room is: off one edge
 * and one world, through the other worker's mailbox, onto its edge and into its world.
 *
 * Where that mailbox is full it stays, and its client is told to come back (1013): the
 * worker there has more to do than it can.
 *
 * Thread: that of the worker it leaves; then that of the other.
 */
#pragma once

#include "net/conn.h"
#include "room/session.h"

/* world_ops.on_move; ctx: struct worker. */
void move_on(void *ctx, struct session *s, unsigned worker);

/* edge_handler.on_moved; ctx: struct worker. */
void move_out(void *ctx, struct conn *c, void *user);
