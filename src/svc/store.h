/* SPDX-License-Identifier: MIT */
/*
 * store - what outlives the process: durable rooms, bans, what scripts keep, tables of
 * scores. One SQLite file, written by one thread of its own.
 *
 * Nobody waits for the disk: store_post() copies what is asked into a queue of bounded
 * size, the thread runs all that has gathered as one transaction, and the answer comes
 * back to the port it was asked through. A post that finds the queue full is refused, and
 * who asked tries again later.
 *
 *   worker: store_post(port) -> queue -> thread: BEGIN … COMMIT
 *     -> the port's list, wake(ctx) -> worker: store_take(port)
 *
 * A file that is damaged, or not ours, is kept under another name, and a fresh one takes
 * its place; where the folder cannot be written the store works in memory. Both are said
 * loudly and nobody is stopped by it.
 *
 * Ownership: store_open/store_free; ports close before. Thread: any for store_post(),
 * store_figures(), store_drain(); a port is taken from by one thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
    STORE_MAX_NAME = 64,          /* bytes of a collection, a board, a room's id */
    STORE_MAX_KEY = 200,          /* bytes of a key */
    STORE_MAX_VALUE = 256 << 10,  /* bytes of what scripts keep under one key */
    STORE_MAX_LIST = 1000,        /* items of one answer */
    STORE_LIST_BYTES = 1 << 20,   /* of one answer; one item at least */
    STORE_QUEUE_BYTES = 64 << 20, /* that wait to be written */
};

enum store_op {
    STORE_GET,      /* -> version, data */
    STORE_PUT,      /* -> version */
    STORE_DELETE,   /* -> nothing; STORE_NONE: it was not there */
    STORE_LIST,     /* -> items: key, version, data */
    STORE_SUBMIT,   /* a score -> number: what stands, rank */
    STORE_TOP,      /* -> items: key, score, rank, data */
    STORE_AROUND,   /* the same, around a key; STORE_NONE: it is not there */
    STORE_UNSUBMIT, /* take a score away; STORE_NONE: it was not there */
    STORE_SHAPE,    /* a schema that rooms are saved by: `number` is its hash */
    STORE_ROOM,     /* save: `number` is the hash of its schema */
    STORE_ROOM_GONE,
    STORE_ROOM_ASIDE, /* no room of the game any more, but kept; `value` says why */
    STORE_BAN,        /* `data` is whom, `name` why, `number` until when (wall clock, s);
                       * the game keeps `limit`, those that end last */
    STORE_UNBAN,      /* `data` is whom */
};

/* What becomes of a score that was there before. */
enum store_keep { STORE_KEEP_MOST, STORE_KEEP_LEAST, STORE_KEEP_LAST, STORE_KEEP_SUM };

/* Any version will do. */
#define STORE_ANY_VERSION (-1)

/* What is asked; all of it is copied. Which members count depends on `op`. */
struct store_ask {
    enum store_op op;
    const char *game;
    const char *name;    /* collection, board or room; BAN: the reason */
    const char *key;     /* of GET, PUT, DELETE, SUBMIT, AROUND; UTF-8 */
    const char *prefix;  /* of LIST; NULL: any */
    const char *after;   /* of LIST: keys behind this one; NULL: from the start */
    const uint8_t *data; /* PUT, SUBMIT, SHAPE, ROOM, ROOM_ASIDE, BAN, UNBAN */
    size_t n_data;
    int64_t version; /* PUT, DELETE: what must be there; 0: nothing, or ANY_VERSION */
    double number;   /* SUBMIT: the score; BAN */
    uint64_t hash;   /* SHAPE, ROOM */
    uint32_t limit;  /* LIST, TOP, AROUND: items; BAN */
    enum store_keep keep;
    bool is_least;   /* SUBMIT, TOP, AROUND: the smallest score is the best */
    uint64_t ticket; /* for the answer; 0: none is wanted */
};

enum store_result {
    STORE_OK,
    STORE_NONE,     /* there is no such thing */
    STORE_CONFLICT, /* another version is there */
    STORE_FAILED,   /* `why` tells */
};

/* One of an answer's items; borrows from the answer. */
struct store_item {
    const char *key;
    size_t n_key;
    int64_t version; /* LIST */
    double score;    /* TOP, AROUND */
    uint32_t rank;   /* from 1 */
    const uint8_t *data;
    size_t n_data;
};

struct store_answer {
    enum store_op op;
    enum store_result result;
    uint64_t ticket;
    const char *game;
    const char *why; /* of STORE_FAILED */
    int64_t version;
    double number;
    uint32_t rank;
    const uint8_t *data;
    size_t n_data;
    const struct store_item *items;
    uint32_t n_items;
    bool has_more; /* behind the last item */
};

/* A room that was saved; borrows until the callback returns. */
struct store_room {
    const char *id;
    const char *shape; /* the schema's text as it was posted, "" where it is lost */
    size_t n_shape;
    const uint8_t *data;
    size_t n_data;
    double saved_s; /* wall clock */
};

/* Somebody who is kept out; borrows until the callback returns. */
struct store_ban {
    const uint8_t *whom;
    size_t n_whom;
    const char *reason;
    double until_s; /* wall clock */
};

struct store_options {
    const char *folder; /* made where it is missing; NULL: in memory */
    size_t queue_bytes; /* 0: STORE_QUEUE_BYTES */
    bool is_inline;     /* no thread: a post is done before it returns (simulations) */
};

struct store_figures {
    uint64_t n_batches, n_done, n_failed, n_refused;
    size_t queue_bytes;
    bool is_kept; /* there is a file; false: in memory */
};

struct store;
struct store_port;

/* Open DIR/parlor.db and start the thread. What is wrong with the file is logged, not
 * returned: the store then begins anew, at worst in memory. Returns 0, or a negative code
 * (no memory, no thread) with the text in *e. */
int store_open(struct store **out, const struct store_options *o, struct err *e);

/* Write what is queued, for `ms` at most, and let go of the file; posts are refused from
 * here on. false: the time was over, what was left is lost. */
bool store_stop(struct store *s, uint32_t ms);

/* Stop it, if that is still to do. All ports must be closed. NULL is fine. */
void store_free(struct store **s);

/* Wait until all that is queued now is written, for `ms` at most. */
bool store_drain(struct store *s, uint32_t ms);

struct store_figures store_figures(struct store *s);

/* How often saving rooms or bans has failed: after a change all have to be saved again.
 * Whose ask has failed is woken. */
uint64_t store_n_failed_saves(const struct store *s);

/* Answers come back here; `wake` is called on the store's thread when there is one to
 * take and there was none before (inline: on the asking one). It may do no more than leave
 * a mark: no call of this file. NULL when memory is out. */
struct store_port *store_port_open(struct store *s, void (*wake)(void *ctx), void *ctx);
void store_port_close(struct store_port **p);
struct store *store_of_port(const struct store_port *p);

/* Queue it. false: the queue is full, memory is out, or the store has stopped. */
bool store_post(struct store_port *p, const struct store_ask *ask);

/* The next answer, yours until store_answer_free(); NULL: there is none. */
const struct store_answer *store_take(struct store_port *p);
void store_answer_free(const struct store_answer **a);

/* Read the saved rooms of a game, in the order of their ids, and call `each` for every
 * one on this thread. Waits for the disk: for starting only. Returns how many there were,
 * or a negative code. */
int store_load_rooms(struct store *s, const char *game,
                     void (*each)(void *ctx, const struct store_room *r), void *ctx);

/* The same of those whom a game keeps out still, by whom it is. */
int store_load_bans(struct store *s, const char *game,
                    void (*each)(void *ctx, const struct store_ban *b), void *ctx);
