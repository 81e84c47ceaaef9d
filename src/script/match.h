/* SPDX-License-Identifier: MIT */
/*
 * match - Lua patterns, as in Lua 5.1, with a count of the steps they take.
 *
 * Backtracking takes exponential time on a few bytes (("a?"):rep(n) .. ("a"):rep(n)),
 * inside C, where no hook can stop it. So each try of an item counts, and a match
 * that takes too many ends with an error.
 *
 * One thing is other than in 5.1: a pattern may hold a zero byte, which is itself.
 *
 * Pure code: no allocation, no Lua. Thread: any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MATCH_MAX_CAPTURES = 32,
    MATCH_MAX_DEPTH = 200, /* items that may nest on the C stack */
};

/* Beside a length: what else a capture can be. */
#define MATCH_UNCLOSED ((ptrdiff_t)-1)
#define MATCH_POSITION ((ptrdiff_t)-2)

struct match {
    const char *text, *text_end;
    const char *pattern_end;
    const char *error;     /* why it failed as a pattern; NULL: it did not */
    uint64_t steps;        /* left until it is given up; counts on over several calls */
    bool (*is_over)(void); /* asked now and then; true: give up. NULL: nobody is */
    int level;             /* captures that are there */
    int depth;
    struct {
        const char *at;
        ptrdiff_t len;
    } captures[MATCH_MAX_CAPTURES];
};

/* Begin with a text and a pattern, which stay the caller's. `steps`: an item of the
 * pattern tried at one place of the text is one. */
void match_init(struct match *m, const char *text, size_t len, const char *pattern,
                size_t n_pattern, uint64_t steps);

/* Match the pattern from `pattern` on at `at` exactly. Returns the end of what it
 * matched; NULL where it does not match or m->error is set. Captures are in m. */
const char *match_at(struct match *m, const char *at, const char *pattern);
