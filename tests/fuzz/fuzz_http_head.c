/* SPDX-License-Identifier: MIT */
/*
 * fuzz_http_head - a request must come out the same whether it arrives whole or in
 * pieces, and what is accepted must keep the limits and the rules that the layers
 * above rely on.
 */
#include <stdlib.h>

#include "proto/http_head.h"
#include "proto/ws_handshake.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct http_limits limits = {2048, 256, 16, 512};

/* Feed in reads of `step` bytes; the result and how much was used. */
static enum http_result feed(struct http_head *h, const uint8_t *data, size_t size,
                             size_t step, size_t *total)
{
    *total = 0;
    while (*total < size) {
        size_t n = size - *total < step ? size - *total : step, used = 0;
        enum http_result r = http_head_feed(h, data + *total, n, &used);
        if (used > n)
            abort();
        *total += used;
        if (r != HTTP_MORE)
            return r;
    }
    return HTTP_MORE;
}

static void check_done(const struct http_head *h)
{
    char accept[WS_ACCEPT_BYTES + 1];
    const char *why;
    struct http_text path = http_head_path(h);

    if (path.len == 0 || path.at[0] != '/' || path.len > limits.max_target ||
        http_head_n_headers(h) > limits.max_headers ||
        http_head_body(h).len > limits.max_body)
        abort();
    size_t hosts;
    http_head_find(h, "host", &hosts);
    if (hosts > 1)
        abort();
    ws_handshake_check(h, accept, &why);
    ws_handshake_offers(h, "parlor.b1");
    ws_handshake_is_same_origin(h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_head *whole, *pieces;
    size_t used_whole, used_pieces, step;

    if (size < 1 || http_head_new(&whole, &limits) < 0)
        return 0;
    if (http_head_new(&pieces, &limits) < 0)
        abort();
    step = (size_t)data[0] % 32 + 1;
    enum http_result a = feed(whole, data + 1, size - 1, size, &used_whole);
    enum http_result b = feed(pieces, data + 1, size - 1, step, &used_pieces);
    /* Where both end well they end at the same byte; an error may be seen in
     * another place of the same read, but never turns into a success. */
    if ((a == HTTP_DONE) != (b == HTTP_DONE) || (a < 0) != (b < 0))
        abort();
    if (a == HTTP_DONE) {
        if (used_whole != used_pieces)
            abort();
        check_done(whole);
        check_done(pieces);
    }
    http_head_free(&whole);
    http_head_free(&pieces);
    return 0;
}
