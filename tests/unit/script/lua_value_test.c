/* SPDX-License-Identifier: MIT */
/*
 * Composed values from scripts: what the scan finds, what is said of wrong ones, and
 * that messages and events carry them.
 */
#include "rig.h"
#include <lauxlib.h>
#include <stdlib.h>

#include "state/payload.h"

#define CARGO                                                                              \
    "state = {scores = s.map(s.u16), log = s.text(20), ships = s.map {"                    \
    "cargo = s.list(s.u8, {max = 4}), draft = s.any(60), flag = s.bytes(3), "              \
    "items = s.map({n = s.u8 {default = 1}, at = {x = s.i8}}, {keys = 'string'}), "        \
    "target = s.opt(s.uint)}},"                                                            \
    "messages = {pack = {list = s.list({n = s.u8, tags = s.map(s.bool, {keys = "           \
    "'string'})}), note = s.opt(s.str(5)), raw = s.bytes(4), more = s.any(99)}}, "         \
    "events = {sank = {list = s.list(s.u8), why = s.any(30), by = s.opt {id = s.uint}}}"

static void check_ship(struct rig *r, const char *json)
{
    char *have = rig_state(r->image), *ship = strstr(have, "\"1\":");

    CHECK(ship);
    *(strrchr(ship, '}') - 1) = 0;
    if (strcmp(ship + 4, json) != 0)
        fail_msg("%s\n  is not %s", ship + 4, json);
    free(have);
}

static void scan_after(struct rig *r, const char *code, const char *error)
{
    rig_forget(r);
    if (strcmp(rig_eval(r, code), "null") != 0)
        fail_msg("%s\n  gave %s", code, r->answer);
    r->vm->where = "tick";
    rig_scan(r);
    r->vm->where = NULL;
    if (strcmp(r->error, *error ? error : "") != 0)
        fail_msg("%s\n  gave %s", code, r->error);
    rig_forget(r);
    rig_scan(r);
    CHECK_STR(r->error, ""); /* told once */
}

#define SHIP                                                                               \
    "{\"cargo\":[7,8],\"draft\":{\"a\":[1,2,{\"b\":true}]},\"flag\":\"AP8=\",\"items\":{"  \
    "\"oar\":{\"at\":{\"x\":-1},\"n\":2}},\"target\":9}"

static const char one_ship[] =
    "room.state.ships = {[1] = {cargo = {7, 8}, draft = {a = {1, 2, {b = true}}}, flag = "
    "'\\0\\255', items = {oar = {n = 2, at = {x = -1}}}, target = 9}}";

/* What a script changes in place, deep inside, and the ship that comes of it. */
static const struct {
    const char *code, *ship;
} changes[] = {
    {"S.cargo[2] = 9",                                        "\"cargo\":[7,9]"                               },
    {"table.insert(S.cargo, 1, 3)",                           "\"cargo\":[3,7,8]"                             },
    {"S.cargo[2] = nil",                                      "\"cargo\":[7]"                                 },
    {"S.cargo = {5}",                                         "\"cargo\":[5]"                                 },
    {"S.cargo = nil",                                         "\"cargo\":[]"                                  },
    {"S.cargo = {[2] = 2, [1] = 1}",                          "\"cargo\":[1,2]"                               },
    {"S.draft.a[3].b = false",                                "\"draft\":{\"a\":[1,2,{\"b\":false}]}"         },
    {"S.draft.a[3] = nil S.draft[5] = 'x'",                   "\"draft\":{\"5\":\"x\",\"a\":[1,2]}"           },
    {"S.draft = nil",                                         "\"draft\":null"                                },
    {"S.draft = {}",                                          "\"draft\":{}"                                  },
    {"S.draft = {zz = 1, b = 2, ['\xc3\xa4'] = 3, [10] = 4}",
     "\"draft\":{\"10\":4,\"b\":2,\"zz\":1,\"\xc3\xa4\":3}"                                                   },
    {"S.draft = '\\255'",                                     "\"draft\":\"/w==\""                            },
    {"S.draft = 2^40",                                        "\"draft\":1099511627776"                       },
    {"S.flag = ''",                                           "\"flag\":\"\""                                 },
    {"S.items.oar.at.x = 5",                                  "\"items\":{\"oar\":{\"at\":{\"x\":5},\"n\":2}}"},
    {"S.items.net = {} S.items.oar = nil",
     "\"items\":{\"net\":{\"at\":{\"x\":0},\"n\":1}}"                                                         },
    {"S.items.oar = {}",                                      "\"items\":{\"oar\":{\"at\":{\"x\":0},\"n\":1}}"},
    {"S.items = nil",                                         "\"items\":{}"                                  },
    {"S.target = nil",                                        "\"target\":null"                               },
    {"S.target = 0",                                          "\"target\":0"                                  },
};

TEST(lua_value_changes, "what changes deep inside a value is found, and values begin empty")
{
    struct rig r = {0};

    rig_open(&r, RUNNER(CARGO, ""));
    scan_after(&r, "room.state.ships[1] = {}", "");
    check_ship(&r,
               "{\"cargo\":[],\"draft\":null,\"flag\":\"\",\"items\":{},\"target\":null}");
    CHECK_STR(rig_eval(&r,
                       "local s = room.state.ships[1] return {type(s.cargo), "
                       "type(s.items), s.flag, type(s.draft), type(room.state.scores)}"),
              "[\"table\",\"table\",\"\",\"nil\",\"table\"]");
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        char code[300];
        scan_after(&r, one_ship, "");
        check_ship(&r, SHIP);
        snprintf(code, sizeof code, "local S = room.state.ships[1] %s", changes[i].code);
        scan_after(&r, code, "");
        char *have = rig_state(r.image);
        if (!strstr(have, changes[i].ship))
            fail_msg("%s\n  gave %s", changes[i].code, have);
        free(have);
    }
    scan_after(&r, "room.state.scores[7] = 300 room.state.log = 'on'", "");
    scan_after(&r, "room.state.scores[7] = room.state.scores[7] + 1", "");
    char *have = rig_state(r.image);
    CHECK(strstr(have, "{\"log\":\"on\",\"scores\":{\"7\":301},") == have);
    free(have);
    rig_close(&r);
}

TEST(lua_value_quiet, "tables that hold the same, in other tables too, are no change")
{
    struct rig r = {0};

    rig_open(&r, RUNNER(CARGO, ""));
    scan_after(&r, one_ship, "");
    scan_after(&r,
               "local S = room.state.ships[1] S.cargo = {7, 8} S.draft = {a = {1, 2, {b = "
               "true}}} S.items = {oar = {at = {x = -1}, n = 2}}",
               "");
    CHECK(image_row(r.image, 1, 0)->changed < r.tick - 3);
    /* What a value of the state does not look at is none of its business. */
    scan_after(&r, "room.state.ships[1].items.oar.private = {}", "");
    check_ship(&r, SHIP);
    rig_close(&r);
}

/* What is said of a wrong value; the last good one stays. */
static const struct {
    const char *code, *error;
} wrong[] = {
    {"S.cargo[3] = 300",                   "cargo[3]: 300 is not in 0..255"                               },
    {"S.cargo[1] = 0.5",                   "cargo[1]: 0.5 is not in 0..255"                               },
    {"S.cargo[1] = 'a'",                   "cargo[1]: \"a\" is not in 0..255"                             },
    {"S.cargo[1] = {}",                    "cargo[1]: a table is not in 0..255"                           },
    {"S.cargo = {1, 2, 3, 4, 5}",          "cargo: 5 values are more than 4"                              },
    {"S.cargo = 5",                        "cargo: 5 is not a list of at most 4 values"                   },
    {"S.cargo = {1, nil, 3}",
     "cargo[2]: nothing is here, but 2 entries are in the list: its keys are 1..2"                        },
    {"S.cargo.x = 1",
     "cargo[3]: nothing is here, but 3 entries are in the list: its keys are 1..3"                        },
    {"S.items.oar.n = 256",                "items[oar].n: 256 is not in 0..255"                           },
    {"S.items.oar.at.x = 'far'",           "items[oar].at.x: \"far\" is not in -128..127"                 },
    {"S.items.oar = 5",                    "items[oar]: 5 is not a record"                                },
    {"S.items[5] = {}",                    "items[5]: the key must be a string of 1 to 255 bytes of UTF-8"},
    {"S.items[{}] = {}",
     "items[a table]: the key must be a string of 1 to 255 bytes of UTF-8"                                },
    {"S.items = 'none'",                   "items: \"none\" is not a map of at most 1024 values"          },
    {"S.target = -1",                      "target: -1 is not in 0..4294967295"                           },
    {"S.target = 'x'",                     "target: \"x\" is not in 0..4294967295"                        },
    {"S.flag = 'long'",                    "flag: \"long\" is not a string of at most 3 bytes"            },
    {"S.draft.a[3].b = print",             "draft.a[3].b: a function cannot be sent"                      },
    {"S.draft.a[3]['x y'] = 0/0",          "draft.a[3][x y]: nan cannot be sent"                          },
    {"S.draft = coroutine.create(print)",  "draft: a thread cannot be sent"                               },
    {"S.draft = {[1.5] = 1, ['1.5'] = 2}",
     "draft[1.5]: the key is there as a number and as a string"                                           },
    {"S.draft = {x = {[true] = 1}}",       "draft.x: a boolean cannot be a key"                           },
    {"S.draft = ('x'):rep(99)",            "draft: 101 bytes are more than 60"                            },
    {"S.draft = {} S.draft.me = S.draft",
     "draft.me.me.me.me.me.me.me.me.me.me.me.me.me.me.me.me: tables are nested deeper than "
     "16, or in a circle"                                                                                 },
};

TEST(lua_value_wrong,
     "a wrong value is named down to the place inside, and the last good stays")
{
    struct rig r = {0};

    rig_open(&r, RUNNER(CARGO, ""));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char code[300], error[300];
        scan_after(&r, one_ship, "");
        snprintf(code, sizeof code, "local S = room.state.ships[1] %s", wrong[i].code);
        snprintf(error, sizeof error, "tick|:0|ships[1].%s", wrong[i].error);
        scan_after(&r, code, error);
        check_ship(&r, SHIP);
        /* Where it is added the script's own line is told. */
        snprintf(
            code, sizeof code,
            "local S = {cargo = {7, 8}, draft = {a = {1, 2, {}}}, items = {oar = {at = "
            "{}}}} %s room.state.ships[2] = S",
            wrong[i].code);
        rig_eval(&r, code);
        snprintf(error, sizeof error, "!ships[2].%s", wrong[i].error);
        CHECK_STR(r.answer, error);
    }
    rig_close(&r);
}

TEST(lua_value_huge, "a table that is in itself a hundred times over ends as too large")
{
    struct rig r = {0};

    rig_open(&r, RUNNER("budget_kill = 30000, state = {draft = s.any(1000000), "
                        "all = s.list(s.any(1000000))}",
                        ""));
    scan_after(&r,
               "local t = {1} for i = 1, 12 do local u = {} for j = 1, 100 do u[j] = t end "
               "t = u end room.state.draft = t",
               "tick|:0|draft: the value is longer than 1048576 bytes");
    scan_after(&r, "room.state.draft = {('x'):rep(999990)}", "");
    scan_after(&r, "for i = 1, 5 do room.state.all[i] = ('x'):rep(300000) end",
               "tick|:0|all: the value is longer than 1048576 bytes");
    rig_close(&r);
}

/* A message goes from Lua to the wire, through the check, and back. */
static const char *round_trip(struct rig *r, const struct record *record, const char *code)
{
    lua_State *L = r->vm->L;
    static char text[1000];
    struct buf wire, json;
    struct err e = {0};

    buf_init(&wire, 100000);
    buf_init(&json, 0);
    snprintf(text, sizeof text, "return %s", code);
    CHECK_EQ(luaL_loadstring(L, text), 0);
    CHECK_EQ(lua_pcall(L, 0, 1, 0), 0);
    int top = lua_gettop(L);
    if (lua_payload_read(L, -1, record, &wire, &e) < 0) {
        snprintf(text, sizeof text, "!%s", e.text);
    } else {
        struct wire_in in = wire_from(wire.data, wire.len);
        payload_check(record, &in);
        CHECK(!in.failed && wire_left(&in) == 0);
        in = wire_from(wire.data, wire.len);
        lua_payload_push(L, record, &in);
        buf_clear(&wire);
        CHECK_EQ(lua_payload_read(L, -1, record, &wire, &e), 0); /* and once more */
        in = wire_from(wire.data, wire.len);
        struct json_out j = json_out_to(&json);
        payload_to_json(record, &in, &j);
        snprintf(text, sizeof text, "%.*s", (int)json.len, (char *)json.data);
        lua_pop(L, 1);
    }
    CHECK_EQ(lua_gettop(L), top);
    lua_pop(L, 1);
    buf_fini(&wire);
    buf_fini(&json);
    return text;
}

TEST(lua_value_payloads, "messages and events carry composed values, absent ones as empty")
{
    struct rig r = {0};

    rig_open(&r, RUNNER(CARGO, ""));
    const struct record *pack = &r.vm->def->schema->messages[0];
    const struct record *sank = &r.vm->def->schema->events[0];
    CHECK_STR(round_trip(&r, pack, "{}"),
              "{\"list\":[],\"more\":null,\"note\":null,\"raw\":\"\"}");
    CHECK_STR(
        round_trip(&r, pack,
                   "{list = {{n = 3, tags = {b = true, a = false}}, {}}, note = 'hi', "
                   "raw = '\\0\\1', more = {1, {x = 2}}}"),
        "{\"list\":[{\"n\":3,\"tags\":{\"a\":false,\"b\":true}},{\"n\":0,\"tags\":{}}],"
        "\"more\":[1,{\"x\":2}],\"note\":\"hi\",\"raw\":\"AAE=\"}");
    CHECK_STR(round_trip(&r, pack, "{list = {{}, {tags = {a = 1}}}}"),
              "!list[2].tags[a]: 1 is not true or false");
    CHECK_STR(round_trip(&r, sank, "{list = {1, 2}, why = 'fog', by = {id = 5}}"),
              "{\"by\":{\"id\":5},\"list\":[1,2],\"why\":\"fog\"}");
    CHECK_STR(round_trip(&r, sank, "{by = {id = -1}}"),
              "!by.id: -1 is not in 0..4294967295");
    CHECK_STR(round_trip(&r, sank, "{why = {a = print}}"),
              "!why.a: a function cannot be sent");
    CHECK_STR(rig_eval(&r, "room:broadcast('sank', {list = {1, 256}})"),
              "!event sank: list[2]: 256 is not in 0..255");
    rig_close(&r);
}
