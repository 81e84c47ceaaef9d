/* SPDX-License-Identifier: MIT */
/*
 * message - what is sent, and what must come back for it, byte by byte.
 *
 * A message holds its kind, its connection and its number; the rest is the same in all.
 */
#pragma once

#include "conn.h"
#include <stddef.h>
#include <stdint.h>

/* Make the frames; load is as it will be. */
void message_init(void);

/* Send the next `n` messages of a connection, at most load.inflight. `now`: when, in ns. */
void message_send(struct conn *c, uint32_t n, uint64_t now);

/* When message `number` of a connection was sent; it is known of the latest
 * load.inflight. */
uint64_t message_sent_ns(const struct conn *c, uint32_t number);

/* Compare `n` bytes with what must come next; returns how many messages they
 * have made whole. */
uint32_t message_check(struct conn *c, const uint8_t *data, size_t n);
