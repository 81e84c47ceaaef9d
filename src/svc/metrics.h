/* SPDX-License-Identifier: MIT */
/*
 * metrics - the text that Prometheus reads (exposition format 0.0.4), written
 * into a buf when it is asked for; nothing is kept here.
 *
 * Names start with parlor_ and end with their unit or _total.
 *
 * Thread: any; the values are the caller's.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum metric_type {
    METRIC_COUNTER,
    METRIC_GAUGE,
    METRIC_HIGHEST, /* a gauge that is not added up over workers: the highest counts */
    METRIC_HISTOGRAM,
};

/* Begin a metric: its HELP and TYPE lines. Samples follow at once. */
void metrics_begin(struct buf *out, const char *name, enum metric_type type,
                   const char *help);

/* One sample; without a label where one of `label` and `value_of` is NULL. The
 * label's value is escaped. */
void metrics_sample(struct buf *out, const char *name, const char *label,
                    const char *value_of, double value);

/* One sample with several labels: `labels` is n names, each with its value behind. */
void metrics_sample_with(struct buf *out, const char *name, const char *const *labels,
                         size_t n, double value);

/* Put what several workers have written together, each the same metrics in the same order
 * with perhaps other labels: samples of the same name and labels are added up, or the
 * highest counts. Also for one, for METRIC_HIGHEST is no type that others know. */
void metrics_merge(const struct buf *texts, size_t n, struct buf *out);

/* A metric with one sample and no label. */
void metrics_put(struct buf *out, const char *name, enum metric_type type, const char *help,
                 double value);
