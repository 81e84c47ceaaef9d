/* SPDX-License-Identifier: MIT */
/*
 * profile - how often which stack was seen: the table behind a sampling profiler.
 *
 * A stack is a text, its frames from the outermost on with ';' between; written out as
 * "a;b;c 12", one a line, it is what flame graph tools read. The table is bounded: what
 * finds no place is counted as "[other]".
 *
 * Ownership: profile_init/profile_fini. Thread: one owner.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/map.h"

enum {
    PROFILE_MAX_STACKS = 8192,
    PROFILE_MAX_BYTES = 4 << 20, /* of all texts together */
    PROFILE_MAX_FRAMES = 64,     /* of one stack */
    PROFILE_FRAME_BYTES = 160,   /* of one frame; more are cut off */
};

struct profile {
    struct map stacks; /* text -> the count, on the heap */
    size_t bytes;
    uint64_t n_samples, n_other; /* the latter of the former */
    size_t n_text;
    char text[PROFILE_MAX_FRAMES * (PROFILE_FRAME_BYTES + 1)]; /* of the stack under way */
};

void profile_init(struct profile *p);
void profile_fini(struct profile *p);

/* One more frame, inside of those before it. What would break the format (';', control
 * characters) becomes '_'; frames beyond PROFILE_MAX_FRAMES are left out. */
void profile_frame(struct profile *p, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The stack is whole: count it, and begin the next. Nothing without a frame. */
void profile_count(struct profile *p);

/* Add what profile_write() has written of another one. */
void profile_add(struct profile *p, const char *written, size_t len);

/* All stacks with their counts, by name, and "[other]" where there is one. Where memory
 * is out, out->failed is set. */
void profile_write(const struct profile *p, struct buf *out);
