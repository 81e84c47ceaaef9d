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

/* Make the player object that the script is handed; 0 or -ENOMEM. */
int room_tell_script(struct room *r, const struct player *p);

/* Forget a seat; its peer has parted. */
void room_remove(struct room *r, struct player *p);

/* Held seats whose time is over leave. */
void room_expire_seats(struct room *r, uint64_t now_us);

/* Something waits: an event-driven room steps at once. */
void room_wake(struct room *r);

/* The room's time, in ms since it began. */
double room_ms(const struct room *r, uint64_t now_us);

/* Queue the answer to a request; it leaves behind the state and the events of its
 * tick. `body` is an any. */
void room_answer(struct room *r, const struct player *p, uint32_t request, bool ok,
                 const struct buf *body);

void room_run_reloaded(struct room *r, uint32_t old_version);

/* What is left to do after a callback: take back the sends of one that raised or was
 * stopped (from `mark` on) and, where it has to be, what it did to the state. In dev
 * look at the state at once, so that a wrong value is blamed on `where`. */
void room_settle(struct room *r, enum script_result result, size_t mark, const char *where);

/* Bring what scripts have changed into the image. */
void room_scan(struct room *r);

/* A schema that clients will be told. */
void room_know_schema(struct room *r, struct schema *schema);

/* The last callbacks, for game_end_room(): all seats go. */
void room_end(struct room *r, const char *reason);

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
