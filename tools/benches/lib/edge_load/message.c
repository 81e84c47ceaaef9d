/* SPDX-License-Identifier: MIT */
#include "message.h"

#include "load.h"
#include <string.h>
#include <zlib.h>

static uint64_t *sent_ns;        /* [connection][message % inflight] */
static uint8_t *output;          /* inflight frames */
static uint8_t *sent, *expected; /* one frame each: masked as a client's, and bare */
static size_t n_sent_frame, n_expected, n_sent_head, n_expected_head;
static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};
static z_stream inflater;

static size_t put_head(uint8_t *out, uint8_t masked)
{
    out[0] = 0x82;
    if (load.n_bytes <= 125) {
        out[1] = (uint8_t)(masked | load.n_bytes);
        return 2;
    }
    if (load.n_bytes <= 0xffff) {
        out[1] = masked | 126;
        out[2] = (uint8_t)(load.n_bytes >> 8);
        out[3] = (uint8_t)load.n_bytes;
        return 4;
    }
    memset(out + 1, 0, 9);
    out[1] = masked | 127;
    out[7] = (uint8_t)(load.n_bytes >> 16);
    out[8] = (uint8_t)(load.n_bytes >> 8);
    out[9] = (uint8_t)load.n_bytes;
    return 10;
}

void message_init(void)
{
    sent = calloc(1, load.n_bytes + 14);
    expected = calloc(1, load.n_bytes + 14);
    output = malloc((load.n_bytes + 14) * load.inflight);
    sent_ns = calloc((size_t)load.n_conns * load.inflight, sizeof *sent_ns);
    if (!sent || !expected || !output || !sent_ns)
        load_die("out of memory");
    if (load.is_deflate && (load.n_bytes > 0xff00 || inflateInit2(&inflater, -15) != Z_OK))
        load_die("--deflate: messages of at most 65280 bytes");
    n_expected_head = put_head(expected, 0);
    n_sent_head = put_head(sent, 0x80);
    memcpy(sent + n_sent_head, mask, sizeof mask);
    n_sent_head += sizeof mask;
    n_sent_frame = n_sent_head + load.n_bytes;
    n_expected = n_expected_head + load.n_bytes;
    for (size_t i = 0; i < load.n_bytes; i++) {
        uint8_t byte = (uint8_t)(i * 31 + 7);
        if (i < 4)
            byte = load.mode == LOAD_FANOUT ? 'B' : 'E';
        expected[n_expected_head + i] = byte;
        sent[n_sent_head + i] = byte ^ mask[i & 3];
    }
}

/* Connection and number of a message, at bytes 4 to 11 of it. */
static void set_ids(uint8_t *payload, uint32_t conn, uint32_t number, uint32_t key)
{
    uint32_t ids[2] = {conn ^ key, number ^ key};

    memcpy(payload + 4, ids, sizeof ids);
}

void message_send(struct conn *c, uint32_t n, uint64_t now)
{
    uint32_t index = (uint32_t)(c - conns), key;
    uint8_t *at = output;

    memcpy(&key, mask, sizeof key);
    for (uint32_t i = 0; i < n; i++, at += n_sent_frame) {
        memcpy(at, sent, n_sent_frame);
        set_ids(at + n_sent_head, index, c->n_sent, key);
        sent_ns[(size_t)index * load.inflight + c->n_sent++ % load.inflight] = now;
    }
    conn_write(c, output, (size_t)(at - output));
}

uint64_t message_sent_ns(const struct conn *c, uint32_t number)
{
    return sent_ns[(size_t)(c - conns) * load.inflight + number % load.inflight];
}

/* A whole frame, compressed or not; returns its message, which must have n_bytes. */
static const uint8_t *message_of(uint8_t *frame, size_t n_head, size_t len)
{
    static uint8_t plain[LOAD_MAX_BYTES];

    if (!(frame[0] & 0x40)) {
        if (len != load.n_bytes)
            load_die("a message of another length came back");
        return frame + n_head;
    }
    memcpy(frame + n_head + len, "\0\0\xff\xff", 4);
    inflater.next_in = frame + n_head;
    inflater.avail_in = (uInt)len + 4;
    inflater.next_out = plain;
    inflater.avail_out = (uInt)load.n_bytes;
    if (inflateReset(&inflater) != Z_OK || inflate(&inflater, Z_SYNC_FLUSH) != Z_OK ||
        inflater.avail_out > 0)
        load_die("a message came back that cannot be uncompressed");
    return plain;
}

/* As message_check(), where frames may be compressed and so of any length: byte by byte
 * into the connection's own buffer. */
static uint32_t check_packed(struct conn *c, const uint8_t *data, size_t n)
{
    uint32_t index = load.mode == LOAD_FANOUT ? 0 : (uint32_t)(c - conns),
             before = c->n_got;

    if (!c->frame && !(c->frame = malloc(load.n_bytes + 32)))
        load_die("out of memory");
    while (n > 0) {
        size_t n_head = c->at >= 2 && c->frame[1] == 126 ? 4 : 2;
        size_t len = c->at < n_head ? 0
                     : n_head == 4  ? (size_t)c->frame[2] << 8 | c->frame[3]
                                    : c->frame[1];
        size_t want = c->at < n_head ? n_head : n_head + len;
        if (c->at >= 2 && (c->frame[1] > 126 || want > load.n_bytes + 16))
            load_die("a frame is too long");
        size_t take = want - c->at < n ? want - c->at : n;
        memcpy(c->frame + c->at, data, take);
        c->at += take;
        data += take;
        n -= take;
        if (c->at < want || c->at <= 2 || (c->frame[1] == 126 && c->at <= 4))
            continue;
        set_ids(expected + n_expected_head, index, c->n_got, 0);
        if (memcmp(message_of(c->frame, n_head, len), expected + n_expected_head,
                   load.n_bytes))
            load_die("a message came back different");
        c->at = 0;
        c->n_got++;
    }
    return c->n_got - before;
}

uint32_t message_check(struct conn *c, const uint8_t *data, size_t n)
{
    if (load.is_deflate)
        return check_packed(c, data, n);
    uint32_t index = load.mode == LOAD_FANOUT ? 0 : (uint32_t)(c - conns),
             before = c->n_got;

    while (n > 0) {
        size_t len = n_expected - c->at < n ? n_expected - c->at : n;
        set_ids(expected + n_expected_head, index, c->n_got, 0);
        if (memcmp(expected + c->at, data, len) != 0)
            load_die("a message came back different, or in a frame of another form");
        c->at += len;
        data += len;
        n -= len;
        if (c->at == n_expected) {
            c->at = 0;
            c->n_got++;
        }
    }
    return c->n_got - before;
}
