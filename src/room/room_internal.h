/* SPDX-License-Identifier: MIT */
/*
 * room_internal - what room.c, room_flush.c and room_hooks.c share.
 */
#pragma once

#include "room/game.h"
#include "room/room.h"
#include "svc/store.h"

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

/* Put a new seat among the others; its id is the highest. `has_token`: it can be resumed.
 * False when memory is out: it is still the caller's. */
bool room_add_player(struct room *r, struct player *p, bool has_token);

/* Forget a seat; its peer has parted. */
void room_remove(struct room *r, struct player *p);

/* Make the player's or spectator's object in the script, with what auth() has found out. 0
 * or -ENOMEM. */
int room_tell_seat(struct room *r, const struct player *p);

/* Held seats whose time is over leave. */
void room_expire_seats(struct room *r, uint64_t now_us);

/* Something waits: an event-driven room steps at once. */
void room_wake(struct room *r);

/* Its clock begins anew, by the game's tick_rate: what is due counts from here. That may be
 * up to an interval in the past (phase.h), so that rooms do not tick in a clump. */
void room_begin_clock(struct room *r, uint64_t now_us);

/* The room's time, in ms since it began. */
double room_ms(const struct room *r, uint64_t now_us);

/* Queue the answer to a request; it leaves behind the state and the events of its
 * tick. `body` is an any. */
void room_answer(struct room *r, const struct player *p, uint32_t request, bool ok,
                 const struct buf *body);

/* The callback `reloaded` of new code, once all rooms of the game have gone on with it: a
 * VM that it uses up is replaced, and all rooms with it. */
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

/* The callback `reloaded` for code that runs in a new VM, in each room of the game that
 * has not had it because its new code was about to be taken back. */
void game_tell_rebuilt(struct game *g);

/* The callback `reloaded` for a room whose script was made anew from its state. */
void room_tell_rebuilt(struct room *r);

/* Handle what has come in and end the tick, before its time: the process is about to end.
 */
void room_finish_tick(struct room *r, uint64_t now_us);

/* A room without a script's callback: with `image` (taken; an open bracket of `tick`), or
 * an empty one. NULL when there are too many or memory is out. */
struct room *game_make_room(struct game *g, const struct room_start *start,
                            struct image *image, uint32_t tick);

/* An answer of the store to a script of some game. */
void game_take_answer(struct world *w, const struct store_answer *a);

/* New code of a game has failed (vm_has_failed): take it back once no room steps. */
void world_take_back(struct world *w);

/* Send what the tick under way has brought, end it, and begin the next. */
void room_flush(struct room *r, uint64_t now_us);

/* Raw games: what callbacks have sent leaves at once. */
void room_flush_raw(struct room *r);

/* The message of raw_from is about to be handled, or the next one: what it sends back goes
 * to r->answers, unless others were sent something before. */
void room_take_answers(struct room *r);

/* The answers become events of the outbox: there are others now. */
void room_spill(struct room *r);

/* Of the messages of a raw player that are handled in one go: send what those before the
 * one at hand have sent, because it is about to matter who has got what. */
void room_flush_done(struct room *r);

/* Send BYE and start closing; the peer is the player's no more. */
void room_part(struct player *p, uint16_t code, const char *reason);

/* The counts by kind of listener follow the seat; call after every change of its peer and
 * when it is given up. */
void room_count_peer(struct room *r, struct player *p);

/* Hooks of the VM (room_ban.c): `ctx` is the game. */
const char *room_on_ban(void *ctx, const struct script_ban *ban);
bool room_on_unban(void *ctx, const struct script_ban *ban);

/* Whoever comes under this ban goes. */
void room_ban(struct room *r, const struct ban_key *key, const char *reason);
/* ... and those for other rooms (room_signal.c). */
const char *room_on_signal(void *ctx, const char *room, size_t n_room,
                           const struct script_signal *what);
bool room_on_rooms(void *ctx, const char *game, struct buf *out);

/* Set the time of the next step. */
void room_schedule(struct room *r, uint64_t now_us);
