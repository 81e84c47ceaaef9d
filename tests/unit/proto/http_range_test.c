/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "proto/http_range.h"

/* A parsed request with these headers; free it. */
static struct http_head *request(const char *method, const char *headers)
{
    struct http_head *h;
    char text[1024];
    size_t used;
    int n =
        snprintf(text, sizeof text, "%s / HTTP/1.1\r\nHost: x\r\n%s\r\n", method, headers);

    CHECK(n > 0 && n < (int)sizeof text);
    CHECK_EQ(http_head_new(&h, &http_limits_default), 0);
    CHECK_EQ(http_head_feed(h, (uint8_t *)text, (size_t)n, &used), HTTP_DONE);
    return h;
}

TEST(range_kinds, "each form of a range gives the part that it means")
{
    static const struct {
        const char *value;
        uint64_t size;
        enum http_range_kind kind;
        uint64_t first, last;
    } cases[] = {
        {"bytes=0-0",                    10, HTTP_RANGE_PART, 0, 0},
        {"bytes=0-9",                    10, HTTP_RANGE_PART, 0, 9},
        {"bytes=2-5",                    10, HTTP_RANGE_PART, 2, 5},
        {"Bytes=2-5",                    10, HTTP_RANGE_PART, 2, 5},
        {"bytes= 2-5 ",                  10, HTTP_RANGE_PART, 2, 5},
        {"bytes=9-",                     10, HTTP_RANGE_PART, 9, 9},
        {"bytes=0-",                     10, HTTP_RANGE_PART, 0, 9},
        {"bytes=5-99",                   10, HTTP_RANGE_PART, 5, 9},
        {"bytes=5-99999999999999999999", 10, HTTP_RANGE_PART, 5, 9},
        {"bytes=-3",                     10, HTTP_RANGE_PART, 7, 9},
        {"bytes=-10",                    10, HTTP_RANGE_PART, 0, 9},
        {"bytes=-99999999999999999999",  10, HTTP_RANGE_PART, 0, 9},
        {"bytes=10-",                    10, HTTP_RANGE_NONE, 0, 0},
        {"bytes=10-20",                  10, HTTP_RANGE_NONE, 0, 0},
        {"bytes=99999999999999999999-",  10, HTTP_RANGE_NONE, 0, 0},
        {"bytes=-0",                     10, HTTP_RANGE_NONE, 0, 0},
        {"bytes=0-",                     0,  HTTP_RANGE_NONE, 0, 0},
        {"bytes=-1",                     0,  HTTP_RANGE_NONE, 0, 0},
        {"",                             10, HTTP_RANGE_ALL,  0, 0},
        {"bytes",                        10, HTTP_RANGE_ALL,  0, 0},
        {"bytes=",                       10, HTTP_RANGE_ALL,  0, 0},
        {"bytes=-",                      10, HTTP_RANGE_ALL,  0, 0},
        {"bytes=5-2",                    10, HTTP_RANGE_ALL,  0, 0},
        {"bytes=2",                      10, HTTP_RANGE_ALL,  0, 0},
        {"bytes=a-b",                    10, HTTP_RANGE_ALL,  0, 0},
        {"bytes=2-5x",                   10, HTTP_RANGE_ALL,  0, 0},
        {"bytes=+2-5",                   10, HTTP_RANGE_ALL,  0, 0},
        {"bytes=--5",                    10, HTTP_RANGE_ALL,  0, 0},
        {"bytes=0-1,3-4",                10, HTTP_RANGE_ALL,  0, 0},
        {"lines=0-1",                    10, HTTP_RANGE_ALL,  0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[128];
        uint64_t first, last;
        snprintf(line, sizeof line, "Range: %s\r\n", cases[i].value);
        struct http_head *h = request("GET", line);
        CHECK_EQ(http_range_read(h, cases[i].size, "", &first, &last), cases[i].kind);
        if (cases[i].kind == HTTP_RANGE_PART) {
            CHECK_EQ(first, cases[i].first);
            CHECK_EQ(last, cases[i].last);
        }
        http_head_free(&h);
    }
}

TEST(range_whole, "the whole is wanted unless a GET asks for one range of this version")
{
    static const struct {
        const char *method, *headers, *etag;
        enum http_range_kind kind;
    } cases[] = {
        {"GET",  "",                                                                "\"a\"", HTTP_RANGE_ALL },
        {"HEAD", "Range: bytes=0-1\r\n",                                            "\"a\"", HTTP_RANGE_ALL },
        {"GET",  "Range: bytes=0-1\r\nRange: bytes=0-1\r\n",                        "\"a\"", HTTP_RANGE_ALL },
        {"GET",  "Range: bytes=0-1\r\nIf-Range: \"a\"\r\n",                         "\"a\"", HTTP_RANGE_PART},
        {"GET",  "Range: bytes=0-1\r\nIf-Range: \"b\"\r\n",                         "\"a\"", HTTP_RANGE_ALL },
        {"GET",  "Range: bytes=0-1\r\nIf-Range: W/\"a\"\r\n",                       "\"a\"", HTTP_RANGE_ALL },
        {"GET",  "Range: bytes=0-1\r\nIf-Range:\r\n",                               "",      HTTP_RANGE_ALL },
        {"GET",  "Range: bytes=99-\r\nIf-Range: \"b\"\r\n",                         "\"a\"", HTTP_RANGE_ALL },
        {"GET",  "Range: bytes=0-1\r\nIf-Range: Sat, 29 Oct 1994 19:43:31 GMT\r\n", "\"a\"",
         HTTP_RANGE_ALL                                                                                     },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t first, last;
        struct http_head *h = request(cases[i].method, cases[i].headers);
        CHECK_EQ(http_range_read(h, 10, cases[i].etag, &first, &last), cases[i].kind);
        http_head_free(&h);
    }
}

TEST(range_coding, "a coding is as welcome as Accept-Encoding says")
{
    static const struct {
        const char *headers;
        unsigned gzip, br;
    } cases[] = {
        {"",                                                       0,    0   },
        {"Accept-Encoding:\r\n",                                   0,    0   },
        {"Accept-Encoding: gzip\r\n",                              1000, 0   },
        {"Accept-Encoding: gzip, deflate, br\r\n",                 1000, 1000},
        {"Accept-Encoding: GZIP;q=0.5,br;q=0.8\r\n",               500,  800 },
        {"Accept-Encoding: gzip ; q=0.123 , br;Q=1.000\r\n",       123,  1000},
        {"Accept-Encoding: gzip;q=0\r\n",                          0,    0   },
        {"Accept-Encoding: gzip;q=0.000, *\r\n",                   0,    1000},
        {"Accept-Encoding: *;q=0.3, br\r\n",                       300,  1000},
        {"Accept-Encoding: *;q=0\r\n",                             0,    0   },
        {"Accept-Encoding: gzip\r\nAccept-Encoding: br;q=0.1\r\n", 1000, 100 },
        {"Accept-Encoding: x-gzip, brotli\r\n",                    0,    0   },
        {"Accept-Encoding: gzip;q=2, br;q=1.001\r\n",              0,    0   },
        {"Accept-Encoding: gzip;q=, br;q=0.1234\r\n",              0,    0   },
        {"Accept-Encoding: gzip;level=9, br;q=x\r\n",              0,    0   },
        {"Accept-Encoding: gzip;q=0x, br;q=0.x\r\n",               0,    0   },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_head *h = request("GET", cases[i].headers);
        CHECK_EQ(http_range_coding(h, "gzip"), cases[i].gzip);
        CHECK_EQ(http_range_coding(h, "br"), cases[i].br);
        http_head_free(&h);
    }
}
