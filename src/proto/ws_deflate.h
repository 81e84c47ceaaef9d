/* SPDX-License-Identifier: MIT */
/*
 * ws_deflate - messages compressed and uncompressed (permessage-deflate, RFC 7692
 * 7.2) on zlib.
 *
 * Pure: bytes in, bytes or whole frames out. What was agreed on comes from
 * ws_deflate_offer.h; ws_session.h does the receiving with the functions here.
 *
 * Ownership: one `ws_deflate` per connection, for both directions, and one pool
 * per worker, for all its connections. Both are x_new/x_free; chunks are yours.
 * Thread: one owner each.
 *
 * Memory. A `ws_deflate` is 32 bytes; its zlib streams come when they are needed:
 * - receiving 7.3 KB and, after the first output, the window of 2^bits (measured
 *   for 9 / 12 / 15 bits: 7.8 / 11.4 / 40.0 KB). Given back at the end of each
 *   message when the client keeps no context (0.1 us for both), else kept.
 * - sending, only where the server keeps context: 2^(bits + 2) for the window
 *   and 2^(memLevel + 9) for the hash, with memLevel max(4, bits - 7), and 6 KB
 *   (measured for 9 / 12 / 15 bits: 16.3 / 38.8 / 268 KB).
 * - a pool holds one compressor for every window size in use, at memLevel 8:
 *   139 / 154 / 268 KB for 9 / 12 / 15 bits; and up to 64 KB of scratch memory.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/chunk.h"
#include "proto/ws_deflate_offer.h"
#include "proto/ws_frame.h"

/* How hard to try, and for which messages: those of other lengths are sent as they
 * are. Short ones gain little, and long ones would keep the thread from the others
 * (6-30 ns a byte). */
struct ws_deflate_tuning {
    uint8_t level; /* 1-9, as zlib's */
    uint32_t min_bytes, max_bytes;
};

/* Level 4: of zlib's usual 6 it takes half the time for a state of 3 KB, and makes it
 * 10 % longer. 128 bytes to 1 MiB: what is shorter fits any packet as it is. */
extern const struct ws_deflate_tuning ws_deflate_tuning_default;

struct ws_deflate_pool; /* compressors and scratch memory for many connections */

/* 0 or -ENOMEM. */
int ws_deflate_pool_new(struct ws_deflate_pool **out, const struct ws_deflate_tuning *t);
void ws_deflate_pool_free(struct ws_deflate_pool **p);

/* Is this frame (a whole and plain one) a message of a length that is compressed? */
bool ws_deflate_pool_wants(const struct ws_deflate_pool *p, const struct chunk *plain);

/* What its compressors and scratch memory hold now, in bytes. */
size_t ws_deflate_pool_held_bytes(const struct ws_deflate_pool *p);

/* The message of a whole server frame (see ws_frame_chunk) as a frame that stands
 * alone, compressed with a window of 2^bits (8-15), so that one chunk serves every
 * connection whose server_max_window_bits is `bits` or more. A broadcast makes one
 * for the policy's value and others for the few clients that asked for less (one for
 * all would let one client spoil it for the rest). `plain` itself where it is not
 * wanted, does not shrink, or memory is out. The reference is yours. A connection
 * that is sent a compressed one needs ws_deflate_forget(). */
struct chunk *ws_deflate_pool_chunk(struct ws_deflate_pool *p, uint8_t bits,
                                    struct chunk *plain);

/* This frame is compressed: only for connections that have agreed on it. */
bool ws_deflate_is_packed(const struct chunk *frame);

struct ws_deflate; /* both directions of one connection */

int ws_deflate_new(struct ws_deflate **out, const struct ws_deflate_params *params);
void ws_deflate_free(struct ws_deflate **d);

const struct ws_deflate_params *ws_deflate_params(const struct ws_deflate *d);

/* What the zlib streams hold now, in bytes. */
size_t ws_deflate_held_bytes(const struct ws_deflate *d);

/* The same for this connection: with its own compressor where the server keeps
 * context, else as ws_deflate_pool_chunk(). Send the chunks in the order in which
 * they were made, or, where one is dropped, call ws_deflate_forget() before the next
 * is made. */
struct chunk *ws_deflate_message(struct ws_deflate *d, struct ws_deflate_pool *p,
                                 struct chunk *plain);

/* The peer's window is no longer ours (it was sent another's chunk, or not sent
 * one of ours): the next message refers to nothing before it. Costs a store. */
void ws_deflate_forget(struct ws_deflate *d);

/* Call this now and then: it gives back what was not used since the last call and can
 * be had again. That is our own compressor, because a sender need not refer to earlier
 * messages (7.1.1). The window of what the client sent stays where it may still refer
 * to it: without it, the client's next message could not be read. */
void ws_deflate_idle(struct ws_deflate *d);

/* Receiving, in steps: uncompress bytes of a message from [*in, *in + *n) to the end
 * of `out`, which holds this message and nothing else, and advance past what was
 * used. WS_SLICE: call again, there is more; WS_MORE: all input is used up; or
 * WS_ERR_TOO_BIG (the message would be longer than max; nothing above it was
 * held), WS_ERR_DEFLATE, WS_ERR_MEMORY. Errors are final, and what came before
 * them is in `out`. A step writes up to 32 KiB. */
enum ws_result ws_deflate_inflate(struct ws_deflate *d, const uint8_t **in, size_t *n,
                                  struct buf *out, uint64_t max);

/* The message ends here. WS_MORE, or WS_ERR_DEFLATE where its data were cut off. */
enum ws_result ws_deflate_end(struct ws_deflate *d);
