/* SPDX-License-Identifier: MIT */
/*
 * data - the folder that outlives the process: whose it is, the store in it, and how one
 * server takes it over from another.
 *
 * The folder belongs to the one process that holds a lock on DIR/parlor.lock. The kernel
 * lets go of it when that process ends, however it ends, and tells whose it is; so no
 * number in a file is believed.
 *
 * Ownership: data_init/data_close. Thread: main.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "server/config.h"
#include "svc/store.h"

enum {
    DATA_TAKEOVER_MS = 20000, /* that another server gets to let go of the folder */
    DATA_STOP_MS = 5000,      /* that writing what is queued may take at the end */
};

struct data {
    const char *folder; /* NULL: in memory; borrows from the config */
    int lock;           /* a descriptor, -1: none is held */
    struct store *store;
};

/* Claim the folder that the settings name. -EBUSY where another server has it, unless
 * `takes_over`: then data_open() asks it for it. */
int data_init(struct data *d, const struct config *c, bool takes_over, struct err *e);

/* Open the store; where another server holds the folder, tell it to stop (SIGTERM) and
 * wait until it has let go. -ETIMEDOUT where it does not. */
int data_open(struct data *d, struct err *e);

/* Are rooms kept beyond the end of the process? */
bool data_is_kept(const struct data *d);

/* Write what is queued, close the store and let go of the folder. Its ports are closed
 * before. Also after data_init() or data_open() has failed. */
void data_close(struct data *d);
