/* SPDX-License-Identifier: MIT */
/*
 * room_internal - what room.c, room_flush.c and room_hooks.c share.
 */
#pragma once

#include "room/game.h"
#include "room/room.h"

/* The options of the code that runs. */
static inline const struct game_def *room_def(const struct room *r)
{
    return r->game->vm->def;
}

static inline bool room_is_event_driven(const struct room *r)
{
    return room_def(r)->tick_rate <= 0;
}

struct player *room_find(const struct room *r, uint32_t id);

/* Send what the tick under way has brought, end it, and begin the next. */
void room_flush(struct room *r, uint64_t now_us);

/* Raw games: what callbacks have sent leaves at once. */
void room_flush_raw(struct room *r);

/* Send BYE and start closing; the peer is the player's no more. */
void room_part(struct player *p, uint16_t code, const char *reason);

/* The counts by kind of peer follow p->peer; call around every change of it. */
void room_count_peer(struct room *r, const struct player *p, int by);

/* Set the time of the next step. */
void room_schedule(struct room *r, uint64_t now_us);
