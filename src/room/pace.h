/* SPDX-License-Identifier: MIT */
/*
 * pace - how much state one player's line takes, learnt from ACKs.
 *
 * Bytes that wait on our side are seen by asking the socket. Those that wait in
 * the network (a router's buffer may hold seconds of them) are not, so we watch
 * how long the oldest frame of state has been without ACK. Later than 1.5 round
 * trips and some ticks: the line is slow.
 *
 * A slow line gets one frame at a time. Its ACK tells how long a frame takes that
 * has nothing in front of it. After some of those two frames are let out: where the
 * second takes longer, it waited for the first, so the line's rate is the limit, and
 * it is one at a time again, for twice as long (up to 64 frames). Where it does not,
 * more are let out, and in the end any number: then the path was only long.
 *
 * Pure: no clock, no allocation. Times are in us and may wrap.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { PACE_SLOTS = 16 };

struct pace {
    struct {
        uint32_t tick, at_us;
    } out[PACE_SLOTS]; /* sent, no ACK yet; oldest first */
    uint8_t n;
    uint8_t window;       /* so many may be out; PACE_SLOTS: any number */
    uint8_t n_good;       /* ACKs since the window last changed */
    uint8_t n_alone;      /* so many one at a time before two are tried */
    bool is_acking;       /* this client sends ACKs */
    bool has_merged;      /* a slot stands for several frames, the last of which is */
    uint32_t merged_tick; /* ... this one: its ACK tells no round trip */
    uint32_t base_us;     /* round trip to judge by: the least, or that of a frame
                           * alone on a slow line; 0: none known */
    float rtt_ms;         /* smoothed, as scripts see it; 0: not known yet */
};

/* A new connection: nothing is known of its line. */
void pace_reset(struct pace *p);

/* State of this tick has been sent. */
void pace_sent(struct pace *p, uint32_t tick, uint32_t now_us);

/* The client holds the state of `tick`; ticks that were never sent count as the last
 * that was. `slack_us` as below. */
void pace_acked(struct pace *p, uint32_t tick, uint32_t now_us, uint32_t slack_us);

/* May no more be sent for now? `slack_us`: how much later than 1.5 round trips an ACK
 * may be (two ticks, and what the client may take to send it). Never for a client
 * that has not sent an ACK. */
bool pace_is_full(struct pace *p, uint32_t now_us, uint32_t slack_us);

/* All state that was sent has arrived, so it has left this machine too. */
static inline bool pace_is_idle(const struct pace *p)
{
    return p->is_acking && p->n == 0;
}
