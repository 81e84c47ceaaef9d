/* SPDX-License-Identifier: MIT */
#include "server/query.h"

#include <string.h>

struct http_text query_find(const struct http_head *head, const char *name)
{
    struct http_text query = http_head_query(head);
    const char *at = query.at, *end = query.at + query.len;
    size_t n = strlen(name);

    while (at < end) {
        const char *stop = memchr(at, '&', (size_t)(end - at));
        size_t len = (size_t)((stop ? stop : end) - at);
        if (len > n && at[n] == '=' && memcmp(at, name, n) == 0)
            return (struct http_text){at + n + 1, len - n - 1};
        at += len + 1;
    }
    return (struct http_text){NULL, 0};
}

bool query_whole(const struct http_head *head, const char *name, uint32_t low,
                 uint32_t high, uint32_t *out)
{
    struct http_text t = query_find(head, name);
    uint64_t value = 0;

    if (!t.at)
        return true;
    if (t.len == 0 || t.len > 10)
        return false;
    for (size_t i = 0; i < t.len; i++) {
        if (t.at[i] < '0' || t.at[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(t.at[i] - '0');
    }
    *out = (uint32_t)value;
    return value >= low && value <= high;
}
