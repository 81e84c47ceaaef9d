/* SPDX-License-Identifier: MIT */
#include "net/conn_impl.h"
#include "net/rig.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"

static const char hello[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"
                            "Content-Type: text/plain\r\nX-One: 1\r\n\r\nhello";

/* Send this, check the status, and that the connection ends. */
static void check_fails(struct rig *r, const char *bytes, size_t n, int status)
{
    char head[4096], body[256], want[64];
    int fd = rig_connect(r);
    uint64_t errors = edge_counters(r->edge)->protocol_errors;

    rig_send(r, fd, bytes, n);
    rig_head(r, fd, head);
    snprintf(want, sizeof want, "HTTP/1.1 %d ", status);
    CHECK_EQ(strncmp(head, want, strlen(want)), 0);
    CHECK(strstr(head, "\r\nConnection: close\r\n") != NULL);
    CHECK(strstr(head, "\r\nX-Content-Type-Options: nosniff\r\n") != NULL);
    const char *length = strstr(head, "Content-Length: ");
    CHECK(length != NULL);
    size_t len = (size_t)atoi(length + 16);
    CHECK(len > 0 && len < sizeof body);
    CHECK_EQ(rig_read(r, fd, body, len), len);
    CHECK(rig_is_end(r, fd));
    CHECK_EQ(edge_counters(r->edge)->protocol_errors, errors + 1);
    close(fd);
}

TEST(http_keep_alive, "one connection serves request after request")
{
    struct rig r;

    rig_init(&r, NULL);
    int fd = rig_connect(&r);
    for (int i = 0; i < 3; i++) {
        rig_say(&r, fd, GET("/hello"));
        rig_expect(&r, fd, hello);
    }
    CHECK_EQ(edge_counters(r.edge)->accepted, 1);
    rig_say(&r, fd, "GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    rig_expect(&r, fd,
               "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n"
               "X-One: 1\r\nConnection: close\r\n\r\nhello");
    CHECK(rig_is_end(&r, fd));
    close(fd);
    RIG_WAIT(&r, edge_counters(r.edge)->open == 0);
    rig_fini(&r);
}

TEST(http_pipelined, "requests in one segment, or in any two, are answered in order")
{
    static const char both[] = GET("/hello") "POST /echo HTTP/1.1\r\nHost: x\r\n"
                                             "Content-Length: 4\r\n\r\nbody" GET("/hello");
    struct rig r;

    rig_init(&r, NULL);
    for (size_t cut = 0; cut < sizeof both - 1; cut++) {
        int fd = rig_connect(&r);
        rig_send(&r, fd, both, cut);
        rig_turn(&r);
        rig_send(&r, fd, both + cut, sizeof both - 1 - cut);
        rig_expect(&r, fd, hello);
        rig_expect(&r, fd,
                   "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n"
                   "Content-Type: text/plain\r\n\r\nbody");
        rig_expect(&r, fd, hello);
        close(fd);
    }
    rig_fini(&r);
}

/* More requests than one turn serves, and more output than may wait. */
TEST(http_many, "thousands of pipelined requests are all answered, within bounded memory")
{
    enum { MANY = 3000 };
    struct rig r;
    size_t one = sizeof GET("/hello") - 1, at = 0, got = 0, most = 0;
    char *all = malloc(MANY * one), *back = malloc(64 << 10);
    struct conn *c = NULL;

    for (int i = 0; i < MANY; i++)
        memcpy(all + (size_t)i * one, GET("/hello"), one);
    rig_init(&r, NULL);
    int fd = rig_connect(&r);
    uint64_t until = rig_clock_ms() + 30000;
    while (got < MANY * (sizeof hello - 1) && rig_clock_ms() < until) {
        ssize_t k = at < MANY * one ? send(fd, all + at, MANY * one - at, MSG_NOSIGNAL) : 0;
        at += k > 0 ? (size_t)k : 0;
        rig_turn(&r);
        if (!link_is_alone(&r.edge->conns))
            c = LINK_OWNER(r.edge->conns.next, struct conn, all);
        if (c && conn_queued(c) > most)
            most = conn_queued(c);
        k = recv(fd, back, 64 << 10, 0);
        got += k > 0 ? (size_t)k : 0;
    }
    CHECK_EQ(got, MANY * (sizeof hello - 1));
    CHECK_EQ(r.n_requests, MANY);
    CHECK(most <= r.edge->limits.high_water + 4096);
    close(fd);
    rig_fini(&r);
    free(all);
    free(back);
}

TEST(http_head, "HEAD gets the headers of GET and no body")
{
    struct rig r;

    rig_init(&r, NULL);
    int fd = rig_connect(&r);
    rig_say(&r, fd, "HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\n" GET("/nowhere"));
    rig_expect(&r, fd,
               "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n"
               "X-One: 1\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 13\r\n"
               "Content-Type: text/plain; charset=utf-8\r\n"
               "X-Content-Type-Options: nosniff\r\n\r\nnothing here\n");
    close(fd);
    rig_fini(&r);
}

TEST(http_continue, "a client that waits for 100 Continue gets it once")
{
    struct rig r;

    rig_init(&r, NULL);
    int fd = rig_connect(&r);
    for (int i = 0; i < 2; i++) {
        rig_say(&r, fd,
                "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
                "Expect: 100-continue\r\n\r\n");
        rig_expect(&r, fd, "HTTP/1.1 100 Continue\r\n\r\n");
        rig_say(&r, fd, "bo");
        rig_turn(&r);
        rig_say(&r, fd, "dy");
        rig_expect(&r, fd,
                   "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n"
                   "Content-Type: text/plain\r\n\r\nbody");
    }
    close(fd);
    rig_fini(&r);
}

TEST(http_old, "HTTP/1.0 closes after the reply, unless it asks to be kept")
{
    struct rig r;

    rig_init(&r, NULL);
    int fd = rig_connect(&r);
    rig_say(&r, fd, "GET /hello HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n");
    rig_expect(&r, fd,
               "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n"
               "X-One: 1\r\nConnection: keep-alive\r\n\r\nhello");
    rig_say(&r, fd, "GET /hello HTTP/1.0\r\nHost: x\r\n\r\n");
    rig_expect(&r, fd,
               "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n"
               "X-One: 1\r\nConnection: close\r\n\r\nhello");
    CHECK(rig_is_end(&r, fd));
    close(fd);
    rig_fini(&r);
}

TEST(http_errors, "a request that is not valid is answered with its status, then it ends")
{
    static const struct {
        const char *text;
        int status;
    } cases[] = {
        {"GET / HTTP/1.1\r\n\r\n",                                         400},
        {"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",                   400},
        {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",                   400},
        {"GET / HTTP/2.0\r\nHost: x\r\n\r\n",                              505},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n", 413},
        {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",  501},
    };
    struct rig r;

    rig_init(&r, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_fails(&r, cases[i].text, strlen(cases[i].text), cases[i].status);
    CHECK_EQ(r.n_requests, 0);
    rig_fini(&r);
}

/* The client is still sending when the answer leaves: the answer must arrive. */
TEST(http_too_long, "64 KiB of header are answered 431, of address 414")
{
    size_t n = 64 << 10;
    char *text = malloc(n);
    struct rig r;

    rig_init(&r, NULL);
    memset(text, 'a', n);
    memcpy(text, "GET / HTTP/1.1\r\nHost: x\r\nX-A: ", 30);
    check_fails(&r, text, n, 431);
    memset(text, 'a', n);
    memcpy(text, "GET /", 5);
    check_fails(&r, text, n, 414);
    rig_fini(&r);
    free(text);
}

TEST(http_slow,
     "a stalled head is answered 408 within head_ms, a silent client just dropped")
{
    struct rig r;
    char head[4096];

    rig_init(&r, NULL);
    rig_stop_clock();
    int silent = rig_connect(&r), slow = rig_connect(&r);
    rig_say(&r, slow, "GET / HTTP/1.1\r\n");
    RIG_WAIT(&r, edge_counters(r.edge)->bytes_in == 16);
    rig_later(&r, 5000);
    rig_say(&r, slow, "Host: x\r\n"); /* a byte now and then wins no time */
    RIG_WAIT(&r, edge_counters(r.edge)->bytes_in == 25);
    CHECK_EQ(edge_counters(r.edge)->open, 2);
    rig_later(&r, 5000);
    CHECK_EQ(memcmp(rig_head(&r, slow, head), "HTTP/1.1 408 ", 13), 0);
    CHECK(rig_is_end(&r, silent));
    close(silent);
    close(slow);
    rig_fini(&r);
}

TEST(http_idle, "between requests there is keep_alive_ms, and head_ms once one has begun")
{
    struct rig r;
    char head[4096];

    rig_init(&r, NULL);
    rig_stop_clock();
    int idle = rig_connect(&r), slow = rig_connect(&r);
    rig_say(&r, idle, GET("/hello"));
    rig_say(&r, slow, GET("/hello"));
    rig_expect(&r, idle, hello);
    rig_expect(&r, slow, hello);
    rig_later(&r, 15000);
    CHECK_EQ(edge_counters(r.edge)->open, 2);
    rig_say(&r, slow, "GET");
    RIG_WAIT(&r, edge_counters(r.edge)->bytes_in == 2 * (sizeof GET("/hello") - 1) + 3);
    rig_later(&r, 10000);
    CHECK_EQ(memcmp(rig_head(&r, slow, head), "HTTP/1.1 408 ", 13), 0);
    CHECK_EQ(recv(idle, head, 1, 0), -1);
    rig_later(&r, 5000);
    CHECK(rig_is_end(&r, idle));
    close(idle);
    close(slow);
    rig_fini(&r);
}

TEST(http_half_close,
     "a client that closes its side after the request still gets the reply")
{
    struct rig r;
    char head[4096];
    char *body = malloc(1 << 20);

    rig_init(&r, NULL);
    rig_stop_clock();
    int fd = rig_connect(&r), small = 4096;
    RIG_WAIT(&r, edge_counters(r.edge)->open == 1);
    struct conn *c = LINK_OWNER(r.edge->conns.next, struct conn, all);
    setsockopt(c->fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    rig_say(&r, fd, GET("/big"));
    shutdown(fd, SHUT_WR);
    rig_head(&r, fd, head);
    CHECK_EQ(memcmp(head, "HTTP/1.1 200 ", 13), 0);
    CHECK_EQ(rig_read(&r, fd, body, 1 << 20), 1 << 20);
    CHECK(rig_is_end(&r, fd));
    RIG_WAIT(&r, edge_counters(r.edge)->open == 0);
    close(fd);
    rig_fini(&r);
    free(body);
}

TEST(http_abort, "a handler may abort the connection instead of a reply")
{
    struct rig r;

    rig_init(&r, NULL);
    int fd = rig_connect(&r);
    rig_say(&r, fd, GET("/abort") GET("/hello"));
    CHECK(rig_is_end(&r, fd));
    CHECK_EQ(r.n_requests, 1);
    close(fd);
    rig_fini(&r);
}

TEST(http_stuck, "a reply has time as long as it moves, and is given up once it does not")
{
    struct rig r;
    char *buffer = malloc(1 << 20);

    rig_init(&r, NULL);
    rig_stop_clock();
    int fd = rig_connect(&r);
    rig_say(&r, fd, GET("/hello"));
    rig_expect(&r, fd, hello);
    struct conn *c = LINK_OWNER(r.edge->conns.next, struct conn, all);
    int small = 4096, medium = 65536;
    setsockopt(c->fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &medium, sizeof medium);
    rig_say(&r, fd, "GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    RIG_WAIT(&r, c->is_blocked);
    for (int i = 0; i < 3; i++) { /* a reader that is slow, but reads */
        rig_later(&r, 20000);
        CHECK_EQ(edge_counters(r.edge)->open, 1);
        RIG_WAIT(&r, (recv(fd, buffer, 8192, 0), c->heard_ms == edge_now_ms()));
    }
    for (int i = 0; i < 50; i++)
        rig_turn(&r);
    CHECK(conn_queued(c) > 0);
    rig_later(&r, 31000);
    CHECK_EQ(edge_counters(r.edge)->open, 0);
    close(fd);
    rig_fini(&r);
    free(buffer);
}

TEST(http_short_keep_alive,
     "keep_alive_ms counts from the reply, even where it is below head_ms")
{
    struct edge_limits limits = edge_limits_default;
    struct rig r;

    limits.keep_alive_ms = 2000;
    rig_init(&r, &limits);
    rig_stop_clock();
    int fd = rig_connect(&r);
    rig_say(&r, fd, GET("/hello"));
    rig_expect(&r, fd, hello);
    rig_later(&r, 2000);
    CHECK(rig_is_end(&r, fd));
    close(fd);
    rig_fini(&r);
}

TEST(http_linger,
     "after the last reply the client has close_ms to close, however long it took")
{
    struct rig r;
    char head[4096], *buffer = malloc(1 << 20);

    rig_init(&r, NULL);
    rig_stop_clock();
    int fd = rig_connect(&r), small = 4096;
    RIG_WAIT(&r, edge_counters(r.edge)->open == 1);
    struct conn *c = LINK_OWNER(r.edge->conns.next, struct conn, all);
    setsockopt(c->fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    rig_say(&r, fd, "GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    RIG_WAIT(&r, c->is_blocked);
    rig_later(&r, 20000);
    rig_head(&r, fd, head);
    CHECK_EQ(rig_read(&r, fd, buffer, 1 << 20), 1 << 20);
    CHECK(rig_is_end(&r, fd));
    rig_later(&r, 1000);
    CHECK_EQ(edge_counters(r.edge)->open, 1);
    rig_later(&r, 3000);
    CHECK_EQ(edge_counters(r.edge)->open, 0);
    close(fd);
    rig_fini(&r);
    free(buffer);
}
