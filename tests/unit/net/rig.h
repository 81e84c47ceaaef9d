/* SPDX-License-Identifier: MIT */
/*
 * rig - an edge on a loop of its own, and clients that are plain sockets of the
 * same test, over the real loopback interface.
 *
 * The loop runs in steps between what the clients do. Nothing sleeps for a given
 * time: RIG_WAIT turns the loop until something is true, and gives up after ten
 * seconds. Time-outs are tried with a faked clock (rig_later).
 */
#pragma once

#include "unit.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "base/chunk.h"
#include "base/clk.h"
#include "net/conn.h"
#include "net/edge.h"
#include "net/edge_impl.h"
#include "net/static_files.h"
#include "proto/ws_frame.h"
#include "proto/ws_handshake.h"

enum rig_mode {
    RIG_ECHO,
    RIG_SINK,
    RIG_CLOSE, /* each message is answered with conn_close(4000, "enough") */
    RIG_ABORT,
    RIG_SHUT, /* each message closes the whole edge */
    RIG_MOVE, /* each message is echoed, and the connection moved away */
    RIG_PULL, /* as RIG_ECHO, and with it what conn_next_message() gives */
    RIG_PASS, /* each message goes to `watched` */
    RIG_LOOK, /* each notes what `watched` has queued */
    RIG_CUT,  /* each ends `watched` */
    RIG_HOLD, /* each holds `watched` back */
};

struct rig {
    uv_loop_t loop;
    struct edge *edge;
    uint16_t port;
    enum rig_mode mode;
    struct conn *watched;
    size_t seen;     /* of it */
    struct conn *ws; /* the latest upgraded connection; NULL once it is closed */
    uint64_t max_message;
    bool is_limited;
    const struct ws_deflate_params *deflate; /* of connections that come; NULL: none */
    char client[IP_TEXT_BYTES];              /* of the latest request */
    const char *scheme;
    unsigned n_requests, n_messages, n_pulled, n_dropped, n_closed;
    size_t dropped_bytes;
    uint16_t code;  /* of the latest on_closed */
    bool is_inside; /* conn_close() or conn_send() runs */
    struct static_files *files;
    struct conn *moved; /* that has left this edge */
    uint32_t close_us;  /* that on_closed takes, by the faked clock */
};

static inline uint64_t rig_clock_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t); /* not clk_now_us(): tests fake that */
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static inline void rig_turn(struct rig *r)
{
    uv_run(&r->loop, UV_RUN_NOWAIT);
}

#define RIG_WAIT(r, condition)                                                             \
    do {                                                                                   \
        uint64_t until_ = rig_clock_ms() + 30000;                                          \
        while (!(condition) && rig_clock_ms() < until_) {                                  \
            rig_turn(r);                                                                   \
            usleep(50);                                                                    \
        }                                                                                  \
        CHECK(condition);                                                                  \
    } while (0)

static inline void rig_on_message(void *user, enum ws_op op, const uint8_t *data,
                                  size_t len)
{
    struct rig *r = user;
    struct conn *c = r->ws;
    struct chunk *frame;

    r->n_messages++;
    r->is_inside = true;
    switch (r->mode) {
    case RIG_ECHO:
    case RIG_MOVE:
        frame = ws_frame_chunk(op, data, len);
        conn_send(c, frame);
        chunk_unref(&frame);
        if (r->mode == RIG_MOVE)
            conn_move(c);
        break;
    case RIG_PULL:
        do {
            frame = ws_frame_chunk(op, data, len);
            conn_send(c, frame);
            chunk_unref(&frame);
        } while (conn_next_message(c, &op, &data, &len) && ++r->n_pulled);
        break;
    case RIG_PASS:
        frame = ws_frame_chunk(op, data, len);
        conn_send(r->watched, frame);
        chunk_unref(&frame);
        break;
    case RIG_CUT: conn_abort(r->watched); break;
    case RIG_HOLD: conn_hold(r->watched, true); break;
    case RIG_LOOK: r->seen = conn_queued(r->watched); break;
    case RIG_CLOSE: conn_close(c, 4000, "enough"); break;
    case RIG_ABORT: conn_abort(c); break;
    case RIG_SHUT: edge_close(&r->edge); break;
    case RIG_SINK: break;
    }
    r->is_inside = false;
}

static inline void rig_on_dropped(void *user, enum ws_op op, const uint8_t *data,
                                  size_t len)
{
    struct rig *r = user;

    (void)op, (void)data;
    r->n_dropped++;
    r->dropped_bytes += len;
}

static inline void rig_on_closed(void *user, uint16_t code)
{
    struct rig *r = user;

    CHECK(!r->is_inside);
    r->n_closed++;
    r->code = code;
    r->ws = NULL;
    if (r->close_us)
        clk_fake_advance(r->close_us);
}

static inline void rig_upgrade(struct rig *r, struct conn *c, const struct http_head *head)
{
    static const struct conn_handler handler = {.on_message = rig_on_message,
                                                .on_closed = rig_on_closed,
                                                .on_dropped = rig_on_dropped};
    struct conn_ws_options o = {.extensions = r->deflate ? "permessage-deflate; x" : NULL,
                                .deflate = r->deflate,
                                .max_message = r->max_message,
                                .is_limited = r->is_limited};
    char accept[WS_ACCEPT_BYTES + 1];
    const char *why;
    int status = ws_handshake_check(head, accept, &why);

    if (status != 0) {
        conn_reply_error(c, status, "Upgrade: websocket\r\n", why);
        return;
    }
    if (ws_handshake_offers(head, "chat"))
        o.subprotocol = "chat";
    if (conn_upgrade(c, accept, &o, &handler, r) == 0)
        r->ws = c;
}

static inline bool rig_is_path(const struct http_head *head, const char *want)
{
    struct http_text p = http_head_path(head);

    return p.len == strlen(want) && memcmp(p.at, want, p.len) == 0;
}

static inline void rig_on_request(void *ctx, struct conn *c, const struct http_head *head)
{
    struct rig *r = ctx;
    struct http_text path = http_head_path(head), body = http_head_body(head);
    char decoded[2048];
    int n;

    r->n_requests++;
    strcpy(r->client, conn_address(c));
    r->scheme = conn_scheme(c);
    if (rig_is_path(head, "/ws")) {
        rig_upgrade(r, c, head);
    } else if (rig_is_path(head, "/hello")) {
        conn_reply(c, 200, "text/plain", "X-One: 1\r\n", "hello", 5);
    } else if (rig_is_path(head, "/work")) { /* takes 400 us of the faked clock */
        clk_fake_advance(400);
        conn_reply(c, 200, "text/plain", NULL, "done", 4);
    } else if (rig_is_path(head, "/echo")) {
        conn_reply(c, 200, "text/plain", NULL, body.at, body.len);
    } else if (rig_is_path(head, "/big")) {
        struct chunk *big = chunk_new(1 << 20);
        memset(big->bytes, 'x', big->len);
        conn_reply_chunk(c, 200, "text/plain", NULL, big);
    } else if (rig_is_path(head, "/abort")) {
        conn_abort(c);
    } else if (rig_is_path(head, "/nul")) {
        static_files_serve(r->files, c, head, "a.js\0.html", 10, "");
    } else if (r->files && path.len >= 3 && memcmp(path.at, "/f/", 3) == 0 &&
               path.len < sizeof decoded &&
               (n = http_decode(decoded, path.at + 3, path.len - 3, false)) >= 0) {
        static_files_serve(r->files, c, head, decoded, (size_t)n, "");
    } else {
        conn_reply_error(c, 404, NULL, "nothing here");
    }
}

static inline void rig_on_moved(void *ctx, struct conn *c, void *user)
{
    struct rig *r = ctx;

    (void)user;
    r->moved = c;
}

static inline void rig_init(struct rig *r, const struct edge_limits *limits)
{
    static const struct edge_handler handler = {rig_on_request, rig_on_moved};
    struct err e;

    memset(r, 0, sizeof *r);
    r->max_message = 64 << 20;
    CHECK_EQ(uv_loop_init(&r->loop), 0);
    CHECK_EQ(edge_open(&r->edge, &r->loop, limits ? limits : &edge_limits_default, &handler,
                       r, &e),
             0);
    CHECK_EQ(edge_listen(r->edge, "127.0.0.1", 0, true, &e), 0);
    r->port = edge_port(r->edge);
    CHECK(r->port != 0);
}

/* Closing leaves nothing behind: the loop runs empty, and a sanitizer sees the
 * rest. */
static inline void rig_fini(struct rig *r)
{
    clk_real();
    edge_close(&r->edge);
    uv_run(&r->loop, UV_RUN_DEFAULT);
    CHECK_EQ(uv_loop_close(&r->loop), 0);
    static_files_free(&r->files);
}

/* Stop the clock where it is; rig_later() turns it on. */
static inline void rig_stop_clock(void)
{
    clk_fake(clk_now_us());
}

static inline void rig_later(struct rig *r, uint32_t ms)
{
    clk_fake_advance((uint64_t)ms * 1000);
    edge_tick(r->edge);
    rig_turn(r);
    rig_turn(r);
}

static inline int rig_connect(struct rig *r)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons(r->port),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    CHECK(fd >= 0);
    CHECK_EQ(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    CHECK_EQ(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

static inline void rig_send(struct rig *r, int fd, const void *bytes, size_t n)
{
    size_t at = 0;
    uint64_t until = rig_clock_ms() + 30000;

    while (at < n && rig_clock_ms() < until) {
        ssize_t k = send(fd, (const char *)bytes + at, n - at, MSG_NOSIGNAL);
        if (k > 0)
            at += (size_t)k;
        else if (errno != EAGAIN)
            break;
        rig_turn(r);
    }
    CHECK_EQ(at, n);
}

static inline void rig_say(struct rig *r, int fd, const char *text)
{
    rig_send(r, fd, text, strlen(text));
}

/* Little, and without a turn of the loop. */
static inline void rig_say_only(int fd, const char *text)
{
    CHECK_EQ(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Close with a reset. */
static inline void rig_reset(int fd)
{
    struct linger none = {.l_onoff = 1};

    CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none), 0);
    close(fd);
}

/* Read until `want` bytes are there, or the end; returns how many came. */
static inline size_t rig_read(struct rig *r, int fd, void *out, size_t want)
{
    size_t at = 0;
    uint64_t until = rig_clock_ms() + 30000;

    while (at < want && rig_clock_ms() < until) {
        ssize_t k = recv(fd, (char *)out + at, want - at, 0);
        if (k == 0 || (k < 0 && errno != EAGAIN))
            break;
        if (k > 0) {
            at += (size_t)k;
        } else {
            rig_turn(r);
            usleep(20);
        }
    }
    return at;
}

/* What comes next is exactly this text. */
static inline void rig_expect(struct rig *r, int fd, const char *text)
{
    char got[4096];
    size_t n = rig_read(r, fd, got, strlen(text));

    got[n] = 0;
    CHECK_STR(got, text);
}

/* A reply's head, up to the empty line, as text. */
static inline char *rig_head(struct rig *r, int fd, char out[4096])
{
    size_t n = 0;

    while (n < 4095 && rig_read(r, fd, out + n, 1) == 1) {
        out[++n] = 0;
        if (n >= 4 && memcmp(out + n - 4, "\r\n\r\n", 4) == 0)
            return out;
    }
    out[n] = 0;
    return out;
}

/* Nothing more comes, and the server has closed its side. */
static inline bool rig_is_end(struct rig *r, int fd)
{
    char byte;
    uint64_t until = rig_clock_ms() + 30000;

    while (rig_clock_ms() < until) {
        ssize_t k = recv(fd, &byte, 1, 0);
        if (k > 0)
            return false;
        if (k == 0 || errno == ECONNRESET)
            return true;
        rig_turn(r);
        usleep(20);
    }
    return false;
}

#define RIG_UPGRADE                                                                        \
    "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"         \
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

/* The accept value of RFC 6455 1.3. */
#define RIG_ACCEPTED                                                                       \
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"    \
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"

static inline int rig_connect_ws(struct rig *r)
{
    int fd = rig_connect(r);

    rig_say(r, fd, RIG_UPGRADE);
    rig_expect(r, fd, RIG_ACCEPTED);
    CHECK(r->ws != NULL);
    return fd;
}

/* A masked frame into out, which must hold len + 14; returns its length. */
static inline size_t rig_frame(uint8_t *out, uint8_t first, const void *payload, size_t len)
{
    static const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};
    size_t n = 0;

    out[n++] = first;
    if (len < 126) {
        out[n++] = (uint8_t)(0x80 | len);
    } else if (len < 65536) {
        out[n++] = 0x80 | 126;
        out[n++] = (uint8_t)(len >> 8);
        out[n++] = (uint8_t)len;
    } else {
        out[n++] = 0x80 | 127;
        for (int shift = 56; shift >= 0; shift -= 8)
            out[n++] = (uint8_t)((uint64_t)len >> shift);
    }
    memcpy(out + n, mask, 4);
    n += 4;
    for (size_t i = 0; i < len; i++)
        out[n++] = ((const uint8_t *)payload)[i] ^ mask[i & 3];
    return n;
}

/* Send one frame whose first byte is `first` (0x81: text, 0x88: Close …). */
static inline void rig_send_frame(struct rig *r, int fd, uint8_t first, const void *payload,
                                  size_t len)
{
    uint8_t *frame = malloc(len + 14);
    size_t n = rig_frame(frame, first, payload, len);

    rig_send(r, fd, frame, n);
    free(frame);
}

/* The next frame from the server, which must be short and start with `first`. */
static inline void rig_expect_frame(struct rig *r, int fd, uint8_t first,
                                    const void *payload, size_t len)
{
    uint8_t head[2], got[125];

    CHECK(len < 126);
    CHECK_EQ(rig_read(r, fd, head, 2), 2);
    CHECK_EQ(head[0], first);
    CHECK_EQ(head[1], len);
    CHECK_EQ(rig_read(r, fd, got, len), len);
    CHECK_MEM(got, payload, len);
}

/* The next frame is a Close with this code; 0 means an empty one. */
static inline void rig_expect_close(struct rig *r, int fd, uint16_t code)
{
    uint8_t head[2], got[125];

    CHECK_EQ(rig_read(r, fd, head, 2), 2);
    CHECK_EQ(head[0], 0x88);
    CHECK(head[1] < 126);
    CHECK_EQ(rig_read(r, fd, got, head[1]), head[1]);
    if (code == 0) {
        CHECK_EQ(head[1], 0);
    } else {
        CHECK(head[1] >= 2);
        CHECK_EQ(got[0] << 8 | got[1], code);
    }
}
