/* SPDX-License-Identifier: MIT */
/*
 * emit_moved - an item of an update run where all that was touched are numbers that
 * go as differences, in line: the work of every tick. Internal to emit.
 *
 * Thread: the room's worker. Nothing is kept.
 */
#pragma once

#include "state/emit_diff.h"

/* Bytes of such an item at most: gap, mask, a difference of 33 bits for each field. */
static inline size_t moved_most(const struct facet *f)
{
    return 5 + 5 + (size_t)f->part.n_fields * 5;
}

static inline uint8_t *uv_at(uint8_t *p, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        *p++ = (uint8_t)(v | 0x80);
    *p++ = (uint8_t)v;
    return p;
}

/* Was nothing else touched in this bracket? */
static inline bool moved_only(const struct facet *f, const struct row *r)
{
    return f->deltas && !(r->touched[0] & f->fields & ~f->deltas);
}

/* Write it at `p`, which has moved_most() left; with `gap` -1 what it has behind its
 * gap. Returns its end, or `p` where nothing differs from before. Only for rows of which
 * moved_only() holds. The mask of at most 32 fields is a uv. */
static inline uint8_t *moved_at(const struct facet *f, const struct row *r, int64_t gap,
                                uint8_t *p)
{
    const struct field *fields = f->part.fields;
    uint32_t touched = r->touched[0] & f->fields, mask = 0;

    for (uint32_t rest = touched; rest; rest &= rest - 1) {
        uint32_t i = (uint32_t)__builtin_ctz(rest);
        if (r->before[i].q != r->now[i].q)
            mask |= rest & -rest;
    }
    if (!mask)
        return p;
    if (gap >= 0)
        p = uv_at(p, (uint64_t)gap);
    p = uv_at(p, mask);
    for (; mask; mask &= mask - 1) {
        uint32_t i = (uint32_t)__builtin_ctz(mask);
        int64_t d = type_change(&fields[i].type, r->before[i], r->now[i]);
        p = uv_at(p, (uint64_t)d << 1 ^ (uint64_t)(d >> 63));
    }
    return p;
}
