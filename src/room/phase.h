/* SPDX-License-Identifier: MIT */
/*
 * phase - where in the interval between two ticks a room has its own.
 *
 * Rooms of one moment (a restart brings a thousand back, a reload gives a thousand another
 * rate) would tick in one clump for ever, and all but the first be late. So a room's clock
 * begins up to an interval before the room does, where those that were begun before it
 * have left the widest gap: by the golden ratio, in fractions of an interval, so that rooms
 * of one rate stay apart whenever they were made.
 *
 * Pure. Thread: one owner.
 */
#pragma once

#include <stdint.h>

/* What the clocks of a worker's rooms are spread by; zeroes at the start. */
struct phases {
    uint64_t origin_us; /* when the first clock began */
    uint32_t n;         /* how many have begun; wraps around */
};

/* When the next clock at `rate` > 0 ticks a second begins: within one interval before
 * `now_us`, and for the first one right then. */
uint64_t phase_begin(struct phases *p, double rate, uint64_t now_us);
