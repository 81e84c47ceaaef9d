/* SPDX-License-Identifier: MIT */
/*
 * rnd - random numbers: secrets from the system, and seeded streams for games.
 *
 * A game's room draws from its own seeded stream, so that a recorded room
 * plays again to the same end. Tokens never come from such a stream.
 *
 * Thread: a stream has one owner; rnd_secret() is safe anywhere.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* xoshiro256** (Blackman and Vigna, 2018); the state is seeded by splitmix64. */
struct rnd {
    uint64_t s[4];
};

void rnd_seed(struct rnd *r, uint64_t seed);
uint64_t rnd_next(struct rnd *r);

/* Uniform in [0, 1), 53 bits. */
double rnd_unit(struct rnd *r);

/* Uniform in low..high, both included; low <= high. */
int64_t rnd_range(struct rnd *r, int64_t low, int64_t high);

/* Fill `out` with bytes that nobody can guess. Aborts the process where the
 * system has none: a guessable token would be worse. In tests rnd_fake() makes
 * them repeatable. */
void rnd_secret(void *out, size_t len);

/* Tests only: secrets now come from this seed; 0 turns it off. */
void rnd_fake(uint64_t seed);
