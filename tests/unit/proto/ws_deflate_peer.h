/* SPDX-License-Identifier: MIT */
/*
 * ws_deflate_peer - the other side of permessage-deflate, on plain zlib; for the
 * tests of ws_deflate and of compressed messages in ws_session.
 */
#pragma once

#include "unit.h"
#include <zlib.h>

#include "base/rnd.h"
#include "proto/ws_session.h"

enum { FIN = 0x80, RSV1 = WS_RSV1, MIB = 1 << 20, MIN_BYTES = 128 };

static const uint8_t tail[4] = {0x00, 0x00, 0xff, 0xff};

/* A masked client frame; `first` is its first byte. */
static inline void put_frame(struct buf *out, unsigned first, const void *payload,
                             size_t len)
{
    static const uint8_t mask[4] = {0x5a, 0x13, 0xe7, 0x88};
    uint8_t head[WS_HEAD_MAX];
    size_t n = ws_frame_head(head, WS_BINARY, len);
    const uint8_t *p = payload;

    head[0] = (uint8_t)first;
    head[1] |= 0x80;
    buf_append(out, head, n);
    buf_append(out, mask, 4);
    for (size_t i = 0; i < len; i++)
        buf_byte(out, p[i] ^ mask[i & 3]);
}

static inline void open_session(struct ws_session *s, uint64_t max_message,
                                const struct ws_deflate_params *params)
{
    struct ws_deflate *d;

    ws_session_init(s, max_message);
    if (!params)
        return;
    CHECK_EQ(ws_deflate_new(&d, params), 0);
    ws_session_set_deflate(s, &d);
    CHECK(d == NULL && s->deflate != NULL);
}

static inline struct ws_deflate_pool *open_pool(uint32_t min_bytes)
{
    struct ws_deflate_tuning tuning = ws_deflate_tuning_default;
    struct ws_deflate_pool *pool;

    tuning.min_bytes = min_bytes;
    CHECK_EQ(ws_deflate_pool_new(&pool, &tuning), 0);
    return pool;
}

/* A message as a frame for one connection (d), or for all with windows of 2^bits. */
static inline struct chunk *pack_for(struct ws_deflate *d, struct ws_deflate_pool *p,
                                     uint8_t bits, enum ws_op op, const void *bytes,
                                     size_t len)
{
    struct chunk *plain = ws_frame_chunk(op, bytes, len);
    struct chunk *packed =
        d ? ws_deflate_message(d, p, plain) : ws_deflate_pool_chunk(p, bits, plain);

    chunk_unref(&plain);
    return packed;
}

struct peer {
    z_stream out, in;
    bool out_context, in_context;
    struct buf packed, text;
};

static inline void peer_open(struct peer *p, const struct ws_deflate_params *params,
                             int level)
{
    int out_bits = params->client_max_window_bits;

    *p = (struct peer){.out_context = !params->client_no_context_takeover,
                       .in_context = !params->server_no_context_takeover};
    buf_init(&p->packed, 0);
    buf_init(&p->text, 0);
    CHECK_EQ(deflateInit2(&p->out, level, Z_DEFLATED, -(out_bits < 9 ? 9 : out_bits), 8,
                          Z_DEFAULT_STRATEGY),
             Z_OK);
    CHECK_EQ(inflateInit2(&p->in, -params->server_max_window_bits), Z_OK);
}

static inline void peer_close(struct peer *p)
{
    deflateEnd(&p->out);
    inflateEnd(&p->in);
    buf_fini(&p->packed);
    buf_fini(&p->text);
}

/* Into p->packed. Z_SYNC_FLUSH: as RFC 7692 7.2.1 has it; Z_FINISH: to the end of
 * the stream, with the empty block behind it (7.2.3.4). */
static inline void peer_pack(struct peer *p, const void *bytes, size_t len, int flush)
{
    size_t room = len + len / 4 + 100;

    buf_clear(&p->packed);
    p->out.next_out = buf_reserve(&p->packed, room);
    p->out.avail_out = (uInt)room;
    p->out.next_in = (Bytef *)(uintptr_t)bytes;
    p->out.avail_in = (uInt)len;
    CHECK_EQ(deflate(&p->out, flush), flush == Z_FINISH ? Z_STREAM_END : Z_OK);
    buf_added(&p->packed, room - p->out.avail_out);
    if (flush == Z_FINISH)
        buf_byte(&p->packed, 0);
    else
        buf_truncate(&p->packed, p->packed.len - 4);
    if (flush == Z_FINISH || !p->out_context)
        CHECK_EQ(deflateReset(&p->out), Z_OK);
}

/* Read a server frame into p->text; true when it was compressed. Output is taken
 * in steps of 61 bytes, so that references past the agreed window are noticed. */
static inline bool peer_read(struct peer *p, struct chunk *frame)
{
    size_t at = frame->bytes[1] < 126 ? 2 : frame->bytes[1] == 126 ? 4 : 10;
    bool is_packed = ws_deflate_is_packed(frame);

    buf_clear(&p->text);
    if (!is_packed) {
        buf_append(&p->text, frame->bytes + at, frame->len - at);
        chunk_unref(&frame);
        return false;
    }
    buf_clear(&p->packed);
    buf_append(&p->packed, frame->bytes + at, frame->len - at);
    buf_append(&p->packed, tail, 4);
    p->in.next_in = p->packed.data;
    p->in.avail_in = (uInt)p->packed.len;
    do {
        p->in.next_out = buf_reserve(&p->text, 61);
        p->in.avail_out = 61;
        int r = inflate(&p->in, Z_SYNC_FLUSH);
        CHECK(r == Z_OK || r == Z_BUF_ERROR);
        buf_added(&p->text, 61 - p->in.avail_out);
    } while (p->in.avail_out == 0);
    CHECK_EQ(p->in.avail_in, 0);
    CHECK_EQ(p->in.data_type & 0xff, 128);
    if (!p->in_context)
        inflateReset(&p->in);
    chunk_unref(&frame);
    return true;
}

/* Words of a small vocabulary, which compress, or random bytes, which do not. */
static inline void fill(struct buf *b, struct rnd *r, size_t len, bool is_random)
{
    buf_clear(b);
    while (b->len < len) {
        uint64_t word = is_random ? rnd_next(r) : rnd_next(r) % 700 + 4000000;
        if (is_random)
            buf_append(b, &word, sizeof word);
        else
            buf_format(b, "\"x\":%llu,", (unsigned long long)word);
    }
    buf_truncate(b, len);
}

/* Send a message from the peer through a session, and have it back as it was. */
static inline void check_received(struct ws_session *s, unsigned first,
                                  const struct buf *packed, const struct buf *message)
{
    struct buf b;

    buf_init(&b, 0);
    put_frame(&b, first, packed->data, packed->len);
    uint8_t *in = b.data;
    size_t n = b.len;
    struct ws_in got = ws_session_next(s, &in, &n);
    CHECK_EQ(got.event, WS_EVENT_MESSAGE);
    CHECK_EQ(got.len, message->len);
    if (got.len)
        CHECK_MEM(got.data, message->data, got.len);
    CHECK_EQ(ws_session_next(s, &in, &n).event, WS_EVENT_NONE);
    buf_fini(&b);
}

static inline void check_text(const struct peer *p, const struct buf *message)
{
    CHECK_EQ(p->text.len, message->len);
    if (message->len)
        CHECK_MEM(p->text.data, message->data, message->len);
}
