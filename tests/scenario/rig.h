/* SPDX-License-Identifier: MIT */
/*
 * rig - a whole server above the sockets, in memory: a world over a temporary
 * folder of games, a clock that the test turns, and far ends that keep what the
 * server sends them.
 *
 * One rig at a time, for one scenario. The Lua side (bind.c, lib/) moves frames
 * between far ends and simulated players, with delay and cuts.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "room/game.h"
#include "room/session.h"

enum { RIG_MAX_PEERS = 4096, RIG_START_US = 1000000000 };

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

struct rig {
    struct world world;
    char folder[64];
    struct far_end *peers[RIG_MAX_PEERS];
    uint32_t n_peers;
    struct buf errors; /* what scripts did wrong, a line each */
    uint64_t alarm_us; /* when the world wants to run, as far as it has told */
};

/* NULL: /tmp cannot be written, or memory is out. */
struct rig *rig_new(bool is_dev, uint64_t seed);

/* Connections are cut, the world ends, the folder goes. */
void rig_free(struct rig **r);

/* Write games/NAME/FILE; false where that failed. */
bool rig_write(struct rig *r, const char *game, const char *file, const char *text,
               size_t len);

/* Where a connection comes from. */
struct rig_source {
    const char *address;
    const uint8_t *door; /* what auth() sees of the handshake, an any; or NULL */
    size_t n_door;
};

/* A new connection; its place, or -1. */
int rig_connect(struct rig *r, struct game *g, const char *room, enum peer_codec codec,
                bool can_resume, const uint8_t *options, size_t n_options,
                const struct rig_source *from);
void rig_closed(struct rig *r, uint32_t peer, uint16_t code);

/* Forget the frames that have been sent so far. */
void rig_taken(struct far_end *e);
