/* SPDX-License-Identifier: MIT */
#include "server/cors.h"

#include <stdio.h>

#include "server/seat.h"
#include "server/worker.h"

void cors_write(char out[CORS_BYTES], const struct worker *w, struct conn *c,
                const struct http_head *head)
{
    size_t n;
    struct http_text origin = http_head_find(head, "origin", &n);

    out[0] = 0;
    if (seat_is_open_to_all(w)) {
        snprintf(out, CORS_BYTES, "Access-Control-Allow-Origin: *\r\n");
        return;
    }
    if (w->config->n_origins == 0)
        return;
    /* What is sent back is, but for case, one of the list. */
    if (n == 1 && origin.len <= CORS_BYTES - 64 && seat_is_origin_trusted(w, c, head))
        snprintf(out, CORS_BYTES, "Access-Control-Allow-Origin: %.*s\r\nVary: Origin\r\n",
                 (int)origin.len, origin.at);
    else
        snprintf(out, CORS_BYTES, "Vary: Origin\r\n");
}
