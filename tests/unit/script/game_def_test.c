/* SPDX-License-Identifier: MIT */
#include "rig.h"

static bool load_options(struct rig *r, const char *options)
{
    char text[1024];

    snprintf(text, sizeof text, "return require('parlor').game {%s}", options);
    return rig_load(r, text);
}

TEST(options_defaults, "without options a game has those of scripts/README.md")
{
    struct rig r = {0};

    CHECK(load_options(&r, ""));
    const struct game_def *d = r.vm->def;
    CHECK(d->tick_rate == 20 && d->sync_rate == 20 && d->reconnect == 30);
    CHECK_EQ(d->max_players, 64);
    CHECK_EQ(d->max_name, 16);
    CHECK_EQ(d->max_message, 16384);
    CHECK_EQ(d->max_inputs, 256);
    CHECK_EQ(d->spread, 1000);
    CHECK(!d->raw && !d->listed && d->compress);
    CHECK_STR(d->title, "");
    CHECK_STR(d->about, "");
    CHECK_EQ(d->n_protocols, 0);
    CHECK_EQ(d->schema->n_tables, 1);
    rig_close(&r);
}

TEST(options_set, "each option is taken over")
{
    struct rig r = {0};

    CHECK(load_options(&r,
                       "tick_rate = 12.5, sync_rate = 5, max_players = 3, reconnect = 0.5,"
                       "max_name = 20, max_message = 100, max_inputs = 9, raw = true,"
                       "compress = false,"
                       "rooms = 'listed', title = 'Der Teich \xc3\xa4', about = 'x',"
                       "protocols = {'a.b', 'c+d~1'}"));
    const struct game_def *d = r.vm->def;
    CHECK(d->tick_rate == 12.5 && d->sync_rate == 5 && d->reconnect == 0.5);
    CHECK_EQ(d->max_players, 3);
    CHECK_EQ(d->max_name, 20);
    CHECK_EQ(d->max_message, 100);
    CHECK_EQ(d->max_inputs, 9);
    CHECK(d->raw && d->listed && !d->compress);
    CHECK_STR(d->title, "Der Teich \xc3\xa4");
    CHECK_STR(d->about, "x");
    CHECK_EQ(d->n_protocols, 2);
    CHECK_STR(d->protocols[0], "a.b");
    CHECK_STR(d->protocols[1], "c+d~1");
    rig_close(&r);
}

TEST(options_raw_rate, "a raw game has no ticks unless it asks for them")
{
    struct rig r = {0};

    CHECK(load_options(&r, "raw = true"));
    CHECK(r.vm->def->tick_rate == 0);
    rig_close(&r);
    CHECK(load_options(&r, "raw = true, tick_rate = 20"));
    CHECK(r.vm->def->tick_rate == 20);
    rig_close(&r);
    CHECK(load_options(&r, "raw = false"));
    CHECK(r.vm->def->tick_rate == 20);
    rig_close(&r);
}

/* Both ends of every range: what is taken, and what is refused. */
static const struct {
    const char *name, *low, *high, *below, *above;
} ranges[] = {
    {"tick_rate",      "0",  "120",      "-0.001", "120.5"   },
    {"sync_rate",      "1",  "120",      "0.9",    "121"     },
    {"max_players",    "1",  "100000",   "0",      "100001"  },
    {"reconnect",      "0",  "86400",    "-1",     "86401"   },
    {"max_spectators", "0",  "100000",   "-1",     "100001"  },
    {"max_name",       "1",  "48",       "0",      "49"      },
    {"max_message",    "64", "67108864", "63",     "67108865"},
    {"max_inputs",     "1",  "65536",    "0",      "65537"   },
    {"spread",         "0",  "100000",   "-1",     "100001"  },
};

TEST(options_ranges, "numbers at both ends of their ranges, and beyond")
{
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        const char *values[] = {ranges[i].low,   ranges[i].high, ranges[i].below,
                                ranges[i].above, "0/0",          "1/0",
                                "'7'",           "true",         "{}"};
        for (size_t k = 0; k < sizeof values / sizeof *values; k++) {
            struct rig r = {0};
            char option[64], wants[128];
            snprintf(option, sizeof option, "%s = %s", ranges[i].name, values[k]);
            bool good = load_options(&r, option);
            if (good != (k < 2))
                fail_msg("%s: %s", option, r.e.text);
            snprintf(wants, sizeof wants, "pond/game.lua: %s: a ", ranges[i].name);
            if (!good)
                CHECK(strstr(r.e.text, wants) == r.e.text && strstr(r.e.text, " from "));
            rig_close(&r);
        }
    }
}

static const struct {
    const char *option, *error;
} bad[] = {
    {"max_players = 1.5",                 "max_players: a whole number from 1 to 100000 is expected"  },
    {"max_inputs = 1e300",                "max_inputs: a whole number from 1 to 65536 is expected"    },
    {"tick_rat = 5",                      "parlor.game has no option tick_rat (see scripts/README.md)"},
    {"listed = true",                     "parlor.game has no option listed (see scripts/README.md)"  },
    {"schema = {}",                       "parlor.game has no option schema (see scripts/README.md)"  },
    {"5",                                 "parlor.game has no option [?] (see scripts/README.md)"     },
    {"raw = 1",                           "raw: true or false is expected"                            },
    {"compress = 'no'",                   "compress: true or false is expected"                       },
    {"rooms = 'closed'",                  "rooms: \"open\" or \"listed\" is expected"                 },
    {"rooms = true",                      "rooms: \"open\" or \"listed\" is expected"                 },
    {"title = 5",                         "title: a string of at most 64 bytes of UTF-8 is expected"  },
    {"title = ('x'):rep(65)",             "title: a string of at most 64 bytes of UTF-8 is expected"  },
    {"title = 'a\\0b'",                   "title: a string of at most 64 bytes of UTF-8 is expected"  },
    {"title = '\\255'",                   "title: a string of at most 64 bytes of UTF-8 is expected"  },
    {"about = ('x'):rep(201)",            "about: a string of at most 200 bytes of UTF-8 is expected" },
    {"protocols = {'a'}",                 "protocols: only a raw game speaks its own"                 },
    {"raw = true, protocols = 'a'",       "protocols: a list of up to 16 subprotocol names"           },
    {"raw = true, protocols = {'a b'}",   "protocols: a list of up to 16 subprotocol names"           },
    {"raw = true, protocols = {'a', ''}",
     "protocols: a list of up to 16 subprotocol names"                                                },
    {"raw = true, protocols = {'a', 5}",  "protocols: a list of up to 16 subprotocol names"           },
    {"raw = true, protocols = {'a','a','a','a','a','a','a','a','a','a','a','a','a','a','a',"
     "'a','a'}",                     "protocols: a list of up to 16 subprotocol names"           },
};

TEST(options_bad, "what is no option, or of another type, is named")
{
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct rig r = {0};
        char wants[256];
        if (load_options(&r, bad[i].option))
            fail_msg("%s was taken", bad[i].option);
        snprintf(wants, sizeof wants, "pond/game.lua: %s", bad[i].error);
        if (strncmp(r.e.text, wants, strlen(wants)) != 0)
            fail_msg("%s: %s", bad[i].option, r.e.text);
        CHECK_EQ(r.n_errors, 1);
        CHECK(strstr(r.error, "load|pond/game.lua:0|") == r.error);
        CHECK(!r.vm);
        rig_close(&r);
    }
}

/* A game.lua that is wrong as a whole. */
static const struct {
    const char *text, *error;
} wrong[] = {
    {"",                                                                                     "load|pond/game.lua:0|must return what parlor.game gave"},
    {"return {}",                                                                            "load|pond/game.lua:0|must return what parlor.game gave"},
    {"return 5",                                                                             "load|pond/game.lua:0|must return what parlor.game gave"},
    {"local p = require 'parlor'\n\nreturn p.game(5)",
     "load|pond/game.lua:0|parlor.game takes a table of options"                                                                                     },
    {"local p = require 'parlor'\n\nlocal g = p.game()\nreturn g",
     "load|pond/game.lua:3|parlor.game takes a table of options"                                                                                     },
    {"local p = require 'parlor'\nlocal g = p.game {state = 5}\nreturn g",
     "load|pond/game.lua:2|state: a table is expected"                                                                                               },
    {"local p = require 'parlor'\nlocal g = p.game {messages = 'x'}\nreturn g",
     "load|pond/game.lua:2|messages: a table is expected"                                                                                            },
    {"local g = require('parlor').game {}\ng.on = 5\nreturn g",
     "load|pond/game.lua:0|`on` must stay a table"                                                                                                   },
    {"local g = require('parlor').game {}\ng.tick = 5\nreturn g",
     "load|pond/game.lua:0|tick must be a function"                                                                                                  },
    {"local g = require('parlor').game {messages = {hop = {}}}\ng.on.hop = 5\nreturn g",
     "load|pond/game.lua:0|on.hop must be a function"                                                                                                },
    {"local g = require('parlor').game {}\nfunction g.on.hop() end\nreturn g",
     "load|pond/game.lua:0|on.hop has no such message in `messages`"                                                                                 },
    {"local g = require('parlor').game {}\ng.on[1] = print\nreturn g",
     "load|pond/game.lua:0|on.[?] has no such message in `messages`"                                                                                 },
    {"x = = 1",                                                                              "load|pond/game.lua:1|unexpected symbol near '='"       },
    {"\n\nerror 'here'",                                                                     "load|pond/game.lua:3|here"                             },
    {"error(nil)",                                                                           "load|pond/game.lua:1|the script raised a nil"          },
    {"setmetatable(_G, {__index = function(_, k) error('no ' .. k, 2) end})\nlocal x = nix",
     "load|pond/game.lua:2|no nix"                                                                                                                   },
};

TEST(game_wrong, "a game.lua that is no game says so, with its place")
{
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct rig r = {0};
        CHECK(!rig_load(&r, wrong[i].text));
        CHECK_EQ(r.n_errors, 1);
        CHECK_STR(r.room_of_error, "-");
        if (strcmp(r.error, wrong[i].error) != 0 && i != 3)
            fail_msg("%s\n  gave %s", wrong[i].text, r.error);
        if (i == 3) /* a tail call: the line is gone, the text is not */
            CHECK(strstr(r.error, "parlor.game takes a table of options"));
        rig_close(&r);
    }
}

TEST(game_missing, "a folder without game.lua, a library that is not there")
{
    struct rig r = {0};
    struct vm *vm;
    struct err e;

    rig_write(&r, "x", "");
    struct vm_options o = {.name = "pond", .folder = r.dir, .scripts = SCRIPTS_DIR};
    CHECK(rig_load(&r, "return require('parlor').game {}")); /* for its hooks */
    o.hooks = r.vm->hooks;
    o.ctx = &r;
    CHECK(vm_new(&vm, &o, &e) < 0 && !vm);
    CHECK_STR(e.text, "there is no game.lua");
    o.scripts = "/nonexistent";
    CHECK(vm_new(&vm, &o, &e) < 0 && !vm);
    CHECK(strstr(e.text, "there is no host.lua in the folder of the Lua library"));
    rig_close(&r);
}
