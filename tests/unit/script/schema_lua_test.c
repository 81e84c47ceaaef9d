/* SPDX-License-Identifier: MIT */
#include "rig.h"
#include <lauxlib.h>
#include <stdlib.h>

#define MAKE(options)                                                                      \
    "local s = require('parlor').schema\nreturn require('parlor').game {" options "}"

/* A declaration and the JSON of PROTOCOL.md that it stands for. */
static const struct {
    const char *type, *json;
} types[] = {
    {"s.bool",                                                    "{\"t\":\"bool\"}"                                     },
    {"s.u8",                                                      "{\"t\":\"u8\"}"                                       },
    {"s.u16",                                                     "{\"t\":\"u16\"}"                                      },
    {"s.u32",                                                     "{\"t\":\"u32\"}"                                      },
    {"s.i8",                                                      "{\"t\":\"i8\"}"                                       },
    {"s.i16",                                                     "{\"t\":\"i16\"}"                                      },
    {"s.i32",                                                     "{\"t\":\"i32\"}"                                      },
    {"s.uint",                                                    "{\"t\":\"uint\"}"                                     },
    {"s.int",                                                     "{\"t\":\"int\"}"                                      },
    {"s.f32",                                                     "{\"t\":\"f32\"}"                                      },
    {"s.f64",                                                     "{\"t\":\"f64\"}"                                      },
    {"s.angle",                                                   "{\"t\":\"angle\"}"                                    },
    {"s.str",                                                     "{\"t\":\"str\",\"max\":255}"                          },
    {"s.str(16)",                                                 "{\"t\":\"str\",\"max\":16}"                           },
    {"s.str {max = 3}",                                           "{\"t\":\"str\",\"max\":3}"                            },
    {"s.str(6, {default = 'a\"\\\\\\n\xc3\xa4'})",
     "{\"t\":\"str\",\"max\":6,\"def\":\"a\\u0022\\u005c\\u000a\xc3\xa4\"}"                                              },
    {"s.str(5) {default = 'x'}",                                  "{\"t\":\"str\",\"max\":5,\"def\":\"x\"}"              },
    {"s.bool {default = true}",                                   "{\"t\":\"bool\",\"def\":true}"                        },
    {"s.u8 {default = 100, smooth = true}",                       "{\"t\":\"u8\",\"smooth\":true,\"def\":100}"           },
    {"s.u8 {smooth = true} {default = 1} {default = 2}",
     "{\"t\":\"u8\",\"smooth\":true,\"def\":2}"                                                                          },
    {"s.angle {smooth = true}",                                   "{\"t\":\"angle\",\"smooth\":true}"                    },
    {"s.f64 {default = 0.1}",                                     "{\"t\":\"f64\",\"def\":0.10000000000000001}"          },
    {"s.i32 {default = -5}",                                      "{\"t\":\"i32\",\"def\":-5}"                           },
    {"s.fixed {step = 1/64}",                                     "{\"t\":\"fixed\",\"step\":0.015625}"                  },
    {"s.fixed {min = -1, max = 1, step = 1/127} {smooth = true}",
     "{\"t\":\"fixed\",\"min\":-1,\"max\":1,\"step\":0.0078740157480314960,\"smooth\":"
     "true}"                                                                                                             },
    {"s.fixed({min = 0, max = 4, step = 1}, {default = 3})",
     "{\"t\":\"fixed\",\"min\":0,\"max\":4,\"step\":1,\"def\":3}"                                                        },
    {"s.enum {'a', 'b'}",                                         "{\"t\":\"enum\",\"of\":[\"a\",\"b\"]}"                },
    {"s.enum({'a', 'b'}, {default = 'b'})",
     "{\"t\":\"enum\",\"of\":[\"a\",\"b\"],\"def\":\"b\"}"                                                               },
    {"s.enum {'a', 'b'} {default = 'b'}",
     "{\"t\":\"enum\",\"of\":[\"a\",\"b\"],\"def\":\"b\"}"                                                               },
    {"s.bytes",                                                   "{\"t\":\"bytes\",\"max\":255}"                        },
    {"s.bytes(9)",                                                "{\"t\":\"bytes\",\"max\":9}"                          },
    {"s.text",                                                    "{\"t\":\"text\",\"max\":65536}"                       },
    {"s.text(99) {default = 'x'}",                                "{\"t\":\"text\",\"max\":99,\"def\":\"x\"}"            },
    {"s.any",                                                     "{\"t\":\"any\",\"max\":65536}"                        },
    {"s.any {max = 9}",                                           "{\"t\":\"any\",\"max\":9}"                            },
    {"s.opt(s.uint)",                                             "{\"t\":\"opt\",\"item\":{\"t\":\"uint\"}}"            },
    {"s.opt {y = s.u8}",
     "{\"t\":\"opt\",\"item\":{\"t\":\"record\",\"fields\":[[\"y\",{\"t\":\"u8\"}]]}}"                                   },
    {"s.list(s.u8)",                                              "{\"t\":\"list\",\"max\":1024,\"item\":{\"t\":\"u8\"}}"},
    {"s.list(s.u8) {max = 5}",                                    "{\"t\":\"list\",\"max\":5,\"item\":{\"t\":\"u8\"}}"   },
    {"s.list({y = s.opt(s.str(2))}, {max = 6})",
     "{\"t\":\"list\",\"max\":6,\"item\":{\"t\":\"record\",\"fields\":[[\"y\",{\"t\":"
     "\"opt\",\"item\":"
     "{\"t\":\"str\",\"max\":2}}]]}}"                                                                                    },
    {"s.map(s.list(s.any), {keys = 'string', max = 7})",
     "{\"t\":\"map\",\"keys\":\"string\",\"max\":7,\"item\":{\"t\":\"list\",\"max\":1024,"
     "\"item\":"
     "{\"t\":\"any\",\"max\":65536}}}"                                                                                   },
    {"{z = s.map {q = s.bool}}",
     "{\"t\":\"record\",\"fields\":[[\"z\",{\"t\":\"map\",\"keys\":\"player\",\"max\":1024,"
     "\"item\":"
     "{\"t\":\"record\",\"fields\":[[\"q\",{\"t\":\"bool\"}]]}}]]}"                                                      },
    {"{y = s.u8, x = {z = s.bool}}",                              "{\"t\":\"record\",\"fields\":[[\"x\",{\"t\":"
                                     "\"record\",\"fields\":[[\"z\",{\"t\":\"bool\"}]]}],"
                                     "[\"y\",{\"t\":\"u8\"}]]}"                      },
};

TEST(schema_types, "each type becomes its JSON, and what JSON says is what Lua shows")
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct rig r = {0};
        char options[512], wants[512];
        snprintf(options, sizeof options, "state = {x = %s, m = s.map {x = %s}}",
                 types[i].type, types[i].type);
        char game[2048];
        snprintf(game, sizeof game,
                 "local parlor = require 'parlor'\nlocal s = parlor.schema\nlocal g = "
                 "parlor.game "
                 "{%s}\nreturn g",
                 options);
        rig_open(&r, game);
        snprintf(wants, sizeof wants, "\"fields\":[[\"x\",%s]],\"maps\":", types[i].json);
        /* 17 digits may end in a zero that %.17g leaves out */
        char *zero = strstr(wants, "4960,");
        if (zero)
            memmove(zero + 3, zero + 4, strlen(zero + 4) + 1);
        if (!strstr(r.vm->def->schema->json, wants))
            fail_msg("%s\n  gave %s", types[i].type, r.vm->def->schema->json);
        /* A first scan changes nothing: the defaults of both halves are the same. */
        image_commit(r.image);
        image_begin(r.image, 2);
        CHECK_EQ(script_scan(r.room), SCRIPT_DONE);
        CHECK_EQ(r.n_errors, 0);
        CHECK(!image_commit(r.image));
        rig_close(&r);
    }
}

TEST(schema_whole, "maps, messages and events in byte order, with their options")
{
    struct rig r = {0};

    CHECK(rig_load(
        &r,
        MAKE("state = {b = s.u8, B = s.u8, _z = s.map({}, {keys = 'string'}), a = s.map {x "
             "= "
             "s.u8}, c = s.map({}, {keys = 'integer'}), d = s.map({}, {keys = 'player'})},"
             "messages = {hop = s.message({x = s.i8}, {rate = 30}), all = s.message({}, "
             "{rate "
             "= 0.5, burst = 7}), plain = {y = s.u8}}, events = {sank = {}, e = {n = "
             "s.str}}")));
    CHECK_STR(
        r.vm->def->schema->json,
        "{\"state\":{\"fields\":[[\"B\",{\"t\":\"u8\"}],[\"b\",{\"t\":\"u8\"}]],\"maps\":["
        "[\"_z\",{\"keys\":\"string\",\"fields\":[]}],"
        "[\"a\",{\"keys\":\"player\",\"fields\":[[\"x\",{\"t\":\"u8\"}]]}],"
        "[\"c\",{\"keys\":\"integer\",\"fields\":[]}],"
        "[\"d\",{\"keys\":\"player\",\"fields\":[]}]]},"
        "\"messages\":[[\"all\",{\"fields\":[],\"burst\":7,\"rate\":0.5}],"
        "[\"hop\",{\"fields\":[[\"x\",{\"t\":\"i8\"}]],\"rate\":30}],"
        "[\"plain\",{\"fields\":[[\"y\",{\"t\":\"u8\"}]]}]],"
        "\"events\":[[\"e\",{\"fields\":[[\"n\",{\"t\":\"str\",\"max\":255}]]}],"
        "[\"sank\",{\"fields\":[]}]]}");
    const struct schema *schema = r.vm->def->schema;
    CHECK(schema->messages[0].rate == 0.5 && schema->messages[0].burst == 7);
    CHECK(schema->messages[1].rate == 30 && schema->messages[2].rate == 0);
    rig_close(&r);
}

/* What is wrong with a declaration; `line` 0 where only the whole shows it. */
static const struct {
    const char *options, *error;
    int line;
} bad[] = {
    {"state = {x = s.u9}",                                                                  "parlor.schema has no type u9 (see scripts/README.md)",     2},
    {"state = {x = s.u8 {min = 1}}",                                                        "s.u8 has no option min",                                   2},
    {"state = {x = s.bool {smooth = true}}",                                                "s.bool has no option smooth",                              2},
    {"state = {x = s.u8 {t = 'str'}}",                                                      "s.u8 has no option t",                                     2},
    {"state = {x = s.enum {'a'} {of = {}}}",                                                "s.enum has no option of",                                  2},
    {"state = {x = s.u8(5)}",                                                               "s.u8 takes a table of options",                            2},
    {"state = {x = s.u8({}, 5)}",                                                           "s.u8 takes a table of options",                            2},
    {"state = {x = s.u8()}",                                                                "s.u8 takes a table of options",                            2},
    {"state = {x = s.u8(s.u8)}",                                                            "s.u8 takes a table of options",                            2},
    {"state = {x = s.str(5, 6)}",                                                           "s.str takes a table of options",                           2},
    {"state = {x = s.enum 'a'}",                                                            "s.enum takes a list: s.enum {\"a\", \"b\"}",               2},
    {"state = {x = s.map(5)}",                                                              "s.map takes a table of fields",                            2},
    {"state = {x = s.map({}, 5)}",                                                          "s.map takes a table of options",                           2},
    {"state = {x = s.map({}, {kes = 1})}",                                                  "s.map has no option kes",                                  2},
    {"state = {x = s.map({}, {keys = 'any'})}",
     "s.map: keys is \"player\", \"integer\" or \"string\"",                                                                                            2},
    {"messages = {x = s.message(5)}",                                                       "s.message takes a table of fields",                        2},
    {"messages = {x = s.message({}, 5)}",                                                   "s.message takes a table of options",                       2},
    {"messages = {x = s.message({}, {rate = 0})}",
     "s.message takes rate and burst, numbers above 0, and input, not rate",                                                                            2},
    {"messages = {x = s.message({}, {burst = 0/0})}",
     "s.message takes rate and burst, numbers above 0, and input, not burst",                                                                           2},
    {"messages = {x = s.message({}, {input = 1})}",                                         "s.message: input is true or false",                        2},
    {"messages = {x = s.message({}, {max = 1})}",
     "s.message takes rate and burst, numbers above 0, and input, not max",                                                                             2},
    {"state = {x = 5}",                                                                     "state.x: not a schema type",                               0},
    {"state = {x = 'u8'}",                                                                  "state.x: not a schema type",                               0},
    {"state = {x = s}",                                                                     "state.x: not a schema type",                               0},
    {"state = {x = s.map}",                                                                 "state.x: not a schema type",                               0},
    {"state = {x = {y = print}}",                                                           "state.x.y: not a schema type",                             0},
    {"state = {m = s.map {y = true}}",                                                      "state.m.y: not a schema type",                             0},
    {"state = {x = {y = s.map {}}}",                                                        "state.x.y[]: a record needs a field",                      0},
    {"state = {m = s.map {y = s.map {}}}",                                                  "state.m.y[]: a record needs a field",                      0},
    {"messages = {hop = {x = s.map {}}}",                                                   "messages.hop.x[]: a record needs a field",                 0},
    {"messages = {hop = 5}",                                                                "messages.hop: takes a table of fields",                    0},
    {"messages = {hop = s.u8}",                                                             "messages.hop: takes a table of fields",                    0},
    {"events = {sank = s.map {}}",                                                          "events.sank: takes a table of fields",                     0},
    {"events = {sank = s.message {}, x = 5}",                                               "events.x: takes a table of fields",                        0},
    {"state = {['a b'] = s.u8}",
     "state: a b is not a name (letters, digits and _, up to 64)",                                                                                      0},
    {"state = {s.u8}",                                                                      "state: 1 is not a name (letters, digits and _, up to 64)", 0},
    {"state = {m = s.map {['2'] = s.u8}}",                                                  "state.m: 2 is not a name",                                 0},
    {"state = {[('x'):rep(65)] = s.u8}",                                                    "state: xxxxx",                                             0},
    {"messages = {[''] = {}}",                                                              "messages:  is not a name",                                 0},
    {"state = {x = s.f64 {default = 1/0}}",                                                 "state.x: default: not a finite number",                    0},
    {"state = {x = s.u8 {default = {}}}",                                                   "state.x: default: a table cannot stand here",              0},
    {"state = {x = s.fixed {step = print}}",                                                "state.x: step: a function cannot stand here",
     0                                                                                                                                                   },
    {"state = (function() local t = {} t.t = t return t end)()",
     "types are nested more than 16 deep, or in a circle",                                                                                              0},
    {"state = {x = s.list(5)}",                                                             "s.list takes a type or a table of fields",                 2},
    {"state = {x = s.list()}",                                                              "s.list takes a type or a table of fields",                 2},
    {"state = {x = s.opt(s.message {})}",                                                   "s.opt takes a type or a table of fields",                  2},
    {"state = {x = s.list(s.u8, 5)}",                                                       "s.list takes a table of options",                          2},
    {"state = {x = s.list(s.u8, {min = 5})}",                                               "s.list has no option min",                                 2},
    {"state = {x = s.list(s.u8, {default = {}})}",                                          "s.list has no option default",                             2},
    {"state = {x = s.opt(s.u8) {default = 5}}",                                             "s.opt has no option default",                              2},
    {"state = {x = s.bytes {default = ''}}",                                                "s.bytes has no option default",                            2},
    {"state = {x = s.any {default = 1}}",                                                   "s.any has no option default",                              2},
    {"state = {x = s.map(s.u8, {default = 1})}",                                            "s.map has no option default",                              2},
    {"state = {x = s.map({y = s.u8}, {max = 3})}",
     "state.x: max is for maps that are values",                                                                                                        0},
    {"state = {x = s.list {y = 5}}",                                                        "state.x[].y: not a schema type",                           0},
    {"state = (function() local t = {} t.t = s.list(t) return t end)()",
     "types are nested more than 16 deep, or in a circle",                                                                                              0},
 /* What only C knows. */
    {"state = {x = s.list(s.u8 {default = 5})}",                                            "state.x[]: only a field has a default",
     0                                                                                                                                                   },
    {"state = {x = s.opt(s.opt(s.u8))}",                                                    "state.x[]: opt cannot be in an opt",                       0},
    {"state = {x = s.list(s.opt(s.u8))}",                                                   "state.x[]: opt cannot be in a list",                       0},
    {"state = {x = s.map(s.opt(s.u8))}",                                                    "state.x[]: opt cannot be in a map",                        0},
    {"state = {x = s.list(s.u8, {max = 0})}",
     "state.x: max must be a whole number in 1..65535",                                                                                                 0},
    {"state = {x = s.map(s.u8, {max = 1e5})}",
     "state.x: max must be a whole number in 1..65535",                                                                                                 0},
    {"state = {x = s.text(2^21)}",                                                          "state.x: max must be a whole number in 1..1048576",        0},
    {"state = {tick = s.u8}",                                                               "state.tick: ",                                             0},
    {"state = {x = s.fixed}",                                                               "state.x: step must be above 0",                            0},
    {"state = {x = s.fixed {step = '1'}}",                                                  "state.x: step must be above 0",                            0},
    {"state = {x = s.fixed {min = 1, step = 1}}",                                           "state.x: min and max must both be",                        0},
    {"state = {x = s.enum}",                                                                "state.x: of must be a list of 1 to 255 names",             0},
    {"state = {x = s.enum {}}",                                                             "state.x: of must be a list of 1 to 255 names",             0},
    {"state = {x = s.enum {'a', 'a'}}",                                                     "state.x: \"a\" is in of twice",                            0},
    {"state = {x = s.str(0)}",                                                              "state.x: max must be a whole number in 1..65535",          0},
    {"state = {x = s.u8 {default = 256}}",                                                  "state.x: def 256 is not in 0..255",                        0},
    {"state = {x = s.u8 {smooth = 1}}",                                                     "state.x: smooth must be true or false",                    0},
    {"state = (function() local t = s.u8 for i = 1, 18 do t = {a = t} end return t end)()",
     "types are nested more than 16 deep",                                                                                                              0},
    {"state = (function() local t = {} for i = 1, 257 do t['f' .. i] = s.u8 end return t "
     "end)()",                                                                         "more than 256 fields",                                     0},
};

TEST(schema_bad, "a wrong declaration is refused in words that name the place")
{
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct rig r = {0};
        char game[1024], place[64];
        snprintf(game, sizeof game,
                 "local s = require('parlor').schema\nlocal options = {%s}\nlocal g = "
                 "require('parlor').game(options)\nreturn g",
                 bad[i].options);
        if (rig_load(&r, game))
            fail_msg("%s was taken", bad[i].options);
        snprintf(place, sizeof place, "load|pond/game.lua:%d|", bad[i].line);
        if (!strstr(r.error, bad[i].error) ||
            (bad[i].line && strncmp(r.error, place, strlen(place)) != 0))
            fail_msg("%s\n  gave %s", bad[i].options, r.error);
        rig_close(&r);
    }
}

TEST(schema_constant, "a type is never changed by what is made of it")
{
    struct rig r = {0};

    rig_open(&r, RUNNER("", ""));
    CHECK_STR(
        rig_eval(&r, "local s = require('parlor').schema local a = s.u8 {default = 5} "
                     "local b = a {default = 6} local e = s.enum {'x'} "
                     "return {a.default, b.default, s.u8.default == nil, s.enum.of == nil, "
                     "s.str(5).max, s.str.max}"),
        "[5,6,true,true,5,255]");
    rig_close(&r);
}
