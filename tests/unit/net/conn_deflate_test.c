/* SPDX-License-Identifier: MIT */
/*
 * Compressed messages of whole connections. What is right deflate is tried in
 * unit/proto; here it is what a connection does with it.
 */
#include <zlib.h>

#include "net/conn_impl.h"
#include "net/rig.h"

static const struct ws_deflate_params none = {true, true, 12, 15};
static const struct ws_deflate_params context = {false, false, 15, 15};

#define ACCEPTED                                                                           \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"    \
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"                               \
    "Sec-WebSocket-Extensions: permessage-deflate; x\r\n\r\n"

static int join(struct rig *r, const struct ws_deflate_params *params)
{
    int fd = rig_connect(r);

    r->deflate = params;
    rig_say(r, fd, RIG_UPGRADE);
    rig_expect(r, fd, params ? ACCEPTED : RIG_ACCEPTED);
    return fd;
}

/* A message of `len` bytes compressed by a client without context, as a frame. */
static void send_packed(struct rig *r, int fd, const void *bytes, size_t len)
{
    size_t room = len + 100;
    uint8_t *out = malloc(room);
    z_stream z = {0};

    CHECK_EQ(deflateInit2(&z, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)(uintptr_t)bytes;
    z.avail_in = (uInt)len;
    z.next_out = out;
    z.avail_out = (uInt)room;
    CHECK_EQ(deflate(&z, Z_SYNC_FLUSH), Z_OK);
    rig_send_frame(r, fd, 0xc1, out, room - z.avail_out - 4);
    deflateEnd(&z);
    free(out);
}

/* The next frame from the server but for (empty) pings, of at most 64 KiB: its first byte,
 * its payload uncompressed by `z` (kept between messages by the caller; NULL: a fresh one).
 */
static uint8_t read_message(struct rig *r, int fd, z_stream *z, uint8_t *out, size_t max,
                            size_t *len, size_t *packed)
{
    uint8_t head[4], *payload = malloc(65536 + 4);
    z_stream fresh = {0};

    do
        CHECK_EQ(rig_read(r, fd, head, 2), 2);
    while (head[0] == 0x89);
    size_t n = head[1];
    if (n == 126) {
        CHECK_EQ(rig_read(r, fd, head + 2, 2), 2);
        n = (size_t)head[2] << 8 | head[3];
    }
    CHECK(n < 65536);
    CHECK_EQ(rig_read(r, fd, payload, n), n);
    *packed = n;
    if (head[0] & 0x40) {
        memcpy(payload + n, "\0\0\xff\xff", 4);
        CHECK_EQ(inflateInit2(&fresh, -15), Z_OK);
        z = z ? z : &fresh;
        z->next_in = payload;
        z->avail_in = (uInt)n + 4;
        z->next_out = out;
        z->avail_out = (uInt)max;
        CHECK_EQ(inflate(z, Z_SYNC_FLUSH), Z_OK);
        *len = max - z->avail_out;
        inflateEnd(&fresh);
    } else {
        CHECK(n <= max);
        memcpy(out, payload, n);
        *len = n;
    }
    free(payload);
    return head[0];
}

/* The next message is this one; returns its first byte, *packed its bytes. */
static uint8_t expect_message(struct rig *r, int fd, z_stream *z, const void *bytes,
                              size_t len, size_t *packed)
{
    uint8_t *got = malloc(len + 1);
    size_t n;
    uint8_t first = read_message(r, fd, z, got, len + 1, &n, packed);

    CHECK_EQ(n, len);
    CHECK_MEM(got, bytes, len);
    free(got);
    return first;
}

static void fill(char *text, size_t n, unsigned seed)
{
    for (size_t i = 0; i < n; i++)
        text[i] = "abcdefgh"[(seed = seed * 1103515245 + 12345) >> 16 & 7];
}

TEST(deflate_echo,
     "messages come back compressed from min_bytes to max_bytes, others plain")
{
    struct edge_limits limits = edge_limits_default;
    struct rig r;
    char text[20000];
    size_t packed;

    limits.deflate.max_bytes = 10000;
    fill(text, sizeof text, 1);
    rig_init(&r, &limits);
    int fd = join(&r, &none);
    for (size_t len = 126; len <= sizeof text; len = len < 130 ? len + 1 : len * 3 / 2) {
        bool is_worth_it = len >= 128 && len <= 10000;
        send_packed(&r, fd, text, len);
        CHECK_EQ(expect_message(&r, fd, NULL, text, len, &packed),
                 is_worth_it ? 0xc1 : 0x81);
        CHECK(packed < len || !is_worth_it);
    }
    /* A client may send plain messages at any time, and pings are never compressed. */
    uint64_t inflated = edge_counters(r.edge)->inflate_plain;
    rig_send_frame(&r, fd, 0x81, text, 300);
    CHECK_EQ(expect_message(&r, fd, NULL, text, 300, &packed), 0xc1);
    CHECK_EQ(edge_counters(r.edge)->inflate_plain, inflated);
    rig_send_frame(&r, fd, 0x89, text, 125);
    rig_expect_frame(&r, fd, 0x8a, text, 125);
    close(fd);
    rig_fini(&r);
}

TEST(deflate_not_agreed, "who has not agreed gets plain messages, and 1002 for RSV1")
{
    struct rig r;
    char text[1000];
    size_t packed;

    fill(text, sizeof text, 1);
    rig_init(&r, NULL);
    int fd = join(&r, NULL);
    rig_send_frame(&r, fd, 0x81, text, sizeof text);
    CHECK_EQ(expect_message(&r, fd, NULL, text, sizeof text, &packed), 0x81);
    rig_send_frame(&r, fd, 0xc1, text, sizeof text);
    rig_expect_close(&r, fd, 1002);
    close(fd);
    rig_fini(&r);
}

TEST(deflate_once, "a frame for many is compressed once for each window, and shared")
{
    static const struct ws_deflate_params narrow = {true, true, 9, 15};
    enum { N = 10 };
    struct rig r;
    struct conn *conns[N];
    char text[2000];
    size_t packed[N], plain;
    int fds[N];

    fill(text, sizeof text, 1);
    rig_init(&r, NULL);
    for (int i = 0; i < N; i++) {
        fds[i] = join(&r, i < 2 ? NULL : i < 5 ? &narrow : i < 8 ? &none : &context);
        conns[i] = r.ws;
    }
    for (int turn = 1; turn <= 2; turn++) {
        struct chunk *frame = chunk_share(ws_frame_chunk(WS_TEXT, text, sizeof text));
        for (int i = 0; i < N; i++)
            conn_send(conns[i], frame);
        /* The queues hold what is really sent, and limits count that. */
        CHECK_EQ(conn_queued(conns[0]), frame->len);
        CHECK(conn_queued(conns[2]) < frame->len / 2);
        /* Each queue points to the twin of its window. */
        const struct twin *made = r.edge->twins.shared;
        CHECK_EQ(made[0].bits, 9);
        CHECK_EQ(atomic_load(&made[0].packed->refs), 1 + 3);
        CHECK_EQ(atomic_load(&made[1].packed->refs), 1 + 3);
        CHECK_EQ(made[2].bits, 15);
        CHECK_EQ(atomic_load(&made[2].packed->refs), 1 + 2);
        chunk_unref(&frame);
        for (int i = 0; i < N; i++)
            CHECK_EQ(expect_message(&r, fds[i], NULL, text, sizeof text, &packed[i]),
                     i < 2 ? 0x81 : 0xc1);
        CHECK_EQ(packed[0], sizeof text);
        /* 9 bits, 12, and 15 where a connection has context of its own */
        CHECK_EQ(edge_counters(r.edge)->deflated, 3 * turn);
        RIG_WAIT(&r, !r.edge->twins.is_used); /* the turn is over, nothing is held */
    }
    plain = sizeof text + 4;
    CHECK_EQ(edge_counters(r.edge)->deflate_plain, 2 * 8 * plain);
    CHECK(edge_counters(r.edge)->deflate_sent < 8 * plain);
    CHECK(edge_deflate_bytes(r.edge) > 300000);
    for (int i = 0; i < N; i++)
        close(fds[i]);
    rig_fini(&r);
}

TEST(deflate_context,
     "a compressor of its own knows earlier messages; another's make it forget")
{
    struct rig r;
    char text[3000], other[3000];
    size_t first, again;
    z_stream z = {0};

    fill(text, sizeof text, 1);
    fill(other, sizeof other, 2);
    CHECK_EQ(inflateInit2(&z, -15), Z_OK);
    rig_init(&r, NULL);
    int fd = join(&r, &context);
    struct conn *c = r.ws;
    struct chunk *own = ws_frame_chunk(WS_TEXT, text, sizeof text);
    struct chunk *shared = chunk_share(ws_frame_chunk(WS_TEXT, other, sizeof other));
    for (int i = 0; i < 6; i++) {
        if (i % 3 == 2) {
            conn_send(c, shared);
            expect_message(&r, fd, &z, other, sizeof other, &first);
        }
        conn_send(c, own);
        CHECK_EQ(expect_message(&r, fd, &z, text, sizeof text, &again), 0xc1);
        if (i == 0)
            first = again;
        CHECK(i % 3 == 1 ? again < 100 : again > 800 || i == 3);
    }
    /* What is shared but goes plain leaves the context as it was. */
    uint8_t every[256]; /* no byte twice, so there is nothing to be gained */
    for (int i = 0; i < 256; i++)
        every[i] = (uint8_t)i;
    struct chunk *noise = chunk_share(ws_frame_chunk(WS_BINARY, every, sizeof every));
    conn_send(c, noise);
    CHECK_EQ(expect_message(&r, fd, &z, every, sizeof every, &first), 0x82);
    conn_send(c, own);
    conn_send(c, own);
    CHECK_EQ(expect_message(&r, fd, &z, text, sizeof text, &first), 0xc1);
    CHECK_EQ(expect_message(&r, fd, &z, text, sizeof text, &again), 0xc1);
    CHECK(first < 100 && again < 100);
    chunk_unref(&noise);
    chunk_unref(&own);
    chunk_unref(&shared);
    inflateEnd(&z);
    close(fd);
    rig_fini(&r);
}

TEST(deflate_idle, "a compressor that was not needed between two visits is given back")
{
    struct rig r;
    char text[500];
    size_t packed;

    fill(text, sizeof text, 1);
    rig_stop_clock();
    rig_init(&r, NULL);
    int fd = join(&r, &context);
    struct conn *c = r.ws;
    struct chunk *frame = ws_frame_chunk(WS_TEXT, text, sizeof text);
    conn_send(c, frame);
    expect_message(&r, fd, NULL, text, sizeof text, &packed);
    CHECK(ws_deflate_held_bytes(c->ws.deflate) > 200000);
    for (int s = 0; s < 130 && ws_deflate_held_bytes(c->ws.deflate) > 0; s++) {
        rig_send_frame(&r, fd, 0x8a, "", 0); /* heard of, so never cut off */
        rig_later(&r, 1000);
    }
    CHECK_EQ(ws_deflate_held_bytes(c->ws.deflate), 0);
    conn_send(c, frame);
    expect_message(&r, fd, NULL, text, sizeof text, &packed);
    chunk_unref(&frame);
    close(fd);
    rig_fini(&r);
}

TEST(deflate_bomb,
     "a small message that would become large ends with 1009, and is not held")
{
    size_t len = 64 << 20;
    char *zeros = calloc(1, len);
    struct rig r;

    rig_init(&r, NULL);
    r.max_message = 1 << 20;
    int fd = join(&r, &none);
    send_packed(&r, fd, zeros, r.max_message); /* what just fits is fine */
    RIG_WAIT(&r, r.n_messages == 1);
    CHECK_EQ(edge_counters(r.edge)->inflate_plain, r.max_message);
    CHECK(edge_counters(r.edge)->inflate_received < 2000);
    struct ws_session *s = &r.ws->ws;
    CHECK(s->message.cap <= 2 * r.max_message);
    close(fd);
    RIG_WAIT(&r, r.n_closed == 1);

    r.mode = RIG_SINK;
    fd = join(&r, &none);
    send_packed(&r, fd, zeros, len);
    rig_expect_close(&r, fd, 1009);
    close(fd);
    rig_fini(&r);
    CHECK_EQ(r.n_messages, 1);
    free(zeros);
}

TEST(deflate_rate, "for the limit on bytes a message counts with what it holds")
{
    struct edge_limits limits = edge_limits_default;
    struct rig r;
    char *zeros = calloc(1, 100000);

    limits.bytes = (struct limits_rate){1000, 150000};
    rig_stop_clock();
    rig_init(&r, &limits);
    r.mode = RIG_SINK;
    r.is_limited = true;
    int fd = join(&r, &none);
    for (int i = 0; i < 4; i++)
        send_packed(&r, fd, zeros, 100000);
    RIG_WAIT(&r, edge_counters(r.edge)->messages_in == 4);
    CHECK_EQ(r.n_messages, 2);
    CHECK_EQ(edge_counters(r.edge)->messages_dropped, 2);
    close(fd);
    rig_fini(&r);
    free(zeros);
}

TEST(deflate_turn,
     "who sends much in few bytes does not keep the others waiting for all of it")
{
    size_t len = 900000;
    char *zeros = calloc(1, len);
    uint8_t *frames = malloc(64 << 10), one[2048];
    struct rig r;
    z_stream z = {0};

    CHECK_EQ(deflateInit2(&z, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)zeros;
    z.avail_in = (uInt)len;
    z.next_out = one;
    z.avail_out = sizeof one;
    CHECK_EQ(deflate(&z, Z_SYNC_FLUSH), Z_OK);
    size_t packed = sizeof one - z.avail_out - 4, n = 0;
    deflateEnd(&z);
    for (int i = 0; i < 20; i++)
        n += rig_frame(frames + n, 0xc2, one, packed);
    rig_init(&r, NULL);
    r.mode = RIG_SINK;
    int fd = join(&r, &none);
    CHECK_EQ(send(fd, frames, n, 0), n);
    unsigned most = 0;
    while (r.n_messages < 20) {
        unsigned before = r.n_messages;
        rig_turn(&r);
        if (r.n_messages - before > most)
            most = r.n_messages - before;
    }
    CHECK(most <= 4); /* a read and what is left over, two each */
    close(fd);
    rig_fini(&r);
    free(frames);
    free(zeros);
}
