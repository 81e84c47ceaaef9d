/* SPDX-License-Identifier: MIT */
/*
 * worker - a thread with an event loop, its connections and its rooms. This
 * release runs one, on the main thread.
 *
 * Ownership: worker_open/worker_close around worker_run(). Thread: its own.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "base/map.h"
#include "net/edge.h"
#include "net/static_files.h"
#include "net/ticker.h"
#include "room/game.h"
#include "server/config.h"
#include "server/data.h"
#include "server/net_limits.h"
#include "server/profiler.h"
#include "server/rooms_stream.h"
#include "server/script_log.h"

struct dev;

struct worker {
    uv_loop_t loop;
    const struct config *config;
    struct net_limits limits;
    struct edge *edge, *admin;
    struct edge *redirect; /* of http_port; NULL: none */
    struct ticker *ticker;
    struct world world;
    struct data data;          /* the store, and the folder it is in */
    uv_async_t has_answers;    /* of the store */
    struct jwt_keys *jwt_keys; /* of tokens; NULL: none are configured */
    struct static_files *sdk;  /* scripts/web */
    struct map pages;          /* game name -> struct static_files of its web/ */
    struct dev *dev;           /* NULL in serve */
    struct script_log errors;
    struct rooms_stream stream; /* who listens to lists of rooms */
    struct profiler profiler;
    uv_signal_t on_int, on_term, on_hup;
    uv_timer_t stop_timer; /* of an orderly stop */
    uint64_t stop_by_us;
    bool is_stopping;
    char web[CONFIG_TEXT_MAX + 8];
};

/* Load the games, listen, and in dev watch the folder. Returns 0 or a negative
 * code with *e telling what is wrong: UV_EADDRINUSE for a port that is taken,
 * UV_ENOENT for a missing folder. */
int worker_open(struct worker *w, const struct config *c, struct err *e);

/* Run until it is told to stop (SIGINT, SIGTERM). */
void worker_run(struct worker *w);

/* Free what worker_open() made; also after it failed. */
void worker_close(struct worker *w);

/* Load the games that are in the folder and not known yet. */
int worker_find_games(struct worker *w, struct err *e);

/* Reload one game and tell the log and its pages. */
void worker_reload(struct worker *w, struct game *g);
