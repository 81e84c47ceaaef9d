/* SPDX-License-Identifier: MIT */
/*
 * link - the load's connections: opened without waiting, 64 at a time, from source
 * addresses of 127.0.0.0/8 in turn; what comes in is cut into WebSocket messages, of
 * which only the first bytes are kept.
 *
 * Pings are answered. The server's frames are not checked beyond that: both who decode
 * the same game (scale_colyseus.mjs) and tests do that.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    LINK_PEEK = 4, /* bytes of a message that are kept */
    LINK_SILENCE_MS = 10000,
};

struct link {
    int fd;
    bool is_open;     /* the handshake is done */
    bool is_joined;   /* the hello is sent */
    uint8_t head[14]; /* of the frame that comes, then its first bytes */
    uint8_t n_head;   /* of them here */
    uint8_t peek[LINK_PEEK];
    uint64_t at, size; /* bytes of its payload: here, in all */
    char *answer;      /* of the handshake, while it is not whole */
    size_t n_answer;
    uint64_t n_bytes;           /* since the handshake */
    uint32_t n_frames;          /* states that were noted */
    uint64_t first_us, last_us; /* when the first and the last of them were whole */
};

/* What all links do; set before link_open_all(). */
struct link_plan {
    int port;
    uint32_t n;           /* connections */
    uint32_t per_address; /* of one source address */
    char *const *paths;   /* one for each */
    const char *protocol; /* subprotocol; NULL: none */
    const uint8_t *hello; /* a message that each sends when it is open; NULL: none */
    size_t n_hello;
    bool waits; /* the hello only after the first message */
    void (*on_message)(struct link *l, uint64_t now_us); /* whole; `peek` and `size` tell */
};

extern struct link_plan plan;
extern struct link *links; /* plan.n of them */

/* Open all, and send each's hello. The program ends where one fails. */
void link_open_all(void);

/* Read what comes until a moment of link_now_us(). */
void link_run_until(uint64_t end_us);

/* A masked message, of up to 125 bytes. */
void link_send(struct link *l, int opcode, const uint8_t *data, size_t n);

/* Say why on stderr, and end the program with 1. */
static inline void link_die(const char *why)
{
    fprintf(stderr, "scale_load: %s\n", why);
    exit(1);
}

static inline uint64_t link_clock_ns(clockid_t clock)
{
    struct timespec t;

    if (clock_gettime(clock, &t) != 0)
        link_die("a clock cannot be read; is the server still there?");
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static inline uint64_t link_now_us(void)
{
    return link_clock_ns(CLOCK_MONOTONIC) / 1000;
}
