/* SPDX-License-Identifier: MIT */
/*
 * fuzz_proxy_header - a PROXY header is read the same however it is cut, ends where
 * its own length says, and names a client only in the forms that have one.
 */
#include <stdlib.h>
#include <string.h>

#include "proto/proxy_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Feed in reads of `step` bytes; *total is how much was used. */
static enum proxy_result feed(struct proxy_header *p, const uint8_t *data, size_t size,
                              size_t step, size_t *total)
{
    enum proxy_result r = PROXY_MORE;

    proxy_header_init(p);
    for (*total = 0; *total < size && r == PROXY_MORE;) {
        size_t n = size - *total < step ? size - *total : step, used = 0;
        r = proxy_header_feed(p, data + *total, n, &used);
        if (used > n || (r == PROXY_MORE && used != n))
            abort();
        *total += used;
    }
    return r;
}

/* What the header says about itself must be what was read. */
static void check(const struct proxy_header *p, const uint8_t *data, size_t used)
{
    char text[IP_TEXT_BYTES];

    if (used > PROXY_MAX_BYTES)
        abort();
    if (data[0] == 'P') {
        if (used > PROXY_V1_BYTES || memcmp(data + used - 2, "\r\n", 2) != 0 ||
            p->has_client != (memcmp(data, "PROXY TCP", 9) == 0))
            abort();
    } else if (used != 16 + (size_t)(data[14] << 8 | data[15]) ||
               p->has_client !=
                   (data[12] == 0x21 && (data[13] >> 4 == 1 || data[13] >> 4 == 2))) {
        abort();
    }
    if (p->has_client) {
        ip_format(&p->client, text);
        if (*text == 0 || strlen(text) >= sizeof text)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct proxy_header whole, pieces;
    size_t used_whole, used_pieces;

    if (size < 1)
        return 0;
    size_t step = (size_t)data[0] % 16 + 1;
    enum proxy_result a = feed(&whole, data + 1, size - 1, size, &used_whole);
    enum proxy_result b = feed(&pieces, data + 1, size - 1, step, &used_pieces);
    if (a != b || used_whole != used_pieces)
        abort();
    if (a != PROXY_DONE)
        return 0;
    if (whole.has_client != pieces.has_client ||
        memcmp(&whole.client, &pieces.client, sizeof whole.client) != 0)
        abort();
    check(&whole, data + 1, used_whole);
    return 0;
}
