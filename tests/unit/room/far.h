/* SPDX-License-Identifier: MIT */
/*
 * far - a world over a temporary folder, a clock that the test turns, and far ends
 * that keep the frames they are sent.
 */
#pragma once

#include "room/game.h"
#include "room/session.h"

struct far_end {
    struct chunk *frames[256];
    size_t n, backlog;
    uint16_t code; /* of the server's Close; 0: open */
    char reason[128];
    const char *next; /* lines that have come with the message at hand; NULL: none */
};

struct far_world {
    struct world world;
    char folder[64];
    char error[512]; /* the last script error */
    unsigned n_schedules;
};

extern const struct peer_ops far_ops;

/* A world with one game, "g", of this source (`parlor` and `s` are known). */
struct game *far_open(struct far_world *w, const char *source);

/* Save another source and reload. */
int far_edit(struct far_world *w, const char *source);
void far_close(struct far_world *w);

struct peer far_peer(struct far_end *e, enum peer_codec codec);

/* One who joins; the session is closed with session_closed(). */
struct session *far_join(struct far_world *w, struct far_end *e, enum peer_codec codec,
                         const char *room);

/* Let `ms` pass and the rooms run. */
void far_step(struct far_world *w, unsigned ms);

/* The payload of a frame that the server has sent, NUL-terminated where it is text. */
const char *far_text(const struct far_end *e, size_t i);
bool far_holds(const struct far_end *e, const char *part);
void far_fini(struct far_end *e);
