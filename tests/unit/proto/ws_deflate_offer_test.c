/* SPDX-License-Identifier: MIT */
#include "unit.h"
#include <time.h>

#include "base/buf.h"
#include "proto/ws_deflate_offer.h"

#define EXT "Sec-WebSocket-Extensions: "
#define PMD "permessage-deflate"
#define SNC "; server_no_context_takeover"
#define CNC "; client_no_context_takeover"
#define SWB "; server_max_window_bits"
#define CWB "; client_max_window_bits"

static const struct ws_deflate_policy generous = {true, true, 15, 15};

/* A request with these header lines, each ending in CRLF. */
static enum ws_deflate_offer choose(const char *lines, size_t len,
                                    const struct ws_deflate_policy *policy,
                                    struct ws_deflate_params *params, char *answer)
{
    struct http_head *h;
    struct buf b;
    size_t used;

    buf_init(&b, 0);
    buf_text(&b, "GET /pond HTTP/1.1\r\nHost: a.example\r\n");
    buf_append(&b, lines, len);
    buf_text(&b, "\r\n");
    CHECK_EQ(http_head_new(&h, &http_limits_default), 0);
    CHECK_EQ(http_head_feed(h, b.data, b.len, &used), HTTP_DONE);
    enum ws_deflate_offer got = ws_deflate_offer_choose(h, policy, params, answer);
    http_head_free(&h);
    buf_fini(&b);
    return got;
}

struct offer_case {
    const char *id, *value; /* of the header, or several lines */
    const char *want;       /* the answer; "" none, "400" malformed */
};

static void check_cases(const struct offer_case *cases, size_t n,
                        const struct ws_deflate_policy *policy)
{
    for (size_t i = 0; i < n; i++) {
        struct ws_deflate_params params;
        char lines[600], answer[WS_DEFLATE_ANSWER_BYTES];
        int len = snprintf(lines, sizeof lines, EXT "%s\r\n", cases[i].value);
        const char *got = answer;
        switch (choose(lines, (size_t)len, policy, &params, answer)) {
        case WS_DEFLATE_NONE: got = ""; break;
        case WS_DEFLATE_MALFORMED: got = "400"; break;
        case WS_DEFLATE_AGREED: break;
        }
        if (strcmp(got, cases[i].want) != 0)
            fail_msg("%s %s: \"%s\" instead of \"%s\"", cases[i].id, cases[i].value, got,
                     cases[i].want);
    }
}

#define CHECK_CASES(cases, policy) check_cases(cases, sizeof cases / sizeof *cases, policy)

TEST(declined, "X00-08: a parameter that is unknown, repeated or wrong declines its offer")
{
    static const struct offer_case cases[] = {
        {"X00", PMD "; unknown",                            ""},
        {"X00", PMD "; unknown=1",                          ""},
        {"X00", PMD "; Server_max_window_bits=10",          ""},
        {"X01", PMD SWB "=7",                               ""},
        {"X02", PMD SWB "=16",                              ""},
        {"X02", PMD CWB "=16",                              ""},
        {"X02", PMD CWB "=7",                               ""},
        {"X02", PMD SWB "=20",                              ""},
        {"X03", PMD SWB "=abc",                             ""},
        {"X03", PMD SWB "=1a",                              ""},
        {"X03", PMD SWB "=+9",                              ""},
        {"X03", PMD SWB "=100",                             ""},
        {"X04", PMD SWB "=08",                              ""},
        {"X04", PMD CWB "=010",                             ""},
        {"X05", PMD SWB,                                    ""},
        {"X06", PMD SNC "=1",                               ""},
        {"X06", PMD CNC "=\"true\"",                        ""},
        {"X07", PMD SNC SNC,                                ""},
        {"X07", PMD CNC CNC,                                ""},
        {"X08", PMD SWB "=10" SWB "=10",                    ""},
        {"X08", PMD CWB CWB,                                ""},
        {"X08", PMD CWB CWB "=10",                          ""},
        {"",    "permessage-deflate2",                      ""},
        {"",    "x-webkit-deflate-frame, foo; bar=\"baz\"", ""},
    };
    CHECK_CASES(cases, &generous);
}

TEST(answers, "X09, X20, X21: what is offered is answered by the rules of RFC 7692 7.1")
{
    static const struct offer_case cases[] = {
        {"",    PMD,                                                 PMD                            },
        {"X09", PMD SWB "=8",                                        PMD SWB "=8"                   },
        {"X20", PMD SWB "=10",                                       PMD SWB "=10"                  },
        {"",    PMD SWB "=15",                                       PMD SWB "=15"                  },
        {"X21", PMD SNC,                                             PMD SNC                        },
        {"",    PMD CNC,                                             PMD CNC                        },
        {"",    PMD CWB,                                             PMD                            },
        {"",    PMD CWB "=15",                                       PMD                            },
        {"",    PMD CWB "=8",                                        PMD CWB "=8"                   },
        {"",    PMD CWB "=\"11\"" SWB "=12" CNC SNC,                 PMD SNC CNC SWB "=12" CWB "=11"},
        {"",    "permessage-deflate ;\tserver_max_window_bits = 9 ", PMD SWB "=9"                   },
    };
    CHECK_CASES(cases, &generous);
}

TEST(policy, "our policy adds what the client allows and lowers what it offers")
{
    static const struct offer_case cases[] = {
        {"Firefox", PMD,           PMD SNC CNC          },
        {"Chrome",  PMD CWB,       PMD SNC CNC CWB "=12"},
        {"",        PMD CWB "=10", PMD SNC CNC CWB "=10"},
        {"",        PMD CWB "=14", PMD SNC CNC CWB "=12"},
        {"",        PMD SWB "=15", PMD SNC CNC SWB "=12"},
        {"",        PMD SWB "=8",  PMD SNC CNC SWB "=8" },
    };
    CHECK_CASES(cases, &ws_deflate_policy_default);
}

TEST(preference, "X22: the first offer that is right is chosen, over all headers")
{
    static const struct offer_case cases[] = {
        {"X22", PMD "; bad, " PMD SWB "=\"10\"",                 PMD SWB "=10"},
        {"",    PMD SWB "=10, " PMD SWB "=9",                    PMD SWB "=10"},
        {"",    "foo, " PMD SWB "=\"\\1\\0\"",                   PMD SWB "=10"},
        {"",    PMD SWB "=7\r\n" EXT "foo\r\n" EXT PMD SWB "=9", PMD SWB "=9" },
        {"",    "foo; a=\"b\\c\"; d = e ;f,\t" PMD,              PMD          },
        {"",    ", ," PMD " ,",                                  PMD          },
        {"",    "\r\n" EXT PMD,                                  PMD          },
    };
    CHECK_CASES(cases, &generous);
}

TEST(malformed, "X30-34: a header that breaks the grammar of RFC 6455 9.1 is a 400")
{
    static const struct offer_case cases[] = {
        {"X30", PMD ";",                 "400"},
        {"X31", PMD "; ;",               "400"},
        {"X31", ";",                     "400"},
        {"X32", PMD "; =",               "400"},
        {"X32", PMD "; a=",              "400"},
        {"X32", "=",                     "400"},
        {"X33", PMD "; a=\"b",           "400"},
        {"X33", PMD "; a=\"b\\",         "400"},
        {"X33", PMD "; a=\"b\\\"",       "400"},
        {"X33", PMD "; a=\"b c\"",       "400"},
        {"X33", PMD "; a=\"\"",          "400"},
        {"X33", PMD "; a=\"b\"c",        "400"},
        {"X33", "\"" PMD "\"",           "400"},
        {"X34", ",",                     "400"},
        {"X34", "",                      "400"},
        {"",    PMD " foo",              "400"},
        {"",    PMD "; a b",             "400"},
        {"",    PMD "; a=b=c",           "400"},
        {"",    PMD "/2",                "400"},
        {"",    PMD "\xe9",              "400"},
        {"",    PMD ", foo;",            "400"}, /* wherever the fault is */
        {"",    PMD "\r\n" EXT "foo; =", "400"},
    };
    CHECK_CASES(cases, &generous);
}

TEST(no_header, "a request without the header agrees on nothing")
{
    struct ws_deflate_params params;
    char answer[WS_DEFLATE_ANSWER_BYTES];
    static const char other[] = "X-Extensions: " PMD "\r\n";

    CHECK_EQ(choose("", 0, &generous, &params, answer), WS_DEFLATE_NONE);
    CHECK_EQ(choose(other, sizeof other - 1, &generous, &params, answer), WS_DEFLATE_NONE);
}

TEST(params, "what is answered is what is used")
{
    static const struct {
        const char *line;
        struct ws_deflate_params generous, standard;
    } cases[] = {
        {EXT PMD "\r\n",                 {false, false, 15, 15}, {true, true, 12, 15}},
        {EXT PMD SWB "=8" CWB "\r\n",    {false, false, 8, 15},  {true, true, 8, 12} },
        {EXT PMD SWB "=14" CWB "=9\r\n", {false, false, 14, 9},  {true, true, 12, 9} },
        {EXT PMD SNC CWB "=8\r\n",       {true, false, 15, 8},   {true, true, 12, 8} },
        {EXT PMD CNC "\r\n",             {false, true, 15, 15},  {true, true, 12, 15}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int standard = 0; standard < 2; standard++) {
            struct ws_deflate_params p;
            const struct ws_deflate_params *want =
                standard ? &cases[i].standard : &cases[i].generous;
            char answer[WS_DEFLATE_ANSWER_BYTES];
            CHECK_EQ(choose(cases[i].line, strlen(cases[i].line),
                            standard ? &ws_deflate_policy_default : &generous, &p, answer),
                     WS_DEFLATE_AGREED);
            CHECK_EQ(p.server_no_context_takeover, want->server_no_context_takeover);
            CHECK_EQ(p.client_no_context_takeover, want->client_no_context_takeover);
            CHECK_EQ(p.server_max_window_bits, want->server_max_window_bits);
            CHECK_EQ(p.client_max_window_bits, want->client_max_window_bits);
        }
}

TEST(linear, "X40: 15 kB of whatever is read once, from the front")
{
    static const struct {
        const char *start, *part;
        enum ws_deflate_offer want;
    } cases[] = {
        {EXT "a",       "; a",           WS_DEFLATE_NONE     },
        {EXT "a; ",     "a; ",           WS_DEFLATE_MALFORMED},
        {EXT "a; b=\"", "\\a",           WS_DEFLATE_MALFORMED},
        {EXT "a; b=\"", "\\\"",          WS_DEFLATE_MALFORMED},
        {EXT,           "a,",            WS_DEFLATE_NONE     },
        {EXT,           ",",             WS_DEFLATE_MALFORMED},
        {EXT "a",       " \t",           WS_DEFLATE_NONE     },
        {EXT PMD,       "; a=\"b\"",     WS_DEFLATE_NONE     },
        {EXT PMD,       SWB "=10, " PMD, WS_DEFLATE_AGREED   },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct ws_deflate_params params;
        char answer[WS_DEFLATE_ANSWER_BYTES];
        struct buf b;
        buf_init(&b, 0);
        buf_text(&b, cases[i].start);
        while (b.len < 15000)
            buf_text(&b, cases[i].part);
        buf_text(&b, "\r\n");
        /* 25 readings; 1 ms each when it is linear, sanitizers included */
        clock_t start = clock(); /* the processor's time: others run, too */
        for (int k = 0; k < 25; k++)
            CHECK_EQ(choose((char *)b.data, b.len, &generous, &params, answer),
                     cases[i].want);
        CHECK(clock() - start < CLOCKS_PER_SEC);
        buf_fini(&b);
    }
}

TEST(cut_offers, "an offer cut or changed at any byte comes to one of the three results")
{
    static const char line[] = EXT "foo; a=\"\\b\", " PMD SWB "=\"10\"" CWB "=9" SNC "\r\n";
    struct ws_deflate_params params;
    char answer[WS_DEFLATE_ANSWER_BYTES];
    int n_agreed = 0, n_malformed = 0;

    for (size_t at = sizeof EXT - 1; at < sizeof line - 3; at++)
        for (const char *c = "\",;=\\ a\t9"; *c; c++) {
            char changed[sizeof line];
            memcpy(changed, line, sizeof line);
            changed[at] = *c;
            enum ws_deflate_offer got =
                choose(changed, sizeof line - 1, &generous, &params, answer);
            n_agreed += got == WS_DEFLATE_AGREED;
            n_malformed += got == WS_DEFLATE_MALFORMED;
            memcpy(changed + at, "\r\n", 2);
            choose(changed, at + 2, &generous, &params, answer);
        }
    CHECK(n_agreed > 50 && n_malformed > 200);
}
