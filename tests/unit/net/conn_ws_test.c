/* SPDX-License-Identifier: MIT */
#include "net/conn_impl.h"
#include "net/rig.h"

TEST(ws_echo, "text, binary and empty messages come back as they were")
{
    struct rig r;

    rig_init(&r, NULL);
    int fd = rig_connect_ws(&r);
    rig_send_frame(&r, fd, 0x81, "Hello", 5);
    rig_expect_frame(&r, fd, 0x81, "Hello", 5);
    rig_send_frame(&r, fd, 0x82, "\0\1\2", 3);
    rig_expect_frame(&r, fd, 0x82, "\0\1\2", 3);
    rig_send_frame(&r, fd, 0x81, "", 0);
    rig_expect_frame(&r, fd, 0x81, "", 0);
    rig_send_frame(&r, fd, 0x01, "frag", 4);
    rig_send_frame(&r, fd, 0x89, "in between", 10);
    rig_send_frame(&r, fd, 0x80, "ment", 4);
    rig_expect_frame(&r, fd, 0x8a, "in between", 10);
    rig_expect_frame(&r, fd, 0x81, "fragment", 8);
    CHECK_EQ(edge_counters(r.edge)->messages_in, 4);
    CHECK_EQ(edge_counters(r.edge)->messages_out, 4);
    close(fd);
    rig_fini(&r);
    CHECK_EQ(r.n_closed, 1);
}

/* A 32 MiB message needs some 250 reads, and its echo as many writes. */
TEST(ws_huge, "a message far above max_out_bytes is echoed, twice in a row")
{
    size_t len = 32 << 20;
    uint8_t *frame = malloc(len + 14), *payload = malloc(len), *got = malloc(len + 10);
    struct rig r;

    for (size_t i = 0; i < len; i++)
        payload[i] = (uint8_t)(i * 7 + (i >> 12));
    size_t n = rig_frame(frame, 0x82, payload, len), sent = 0, back = 0;
    rig_init(&r, NULL);
    int fd = rig_connect_ws(&r);
    uint64_t until = rig_clock_ms() + 30000;
    for (int round = 0; round < 2; round++) {
        for (sent = back = 0; (sent < n || back < len + 10) && rig_clock_ms() < until;) {
            ssize_t k = sent < n ? send(fd, frame + sent, n - sent, MSG_NOSIGNAL) : 0;
            sent += k > 0 ? (size_t)k : 0;
            k = recv(fd, got + back, len + 10 - back, 0);
            back += k > 0 ? (size_t)k : 0;
            rig_turn(&r);
        }
        CHECK_EQ(back, len + 10);
        CHECK_MEM(got + 10, payload, len);
    }
    close(fd);
    rig_fini(&r);
    free(frame);
    free(payload);
    free(got);
}

TEST(ws_early, "a handshake split at any byte, with frames right behind it")
{
    static const char head[] = RIG_UPGRADE;
    uint8_t all[sizeof head + 64];
    struct rig r;

    rig_init(&r, NULL);
    memcpy(all, head, sizeof head - 1);
    size_t n = sizeof head - 1;
    n += rig_frame(all + n, 0x81, "one", 3);
    n += rig_frame(all + n, 0x81, "two", 3);
    for (size_t cut = 1; cut <= n; cut++) {
        int fd = rig_connect(&r);
        rig_send(&r, fd, all, cut);
        rig_turn(&r);
        rig_send(&r, fd, all + cut, n - cut);
        rig_expect(&r, fd, RIG_ACCEPTED);
        rig_expect_frame(&r, fd, 0x81, "one", 3);
        rig_expect_frame(&r, fd, 0x81, "two", 3);
        close(fd);
    }
    rig_fini(&r);
    CHECK_EQ(r.n_closed, n);
}

TEST(ws_bytes, "one byte a segment makes the same conversation")
{
    static const char head[] = RIG_UPGRADE;
    uint8_t frame[32];
    struct rig r;

    rig_init(&r, NULL);
    int fd = rig_connect(&r);
    for (size_t i = 0; i < sizeof head - 1; i++)
        rig_send(&r, fd, head + i, 1);
    size_t n = rig_frame(frame, 0x81, "slow", 4);
    for (size_t i = 0; i < n; i++)
        rig_send(&r, fd, frame + i, 1);
    rig_expect(&r, fd, RIG_ACCEPTED);
    rig_expect_frame(&r, fd, 0x81, "slow", 4);
    close(fd);
    rig_fini(&r);
}

TEST(ws_refused,
     "a handshake that is not right is answered, and what follows is no request")
{
    struct rig r;
    char head[4096];

    rig_init(&r, NULL);
    int fd = rig_connect(&r);
    rig_say(&r, fd,
            "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 8\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    rig_head(&r, fd, head);
    CHECK(memcmp(head, "HTTP/1.1 426 ", 13) == 0);
    CHECK(strstr(head, "Connection: close\r\n") != NULL);
    CHECK(strstr(head, "Upgrade: websocket\r\n") != NULL);
    RIG_WAIT(&r, edge_counters(r.edge)->bytes_out > 0);
    CHECK_EQ(r.n_requests, 1);
    close(fd);
    rig_fini(&r);
    CHECK_EQ(r.n_closed, 0);
}

TEST(ws_subprotocol, "the chosen subprotocol stands in the answer; a 100 comes before it")
{
    struct rig r;

    rig_init(&r, NULL);
    int fd = rig_connect(&r);
    rig_say(&r, fd,
            "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            "Expect: 100-continue\r\nSec-WebSocket-Protocol: a, chat\r\n\r\n");
    rig_expect(&r, fd,
               "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 Switching Protocols\r\n"
               "Upgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
               "Sec-WebSocket-Protocol: chat\r\n\r\n");
    close(fd);
    rig_fini(&r);
}

TEST(ws_peer_close,
     "the peer's Close is echoed, empty for empty, and the server ends the TCP")
{
    static const struct {
        const char *payload;
        size_t len;
        uint16_t echoed, told;
    } cases[] = {
        {"\x03\xe8",     2, 1000, 1000},
        {"\x0f\xa1 why", 6, 4001, 4001},
        {"",             0, 0,    1005},
    };
    struct rig r;

    rig_init(&r, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int fd = rig_connect_ws(&r);
        rig_send_frame(&r, fd, 0x88, cases[i].payload, cases[i].len);
        rig_send_frame(&r, fd, 0x81, "too late", 8);
        rig_expect_close(&r, fd, cases[i].echoed);
        CHECK(rig_is_end(&r, fd));
        close(fd);
        RIG_WAIT(&r, r.n_closed == i + 1);
        CHECK_EQ(r.code, cases[i].told);
    }
    CHECK_EQ(r.n_messages, 0);
    CHECK_EQ(edge_counters(r.edge)->open, 0);
    CHECK_EQ(edge_counters(r.edge)->open_ws, 0);
    rig_fini(&r);
    CHECK_EQ(r.n_closed, 3);
}

TEST(ws_our_close, "our Close waits for the peer's, and data in between is ignored")
{
    struct rig r;

    rig_init(&r, NULL);
    r.mode = RIG_CLOSE;
    rig_stop_clock(); /* so that no time-out ends it */
    int fd = rig_connect_ws(&r);
    rig_send_frame(&r, fd, 0x81, "go", 2);
    rig_expect_frame(&r, fd, 0x88,
                     "\x0f\xa0"
                     "enough",
                     8);
    rig_send_frame(&r, fd, 0x81, "more", 4);
    rig_send_frame(&r, fd, 0x89, "ping", 4);
    for (int i = 0; i < 5; i++)
        rig_turn(&r);
    CHECK_EQ(r.n_messages, 1);
    CHECK_EQ(r.n_closed, 0);
    rig_send_frame(&r, fd, 0x88, "\x03\xe8", 2);
    CHECK(rig_is_end(&r, fd));
    close(fd);
    RIG_WAIT(&r, r.n_closed == 1);
    CHECK_EQ(r.code, 4000);
    rig_fini(&r);
}

TEST(ws_close_silent, "a peer that never answers our Close is dropped after close_ms")
{
    struct rig r;

    rig_init(&r, NULL);
    r.mode = RIG_CLOSE;
    rig_stop_clock();
    int fd = rig_connect_ws(&r);
    rig_send_frame(&r, fd, 0x81, "go", 2);
    rig_expect_close(&r, fd, 4000);
    rig_later(&r, 1000);
    CHECK_EQ(r.n_closed, 0);
    rig_later(&r, 3000);
    RIG_WAIT(&r, r.n_closed == 1);
    CHECK_EQ(r.code, 4000);
    CHECK(rig_is_end(&r, fd));
    close(fd);
    rig_fini(&r);
}

TEST(ws_error, "a bad frame is answered with its code after the good ones before it")
{
    static const struct {
        uint8_t bytes[8];
        size_t len;
        uint16_t code;
    } cases[] = {
        {{0x81, 0x05},                         2, 1002},
        {{0xc1, 0x80},                         2, 1002},
        {{0x83, 0x80},                         2, 1002},
        {{0x88, 0x81, 0, 0, 0, 0, 3},          7, 1002},
        {{0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28}, 8, 1007},
    };
    struct rig r;

    rig_init(&r, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t all[32];
        size_t n = rig_frame(all, 0x81, "ok", 2);
        int fd = rig_connect_ws(&r);
        memcpy(all + n, cases[i].bytes, cases[i].len);
        rig_send(&r, fd, all, n + cases[i].len);
        rig_expect_frame(&r, fd, 0x81, "ok", 2);
        rig_expect_close(&r, fd, cases[i].code);
        CHECK(rig_is_end(&r, fd)); /* no wait for a Close that cannot be read */
        CHECK_EQ(edge_counters(r.edge)->protocol_errors, i + 1);
        close(fd);
        RIG_WAIT(&r, r.n_closed == i + 1);
        CHECK_EQ(r.code, cases[i].code);
    }
    rig_fini(&r);
}

TEST(ws_too_big, "a message above the connection's limit is refused with 1009")
{
    struct rig r;

    rig_init(&r, NULL);
    r.max_message = 10;
    int fd = rig_connect_ws(&r);
    rig_send_frame(&r, fd, 0x82, "0123456789", 10);
    rig_expect_frame(&r, fd, 0x82, "0123456789", 10);
    rig_send_frame(&r, fd, 0x02, "01234", 5);
    rig_send_frame(&r, fd, 0x80, "567890", 6);
    rig_expect_close(&r, fd, 1009);
    close(fd);
    rig_fini(&r);
}

TEST(ws_handler_ends, "a handler may abort its connection or close the edge under it")
{
    for (int mode = RIG_ABORT; mode <= RIG_SHUT; mode++) {
        uint8_t all[64];
        struct rig r;
        rig_init(&r, NULL);
        r.mode = (enum rig_mode)mode;
        int fd = rig_connect_ws(&r);
        size_t n = rig_frame(all, 0x81, "one", 3);
        n += rig_frame(all + n, 0x81, "two", 3);
        rig_send(&r, fd, all, n);
        RIG_WAIT(&r, r.n_closed == 1);
        CHECK_EQ(r.n_messages, 1);
        CHECK_EQ(r.code, 1006);
        CHECK(rig_is_end(&r, fd));
        close(fd);
        rig_fini(&r);
        CHECK_EQ(r.n_closed, 1);
    }
}

TEST(ws_ping_burst, "a burst of pings is answered in order at first, then merged")
{
    enum { BURST = 20000 };
    uint8_t *all = malloc(BURST * 10);
    size_t n = 0;
    struct rig r;
    uint8_t pong[6];
    uint32_t last = 0, got = 0;

    for (uint32_t i = 1; i <= BURST; i++)
        n += rig_frame(all + n, 0x89, &i, sizeof i);
    rig_init(&r, NULL);
    int fd = rig_connect_ws(&r);
    rig_send(&r, fd, all, n);
    while (last != BURST && rig_read(&r, fd, pong, 6) == 6) {
        uint32_t i;
        CHECK_EQ(pong[0], 0x8a);
        memcpy(&i, pong + 2, sizeof i);
        CHECK(i > last);
        if (i <= 64)
            CHECK_EQ(i, last + 1);
        last = i;
        got++;
    }
    CHECK_EQ(last, BURST);
    CHECK(got < BURST);
    rig_send_frame(&r, fd, 0x81, "alive", 5);
    rig_expect_frame(&r, fd, 0x81, "alive", 5);
    close(fd);
    rig_fini(&r);
    free(all);
}

TEST(ws_keep_alive, "a silent peer is pinged, and dropped with 1006 unless it answers")
{
    struct rig r;

    rig_init(&r, NULL);
    rig_stop_clock();
    int fd = rig_connect_ws(&r);
    rig_later(&r, 20000);
    CHECK_EQ(recv(fd, &(char){0}, 1, MSG_DONTWAIT), -1);
    rig_later(&r, 5000);
    rig_expect_frame(&r, fd, 0x89, "", 0);
    rig_send_frame(&r, fd, 0x8a, "", 0); /* so it lives */
    RIG_WAIT(&r, edge_counters(r.edge)->bytes_in > 0 && r.ws->heard_ms == edge_now_ms());
    rig_later(&r, 25000);
    rig_expect_frame(&r, fd, 0x89, "", 0);
    rig_later(&r, 30000);
    CHECK_EQ(r.n_closed, 0);
    rig_later(&r, 5000);
    RIG_WAIT(&r, r.n_closed == 1);
    CHECK_EQ(r.code, 1006);
    CHECK(rig_is_end(&r, fd));
    close(fd);
    rig_fini(&r);
}

TEST(ws_close_bound,
     "close_ms bounds it all: the wait for the peer's Close and for its FIN")
{
    struct rig r;

    rig_init(&r, NULL);
    r.mode = RIG_CLOSE;
    rig_stop_clock();
    int fd = rig_connect_ws(&r);
    rig_send_frame(&r, fd, 0x81, "go", 2);
    rig_expect_close(&r, fd, 4000);
    rig_later(&r, 1900);
    rig_send_frame(&r, fd, 0x88, "", 0);
    CHECK(rig_is_end(&r, fd)); /* shut down; the client does not close its side */
    CHECK_EQ(r.n_closed, 0);
    rig_later(&r, 1100);
    RIG_WAIT(&r, r.n_closed == 1);
    CHECK_EQ(r.code, 4000);
    close(fd);
    rig_fini(&r);
}

TEST(ws_next, "a handler may take the whole messages of a read; all else keeps its place")
{
    static const uint8_t bad[] = {0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28};
    uint8_t all[20000];
    struct rig r;
    size_t n = 0;

    rig_init(&r, NULL);
    r.mode = RIG_PULL;
    int fd = rig_connect_ws(&r);
    n += rig_frame(all + n, 0x81, "one", 3);
    n += rig_frame(all + n, 0x82, "two", 3);
    n += rig_frame(all + n, 0x81, "", 0);
    n += rig_frame(all + n, 0x89, "ping", 4);
    n += rig_frame(all + n, 0x01, "frag", 4);
    n += rig_frame(all + n, 0x80, "ment", 4);
    n += rig_frame(all + n, 0x81, "three", 5);
    memcpy(all + n, bad, sizeof bad);
    rig_send(&r, fd, all, n + sizeof bad);
    rig_expect_frame(&r, fd, 0x81, "one", 3);
    rig_expect_frame(&r, fd, 0x82, "two", 3);
    rig_expect_frame(&r, fd, 0x81, "", 0);
    rig_expect_frame(&r, fd, 0x8a, "ping", 4);
    rig_expect_frame(&r, fd, 0x81, "fragment", 8);
    rig_expect_frame(&r, fd, 0x81, "three", 5);
    rig_expect_close(&r, fd, 1007);
    CHECK_EQ(r.n_messages, 3);
    CHECK_EQ(r.n_pulled, 2);
    CHECK_EQ(edge_counters(r.edge)->messages_in, 5);
    CHECK_EQ(edge_counters(r.edge)->protocol_errors, 1);
    close(fd);

    /* A turn has 1024, however they are taken. */
    fd = rig_connect_ws(&r);
    r.n_messages = r.n_pulled = 0;
    n = 0;
    for (int i = 0; i < 1500; i++)
        n += rig_frame(all + n, 0x82, "x", 1);
    rig_send(&r, fd, all, n);
    RIG_WAIT(&r, r.n_messages + r.n_pulled == 1500);
    CHECK_EQ(r.n_messages, 2);
    close(fd);

    /* Limits are asked message by message. */
    r.is_limited = true;
    r.n_pulled = 0;
    fd = rig_connect_ws(&r);
    rig_send(&r, fd, all, n / 1500 * 3);
    rig_expect_frame(&r, fd, 0x82, "x", 1);
    rig_expect_frame(&r, fd, 0x82, "x", 1);
    rig_expect_frame(&r, fd, 0x82, "x", 1);
    CHECK_EQ(r.n_pulled, 0);
    close(fd);
    rig_fini(&r);
}
