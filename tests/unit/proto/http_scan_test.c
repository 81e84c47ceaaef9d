/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "proto/http_scan.h"

static const struct http_limits limits = {
    .max_head = 60, .max_target = 5, .max_headers = 2, .max_body = 0};

TEST(ends, "the head ends at its empty line, or at the byte that breaks a rule")
{
    static const struct {
        const char *bytes;
        size_t n_clean;
        enum http_result want;
    } cases[] = {
        {"GET / H\r\n\r\nrest",                        11, HTTP_DONE    },
        {"GET / H\r\nA: b\r\nC: d\r\n\r\n\r\n",        23, HTTP_DONE    },
        {"GET / H\r\nA: b\r\n",                        15, HTTP_MORE    },
        {"GET / H\n\r\n",                              7,  HTTP_ERR_BAD },
        {"GET / H\rX",                                 8,  HTTP_ERR_BAD },
        {"GET / H\r\r\n",                              8,  HTTP_ERR_BAD },
        {"GET / H\r\n\rX",                             10, HTTP_ERR_BAD },
        {"GET / H\r\nA: b\r\n c",                      15, HTTP_ERR_BAD },
        {"GET / H\r\n\tc",                             9,  HTTP_ERR_BAD },
        {" GET / H",                                   0,  HTTP_ERR_BAD },
        {"GET  / H",                                   6,  HTTP_ERR_BAD },
        {"GET / H \r\n",                               7,  HTTP_ERR_BAD },
        {"GET /2345 H\r\n\r\n",                        15, HTTP_DONE    },
        {"GET /23456 H\r\n\r\n",                       9,  HTTP_ERR_URI },
        {"GET / Hxxxxxxxxxx",                          17, HTTP_MORE    }, /* only the target counts */
        {"GETTTTTTTT / H\r\nA: x x x xxxxxxx\r\n\r\n", 36, HTTP_DONE    },
        {"GET / H\r\nA: b\r\nC: d\r\nE: f\r\n",        21, HTTP_ERR_HEAD},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n = strlen(cases[i].bytes);
        for (size_t first = 0; first <= n; first++) {
            struct http_scan s;
            size_t clean, more = 0;
            uint8_t *p = unit_guarded(cases[i].bytes, n);
            http_scan_init(&s);
            enum http_result r = http_scan_feed(&s, &limits, p, first, &clean);
            if (r == HTTP_MORE) {
                CHECK_EQ(clean, first);
                r = http_scan_feed(&s, &limits, p + first, n - first, &more);
            }
            if (r != cases[i].want || clean + more != cases[i].n_clean)
                fail_msg("%d after %zu for %s", r, clean + more, cases[i].bytes);
            unit_guarded_free(p, n);
        }
    }
}

TEST(head_limit, "a head of exactly the limit ends, one byte more is known at the limit")
{
    char head[70] = "GET / H\r\nA: ";
    struct http_scan s;
    size_t clean;

    for (size_t more = 0; more < 2; more++) {
        size_t fill = limits.max_head - 4 - 12 + more;
        memset(head + 12, 'x', fill);
        memcpy(head + 12 + fill, "\r\n\r\n", 4);
        http_scan_init(&s);
        CHECK_EQ(http_scan_feed(&s, &limits, (uint8_t *)head, 16 + fill, &clean),
                 more ? HTTP_ERR_HEAD : HTTP_DONE);
        CHECK_EQ(clean, limits.max_head);
    }
}
