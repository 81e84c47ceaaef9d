/* SPDX-License-Identifier: MIT */
#include "rig.h"
#include <stdlib.h>
#define GAME                                                                               \
    RUNNER("state = { a = s.map({x = s.u8}, {keys = 'string', interest = s.keys}),"        \
           " b = s.map({x = s.u8}, {interest = s.keys}), c = s.map {x = s.u8} }",          \
           "")

TEST(bind_interest_calls, "what players are to see reaches the hooks")
{
    static const struct {
        const char *code, *answer, *trace;
    } calls[] = {
        {"return player:view {x = 1, y = -2.5}",            "null",                                  "view 1 1 -2.5 0\n"          },
        {"player:view {x = 1, y = 2, radius = 30}",         "null",                                  "view 1 1 2 30\n"            },
        {"player:view(nil)",                                "null",                                  "view 1 home\n"              },
        {"player:view()",                                   "null",                                  "view 1 home\n"              },
        {"return player:watch('a', 'GOOG')",                "true",                                  "watch 1 table 1 key GOOG0\n"},
        {"return player:watch('b', 7)",                     "true",                                  "watch 1 table 2 key 7\n"    },
        {"return {player:watch('b', 99)}",                  "{\"2\":\"too many keys are watched\"}",
         "watch 1 table 2 key 99\n"                                                                                               },
        {"return player:unwatch('a', 'x')",                 "null",                                  "unwatch 1 table 1 key x0\n" },
        {"player.view({}, nil) player.watch({}, 'a', 'x')", "null",                                  ""                           },
    };
    struct rig r = {0};

    rig_open(&r, GAME);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        rig_forget(&r);
        if (strcmp(rig_eval(&r, calls[i].code), calls[i].answer) != 0 ||
            strcmp(rig_trace(&r), calls[i].trace) != 0)
            fail_msg("%s gave %s and %s", calls[i].code, r.answer, rig_trace(&r));
    }
    rig_close(&r);
}

TEST(bind_interest_bad, "what cannot be is raised at the script's line")
{
    static const struct {
        const char *code, *error;
    } bad[] = {
        {"player:view {x = 1}",                     "view: y is a number"                     },
        {"player:view {x = 0/0, y = 1}",            "view: x is a number"                     },
        {"player:view {x = '1', y = 1}",            "view: x is a number"                     },
        {"player:view {x = 1, y = 1e16}",           "view: y is a number"                     },
        {"player:view {x = 1, y = 1, radius = -1}", "view: radius is a number"                },
        {"player:view(5)",                          "table expected"                          },
        {"player:watch('c', 1)",                    "a map with interest = s.keys is expected"},
        {"player:watch('z', 1)",                    "a map with interest = s.keys is expected"},
        {"player:watch('', 1)",                     "a map with interest = s.keys is expected"},
        {"player:watch('a', 1)",                    "the key must be a string"                },
        {"player:watch('a', '')",                   "the key must be a string"                },
        {"player:watch('b', 'x')",                  "the key must be a player id"             },
        {"player:unwatch('b')",                     "the key must be a player id"             },
        {"player:watch()",                          "string expected"                         },
    };
    struct rig r = {0};

    rig_open(&r, GAME);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        rig_forget(&r);
        const char *answer = rig_eval(&r, bad[i].code);
        if (*answer != '!' || !strstr(answer, bad[i].error) || *rig_trace(&r))
            fail_msg("%s gave %s, not %s", bad[i].code, answer, bad[i].error);
    }
    rig_close(&r);
}

TEST(bind_interest_fields, "a script sees one table a row, whoever the fields are for")
{
    struct rig r = {0};
    char *json;

    rig_open(&r,
             RUNNER("state = { seed = s.u8 {to = 'server'}, z = s.u8, hidden = s.map({n = "
                    "s.u8}, {keys = 'string', to = 'server'}), m = s.map { a = s.u8 {to = "
                    "'server', default = 3}, b = { c = s.u8, d = s.str(4) {to = 'owner'}, "
                    "e = s.u8 {to = 'server'} }, f = s.u8 } }",
                    ""));
    CHECK_STR(rig_eval(&r,
                       "local st = room.state st.seed = 9 st.z = 8 st.hidden.k = {n = 5} "
                       "st.m[1] = {b = {d = 'mine', e = 2}, f = 4} "
                       "return {st.m[1].a, st.m[1].b.c}"),
              "[3,0]");
    rig_scan(&r);
    CHECK_EQ(r.n_errors, 0);
    json = rig_state(r.image);
    CHECK_STR(json,
              "{\"z\":8,\"seed\":9,\"hidden\":{\"k\":{\"n\":5}},\"m\":{\"1\":{\"b.c\":0,"
              "\"f\":4,\"b.d\":\"mine\",\"a\":3,\"b.e\":2}}}");
    free(json);
    /* Errors name the field as the script knows it, and the last good value stays. */
    rig_eval(&r, "local row = room.state.m[1] row.b.d = 'too long' row.a = 300 row.f = 7");
    rig_scan(&r);
    CHECK_EQ(r.n_errors, 2);
    CHECK(strstr(r.error, "m[1].b.d") || strstr(r.error, "m[1].a"));
    const struct row *row =
        image_row(r.image, (uint32_t)schema_find_table(r.image->schema, "m", 1), 0);
    CHECK_EQ(row->now[1].q, 7);
    CHECK(!strstr(r.image->schema->json, "seed") &&
          !strstr(r.image->schema->json, "hidden"));
    rig_close(&r);
}

TEST(bind_interest_declared, "options that cannot be are refused at the game's line")
{
    static const struct {
        const char *what, *error;
    } bad[] = {
        {"m = s.map({x = s.u8}, {interest = 'keys'})",                             "s.map: interest is s.near"  },
        {"m = s.map({x = s.u8}, {to = 'owner'})",                                  "s.map: to is \"server\""    },
        {"m = s.map({x = s.u8}, {interest = s.near {}})",                          "s.near needs x, y and see"  },
        {"m = s.map({}, {interest = s.near {z = 1}})",                             "s.near has no option z"     },
        {"m = s.map({}, {interest = s.near {x = 1}})",                             "s.near: x is a string"      },
        {"m = s.map({}, {interest = s.near {see = '1'}})",                         "s.near: see is a number"    },
        {"m = s.map({x = s.u8}, {interest = s.near {x = 'x', y = 'y', see = 1}})",
         "state.m: near: y is not a number among its fields"                                                    },
        {"a = s.u8 {to = 'owner'}",                                                "state.a: to = owner is for" },
        {"m = {n = s.map({x = s.u8}, {interest = s.keys})}",                       "state.m.n: interest is for" },
        {"m = s.map({l = s.list({x = s.u8 {to = 'server'}})})",                    "state.m.l[].x"              },
        {"m = s.map(s.u8, {to = 'owner'})",                                        "state.m: to = owner is for" },
        {"m = s.map({x = s.u8 {to = 'him'}})",                                     "state.m.x: to must be owner"},
    };
    char game[400];

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct rig r = {0};
        snprintf(game, sizeof game,
                 "local parlor = require 'parlor' local s = parlor.schema "
                 "return parlor.game { state = { %s } }",
                 bad[i].what);
        CHECK(!rig_load(&r, game));
        if (!strstr(r.e.text, bad[i].error))
            fail_msg("%s: %s", bad[i].what, r.e.text);
        rig_close(&r);
    }
}
