/* SPDX-License-Identifier: MIT */
/*
 * early - what a client says before it has a seat: while the game's auth() looks at it, or
 * it waits for others. It is kept, and read once the seat is there.
 *
 *   early_add (auth, lobby) -> early_seated -> early_read_all, once nobody walks over
 * rooms: a message may end the room that it is for
 *
 * What tells nothing that lasts (PING, ACK, RESYNC) is not kept, so that a client may say
 * it for as long as it waits.
 *
 * Ownership: its session's wish until the seat is there, then the world's. Thread: its
 * worker's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/ws_frame.h"

enum {
    EARLY_MESSAGES = 64, /* of one session, over all its waits; more end it with 4006 */
    EARLY_BYTES = 64 << 10,
};

struct early;
struct session;
struct world;

/* Keep a WebSocket message of a session without a seat. Too many end it. */
void early_add(struct session *s, enum ws_op op, const uint8_t *data, size_t len);

/* It has its seat: what is kept of it is to be read. */
void early_seated(struct session *s);

/* Read what is kept of those who have got their seats. */
void early_read_all(struct world *w);

/* Nothing of this session is to be read any more. */
void early_drop(struct session *s);
