/* SPDX-License-Identifier: MIT */
#define ZLIB_CONST
#include "proto/ws_deflate.h"

#include <assert.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum {
    MIN_BITS = 8,
    /* zlib has no raw deflate with 8 bits. With 9 its references reach back 512 -
     * 262 = 250 bytes, which a window of 256 covers. */
    ZLIB_MIN_BITS = 9,
    MAX_BITS = 15,
    POOL_MEM_LEVEL = 8,
    OWN_MEM_LEVEL_MIN = 4,
    OP_BITS = 0x0f, /* of a frame's first byte */
    CONTROL = 0x08,
    TAIL_BYTES = 4, /* 00 00 ff ff, the end of an empty stored block (7.2.1) */
    SCRATCH_KEPT = 64 << 10,
    FIRST_STEP = 512,
    MAX_STEP = 32 << 10,
    /* z_stream.data_type when inflate() stands between two blocks, none of them
     * the last, and on a byte boundary. */
    BETWEEN_BLOCKS = 128,
};

const struct ws_deflate_tuning ws_deflate_tuning_default = {
    .level = 4,
    .min_bytes = 128,
    .max_bytes = 1 << 20,
};

struct ws_deflate_pool {
    z_stream *by_bits[MAX_BITS + 1]; /* NULL until first used */
    struct buf scratch;              /* compressed data on their way to a chunk */
    struct ws_deflate_tuning tuning;
    size_t held;
};

struct ws_deflate {
    struct ws_deflate_params params;
    bool is_between; /* nothing of a block is pending in `in` */
    bool is_stale;   /* `out` has a context that the peer has not */
    bool is_used;    /* `out` has worked since ws_deflate_idle() */
    size_t held;
    z_stream *in, *out; /* NULL while not needed */
};

/* zlib's memory, counted in the size_t that `counter` points to. */
static voidpf count_alloc(voidpf counter, uInt items, uInt size)
{
    void *p = malloc((size_t)items * size);

    *(size_t *)counter += p ? malloc_usable_size(p) : 0;
    return p;
}

static void count_free(voidpf counter, voidpf p)
{
    *(size_t *)counter -= malloc_usable_size(p);
    free(p);
}

static z_stream *stream_new(size_t *held)
{
    z_stream *z = calloc(1, sizeof *z);

    if (!z)
        return NULL;
    z->zalloc = count_alloc;
    z->zfree = count_free;
    z->opaque = held;
    *held += malloc_usable_size(z);
    return z;
}

static void stream_free(z_stream **z, size_t *held)
{
    if (*z)
        *held -= malloc_usable_size(*z);
    free(*z);
    *z = NULL;
}

static z_stream *deflate_open(int level, unsigned bits, unsigned mem_level, size_t *held)
{
    z_stream *z = stream_new(held);

    if (z && deflateInit2(z, level, Z_DEFLATED, -(int)bits, (int)mem_level,
                          Z_DEFAULT_STRATEGY) != Z_OK)
        stream_free(&z, held);
    return z;
}

static void deflate_close(z_stream **z, size_t *held)
{
    if (*z)
        deflateEnd(*z);
    stream_free(z, held);
}

static unsigned zlib_bits(uint8_t bits)
{
    return bits < ZLIB_MIN_BITS ? ZLIB_MIN_BITS : bits;
}

int ws_deflate_pool_new(struct ws_deflate_pool **out, const struct ws_deflate_tuning *t)
{
    struct ws_deflate_pool *p = calloc(1, sizeof *p);

    assert(t->level >= 1 && t->level <= 9);
    *out = p;
    if (!p)
        return -ENOMEM;
    buf_init(&p->scratch, 0);
    p->tuning = *t;
    return 0;
}

void ws_deflate_pool_free(struct ws_deflate_pool **p)
{
    if (!*p)
        return;
    for (unsigned bits = 0; bits <= MAX_BITS; bits++)
        deflate_close(&(*p)->by_bits[bits], &(*p)->held);
    buf_fini(&(*p)->scratch);
    free(*p);
    *p = NULL;
}

size_t ws_deflate_pool_held_bytes(const struct ws_deflate_pool *p)
{
    return p->held + p->scratch.cap;
}

bool ws_deflate_is_packed(const struct chunk *frame)
{
    return frame->bytes[0] & WS_RSV1;
}

/* The length of a server frame's head (ws_frame_head). */
static size_t head_bytes(const struct chunk *frame)
{
    return frame->bytes[1] < 126 ? 2 : frame->bytes[1] == 126 ? 4 : 10;
}

bool ws_deflate_pool_wants(const struct ws_deflate_pool *p, const struct chunk *plain)
{
    size_t len = plain->len - head_bytes(plain);

    return !(plain->bytes[0] & CONTROL) && len >= p->tuning.min_bytes &&
           len <= p->tuning.max_bytes && len > 0;
}

/* The message as a compressed frame, or NULL: it would not be shorter, or memory is
 * out. After NULL the stream's context is not the peer's. */
static struct chunk *pack(z_stream *z, struct buf *scratch, const struct chunk *plain)
{
    enum ws_op op = (enum ws_op)(plain->bytes[0] & OP_BITS);
    const uint8_t *payload = plain->bytes + head_bytes(plain);
    size_t len = plain->len - head_bytes(plain);
    uint8_t head[WS_HEAD_MAX];
    struct chunk *c = NULL;
    size_t room = len + TAIL_BYTES;
    uint8_t *to = buf_reserve(scratch, room);

    if (to) {
        z->next_in = payload;
        z->avail_in = (uInt)len;
        z->next_out = to;
        z->avail_out = (uInt)room;
        int r = deflate(z, Z_SYNC_FLUSH);
        assert(r == Z_OK);
    }
    /* Room left means that the flush is complete, its tail included, and that
     * what is before the tail is shorter than the message. */
    if (to && z->avail_out > 0) {
        size_t packed = room - z->avail_out - TAIL_BYTES;
        size_t n_head = ws_frame_head(head, op, packed);
        head[0] |= WS_RSV1;
        c = chunk_new(n_head + packed);
        if (c) {
            memcpy(c->bytes, head, n_head);
            memcpy(c->bytes + n_head, to, packed);
        }
    }
    if (scratch->cap > SCRATCH_KEPT)
        buf_fini(scratch);
    buf_clear(scratch);
    return c;
}

struct chunk *ws_deflate_pool_chunk(struct ws_deflate_pool *p, uint8_t bits,
                                    struct chunk *plain)
{
    struct chunk *c = NULL;

    assert(bits >= MIN_BITS && bits <= MAX_BITS);
    z_stream **z = &p->by_bits[zlib_bits(bits)];
    if (ws_deflate_pool_wants(p, plain)) {
        if (*z)
            deflateReset(*z);
        else
            *z = deflate_open(p->tuning.level, zlib_bits(bits), POOL_MEM_LEVEL, &p->held);
        if (*z)
            c = pack(*z, &p->scratch, plain);
    }
    return c ? c : chunk_ref(plain);
}

int ws_deflate_new(struct ws_deflate **out, const struct ws_deflate_params *params)
{
    struct ws_deflate *d = calloc(1, sizeof *d);

    assert(params->server_max_window_bits >= MIN_BITS &&
           params->server_max_window_bits <= MAX_BITS);
    assert(params->client_max_window_bits >= MIN_BITS &&
           params->client_max_window_bits <= MAX_BITS);
    *out = d;
    if (!d)
        return -ENOMEM;
    d->params = *params;
    d->is_between = true;
    return 0;
}

static void inflate_close(struct ws_deflate *d)
{
    if (d->in)
        inflateEnd(d->in);
    stream_free(&d->in, &d->held);
}

void ws_deflate_free(struct ws_deflate **d)
{
    if (!*d)
        return;
    inflate_close(*d);
    deflate_close(&(*d)->out, &(*d)->held);
    assert((*d)->held == 0);
    free(*d);
    *d = NULL;
}

const struct ws_deflate_params *ws_deflate_params(const struct ws_deflate *d)
{
    return &d->params;
}

size_t ws_deflate_held_bytes(const struct ws_deflate *d)
{
    return d->held;
}

/* Our own compressor, ready for the next message; NULL when memory is out. */
static z_stream *own_stream(struct ws_deflate *d, int level)
{
    unsigned bits = zlib_bits(d->params.server_max_window_bits);
    unsigned mem_level = bits - 7;

    if (!d->out)
        d->out = deflate_open(level, bits,
                              mem_level < OWN_MEM_LEVEL_MIN ? OWN_MEM_LEVEL_MIN : mem_level,
                              &d->held);
    else if (d->is_stale)
        deflateReset(d->out);
    d->is_stale = false;
    d->is_used = true;
    return d->out;
}

struct chunk *ws_deflate_message(struct ws_deflate *d, struct ws_deflate_pool *p,
                                 struct chunk *plain)
{
    struct chunk *c = NULL;

    if (d->params.server_no_context_takeover)
        return ws_deflate_pool_chunk(p, d->params.server_max_window_bits, plain);
    if (ws_deflate_pool_wants(p, plain) && own_stream(d, p->tuning.level)) {
        c = pack(d->out, &p->scratch, plain);
        /* The peer will not see these bytes in its window. */
        d->is_stale = !c;
    }
    return c ? c : chunk_ref(plain);
}

void ws_deflate_forget(struct ws_deflate *d)
{
    d->is_stale = true;
}

void ws_deflate_idle(struct ws_deflate *d)
{
    if (!d->is_used)
        deflate_close(&d->out, &d->held);
    d->is_used = false;
}

static z_stream *inflate_open(struct ws_deflate *d)
{
    z_stream *z = stream_new(&d->held);

    if (z && inflateInit2(z, -(int)zlib_bits(d->params.client_max_window_bits)) != Z_OK)
        stream_free(&z, &d->held);
    return z;
}

/* inflate() from *in to `to`; *written tells how much came out. WS_MORE, or an error. */
static enum ws_result run(struct ws_deflate *d, const uint8_t **in, size_t *n, uint8_t *to,
                          size_t room, size_t *written)
{
    z_stream *z = d->in;
    size_t given = *n < UINT32_MAX ? *n : UINT32_MAX;

    z->next_in = *in;
    z->avail_in = (uInt)given;
    z->next_out = to;
    z->avail_out = (uInt)room;
    int r = inflate(z, Z_SYNC_FLUSH);
    *written = room - z->avail_out;
    *in += given - z->avail_in;
    *n -= given - z->avail_in;
    switch (r) {
    case Z_STREAM_END:
        /* A block marked as the last one; others may follow (7.2.3.4), and may
         * refer to what was before it: this reset keeps the window. */
        inflateResetKeep(z);
        d->is_between = true;
        return WS_MORE;
    case Z_OK:
    case Z_BUF_ERROR: /* no progress without more input or room */
        d->is_between = z->data_type == BETWEEN_BLOCKS;
        return WS_MORE;
    case Z_MEM_ERROR: return WS_ERR_MEMORY;
    default: return WS_ERR_DEFLATE;
    }
}

enum ws_result ws_deflate_inflate(struct ws_deflate *d, const uint8_t **in, size_t *n,
                                  struct buf *out, uint64_t max)
{
    uint8_t spare, *to = &spare;
    size_t room = sizeof spare, written;
    uint64_t left = max > out->len ? max - out->len : 0;

    if (*n == 0 && d->is_between)
        return WS_MORE;
    if (!d->in && !(d->in = inflate_open(d)))
        return WS_ERR_MEMORY;

    /* The buffer grows by what comes out, never by what is announced. When it is
     * full, the spare byte shows whether there is more. */
    if (left) {
        if (out->len == out->cap &&
            !buf_reserve(out, left < FIRST_STEP ? left : FIRST_STEP))
            return WS_ERR_MEMORY;
        to = out->data + out->len;
        room = out->cap - out->len;
        if (room > left)
            room = (size_t)left;
        if (room > MAX_STEP)
            room = MAX_STEP;
    }
    enum ws_result r = run(d, in, n, to, room, &written);
    if (left)
        buf_added(out, written);
    else if (written)
        return WS_ERR_TOO_BIG;
    if (r < 0)
        return r;
    return *n || written == room ? WS_SLICE : WS_MORE;
}

enum ws_result ws_deflate_end(struct ws_deflate *d)
{
    static const uint8_t tail[TAIL_BYTES] = {0x00, 0x00, 0xff, 0xff};
    const uint8_t *in = tail;
    size_t n = sizeof tail, written;
    uint8_t spare;

    /* The tail that the sender took off ends an empty stored block. Where a
     * message ends between two blocks by itself - it is empty, or its last block
     * was marked as such - the tail would only begin a block that never ends. Where
     * the tail yields data instead, or a block stays open, the data were cut off;
     * found here, it cannot leak into the next message. (Data that fit the spare
     * byte leave a block open: a literal and an end of block are 30 bits at most.) */
    if (!d->is_between) {
        enum ws_result r = run(d, &in, &n, &spare, sizeof spare, &written);
        if (r < 0)
            return r;
        if (n || !d->is_between)
            return WS_ERR_DEFLATE;
    }
    if (d->params.client_no_context_takeover)
        inflate_close(d);
    return WS_MORE;
}
