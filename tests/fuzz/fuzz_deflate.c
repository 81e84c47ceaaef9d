/* SPDX-License-Identifier: MIT */
/*
 * fuzz_deflate - compression three ways, as the first byte says:
 * - offers: the rest stands in Sec-WebSocket-Extensions; what is agreed on must be
 *   within the policy, and its answer must be an offer that is agreed on again;
 * - receiving: the rest are messages of a client; however they are cut the same comes
 *   out, never more than the limit;
 * - sending: what we compress, zlib inflates to the same with the window that was
 *   agreed on; what zlib compresses, we inflate to the same.
 */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "proto/ws_deflate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_MESSAGE = 20000, MAX_HEADER_BYTES = 4096 };

static const uint8_t tail[4] = {0x00, 0x00, 0xff, 0xff};
static const struct http_limits limits = {2 * MAX_HEADER_BYTES, 256, 8, 0};

/* --- offers --- */

static enum ws_deflate_offer choose(const char *value, size_t len,
                                    const struct ws_deflate_policy *policy,
                                    struct ws_deflate_params *params,
                                    char answer[WS_DEFLATE_ANSWER_BYTES])
{
    static const char start[] = "GET / HTTP/1.1\r\nHost: x\r\nSec-WebSocket-Extensions: ";
    enum ws_deflate_offer r = WS_DEFLATE_NONE;
    struct http_head *h;
    struct buf all;
    size_t used;

    buf_init(&all, 0);
    buf_text(&all, start);
    buf_append(&all, value, len);
    buf_text(&all, "\r\n\r\n");
    if (all.failed || http_head_new(&h, &limits) < 0)
        abort();
    if (http_head_feed(h, all.data, all.len, &used) == HTTP_DONE)
        r = ws_deflate_offer_choose(h, policy, params, answer);
    http_head_free(&h);
    buf_fini(&all);
    return r;
}

static void try_offer(const uint8_t *data, size_t size, uint8_t flags)
{
    struct ws_deflate_policy policy = ws_deflate_policy_default;
    struct ws_deflate_params params, again;
    char answer[WS_DEFLATE_ANSWER_BYTES], second[WS_DEFLATE_ANSWER_BYTES];

    policy.server_context = flags & 4;
    policy.client_context = flags & 8;
    if (size > MAX_HEADER_BYTES ||
        choose((const char *)data, size, &policy, &params, answer) != WS_DEFLATE_AGREED)
        return;
    if (params.server_max_window_bits < 8 ||
        params.server_max_window_bits > policy.server_max_window_bits ||
        params.client_max_window_bits < 8 || params.client_max_window_bits > 15 ||
        (!policy.server_context && !params.server_no_context_takeover) ||
        (!policy.client_context && !params.client_no_context_takeover))
        abort();
    if (choose(answer, strlen(answer), &policy, &again, second) != WS_DEFLATE_AGREED ||
        strcmp(answer, second) != 0 || memcmp(&params, &again, sizeof params) != 0)
        abort();
}

/* --- receiving --- */

/* The next message of the input: a byte of length, and so many 8 bytes. */
static bool next_message(const uint8_t **data, size_t *size, const uint8_t **at, size_t *n)
{
    if (*size == 0)
        return false;
    *n = (size_t) * *data * 8;
    *at = *data + 1;
    --*size;
    if (*n > *size)
        *n = *size;
    *data = *at + *n;
    *size -= *n;
    return true;
}

/* Inflate one message in reads of `step`. */
static enum ws_result inflate_by(struct ws_deflate *d, const uint8_t *at, size_t len,
                                 size_t step, struct buf *out)
{
    enum ws_result r = WS_MORE;

    while (len > 0 && r == WS_MORE) {
        size_t n = len < step ? len : step;
        const uint8_t *in = at;
        at += n;
        len -= n;
        while ((r = ws_deflate_inflate(d, &in, &n, out, MAX_MESSAGE)) == WS_SLICE)
            if (out->len > MAX_MESSAGE)
                abort();
    }
    if (out->len > MAX_MESSAGE)
        abort();
    return r < 0 ? r : ws_deflate_end(d);
}

/* Both read the same bytes. A client that refers further back than its window reaches
 * may be found out or not, as zlib has that much still at hand or has not; what it gets
 * is its own data or an error. All else must not depend on the reads. */
static bool may_differ(const struct ws_deflate_params *params, enum ws_result a,
                       enum ws_result b)
{
    return params->client_max_window_bits < 15 &&
           (a == WS_ERR_DEFLATE || b == WS_ERR_DEFLATE);
}

static void try_receiving(const struct ws_deflate_params *params, const uint8_t *data,
                          size_t size, size_t step)
{
    struct ws_deflate *whole, *pieces;
    enum ws_result a = WS_MORE, b = WS_MORE;
    const uint8_t *at;
    size_t n;

    if (ws_deflate_new(&whole, params) < 0 || ws_deflate_new(&pieces, params) < 0)
        abort();
    while (a == WS_MORE && b == WS_MORE && next_message(&data, &size, &at, &n)) {
        struct buf one, other;
        buf_init(&one, 0);
        buf_init(&other, 0);
        a = inflate_by(whole, at, n, n + 1, &one);
        b = inflate_by(pieces, at, n, step, &other);
        if ((a != b && !may_differ(params, a, b)) ||
            (a == WS_MORE && b == WS_MORE &&
             (one.len != other.len || (one.len && memcmp(one.data, other.data, one.len)))))
            abort();
        buf_fini(&one);
        buf_fini(&other);
    }
    ws_deflate_free(&whole);
    ws_deflate_free(&pieces);
}

/* --- sending --- */

static struct chunk *pack(struct ws_deflate *d, struct ws_deflate_pool *p,
                          const uint8_t *bytes, size_t n)
{
    struct chunk *plain = ws_frame_chunk(WS_BINARY, bytes, n), *frame;

    if (!plain)
        abort();
    frame = ws_deflate_message(d, p, plain);
    chunk_unref(&plain);
    return frame;
}

/* The payload of a whole server frame. */
static const uint8_t *payload_of(const struct chunk *frame, size_t *n)
{
    size_t len = frame->bytes[1], head = len == 126 ? 4 : len == 127 ? 10 : 2;

    *n = frame->len - head;
    return frame->bytes + head;
}

/* Our frame through zlib must give the message again. */
static void check_sent(z_stream *z, bool keeps_context, const struct chunk *frame,
                       const uint8_t *bytes, size_t n)
{
    static uint8_t out[256 * 8 + 64];
    size_t len;
    const uint8_t *payload = payload_of(frame, &len);

    if (!ws_deflate_is_packed(frame)) {
        if (len != n || memcmp(payload, bytes, n) != 0)
            abort();
        return;
    }
    if (!keeps_context && inflateReset(z) != Z_OK)
        abort();
    z->next_out = out;
    z->avail_out = sizeof out;
    z->next_in = (Bytef *)payload;
    z->avail_in = (uInt)len;
    if (inflate(z, Z_SYNC_FLUSH) != Z_OK || z->avail_in != 0)
        abort();
    z->next_in = (Bytef *)tail;
    z->avail_in = sizeof tail;
    if (inflate(z, Z_SYNC_FLUSH) != Z_OK || sizeof out - z->avail_out != n ||
        memcmp(out, bytes, n) != 0)
        abort();
}

/* A message as a client makes it, read by us. */
static void check_received(struct ws_deflate *d, z_stream *z, bool keeps_context,
                           const uint8_t *bytes, size_t n, size_t step)
{
    static uint8_t packed[4096];
    struct buf out;

    if (n == 0) /* a second flush of nothing is an error of zlib's */
        return;
    if (!keeps_context && deflateReset(z) != Z_OK)
        abort();
    z->next_in = (Bytef *)bytes;
    z->avail_in = (uInt)n;
    z->next_out = packed;
    z->avail_out = sizeof packed;
    if (deflate(z, Z_SYNC_FLUSH) != Z_OK || z->avail_out == 0)
        abort();
    buf_init(&out, 0);
    if (inflate_by(d, packed, sizeof packed - z->avail_out - 4, step, &out) != WS_MORE ||
        out.len != n || memcmp(out.data, bytes, n) != 0)
        abort();
    buf_fini(&out);
}

static void try_sending(const struct ws_deflate_params *params, const uint8_t *data,
                        size_t size, size_t step)
{
    const struct ws_deflate_tuning tuning = {.level = 4, .min_bytes = 1, .max_bytes = 8192};
    struct ws_deflate_pool *pool;
    struct ws_deflate *d;
    z_stream in = {0}, out = {0};
    int client_bits = params->client_max_window_bits;
    const uint8_t *at;
    size_t n;

    /* zlib cannot compress with 8 bits; a client that cannot either asks for 9. */
    if (client_bits < 9 || ws_deflate_pool_new(&pool, &tuning) < 0)
        return;
    if (ws_deflate_new(&d, params) < 0 ||
        inflateInit2(&in, -(int)params->server_max_window_bits) != Z_OK ||
        deflateInit2(&out, 6, Z_DEFLATED, -client_bits, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        abort();
    while (next_message(&data, &size, &at, &n)) {
        struct chunk *frame = pack(d, pool, at, n);
        check_sent(&in, !params->server_no_context_takeover, frame, at, n);
        chunk_unref(&frame);
        check_received(d, &out, !params->client_no_context_takeover, at, n, step);
    }
    inflateEnd(&in);
    deflateEnd(&out);
    ws_deflate_free(&d);
    ws_deflate_pool_free(&pool);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    uint8_t flags = data[0];
    size_t step = (size_t)(data[1] >> 6) * 5 + 1;
    struct ws_deflate_params params = {
        .server_no_context_takeover = !(flags & 4),
        .client_no_context_takeover = !(flags & 8),
        .server_max_window_bits = (uint8_t)(8 + (data[1] & 7)),
        .client_max_window_bits = (uint8_t)(8 + (data[1] >> 3 & 7)),
    };
    data += 2;
    size -= 2;
    switch (flags & 3) {
    case 0: try_offer(data, size, flags); break;
    case 1: try_receiving(&params, data, size, step); break;
    default: try_sending(&params, data, size, step); break;
    }
    return 0;
}
