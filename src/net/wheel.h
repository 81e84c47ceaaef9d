/* SPDX-License-Identifier: MIT */
/*
 * wheel - coarse time-outs: a ring of slots, one for each second.
 *
 * Setting a time-out is two pointer writes, whatever the number of connections.
 * Nothing is moved when a connection is merely heard of: it is looked at when
 * its slot comes round, and put into a later one where it has more time.
 *
 * Pure: no clock, the caller says what second it is. Ownership: wheel_init; what
 * is in it is the caller's. Thread: one owner.
 */
#pragma once

#include <stdint.h>

#include "net/link.h"

enum { WHEEL_SLOTS = 64 }; /* a power of two */

struct wheel {
    struct link slots[WHEEL_SLOTS];
    uint64_t now_s;
};

void wheel_init(struct wheel *w, uint64_t now_s);

/* Put it where it comes up in second `at_s`, but in the next second at the
 * earliest. What is further away than the wheel is long comes up early: check
 * and put it again. */
void wheel_put(struct wheel *w, struct link *item, uint64_t at_s);

/* It is second `now_s`: call f for everything whose slot has come. f may put it
 * again, and may take others out. */
void wheel_turn(struct wheel *w, uint64_t now_s, void (*f)(void *arg, struct link *item),
                void *arg);
