/* SPDX-License-Identifier: MIT */
#include "net/conn_impl.h"
#include "net/rig.h"

/* A connected client, with little room in the server's socket. */
static int connect_small(struct rig *r)
{
    int fd = rig_connect_ws(r), small = 4096;

    setsockopt(r->ws->fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    return fd;
}

/* With little room in its own socket, too, so that what sticks stays stuck. That
 * makes slow reading: not for tests that read much. */
static int connect_tiny(struct rig *r)
{
    int fd = connect_small(r), small = 4096;

    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    return fd;
}

TEST(io_never_reads,
     "who sends 64 MiB to be echoed and never reads is held back, then served")
{
    size_t len = 16 << 10, total = 64 << 20, sent = 0, most = 0, back = 0;
    uint8_t *frame = malloc(len + 14), *buffer = calloc(1, 1 << 20);
    size_t n = rig_frame(frame, 0x82, buffer, len), at = 0;
    unsigned stuck = 0;
    struct rig r;

    rig_init(&r, NULL);
    int fd = connect_small(&r);
    uint64_t until = rig_clock_ms() + 30000;
    while (sent < total && stuck < 200 && rig_clock_ms() < until) {
        ssize_t k = send(fd, frame + at, n - at, MSG_NOSIGNAL);
        rig_turn(&r);
        stuck = k > 0 || !r.ws->is_paused || !r.ws->is_blocked ? 0 : stuck + 1;
        if (k > 0) {
            sent += (size_t)k;
            at = (at + (size_t)k) % n;
        }
        if (conn_queued(r.ws) > most)
            most = conn_queued(r.ws);
    }
    /* The server has stopped reading, so the client's sends stick: both queues
     * are bounded, and the connection is still there. */
    CHECK_EQ(stuck, 200);
    CHECK(sent < total);
    CHECK(most > edge_limits_default.high_water / 2);
    CHECK(most <= edge_limits_default.high_water + len + 10);
    CHECK(conn_backlog(r.ws) >= conn_queued(r.ws));
    CHECK_EQ(r.n_closed, 0);
    /* Now it reads, and gets every whole message back. */
    size_t want = sent / n * (len + 4);
    until = rig_clock_ms() + 30000;
    while (back < want && rig_clock_ms() < until) {
        ssize_t k = recv(fd, buffer, 1 << 20, 0);
        back += k > 0 ? (size_t)k : 0;
        rig_turn(&r);
    }
    CHECK_EQ(back, want);
    CHECK_EQ(conn_queued(r.ws), 0);
    close(fd);
    rig_fini(&r);
    free(frame);
    free(buffer);
}

TEST(io_too_slow,
     "past max_out_bytes the connection is closed with 4007, memory stays bounded")
{
    struct chunk *frame = ws_frame_chunk(WS_BINARY, (uint8_t[65536]){0}, 65536);
    size_t most = 0;
    struct rig r;

    rig_init(&r, NULL);
    rig_stop_clock();
    int fd = connect_small(&r);
    for (int i = 0; i < 1000 && r.ws; i++) {
        conn_send(r.ws, frame);
        if (conn_queued(r.ws) > most)
            most = conn_queued(r.ws);
        rig_turn(&r);
    }
    CHECK(most > edge_limits_default.max_out_bytes - 2 * 65546);
    CHECK(most <= edge_limits_default.max_out_bytes + 200);
    CHECK_EQ(r.ws->state, CONN_WS_CLOSING);
    CHECK_EQ(r.n_closed, 0);
    rig_later(&r, 5000); /* the Close cannot leave either */
    RIG_WAIT(&r, r.n_closed == 1);
    CHECK_EQ(r.code, 4007);
    CHECK_EQ(atomic_load(&frame->refs), 1);
    close(fd);
    rig_fini(&r);
    chunk_unref(&frame);
}

TEST(io_one_turn, "many sends of one turn to a client that reads are not too slow")
{
    struct chunk *frame = ws_frame_chunk(WS_BINARY, (uint8_t[65536]){0}, 65536);
    uint8_t *buffer = malloc(1 << 20);
    size_t back = 0, want = 8 * (size_t)frame->len;
    struct edge_limits limits = edge_limits_default;
    struct rig r;

    limits.max_out_bytes = 300000;
    limits.high_water = 100000;
    rig_init(&r, &limits);
    int fd = rig_connect_ws(&r), large = 4 << 20;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &large, sizeof large);
    setsockopt(r.ws->fd, SOL_SOCKET, SO_SNDBUF, &large, sizeof large);
    /* Twice: what the socket takes is written out before the limit is judged. */
    for (int i = 0; i < 8; i++)
        conn_send(r.ws, frame);
    CHECK_EQ(r.ws->state, CONN_WS);
    uint64_t until = rig_clock_ms() + 30000;
    while (back < want && rig_clock_ms() < until) {
        ssize_t k = recv(fd, buffer, 1 << 20, 0);
        back += k > 0 ? (size_t)k : 0;
        rig_turn(&r);
    }
    CHECK_EQ(back, want);
    close(fd);
    rig_fini(&r);
    chunk_unref(&frame);
    free(buffer);
}

TEST(io_stuck_pings, "while output is stuck, pings hold one pong and no more")
{
    struct chunk *frame = ws_frame_chunk(WS_BINARY, (uint8_t[65536]){0}, 65536);
    uint8_t *buffer = malloc(1 << 20);
    struct rig r;
    size_t back = 0;

    rig_init(&r, NULL);
    int fd = connect_tiny(&r);
    /* Stuck, yet below the mark at which reading stops. */
    while (conn_queued(r.ws) < 65536) {
        conn_send(r.ws, frame);
        for (int i = 0; i < 50; i++)
            rig_turn(&r);
    }
    CHECK(r.ws->is_blocked);
    CHECK(!r.ws->is_paused);
    size_t queued = conn_queued(r.ws);
    size_t sent = (size_t)edge_counters(r.edge)->bytes_out + queued;
    for (uint8_t i = 0; i < 200; i++)
        rig_send_frame(&r, fd, 0x89, &i, 1);
    RIG_WAIT(&r, r.ws->pong && r.ws->pong->bytes[2] == 199);
    CHECK_EQ(conn_queued(r.ws), queued);
    /* Once it moves again the last ping is answered, after what waited. */
    size_t head = sizeof RIG_ACCEPTED - 1; /* read already */
    uint64_t until = rig_clock_ms() + 30000;
    while (back < sent - head && rig_clock_ms() < until)
        back += rig_read(&r, fd, buffer,
                         sent - head - back < 65536 ? sent - head - back : 65536);
    rig_expect_frame(&r, fd, 0x8a, "\xc7", 1);
    close(fd);
    rig_fini(&r);
    chunk_unref(&frame);
    free(buffer);
}

TEST(io_half_close,
     "a WebSocket whose peer closes its side without a Close ends at once, 1006")
{
    struct rig r;

    rig_init(&r, NULL);
    int fd = rig_connect_ws(&r);
    shutdown(fd, SHUT_WR);
    CHECK(rig_is_end(&r, fd));
    RIG_WAIT(&r, r.n_closed == 1);
    CHECK_EQ(r.code, 1006);
    close(fd);
    rig_fini(&r);
}

static void reset(int fd)
{
    struct linger now = {1, 0};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
}

TEST(io_reset, "a reset is harmless: in a head, in a frame, with output waiting")
{
    uint8_t frame[64];
    size_t n = rig_frame(frame, 0x81, "cut in the middle", 17);
    struct chunk *big = ws_frame_chunk(WS_BINARY, (uint8_t[65536]){0}, 65536);
    struct rig r;

    rig_init(&r, NULL);
    for (size_t cut = 0; cut <= n; cut += 3) {
        int fd = rig_connect_ws(&r);
        rig_send(&r, fd, frame, cut);
        reset(fd);
        RIG_WAIT(&r, edge_counters(r.edge)->open == 0);
        CHECK_EQ(r.code, 1006);
    }
    int fd = rig_connect(&r);
    rig_say(&r, fd, "GET /he");
    reset(fd);
    RIG_WAIT(&r, edge_counters(r.edge)->open == 0);
    fd = connect_small(&r);
    while (!r.ws->is_paused || !r.ws->is_blocked) {
        conn_send(r.ws, big);
        rig_turn(&r);
    }
    reset(fd);
    RIG_WAIT(&r, edge_counters(r.edge)->open == 0);
    CHECK_EQ(r.code, 1006);
    fd = rig_connect_ws(&r);
    rig_send_frame(&r, fd, 0x81, "alive", 5);
    rig_expect_frame(&r, fd, 0x81, "alive", 5);
    close(fd);
    rig_fini(&r);
    chunk_unref(&big);
}

TEST(io_fair, "a flood of small messages from one leaves the others their turns")
{
    enum { MANY = 15000 };
    uint8_t *flood = malloc(MANY * 7);
    size_t n = 0;
    struct rig r;

    for (int i = 0; i < MANY; i++)
        n += rig_frame(flood + n, 0x81, "x", 1);
    rig_init(&r, NULL);
    r.mode = RIG_SINK;
    int fd = rig_connect_ws(&r), large = 1 << 20;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &large, sizeof large);
    size_t at = 0;
    while (at < n) {
        ssize_t k = send(fd, flood + at, n - at, MSG_NOSIGNAL);
        if (k < 0)
            break;
        at += (size_t)k;
    }
    unsigned worst = 0, before = 0;
    uint64_t until = rig_clock_ms() + 30000;
    while (r.n_messages < MANY && rig_clock_ms() < until) {
        if (at < n) {
            ssize_t k = send(fd, flood + at, n - at, MSG_NOSIGNAL);
            at += k > 0 ? (size_t)k : 0;
        }
        rig_turn(&r);
        if (r.n_messages - before > worst)
            worst = r.n_messages - before;
        before = r.n_messages;
    }
    CHECK_EQ(r.n_messages, MANY);
    CHECK(worst <= 2 * 1024); /* one share as bytes kept, one as bytes read */
    close(fd);
    rig_fini(&r);
    free(flood);
}

TEST(io_last_words, "a Close just before a reset is heard, even if we write before we read")
{
    struct chunk *frame = ws_frame_chunk(WS_TEXT, "tick", 4);
    struct rig r;

    rig_init(&r, NULL);
    for (int writes = 0; writes < 3; writes++) {
        int fd = rig_connect_ws(&r);
        uint8_t close_frame[16];
        size_t n = rig_frame(close_frame, 0x88, "\x03\xe8", 2);
        CHECK_EQ(send(fd, close_frame, n, MSG_NOSIGNAL), n);
        reset(fd);
        for (int i = 0; i < writes; i++) {
            conn_send(r.ws, frame);
            edge_flush(r.edge);
        }
        CHECK_EQ(r.n_closed, writes); /* a flush tells nobody */
        RIG_WAIT(&r, r.n_closed == (unsigned)writes + 1);
        CHECK_EQ(r.code, 1000);
    }
    rig_fini(&r);
    chunk_unref(&frame);
}

TEST(io_stuck_close,
     "while closing we read on, however much is stuck, and see the peer's end")
{
    struct chunk *frame = ws_frame_chunk(WS_BINARY, (uint8_t[65536]){0}, 65536);
    struct rig r;

    rig_init(&r, NULL);
    rig_stop_clock();
    int fd = connect_tiny(&r);
    while (!r.ws->is_paused || !r.ws->is_blocked) {
        conn_send(r.ws, frame);
        for (int i = 0; i < 50; i++)
            rig_turn(&r);
    }
    CHECK(!(r.ws->events & EPOLLIN));
    conn_close(r.ws, 4000, "enough");
    CHECK(r.ws->events & EPOLLIN);
    shutdown(fd, SHUT_WR);
    RIG_WAIT(&r, r.n_closed == 1); /* without a second having passed */
    CHECK_EQ(r.code, 4000);
    close(fd);
    rig_fini(&r);
    chunk_unref(&frame);
}

/* Until some output is stuck, but less than high_water. */
static void get_stuck(struct rig *r, struct chunk *frame)
{
    while (conn_queued(r->ws) == 0) {
        conn_send(r->ws, frame);
        for (int i = 0; i < 300; i++)
            rig_turn(r);
    }
}

TEST(io_big_on_few,
     "a frame above max_out_bytes is taken while little waits, the next is not")
{
    struct edge_limits limits = edge_limits_default;
    struct chunk *small = ws_frame_chunk(WS_BINARY, (uint8_t[8192]){0}, 8192);
    struct chunk *big = ws_frame_chunk(WS_BINARY, (uint8_t[65536]){0}, 65536);
    struct rig r;

    limits.high_water = 20000;
    limits.max_out_bytes = 30000;
    rig_init(&r, &limits);
    int fd = connect_tiny(&r);
    get_stuck(&r, small);
    conn_send(r.ws, big);
    CHECK_EQ(r.ws->state, CONN_WS);
    conn_send(r.ws, small);
    CHECK_EQ(r.ws->state, CONN_WS_CLOSING);
    close(fd);
    rig_fini(&r);
    CHECK_EQ(r.code, 4007);
    chunk_unref(&small);
    chunk_unref(&big);
}

TEST(io_stuck_silent, "a peer that takes nothing is not pinged, and dropped after dead_ms")
{
    struct chunk *frame = ws_frame_chunk(WS_BINARY, (uint8_t[8192]){0}, 8192);
    struct edge_limits limits = edge_limits_default;
    struct rig r;

    limits.stuck_ms = 100000;
    rig_init(&r, &limits);
    rig_stop_clock();
    int fd = connect_tiny(&r);
    get_stuck(&r, frame);
    size_t queued = conn_queued(r.ws);
    rig_later(&r, 25000);
    CHECK(r.ws->is_pinged);
    CHECK_EQ(conn_queued(r.ws), queued);
    rig_later(&r, 35000);
    RIG_WAIT(&r, r.n_closed == 1);
    CHECK_EQ(r.code, 1006);
    close(fd);
    rig_fini(&r);
    chunk_unref(&frame);
}

TEST(io_stuck_late, "output of which nothing leaves for stuck_ms ends with 4007")
{
    struct chunk *frame = ws_frame_chunk(WS_BINARY, (uint8_t[8192]){0}, 8192);
    struct rig r;

    rig_init(&r, NULL);
    rig_stop_clock();
    int fd = connect_tiny(&r);
    get_stuck(&r, frame);
    rig_later(&r, 29000);
    CHECK_EQ(r.ws->state, CONN_WS);
    rig_later(&r, 2000);
    CHECK_EQ(r.ws->state, CONN_WS_CLOSING);
    rig_later(&r, 4000);
    RIG_WAIT(&r, r.n_closed == 1);
    CHECK_EQ(r.code, 4007);
    close(fd);
    rig_fini(&r);
    chunk_unref(&frame);
}

TEST(io_backlog,
     "the backlog counts what the kernel holds, and what this turn queued is written first")
{
    struct chunk *frame = ws_frame_chunk(WS_BINARY, (uint8_t[8192]){0}, 8192);
    struct rig r;

    rig_init(&r, NULL);
    rig_stop_clock();
    int fd = rig_connect_ws(&r), small = 4096;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    RIG_WAIT(&r, conn_backlog(r.ws) == 0);
    CHECK(!r.ws->may_wait); /* asked once, not again before something is written */
    for (int i = 0; i < 100; i++)
        conn_send(r.ws, frame);
    CHECK_EQ(conn_queued(r.ws), 100 * frame->len);
    size_t backlog = conn_backlog(r.ws);
    CHECK(conn_queued(r.ws) < 100 * frame->len); /* it has been tried, */
    CHECK(backlog > conn_queued(r.ws));          /* the kernel holds what the tiny */
    CHECK(backlog < 100 * frame->len);           /* receiver does not take */
    CHECK(r.ws->may_wait);
    close(fd);
    rig_fini(&r);
    chunk_unref(&frame);
}

/* With output and input waiting it is in all of the edge's rings. */
TEST(io_abort_anywhere, "an aborted connection leaves every ring at once")
{
    enum { MANY = 3000 };
    struct chunk *frame = ws_frame_chunk(WS_TEXT, "x", 1);
    uint8_t *flood = malloc(MANY * 7);
    struct rig r;
    size_t n = 0;

    for (int i = 0; i < MANY; i++)
        n += rig_frame(flood + n, 0x81, "x", 1);
    rig_init(&r, NULL);
    rig_stop_clock();
    r.mode = RIG_SINK;
    int fd = rig_connect_ws(&r);
    CHECK_EQ(send(fd, flood, n, MSG_NOSIGNAL), n);
    RIG_WAIT(&r, r.ws->rest != NULL);
    conn_send(r.ws, frame);
    CHECK(!link_is_alone(&r.edge->dirty) && !link_is_alone(&r.edge->more));
    conn_abort(r.ws);
    CHECK(link_is_alone(&r.edge->dirty) && link_is_alone(&r.edge->more));
    for (int i = 0; i < 70; i++)
        rig_later(&r, 1000); /* each slot of the wheel comes once */
    CHECK_EQ(r.n_closed, 1);
    close(fd);
    rig_fini(&r);
    free(flood);
    chunk_unref(&frame);
}

struct drain {
    int fd;
    size_t left;
};

/* Reads all that it waits for, as it comes. */
static void drain(void *arg)
{
    static uint8_t bytes[1 << 20];
    struct drain *d = arg;

    while (d->left > 0) {
        ssize_t n = recv(d->fd, bytes, sizeof bytes, 0);
        if (n > 0)
            d->left -= (size_t)n;
        else if (n == 0 || errno != EAGAIN)
            break;
    }
}

/* One turn writes so much and no more; the socket is not full then, so nothing will happen
 * to it that could tell that there is room. */
TEST(io_goes_on,
     "what a turn has not written leaves in the next ones, though the socket has room")
{
    enum { N = 20000 };
    struct chunk *frame = ws_frame_chunk(WS_BINARY, (uint8_t[512]){0}, 512);
    struct edge_limits limits = edge_limits_default;
    int large = 4 << 20;
    struct rig r;

    limits.max_out_bytes = SIZE_MAX;
    rig_init(&r, &limits);
    struct drain d = {.fd = rig_connect_ws(&r), .left = N * frame->len};
    setsockopt(d.fd, SOL_SOCKET, SO_RCVBUF, &large, sizeof large);
    setsockopt(r.ws->fd, SOL_SOCKET, SO_SNDBUF, &large, sizeof large);
    uv_thread_t reader;
    CHECK_EQ(uv_thread_create(&reader, drain, &d), 0);
    for (int i = 0; i < N; i++)
        conn_send(r.ws, frame);
    RIG_WAIT(&r, conn_queued(r.ws) == 0);
    uv_thread_join(&reader);
    CHECK_EQ(d.left, 0);
    close(d.fd);
    RIG_WAIT(&r, r.n_closed == 1);
    rig_fini(&r);
    chunk_unref(&frame);
}
