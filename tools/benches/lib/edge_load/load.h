/* SPDX-License-Identifier: MIT */
/*
 * load - what edge_load has been asked for, and what all its parts need.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    LOAD_MIN_BYTES = 16, /* kind, connection and number lie in the first twelve */
    LOAD_MAX_BYTES = 64 << 10,
    LOAD_SILENCE_MS = 5000, /* of the server, before the load gives up */
};

enum load_mode { LOAD_ECHO, LOAD_FANOUT, LOAD_IDLE };

/* The options of the program. */
struct load {
    const char *path;
    int port, pid;              /* pid: whose CPU time is read; 0: nobody's */
    uint32_t n_conns, inflight; /* inflight: messages of a connection under way */
    size_t n_bytes;             /* of a message */
    double seconds, warm_up;
    enum load_mode mode;
    bool is_deflate;
};

extern struct load load;

/* Say why on stderr, and end the program with 1. */
static inline void load_die(const char *why)
{
    fprintf(stderr, "edge_load: %s\n", why);
    exit(1);
}

/* What a clock says; the program ends where it cannot be read. */
static inline uint64_t load_now_ns(clockid_t clock)
{
    struct timespec t;

    if (clock_gettime(clock, &t) != 0)
        load_die("a clock cannot be read; is the server still there?");
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}
