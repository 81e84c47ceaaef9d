/* SPDX-License-Identifier: MIT */
#include "room/phase.h"

#include <math.h>

uint64_t phase_begin(struct phases *p, double rate, uint64_t now_us)
{
    if (p->n == 0)
        p->origin_us = now_us;
    /* Multiples of the golden ratio's fraction, in 2^32ths: n of them, for any n, leave
     * gaps of three widths at most. */
    double turn = (double)(p->n++ * UINT32_C(2654435769)) / 4294967296.0;
    double past = (double)(now_us - p->origin_us) * rate / 1e6 - turn;

    return now_us - (uint64_t)((past - floor(past)) * 1e6 / rate);
}
