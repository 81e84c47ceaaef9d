/* SPDX-License-Identifier: MIT */
#include "proto/http_scan.h"

void http_scan_init(struct http_scan *s)
{
    *s = (struct http_scan){0};
}

void http_scan_init_trailer(struct http_scan *s)
{
    *s = (struct http_scan){.in_headers = true};
}

/* The byte after a CR: the line is over, and the head with an empty line. */
static enum http_result end_line(struct http_scan *s, uint8_t byte)
{
    if (byte != '\n')
        return HTTP_ERR_BAD;
    if (s->line_bytes == 0)
        return HTTP_DONE;
    s->cr = false;
    s->line_bytes = 0;
    s->in_headers = true;
    return HTTP_MORE;
}

static enum http_result take(struct http_scan *s, const struct http_limits *limits,
                             uint8_t byte)
{
    if (s->cr)
        return end_line(s, byte);
    if (byte == '\r') {
        s->cr = true;
        return HTTP_MORE;
    }
    if (byte == '\n' || byte == 0)
        return HTTP_ERR_BAD;
    if (s->line_bytes++ == 0) {
        if (byte == ' ' || byte == '\t')
            return HTTP_ERR_BAD;
        if (s->in_headers && ++s->n_headers > limits->max_headers)
            return HTTP_ERR_HEAD;
    }
    if (!s->in_headers) {
        if (byte == ' ' && ++s->n_spaces > 2)
            return HTTP_ERR_BAD;
        if (byte != ' ' && s->n_spaces == 1 && ++s->n_target > limits->max_target)
            return HTTP_ERR_URI;
    }
    return HTTP_MORE;
}

enum http_result http_scan_feed(struct http_scan *s, const struct http_limits *limits,
                                const uint8_t *bytes, size_t len, size_t *n_clean)
{
    for (size_t i = 0; i < len; i++) {
        enum http_result r = take(s, limits, bytes[i]);
        *n_clean = i;
        if (r < 0)
            return r;
        *n_clean = i + 1;
        if (r == HTTP_DONE)
            return r;
        if (++s->n_bytes >= limits->max_head)
            return HTTP_ERR_HEAD;
    }
    *n_clean = len;
    return HTTP_MORE;
}
