/* SPDX-License-Identifier: MIT */
/*
 * room_save - rooms that outlive the process (the option `durable`): what of one is kept,
 * when, and how it comes back.
 *
 * Kept are the declared state (the server's fields too), id, tick and time, dice, labels,
 * lock, timers that name methods, and the seats with their tokens. Not kept: what scripts
 * hang on rooms and players beside the state, code that sleeps, spectators, messages on
 * their way. The bytes are told of in room_save.c.
 *
 * A room is written some 750 ms after its last save at most, once anything has happened
 * in it, so that what a kill leaves is no more than a second old. Nothing waits for the
 * disk; where the store's queue is full a room tries again in a moment.
 *
 * Thread: the room's worker.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "svc/store.h"

struct buf;
struct game;
struct room;
struct world;

enum {
    ROOM_SAVE_MS = 750,        /* between two saves of one room */
    ROOM_SAVE_SAME_MS = 10000, /* the same, where nothing but its time has changed */
    ROOM_SAVE_AGAIN_MS = 100,  /* after a save that could not be queued */
};

/* Does it have to be written, and is there a place to write it to? */
bool room_wants_save(const struct room *r);

/* Write it if it is due: at the end of a step. The room may be about to end after. */
void room_save_if_due(struct room *r, uint64_t now_us);

/* It ends: what was saved goes. A room that was closed for a fault is set aside. */
void room_forget_saved(struct room *r);

/* The rooms of a game that were saved, when its code has just been loaded. Those that do
 * not fit any more are reported and set aside; the others come back, with their seats
 * held. Waits for the disk. */
void game_restore_rooms(struct game *g);

/* The bans of a game that were saved, when its store has just been opened: before anybody
 * joins, and before its rooms come back. Waits for the disk. */
void game_restore_bans(struct game *g);

/* Write the bans of all games, and which were lifted, once more: some could not be saved,
 * ROOM_SAVE_MS ago. */
void world_save_bans(struct world *w);

/* Handle what the store has answered, and see whether it has failed to save rooms or
 * bans. */
void world_take_answers(struct world *w);

/* The process is about to end: bring all durable rooms to the end of their tick, save them
 * and let them rest; nothing runs in them any more. Returns how many. */
uint32_t world_suspend(struct world *w);

/* Make a room from what was saved; why not, or NULL. */
const char *room_restore(struct game *g, const struct store_room *saved);

/* What is saved of a room, appended. false: its script could not tell its timers. */
bool room_put_saved(struct room *r, uint64_t now_us, struct buf *out);
