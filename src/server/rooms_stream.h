/* SPDX-License-Identifier: MIT */
/*
 * rooms_stream - the list of a game's rooms, live: a WebSocket on
 * /_parlor/rooms?game=pond gets {"t":"rooms",…} with all of them, and then, at most
 * once a second, {"t":"change",…} with those that are new or other, and those gone.
 *
 * The rooms of a game are looked at once a second, while somebody listens, and what
 * has changed is encoded once for all. Who has not taken the last one gets none; once
 * it has, it gets the whole list.
 *
 * Ownership: the worker's, rooms_stream_open/rooms_stream_close. Thread: its own.
 */
#pragma once

#include <uv.h>

#include "net/conn.h"

enum { ROOMS_STREAM_MAX = 1000 /* listeners, over all games; beyond: 503 */ };

struct channel;
struct worker;

struct rooms_stream {
    uv_timer_t timer;
    struct channel *channels; /* a list, one for each game that is listened to */
    uint32_t n;               /* listeners */
};

void rooms_stream_open(struct worker *w);

/* Tell all who listen that the server stops (1001). */
void rooms_stream_stop(struct worker *w);

/* The timer; the connections must have been closed. */
void rooms_stream_close(struct worker *w);

/* Answer an upgrade request: 101 and the list, or why not. */
void rooms_stream_join(struct worker *w, struct conn *c, const struct http_head *head);
