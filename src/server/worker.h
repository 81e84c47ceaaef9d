/* SPDX-License-Identifier: MIT */
/*
 * worker - a thread with an event loop, its connections, its VMs and its rooms.
 *
 * Ownership: the server's; worker_open/worker_close. Thread: its own from worker_start()
 * until worker_join(), before and after that the main thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/err.h"
#include "base/mailbox.h"
#include "base/map.h"
#include "net/edge.h"
#include "net/ticker.h"
#include "room/game.h"
#include "server/config.h"
#include "server/outpost.h"
#include "server/post.h"
#include "server/rooms_stream.h"

struct server;

enum worker_stage {
    WORKER_NEW,
    WORKER_LOADED, /* the games */
    WORKER_READY,  /* ... and their rooms */
};

struct worker {
    uv_loop_t loop;
    struct server *server;
    const struct config *config; /* the server's */
    unsigned index;
    struct edge *edge;
    struct ticker *ticker;
    struct world world;
    struct map pages;           /* game name -> the server's static_files of its web/ */
    struct rooms_stream stream; /* who listens to lists of rooms */
    struct mailbox box;         /* what other threads want; with several workers only */
    uv_async_t mail;
    uv_prepare_t before_poll; /* sends the post; with several workers only */
    struct post post;         /* what it tells the others of members of rooms, */
    struct outpost outpost;   /* ... of its connections in rooms of others, */
    struct distant *distants; /* ... and of members here whose connections are there */
    uint32_t n_distants;
    bool has_broken;        /* of those (distants_run) */
    uv_async_t has_answers; /* of the store */
    uv_timer_t stop_timer;  /* of an orderly stop */
    uv_timer_t load_timer;  /* each second: how busy the thread was */
    uint64_t load_cpu_us, load_wall_us;
    uint64_t stop_by_us;
    bool is_stopping;
    uv_thread_t thread;
    bool has_thread;
    uv_sem_t go, done;
    enum worker_stage stage;
    struct err error; /* of loading the games */
    uint64_t n_moves; /* connections that went on to another worker */
    struct buf said;  /* the main thread's: its last figures (report.h) */
};

/* Without a listener yet. */
int worker_open(struct worker *w, struct server *s, unsigned index, struct err *e);

/* Load the games that are in the folder and not known yet. */
int worker_find_games(struct worker *w, struct err *e);

/* Run its loop on this thread until it has stopped. */
void worker_run(struct worker *w);

/* Go one stage further, on this thread: load the games; then bring back the rooms that were
 * saved (the server's store is open by then). */
int worker_load(struct worker *w, struct err *e);

/* Give it a thread of its own, which does one worker_load() for each worker_go(), told of
 * by worker_await(), and runs with the last. */
int worker_start(struct worker *w, struct err *e);
void worker_go(struct worker *w);
int worker_await(struct worker *w, struct err *e);

/* Wait for the end of its thread, where it has one. */
void worker_join(struct worker *w);

/* Before it stops: nobody gets in any more, rooms are saved and rest, the store is let go.
 * Returns how many rooms. */
uint32_t worker_suspend(struct worker *w);

/* Stop in an orderly way, after that: players are told to come back (1001), and the loop
 * ends when all have closed or the time is over. */
void worker_stop(struct worker *w);

/* Free what worker_open() made; also after it failed. */
void worker_close(struct worker *w);
