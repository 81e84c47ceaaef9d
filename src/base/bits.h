/* SPDX-License-Identifier: MIT */
/*
 * bits - a growing set of small numbers, one bit each.
 *
 * Which rows are alive, which changed in this tick, which a player holds: all
 * are sets of slot numbers that are walked in ascending order, 64 at a time.
 *
 * Ownership: bits_init/bits_fini. Thread: one owner.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bits {
    uint64_t *words;
    size_t n_words;
};

#define BITS_NONE UINT32_MAX

void bits_init(struct bits *b);
void bits_fini(struct bits *b);

/* Make room for numbers below `n`; false when memory is out (unchanged then). */
bool bits_grow(struct bits *b, size_t n);

static inline bool bits_has(const struct bits *b, uint32_t i)
{
    return i / 64 < b->n_words && (b->words[i / 64] >> (i % 64) & 1);
}

/* `i` must be below what bits_grow() made room for. */
static inline void bits_add(struct bits *b, uint32_t i)
{
    b->words[i / 64] |= UINT64_C(1) << (i % 64);
}

static inline void bits_remove(struct bits *b, uint32_t i)
{
    if (i / 64 < b->n_words)
        b->words[i / 64] &= ~(UINT64_C(1) << (i % 64));
}

/* How many bits are set in a word. In line: without a processor flag the compiler's own
 * is a call. */
static inline uint32_t bits_in(uint64_t word)
{
    word -= word >> 1 & 0x5555555555555555;
    word = (word & 0x3333333333333333) + (word >> 2 & 0x3333333333333333);
    word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0f;
    return (uint32_t)(word * 0x0101010101010101 >> 56);
}

void bits_clear(struct bits *b);
size_t bits_count(const struct bits *b);

/* Make `to` equal to `from`; false when memory is out (`to` unchanged then). */
bool bits_copy(struct bits *to, const struct bits *from);

/* The lowest member that is `from` or above, BITS_NONE where there is none. */
uint32_t bits_next(const struct bits *b, uint32_t from);
