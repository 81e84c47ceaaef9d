/* SPDX-License-Identifier: MIT */
#include "svc/metrics.h"

#include <stddef.h>

void metrics_begin(struct buf *out, const char *name, enum metric_type type,
                   const char *help)
{
    buf_format(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
               type == METRIC_COUNTER ? "counter" : "gauge");
}

static void put_escaped(struct buf *out, const char *text)
{
    for (; *text; text++) {
        if (*text == '\n')
            buf_text(out, "\\n");
        else if (*text == '"' || *text == '\\')
            buf_format(out, "\\%c", *text);
        else
            buf_byte(out, (uint8_t)*text);
    }
}

void metrics_sample(struct buf *out, const char *name, const char *label,
                    const char *value_of, double value)
{
    buf_text(out, name);
    if (label && value_of) {
        buf_format(out, "{%s=\"", label);
        put_escaped(out, value_of);
        buf_text(out, "\"}");
    }
    buf_format(out, " %.17g\n", value);
}

void metrics_sample_with(struct buf *out, const char *name, const char *const *labels,
                         size_t n, double value)
{
    buf_text(out, name);
    for (size_t i = 0; i < n; i++) {
        buf_format(out, "%s%s=\"", i ? "," : "{", labels[2 * i]);
        put_escaped(out, labels[2 * i + 1]);
        buf_text(out, "\"");
    }
    buf_format(out, "%s %.17g\n", n ? "}" : "", value);
}

void metrics_put(struct buf *out, const char *name, enum metric_type type, const char *help,
                 double value)
{
    metrics_begin(out, name, type, help);
    metrics_sample(out, name, NULL, NULL, value);
}
