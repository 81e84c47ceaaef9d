/* SPDX-License-Identifier: MIT */
/* A store and a port whose answers a test waits for, and a folder for its file. */
#pragma once

#include <pthread.h>
#include <stdbool.h>

#include "svc/store.h"

struct desk {
    struct store *store;
    struct store_port *port;
    pthread_mutex_t lock;
    pthread_cond_t rang;
    bool is_ringing;
};

extern const struct store_options in_memory;

/* The folder of this test, and the errors that were logged since it was made. */
extern char folder[64], said[4096];

void make_folder(void);

/* Of a file in it; holds until the next call. */
const char *path_of(const char *name);

/* Returns how many files' names began with `word`. */
int remove_folder(const char *word);

void open_desk(struct desk *d, const struct store_options *o);
void close_desk(struct desk *d);

/* What a port calls where an answer is there; `ctx` is the desk. */
void ring(void *ctx);

/* Waits for the next answer. */
const struct store_answer *next(struct desk *d);

/* Asks (by itself of game "g" and the collection "things") and waits. */
const struct store_answer *ask(struct desk *d, struct store_ask q);

/* "key=data#rank:score …" of an answer, which is freed. */
const char *items(const struct store_answer *a);
