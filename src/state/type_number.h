/* SPDX-License-Identifier: MIT */
/*
 * type_number - numbers to quanta, in line: it is done for each field that a script
 * moves. Internal to this layer; the arithmetic is that of PROTOCOL.md.
 *
 * Thread: types are constant.
 */
#pragma once

#include "state/type.h"

/* The largest whole number not above x. Written out, because without SSE4.1 the
 * library's floor() is a call. */
static inline double type_floor(double x)
{
    if (!(x > -4503599627370496.0 && x < 4503599627370496.0))
        return x; /* 2^52 and beyond: whole already */
    double whole = (double)(int64_t)x;
    return whole > x ? whole - 1 : whole;
}

/* How many steps of a `fixed` lie below v, and a half more: its quantum is the floor of
 * that. To multiply by the reciprocal of a power of two is the same as to divide. */
static inline double type_steps(const struct type *t, double v)
{
    double d = v - t->min;

    return (t->per_step != 0 ? d * t->per_step : d / t->step) + 0.5;
}

/* The quantum of a number for the types that move most: fixed and whole ones. False
 * where type_from_number() has to say more: another type, or a value that does not
 * fit. */
static inline bool type_quick_quantum(const struct type *t, double v, int64_t *q)
{
    double x = v;

    if (t->kind == TYPE_FIXED)
        x = type_steps(t, v);
    else if (t->kind < TYPE_U8 || t->kind > TYPE_INT)
        return false;
    if (!(x >= (double)t->low && x < (double)t->high + 1)) /* NaN falls in here too */
        return false;
    *q = (int64_t)x;
    if ((double)*q == x)
        return true;
    *q -= x < 0; /* towards 0 is not down */
    return t->kind == TYPE_FIXED;
}
