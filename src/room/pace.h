/* SPDX-License-Identifier: MIT */
/*
 * pace - how much state one player's line takes, learnt from ACKs.
 *
 * Bytes that wait on our side are seen by asking the socket. Those that wait in
 * the network (a router's buffer may hold seconds of them) are not, so we watch
 * how long the oldest frame of state has been without ACK. Later than 1.5 round
 * trips and some ticks: the line is slow, and gets one frame at a time until ACKs
 * are in time again.
 *
 * The round trip that counts is the least one: an average would grow with the
 * queue that it is meant to notice. A path that has become longer looks just like
 * a slow one while only one frame is out, so every 64 late ACKs the longer time is
 * believed and two frames are let out: if the second is late by the new measure as
 * well, it was the line's rate.
 *
 * Pure: no clock, no allocation. Times are in us and may wrap.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { PACE_SLOTS = 16, PACE_TRIAL = 64 };

struct pace {
    struct {
        uint32_t tick, at_us;
    } out[PACE_SLOTS]; /* sent, no ACK yet; oldest first */
    uint8_t n;
    uint8_t window;       /* so many may be out; PACE_SLOTS: any number */
    uint8_t n_late;       /* ACKs that were late since the last trial */
    uint8_t n_good;       /* ACKs in time since the window last changed */
    bool has_merged;      /* a slot stands for several frames, the last of which is */
    uint32_t merged_tick; /* ... this one: its ACK tells no round trip */
    bool is_acking;       /* this client sends ACKs */
    bool is_trial;        /* base_us is believed on trial */
    uint32_t sent_tick;   /* the last one sent */
    uint32_t base_us;     /* least round trip; 0: none known */
    uint32_t least_us;    /* the same before a trial */
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
