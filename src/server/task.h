/* SPDX-License-Identifier: MIT */
/*
 * task - work that one thread gives to another.
 *
 * With one worker there is one thread: work runs at once, inside the call.
 *
 * Thread: any. What `arg` points to belongs to whoever runs the work.
 */
#pragma once

#include <stdbool.h>

struct server;
struct worker;

typedef void task_work(struct worker *w, void *arg);

/* Runs on the main thread. While the server ends it may be called with `is_late`, after
 * work that has not been done: only `arg` is to be freed then. */
typedef void task_done(struct server *s, void *arg, bool is_late);

/* Run `work` on each worker but `but` (NULL: on all), then `done`, once, on the main
 * thread (NULL: nothing). Without memory for it the process goes on without. */
void task_each(struct server *s, const struct worker *but, task_work *work, task_done *done,
               void *arg);

/* Run `done` on the main thread. */
void task_main(struct server *s, task_done *done, void *arg);
