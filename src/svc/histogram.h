/* SPDX-License-Identifier: MIT */
/*
 * histogram - how long things took, in buckets that Prometheus can add up.
 *
 * The bounds are the same for all: 100 µs to 2.5 s, in steps of 2 to 2.5.
 *
 * Ownership: a value, zero to begin with. Thread: one owner.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum { HISTOGRAM_BUCKETS = 15 }; /* the last: longer than every bound */

struct histogram {
    uint64_t n[HISTOGRAM_BUCKETS];
    uint64_t sum_us;
};

void histogram_add(struct histogram *h, uint64_t us);

/* The samples NAME_bucket, NAME_sum and NAME_count of a metric of METRIC_HISTOGRAM in
 * seconds, with one label. */
void histogram_put(const struct histogram *h, const char *name, const char *label,
                   const char *value_of, struct buf *out);
