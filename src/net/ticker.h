/* SPDX-License-Identifier: MIT */
/*
 * ticker - one alarm, finer than a millisecond: a timerfd on the loop.
 *
 * libuv's own timers are whole milliseconds and fire late by up to one; a room
 * at 60 Hz would feel it. The worker keeps its rooms in order of their next
 * due time and sets this alarm to the first.
 *
 * Ownership: ticker_open/close, lives on a loop. Thread: its worker's.
 */
#pragma once

#include <stdint.h>
#include <uv.h>

#include "base/err.h"

struct ticker;
typedef void ticker_cb(void *ctx);

int ticker_open(struct ticker **out, uv_loop_t *loop, ticker_cb *cb, void *ctx,
                struct err *e);
void ticker_close(struct ticker **t);

/* Ring once at `at_us` on the clock of clk_now_us(), at once where that has
 * passed; a later call replaces it. UINT64_MAX turns it off. */
void ticker_set(struct ticker *t, uint64_t at_us);
