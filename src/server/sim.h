/* SPDX-License-Identifier: MIT */
/*
 * sim - a whole server above the sockets, in memory: a world over a temporary
 * folder of games, a clock that a test turns, and far ends that keep what the
 * server sends them. `parlor test` and the scenarios of tests/ run on it.
 *
 * The Lua side (sim_lua.c, scripts/kit/) moves frames between far ends and
 * simulated players, with delay and cuts.
 *
 * Ownership: sim_new/sim_free. Thread: one; the clock and the chance that it sets
 * are the process's, so there is one at a time, and no worker beside it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "room/game.h"
#include "room/session.h"

enum { SIM_MAX_PEERS = 4096, SIM_TMP_MAX = 200 };

/* When every simulation begins: in November 2023, for those who ask the wall clock. */
#define SIM_START_US UINT64_C(1700000000000000)

/* The server's view of one connection. */
struct far_end {
    struct session *session;
    struct chunk **frames; /* sent and not yet taken */
    size_t n_frames, cap_frames;
    size_t backlog; /* bytes in them */
    uint16_t close_code;
    char close_reason[512];
    char address[64];
    bool is_gone; /* session_closed() has been called */
};

struct sim {
    struct world world;
    struct store *store; /* in memory; outlives a restart */
    const char *scripts;
    bool is_dev;
    char folder[SIM_TMP_MAX + 24];
    struct far_end *peers[SIM_MAX_PEERS];
    uint32_t n_peers;
    struct buf errors; /* what scripts did wrong, a line each */
    uint32_t n_errors; /* since first_error was forgotten */
    struct {
        char file[160]; /* "" where unknown */
        int line;       /* 0 where unknown */
        char message[1024];
    } first_error;
    uint64_t alarm_us; /* when the world wants to run, as far as it has told */
};

/* `scripts` (the folder of the Lua library) must outlive it; `seed` is not 0. NULL:
 * $TMPDIR (or /tmp) cannot be written, or memory is out. */
struct sim *sim_new(const char *scripts, bool is_dev, uint64_t seed);

/* The server ends and begins again, with the same games and what the store has: in order,
 * as for SIGTERM, or (`is_killed`) at once, and what is not saved is lost. All connections
 * are gone after. Returns 0, or a negative code where memory is out. */
int sim_restart(struct sim *r, bool is_killed);

/* Connections are cut, the world ends, the folder goes. */
void sim_free(struct sim **r);

/* Put the game that lies in `folder` into the world's folder, as links: what is
 * written there later changes nothing of it. web/ stays out. false: `folder` cannot be
 * read, or a link not be made. */
bool sim_link(struct sim *r, const char *game, const char *folder);

/* Write games/NAME/FILE; false where that failed. */
bool sim_write(struct sim *r, const char *game, const char *file, const char *text,
               size_t len);

/* Where a connection comes from. */
struct sim_source {
    const char *address;
    const uint8_t *door; /* what auth() sees of the handshake, an any; or NULL */
    size_t n_door;
};

/* A new connection; its place, or -1. */
int sim_connect(struct sim *r, struct game *g, const char *room, enum peer_codec codec,
                bool can_resume, const uint8_t *options, size_t n_options,
                const struct sim_source *from);
void sim_closed(struct sim *r, uint32_t peer, uint16_t code);

/* Forget the frames that have been sent so far. */
void sim_taken(struct far_end *e);
