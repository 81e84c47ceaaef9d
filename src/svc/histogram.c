/* SPDX-License-Identifier: MIT */
#include "svc/histogram.h"

#include <stdio.h>

#include "svc/metrics.h"

static const struct {
    uint64_t us;
    const char *s;
} bounds[HISTOGRAM_BUCKETS - 1] = {
    {100,     "0.0001" },
    {250,     "0.00025"},
    {500,     "0.0005" },
    {1000,    "0.001"  },
    {2500,    "0.0025" },
    {5000,    "0.005"  },
    {10000,   "0.01"   },
    {25000,   "0.025"  },
    {50000,   "0.05"   },
    {100000,  "0.1"    },
    {250000,  "0.25"   },
    {500000,  "0.5"    },
    {1000000, "1"      },
    {2500000, "2.5"    },
};

void histogram_add(struct histogram *h, uint64_t us)
{
    size_t i = 0;

    while (i < HISTOGRAM_BUCKETS - 1 && us > bounds[i].us)
        i++;
    h->n[i]++;
    h->sum_us += us;
}

void histogram_put(const struct histogram *h, const char *name, const char *label,
                   const char *value_of, struct buf *out)
{
    const char *labels[] = {label, value_of, "le", "+Inf"};
    char sample[160];
    uint64_t n = 0;

    snprintf(sample, sizeof sample, "%s_bucket", name);
    for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        n += h->n[i];
        labels[3] = i < HISTOGRAM_BUCKETS - 1 ? bounds[i].s : "+Inf";
        metrics_sample_with(out, sample, labels, 2, (double)n);
    }
    snprintf(sample, sizeof sample, "%s_sum", name);
    metrics_sample(out, sample, label, value_of, (double)h->sum_us / 1e6);
    snprintf(sample, sizeof sample, "%s_count", name);
    metrics_sample(out, sample, label, value_of, (double)n);
}
