/* SPDX-License-Identifier: MIT */
#include "http_feed.h"
#include "unit.h"
#include <stdlib.h>

#include "base/buf.h"
#include "proto/http_head.h"

#define CHECK_TEXT(t, want)                                                                \
    do {                                                                                   \
        struct http_text checked = (t);                                                    \
        CHECK_EQ(checked.len, strlen(want));                                               \
        if (checked.len)                                                                   \
            CHECK_MEM(checked.at, (want), checked.len);                                    \
    } while (0)

struct row {
    const char *id, *request;
    size_t n; /* 0: strlen */
    enum http_result want;
};

static void check_rows(const struct row *rows, size_t n)
{
    struct http_head *h = http_feed_head();
    bool ok = true;

    for (size_t i = 0; i < n; i++) {
        size_t len = rows[i].n ? rows[i].n : strlen(rows[i].request);
        if (!http_feed_all_ways(h, rows[i].request, len, rows[i].want, len)) {
            print_error("row: %s\n", rows[i].id);
            ok = false;
        }
    }
    http_head_free(&h);
    CHECK(ok);
}

#define ROWS(rows) check_rows((rows), sizeof(rows) / sizeof *(rows))

TEST(parts, "a request yields its method, target, headers and body")
{
    static const char request[] = "POST /pond/lobby?name=ann&x=?1 HTTP/1.1\r\n"
                                  "Host: a.example:8080\r\n"
                                  "X-Empty:\r\n"
                                  "X-Padded: \t two words \t \r\n"
                                  "Content-Length: 5\r\n\r\nhello";
    struct http_head *h = http_feed_head();
    size_t n;

    CHECK(
        http_feed_all_ways(h, request, sizeof request - 1, HTTP_DONE, sizeof request - 1));
    CHECK_TEXT(http_head_method(h), "POST");
    CHECK_TEXT(http_head_path(h), "/pond/lobby");
    CHECK_TEXT(http_head_query(h), "name=ann&x=?1");
    CHECK_TEXT(http_head_host(h), "a.example:8080");
    CHECK_TEXT(http_head_body(h), "hello");
    CHECK_EQ(http_head_n_headers(h), 4);
    CHECK_TEXT(http_head_header(h, 1)->name, "X-Empty");
    CHECK_TEXT(http_head_header(h, 1)->value, "");
    CHECK_TEXT(http_head_find(h, "x-padded", &n), "two words");
    CHECK_EQ(n, 1);
    CHECK(http_head_find(h, "x-none", &n).at == NULL);
    CHECK_EQ(n, 0);
    CHECK_EQ(http_head_minor_version(h), 1);
    CHECK(http_head_keeps_alive(h));
    CHECK(!http_head_wants_upgrade(h));
    CHECK(!http_head_wants_continue(h));
    http_head_free(&h);
    CHECK(h == NULL);
    http_head_free(&h);
}

TEST(started, "a request has started with its first byte that is not an empty line")
{
    struct http_head *h = http_feed_head();
    size_t used;

    CHECK(!http_head_is_started(h));
    http_feed(h, "\r\n", 2, 2, 2, &used);
    CHECK(!http_head_is_started(h));
    http_feed(h, "G", 1, 1, 1, &used);
    CHECK(http_head_is_started(h));
    http_head_reset(h);
    CHECK(!http_head_is_started(h));
    http_head_free(&h);
}

TEST(hosts, "H03, H04: HTTP/1.1 needs one Host, and a possible one")
{
    static const struct row rows[] = {
        {"H03",     "GET / HTTP/1.1\r\n\r\n",                   0, HTTP_ERR_BAD},
        {"H04",     GET HOST "\r\n",                            0, HTTP_ERR_BAD},
        {"H04",     GET "hOST: b.example\r\n\r\n",              0, HTTP_ERR_BAD},
        {"empty",   "GET / HTTP/1.1\r\nHost:\r\n\r\n",          0, HTTP_ERR_BAD},
        {"user",    "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n",      0, HTTP_ERR_BAD},
        {"path",    "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",      0, HTTP_ERR_BAD},
        {"list",    "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",     0, HTTP_ERR_BAD},
        {"port",    "GET / HTTP/1.1\r\nHost: a:8x\r\n\r\n",     0, HTTP_ERR_BAD},
        {"1.0",     "GET / HTTP/1.0\r\n\r\n",                   0, HTTP_DONE   },
        {"1.0 two", "GET / HTTP/1.0\r\n" HOST HOST "\r\n",      0, HTTP_ERR_BAD},
        {"v6",      "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 0, HTTP_DONE   },
    };
    ROWS(rows);
}

TEST(lines, "H26-H29: bare LF or CR, obs-fold, NUL and broken names are refused")
{
    static const struct row rows[] = {
        {"H26 all",            "GET / HTTP/1.1\nHost: a\n\n",        0,                                HTTP_ERR_BAD},
        {"H26 one",            "GET / HTTP/1.1\r\nHost: a\n\r\n",    0,                                HTTP_ERR_BAD},
        {"H26 end",            GET "\n",                             0,                                HTTP_ERR_BAD},
        {"H27 space",          GET "X: a\r\n b\r\n\r\n",             0,                                HTTP_ERR_BAD},
        {"H27 tab",            GET "X: a\r\n\tb\r\n\r\n",            0,                                HTTP_ERR_BAD},
        {"H27 first",          "GET / HTTP/1.1\r\n " HOST "\r\n",    0,                                HTTP_ERR_BAD},
        {"H28 colon",          "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 0,                                HTTP_ERR_BAD},
        {"H28 NUL",            GET "X: a\0b\r\n\r\n",                sizeof GET "X: a\0b\r\n\r\n" - 1, HTTP_ERR_BAD},
        {"H28 CR",             GET "X: a\rb\r\n\r\n",                0,                                HTTP_ERR_BAD},
        {"H28 CR as line end", GET "X: a\rY: b\r\n\r\n",             0,                                HTTP_ERR_BAD},
        {"CR CR LF",           GET "X: a\r\r\n\r\n",                 0,                                HTTP_ERR_BAD},
        {"H29 space",          GET "X Y: a\r\n\r\n",                 0,                                HTTP_ERR_BAD},
        {"H29 empty",          GET ": a\r\n\r\n",                    0,                                HTTP_ERR_BAD},
        {"no colon",           GET "X\r\n\r\n",                      0,                                HTTP_ERR_BAD},
        {"control",
         GET "X: a\x01"
             "b\r\n\r\n",                                            0,                                HTTP_ERR_BAD},
        {"delete",
         GET "X: a\x7f"
             "b\r\n\r\n",                                            0,                                HTTP_ERR_BAD},
        {"name 0x80",          GET "X\x80: a\r\n\r\n",               0,                                HTTP_ERR_BAD},
        {"value tab and 0x80", GET "X: a\tb\x80\r\n\r\n",            0,                                HTTP_DONE   },
    };
    ROWS(rows);
}

TEST(request_lines, "H33, H43-H46: what is no HTTP/1.x request line gets 400, 501 or 505")
{
    static const struct row rows[] = {
        {"H33b",                  "GET * HTTP/1.1\r\n" HOST "\r\n",               0,  HTTP_ERR_BAD    },
        {"options",               "OPTIONS * HTTP/1.1\r\n" HOST "\r\n",           0,  HTTP_ERR_BAD    },
        {"connect",               "CONNECT a:80 HTTP/1.1\r\n" HOST "\r\n",        0,  HTTP_ERR_METHOD },
        {"H43",                   "GET / HTTP/1.1 \r\n" HOST "\r\n",              0,  HTTP_ERR_BAD    },
        {"H44",                   "GET / HTTP/2.0\r\n" HOST "\r\n",               0,  HTTP_ERR_VERSION},
        {"3.1",                   "GET / HTTP/3.1\r\n" HOST "\r\n",               0,  HTTP_ERR_VERSION},
        {"0.1",                   "GET / HTTP/0.1\r\n" HOST "\r\n",               0,  HTTP_ERR_VERSION},
        {"1.10",                  "GET / HTTP/1.10\r\n" HOST "\r\n",              0,  HTTP_ERR_VERSION},
        {"11.1",                  "GET / HTTP/11.1\r\n" HOST "\r\n",              0,  HTTP_ERR_VERSION},
        {"1.x",                   "GET / HTTP/1.x\r\n" HOST "\r\n",               0,  HTTP_ERR_VERSION},
        {"0.9",                   "GET /\r\n" HOST "\r\n",                        0,  HTTP_ERR_VERSION},
        {"ICE",                   "SOURCE / ICE/1.0\r\n" HOST "\r\n",             0,  HTTP_ERR_VERSION},
        {"RTSP",                  "DESCRIBE / RTSP/1.0\r\n" HOST "\r\n",          0,  HTTP_ERR_VERSION},
        {"H45",                   "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",             0,  HTTP_ERR_BAD    },
        {"H46",                   "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11, HTTP_ERR_BAD    },
        {"case",                  "get / HTTP/1.1\r\n" HOST "\r\n",               0,  HTTP_ERR_METHOD },
        {"longer",                "GETS / HTTP/1.1\r\n" HOST "\r\n",              0,  HTTP_ERR_METHOD },
        {"no letter",             "F@ / HTTP/1.1\r\n" HOST "\r\n",                0,  HTTP_ERR_BAD    },
        {"unknown",               "FETCH / HTTP/1.1\r\n" HOST "\r\n",             0,  HTTP_ERR_METHOD },
        {"space first",           " GET / HTTP/1.1\r\n" HOST "\r\n",              0,  HTTP_ERR_BAD    },
        {"two spaces",            "GET  / HTTP/1.1\r\n" HOST "\r\n",              0,  HTTP_ERR_BAD    },
        {"space in target",       "GET /a b HTTP/1.1\r\n" HOST "\r\n",            0,  HTTP_ERR_BAD    },
        {"fragment",              "GET /a#b HTTP/1.1\r\n" HOST "\r\n",            0,  HTTP_ERR_BAD    },
        {"0x80",                  "GET /a\x80 HTTP/1.1\r\n" HOST "\r\n",          0,  HTTP_ERR_BAD    },
        {"delete",                "GET /a\x7f HTTP/1.1\r\n" HOST "\r\n",          0,  HTTP_ERR_BAD    },
        {"no slash",              "GET a HTTP/1.1\r\n" HOST "\r\n",               0,  HTTP_ERR_BAD    },
        {"no target",             "GET HTTP/1.1\r\n" HOST "\r\n",                 0,  HTTP_ERR_BAD    },
        {"scheme",                "GET ftp://a/ HTTP/1.1\r\n" HOST "\r\n",        0,  HTTP_ERR_BAD    },
        {"no host",               "GET http:///x HTTP/1.1\r\n" HOST "\r\n",       0,  HTTP_ERR_BAD    },
        {"user",                  "GET http://u@a/x HTTP/1.1\r\n" HOST "\r\n",    0,  HTTP_ERR_BAD    },
        {"absolute without Host", "GET http://a/x HTTP/1.1\r\n\r\n",              0,  HTTP_ERR_BAD    },
        {"lower http",            "GET / http/1.1\r\n" HOST "\r\n",               0,  HTTP_ERR_BAD    },
    };
    ROWS(rows);
}

#define NEWER(line) line " HTTP/1.2\r\n" HOST

TEST(newer, "H48: what is newer than HTTP/1.1 is read as HTTP/1.1, with all of its rules")
{
    static const struct row rows[] = {
        {"H48",           NEWER("GET /") "\r\n",                                                0, HTTP_DONE   },
        {"1.9",           "GET / HTTP/1.9\r\n" HOST "\r\n",                                     0, HTTP_DONE   },
        {"body",          NEWER("POST /") "Content-Length: 4\r\n\r\nbody",                      0, HTTP_DONE   },
        {"chunked",       NEWER("POST /") "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",        0,
         HTTP_DONE                                                                                             },
        {"no Host",       "GET / HTTP/1.2\r\n\r\n",                                             0, HTTP_ERR_BAD},
        {"two Hosts",     NEWER("GET /") HOST "\r\n",                                           0, HTTP_ERR_BAD},
        {"TE and CL",
         NEWER("POST /") "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
         0,                                                                                        HTTP_ERR_BAD},
        {"CL and TE",
         NEWER("POST /") "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         0,                                                                                        HTTP_ERR_BAD},
        {"two CLs",       NEWER("POST /") "Content-Length: 4\r\nContent-Length: 5\r\n\r\nbody", 0,
         HTTP_ERR_BAD                                                                                          },
        {"+4",            NEWER("POST /") "Content-Length: +4\r\n\r\nbody",                     0, HTTP_ERR_BAD},
        {"unknown TE",    NEWER("POST /") "Transfer-Encoding: gzip\r\n\r\n",                    0,
         HTTP_ERR_CODING                                                                                       },
        {"no digit",      NEWER("POST /") "Transfer-Encoding: chunked\r\n\r\n\r\n",             0,
         HTTP_ERR_BAD                                                                                          },
        {"bare LF",       "GET / HTTP/1.2\n" HOST "\r\n",                                       0, HTTP_ERR_BAD},
        {"obs-fold",      NEWER("GET /") "X: a\r\n b\r\n\r\n",                                  0, HTTP_ERR_BAD},
        {"space",         NEWER("GET /") "X : a\r\n\r\n",                                       0, HTTP_ERR_BAD},
        {"upgrade, body",
         NEWER("GET /") "Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: "
                        "1\r\n\r\nx",                                                           0, HTTP_ERR_BAD},
    };
    struct http_head *h = http_feed_head();
    static const char get[] = NEWER("GET /") "Connection: upgrade\r\nUpgrade: "
                                             "websocket\r\nExpect: 100-continue\r\n\r\n";

    ROWS(rows);
    CHECK(http_feed_all_ways(h, get, sizeof get - 1, HTTP_DONE, sizeof get - 1));
    CHECK_EQ(http_head_minor_version(h), 1);
    CHECK(http_head_keeps_alive(h));
    CHECK(http_head_wants_upgrade(h));
    CHECK(http_head_wants_continue(h));
    http_head_free(&h);
}

TEST(absolute,
     "H33: of an absolute target the host counts, not Host; its path may be empty")
{
    static const struct {
        const char *target, *host, *path, *query;
    } cases[] = {
        {"http://b.example/pond?x=1", "b.example",   "/pond",     "x=1"},
        {"HTTPS://b.example:1/",      "b.example:1", "/",         ""   },
        {"http://[::1]:80?x",         "[::1]:80",    "/",         "x"  },
        {"http://b",                  "b",           "/",         ""   },
        {"/http://b",                 "a.example",   "/http://b", ""   },
    };
    struct http_head *h = http_feed_head();

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char request[200];
        int n = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\n" HOST "\r\n",
                         cases[i].target);
        CHECK(http_feed_all_ways(h, request, (size_t)n, HTTP_DONE, (size_t)n));
        CHECK_TEXT(http_head_host(h), cases[i].host);
        CHECK_TEXT(http_head_path(h), cases[i].path);
        CHECK_TEXT(http_head_query(h), cases[i].query);
    }
    http_head_free(&h);
}

TEST(blank_lines, "H39: a few empty lines before a request are skipped, nothing else is")
{
    static const struct row rows[] = {
        {"one",   "\r\n" GET "\r\n",                 0,              HTTP_DONE   },
        {"four",  "\r\n\r\n\r\n\r\n" GET "\r\n",     0,              HTTP_DONE   },
        {"five",  "\r\n\r\n\r\n\r\n\r\n" GET "\r\n", 0,              HTTP_ERR_BAD},
        {"LF",    "\n" GET "\r\n",                   0,              HTTP_ERR_BAD},
        {"CR",    "\r" GET "\r\n",                   0,              HTTP_ERR_BAD},
        {"NUL",   "\0" GET "\r\n",                   sizeof GET + 2, HTTP_ERR_BAD},
        {"space", " \r\n" GET "\r\n",                0,              HTTP_ERR_BAD},
    };
    ROWS(rows);
}

TEST(framing, "H41: framing that two parsers could read differently is refused")
{
    static const struct row rows[] = {
        {"both",          POST "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",     0,
         HTTP_ERR_BAD                                                                                                    },
        {"both",          POST "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",     0,
         HTTP_ERR_BAD                                                                                                    },
        {"both, 0",       POST "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         0,                                                                                               HTTP_ERR_BAD   },
        {"two",           POST "Content-Length: 4\r\nContent-Length: 4\r\n\r\nbody",                   0, HTTP_ERR_BAD   },
        {"two",           POST "Content-Length: 4\r\nContent-Length: 5\r\n\r\nbody",                   0, HTTP_ERR_BAD   },
        {"list",          POST "Content-Length: 4, 4\r\n\r\nbody",                                     0, HTTP_ERR_BAD   },
        {"plus",          POST "Content-Length: +4\r\n\r\nbody",                                       0, HTTP_ERR_BAD   },
        {"minus",         POST "Content-Length: -4\r\n\r\nbody",                                       0, HTTP_ERR_BAD   },
        {"hex",           POST "Content-Length: 0x4\r\n\r\nbody",                                      0, HTTP_ERR_BAD   },
        {"inside",        POST "Content-Length: 4 4\r\n\r\nbody",                                      0, HTTP_ERR_BAD   },
        {"empty",         POST "Content-Length:\r\n\r\n",                                              0, HTTP_ERR_BAD   },
        {"2^64 + 4",      POST "Content-Length: 18446744073709551620\r\n\r\nbody",                     0,
         HTTP_ERR_BAD                                                                                                    },
        {"unknown",       POST "Transfer-Encoding: gzip\r\n\r\n",                                      0, HTTP_ERR_CODING},
        {"identity",      POST "Transfer-Encoding: identity\r\n\r\n",                                  0, HTTP_ERR_CODING},
        {"gzip, chunked", POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",                    0,
         HTTP_ERR_CODING                                                                                                 },
        {"not last",      POST "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",                    0,
         HTTP_ERR_BAD                                                                                                    },
        {"twice",         POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
         0,                                                                                               HTTP_ERR_BAD   },
        {"xchunked",      POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",                         0,
         HTTP_ERR_CODING                                                                                                 },
        {"1.0",           "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",            0,
         HTTP_ERR_BAD                                                                                                    },
        {"CONNECT",       "CONNECT /x HTTP/1.1\r\n" HOST "Content-Length: 4\r\n\r\n",                  0,
         HTTP_ERR_METHOD                                                                                                 },
        {"CONNECT",       "CONNECT a.example:80 HTTP/1.1\r\n" HOST "\r\n",                             0, HTTP_ERR_METHOD},
        {"h2c",           POST "Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 4\r\n\r\nbody",
         0,                                                                                               HTTP_DONE      },
        {"h2c",
         POST "Connection: Upgrade\r\nUpgrade: h2c\r\nTransfer-Encoding: "
              "chunked\r\n\r\n0\r\n\r\n",                                                              0, HTTP_DONE      },
        {"fine",          POST "Content-Length:\t4 \r\n\r\nbody",                                      0, HTTP_DONE      },
        {"none",          POST "Content-Length: 0\r\n\r\n",                                            0, HTTP_DONE      },
        {"zeros",         POST "Content-Length: 0004\r\n\r\nbody",                                     0, HTTP_DONE      },
    };
    ROWS(rows);
}

TEST(chunks, "a chunked body is put together, its extensions and trailers are dropped")
{
    static const struct row rows[] = {
        {"plain",     CHUNKED "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",           0, HTTP_DONE},
        {"hex",       CHUNKED "00B\r\nhello world\r\n0\r\n\r\n",                  0, HTTP_DONE},
        {"extension", CHUNKED "b;x=y\r\nhello world\r\n0;e\r\n\r\n",              0, HTTP_DONE},
        {"trailer",   CHUNKED "b\r\nhello world\r\n0\r\nX: y\r\nHost: b\r\n\r\n", 0,
         HTTP_DONE                                                                            },
    };
    struct http_head *h = http_feed_head();

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t n = strlen(rows[i].request);
        CHECK(http_feed_all_ways(h, rows[i].request, n, rows[i].want, n));
        CHECK_TEXT(http_head_body(h), "hello world");
        CHECK_TEXT(http_head_host(h), "a.example");
        CHECK_EQ(http_head_n_headers(h), 2);
    }
    http_head_free(&h);
}

TEST(bad_chunks, "H41: a chunk size without a digit, or with anything odd, is refused")
{
    static const struct row rows[] = {
        {"no digit",          CHUNKED "\r\nhello\r\n0\r\n\r\n",       0,                   HTTP_ERR_BAD },
        {"only extension",    CHUNKED ";x\r\nhello\r\n0\r\n\r\n",     0,                   HTTP_ERR_BAD },
        {"0x",                CHUNKED "0x5\r\nhello\r\n0\r\n\r\n",    0,                   HTTP_ERR_BAD },
        {"plus",              CHUNKED "+5\r\nhello\r\n0\r\n\r\n",     0,                   HTTP_ERR_BAD },
        {"minus",             CHUNKED "-5\r\nhello\r\n0\r\n\r\n",     0,                   HTTP_ERR_BAD },
        {"letter",            CHUNKED "5g\r\nhello\r\n0\r\n\r\n",     0,                   HTTP_ERR_BAD },
        {"space",             CHUNKED "5 \r\nhello\r\n0\r\n\r\n",     0,                   HTTP_ERR_BAD },
        {"LF",                CHUNKED "5\nhello\r\n0\r\n\r\n",        0,                   HTTP_ERR_BAD },
        {"LF after data",     CHUNKED "5\r\nhello\n0\r\n\r\n",        0,                   HTTP_ERR_BAD },
        {"too long",          CHUNKED "5\r\nhello!\r\n0\r\n\r\n",     0,                   HTTP_ERR_BAD },
        {"LF in extension",   CHUNKED "5;a\nb\r\nhello\r\n0\r\n\r\n", 0,                   HTTP_ERR_BAD },
        {"CR in extension",   CHUNKED "5;a\rb\r\nhello\r\n0\r\n\r\n", 0,                   HTTP_ERR_BAD },
        {"LF in trailer",     CHUNKED "0\r\nX: a\nY: b\r\n\r\n",      0,                   HTTP_ERR_BAD },
        {"CR in trailer",     CHUNKED "0\r\nX: a\rY: b\r\n\r\n",      0,                   HTTP_ERR_BAD },
        {"LF ends a trailer", CHUNKED "0\r\nX: y\r\n\n",              0,                   HTTP_ERR_BAD },
        {"folded trailer",    CHUNKED "0\r\nX: a\r\n b\r\n\r\n",      0,                   HTTP_ERR_BAD },
        {"folded first",      CHUNKED "0\r\n\tX: a\r\n\r\n",          0,                   HTTP_ERR_BAD },
        {"NUL in trailer",    CHUNKED "0\r\nX: \0\r\n\r\n",           sizeof CHUNKED + 11, HTTP_ERR_BAD },
        {"no colon",          CHUNKED "0\r\nX\r\n\r\n",               0,                   HTTP_ERR_BAD },
        {"LF ends it",        CHUNKED "0\r\n\n",                      0,                   HTTP_ERR_BAD },
        {"LF after 0",        CHUNKED "0\n\r\n",                      0,                   HTTP_ERR_BAD },
        {"2^64",              CHUNKED "10000000000000000\r\n",        0,                   HTTP_ERR_BAD },
        {"2^64 - 1",          CHUNKED "ffffffffffffffff\r\n",         0,                   HTTP_ERR_BODY},
    };
    ROWS(rows);
}

#define UPGRADE GET "Upgrade: websocket\r\nConnection: Upgrade\r\n"

TEST(upgrades,
     "H17, H18: an upgrade with a body is refused, one with Content-Length: 0 is not")
{
    static const struct row rows[] = {
        {"plain", UPGRADE "\r\n",                                        0, HTTP_DONE   },
        {"H17",   UPGRADE "Content-Length: 5\r\n\r\nhello",              0, HTTP_ERR_BAD},
        {"H17",   UPGRADE "Content-Length: 5\r\n\r\n",                   0, HTTP_ERR_BAD},
        {"H17 0", UPGRADE "Content-Length: 0\r\n\r\n",                   0, HTTP_DONE   },
        {"H18",   UPGRADE "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0, HTTP_ERR_BAD},
    };
    ROWS(rows);
}

TEST(next_bytes, "bytes behind a request are left alone: frames, or the next request")
{
    static const struct {
        const char *request, *rest;
    } cases[] = {
        {UPGRADE "\r\n",                                    "\x81\x85\x01\x02\x03\x04hello"},
        {UPGRADE "\r\n",                                    GET "\r\n"                     },
        {UPGRADE "Content-Length: 0\r\n\r\n",               "\x81\x80"                     },
        {GET "Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n", GET                            },
        {GET "\r\n",                                        GET "\r\n"                     },
        {GET "Connection: close\r\n\r\n",                   "\r\nmore"                     },
        {"GET / HTTP/1.0\r\n\r\n",                          "x"                            },
        {POST "Content-Length: 4\r\n\r\nbody",              "\r\n" GET "\r\n"              },
        {CHUNKED "4\r\nbody\r\n0\r\n\r\n",                  GET "\r\n"                     },
    };
    struct http_head *h = http_feed_head();

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char both[400];
        size_t n = strlen(cases[i].request);
        int all = snprintf(both, sizeof both, "%s%s", cases[i].request, cases[i].rest);
        CHECK(http_feed_all_ways(h, both, (size_t)all, HTTP_DONE, n));
    }
    http_head_free(&h);
}

TEST(pipeline,
     "after a reset the next request of the same read is read, and nothing is kept")
{
    static const char two[] = POST "Content-Length: 4\r\nConnection: close\r\n\r\nbody"
                                   "GET /second HTTP/1.1\r\nHost: b\r\n\r\n";
    struct http_head *h = http_feed_head();
    const uint8_t *at = (const uint8_t *)two;
    size_t used, n = sizeof two - 1;

    CHECK_EQ(http_head_feed(h, at, n, &used), HTTP_DONE);
    CHECK(!http_head_keeps_alive(h));
    http_head_reset(h);
    CHECK_EQ(http_head_n_headers(h), 0);
    CHECK_EQ(http_head_body(h).len, 0);
    CHECK_EQ(http_head_feed(h, at + used, n - used, &used), HTTP_DONE);
    CHECK_TEXT(http_head_path(h), "/second");
    CHECK_TEXT(http_head_host(h), "b");
    CHECK_TEXT(http_head_body(h), "");
    CHECK(http_head_keeps_alive(h));
    http_head_free(&h);
}

TEST(errors_stay, "an error is final until the reset")
{
    struct http_head *h = http_feed_head();
    size_t used;

    CHECK_EQ(http_head_feed(h, (const uint8_t *)"\n", 1, &used), HTTP_ERR_BAD);
    CHECK_EQ(http_head_feed(h, (const uint8_t *)GET "\r\n", sizeof GET + 1, &used),
             HTTP_ERR_BAD);
    CHECK_EQ(used, 0);
    http_head_reset(h);
    CHECK_EQ(http_head_feed(h, (const uint8_t *)GET "\r\n", sizeof GET + 1, &used),
             HTTP_DONE);
    http_head_free(&h);
}

TEST(expect, "H42: 100-continue is wanted from the end of the head until a body byte comes")
{
    static const char post[] = POST "Expect: 100-Continue\r\nContent-Length: 4\r\n\r\n";
    struct http_head *h = http_feed_head();
    size_t used;

    CHECK_EQ(http_feed(h, post, sizeof post - 2, 7, 7, &used), HTTP_MORE);
    CHECK(!http_head_wants_continue(h));
    CHECK_EQ(http_feed(h, "\n", 1, 1, 1, &used), HTTP_MORE);
    CHECK(http_head_wants_continue(h));
    CHECK_EQ(http_feed(h, "b", 1, 1, 1, &used), HTTP_MORE);
    CHECK(!http_head_wants_continue(h));
    CHECK_EQ(http_feed(h, "ody", 3, 3, 3, &used), HTTP_DONE);
    CHECK(!http_head_wants_continue(h));

    static const char upgrade[] = UPGRADE "Expect: 100-continue\r\n\r\n";
    http_head_reset(h);
    CHECK(
        http_feed_all_ways(h, upgrade, sizeof upgrade - 1, HTTP_DONE, sizeof upgrade - 1));
    CHECK(http_head_wants_continue(h));

    static const char old[] = "GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n";
    CHECK(http_feed_all_ways(h, old, sizeof old - 1, HTTP_DONE, sizeof old - 1));
    CHECK(!http_head_wants_continue(h));
    http_head_free(&h);
}

TEST(keep_alive,
     "Connection decides whether the connection stays, the version what holds without")
{
    static const struct {
        const char *request;
        bool stays, upgrades;
    } cases[] = {
        {GET "\r\n",                                                          true,  false},
        {GET "Connection: close\r\n\r\n",                                     false, false},
        {GET "Connection: a, CLOSE ,b\r\n\r\n",                               false, false},
        {GET "Connection: a\r\nConnection: close\r\n\r\n",                    false, false},
        {GET "X: close\r\n\r\n",                                              true,  false},
        {GET "Connection: closed\r\n\r\n",                                    true,  false},
        {"GET / HTTP/1.0\r\n\r\n",                                            false, false},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",                  true,  false},
        {GET "Connection: keep-alive, UPGRADE\r\nUPGRADE: WebSocket\r\n\r\n", true,  true },
        {GET "Upgrade: websocket\r\n\r\n",                                    true,  false},
        {GET "Connection: upgrade\r\n\r\n",                                   true,  false},
        {GET "Connection: upgraded\r\nUpgrade: websocket\r\n\r\n",            true,  false},
        {GET "Connection: Upgrade\r\nUpgrade: h2c, TLS/1.0\r\n\r\n",          true,  false},
        {GET "Connection: Upgrade\r\nUpgrade: h2c, websocket\r\n\r\n",        true,  true },
    };
    struct http_head *h = http_feed_head();

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n = strlen(cases[i].request);
        CHECK(http_feed_all_ways(h, cases[i].request, n, HTTP_DONE, n));
        CHECK_EQ(http_head_keeps_alive(h), cases[i].stays);
        CHECK_EQ(http_head_wants_upgrade(h), cases[i].upgrades);
    }
    http_head_free(&h);
}
