/* SPDX-License-Identifier: MIT */
#include "base/bits.h"

#include <stdlib.h>
#include <string.h>

void bits_init(struct bits *b)
{
    *b = (struct bits){0};
}

void bits_fini(struct bits *b)
{
    free(b->words);
    *b = (struct bits){0};
}

bool bits_grow(struct bits *b, size_t n)
{
    size_t want = (n + 63) / 64;

    if (want <= b->n_words)
        return true;
    if (want < b->n_words * 2)
        want = b->n_words * 2;
    uint64_t *grown = realloc(b->words, want * sizeof *grown);
    if (!grown)
        return false;
    memset(grown + b->n_words, 0, (want - b->n_words) * sizeof *grown);
    b->words = grown;
    b->n_words = want;
    return true;
}

void bits_clear(struct bits *b)
{
    if (b->n_words)
        memset(b->words, 0, b->n_words * sizeof *b->words);
}

size_t bits_count(const struct bits *b)
{
    size_t n = 0;

    for (size_t i = 0; i < b->n_words; i++)
        n += bits_in(b->words[i]);
    return n;
}

bool bits_copy(struct bits *to, const struct bits *from)
{
    if (!bits_grow(to, from->n_words * 64))
        return false;
    if (from->n_words)
        memcpy(to->words, from->words, from->n_words * sizeof *to->words);
    if (to->n_words > from->n_words)
        memset(to->words + from->n_words, 0,
               (to->n_words - from->n_words) * sizeof *to->words);
    return true;
}

uint32_t bits_next(const struct bits *b, uint32_t from)
{
    size_t w = from / 64;

    if (w >= b->n_words)
        return BITS_NONE;
    uint64_t word = b->words[w] & ~UINT64_C(0) << (from % 64);
    while (word == 0) {
        if (++w == b->n_words)
            return BITS_NONE;
        word = b->words[w];
    }
    return (uint32_t)(w * 64 + (size_t)__builtin_ctzll(word));
}
