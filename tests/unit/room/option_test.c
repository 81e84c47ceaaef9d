/* SPDX-License-Identifier: MIT */
#include "unit.h"
#include <cJSON.h>
#include <stdlib.h>

#include "room/option.h"
#include "state/payload.h"

/* The options of a JSON object, alone in their block of memory. */
static uint8_t *options_of(const char *json, size_t *n)
{
    cJSON *value = cJSON_Parse(json);
    struct buf out;
    struct err e;

    buf_init(&out, 0);
    CHECK(value && payload_from_json(NULL, value, &out, &e) == 0);
    cJSON_Delete(value);
    uint8_t *copy = malloc(out.len);
    memcpy(copy, out.data, out.len);
    *n = out.len;
    buf_fini(&out);
    return copy;
}

static const char everything[] =
    "{\"yes\":true,\"no\":false,\"n\":-7,\"x\":1.5,\"t\":\"duel\",\"none\":null,"
    "\"list\":[\"a\",7,true],\"map\":{\"id\":\"p\"},\"one\":\"1\",\"num\":\"12.5\","
    "\"twice\":1,\"twice\":2,\"long\":"
    "\"0000000000000000000000000000000000000000000000001\"}";

TEST(option_kinds, "a member is found by its name, the last of a doubled one")
{
    size_t n;
    uint8_t *o = options_of(everything, &n);

    CHECK_EQ(option_find(o, n, "yes").kind, OPTION_FLAG);
    CHECK_EQ(option_find(o, n, "n").kind, OPTION_NUMBER);
    CHECK(option_find(o, n, "n").number == -7 && option_find(o, n, "x").number == 1.5);
    CHECK_MEM(option_find(o, n, "t").text.text, "duel", 4);
    CHECK_EQ(option_find(o, n, "none").kind, OPTION_NONE);
    CHECK_EQ(option_find(o, n, "list").kind, OPTION_LIST);
    CHECK_EQ(option_find(o, n, "map").kind, OPTION_MAP);
    CHECK(option_find(o, n, "twice").number == 2);
    CHECK_EQ(option_find(o, n, "absent").kind, OPTION_NONE);
    CHECK_EQ(option_find(o, n, "ye").kind, OPTION_NONE);
    CHECK_EQ(option_find(NULL, 0, "yes").kind, OPTION_NONE);
    CHECK_EQ(option_find((const uint8_t *)"\2", 1, "yes").kind, OPTION_NONE);
    struct option map = option_find(o, n, "map");
    CHECK_EQ(option_find(map.bytes, map.n_bytes, "id").kind, OPTION_TEXT);
    free(o);
}

TEST(option_items, "a list has its items, any other value is the only one")
{
    size_t n;
    uint8_t *o = options_of(everything, &n);
    struct option list = option_find(o, n, "list"), t = option_find(o, n, "t"),
                  none = option_find(o, n, "none");

    struct option out[3] = {{.kind = OPTION_OTHER}};
    CHECK_EQ(option_items(&list, out, 2), 3);
    CHECK_EQ(out[0].kind, OPTION_TEXT);
    CHECK(out[1].number == 7);
    CHECK_EQ(out[2].kind, OPTION_NONE);
    CHECK_EQ(option_items(&list, out, 3), 3);
    CHECK_EQ(out[2].kind, OPTION_FLAG);
    CHECK_EQ(option_items(&t, out, 3), 1);
    CHECK_MEM(out[0].text.text, "duel", 4);
    CHECK_EQ(option_items(&none, out, 3), 0);
    free(o);
}

static bool is_same(const uint8_t *o, size_t n, const char *a, const char *b)
{
    struct option x = option_find(o, n, a), y = option_find(o, n, b);

    return option_is_same(&x, &y);
}

TEST(option_text, "flags and numbers are understood as text too, as queries have them")
{
    size_t n;
    uint8_t *o = options_of(
        "{\"a\":true,\"b\":\"true\",\"c\":\"1\",\"d\":\"yes\",\"e\":1,\"f\":false,\"g\":"
        "\"12.5\",\"h\":12.5,\"i\":\"inf\",\"j\":\"0x10\",\"k\":\"\",\"l\":\"1e999\",\"m\":"
        "\"7 \",\"n\":\"12.5\"}",
        &n);
    const char *set = "abc", *unset = "defg", *numbers = "cegh", *words = "abdfijklm";
    double x;

    for (; *set; set++) {
        struct option at = option_find(o, n, (char[]){*set, 0});
        CHECK(option_is_set(&at));
    }
    for (; *unset; unset++) {
        struct option at = option_find(o, n, (char[]){*unset, 0});
        CHECK(!option_is_set(&at));
    }
    for (; *numbers; numbers++) {
        struct option at = option_find(o, n, (char[]){*numbers, 0});
        CHECK(option_number(&at, &x));
    }
    for (; *words; words++) {
        struct option at = option_find(o, n, (char[]){*words, 0});
        CHECK(!option_number(&at, &x));
    }
    CHECK(is_same(o, n, "g", "h") && is_same(o, n, "g", "n") && is_same(o, n, "c", "e"));
    CHECK(!is_same(o, n, "a", "b") && !is_same(o, n, "a", "f") && !is_same(o, n, "a", "e"));
    CHECK(!is_same(o, n, "d", "b") && !is_same(o, n, "z", "z"));
    free(o);
}
