/* SPDX-License-Identifier: MIT */
/*
 * outq - the bytes that one connection has still to write, as references to
 * chunks.
 *
 * A ring of (chunk, offset) that grows by doubling and is freed when it runs
 * empty, so an idle connection holds none, nor does one with a single chunk. Small chunks
 * are copied together and leave with one send, big ones with one writev of up to 64 parts;
 * or, where TLS stands between, all are looked at and dropped piece by piece.
 *
 * Ownership: outq_init/outq_fini; holds a reference to each chunk until its
 * last byte is written. Thread: one owner.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/chunk.h"

struct outq {
    union {
        struct chunk **ring;
        struct chunk *only; /* while cap is 1 */
    };
    uint32_t cap, head, n; /* cap is 0 or a power of two */
    uint32_t offset;       /* bytes of the first chunk that are written already */
    size_t bytes;          /* still to write, over all */
};

void outq_init(struct outq *q);
void outq_fini(struct outq *q);

/* Append; keeps a reference of its own. false when memory is out. */
bool outq_push(struct outq *q, struct chunk *c);

/* Write what the socket takes; `scratch` (of `max` bytes) is for small chunks. Returns 0
 * when all has left, 1 when the socket is full (wait until it is writable), or
 * -errno. *written counts the bytes. */
int outq_write(struct outq *q, int fd, uint8_t *scratch, size_t max, size_t *written);

/* The first bytes, at most `max`, in one piece: in their chunk where that holds enough
 * of them, else copied to `scratch` (of `max` bytes). The queue must not be empty. */
const uint8_t *outq_front(struct outq *q, uint8_t *scratch, size_t max, size_t *n);

/* The first `n` bytes are written. */
void outq_drop(struct outq *q, size_t n);
