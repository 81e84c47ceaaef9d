/* SPDX-License-Identifier: MIT */
/*
 * Connections that go from one edge to another. Two edges in one thread: what threads
 * add is the server's (tests/e2e/workers.test.mjs), here it is what travels along.
 */
#include "net/tls_rig.h"

struct two {
    struct edge_share share;
    struct edge_limits limits;
    struct rig a, b;
};

static void two_init(struct two *t)
{
    CHECK_EQ(edge_share_init(&t->share), 0);
    t->limits = edge_limits_default;
    t->limits.share = &t->share;
    t->limits.limit_loopback = true;
    rig_init(&t->a, &t->limits);
    rig_init(&t->b, &t->limits);
}

static void two_fini(struct two *t)
{
    rig_fini(&t->a);
    rig_fini(&t->b);
    CHECK_EQ(atomic_load(&t->share.n_open), 0);
    edge_share_fini(&t->share);
}

static void wait_moved(struct rig *r)
{
    RIG_WAIT(r, r->moved != NULL);
    CHECK_EQ(edge_counters(r->edge)->open_ws, 0);
}

TEST(move_unread, "what was not read yet, however it was split, is read by the next edge")
{
    uint8_t bytes[64];
    size_t n = rig_frame(bytes, 0x81, "one", 3);
    struct two t;

    n += rig_frame(bytes + n, 0x81, "two", 3);
    n += rig_frame(bytes + n, 0x01, "th", 2);
    n += rig_frame(bytes + n, 0x80, "ree", 3);
    two_init(&t);
    for (size_t cut = 9; cut <= n; cut++) {
        int fd = rig_connect_ws(&t.a);
        t.a.mode = RIG_MOVE;
        t.a.moved = NULL;
        CHECK_EQ(send(fd, bytes, cut, MSG_NOSIGNAL), (ssize_t)cut);
        wait_moved(&t.a);
        t.a.mode = RIG_ECHO;
        conn_adopt(t.a.moved, t.b.edge);
        CHECK_EQ(edge_counters(t.b.edge)->open_ws, 1);
        rig_send(&t.b, fd, bytes + cut, n - cut);
        rig_expect_frame(&t.b, fd, 0x81, "one", 3);
        rig_expect_frame(&t.b, fd, 0x81, "two", 3);
        rig_expect_frame(&t.b, fd, 0x81, "three", 5);
        CHECK_EQ(atomic_load(&t.share.n_open), 1);
        close(fd);
        RIG_WAIT(&t.b, edge_counters(t.b.edge)->open == 0);
    }
    two_fini(&t);
}

TEST(move_output, "what waits to leave does so from the next edge, in order")
{
    size_t len = 900 * 1024; /* more than the socket takes */
    uint8_t *big = malloc(len), *got = malloc(len + 10);
    int small = 16 * 1024;
    struct two t;

    memset(big, 'x', len);
    two_init(&t);
    int fd = rig_connect_ws(&t.a);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    t.a.mode = RIG_MOVE;
    rig_send_frame(&t.a, fd, 0x82, big, len);
    wait_moved(&t.a);
    conn_adopt(t.a.moved, t.b.edge);
    t.a.mode = RIG_ECHO;
    CHECK_EQ(rig_read(&t.b, fd, got, len + 10), len + 10);
    CHECK_MEM(got + 10, big, len);
    rig_send_frame(&t.b, fd, 0x81, "on", 2);
    rig_expect_frame(&t.b, fd, 0x81, "on", 2);
    close(fd);
    two_fini(&t);
    free(big);
    free(got);
}

TEST(move_deflate, "compression goes on with the contexts that both sides have")
{
    static const struct ws_deflate_params context = {false, false, 15, 15};
    struct two t;
    uint8_t head[4];

    two_init(&t);
    t.a.deflate = &context;
    t.a.mode = RIG_MOVE;
    int fd = rig_connect(&t.a);
    rig_say(&t.a, fd, RIG_UPGRADE);
    char text[4096];
    CHECK(strstr(rig_head(&t.a, fd, text), "permessage-deflate"));
    memset(text, 'a', 300);
    rig_send_frame(&t.a, fd, 0x81, text, 300);
    CHECK_EQ(rig_read(&t.a, fd, head, 2), 2); /* a's loop passes it on afterwards */
    CHECK_EQ(head[0], 0xc1);
    size_t first = head[1];
    CHECK_EQ(rig_read(&t.a, fd, text, first), first);
    wait_moved(&t.a);
    t.a.mode = RIG_ECHO;
    conn_adopt(t.a.moved, t.b.edge);
    memset(text, 'a', 300);
    rig_send_frame(&t.b, fd, 0x81, text, 300);
    CHECK_EQ(rig_read(&t.b, fd, head, 2), 2);
    CHECK_EQ(head[0], 0xc1);
    CHECK(head[1] < first); /* it refers to what the other edge has sent */
    close(fd);
    two_fini(&t);
}

TEST(move_tls, "a TLS connection is moved with its keys")
{
    SSL_CTX *ctx = tls_client();
    uint8_t frame[32];
    char folder[64], got[256];
    struct rig a, b;
    int k;

    tls_rig_init(&a, folder, NULL);
    rig_init(&b, NULL); /* speaks no TLS itself */
    SSL *ssl = tls_connect(&a, ctx, "a.test");
    a.mode = RIG_MOVE;
    TLS_DO(&a, ssl, k, SSL_write(ssl, RIG_UPGRADE, (int)strlen(RIG_UPGRADE)));
    for (size_t at = 0; at < strlen(RIG_ACCEPTED); at += (size_t)k)
        TLS_DO(&a, ssl, k, SSL_read(ssl, got, (int)(strlen(RIG_ACCEPTED) - at)));
    size_t n = rig_frame(frame, 0x81, "one", 3);
    n += rig_frame(frame + n, 0x81, "two", 3);
    TLS_DO(&a, ssl, k, SSL_write(ssl, frame, (int)n));
    wait_moved(&a);
    a.mode = RIG_ECHO;
    conn_adopt(a.moved, b.edge);
    for (size_t at = 0; at < 10; at += (size_t)k)
        TLS_DO(&b, ssl, k, SSL_read(ssl, got + at, (int)(10 - at)));
    CHECK_MEM(got, "\x81\x03one\x81\x03two", 10);
    tls_end(ssl);
    SSL_CTX_free(ctx);
    rig_fini(&b);
    tls_rig_fini(&a, folder);
}

TEST(move_ended, "what ends a connection first ends its move, too")
{
    struct two t;

    two_init(&t);
    t.a.mode = RIG_MOVE;
    int fd = rig_connect_ws(&t.a);
    struct conn *c = t.a.ws;
    conn_move(c);
    conn_close(c, 4000, "enough");
    rig_expect_close(&t.a, fd, 4000);
    CHECK(!t.a.moved);
    rig_send_frame(&t.a, fd, 0x88, "\x0f\xa0", 2);
    RIG_WAIT(&t.a, t.a.n_closed == 1);
    close(fd);
    fd = rig_connect_ws(&t.a);
    conn_move(t.a.ws);
    conn_abort(t.a.ws);
    RIG_WAIT(&t.a, t.a.n_closed == 2);
    CHECK(!t.a.moved);
    close(fd);
    two_fini(&t);
}

TEST(move_discarded, "one that nobody takes over is closed and counts no more")
{
    struct two t;

    two_init(&t);
    t.limits.conns_per_address = 1;
    t.a.mode = RIG_MOVE;
    int fd = rig_connect_ws(&t.a);
    rig_send_frame(&t.a, fd, 0x81, "x", 1);
    wait_moved(&t.a);
    CHECK_EQ(atomic_load(&t.share.n_open), 1);
    conn_discard(t.a.moved, &t.share);
    CHECK_EQ(t.a.n_closed, 1);
    CHECK_EQ(t.a.code, 1006);
    CHECK_EQ(atomic_load(&t.share.n_open), 0);
    rig_expect_frame(&t.a, fd, 0x81, "x", 1);
    CHECK(rig_is_end(&t.a, fd));
    close(fd);
    two_fini(&t);
}

TEST(move_limits, "connections of one address count together over all edges")
{
    struct edge_limits limits = edge_limits_default;
    struct edge_share share;
    struct rig a, b;
    char head[4096];

    CHECK_EQ(edge_share_init(&share), 0);
    limits.share = &share;
    limits.limit_loopback = true;
    limits.conns_per_address = 2;
    rig_init(&a, &limits);
    rig_init(&b, &limits);
    int one = rig_connect_ws(&a), two = rig_connect_ws(&b), three = rig_connect(&b);
    rig_say(&b, three, "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(strstr(rig_head(&b, three, head), "429"));
    close(one);
    RIG_WAIT(&a, a.n_closed == 1);
    close(three);
    three = rig_connect_ws(&b);
    close(two);
    close(three);
    rig_fini(&a);
    rig_fini(&b);
    edge_share_fini(&share);
}

TEST(move_full, "connections of all edges count against max_conns")
{
    struct edge_limits limits = edge_limits_default;
    struct edge_share share;
    struct rig a, b;
    char head[4096];

    CHECK_EQ(edge_share_init(&share), 0);
    limits.share = &share;
    limits.max_conns = 1;
    rig_init(&a, &limits);
    rig_init(&b, &limits);
    int one = rig_connect_ws(&a), two = rig_connect(&b);
    CHECK(strstr(rig_head(&b, two, head), "503"));
    close(one);
    close(two);
    rig_fini(&a);
    rig_fini(&b);
    edge_share_fini(&share);
}

/* A handler that has its connection held with each message. */
static struct {
    struct conn *conn; /* NULL: it is over */
    unsigned n;
    char last[16];
} slow;

static void on_slow_message(void *user, enum ws_op op, const uint8_t *data, size_t len)
{
    CHECK(user == &slow && op == WS_TEXT && len < sizeof slow.last);
    memcpy(slow.last, data, len);
    slow.last[len] = 0;
    slow.n++;
    conn_hold(slow.conn, true);
}

static void on_slow_closed(void *user, uint16_t code)
{
    CHECK(user == &slow && code == 1006);
    slow.conn = NULL;
}

TEST(hold, "another handler takes over, and a connection that it holds is read no more")
{
    static const struct conn_handler handler = {on_slow_message, on_slow_closed, NULL};
    static const char *const texts[] = {"one", "two", "three"};
    uint8_t bytes[64];
    size_t n = 0;
    struct rig r;

    for (int i = 0; i < 3; i++)
        n += rig_frame(bytes + n, 0x81, texts[i], strlen(texts[i]));
    rig_init(&r, NULL);
    int fd = rig_connect_ws(&r);
    slow.conn = r.ws;
    slow.n = 0;
    conn_hand_over(slow.conn, &handler, &slow);
    rig_send(&r, fd, bytes, n);
    for (unsigned i = 0; i < 3; i++) {
        RIG_WAIT(&r, slow.n == i + 1);
        CHECK_STR(slow.last, texts[i]);
        for (int turn = 0; turn < 5; turn++)
            uv_run(&r.loop, UV_RUN_NOWAIT);
        CHECK_EQ(slow.n, i + 1);
        conn_hold(slow.conn, false);
    }
    conn_hold(slow.conn, true);
    close(fd);
    for (int turn = 0; turn < 5; turn++)
        uv_run(&r.loop, UV_RUN_NOWAIT);
    CHECK(slow.conn); /* nobody has looked */
    conn_hold(slow.conn, false);
    RIG_WAIT(&r, !slow.conn);
    CHECK_EQ(r.n_closed, 0);
    rig_fini(&r);
}
