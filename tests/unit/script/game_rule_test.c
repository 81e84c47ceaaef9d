/* SPDX-License-Identifier: MIT */
#include "rig.h"

static bool load_options(struct rig *r, const char *options)
{
    char text[1024];

    snprintf(text, sizeof text,
             "local m = require('parlor').match return require('parlor').game {%s}",
             options);
    return rig_load(r, text);
}

TEST(rules_read, "rules come in the order of their names, with their numbers")
{
    struct rig r = {0};

    CHECK(load_options(&r,
                       "match = { b = m.same, c = m.near { by = 1, widen = 2, max = 3 },"
                       "a = m.any, d = m.near { by = 0.5 } },"
                       "queue = { min = 3, max = 4, hold = 5, wait = 6 }"));
    const struct game_def *d = r.vm->def;
    CHECK_EQ(d->n_rules, 4);
    CHECK_STR(d->rules[0].name, "a");
    CHECK(d->rules[0].kind == RULE_ANY && d->rules[1].kind == RULE_SAME);
    CHECK(d->rules[2].kind == RULE_NEAR && d->rules[2].by == 1 && d->rules[2].widen == 2 &&
          d->rules[2].max == 3);
    CHECK(d->rules[3].by == 0.5 && d->rules[3].widen == 0 && d->rules[3].max == 1e15);
    CHECK(d->queue.is_on && d->queue.min == 3 && d->queue.max == 4);
    CHECK(d->queue.hold_s == 5 && d->queue.wait_s == 6);
    rig_close(&r);
    CHECK(load_options(&r, "match = 'fill', queue = {}, max_players = 7"));
    d = r.vm->def;
    CHECK(d->n_rules == 0 && d->queue.is_on && d->queue.min == 2 && d->queue.max == 7);
    CHECK(d->queue.hold_s == 0 && d->queue.wait_s == 60);
    rig_close(&r);
    CHECK(load_options(&r, ""));
    CHECK(!r.vm->def->queue.is_on);
    rig_close(&r);
}

TEST(rules_refused, "what is no rule is refused, and the error says which")
{
    static const char *const bad[][2] = {
        {"match = 5",                                      "match: "           },
        {"match = 'full'",                                 "match: "           },
        {"match = { m.same }",                             "match: names"      },
        {"match = { [('x'):rep(33)] = m.same }",           "match: names"      },
        {"match = { a = 'same' }",                         "match.a: "         },
        {"match = { a = {} }",                             "match.a: "         },
        {"match = { a = m.near }",                         "match.a: "         },
        {"match = { a = m.near {} }",                      "match.a: near"     },
        {"match = { a = m.near { by = -1 } }",             "match.a: near"     },
        {"match = { a = m.near { by = 2, max = 1 } }",     "match.a: near"     },
        {"match = { a = m.near { by = 1, widen = 'x' } }", "match.a: near"     },
        {"match = { a=m.same, b=m.same, c=m.same, d=m.same, e=m.same, f=m.same, g=m.same,"
         "h=m.same, i=m.same }",                  "match: at most 8"  },
        {"queue = 5",                                      "queue: "           },
        {"queue = { least = 5 }",                          "queue has no least"},
        {"queue = { min = 0 }",                            "queue.min: "       },
        {"queue = { min = 1.5 }",                          "queue.min: "       },
        {"queue = { min = 3, max = 2 }",                   "queue.max: "       },
        {"queue = { hold = -1 }",                          "queue.hold: "      },
        {"queue = { wait = 0.5 }",                         "queue.wait: "      },
        {"queue = { min = 5 }, max_players = 4",           "queue: more than"  },
        {"queue = { max = 5 }, max_players = 4",           "queue: more than"  },
        {"queue = {}, raw = true",                         "queue: a raw game" },
    };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct rig r = {0};
        CHECK(!load_options(&r, bad[i][0]));
        if (!strstr(r.error, bad[i][1]))
            fail_msg("%s gave %s", bad[i][0], r.error);
        rig_close(&r);
    }
}
