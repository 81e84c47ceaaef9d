/* SPDX-License-Identifier: MIT */
/*
 * store_job - one thing that was asked of the store, from the post to its answer.
 *
 * Ownership: its maker's, then the queue's, then that of who takes the answer. Thread: one
 * at a time.
 */
#pragma once

#include "base/buf.h"
#include "svc/store.h"

/* A request under way: what was asked, and its answer. */
struct store_job {
    struct store_answer answer; /* first: who takes the answer holds the job */
    struct store_ask ask;       /* its texts and data lie behind the struct */
    struct store_port *port;
    struct store_job *next;
    size_t bytes;
    struct buf out; /* what the answer borrows from */
    struct store_item *items;
    char why[160];
};

/* One block: the struct, then copies of all that `ask` borrows. NULL: memory is out. */
struct store_job *store_job_new(struct store_port *p, const struct store_ask *ask);
void store_job_free(struct store_job *job);

/* Forget what a run that is done over has answered. */
void store_job_reset(struct store_job *job);
