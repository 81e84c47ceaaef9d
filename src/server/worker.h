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
#include "server/rooms_stream.h"

struct server;

struct worker {
    uv_loop_t loop;
    struct server *server;
    const struct config *config; /* the server's */
    unsigned index;
    struct edge *edge;
    struct ticker *ticker;
    struct world world;
    struct map pages;           /* game name -> the server's static_files of its web/ */
    uv_async_t has_answers;     /* of the store */
    struct rooms_stream stream; /* who listens to lists of rooms */
    struct mailbox box;         /* what other threads want; with several workers only */
    uv_async_t mail;
    uv_timer_t stop_timer; /* of an orderly stop */
    uv_timer_t load_timer; /* each second: how busy the thread was */
    uint64_t load_cpu_us, load_wall_us;
    uint64_t stop_by_us;
    bool is_stopping;
    uv_thread_t thread;
    bool has_thread;
    uv_sem_t loaded;
    struct err error; /* of loading the games */
    uint64_t n_moves; /* connections that went on to another worker */
    struct buf said;  /* the main thread's: its last figures (report.h) */
};

/* Listen on `port`; `probe` as in edge_listen(). */
int worker_open(struct worker *w, struct server *s, unsigned index, uint16_t port,
                bool probe, struct err *e);

/* Load the games that are in the folder and not known yet. */
int worker_find_games(struct worker *w, struct err *e);

/* Open its port of the store, then load the games; durable rooms come back meanwhile. */
int worker_load(struct worker *w, struct err *e);

/* Run its loop on this thread until it has stopped. */
void worker_run(struct worker *w);

/* Load the games and run, on a thread of its own. */
int worker_start(struct worker *w, struct err *e);

/* Wait until its thread has loaded the games; 0 or what went wrong with that. */
int worker_await(struct worker *w, struct err *e);

/* Wait for the end of its thread, where it has one. */
void worker_join(struct worker *w);

/* The process is about to end: let nobody in any more, save what is durable, and close the
 * port of the store. Returns how many rooms were saved. */
uint32_t worker_suspend(struct worker *w);

/* After that, stop in an orderly way: players are told to come back (1001), and the loop
 * ends when all have closed or the time is over. */
void worker_stop(struct worker *w);

/* Free what worker_open() made; also after it failed. */
void worker_close(struct worker *w);
