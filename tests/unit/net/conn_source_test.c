/* SPDX-License-Identifier: MIT */
#include "base/close_reason.h"
#include "net/conn_impl.h"
#include "net/rig.h"

/* Loopback is where the tests are, so it counts. */
static struct edge_limits counted(void)
{
    struct edge_limits l = edge_limits_default;

    l.limit_loopback = true;
    l.conns = (struct limits_rate){0, 1};
    return l;
}

static void trust(struct edge_limits *l, struct ip_net *nets, size_t n,
                  const char *const *texts)
{
    for (size_t i = 0; i < n; i++)
        CHECK(ip_net_parse(&nets[i], texts[i], strlen(texts[i])));
    l->trusted = nets;
    l->n_trusted = n;
}

static void check_status(struct rig *r, int fd, const char *status)
{
    char head[4096], want[32];

    snprintf(want, sizeof want, "HTTP/1.1 %s ", status);
    CHECK_EQ(strncmp(rig_head(r, fd, head), want, strlen(want)), 0);
}

TEST(source_full, "one address has so many connections, and is told when it has")
{
    struct edge_limits limits = counted();
    struct rig r;
    int fds[3];

    limits.conns_per_address = 2;
    rig_init(&r, &limits);
    for (int i = 0; i < 2; i++)
        fds[i] = rig_connect_ws(&r);
    fds[2] = rig_connect(&r);
    check_status(&r, fds[2], "429");
    CHECK_EQ(edge_counters(r.edge)->refused, 1);
    CHECK_EQ(edge_counters(r.edge)->accepted, 2);
    close(fds[2]);
    /* A place that frees is given again. */
    close(fds[0]);
    RIG_WAIT(&r, edge_counters(r.edge)->open == 1);
    fds[0] = rig_connect_ws(&r);
    close(fds[0]);
    close(fds[1]);
    rig_fini(&r);
}

TEST(source_hasty, "too many new connections at once are closed without a word")
{
    struct edge_limits limits = counted();
    struct rig r;

    limits.conns = (struct limits_rate){1, 3};
    rig_init(&r, &limits);
    rig_stop_clock();
    for (int i = 0; i < 3; i++)
        close(rig_connect_ws(&r));
    int fd = rig_connect(&r);
    CHECK(rig_is_end(&r, fd));
    close(fd);
    CHECK_EQ(edge_counters(r.edge)->refused, 1);
    rig_later(&r, 1000);
    close(rig_connect_ws(&r));
    rig_fini(&r);
}

TEST(source_exempt, "loopback is exempt from the limits of an address by default")
{
    struct edge_limits limits = counted();
    struct rig r;

    limits.limit_loopback = false;
    limits.conns_per_address = 1;
    limits.conns = (struct limits_rate){1, 1};
    rig_init(&r, &limits);
    int a = rig_connect_ws(&r), b = rig_connect_ws(&r);
    close(a);
    close(b);
    rig_fini(&r);
}

TEST(source_flood, "messages above the rate are dropped, a long flood ends with 4006")
{
    struct edge_limits limits = edge_limits_default;
    struct rig r;

    limits.messages = (struct limits_rate){10, 20};
    limits.flood_ms = 3000;
    rig_init(&r, &limits);
    r.is_limited = true;
    r.mode = RIG_SINK;
    rig_stop_clock();
    int fd = rig_connect_ws(&r);
    for (int i = 0; i < 50; i++)
        rig_send_frame(&r, fd, 0x81, "x", 1);
    RIG_WAIT(&r, edge_counters(r.edge)->messages_dropped == 30);
    CHECK_EQ(r.n_messages, 20);
    CHECK_EQ(r.n_dropped, 30); /* and its handler hears of each, */
    CHECK_EQ(r.dropped_bytes, 30);
    /* Calm in between: the three seconds begin anew. */
    rig_later(&r, 2000);
    rig_send_frame(&r, fd, 0x81, "x", 1);
    RIG_WAIT(&r, r.n_messages == 21);
    for (int i = 0; i < 20; i++)
        rig_send_frame(&r, fd, 0x81, "x", 1);
    RIG_WAIT(&r, edge_counters(r.edge)->messages_dropped == 31);
    /* Just above the rate for three seconds is a flood, though most get in. */
    for (int i = 0; i < 12; i++) {
        rig_later(&r, 250);
        for (int k = 0; k < 4; k++)
            rig_send_frame(&r, fd, 0x81, "x", 1);
        if (i < 11)
            CHECK_EQ(r.n_closed, 0);
    }
    rig_expect_close(&r, fd, CLOSE_TOO_MANY);
    CHECK(r.n_messages > 41 + 20);
    close(fd);
    rig_fini(&r);
}

TEST(source_bytes, "bytes have a rate as well, and fragments and pings count")
{
    struct edge_limits limits = edge_limits_default;
    struct rig r;
    char big[1000] = {0};

    limits.bytes = (struct limits_rate){1000, 5000};
    limits.flood_ms = 1000;
    rig_init(&r, &limits);
    r.is_limited = true;
    r.mode = RIG_SINK;
    rig_stop_clock();
    int fd = rig_connect_ws(&r);
    for (int i = 0; i < 6; i++)
        rig_send_frame(&r, fd, 0x82, big, sizeof big);
    RIG_WAIT(&r, edge_counters(r.edge)->messages_dropped == 1);
    CHECK_EQ(r.n_messages, 5);
    rig_later(&r, 1200);
    for (int i = 0; i < 20; i++) {
        rig_send_frame(&r, fd, 0x89, big, 125);
        rig_send_frame(&r, fd, i ? 0x00 : 0x02, big, 125);
    }
    RIG_WAIT(&r, r.edge->counters.open_ws == 0 || r.ws->state == CONN_WS_CLOSING);
    CHECK_EQ(r.n_messages, 5);
    close(fd);
    rig_fini(&r);
}

TEST(source_raw, "a connection that is not limited takes whatever comes")
{
    struct edge_limits limits = edge_limits_default;
    struct rig r;

    limits.messages = limits.bytes = (struct limits_rate){1, 1};
    rig_init(&r, &limits);
    r.mode = RIG_SINK;
    int fd = rig_connect_ws(&r);
    for (int i = 0; i < 50; i++)
        rig_send_frame(&r, fd, 0x81, "x", 1);
    RIG_WAIT(&r, r.n_messages == 50);
    close(fd);
    rig_fini(&r);
}

/* One request with this header; the rig notes who it came from. */
static void ask(struct rig *r, const char *headers)
{
    char head[4096], body[16];
    int fd = rig_connect(r);

    rig_say(r, fd, "GET /hello HTTP/1.1\r\nHost: x\r\n");
    rig_say(r, fd, headers);
    rig_say(r, fd, "\r\n");
    rig_head(r, fd, head);
    CHECK_EQ(rig_read(r, fd, body, 5), 5);
    close(fd);
}

TEST(source_forwarded, "the right-most address that is no trusted proxy is the client")
{
    static const char *const nets[] = {"127.0.0.1", "10.0.0.0/8", "2001:db8:aa::/48"};
    static const struct {
        const char *headers, *client;
    } cases[] = {
        {"",                                                                            "127.0.0.1"  },
        {"X-Forwarded-For: 203.0.113.7\r\n",                                            "203.0.113.7"},
        {"x-forwarded-for:203.0.113.7:4711\r\n",                                        "203.0.113.7"},
        {"X-Forwarded-For: 2001:db8::7\r\n",                                            "2001:db8::7"},
        {"X-Forwarded-For: [2001:db8::7]:80\r\n",                                       "2001:db8::7"},
 /* What the client itself has sent stands on the left. */
        {"X-Forwarded-For: 198.51.100.1, 203.0.113.7\r\n",                              "203.0.113.7"},
        {"X-Forwarded-For: 203.0.113.7, 10.1.2.3\r\n",                                  "203.0.113.7"},
        {"X-Forwarded-For: 203.0.113.7,10.1.2.3 ,2001:db8:aa::1\r\n",                   "203.0.113.7"},
        {"X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-For: 203.0.113.7, 10.1.1.1\r\n",
         "203.0.113.7"                                                                               },
        {"X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-For: 10.1.1.1\r\n",               "203.0.113.7"},
        {"X-Forwarded-For: 10.2.2.2, 10.1.1.1\r\n",                                     "10.2.2.2"   },
 /* Nobody vouches for what is left of something that is no address. */
        {"X-Forwarded-For: 203.0.113.7, unknown, 10.1.1.1\r\n",                         "10.1.1.1"   },
        {"X-Forwarded-For: 203.0.113.7, unknown\r\n",                                   "127.0.0.1"  },
        {"X-Forwarded-For: 203.0.113.7,\r\n",                                           "127.0.0.1"  },
        {"X-Forwarded-For:\r\n",                                                        "127.0.0.1"  },
        {"X-Forwarded: 203.0.113.7\r\n",                                                "127.0.0.1"  },
    };
    struct edge_limits limits = edge_limits_default;
    struct ip_net trusted[3];
    struct rig r;

    trust(&limits, trusted, 3, nets);
    rig_init(&r, &limits);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ask(&r, cases[i].headers);
        CHECK_STR(r.client, cases[i].client);
    }
    rig_fini(&r);
}

TEST(source_each_request, "requests of one connection may come from different clients")
{
    static const char *const nets[] = {"127.0.0.0/8"};
    struct edge_limits limits = edge_limits_default;
    struct ip_net trusted[1];
    struct rig r;
    char head[4096], body[8];

    trust(&limits, trusted, 1, nets);
    rig_init(&r, &limits);
    int fd = rig_connect(&r);
    const char *const headers[] = {"X-Forwarded-For: 203.0.113.7\r\n",
                                   "X-Forwarded-For: 203.0.113.8\r\n", ""};
    const char *const clients[] = {"203.0.113.7", "203.0.113.8", "127.0.0.1"};
    for (int i = 0; i < 3; i++) {
        rig_say(&r, fd, "GET /hello HTTP/1.1\r\nHost: x\r\n");
        rig_say(&r, fd, headers[i]);
        rig_say(&r, fd, "\r\n");
        rig_head(&r, fd, head);
        CHECK_EQ(rig_read(&r, fd, body, 5), 5);
        CHECK_STR(r.client, clients[i]);
    }
    close(fd);
    rig_fini(&r);
}

TEST(source_scheme, "the scheme is what the nearest trusted proxy says")
{
    static const char *const nets[] = {"127.0.0.1"};
    static const struct {
        const char *headers, *scheme;
    } cases[] = {
        {"",                                                        NULL   },
        {"X-Forwarded-Proto: https\r\n",                            "https"},
        {"X-Forwarded-Proto: WSS\r\n",                              "https"},
        {"X-Forwarded-Proto: http\r\n",                             "http" },
        {"X-Forwarded-Proto: https, http\r\n",                      "http" },
        {"X-Forwarded-Proto: http\r\nX-Forwarded-Proto: https\r\n", "https"},
        {"X-Forwarded-Proto: gopher\r\n",                           NULL   },
    };
    struct edge_limits limits = edge_limits_default;
    struct ip_net trusted[1];
    struct rig r;

    trust(&limits, trusted, 1, nets);
    rig_init(&r, &limits);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ask(&r, cases[i].headers);
        CHECK((r.scheme == NULL) == (cases[i].scheme == NULL));
        if (r.scheme)
            CHECK_STR(r.scheme, cases[i].scheme);
    }
    rig_fini(&r);
}

TEST(source_strangers, "from peers that are not trusted the headers mean nothing")
{
    static const char *const nets[] = {"10.0.0.0/8"};
    struct edge_limits limits = edge_limits_default;
    struct ip_net trusted[1];
    struct rig r;

    trust(&limits, trusted, 1, nets);
    rig_init(&r, &limits);
    ask(&r, "X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\n");
    CHECK_STR(r.client, "127.0.0.1");
    CHECK(r.scheme == NULL);
    rig_fini(&r);
}

static int upgrade_for(struct rig *r, const char *client, const char *status)
{
    char text[512];
    int fd = rig_connect(r);

    snprintf(text, sizeof text, "%.*sX-Forwarded-For: %s\r\n\r\n",
             (int)(strlen(RIG_UPGRADE) - 2), RIG_UPGRADE, client);
    rig_say(r, fd, text);
    check_status(r, fd, status);
    return fd;
}

TEST(source_behind_proxy, "behind a proxy each client has its own limit, on WebSockets")
{
    static const char *const nets[] = {"127.0.0.1"};
    struct edge_limits limits = counted();
    struct ip_net trusted[1];
    struct rig r;

    limits.conns_per_address = 1;
    trust(&limits, trusted, 1, nets);
    rig_init(&r, &limits);
    int one = upgrade_for(&r, "203.0.113.7", "101");
    CHECK(!conn_is_loopback(r.ws));
    CHECK_STR(conn_address(r.ws), "203.0.113.7");
    int other = upgrade_for(&r, "203.0.113.8", "101");
    int again = upgrade_for(&r, "203.0.113.7", "429");
    CHECK_EQ(edge_counters(r.edge)->refused, 1);
    ask(&r, "X-Forwarded-For: 203.0.113.7\r\n");
    close(again);
    close(one);
    RIG_WAIT(&r, edge_counters(r.edge)->open_ws == 1);
    close(upgrade_for(&r, "203.0.113.7", "101"));
    close(other);
    rig_fini(&r);
}

static const char v1_line[] = "PROXY TCP4 203.0.113.7 192.0.2.1 56324 443\r\n";
static const char hello_request[] = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";

TEST(source_proxy, "with proxy_protocol each connection says who it is, at any split")
{
    struct edge_limits limits = edge_limits_default;
    struct rig r;
    char all[256], head[4096], body[8];
    size_t n = (size_t)snprintf(all, sizeof all, "%s%s", v1_line, hello_request);

    limits.proxy_protocol = true;
    rig_init(&r, &limits);
    for (size_t cut = 1; cut < n; cut += 3) {
        int fd = rig_connect(&r);
        r.client[0] = 0;
        rig_send(&r, fd, all, cut);
        rig_turn(&r);
        rig_turn(&r);
        rig_send(&r, fd, all + cut, n - cut);
        rig_head(&r, fd, head);
        CHECK_EQ(memcmp(head, "HTTP/1.1 200 ", 13), 0);
        CHECK_EQ(rig_read(&r, fd, body, 5), 5);
        CHECK_STR(r.client, "203.0.113.7");
        close(fd);
    }
    /* The proxy's own health check: the peer is what it is. */
    int fd = rig_connect(&r);
    rig_send(&r, fd, "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16);
    rig_say(&r, fd, hello_request);
    rig_head(&r, fd, head);
    CHECK_STR(r.client, "127.0.0.1");
    close(fd);
    rig_fini(&r);
}

TEST(source_no_proxy, "without a valid PROXY header a connection ends unanswered")
{
    struct edge_limits limits = edge_limits_default;
    struct rig r;

    limits.proxy_protocol = true;
    limits.head_ms = 1000;
    rig_init(&r, &limits);
    int fd = rig_connect(&r);
    rig_say(&r, fd, hello_request);
    CHECK(rig_is_end(&r, fd));
    CHECK_EQ(edge_counters(r.edge)->protocol_errors, 1);
    close(fd);
    /* Nor may it keep us waiting. */
    rig_stop_clock();
    fd = rig_connect(&r);
    rig_say(&r, fd, "PROXY ");
    RIG_WAIT(&r, edge_counters(r.edge)->bytes_in == 6);
    rig_later(&r, 1000);
    CHECK(rig_is_end(&r, fd));
    close(fd);
    CHECK_EQ(r.n_requests, 0);
    CHECK_EQ(edge_counters(r.edge)->accepted, 0);
    rig_fini(&r);
}

TEST(source_proxy_limits, "limits hold for the client that the PROXY header names")
{
    struct edge_limits limits = counted();
    struct rig r;
    int fds[2];

    limits.proxy_protocol = true;
    limits.conns_per_address = 1;
    rig_init(&r, &limits);
    for (int i = 0; i < 2; i++) {
        fds[i] = rig_connect(&r);
        rig_say(&r, fds[i], v1_line);
        rig_say(&r, fds[i], hello_request);
        check_status(&r, fds[i], i == 0 ? "200" : "429");
    }
    close(fds[0]);
    close(fds[1]);
    rig_fini(&r);
}

TEST(source_proxy_strangers, "where proxies are named, nobody else may send the header")
{
    static const char *const nets[] = {"10.0.0.0/8"};
    struct edge_limits limits = edge_limits_default;
    struct ip_net trusted[1];
    struct rig r;

    limits.proxy_protocol = true;
    trust(&limits, trusted, 1, nets);
    rig_init(&r, &limits);
    int fd = rig_connect(&r);
    CHECK(rig_is_end(&r, fd));
    CHECK_EQ(edge_counters(r.edge)->refused, 1);
    close(fd);
    rig_fini(&r);
}
