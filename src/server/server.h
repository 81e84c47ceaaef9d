/* SPDX-License-Identifier: MIT */
/*
 * server - the process: what all workers share, and the threads they run on.
 *
 * With one worker everything runs on the main thread and one loop. With several each has
 * a thread and a loop of its own, and the main thread keeps a loop for what belongs to
 * nobody: signals, the admin listener, the redirect port, changed files. What one thread
 * wants of another goes through task.h.
 *
 * Ownership: server_open/server_close around server_run(). Thread: main, unless a function
 * says otherwise.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "base/mailbox.h"
#include "base/map.h"
#include "net/edge.h"
#include "net/static_files.h"
#include "server/config.h"
#include "server/data.h"
#include "server/net_limits.h"
#include "server/profiler.h"
#include "server/script_log.h"

enum { SERVER_WORKERS_MAX = 64 };

struct dev;
struct jwt_keys;
struct worker;

/* What the process knows of a game; the rest is each worker's. */
struct server_game {
    char name[GAME_NAME_MAX + 1];
    struct static_files *page; /* its web/ */
    uint32_t version;          /* of the newest code that has run; 0: none has */
    uint32_t taken_back;       /* the newest that was given up; 0: none */
    bool is_reloading, is_stale;
};

struct server {
    const struct config *config;
    struct net_limits limits;
    struct edge_share share;
    struct data data; /* the store, and the folder it is in */
    struct directory *directory;
    struct worker *workers;
    unsigned n_workers;
    uv_loop_t *loop, own; /* the only worker's, or own */
    struct mailbox box;   /* tasks for the main thread; with several workers only */
    uv_async_t mail;
    struct edge *admin;
    struct edge *redirect;     /* of http_port; NULL: none */
    struct jwt_keys *jwt_keys; /* of tokens; NULL: none are configured */
    struct static_files *sdk;  /* scripts/web */
    pthread_mutex_t lock;      /* the map, and what is in it until the games are loaded */
    struct map games;          /* name -> struct server_game */
    struct dev *dev;           /* NULL in serve */
    struct script_log errors;
    struct profiler profiler;
    uv_signal_t on_int, on_term, on_hup;
    atomic_bool is_stopping; /* nobody is let in any more */
    atomic_bool is_ending;   /* loops have ended, tasks are given up */
    atomic_uint n_running;   /* workers' threads */
    atomic_uint n_saved;     /* rooms, at the end */
    uint16_t port;
    char web[CONFIG_TEXT_MAX + 8];
};

/* Load the games, listen, and in dev watch the folder. Returns 0 or a negative
 * code with *e telling what is wrong: UV_EADDRINUSE for a port that is taken,
 * UV_ENOENT for a missing folder. */
int server_open(struct server *s, const struct config *c, struct err *e);

/* Run until it is told to stop (SIGINT, SIGTERM). */
void server_run(struct server *s);

/* Free what server_open() made; also after it failed. */
void server_close(struct server *s);

/* Where it listens; 0 after a failure. */
uint16_t server_port(const struct server *s);

/* How many games there are, loaded or not. Before server_run(). */
size_t server_n_games(const struct server *s);

/* A worker knows this game, and its code runs there, or not. Returns the files of its
 * page, the same for all workers; NULL: out of memory. Any thread. */
struct static_files *server_note_game(struct server *s, const char *game);
void server_note_loaded(struct server *s, const char *game);

/* All games that are known; free() the list. *n is 0 where memory is out. Any thread. */
struct server_game **server_list_games(struct server *s, size_t *n);

/* What is known of a game, or NULL. */
struct server_game *server_game(struct server *s, const char *game);

/* Load the games that are in the folder and not known yet, on all workers. */
void server_find_games(struct server *s);

/* Reload one game on all workers, and tell the log and its pages. */
void server_reload(struct server *s, const char *game);

/* Version `failed` of a game has failed on one worker, which has gone back to `version`
 * already: the others go back as well. */
void server_taken_back(struct server *s, const char *game, uint32_t failed,
                       uint32_t version, const char *why);

/* Tell the pages of a game something for the developer overlay (game_tell_dev), on all
 * workers. Any thread. */
void server_tell_dev(struct server *s, const char *game, const char *json, size_t len);
