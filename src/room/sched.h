/* SPDX-License-Identifier: MIT */
/*
 * sched - when which room is due: a binary heap over the rooms of a worker.
 *
 * Pure: the worker asks for the first due time, sets its alarm, and calls back.
 * Times are those of clk_now_us().
 *
 * Ownership: items are embedded in their rooms. Thread: one owner.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sched_item {
    uint64_t due_us;
    size_t place; /* in the heap + 1; 0: not in it */
};

struct sched {
    struct sched_item **heap;
    size_t n, cap;
};

void sched_init(struct sched *s);
void sched_fini(struct sched *s);

/* Room for `n` items in all, so that sched_set() cannot fail; 0 or -ENOMEM. */
int sched_reserve(struct sched *s, size_t n);

/* Put in, or move, to `due_us`; UINT64_MAX takes it out. */
void sched_set(struct sched *s, struct sched_item *item, uint64_t due_us);

/* The first due item, or NULL. */
struct sched_item *sched_first(const struct sched *s);
