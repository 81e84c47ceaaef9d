/* SPDX-License-Identifier: MIT */
/*
 * auth - between the hello and the seat: a session that the game's auth() looks at.
 *
 *   hello -> auth() -> in:   the seat is taken, and may still be refused (full)
 *                   -> out:  close 4003 with the game's reason
 *                   -> waits (parlor.sleep), goes on, at most auth_timeout seconds
 *
 * No seat is held meanwhile, so none can be left over: whoever passes takes one in the
 * same call that finds the room, and who leaves, is refused or takes too long has
 * never had one. Messages that come meanwhile are kept (early.h). A reload asks again, with
 * the new code; where its first auth() fails, that code is taken back and the old one is
 * asked (vm_trial.h). A lost VM sends those who wait away (1013).
 *
 * Ownership: its session's. Thread: its worker's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "room/sched.h"

struct game;
struct session;
struct world;

struct auth {
    struct sched_item item; /* first: in world.waiting */
    struct session *session;
    struct game *game;
    uint32_t id; /* of its coroutine */
    uint64_t deadline_us;
    uint32_t schema_hash;
    struct buf options; /* of the join, an any */
};

/* Ask; the session ends, has its seat, or has s->auth afterwards. `options` is copied. */
void auth_begin(struct session *s, struct game *g, const uint8_t *options, size_t n,
                uint32_t schema_hash);

/* Nobody waits for the answer any more. NULL is fine. */
void auth_free(struct auth **a);

/* Go on with those whose time has come. */
void auth_run(struct world *w, uint64_t now_us);

/* Other code runs in this game: ask it, from the start. */
void auth_ask_again(struct game *g);

/* Send away all who wait for this game. */
void auth_end_all(struct game *g, uint16_t code);
