/* SPDX-License-Identifier: MIT */
/*
 * pass - what lets a player back to its seat: a token of 128 secret bits, a new one with
 * every hello.
 *
 *   pass_give: now       pass_renew (a hello): now, before       pass_settle: now
 *
 * The token with which a client came stays good beside the new one until something shows
 * that the new one has arrived: the hello may be lost with its connection. What became of
 * the last PASS_GONE tokens of a game that are good no more is remembered, so that whoever
 * comes with one hears why.
 *
 * A token is found by a number made of half of it and a secret, and then compared whole in
 * a time that does not depend on where it differs.
 *
 * Ownership: a pass lies in its player, which its game's passes point to. Thread: its
 * worker's.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "proto/record.h"

enum { PASS_GONE = 1024 };

enum pass_end {
    PASS_UNKNOWN, /* never given out, or too long ago */
    PASS_REPLACED,
    PASS_LEFT,
    PASS_LOST, /* it was held no longer */
    PASS_KICKED,
    PASS_CLOSED, /* the room has ended */
};

struct player;

struct pass {
    struct player *player;
    bool is_given;   /* `now` is good */
    bool has_before; /* `before` is, too */
    uint8_t now[RECORD_TOKEN_BYTES], before[RECORD_TOKEN_BYTES];
};

struct pass_gone;

struct passes {
    struct map by_token;
    uint64_t secret;
    uint8_t worker, n_workers;
    struct pass_gone *gone; /* a circle; NULL: none yet */
    uint32_t n_gone;        /* ever */
};

/* Of worker `worker` of `n_workers`, which its tokens tell: pass_worker(). */
void passes_init(struct passes *all, unsigned worker, unsigned n_workers);
void passes_fini(struct passes *all);

/* Which of so many workers has given out this token; costs it the logarithm of n_workers
 * in bits. */
unsigned pass_worker(const uint8_t *token, unsigned n_workers);

/* The seat's first token. false: memory is out. */
bool pass_give(struct passes *all, struct pass *p, struct player *player);

/* The tokens that it had in a process before; `before` may be NULL. false: memory is out,
 * or somebody has one of them. */
bool pass_restore(struct passes *all, struct pass *p, struct player *player,
                  const uint8_t *now, const uint8_t *before);

/* Its client has come with `token`, one that is good: that one stays, the other goes, and
 * there is a new one. Where memory is out all stays as it is. */
void pass_renew(struct passes *all, struct pass *p, const uint8_t *token);

/* The client has the new token: the one before is good no more. */
void pass_settle(struct passes *all, struct pass *p);

/* The seat is given up: its tokens are good no more. One that has none is passed over. */
void pass_take(struct passes *all, struct pass *p, enum pass_end why);

/* Whose token this is, or NULL; the reason is in *why then. */
struct pass *pass_find(const struct passes *all, const uint8_t *token, enum pass_end *why);

/* Is this the one before the newest? It must be good. */
bool pass_is_before(const struct pass *p, const uint8_t *token);
