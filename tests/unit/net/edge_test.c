/* SPDX-License-Identifier: MIT */
#include <sys/resource.h>

#include "base/logger.h"
#include "net/conn_impl.h"
#include "net/edge.h"
#include "net/listener.h"
#include "net/rig.h"

TEST(edge_in_use, "a port that another listens on is an error that names it")
{
    struct rig r, other;
    struct err e;
    char want[64];

    rig_init(&r, NULL);
    rig_init(&other, NULL);
    CHECK(edge_listen(other.edge, "127.0.0.1", r.port, true, &e) < 0);
    snprintf(want, sizeof want, "port %u on 127.0.0.1 is in use", r.port);
    CHECK_EQ(strncmp(e.text, want, strlen(want)), 0);
    CHECK_EQ(edge_port(other.edge), other.port);
    /* Workers of one server share the port, without the probe. */
    CHECK_EQ(edge_listen(other.edge, "127.0.0.1", r.port, false, &e), 0);
    rig_fini(&r);
    rig_fini(&other);
}

TEST(edge_bad_address, "an address that is no address, or not ours, is an error")
{
    struct rig r;
    struct err e;

    rig_init(&r, NULL);
    CHECK(edge_listen(r.edge, "no such host.invalid", 0, true, &e) < 0);
    CHECK(strstr(e.text, "no such host.invalid") != NULL);
    CHECK(edge_listen(r.edge, "192.0.2.77", 0, true, &e) < 0);
    CHECK_STR(e.text, "192.0.2.77 is not an address of this machine");
    rig_fini(&r);
}

TEST(edge_localhost, "a name listens on each of its addresses, all with one port")
{
    struct rig r;
    struct err e;

    rig_init(&r, NULL);
    edge_stop_listening(r.edge);
    CHECK_EQ(edge_port(r.edge), 0);
    CHECK_EQ(edge_listen(r.edge, "localhost", 0, true, &e), 0);
    r.port = edge_port(r.edge);
    for (struct link *l = r.edge->listeners.next; l != &r.edge->listeners; l = l->next)
        CHECK_EQ(listener_port(listener_of_link(l)), r.port);
    int fd = rig_connect_ws(&r); /* 127.0.0.1 is among them */
    CHECK_STR(conn_address(r.ws), "127.0.0.1");
    CHECK(conn_is_loopback(r.ws));
    close(fd);
    rig_fini(&r);
}

TEST(edge_both_families, "\"::\" takes IPv4 as well and shows such a peer as IPv4")
{
    struct rig r;
    struct err e;

    rig_init(&r, NULL);
    edge_stop_listening(r.edge);
    if (edge_listen(r.edge, "::", 0, true, &e) == 0) { /* this machine has IPv6 */
        r.port = edge_port(r.edge);
        int fd = rig_connect_ws(&r);
        CHECK_STR(conn_address(r.ws), "127.0.0.1");
        CHECK(conn_is_loopback(r.ws));
        close(fd);
    } else {
        CHECK(e.text[0] != 0);
    }
    rig_fini(&r);
}

TEST(edge_full, "over max_conns a newcomer is answered 503; room that frees is given again")
{
    struct edge_limits limits = edge_limits_default;
    struct rig r;
    char head[4096];

    limits.max_conns = 2;
    rig_init(&r, &limits);
    int a = rig_connect_ws(&r), b = rig_connect_ws(&r), c = rig_connect(&r);
    CHECK_EQ(memcmp(rig_head(&r, c, head), "HTTP/1.1 503 ", 13), 0);
    CHECK_EQ(edge_counters(r.edge)->refused, 1);
    close(c);
    close(b);
    RIG_WAIT(&r, edge_counters(r.edge)->open == 1);
    b = rig_connect_ws(&r);
    CHECK_EQ(edge_counters(r.edge)->accepted, 3);
    close(a);
    close(b);
    rig_fini(&r);
}

TEST(edge_flood, "in a flood those far above max_conns are closed without a word")
{
    struct edge_limits limits = edge_limits_default;
    struct rig r;
    int fds[24];

    limits.max_conns = 1;
    rig_init(&r, &limits);
    for (size_t i = 0; i < 24; i++)
        fds[i] = rig_connect(&r);
    RIG_WAIT(&r, edge_counters(r.edge)->refused == 23);
    CHECK(edge_counters(r.edge)->open <= 17);
    CHECK(rig_is_end(&r, fds[23]));
    for (size_t i = 0; i < 24; i++)
        close(fds[i]);
    rig_fini(&r);
}

TEST(edge_stop, "when listening stops, who has connected is served, and nobody new")
{
    struct rig r;
    struct err e;

    rig_init(&r, NULL);
    int fd = rig_connect(&r);
    edge_stop_listening(r.edge);
    rig_say(&r, fd, RIG_UPGRADE);
    rig_expect(&r, fd, RIG_ACCEPTED);
    /* Nobody holds the port any more. */
    CHECK_EQ(edge_listen(r.edge, "127.0.0.1", r.port, true, &e), 0);
    close(fd);
    rig_fini(&r);
}

static unsigned n_warnings;

static void count_warnings(enum logger_level level, const char *area, const char *text)
{
    (void)area;
    n_warnings += level == LOGGER_WARN && strstr(text, "ulimit") != NULL;
}

TEST(edge_no_descriptors, "when descriptors run out the edge sheds, rests and recovers")
{
    struct rlimit old, tight;
    struct rig r;

    rig_init(&r, NULL);
    rig_stop_clock();
    int first = rig_connect_ws(&r), second = rig_connect(&r);
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &old), 0);
    /* The lowest free number is the limit: nothing more can be opened. */
    int lowest = dup(first);
    close(lowest);
    tight = (struct rlimit){(rlim_t)lowest, old.rlim_max};
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &tight), 0);
    n_warnings = 0;
    logger_set_sink(count_warnings);
    RIG_WAIT(&r, edge_counters(r.edge)->refused == 1);
    logger_set_sink(NULL);
    CHECK_EQ(n_warnings, 1);
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &old), 0);
    CHECK(rig_is_end(&r, second));
    close(second);
    /* Those that are connected go on. */
    rig_send_frame(&r, first, 0x81, "still", 5);
    rig_expect_frame(&r, first, 0x81, "still", 5);
    /* While it rests nobody is accepted, after it everybody is. */
    int third = rig_connect(&r);
    rig_say(&r, third, RIG_UPGRADE);
    for (int i = 0; i < 5; i++)
        rig_turn(&r);
    CHECK_EQ(edge_counters(r.edge)->accepted, 1);
    rig_later(&r, 1000);
    rig_expect(&r, third, RIG_ACCEPTED);
    close(first);
    close(third);
    rig_fini(&r);
}

/* Turns until so many have been answered; what one turn answered at most. */
static unsigned most_in_a_turn(struct rig *r, unsigned n)
{
    unsigned most = 0, before;
    uint64_t until = rig_clock_ms() + 30000;

    while ((before = r->n_requests) < n && rig_clock_ms() < until) {
        rig_turn(r);
        most = r->n_requests - before > most ? r->n_requests - before : most;
    }
    CHECK_EQ(r->n_requests, n);
    return most;
}

static void connect_many(struct rig *r, int *fds, int n)
{
    for (int i = 0; i < n; i++)
        fds[i] = rig_connect(r);
}

static void close_many(const int *fds, int n)
{
    for (int i = 0; i < n; i++)
        close(fds[i]);
}

TEST(edge_storm,
     "of a crowd that connects some are accepted a turn, others talk in between")
{
    enum { N = 200 };
    struct rig r;
    int fds[N];
    char head[4096];

    rig_init(&r, NULL);
    int first = rig_connect_ws(&r);
    connect_many(&r, fds, N);
    rig_turn(&r);
    CHECK_EQ(edge_counters(r.edge)->open, 1 + 32);
    rig_send_frame(&r, first, 0x81, "hi", 2);
    rig_expect_frame(&r, first, 0x81, "hi", 2);
    CHECK(edge_counters(r.edge)->open < 1 + N);
    RIG_WAIT(&r, edge_counters(r.edge)->open == 1 + N);
    for (int i = 0; i < N; i++) {
        rig_say(&r, fds[i], "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
        CHECK_EQ(memcmp(rig_head(&r, fds[i], head), "HTTP/1.1 200 ", 13), 0);
        close(fds[i]);
    }
    close(first);
    rig_fini(&r);
}

TEST(edge_stop_many, "when listening stops, all who have connected are accepted")
{
    enum { N = 100 };
    struct rig r;
    int fds[N];

    rig_init(&r, NULL);
    connect_many(&r, fds, N);
    edge_stop_listening(r.edge);
    CHECK_EQ(edge_counters(r.edge)->open, N);
    close_many(fds, N);
    rig_fini(&r);
}

TEST(edge_requests,
     "requests that come at once are read for 1 ms a turn, messages before them")
{
    enum { N = 40 };
    struct rig r;
    int fds[N];
    char head[4096];

    rig_init(&r, NULL);
    int first = rig_connect_ws(&r);
    connect_many(&r, fds, N);
    RIG_WAIT(&r, edge_counters(r.edge)->open == 1 + N);
    rig_stop_clock();
    r.n_requests = 0;
    for (int i = 0; i < N; i++) {
        rig_say_only(fds[i], "GET /work HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    rig_turn(&r);
    CHECK_EQ(r.n_requests, 3);
    rig_send_frame(&r, first, 0x81, "hi", 2);
    rig_expect_frame(&r, first, 0x81, "hi", 2);
    CHECK(r.n_requests < N);
    CHECK_EQ(most_in_a_turn(&r, N), 3);
    for (int i = 0; i < N; i++) {
        CHECK_EQ(memcmp(rig_head(&r, fds[i], head), "HTTP/1.1 200 ", 13), 0);
        close(fds[i]);
    }
    close(first);
    rig_fini(&r);
}

TEST(edge_quick_requests, "and no more than 64 of them, however fast they are")
{
    enum { N = 200 };
    struct rig r;
    int fds[N];

    rig_init(&r, NULL);
    rig_stop_clock();
    connect_many(&r, fds, N);
    RIG_WAIT(&r, edge_counters(r.edge)->open == N);
    for (int i = 0; i < N; i++) {
        rig_say_only(fds[i], "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    CHECK_EQ(most_in_a_turn(&r, N), 64);
    close_many(fds, N);
    rig_fini(&r);
}

TEST(edge_pipeline,
     "requests in one write are read for 1 ms a turn, those of others between")
{
    enum { N = 40 };
    static const char ask[] = "GET /work HTTP/1.1\r\nHost: x\r\n\r\n";
    struct rig r;
    char all[N * sizeof ask] = "", head[4096];

    rig_init(&r, NULL);
    rig_stop_clock();
    for (int i = 0; i < N; i++)
        strcat(all, ask);
    int many = rig_connect(&r), one = rig_connect(&r);
    RIG_WAIT(&r, edge_counters(r.edge)->open == 2);
    rig_say_only(many, all);
    rig_turn(&r);
    CHECK_EQ(r.n_requests, 3);
    rig_say_only(one, ask);
    rig_turn(&r);
    rig_turn(&r);
    rig_turn(&r);
    CHECK_EQ(recv(one, head, 13, 0), 13); /* long before the other is done */
    CHECK_EQ(most_in_a_turn(&r, N + 1), 3);
    for (int i = 0; i < N; i++) {
        CHECK_EQ(memcmp(rig_head(&r, many, head), "HTTP/1.1 200 ", 13), 0);
        rig_expect(&r, many, "done");
    }
    close(many);
    close(one);
    rig_fini(&r);
}

TEST(edge_pipeline_quick,
     "and 16 of a connection at a time, so that fast ones take turns, too")
{
    enum { N = 100 };
    static const char ask[] = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";
    struct rig r;
    char all[N * sizeof ask] = "", head[4096];

    rig_init(&r, NULL);
    rig_stop_clock();
    for (int i = 0; i < N; i++)
        strcat(all, ask);
    int many = rig_connect(&r);
    RIG_WAIT(&r, edge_counters(r.edge)->open == 1);
    rig_say_only(many, all);
    rig_turn(&r);
    CHECK_EQ(r.n_requests, 16);
    CHECK(most_in_a_turn(&r, N) <= 64);
    for (int i = 0; i < N; i++) {
        CHECK_EQ(memcmp(rig_head(&r, many, head), "HTTP/1.1 200 ", 13), 0);
        rig_expect(&r, many, "hello");
    }
    close(many);
    rig_fini(&r);
}

TEST(edge_waiting, "who waits for its turn to be read may go, and the edge may close")
{
    enum { N = 20 };
    struct rig r;
    int fds[N];

    rig_init(&r, NULL);
    rig_stop_clock();
    connect_many(&r, fds, N);
    RIG_WAIT(&r, edge_counters(r.edge)->open == N);
    for (int i = 0; i < N; i++)
        rig_say_only(fds[i], "GET /work HTTP/1.1\r\nHost: x\r\n\r\n");
    rig_turn(&r);
    CHECK_EQ(r.n_requests, 3);
    for (int i = 0; i < N / 2; i++)
        rig_reset(fds[i]);
    rig_turn(&r);
    rig_turn(&r);
    CHECK(r.n_requests < N);
    rig_fini(&r);
    for (int i = N / 2; i < N; i++)
        close(fds[i]);
}

TEST(edge_leave, "of a crowd that leaves some are told of a turn, in the end all of them")
{
    enum { N = 40 };
    struct rig r;
    int fds[N];

    rig_init(&r, NULL);
    for (int i = 0; i < N; i++)
        fds[i] = rig_connect_ws(&r);
    rig_stop_clock();
    r.close_us = 300;
    for (int i = 0; i < N; i++)
        rig_reset(fds[i]);
    unsigned most = 0;
    uint64_t until = rig_clock_ms() + 30000;
    while (r.n_closed < N && rig_clock_ms() < until) {
        unsigned before = r.n_closed;
        rig_turn(&r);
        most = r.n_closed - before > most ? r.n_closed - before : most;
        if (r.n_closed > 0 && r.n_closed < N)
            CHECK_EQ(uv_backend_timeout(&r.loop), 0); /* it does not sleep meanwhile */
    }
    CHECK_EQ(r.n_closed, N);
    CHECK(most <= 8); /* before and after the poll */
    rig_fini(&r);
}

TEST(edge_flush_now, "edge_flush writes at once, without a turn of the loop")
{
    struct rig r;
    struct chunk *frame = ws_frame_chunk(WS_TEXT, "now", 3);
    char got[8];

    rig_init(&r, NULL);
    int fd = rig_connect_ws(&r);
    conn_send(r.ws, frame);
    CHECK_EQ(recv(fd, got, sizeof got, 0), -1);
    CHECK_EQ(conn_queued(r.ws), 5);
    edge_flush(r.edge);
    CHECK_EQ(conn_queued(r.ws), 0);
    CHECK_EQ(recv(fd, got, sizeof got, 0), 5);
    CHECK_MEM(got, "\x81\x03now", 5);
    chunk_unref(&frame);
    close(fd);
    rig_fini(&r);
}

TEST(edge_close_all, "closing the edge ends every connection, each told once, in any state")
{
    struct rig r;
    char head[4096];

    rig_init(&r, NULL);
    int a = rig_connect_ws(&r), b = rig_connect_ws(&r), c = rig_connect(&r);
    conn_close(r.ws, 4001, "x");
    rig_say(&r, c, "GET /b");
    RIG_WAIT(&r, edge_counters(r.edge)->open == 3);
    rig_fini(&r);
    CHECK_EQ(r.n_closed, 2);
    CHECK_EQ(recv(a, head, 1, 0), 0);
    close(a);
    close(b);
    close(c);
}
