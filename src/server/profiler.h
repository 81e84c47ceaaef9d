/* SPDX-License-Identifier: MIT */
/*
 * profiler - a game's profile, asked for and fetched through the admin listener.
 *
 *   POST /_profile?game=pond&seconds=5&hz=99   202 and its number, or 409: one runs
 *   GET  /_profile?id=NUMBER                   202 while it runs; 200 and the folded stacks
 *
 * One at a time. What was sampled waits to be fetched for PROFILER_KEEP_S, or until the
 * next one begins.
 *
 * It samples the game's VMs on all workers, and adds up what they have seen.
 *
 * Ownership: by value in the server. Thread: main.
 */
#pragma once

#include <stdint.h>
#include <uv.h>

#include "base/buf.h"
#include "net/conn.h"

struct server;

enum {
    PROFILER_SECONDS = 5, /* where none are asked for */
    PROFILER_MAX_SECONDS = 60,
    PROFILER_HZ = 99, /* samples a second, likewise; up to VM_PROFILE_MAX_HZ */
    PROFILER_KEEP_S = 60,
};

struct profiler {
    uv_timer_t timer;
    const char *game; /* whose profile is under way; NULL: none is */
    uint32_t id;      /* of the last one; 0: there was none */
    struct buf done;  /* folded stacks; empty where nothing waits */
    bool is_done;
};

void profiler_open(struct server *s);

/* Closes the handle: run the loop after. */
void profiler_close(struct server *s);

/* /_profile, on the admin listener: the whole request. */
void profiler_request(struct server *s, struct conn *c, const struct http_head *head);
