/* SPDX-License-Identifier: MIT */
#include "svc/metrics.h"

#include <stdlib.h>
#include <string.h>

#include "base/map.h"

#define HIGHEST "highest" /* between metrics_begin() and metrics_merge() */

void metrics_begin(struct buf *out, const char *name, enum metric_type type,
                   const char *help)
{
    static const char *const types[] = {[METRIC_COUNTER] = "counter",
                                        [METRIC_GAUGE] = "gauge",
                                        [METRIC_HIGHEST] = HIGHEST,
                                        [METRIC_HISTOGRAM] = "histogram"};

    buf_format(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, types[type]);
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

/* One line with its name and labels as key. */
struct sample {
    struct sample *next; /* of its metric, in the order in which they came */
    const char *key;     /* borrows from the text */
    size_t n_key;
    double value;
};

struct metric {
    struct metric *next;
    const char *head; /* its HELP line, borrowed */
    size_t n_head;
    const char *type;
    size_t n_type;
    const char *name;
    size_t n_name;
    struct sample *first, **end;
};

struct merge {
    struct map metrics, samples; /* by name; by key */
    struct metric *first, **end, *at;
    bool failed;
};

static bool starts(const char *line, size_t n, const char *with)
{
    return n >= strlen(with) && memcmp(line, with, strlen(with)) == 0;
}

static void take_help(struct merge *m, const char *line, size_t n)
{
    const char *name = line + strlen("# HELP "), *space = memchr(name, ' ', n - 7);
    size_t n_name = (size_t)(space - name);

    if ((m->at = map_get_bytes(&m->metrics, name, n_name)))
        return;
    m->at = calloc(1, sizeof *m->at);
    if (!m->at || !map_put_bytes(&m->metrics, name, n_name, m->at)) {
        free(m->at);
        m->at = NULL;
        m->failed = true;
        return;
    }
    m->at->head = line;
    m->at->n_head = n;
    m->at->name = name;
    m->at->n_name = n_name;
    m->at->end = &m->at->first;
    *m->end = m->at;
    m->end = &m->at->next;
}

static void take_sample(struct merge *m, const char *line, size_t n)
{
    size_t n_key = n;

    while (n_key > 0 && line[n_key - 1] != ' ')
        n_key--;
    double value = strtod(line + n_key, NULL);
    struct sample *s = map_get_bytes(&m->samples, line, n_key);
    if (s) {
        bool is_highest = m->at->n_type == strlen(HIGHEST) &&
                          memcmp(m->at->type, HIGHEST, strlen(HIGHEST)) == 0;
        s->value = !is_highest ? s->value + value : value > s->value ? value : s->value;
        return;
    }
    s = calloc(1, sizeof *s);
    if (!s || !map_put_bytes(&m->samples, line, n_key, s)) {
        free(s);
        m->failed = true;
        return;
    }
    *s = (struct sample){NULL, line, n_key, value};
    *m->at->end = s;
    m->at->end = &s->next;
}

static void take_line(struct merge *m, const char *line, size_t n)
{
    if (starts(line, n, "# HELP ")) {
        take_help(m, line, n);
    } else if (m->at && starts(line, n, "# TYPE ")) {
        size_t skip = strlen("# TYPE ") + m->at->n_name + 1;
        m->at->type = line + skip;
        m->at->n_type = n - skip;
    } else if (m->at) {
        take_sample(m, line, n);
    }
}

static void put_metric(const struct metric *x, struct buf *out)
{
    bool is_highest =
        x->n_type == strlen(HIGHEST) && memcmp(x->type, HIGHEST, strlen(HIGHEST)) == 0;

    buf_append(out, x->head, x->n_head);
    buf_text(out, "\n# TYPE ");
    buf_append(out, x->name, x->n_name);
    buf_text(out, " ");
    buf_append(out, is_highest ? "gauge" : x->type, is_highest ? 5 : x->n_type);
    buf_text(out, "\n");
    for (const struct sample *s = x->first; s; s = s->next) {
        buf_append(out, s->key, s->n_key);
        buf_format(out, "%.17g\n", s->value);
    }
}

void metrics_merge(const struct buf *texts, size_t n, struct buf *out)
{
    struct merge m = {.end = &m.first};

    map_init(&m.metrics);
    map_init(&m.samples);
    for (size_t i = 0; i < n; i++) {
        const char *at = (const char *)texts[i].data, *end = at + texts[i].len;
        m.at = NULL;
        m.failed |= texts[i].failed;
        for (const char *stop; at < end; at = stop + 1) {
            stop = memchr(at, '\n', (size_t)(end - at));
            take_line(&m, at, (size_t)(stop - at));
        }
    }
    out->failed |= m.failed;
    for (struct metric *x = m.first, *next; x; x = next) {
        next = x->next;
        put_metric(x, out);
        for (struct sample *s = x->first, *after; s; s = after) {
            after = s->next;
            free(s);
        }
        free(x);
    }
    map_fini(&m.metrics);
    map_fini(&m.samples);
}
