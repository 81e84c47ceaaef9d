/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include "proto/http_text.h"

static struct http_text text(const char *s)
{
    return (struct http_text){s, strlen(s)};
}

TEST(decode, "percent escapes are decoded, bad ones and NUL are refused")
{
    static const struct {
        const char *in;
        bool plus;
        int n;
        const char *out;
    } cases[] = {
        {"",              false, 0,  ""            },
        {"plain",         false, 5,  "plain"       },
        {"a%20b%2fC%2Fd", false, 7,  "a b/C/d"     },
        {"a+b",           false, 3,  "a+b"         },
        {"a+b%2B",        true,  4,  "a b+"        },
        {"%e2%82%ac",     false, 3,  "\xe2\x82\xac"},
        {"%",             false, -1, ""            },
        {"a%4",           false, -1, ""            },
        {"%4g",           false, -1, ""            },
        {"%g4",           false, -1, ""            },
        {"%%41",          false, -1, ""            },
        {"%00",           false, -1, ""            },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t len = strlen(cases[i].in);
        uint8_t *in = unit_guarded(cases[i].in, len);
        uint8_t *out = unit_guarded(cases[i].in, len);
        CHECK_EQ(http_decode((char *)out, (char *)in, len, cases[i].plus), cases[i].n);
        if (cases[i].n > 0)
            CHECK_MEM(out, cases[i].out, (size_t)cases[i].n);
        unit_guarded_free(in, len);
        unit_guarded_free(out, len);
    }
    char nul[3];
    CHECK_EQ(http_decode(nul, "a\0b", 3, false), -1);
}

TEST(lists, "a list falls into trimmed elements, empty ones too")
{
    static const char *const want[] = {"a", "b c", "", "d"};
    struct http_text rest = text(" a,\tb c ,, d"), element;

    for (size_t i = 0; i < 4; i++) {
        CHECK(http_text_next(&rest, &element));
        CHECK(http_text_is(element, want[i]));
    }
    CHECK(!http_text_next(&rest, &element));
    rest = text("");
    CHECK(http_text_next(&rest, &element));
    CHECK_EQ(element.len, 0);
    CHECK(!http_text_next(&rest, &element));
    rest = text("a,");
    CHECK(http_text_next(&rest, &element));
    CHECK(http_text_next(&rest, &element));
    CHECK_EQ(element.len, 0);
    CHECK(!http_text_next(&rest, &element));
}

TEST(comparing, "comparing without case folds A to Z and nothing else")
{
    CHECK(http_text_is_nocase(text("WebSocket"), "wEBsOCKET"));
    CHECK(!http_text_is_nocase(text("websocket"), "websocke"));
    CHECK(!http_text_is_nocase(text("@["), "`{"));
    CHECK(!http_text_is(text("A"), "a"));
    CHECK(!http_text_is(text("ab"), "a"));
    CHECK(http_text_starts_nocase(text("HTTP://x"), "http://"));
    CHECK(!http_text_starts_nocase(text("http"), "http://"));
    CHECK(http_text_is(http_text_trim(text(" \t a b\t ")), "a b"));
    CHECK_EQ(http_text_trim(text(" \t ")).len, 0);
}

TEST(tokens, "a token holds the characters of RFC 9110 5.6.2 and at least one")
{
    for (int c = 0; c < 256; c++) {
        char one = (char)c;
        bool want = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                    (c >= 'a' && c <= 'z') || (c && strchr("!#$%&'*+-.^_`|~", c));
        CHECK_EQ(http_text_is_token((struct http_text){&one, 1}), want);
    }
    CHECK(!http_text_is_token(text("")));
    CHECK(!http_text_is_token(text("a b")));
}

TEST(hosts, "a host is a name, an address or one in brackets, with or without a port")
{
    static const char *const good[] = {
        "a",        "a.example",       "a.example:80", "127.0.0.1:1", "[::1]",
        "[::1]:80", "[fe80::1.2.3.4]", "a:",           "x_y-z~",      "a%20b"};
    static const char *const bad[] = {
        "",    ":80", "a:b",    "a:80:90", "[]", "[::1",  "::1", "[g z]",   "a b",
        "a/b", "a@b", "[::1]x", "[a]b:1",  "a]", "a\x80", "a?",  "[::1]:8x"};

    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        CHECK(http_text_is_host(text(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        size_t len = strlen(bad[i]);
        uint8_t *p = unit_guarded(bad[i], len);
        CHECK(!http_text_is_host((struct http_text){(char *)p, len}));
        unit_guarded_free(p, len);
    }
}
