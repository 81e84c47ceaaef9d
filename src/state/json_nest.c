/* SPDX-License-Identifier: MIT */
#include "state/json_nest.h"

#include <string.h>

/* Close the open objects past the first `keep` bytes of the last path. */
static void close_past(struct json_nest *n, size_t keep, struct json_out *j)
{
    for (size_t i = keep; i < n->open; i++)
        if (n->path[i] == '.')
            json_out_end_object(j);
}

void json_nest_key(struct json_nest *n, const char *path, struct json_out *j)
{
    const char *dot;
    size_t keep = 0;

    for (size_t i = 0; i < n->open && path[i] == n->path[i]; i++)
        if (path[i] == '.')
            keep = i + 1;
    close_past(n, keep, j);
    n->path = path;
    n->open = keep;
    while ((dot = strchr(path + n->open, '.'))) {
        json_out_key(j, path + n->open, (size_t)(dot - path) - n->open);
        json_out_object(j);
        n->open = (size_t)(dot - path) + 1;
    }
    json_out_key(j, path + n->open, strlen(path + n->open));
}

void json_nest_end(struct json_nest *n, struct json_out *j)
{
    close_past(n, 0, j);
    *n = (struct json_nest){0};
}
