/* SPDX-License-Identifier: MIT */
#include "unit.h"
#include <locale.h>
#include <math.h>
#include <stdlib.h>

#include "base/rnd.h"
#include "proto/json_out.h"

static const char *text_of(struct buf *b)
{
    buf_byte(b, 0);
    CHECK(!b->failed);
    return (const char *)b->data;
}

static void check_num(double v, const char *want)
{
    struct buf b;
    struct json_out j = json_out_to(&b);

    buf_init(&b, 0);
    json_out_num(&j, v);
    CHECK_STR(text_of(&b), want);
    buf_fini(&b);
}

TEST(structure, "commas and colons stand where they belong")
{
    struct buf b;
    struct json_out j = json_out_to(&b);

    buf_init(&b, 0);
    json_out_object(&j);
    json_out_key_str(&j, "t", "hello");
    json_out_key_int(&j, "id", -7);
    json_out_key_bool(&j, "ok", true);
    json_out_key_bool(&j, "no", false);
    json_out_key(&j, "list", 4);
    json_out_array(&j);
    json_out_int(&j, 1);
    json_out_array(&j);
    json_out_end_array(&j);
    json_out_null(&j);
    json_out_object(&j);
    json_out_end_object(&j);
    json_out_num(&j, 0.5);
    json_out_str(&j, "x", 1);
    json_out_base64(&j, (const uint8_t *)"x", 1);
    json_out_bool(&j, false);
    json_out_end_array(&j);
    json_out_key_int(&j, "last", 0);
    json_out_end_object(&j);
    CHECK_STR(text_of(&b), "{\"t\":\"hello\",\"id\":-7,\"ok\":true,\"no\":false,"
                           "\"list\":[1,[],null,{},0.5,\"x\",\"eA==\",false],\"last\":0}");
    buf_fini(&b);
}

TEST(strings, "quotes, controls, < and the two line separators are escaped, nothing else")
{
    static const char in[] = "a\"b\\c\n\r\t\x01\x1f\x7f</script> \xe2\x80\xa7\xe2\x80\xa8"
                             "\xe2\x80\xa9\xe2\x80\xaa\xc3\xa9\xf0\x9f\x90\xb8\0z";
    struct buf b;
    struct json_out j = json_out_to(&b);

    buf_init(&b, 0);
    json_out_str(&j, in, sizeof in - 1);
    CHECK_STR(text_of(&b),
              "\"a\\\"b\\\\c\\n\\r\\t\\u0001\\u001f\x7f\\u003c/script> \xe2\x80\xa7\\u2028"
              "\\u2029\xe2\x80\xaa\xc3\xa9\xf0\x9f\x90\xb8\\u0000z\"");
    buf_fini(&b);
}

TEST(string_end,
     "a string that ends inside a three-byte character is not read past its end")
{
    for (size_t n = 0; n <= 3; n++) {
        uint8_t *p = unit_guarded("\xe2\x80\xa8", n);
        struct buf b;
        struct json_out j = json_out_to(&b);
        buf_init(&b, 0);
        json_out_str(&j, (const char *)p, n);
        CHECK_EQ(b.len, n == 3 ? 8 : n + 2);
        buf_fini(&b);
        unit_guarded_free(p, n);
    }
}

TEST(numbers, "numbers are as short as they can be and still the same double")
{
    check_num(0, "0");
    check_num(-0.0, "0");
    check_num(1, "1");
    check_num(-12, "-12");
    check_num(0.1, "0.1");
    check_num(10.25, "10.25");
    check_num(-0.015625, "-0.015625");
    check_num(1.0 / 3, "0.3333333333333333");
    check_num(0.1 + 0.2, "0.30000000000000004");
    check_num(100000, "100000");
    check_num(1e15, "1000000000000000");
    check_num(1e15 + 0.5, "1000000000000000.5");
    check_num(9007199254740991.0, "9007199254740991");
    check_num(-9007199254740991.0, "-9007199254740991");
    check_num(9007199254740992.0, "9007199254740992");
    check_num(1e300, "1e+300");
    check_num(5e-324, "4.94065645841247e-324");
    check_num(1.7976931348623157e308, "1.7976931348623157e+308");
    check_num(NAN, "null");
    check_num(INFINITY, "null");
    check_num(-INFINITY, "null");
}

TEST(integers, "integers of 64 bits are written whole")
{
    static const struct {
        int64_t v;
        const char *text;
    } cases[] = {
        {0,         "0"                   },
        {9,         "9"                   },
        {10,        "10"                  },
        {-1,        "-1"                  },
        {INT64_MAX, "9223372036854775807" },
        {INT64_MIN, "-9223372036854775808"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf b;
        struct json_out j = json_out_to(&b);
        buf_init(&b, 0);
        json_out_int(&j, cases[i].v);
        CHECK_STR(text_of(&b), cases[i].text);
        buf_fini(&b);
    }
}

TEST(round_trip,
     "random doubles read back as themselves, and 15 digits are used where they do")
{
    struct rnd r;

    rnd_seed(&r, 1);
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = rnd_next(&r);
        double v;
        char shorter[40];
        struct buf b;
        struct json_out j = json_out_to(&b);
        memcpy(&v, &bits, sizeof v);
        if (i % 2) /* numbers of few digits, as games have them */
            v = (double)(int64_t)(bits >> 40) / 64;
        if (!isfinite(v))
            continue;
        buf_init(&b, 0);
        json_out_num(&j, v);
        const char *text = text_of(&b);
        CHECK(strtod(text, NULL) == v);
        snprintf(shorter, sizeof shorter, "%.15g", v);
        if (fabs(v) < 1e15 && strtod(shorter, NULL) == v)
            CHECK_STR(text, shorter);
        buf_fini(&b);
    }
}

TEST(locale, "a locale with a decimal comma changes nothing")
{
    static const char *const with_comma[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE.utf8",
                                             "nl_NL.UTF-8", "ps_AF.UTF-8"};
    size_t tried = 0;

    for (size_t i = 0; i < sizeof with_comma / sizeof *with_comma; i++)
        if (setlocale(LC_NUMERIC, with_comma[i])) {
            check_num(10.25, "10.25");
            check_num(1.5e-9, "1.5e-09");
            tried++;
        }
    setlocale(LC_NUMERIC, "C");
    if (tried == 0)
        skip(); /* no such locale is installed here */
}

TEST(base64, "base64 as in RFC 4648 10, and the last letters of the alphabet")
{
    static const struct {
        const char *bytes, *text;
    } cases[] = {
        {"",             "\"\""        },
        {"f",            "\"Zg==\""    },
        {"fo",           "\"Zm8=\""    },
        {"foo",          "\"Zm9v\""    },
        {"foob",         "\"Zm9vYg==\""},
        {"fooba",        "\"Zm9vYmE=\""},
        {"foobar",       "\"Zm9vYmFy\""},
        {"\xfb\xff\xfe", "\"+//+\""    },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n = strlen(cases[i].bytes);
        uint8_t *p = unit_guarded(cases[i].bytes, n);
        struct buf b;
        struct json_out j = json_out_to(&b);
        buf_init(&b, 0);
        json_out_base64(&j, p, n);
        CHECK_STR(text_of(&b), cases[i].text);
        buf_fini(&b);
        unit_guarded_free(p, n);
    }
}
