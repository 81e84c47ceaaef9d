/* SPDX-License-Identifier: MIT */
#include "rig.h"
#include <stdlib.h>

#define FROGS                                                                              \
    "state = {phase = s.enum {'lobby', 'play'}, n = s.u8 {default = 7},"                   \
    "frogs = s.map {x = s.fixed {min = 0, max = 40, step = 1/64}, name = s.str(4),"        \
    "pos = {a = s.i8, b = {c = s.bool}}},"                                                 \
    "towns = s.map({x = s.u8}, {keys = 'string'}), cells = s.map({x = s.u8}, "             \
    "{keys = 'integer'})}"

static void check_state(struct rig *r, const char *json)
{
    char *have = rig_state(r->image);

    CHECK_STR(have, json);
    free(have);
}

/* Run the code, scan, and see the errors' last line. */
static void scan_after(struct rig *r, const char *code, const char *error)
{
    rig_forget(r);
    if (strcmp(rig_eval(r, code), "null") != 0)
        fail_msg("%s\n  gave %s", code, r->answer);
    r->vm->where = "on.hop"; /* as the room does where it scans after a callback */
    rig_scan(r);
    CHECK_STR(r->vm->where, "on.hop");
    r->vm->where = NULL;
    if (strcmp(r->error, error) != 0)
        fail_msg("%s\n  gave %s", code, r->error);
    /* Told once: what is wrong and stays wrong is no news. */
    rig_forget(r);
    rig_scan(r);
    CHECK_STR(r->error, "");
}

TEST(scan_defaults, "fields that nothing has set read as their defaults, in Lua too")
{
    struct rig r = {0};

    rig_open(&r, RUNNER(FROGS, ""));
    CHECK_STR(
        rig_eval(&r, "return {room.state.phase, room.state.n, next(room.state.frogs)}"),
        "[\"lobby\",7]");
    scan_after(&r, "room.state.frogs[1] = {}", "");
    CHECK_STR(rig_eval(&r, "local f = room.state.frogs[1] return {f.x, f.name, f.pos.a, "
                           "f.pos.b.c}"),
              "[0,\"\",0,false]");
    check_state(&r,
                "{\"n\":7,\"phase\":\"lobby\",\"cells\":{},\"frogs\":{\"1\":{\"name\":\"\","
                "\"pos.a\":0,\"pos.b.c\":false,\"x\":0}},\"towns\":{}}");
    scan_after(
        &r, "room.state.frogs[1].x = 5 room.state.frogs[1].x = nil room.state.n = nil", "");
    CHECK_STR(rig_eval(&r, "return {room.state.n, room.state.frogs[1].x}"), "[7,0]");
    rig_close(&r);
}

/* What is refused when a row is added, at the script's own line. */
static const struct {
    const char *code, *error;
} refused[] = {
    {"room.state.frogs[7] = {x = 50}",              "frogs[7].x: 50 is not in 0..40"                     },
    {"room.state.frogs[7] = {pos = {b = {c = 1}}}",
     "frogs[7].pos.b.c: 1 is not true or false"                                                          },
    {"room.state.frogs[7] = {name = 'abcde'}",
     "frogs[7].name: \"abcde\" is not a string of at most 4 bytes"                                       },
    {"room.state.frogs[7] = {name = '\\255'}",
     "frogs[7].name: a string of 1 bytes is not a string of at most 4 bytes"                             },
    {"room.state.frogs[7] = {x = 0/0}",             "frogs[7].x: -nan is not in 0..40"                   },
    {"room.state.frogs[7] = {x = 1/0}",             "frogs[7].x: inf is not in 0..40"                    },
    {"room.state.frogs[7] = {x = {}}",              "frogs[7].x: a table is not in 0..40"                },
    {"room.state.frogs[7] = {x = 1LL}",             "frogs[7].x: a cdata is not in 0..40"                },
    {"room.state.frogs[7] = 5",                     "frogs[7]: a record (a table) is expected"           },
    {"room.state.frogs[0] = {}",                    "frogs[0]: the key must be a player id"              },
    {"room.state.frogs[1.5] = {}",                  "frogs[1.5]: the key must be a player id"            },
    {"room.state.frogs.x = {}",                     "frogs[x]: the key must be a player id"              },
    {"room.state.frogs[4294967296] = {}",           "frogs[4294967296]: the key must be a player id"     },
    {"room.state.frogs[{}] = {}",                   "frogs[0]: the key must be a player id"              },
    {"room.state.cells[2147483648] = {}",
     "cells[2147483648]: the key must be a whole number of 32 bits"                                      },
    {"room.state.cells['1'] = {}",                  "cells[1]: the key must be a whole number of 32 bits"},
    {"room.state.towns[1] = {}",
     "towns[1]: the key must be a string of 1 to 255 bytes of UTF-8"                                     },
    {"room.state.towns[''] = {}",
     "towns[]: the key must be a string of 1 to 255 bytes of UTF-8"                                      },
    {"room.state.towns['\\255'] = {}",              "towns["                                             },
    {"room.state.towns[('x'):rep(256)] = {}",       "towns[xxxxxxxxxx"                                   },
};

TEST(scan_refused, "a row that does not fit is refused where it is added")
{
    struct rig r = {0};

    rig_open(&r, RUNNER(FROGS, ""));
    rig_scan(&r);
    char *before = rig_state(r.image);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        rig_eval(&r, refused[i].code);
        if (*r.answer != '!' ||
            strncmp(r.answer + 1, refused[i].error, strlen(refused[i].error)) != 0)
            fail_msg("%s\n  gave %s", refused[i].code, r.answer);
        CHECK(strstr(r.error, "message|pond/run.lua:1|") == r.error);
        rig_forget(&r);
        rig_scan(&r);
        CHECK_EQ(r.n_errors, 0);
        check_state(&r, before);
    }
    free(before);
    rig_close(&r);
}

/* What only the scan sees. Each begins with frogs 1 and 2 and leaves the image as
 * it was but for what is in `after`. */
static const struct {
    const char *code, *error;
} found[] = {
    {"room.state.frogs[1].x = 50",                                                      "on.hop|:0|frogs[1].x: 50 is not in 0..40"           },
    {"room.state.frogs[1].x = 'a'",                                                     "on.hop|:0|frogs[1].x: \"a\" is not in 0..40"        },
    {"room.state.frogs[1].x = 0/0",                                                     "on.hop|:0|frogs[1].x: -nan is not in 0..40"         },
    {"room.state.frogs[1].x = {}",                                                      "on.hop|:0|frogs[1].x: a table is not in 0..40"      },
    {"room.state.frogs[1].x = print",                                                   "on.hop|:0|frogs[1].x: a function is not in 0..40"   },
    {"room.state.frogs[1].x = 1LL",                                                     "on.hop|:0|frogs[1].x: a cdata is not in 0..40"      },
    {"room.state.frogs[1].pos.b.c = 0",
     "on.hop|:0|frogs[1].pos.b.c: 0 is not true or false"                                                                                    },
    {"room.state.frogs[1].name = ('x'):rep(99)",
     "on.hop|:0|frogs[1].name: a string of 99 bytes is not a string of at most 4 bytes"                                                      },
    {"room.state.n = -1",                                                               "on.hop|:0|n: -1 is not in 0..255"                   },
    {"room.state.n = 1.5",                                                              "on.hop|:0|n: 1.5 is not in 0..255"                  },
    {"room.state.phase = 'over'",                                                       "on.hop|:0|phase: \"over\" is not one of lobby, play"},
    {"room.state.phase = 1",                                                            "on.hop|:0|phase: 1 is not one of lobby, play"       },
    {"room.state.frogs[1] = 5",
     "on.hop|:0|frogs[1]: a number is not a record; the last good one is back"                                                               },
    {"room.state.frogs[1] = false",
     "on.hop|:0|frogs[1]: a boolean is not a record; the last good one is back"                                                              },
    {"rawset(room.state.frogs, 'k', {})",
     "on.hop|:0|frogs[k]: the key must be a player id; it was removed"                                                                       },
    {"rawset(room.state.frogs, -1, {})",
     "on.hop|:0|frogs[-1]: the key must be a player id; it was removed"                                                                      },
    {"rawset(room.state.frogs, 3, 5)",                                                  "on.hop|:0|frogs[3]: not a record; it was removed"   },
    {"rawset(room.state.frogs, setmetatable({}, {__tostring = error}), {})",
     "on.hop|:0|frogs[a table]: the key must be a player id; it was removed"                                                                 },
    {"rawset(room.state.frogs, true, 1)",
     "on.hop|:0|frogs[true]: not a record; it was removed"                                                                                   },
    {"rawset(room.state.frogs, 1LL, {})",
     "on.hop|:0|frogs[a cdata]: the key must be a player id; it was removed"                                                                 },
    {"room.state.frogs = 5",
     "on.hop|:0|frogs: a number cannot stand for the map; its rows stay"                                                                     },
    {"room.state.frogs = nil",
     "on.hop|:0|frogs: a nil cannot stand for the map; its rows stay"                                                                        },
    {"room.state.frogs = print",
     "on.hop|:0|frogs: a function cannot stand for the map; its rows stay"                                                                   },
    {"room.state = 5",
     "on.hop|:0|state: a number cannot stand for the state; the tables are back"                                                             },
    {"room.state = nil",
     "on.hop|:0|state: a nil cannot stand for the state; the tables are back"                                                                },
    {"room.state.frogs = room.state.frogs",                                             ""                                                   },
    {"local f = room.state.frogs[1] room.state.frogs[1] = nil room.state.frogs[1] = f", ""                                                   },
    {"local t = {} for k, v in pairs(room.state.frogs) do t[k] = v end room.state.frogs = "
     "t",                                                                          ""                                                   },
};

static const char two_frogs[] =
    "room.state.n = 3 room.state.phase = 'play' room.state.frogs = {[1] = {x = 2.5, name = "
    "'ann'}, [2] = {x = 9, pos = {a = -3, b = {c = true}}}} room.state.towns = {} "
    "room.state.cells = {}";

TEST(scan_found, "wrong values are named, with the callback, and the last good ones stay")
{
    struct rig r = {0};

    rig_open(&r, RUNNER(FROGS, ""));
    scan_after(&r, two_frogs, "");
    char *before = rig_state(r.image);
    CHECK(
        strstr(before, "\"1\":{\"name\":\"ann\",\"pos.a\":0,\"pos.b.c\":false,\"x\":2.5}"));
    for (size_t i = 0; i < sizeof found / sizeof *found; i++) {
        scan_after(&r, found[i].code, found[i].error);
        check_state(&r, before);
        scan_after(&r, two_frogs, "");
        check_state(&r, before);
    }
    free(before);
    rig_close(&r);
}

TEST(scan_lost, "a nested record that is lost comes back with its own defaults")
{
    struct rig r = {0};

    /* Two records of the same name and different shape. */
    rig_open(&r,
             RUNNER("state = {a = {pos = {x = s.u8 {default = 1}}},"
                    "b = {pos = {x = {y = s.u8 {default = 2}}}},"
                    "m = s.map {a = {pos = {x = s.u8 {default = 3}}}, b = {pos = {x = {y = "
                    "s.u8}}}}}",
                    ""));
    const char *all = "{\"a.pos.x\":1,\"b.pos.x.y\":2,\"m\":{\"4\":{\"a.pos.x\":3,"
                      "\"b.pos.x.y\":0}}}";
    scan_after(&r, "room.state.m[4] = {}", "");
    check_state(&r, all);
    scan_after(&r, "room.state.a.pos = nil room.state.b = nil", "");
    check_state(&r, all);
    scan_after(&r, "room.state.a.pos = 5",
               "on.hop|:0|a.pos: a number is not a record; the "
               "default is in its place");
    scan_after(
        &r, "room.state.m[4].b.pos.x = 'no'",
        "on.hop|:0|m[4].b.pos.x: a string is not a record; the default is in its place");
    scan_after(&r, "room.state.m[4].b = nil room.state.m[4].a = nil", "");
    check_state(&r, all);
    CHECK_STR(
        rig_eval(&r, "local t = room.state return {t.a.pos.x, t.b.pos.x.y, t.m[4].a.pos.x, "
                     "t.m[4].b.pos.x.y, t.a.pos.y == nil}"),
        "[1,2,3,0,true]");
    rig_close(&r);
}

TEST(scan_rebuilt, "a row put back holds nothing wrong that it held before")
{
    struct rig r = {0};

    rig_open(&r, RUNNER(FROGS, ""));
    scan_after(&r, two_frogs, "");
    scan_after(&r, "room.state.frogs[2].x = 0/0",
               "on.hop|:0|frogs[2].x: -nan is not in 0..40");
    scan_after(&r, "room.state.frogs[2] = true",
               "on.hop|:0|frogs[2]: a boolean is not a record; the last good one is back");
    CHECK_STR(
        rig_eval(&r,
                 "local f = room.state.frogs[2] return {f.x, f.name, f.pos.a, f.pos.b}"),
        "[9,\"\",-3,{\"c\":true}]");
    rig_close(&r);
}

TEST(scan_keywords, "fields may be called like words of Lua")
{
    struct rig r = {0};

    rig_open(
        &r, RUNNER("state = {['end'] = s.u8, ['goto'] = {['nil'] = s.u8}, v = s.u8, q = "
                   "s.u8, ['local'] = s.map {['and'] = s.u8, s = s.u8, p = s.u8, D = s.u8, "
                   "out = s.u8, key = s.u8, m1 = s.u8, r1 = {r1 = s.u8, r2 = s.u8}}}",
                   ""));
    scan_after(&r,
               "local t = room.state t['end'] = 1 t['goto']['nil'] = 2 t.v = 3 t.q = 4 "
               "t['local'][5] = {['and'] = 5, s = 6, p = 7, D = 8, out = 9, key = 10, m1 = "
               "11, r1 = {r1 = 12, r2 = 13}}",
               "");
    check_state(&r, "{\"end\":1,\"goto.nil\":2,\"q\":4,\"v\":3,\"local\":{\"5\":{\"D\":8,"
                    "\"and\":5,\"key\":10,\"m1\":11,\"out\":9,\"p\":7,\"r1.r1\":12,"
                    "\"r1.r2\":13,\"s\":6}}}");
    rig_close(&r);
}

TEST(scan_metatables, "rows may be objects; an __index that raises spoils one scan only")
{
    struct rig r = {0};

    rig_open(&r, RUNNER(FROGS, ""));
    scan_after(&r,
               "Frog = {name = 'cls'} Frog.__index = Frog "
               "room.state.frogs[1] = setmetatable({x = 1}, Frog) "
               "room.state.frogs[2] = {x = 2}",
               "");
    rig_eval(&r,
             "bad = true Frog.__index = function(_, k) if bad and k == 'pos' then "
             "error('no ' .. k) end end "
             "for i = 1, 9 do room.state.frogs[i + 2] = {x = i} end "
             "room.state.n = 9 room.state.frogs[1].pos = nil room.state.frogs[2].x = 33");
    CHECK_EQ(script_scan(r.room), SCRIPT_RAISED);
    CHECK(strstr(r.error, "scan|pond/run.lua:1|no pos"));
    CHECK_EQ(script_scan(r.room), SCRIPT_RAISED);
    rig_eval(&r, "bad = false");
    rig_forget(&r);
    rig_scan(&r);
    CHECK_EQ(r.n_errors, 0);
    char *json = rig_state(r.image);
    CHECK(strstr(json, "\"n\":9,"));
    CHECK(strstr(json, "\"2\":{\"name\":\"\",\"pos.a\":0,\"pos.b.c\":false,\"x\":33}"));
    CHECK(strstr(json, "\"11\":{\"name\":\"\",\"pos.a\":0,\"pos.b.c\":false,\"x\":9}"));
    free(json);
    scan_after(&r, "setmetatable(room.state, {__index = error, __newindex = error})", "");
    scan_after(&r, "room.state.frogs = nil",
               "on.hop|:0|frogs: a nil cannot stand for the map; its rows stay");
    rig_close(&r);
}

TEST(scan_gone, "what a row's own __index takes out of its map in the scan is gone")
{
    struct rig r = {0};

    rig_open(&r, RUNNER("state = {a = s.map {x = s.u8, z = s.str(4)}}", ""));
    scan_after(&r, "for i = 1, 5 do room.state.a[i] = {x = i} end", "");
    /* The first is told of and then gone; another goes too, so that C hears of both. */
    scan_after(&r,
               "local a = room.state.a a[1].x, a[1].z, a[4].z = 77, 'one', 'four' "
               "a[2] = nil a[5] = setmetatable({}, {__index = function(t, k) "
               "a[1] = nil a[3] = nil return k == 'x' and 9 or 'five' end})",
               "");
    check_state(&r,
                "{\"a\":{\"4\":{\"x\":4,\"z\":\"four\"},\"5\":{\"x\":9,\"z\":\"five\"}}}");
    rig_close(&r);
}

TEST(scan_large, "a scan may find more than any before it")
{
    struct rig r = {0};

    rig_open(&r, RUNNER("state = {a = s.map({x = s.u16, y = s.u8, z = s.str(4)}, "
                        "{keys = 'integer'})}",
                        ""));
    rig_eval(&r, "a = room.state.a");
    for (int i = 0; i < 20; i++)
        scan_after(&r, "for i = 1, 500 do a[#a + 1] = {} end", "");
    scan_after(&r,
               "for i, e in next, a do e.x, e.y, e.z = 2 * i, i % 256, 'n' .. i % 100 end",
               "");
    for (uint32_t i = 1; i <= 10000; i++) {
        const struct row *row = image_row(r.image, 1, i - 1);
        CHECK_EQ(row->now[0].q, 2 * row->key.number);
        CHECK_EQ(row->now[1].q, row->key.number % 256);
        char name[16] = "";
        snprintf(name, sizeof name, "n%u", (unsigned)(row->key.number % 100));
        CHECK_EQ(row->now[2].text->len, strlen(name));
        CHECK(memcmp(row->now[2].text->bytes, name, strlen(name)) == 0);
    }
    rig_close(&r);
}

TEST(scan_shared, "two maps never share a table, and rooms do not either")
{
    struct image *image;
    struct rig r = {0};

    rig_open(&r, RUNNER("state = {a = s.map {x = s.u8}, b = s.map {x = s.u8}}", ""));
    scan_after(&r, "room.state.a[1] = {x = 1} room.state.b = room.state.a", "");
    CHECK_STR(rig_eval(&r, "return {room.state.a ~= room.state.b, room.state.b[1].x}"),
              "[true,1]");
    scan_after(&r, "room.state.b[2] = {x = 2}", "");
    check_state(&r, "{\"a\":{\"1\":{\"x\":1}},\"b\":{\"1\":{\"x\":1},\"2\":{\"x\":2}}}");
    scan_after(&r, "local t = room.state t.a, t.b = t.b, t.a", "");
    check_state(&r, "{\"a\":{\"1\":{\"x\":1},\"2\":{\"x\":2}},\"b\":{\"1\":{\"x\":1}}}");
    scan_after(
        &r, "room.state.a[3] = {x = 3} room.state.b[4] = {x = 4} other = room.state.a", "");
    check_state(&r, "{\"a\":{\"1\":{\"x\":1},\"2\":{\"x\":2},\"3\":{\"x\":3}},"
                    "\"b\":{\"1\":{\"x\":1},\"4\":{\"x\":4}}}");

    struct script_room *second = rig_room(&r, "second", &image);
    script_seat_add(second, 1, "bob");
    rig_eval_in(&r, second, "room.state.a = other");
    CHECK_EQ(script_scan(second), SCRIPT_DONE);
    rig_eval_in(&r, second, "room.state.a[9] = {x = 9}");
    CHECK_EQ(script_scan(second), SCRIPT_DONE);
    char *json = rig_state(image);
    CHECK_STR(json,
              "{\"a\":{\"1\":{\"x\":1},\"2\":{\"x\":2},\"3\":{\"x\":3},\"9\":{\"x\":9}},"
              "\"b\":{}}");
    free(json);
    CHECK_STR(rig_eval(&r, "return room.state.a[9]"), "null");
    rig_end_room(&second, &image);
    rig_close(&r);
}

TEST(scan_full, "a room whose state is full refuses rows and says so")
{
    struct rig r = {0};

    rig_open(&r, RUNNER(FROGS, ""));
    r.image->max_rows = 2;
    scan_after(&r, two_frogs, "");
    scan_after(&r, "room.state.frogs[3] = {}",
               "on.hop|:0|frogs[3]: the room's state is full; it was removed");
    CHECK_STR(rig_eval(&r, "return room.state.frogs[3]"), "null");
    rig_close(&r);
}

TEST(scan_each, "parlor.each goes in the order of insertion, also after removals")
{
    struct rig r = {0};

    rig_open(
        &r,
        RUNNER("state = {m = s.map({x = s.u8}, {keys = 'string'})}",
               "function keys(room) local t = {} for k, row in parlor.each(room.state.m) "
               "do assert(row == room.state.m[k]) t[#t + 1] = k end return "
               "table.concat(t, ' ') end"));
    scan_after(&r, "local m = room.state.m m.z = {} m.a = {} m.k = {} m.b = {}", "");
    CHECK_STR(rig_eval(&r, "return keys(room)"), "\"z a k b\"");
    scan_after(&r, "room.state.m.a = nil room.state.m.c = {}", "");
    CHECK_STR(rig_eval(&r, "return keys(room)"), "\"z k b c\"");
    CHECK_STR(rig_eval(&r, "room.state.m.z = nil room.state.m.a = {} room.state.m.z = {} "
                           "return keys(room)"),
              "\"k b c a z\"");
    scan_after(&r, "", "");
    /* Hundreds come and go: what is kept stays in order, what is gone is let go. */
    for (int i = 0; i < 20; i++)
        scan_after(&r,
                   "for i = 1, 50 do room.state.m['t' .. i] = {} end "
                   "for i = 1, 50 do room.state.m['t' .. i] = nil end",
                   "");
    CHECK_STR(rig_eval(&r, "room.state.m.last = {} return keys(room)"),
              "\"k b c a z last\"");
    CHECK_STR(
        rig_eval(&r, "local n = 0 for k in require('parlor').each(room.state.m) do "
                     "room.state.m[k] = nil n = n + 1 end return {n, next(room.state.m)}"),
        "[6]");
    CHECK_STR(rig_eval(&r, "require('parlor').each({})"),
              "!parlor.each takes a map of the state");
    CHECK_STR(rig_eval(&r, "require('parlor').each()"),
              "!parlor.each takes a map of the state");
    /* A table put in place of the map: numbers before strings, each ascending. */
    scan_after(&r, "room.state.m = {y = {}, c = {}, x = {}}", "");
    CHECK_STR(rig_eval(&r, "room.state.m.b = {} return keys(room)"), "\"c x y b\"");
    rig_close(&r);
}

TEST(scan_replaced, "rows that came round the checks are whole after the scan, too")
{
    struct rig r = {0};

    rig_open(&r, RUNNER(FROGS, "function keys(t) local out = {} for k in parlor.each(t) do "
                               "out[#out + 1] = k end return out end"));
    scan_after(&r, "room.state.frogs = {[1] = {}} rawset(room.state.frogs, 2, {pos = {}})",
               "");
    CHECK_STR(rig_eval(&r,
                       "local a, b = room.state.frogs[1], room.state.frogs[2] return {a.x, "
                       "a.name, a.pos.b.c, b.x, b.pos.a}"),
              "[0,\"\",false,0,0]");
    scan_after(&r, "rawset(room.state.towns, 'b', {}) old = room.state.towns", "");
    scan_after(&r, "rawset(room.state.towns, 'a', {})", "");
    CHECK_STR(rig_eval(&r, "return keys(room.state.towns)"), "[\"b\",\"a\"]");
    /* Another table: an order of its own. The old one is a plain table again. */
    scan_after(&r, "room.state.towns = {b = {}, a = {}}", "");
    CHECK_STR(rig_eval(&r, "return keys(room.state.towns)"), "[\"a\",\"b\"]");
    CHECK_STR(rig_eval(&r, "old[1] = 'anything' return getmetatable(old)"), "null");
    CHECK_STR(rig_eval(&r, "keys(old)"), "!parlor.each takes a map of the state");
    rig_close(&r);
}
