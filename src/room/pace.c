/* SPDX-License-Identifier: MIT */
#include "room/pace.h"

#include <string.h>

void pace_reset(struct pace *p)
{
    *p = (struct pace){.window = PACE_SLOTS};
}

void pace_sent(struct pace *p, uint32_t tick, uint32_t now_us)
{
    p->sent_tick = tick;
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

/* On trial a quarter more is late already: the second of two frames that waits for the
 * first comes a whole frame later. */
static uint32_t limit_us(const struct pace *p, uint32_t slack_us)
{
    if (p->is_trial)
        return p->base_us + p->base_us / 4 + slack_us / 4;
    return p->base_us + p->base_us / 2 + slack_us;
}

static void slow_down(struct pace *p)
{
    p->window = 1;
    p->n_good = 0;
    if (p->is_trial) {
        p->is_trial = false;
        p->base_us = p->least_us;
    }
}

static void take_sample(struct pace *p, uint32_t sample_us, uint32_t slack_us)
{
    float ms = (float)sample_us / 1000;

    p->rtt_ms = p->rtt_ms > 0 ? p->rtt_ms + (ms - p->rtt_ms) / 8 : ms;
    if (p->base_us == 0 || sample_us < p->base_us) {
        p->base_us = sample_us ? sample_us : 1;
        p->is_trial = false;
    }
    if (sample_us > limit_us(p, slack_us)) {
        slow_down(p);
        if (++p->n_late < PACE_TRIAL)
            return;
        p->n_late = 0;
        p->is_trial = true;
        p->least_us = p->base_us;
        p->base_us = sample_us;
        p->window = 2;
        return;
    }
    if (p->window < PACE_SLOTS) {
        /* Not at the first: it had nothing in front of it. */
        if (++p->n_good >= p->window) {
            p->window = (uint8_t)(p->window * 2);
            p->n_good = 0;
        }
        return;
    }
    p->n_late = 0;
    p->is_trial = false;
    p->base_us += (sample_us - p->base_us) / 256; /* clocks and paths drift */
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
    p->n = (uint8_t)(p->n - n);
    memmove(p->out, p->out + n, p->n * sizeof *p->out);
    if (is_merged)
        p->has_merged = false;
    else
        take_sample(p, sample_us, slack_us);
}

bool pace_is_full(struct pace *p, uint32_t now_us, uint32_t slack_us)
{
    if (!p->is_acking || p->n == 0)
        return false;
    if (p->base_us > 0 && now_us - p->out[0].at_us > limit_us(p, slack_us))
        slow_down(p);
    return p->n >= p->window && p->window < PACE_SLOTS;
}
