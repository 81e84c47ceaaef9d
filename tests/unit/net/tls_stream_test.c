/* SPDX-License-Identifier: MIT */
#include "net/tls_rig.h"

/* Move bytes between a client that knows no socket and the server, `step` at a time
 * towards the server. */
static void exchange(struct rig *r, int fd, BIO *out, BIO *in, size_t step)
{
    char bytes[4096];
    int n;
    ssize_t k;

    while ((n = BIO_read(out, bytes, (int)step)) > 0) {
        rig_send(r, fd, bytes, (size_t)n);
        rig_turn(r);
    }
    rig_turn(r);
    while ((k = recv(fd, bytes, sizeof bytes, 0)) > 0)
        BIO_write(in, bytes, (int)k);
}

TEST(tls_split, "hello, handshake and request may arrive in pieces of any size")
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    static const size_t steps[] = {1, 2, 3, 5, 7, 64, 4096};
    SSL_CTX *ctx = tls_client();
    char folder[64];
    struct rig r;

    tls_rig_init(&r, folder, NULL);
    for (size_t v = 0; v < 2; v++)
        for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
            SSL *ssl = SSL_new(ctx);
            BIO *in = BIO_new(BIO_s_mem()), *out = BIO_new(BIO_s_mem());
            char got[256] = {0};
            size_t at = 0;
            bool is_asked = false;
            int fd = rig_connect(&r);
            uint64_t until = rig_clock_ms() + 30000;
            BIO_set_mem_eof_return(in, -1);
            SSL_set_bio(ssl, in, out);
            SSL_set_max_proto_version(ssl, versions[v]);
            SSL_set_connect_state(ssl);
            while (at < strlen(TLS_HELLO_REPLY) && rig_clock_ms() < until) {
                if (!is_asked && SSL_do_handshake(ssl) == 1)
                    is_asked = SSL_write(ssl, TLS_HELLO, (int)strlen(TLS_HELLO)) > 0;
                exchange(&r, fd, out, in, steps[i]);
                int k = is_asked ? SSL_read(ssl, got + at, (int)(sizeof got - at)) : 0;
                at += k > 0 ? (size_t)k : 0;
            }
            got[at] = 0;
            CHECK_STR(got, TLS_HELLO_REPLY);
            CHECK_EQ(SSL_version(ssl), versions[v]);
            SSL_free(ssl);
            close(fd);
        }
    SSL_CTX_free(ctx);
    tls_rig_fini(&r, folder);
}

/* Echo `total` bytes in messages of `len`, written and read as the sockets allow, and
 * compare what comes back. */
static void echo_much(struct rig *r, SSL *ssl, size_t len, size_t total)
{
    uint8_t *payload = malloc(len), *frame = malloc(len + 14), *got = malloc(1 << 16);
    size_t sent = 0, back = 0, n, head = len < 65536 ? 4 : 10;
    uint64_t until = rig_clock_ms() + 60000;

    for (size_t i = 0; i < len; i++)
        payload[i] = (uint8_t)(i * 31 + i / 251);
    n = rig_frame(frame, 0x82, payload, len);
    size_t want = total / len * (len + head);
    while (back < want && rig_clock_ms() < until) {
        if (sent < total / len * n) {
            int k = SSL_write(ssl, frame + sent % n, (int)(n - sent % n));
            sent += k > 0 ? (size_t)k : 0;
        }
        rig_turn(r);
        int k = SSL_read(ssl, got, 1 << 16);
        for (int i = 0; i < k; i++, back++)
            if (back % (len + head) >= head &&
                got[i] != payload[back % (len + head) - head]) {
                CHECK_EQ(back, want); /* the place of the first wrong byte */
            }
    }
    CHECK_EQ(back, want);
    free(payload);
    free(frame);
    free(got);
}

TEST(tls_large, "16 MiB come back whole, as one message and as many, however small the "
                "sockets are")
{
    static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
    int small = 4096;

    for (size_t v = 0; v < 2; v++) {
        SSL_CTX *ctx = tls_client();
        char folder[64];
        struct rig r;
        tls_rig_init(&r, folder, NULL);
        SSL_CTX_set_max_proto_version(ctx, versions[v]);
        SSL *ssl = tls_connect(&r, ctx, NULL);
        tls_upgrade(&r, ssl);
        echo_much(&r, ssl, 16 << 20, 16 << 20);
        echo_much(&r, ssl, 1000, 16 << 20);
        setsockopt(r.ws->fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
        echo_much(&r, ssl, 70000, 4 << 20);
        /* Each side asks the other for new keys in the middle. */
        if (versions[v] == TLS1_3_VERSION) {
            CHECK_EQ(SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED), 1);
            echo_much(&r, ssl, 1000, 1 << 20);
        }
        CHECK_EQ(r.n_closed, 0);
        tls_end(ssl);
        SSL_CTX_free(ctx);
        tls_rig_fini(&r, folder);
    }
}

TEST(tls_records, "what is sent in one turn leaves in one record")
{
    SSL_CTX *ctx = tls_client();
    uint8_t frames[2000], got[200];
    char folder[64];
    size_t n = 0;
    struct rig r;

    tls_rig_init(&r, folder, NULL);
    SSL *ssl = tls_connect(&r, ctx, NULL);
    tls_upgrade(&r, ssl);
    for (int i = 0; i < 50; i++)
        n += rig_frame(frames + n, 0x81, "ok", 2);
    tls_send(&r, ssl, frames, n);
    CHECK_EQ(tls_read(&r, ssl, got, 1), 1);
    /* SSL_pending() counts the rest of the record that the first byte was in. */
    CHECK_EQ(SSL_pending(ssl), 50 * 4 - 1);
    tls_end(ssl);
    SSL_CTX_free(ctx);
    tls_rig_fini(&r, folder);
}

TEST(tls_slow_reader, "who reads nothing is held back, and others get their own bytes")
{
    struct edge_limits limits = edge_limits_default;
    SSL_CTX *ctx = tls_client();
    int small = 4096;
    uint8_t payload[8000], frame[8100], got[8004];
    char folder[64];
    struct rig r;

    limits.high_water = 64 << 10;
    tls_rig_init(&r, folder, &limits);
    SSL *slow = tls_connect(&r, ctx, NULL);
    tls_upgrade(&r, slow);
    struct conn *slow_conn = r.ws;
    setsockopt(slow_conn->fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    setsockopt(SSL_get_fd(slow), SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    memset(payload, 's', sizeof payload);
    size_t n = rig_frame(frame, 0x82, payload, sizeof payload), n_sent = 0;
    /* The client writes whole frames until the server reads no more. */
    while (!(slow_conn->is_paused && slow_conn->is_blocked) && n_sent < 1000) {
        tls_send(&r, slow, frame, n);
        n_sent++;
        rig_turn(&r);
    }
    CHECK(slow_conn->is_paused && slow_conn->is_blocked);
    CHECK(conn_backlog(slow_conn) >= conn_queued(slow_conn));
    CHECK(conn_queued(slow_conn) > limits.high_water / 2);
    /* Meanwhile another one, through the same buffers of the edge. */
    SSL *fast = tls_connect(&r, ctx, NULL);
    tls_upgrade(&r, fast);
    for (int i = 0; i < 50; i++)
        tls_echo(&r, fast, "mine alone");
    /* The echo handler answers on the latest connection: the slow one's is it again. */
    r.ws = slow_conn;
    for (size_t i = 0; i < n_sent; i++) {
        CHECK_EQ(tls_read(&r, slow, got, sizeof got), sizeof got);
        CHECK_MEM(got + 4, payload, sizeof payload);
    }
    CHECK_EQ(conn_queued(slow_conn), 0);
    tls_end(slow);
    tls_end(fast);
    SSL_CTX_free(ctx);
    tls_rig_fini(&r, folder);
}

TEST(tls_stuck_hello, "a handshake that fills the socket goes on when there is room, and "
                      "loses nothing that came meanwhile")
{
    static const unsigned char ccs[] = {20, 3, 3, 0, 1, 1};
    SSL_CTX *ctx = tls_client();
    int small = 1;
    char folder[64];
    struct rig r;

    tls_rig_init(&r, folder, NULL);
    tls_make(folder, "long", "DNS:a.test", -60, DAY_S, 40);
    tls_use(&r, folder, "long");
    SSL_CTX_set_max_cert_list(ctx, 1 << 20);
    SSL *ssl = SSL_new(ctx);
    int fd = rig_connect(&r), result;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    struct conn *c = tls_conn(&r);
    setsockopt(c->fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    /* The hello, and behind it the first half of a record that TLS 1.3 lets a client
     * send at once. */
    BIO *out = BIO_new(BIO_s_mem());
    SSL_set0_rbio(ssl, BIO_new_socket(fd, BIO_NOCLOSE));
    SSL_set0_wbio(ssl, out);
    SSL_set_connect_state(ssl);
    CHECK(SSL_do_handshake(ssl) < 0);
    BIO_write(out, ccs, 3);
    char *bytes;
    long n = BIO_get_mem_data(out, &bytes);
    rig_send(&r, fd, bytes, (size_t)n);
    RIG_WAIT(&r, tls_stream_reads_after_write(c->tls));
    CHECK_EQ(c->events, EPOLLOUT);
    rig_send(&r, fd, ccs + 3, 3);
    SSL_set0_wbio(ssl, BIO_new_socket(fd, BIO_NOCLOSE));
    TLS_DO(&r, ssl, result, SSL_do_handshake(ssl));
    CHECK_EQ(result, 1);
    tls_send(&r, ssl, TLS_HELLO, strlen(TLS_HELLO));
    tls_expect(&r, ssl, TLS_HELLO_REPLY);
    SSL_free(ssl);
    close(fd);
    SSL_CTX_free(ctx);
    tls_rig_fini(&r, folder);
}

TEST(tls_strangers, "what is no TLS on its port, and TLS on the plain one, is answered "
                    "and ended")
{
    static const char *const garbage[] = {
        "\x16\x03\x01\xff\xff a record that is too long, with nothing in it",
        "\x80\x2e\x01\x03\x01 the hello of SSL 2, of which nothing else is left over",
        "\x01\x02\x03\x04\x05\x06 some bytes that mean nothing",
        "ssh-2.0-client\r\n",
    };
    SSL_CTX *ctx = tls_client();
    char folder[64], head[4096];
    struct rig r, plain;
    SSL *ssl;
    int fd;

    tls_rig_init(&r, folder, NULL);
    fd = rig_connect(&r);
    rig_say(&r, fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(strstr(rig_head(&r, fd, head), " 400 ") != NULL);
    rig_expect(&r, fd, "this port speaks TLS: use an address with https://\n");
    CHECK(rig_is_end(&r, fd));
    close(fd);
    for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++) {
        unsigned char got[64];
        size_t n;
        fd = rig_connect(&r);
        rig_say(&r, fd, garbage[i]);
        n = rig_read(&r, fd, got, sizeof got); /* to the end */
        CHECK(n < sizeof got);
        CHECK(n == 0 || got[0] == 21); /* an alert at most */
        CHECK(rig_is_end(&r, fd));
        close(fd);
        RIG_WAIT(&r, edge_counters(r.edge)->open == 0);
    }
    CHECK_EQ(r.n_requests, 0);
    rig_init(&plain, NULL);
    CHECK(tls_try(&plain, ctx, NULL, &ssl) <= 0);
    tls_end(ssl);
    fd = rig_connect(&plain);
    rig_send(&plain, fd, "\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03", 11);
    CHECK(strstr(rig_head(&plain, fd, head), " 400 ") != NULL);
    close(fd);
    CHECK_EQ(plain.n_requests, 0);
    rig_fini(&plain);
    SSL_CTX_free(ctx);
    tls_rig_fini(&r, folder);
}

TEST(tls_broken, "a record that was changed on the way ends the connection with an alert")
{
    SSL_CTX *ctx = tls_client();
    static unsigned char record[100 << 10] = {23, 3, 3, 0, 40};
    char folder[64];
    struct rig r;

    tls_rig_init(&r, folder, NULL);
    SSL *ssl = tls_connect(&r, ctx, NULL);
    tls_upgrade(&r, ssl);
    /* What comes behind it must not turn the end into a reset, which would overtake
     * the alert. */
    CHECK_EQ(send(SSL_get_fd(ssl), record, sizeof record, 0), sizeof record);
    CHECK(tls_is_end(&r, ssl, false) || SSL_get_shutdown(ssl));
    CHECK_EQ(tls_alert(), SSL_AD_BAD_RECORD_MAC);
    RIG_WAIT(&r, r.ws == NULL || r.ws->is_shut);
    char byte;
    CHECK_EQ(recv(SSL_get_fd(ssl), &byte, 1, 0), 0); /* no reset */
    tls_end(ssl);
    RIG_WAIT(&r, r.n_closed == 1);
    CHECK_EQ(r.code, 1006);
    CHECK_EQ(r.n_messages, 0);
    SSL_CTX_free(ctx);
    tls_rig_fini(&r, folder);
}

TEST(tls_hello_reset, "a hello whose sender is gone is not answered")
{
    struct rig r;
    char folder[64];

    tls_rig_init(&r, folder, NULL);
    int fd = rig_connect(&r);
    RIG_WAIT(&r, edge_counters(r.edge)->open == 1);
    rig_say_only(fd, "\x16\x03\x01");
    rig_reset(fd);
    RIG_WAIT(&r, edge_counters(r.edge)->open == 0);
    CHECK_EQ(edge_counters(r.edge)->bytes_in, 0);
    tls_rig_fini(&r, folder);
}

TEST(tls_notify, "the end of a reply or of a WebSocket is said in TLS, too, before the "
                 "socket's")
{
    static const char last[] =
        "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    SSL_CTX *ctx = tls_client();
    uint8_t frame[32], got[4];
    char folder[64], reply[4096];
    struct rig r;

    tls_rig_init(&r, folder, NULL);
    SSL *ssl = tls_connect(&r, ctx, NULL);
    tls_send(&r, ssl, last, strlen(last));
    size_t n = tls_read(&r, ssl, reply, sizeof reply);
    CHECK(n > 5 && memcmp(reply + n - 5, "hello", 5) == 0);
    CHECK(tls_is_end(&r, ssl, true));
    tls_end(ssl);
    ssl = tls_connect(&r, ctx, NULL);
    tls_upgrade(&r, ssl);
    n = rig_frame(frame, 0x88, "\x03\xe8", 2);
    tls_send(&r, ssl, frame, n);
    CHECK_EQ(tls_read(&r, ssl, got, 4), 4);
    CHECK_MEM(got, "\x88\x02\x03\xe8", 4);
    CHECK(tls_is_end(&r, ssl, true));
    tls_end(ssl);
    RIG_WAIT(&r, r.n_closed == 1);
    CHECK_EQ(r.code, 1000);
    SSL_CTX_free(ctx);
    tls_rig_fini(&r, folder);
}

TEST(tls_half_close, "who has sent its close_notify still gets the whole reply; a Close "
                     "in front of it counts")
{
    static const char big[] = "GET /big HTTP/1.1\r\nHost: x\r\n\r\n";
    SSL_CTX *ctx = tls_client();
    uint8_t frames[2001 * 8], *reply = malloc(2 << 20);
    char folder[64];
    size_t n = 0;
    struct rig r;

    tls_rig_init(&r, folder, NULL);
    SSL *ssl = tls_connect(&r, ctx, NULL);
    tls_send(&r, ssl, big, strlen(big));
    CHECK_EQ(SSL_shutdown(ssl), 0);
    CHECK(tls_read(&r, ssl, reply, 2 << 20) > 1 << 20);
    CHECK(tls_is_end(&r, ssl, true));
    tls_end(ssl);
    /* More messages than one turn takes, so that the end waits behind them. */
    ssl = tls_connect(&r, ctx, NULL);
    tls_upgrade(&r, ssl);
    r.mode = RIG_SINK;
    for (int i = 0; i < 2000; i++)
        n += rig_frame(frames + n, 0x81, "", 0);
    n += rig_frame(frames + n, 0x88, "\x03\xe8", 2);
    BIO *out = BIO_new(BIO_s_mem()); /* so that all of it goes in one piece */
    SSL_set0_wbio(ssl, out);
    CHECK_EQ(SSL_write(ssl, frames, (int)n), n);
    CHECK_EQ(SSL_shutdown(ssl), 0);
    char *bytes;
    long len = BIO_get_mem_data(out, &bytes);
    rig_send(&r, SSL_get_fd(ssl), bytes, (size_t)len);
    uint64_t began_ms = rig_clock_ms();
    RIG_WAIT(&r, r.n_closed == 1);
    CHECK_EQ(r.n_messages, 2000);
    CHECK_EQ(r.code, 1000);
    CHECK(rig_clock_ms() - began_ms < edge_limits_default.close_ms);
    tls_end(ssl);
    /* Without a Close it was cut off, but what came before is answered. */
    r.mode = RIG_ECHO;
    ssl = tls_connect(&r, ctx, NULL);
    tls_upgrade(&r, ssl);
    n = rig_frame(frames, 0x81, "hello", 5);
    out = BIO_new(BIO_s_mem());
    SSL_set0_wbio(ssl, out);
    CHECK_EQ(SSL_write(ssl, frames, (int)n), n);
    CHECK_EQ(SSL_shutdown(ssl), 0);
    len = BIO_get_mem_data(out, &bytes);
    rig_send(&r, SSL_get_fd(ssl), bytes, (size_t)len);
    CHECK_EQ(tls_read(&r, ssl, reply, 7), 7);
    CHECK_MEM(reply, "\x81\x05hello", 7);
    CHECK(tls_is_end(&r, ssl, true));
    RIG_WAIT(&r, r.n_closed == 2);
    CHECK_EQ(r.code, 1006);
    tls_end(ssl);
    free(reply);
    SSL_CTX_free(ctx);
    tls_rig_fini(&r, folder);
}

TEST(tls_times, "a handshake has head_ms; more connections than allowed are just closed")
{
    struct edge_limits limits = edge_limits_default;
    char folder[64];
    struct rig r;

    limits.max_conns = 1;
    limits.head_ms = 5000;
    tls_rig_init(&r, folder, &limits);
    rig_stop_clock();
    int fd = rig_connect(&r), second;
    rig_send(&r, fd, "\x16\x03\x01\x00\xc8\x01", 6); /* the start of a hello */
    RIG_WAIT(&r, edge_counters(r.edge)->open == 1 && edge_counters(r.edge)->bytes_in == 6);
    second = rig_connect(&r);
    CHECK(rig_is_end(&r, second));
    close(second);
    rig_later(&r, 3000);
    CHECK_EQ(edge_counters(r.edge)->open, 1);
    rig_later(&r, 2500);
    CHECK_EQ(edge_counters(r.edge)->open, 0);
    CHECK(rig_is_end(&r, fd));
    close(fd);
    tls_rig_fini(&r, folder);
}

TEST(tls_turn, "a connection writes 16 records in a turn, then the others have theirs")
{
    SSL_CTX *ctx = tls_client();
    struct chunk *big = chunk_new(2 << 20);
    int room = 1 << 20;
    char folder[64];
    struct rig r;

    tls_rig_init(&r, folder, NULL);
    SSL *ssl = tls_connect(&r, ctx, NULL);
    tls_upgrade(&r, ssl);
    setsockopt(r.ws->fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    memset(big->bytes, 0, big->len); /* the other side does not look at it */
    conn_send(r.ws, big);
    conn_flush(r.ws);
    CHECK_EQ(conn_queued(r.ws), (2 << 20) - 16 * TLS_RECORD_BYTES);
    CHECK(r.ws->is_blocked);
    chunk_unref(&big);
    tls_end(ssl);
    SSL_CTX_free(ctx);
    tls_rig_fini(&r, folder);
}

TEST(tls_last_words, "after a write has failed, a Close that had come before is still read")
{
    SSL_CTX *ctx = tls_client();
    struct linger reset = {.l_onoff = 1};
    struct chunk *frame = ws_frame_chunk(WS_TEXT, (const uint8_t *)"hello", 5);
    uint8_t close_frame[32];
    char folder[64];
    struct rig r;

    tls_rig_init(&r, folder, NULL);
    SSL *ssl = tls_connect(&r, ctx, NULL);
    tls_upgrade(&r, ssl);
    size_t n = rig_frame(close_frame, 0x88, "\x03\xe8", 2);
    CHECK_EQ(SSL_write(ssl, close_frame, (int)n), n);
    setsockopt(SSL_get_fd(ssl), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    tls_end(ssl);
    conn_send(r.ws, frame);
    conn_flush(r.ws);
    CHECK_EQ(conn_queued(r.ws), 0); /* given up */
    RIG_WAIT(&r, r.n_closed == 1);
    CHECK_EQ(r.code, 1000);
    chunk_unref(&frame);
    SSL_CTX_free(ctx);
    tls_rig_fini(&r, folder);
}
