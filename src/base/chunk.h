/* SPDX-License-Identifier: MIT */
/*
 * chunk - an immutable, reference-counted run of bytes.
 *
 * A broadcast is encoded into one chunk and every output queue points to it;
 * it is freed when the last queue has written it. Nobody changes the bytes
 * after the first chunk_ref(), so one player's data cannot become another's.
 *
 * Thread: the count is atomic, the bytes are constant; share freely.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct chunk {
    atomic_uint refs;
    uint32_t len;
    bool is_shared; /* see chunk_share() */
    uint8_t bytes[];
};

/* A chunk with one reference (yours) and `len` bytes to be filled in, or NULL
 * when memory is out. `len` at most UINT32_MAX. */
struct chunk *chunk_new(size_t len);

/* The same, with a copy of `bytes`. */
struct chunk *chunk_copy(const void *bytes, size_t len);

/* Mark it as one that several will get, which helps those who make something of it.
 * Before the first chunk_ref() only. Returns c; NULL is fine. */
struct chunk *chunk_share(struct chunk *c);

struct chunk *chunk_ref(struct chunk *c);

/* Give up one reference and null your pointer; NULL is fine. */
void chunk_unref(struct chunk **c);

/* This thread is about to end: free what it keeps at hand for small chunks. */
void chunk_end_thread(void);
