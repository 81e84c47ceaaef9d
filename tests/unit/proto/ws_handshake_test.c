/* SPDX-License-Identifier: MIT */
#include "http_feed.h"
#include "unit.h"

#include "base/buf.h"
#include "proto/ws_handshake.h"

#define KEY     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define UP      "Host: a.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
#define START   "GET /pond HTTP/1.1\r\n"
#define GOOD    START UP KEY VERSION

/* A parser that has read this request to its end. */
static struct http_head *parse(const char *request)
{
    struct http_head *h;
    size_t n = strlen(request);

    CHECK_EQ(http_head_new(&h, &http_limits_default), 0);
    CHECK(http_feed_all_ways(h, request, n, HTTP_DONE, n));
    return h;
}

static int check(const char *request, char *accept)
{
    struct http_head *h = parse(request);
    const char *why;
    int status = ws_handshake_check(h, accept, &why);

    CHECK_EQ(status == 0, why == NULL);
    http_head_free(&h);
    return status;
}

TEST(accepted, "H01: the handshake of RFC 6455 1.3 gets the accept value of RFC 6455 1.3")
{
    char accept[WS_ACCEPT_BYTES + 1];

    CHECK_EQ(check(GOOD "\r\n", accept), 0);
    CHECK_STR(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(answers, "H02-H16: each handshake gets 0 or the status that tells what is wrong")
{
    static const struct {
        const char *id, *request;
        int want;
    } cases[] = {
        {"H02",
         START "HOST: a\r\nuPGRADE: WebSocket\r\ncONNECTION: keep-alive, UPGRADE\r\n"
               "sec-websocket-KEY: dGhlIHNhbXBsZSBub25jZQ==\r\n"
               "SEC-WEBSOCKET-VERSION: 13\r\n\r\n",                                                0  },
        {"H05",           START UP VERSION "\r\n",                                                 400},
        {"H06",           START UP VERSION "Sec-WebSocket-Key: YWJj\r\n\r\n",                      400},
        {"H07",           START UP VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZS?ub25jZQ==\r\n\r\n",
         400                                                                                          },
        {"H07",           START UP VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=a\r\n\r\n",
         400                                                                                          },
        {"H07",           START UP VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQA=\r\n\r\n",
         400                                                                                          },
        {"H07",           START UP VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ===\r\n\r\n",
         400                                                                                          },
        {"H08",           GOOD KEY "\r\n",                                                         400},
        {"H09",           START UP KEY "\r\n",                                                     426},
        {"H10",           START UP KEY "Sec-WebSocket-Version: 8\r\n\r\n",                         426},
        {"H11",           START UP KEY "Sec-WebSocket-Version: 13, 8\r\n\r\n",                     426},
        {"version twice", GOOD VERSION "\r\n",                                                     426},
        {"H12",           "POST /pond HTTP/1.1\r\n" UP KEY VERSION "\r\n",                         405},
        {"H13",           "GET /pond HTTP/1.0\r\n" UP KEY VERSION "\r\n",                          400},
        {"H48",           "GET /pond HTTP/1.2\r\n" UP KEY VERSION "\r\n",                          0  },
        {"H14",           START "Host: a.example\r\n\r\n",                                         426},
        {"H15",           START "Host: a\r\nUpgrade: websocket\r\n" KEY VERSION "\r\n",            426},
        {"H16",
         START "Host: a\r\nUpgrade: h2c, websocket\r\nConnection: upgrade\r\n" KEY VERSION
               "\r\n",                                                                             0  },
        {"h2c",
         START "Host: a\r\nUpgrade: h2c\r\nConnection: upgrade\r\n" KEY VERSION "\r\n",
         426                                                                                          },
        {"H33",           "GET http://b.example/pond HTTP/1.1\r\n" UP KEY VERSION "\r\n",          0  },
        {"H39",           "\r\n" GOOD "\r\n",                                                      0  },
        {"H17 0",         GOOD "Content-Length: 0\r\n\r\n",                                        0  },
        {"H20",           GOOD "Sec-WebSocket-Protocol: a,,b\r\n\r\n",                             400},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char accept[WS_ACCEPT_BYTES + 1];
        int got = check(cases[i].request, accept);
        if (got != cases[i].want)
            fail_msg("%s: %d instead of %d", cases[i].id, got, cases[i].want);
    }
}

TEST(offers, "H19, H20: offered subprotocols are different tokens, found with their case")
{
    static const struct {
        const char *lines;
        bool valid, has_b1;
    } cases[] = {
        {"",                                                                   true,  false},
        {"Sec-WebSocket-Protocol: parlor.b1\r\n",                              true,  true },
        {"Sec-WebSocket-Protocol: x, parlor.b1\r\n",                           true,  true },
        {"Sec-WebSocket-Protocol: x\r\nsec-websocket-protocol: parlor.b1\r\n", true,  true },
        {"Sec-WebSocket-Protocol: Parlor.b1,parlor.b11\r\n",                   true,  false},
        {"X-WebSocket-Protocol: parlor.b1\r\n",                                true,  false},
        {"Sec-WebSocket-Protocol: a,,b\r\n",                                   false, false},
        {"Sec-WebSocket-Protocol: a b\r\n",                                    false, false},
        {"Sec-WebSocket-Protocol: ,\r\n",                                      false, false},
        {"Sec-WebSocket-Protocol: a,a\r\n",                                    false, false},
        {"Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: a\r\n",         false, false},
        {"Sec-WebSocket-Protocol: \"a\"\r\n",                                  false, false},
        {"Sec-WebSocket-Protocol:\r\n",                                        false, false},
        {"Sec-WebSocket-Protocol: a\tb\r\n",                                   false, false},
        {"Sec-WebSocket-Protocol: a,A\r\n",                                    true,  false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char request[400];
        snprintf(request, sizeof request, GOOD "%s\r\n", cases[i].lines);
        struct http_head *h = parse(request);
        CHECK_EQ(ws_handshake_offers_are_valid(h), cases[i].valid);
        CHECK_EQ(ws_handshake_offers(h, "parlor.b1"), cases[i].has_b1);
        http_head_free(&h);
    }
}

TEST(many_offers, "64 offers are taken, more are not: finding repeats must stay cheap")
{
    for (int n = 64; n <= 65; n++) {
        struct buf b;
        struct http_head *h;
        size_t used;
        buf_init(&b, 0);
        buf_text(&b, GOOD "Sec-WebSocket-Protocol: p0");
        for (int i = 1; i < n; i++)
            buf_format(&b, ",p%d", i);
        buf_text(&b, "\r\n\r\n");
        CHECK_EQ(http_head_new(&h, &http_limits_default), 0);
        CHECK_EQ(http_head_feed(h, b.data, b.len, &used), HTTP_DONE);
        CHECK_EQ(ws_handshake_offers_are_valid(h), n == 64);
        http_head_free(&h);
        buf_fini(&b);
    }
}

TEST(origins, "H34: an origin is the server's own when host and port agree")
{
    static const struct {
        const char *host, *lines;
        bool same;
    } cases[] = {
        {"a.example",      "",                                                         true },
        {"a.example",      "Origin: http://a.example\r\n",                             true },
        {"a.example",      "Origin: https://A.Example\r\n",                            true },
        {"a.example:80",   "Origin: http://a.example\r\n",                             true },
        {"a.example:443",  "Origin: https://a.example\r\n",                            true },
        {"a.example",      "Origin: http://a.example:80\r\n",                          true },
        {"a.example:8080", "Origin: http://a.example:8080\r\n",                        true },
        {"[::1]:8080",     "Origin: http://[::1]:8080\r\n",                            true },
        {"a.example:443",  "Origin: http://a.example\r\n",                             false},
        {"a.example:8080", "Origin: http://a.example\r\n",                             false},
        {"a.example",      "Origin: http://a.example:8080\r\n",                        false},
        {"a.example",      "Origin: http://b.example\r\n",                             false},
        {"a.example",      "Origin: http://a.example.evil\r\n",                        false},
        {"a.example",      "Origin: http://a.example/\r\n",                            false},
        {"a.example",      "Origin: ftp://a.example\r\n",                              false},
        {"a.example",      "Origin: null\r\n",                                         false},
        {"a.example",      "Origin:\r\n",                                              false},
        {"a.example",      "Origin: http://\r\n",                                      false},
        {"a.example",      "Origin: http://a.example\r\nOrigin: http://a.example\r\n", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char request[400];
        snprintf(request, sizeof request, START "Host: %s\r\n%s\r\n", cases[i].host,
                 cases[i].lines);
        struct http_head *h = parse(request);
        if (ws_handshake_is_same_origin(h) != cases[i].same)
            fail_msg("%s %s", cases[i].host, cases[i].lines);
        http_head_free(&h);
    }
}
