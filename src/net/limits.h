/* SPDX-License-Identifier: MIT */
/*
 * limits - how much one connection, and one address, may ask of us.
 *
 * A meter is a leaky bucket in eight bytes: the moment at which it will have run
 * empty. What comes in moves that moment back by its cost; while more than a
 * burst is in it nothing is taken. So an idle meter needs no timer.
 *
 * The table holds, for each address (IPv6 by its /64, which is what one household
 * gets), the connections that are open and a meter of new ones. Memory: about 130
 * bytes an address. Addresses with an open connection are no more than
 * connections; of others at most LIMITS_IDLE are remembered, those that left last
 * and whose meter still holds something. So the table stays below 1 MB plus 130
 * bytes a connection, whoever comes.
 *
 * Ownership: limits_new/limits_free. Thread: any, for the table is the whole process's: a
 * lock guards it, for a moment when a connection comes or goes. A meter has one owner.
 * No clock of its own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/ip.h"

enum { LIMITS_IDLE = 8192 };

/* So many a second on average, and so many at once after a pause; per_s 0: no
 * limit. */
struct limits_rate {
    uint32_t per_s, burst;
};

/* Take `amount` where the meter has room for one; it may hold more than a burst
 * afterwards, so that one big message is no worse than many small ones. false:
 * nothing was taken. A meter starts as 0. */
bool limits_take(uint64_t *meter, struct limits_rate rate, uint64_t amount,
                 uint64_t now_us);

/* The meter holds no more than half a burst: the flood, if it was one, is over. */
bool limits_is_calm(uint64_t meter, struct limits_rate rate, uint64_t now_us);

struct limits;
struct limits_address; /* an address that has connections open */

enum limits_verdict {
    LIMITS_OK,
    LIMITS_FULL,   /* as many are open as may be */
    LIMITS_HASTY,  /* too many new ones in a short time */
    LIMITS_MEMORY, /* no memory for another address */
};

/* NULL when memory is out. */
struct limits *limits_new(void);

/* Every address must have been left before. */
void limits_free(struct limits **l);

/* One more connection from `ip`, at most max_open at a time (0: no limit). With
 * LIMITS_OK, *out is to be given back to limits_leave(); else it is NULL. */
enum limits_verdict limits_enter(struct limits *l, struct limits_address **out,
                                 const struct ip *ip, uint32_t max_open,
                                 struct limits_rate rate, uint64_t now_us);

/* One more request of this address (of those that run a script); NULL takes all. false:
 * there are too many of them. */
bool limits_request(struct limits *l, struct limits_address *a, struct limits_rate rate,
                    uint64_t now_us);

/* That connection is over. Nulls *a; NULL is fine. */
void limits_leave(struct limits *l, struct limits_address **a);

/* Addresses that are remembered, with and without connections. */
size_t limits_n_addresses(const struct limits *l);
