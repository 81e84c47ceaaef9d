/* SPDX-License-Identifier: MIT */
#include "room/pace.h"

#include <string.h>

enum { FIRST_ALONE = 2, MAX_ALONE = 64 };

void pace_reset(struct pace *p)
{
    *p = (struct pace){.window = PACE_SLOTS, .n_alone = FIRST_ALONE};
}

void pace_sent(struct pace *p, uint32_t tick, uint32_t now_us)
{
    /* More than there are slots: the last one stands for several, with the time of
     * its first. Only the age of the oldest counts. */
    if (p->n == PACE_SLOTS) {
        p->out[PACE_SLOTS - 1].tick = p->merged_tick = tick;
        p->has_merged = true;
        return;
    }
    p->out[p->n].tick = tick;
    p->out[p->n].at_us = now_us;
    p->n++;
}

/* Is that too long for a frame? While more are let out step by step, a quarter is:
 * one that waits for another comes a whole frame's time later. */
static bool is_late(const struct pace *p, uint32_t us, uint32_t slack_us)
{
    if (p->window < PACE_SLOTS)
        return us > p->base_us + p->base_us / 4 + slack_us / 4;
    return us > p->base_us + p->base_us / 2 + slack_us;
}

static void slow_down(struct pace *p)
{
    if (p->window < PACE_SLOTS && p->n_alone < MAX_ALONE)
        p->n_alone = (uint8_t)(p->n_alone * 2);
    p->window = 1;
    p->n_good = 0;
}

static void take_sample(struct pace *p, uint32_t sample_us, uint32_t slack_us)
{
    float ms = (float)sample_us / 1000;

    if (sample_us == 0) /* 0 stands for none */
        sample_us = 1;
    p->rtt_ms = p->rtt_ms > 0 ? p->rtt_ms + (ms - p->rtt_ms) / 8 : ms;
    if (p->window == 1) {
        p->base_us = sample_us;
        if (++p->n_good >= p->n_alone) {
            p->window = 2;
            p->n_good = 0;
        }
        return;
    }
    if (p->base_us == 0 || sample_us < p->base_us)
        p->base_us = sample_us;
    if (is_late(p, sample_us, slack_us)) {
        slow_down(p);
    } else if (p->window == PACE_SLOTS) {
        p->base_us += (sample_us - p->base_us) / 256; /* clocks and paths drift */
    } else if (++p->n_good >= p->window) {
        p->window = (uint8_t)(p->window * 2);
        p->n_good = 0;
        if (p->window == PACE_SLOTS)
            p->n_alone = FIRST_ALONE;
    }
}

void pace_acked(struct pace *p, uint32_t tick, uint32_t now_us, uint32_t slack_us)
{
    uint8_t n = 0;

    p->is_acking = true;
    /* Ticks ascend; the difference tells which is older. */
    while (n < p->n && (int32_t)(p->out[n].tick - tick) <= 0)
        n++;
    if (n == 0)
        return;
    uint32_t sample_us = now_us - p->out[n - 1].at_us;
    bool is_merged = p->has_merged && p->out[n - 1].tick == p->merged_tick;
    bool was_crowded = p->n > p->window;
    p->n = (uint8_t)(p->n - n);
    memmove(p->out, p->out + n, p->n * sizeof *p->out);
    if (is_merged)
        p->has_merged = false;
    /* Frames that were let out before the line was found to be slow had each other
     * in front of them. */
    else if (!was_crowded)
        take_sample(p, sample_us, slack_us);
}

bool pace_is_full(struct pace *p, uint32_t now_us, uint32_t slack_us)
{
    if (!p->is_acking || p->n == 0)
        return false;
    if (p->window > 1 && p->base_us > 0 && is_late(p, now_us - p->out[0].at_us, slack_us))
        slow_down(p);
    return p->n >= p->window && p->window < PACE_SLOTS;
}
