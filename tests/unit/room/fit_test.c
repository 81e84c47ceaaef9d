/* SPDX-License-Identifier: MIT */
#include "unit.h"
#include <cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "room/fit.h"
#include "state/payload.h"

static const struct game_def def = {
    .n_rules = 3,
    .rules = {{.name = "map", .kind = RULE_ANY},
              {.name = "mode", .kind = RULE_SAME},
              {.name = "skill", .kind = RULE_NEAR, .by = 10, .widen = 2, .max = 20}},
};

/* Options or labels; buf_fini() them. */
static struct buf any_of(const char *json)
{
    cJSON *value = cJSON_Parse(json);
    struct buf out;
    struct err e;

    buf_init(&out, 0);
    CHECK(value && payload_from_json(NULL, value, &out, &e) == 0);
    cJSON_Delete(value);
    return out;
}

static bool takes(const char *options, const char *labels, double waited_s)
{
    struct buf o = any_of(options), l = any_of(labels);
    struct fit f;
    struct err e = {0};

    CHECK_EQ(fit_read(&f, &def, o.data, o.len, &e), 0);
    bool ok = fit_takes(&f, &def, l.data, l.len, waited_s);
    buf_fini(&o);
    buf_fini(&l);
    return ok;
}

TEST(fit_takes, "a room fits where its labels are what is asked for")
{
    CHECK(takes("{}", "{}", 0) && takes("{}", "{\"mode\":\"duel\"}", 0));
    CHECK(!takes("{\"mode\":\"duel\"}", "{}", 0));
    CHECK(takes("{\"mode\":\"duel\"}", "{\"mode\":\"duel\",\"skill\":3}", 0));
    CHECK(!takes("{\"mode\":\"duel\"}", "{\"mode\":\"free\"}", 0));
    CHECK(takes("{\"map\":[\"a\",7]}", "{\"map\":7}", 0));
    CHECK(!takes("{\"map\":[\"a\",7]}", "{\"map\":\"b\"}", 0));
    CHECK(!takes("{\"map\":\"a\"}", "{}", 0));
    CHECK(takes("{\"skill\":5}", "{\"skill\":15}", 0));
    CHECK(!takes("{\"skill\":5}", "{\"skill\":16}", 0));
    CHECK(takes("{\"skill\":5}", "{\"skill\":17}", 1));
    CHECK(takes("{\"skill\":5}", "{\"skill\":25}", 100));
    CHECK(!takes("{\"skill\":5}", "{\"skill\":26}", 100));
    CHECK(!takes("{\"skill\":5}", "{\"skill\":\"good\"}", 0));
}

TEST(fit_groups, "a group asks for what all of it ask for, and a new room is labelled so")
{
    struct buf first = any_of("{\"map\":[\"a\",\"b\",\"c\"],\"skill\":\"5\"}"),
               second = any_of("{\"map\":[\"c\",\"b\"],\"mode\":true,\"skill\":14}"),
               third = any_of("{\"map\":\"a\"}"), fourth = any_of("{\"mode\":false}"),
               want = any_of("{\"map\":\"b\",\"mode\":true}"), out;
    struct fit group, other;
    struct err e = {0};

    fit_read(&group, &def, first.data, first.len, &e);
    fit_read(&other, &def, second.data, second.len, &e);
    CHECK(fit_join(&group, &other, &def, 0));
    fit_read(&other, &def, third.data, third.len, &e);
    CHECK(!fit_join(&group, &other, &def, 0)); /* "a" is out since the second */
    fit_read(&other, &def, fourth.data, fourth.len, &e);
    CHECK(!fit_join(&group, &other, &def, 0));
    buf_init(&out, 0);
    fit_put_labels(&group, &def, &out);
    CHECK_EQ(out.data[1], 3);
    CHECK_MEM(out.data + 2, want.data + 2, want.len - 2);
    struct option skill = option_find(out.data, out.len, "skill");
    CHECK(skill.kind == OPTION_NUMBER && skill.number == 5);
    buf_fini(&out);
    buf_fini(&first);
    buf_fini(&second);
    buf_fini(&third);
    buf_fini(&fourth);
    buf_fini(&want);
}

TEST(fit_bad, "what no label can be is refused with the option's name")
{
    static const char *const bad[][2] = {
        {"{\"mode\":[1]}",                "mode: " },
        {"{\"mode\":{}}",                 "mode: " },
        {"{\"skill\":true}",              "skill: "},
        {"{\"skill\":\"1e999\"}",         "skill: "},
        {"{\"map\":[]}",                  "map: "  },
        {"{\"map\":[1,[2]]}",             "map: "  },
        {"{\"map\":[1,2,3,4,5,6,7,8,9]}", "map: "  },
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct buf o = any_of(bad[i][0]);
        struct fit f;
        struct err e = {0};
        CHECK(fit_read(&f, &def, o.data, o.len, &e) < 0);
        CHECK(strncmp(e.text, bad[i][1], strlen(bad[i][1])) == 0);
        buf_fini(&o);
    }
}
