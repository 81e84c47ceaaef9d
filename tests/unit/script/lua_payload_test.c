/* SPDX-License-Identifier: MIT */
#include "rig.h"
#include <lauxlib.h>
#include <lualib.h>
#include <stdlib.h>

#include "base/rnd.h"
#include "proto/json_out.h"
#include "proto/record.h"
#include "state/payload.h"

/* A state with one function, same(a, b): deep equality, NaN apart. */
static lua_State *open_lua(void)
{
    lua_State *L = luaL_newstate();

    luaL_openlibs(L);
    CHECK_EQ(luaL_dostring(
                 L, "function same(a, b) if type(a) ~= type(b) then return false end "
                    "if type(a) ~= 'table' then return a == b end "
                    "for k, v in pairs(a) do if not same(v, b[k]) then return false end "
                    "end for k in pairs(b) do if a[k] == nil then return false end end "
                    "return true end"),
             0);
    return L;
}

static void push_code(lua_State *L, const char *code)
{
    char text[1024];

    snprintf(text, sizeof text, "return %s", code);
    if (luaL_dostring(L, text) != 0)
        fail_msg("%s: %s", code, lua_tostring(L, -1));
}

/* The value at the top of the stack goes to the wire and comes back. */
static void check_round(lua_State *L, const struct record *record, const char *what)
{
    int top = lua_gettop(L);
    struct buf out;
    struct err e = {0};

    buf_init(&out, 0);
    if (lua_payload_read(L, -1, record, &out, &e) < 0)
        fail_msg("%s: %s", what, e.text);
    CHECK_EQ(lua_gettop(L), top);
    uint8_t *bytes = unit_guarded(out.data, out.len);
    struct wire_in in = wire_from(bytes, out.len);
    payload_check(record, &in);
    CHECK(!in.failed && wire_left(&in) == 0);
    in = wire_from(bytes, out.len);
    lua_getglobal(L, "same");
    lua_pushvalue(L, -2);
    lua_payload_push(L, record, &in);
    CHECK(!in.failed && wire_left(&in) == 0);
    CHECK_EQ(lua_gettop(L), top + 3);
    lua_call(L, 2, 1);
    if (!lua_toboolean(L, -1))
        fail_msg("%s came back as another value", what);
    lua_settop(L, top - 1);
    unit_guarded_free(bytes, out.len);
    buf_fini(&out);
}

static const char *const values[] = {
    "nil",
    "true",
    "false",
    "0",
    "-1",
    "2147483647",
    "-2147483648",
    "2147483648",
    "1e300",
    "0.1",
    "-0.5",
    "''",
    "'abc'",
    "'\xc3\xa4'",
    "'a\\0b'",
    "'\\255\\0'",
    "{}",
    "{1}",
    "{1, 2, 'x'}",
    "{a = 1}",
    "{a = {b = {c = {}}}}",
    "{{{{}}}}",
    "{['a b'] = 1, [''] = 2}",
    "{1, nil, nil}",
    "('x'):rep(70000)",
};

TEST(payload_values, "values of every kind survive the way to the wire and back")
{
    lua_State *L = open_lua();

    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        push_code(L, values[i]);
        check_round(L, NULL, values[i]);
    }
    lua_close(L);
}

static const struct {
    const char *code, *json;
} shapes[] = {
    {"{[1] = 'a', [2] = 'b'}",                                              "[\"a\",\"b\"]"  },
    {"{[2] = 'b'}",                                                         "{\"2\":\"b\"}"  },
    {"{[0] = 'b'}",                                                         "{\"0\":\"b\"}"  },
    {"{[1.5] = 'b'}",                                                       "{\"1.5\":\"b\"}"},
    {"{[-1] = 'b'}",                                                        "{\"-1\":\"b\"}" },
    {"{[1e15] = 1}",                                                        "{\"1e+15\":1}"  },
    {"setmetatable({}, {__index = error, __len = error, __pairs = error})", "{}"             },
    {"-0",                                                                  "0"              },
    {"'\\255'",                                                             "\"/w==\""       },
};

TEST(payload_shapes, "lists are arrays, other tables maps, other bytes base64")
{
    lua_State *L = open_lua();

    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        struct buf out, text;
        struct json_out j = json_out_to(&text);
        struct err e;
        buf_init(&out, 0);
        buf_init(&text, 0);
        push_code(L, shapes[i].code);
        CHECK_EQ(lua_payload_read(L, -1, NULL, &out, &e), 0);
        struct wire_in in = wire_from(out.data, out.len);
        payload_to_json(NULL, &in, &j);
        buf_byte(&text, 0);
        CHECK_STR((char *)text.data, shapes[i].json);
        buf_fini(&text);
        buf_fini(&out);
    }
    lua_close(L);
}

static const struct {
    const char *code, *error;
} refused[] = {
    {"print",                                                                 "a function cannot be sent"      },
    {"{a = {print}}",                                                         "a[1]: a function cannot be sent"},
    {"coroutine.create(print)",                                               "a thread cannot be sent"        },
    {"io.stdout",                                                             "a userdata cannot be sent"      },
    {"1LL",                                                                   "a cdata cannot be sent"         },
    {"0/0",                                                                   "nan cannot be sent"             },
    {"{1, {1/0}}",                                                            "[2][1]: inf cannot be sent"     },
    {"-1/0",                                                                  "inf cannot be sent"             },
    {"{[true] = 1}",                                                          "a boolean cannot be a key"      },
    {"{[{}] = 1}",                                                            "a table cannot be a key"        },
    {"{['\\255'] = 1}",                                                       "a key of the table is not UTF-8"},
    {"(function() local t = {} t.t = t return t end)()",
     "t.t.t.t.t.t.t.t.t.t.t.t.t.t.t.t: tables are nested deeper than 16, or in a circle"                       },
    {"(function() local t = {} for i = 1, 16 do t = {t} end return t end)()",
     "[1][1][1][1][1][1][1][1][1][1][1][1][1][1][1][1]: tables are nested deeper than 16, "
     "or in a circle"                                                                                          },
 /* A hundred times a hundred times …: ends when the message is too big. */
    {"(function() local t = {1} for i = 1, 14 do local u = {} for j = 1, 100 do u[j] = t "
     "end "
     "t = u end return t end)()",                                        "the message is too big"         },
    {"('x'):rep(100001)",                                                     "the message is too big"         },
};

TEST(payload_refused, "what cannot be sent is refused in words")
{
    lua_State *L = open_lua();

    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct buf out;
        struct err e = {0};
        buf_init(&out, 100000);
        push_code(L, refused[i].code);
        int top = lua_gettop(L);
        CHECK(lua_payload_read(L, -1, NULL, &out, &e) < 0);
        CHECK_EQ(lua_gettop(L), top);
        CHECK_STR(e.text, refused[i].error);
        lua_settop(L, 0);
        buf_fini(&out);
    }
    push_code(L, "(function() local t = 1 for i = 1, 16 do t = {t} end return t end)()");
    check_round(L, NULL, "16 deep");
    lua_close(L);
}

/* Push a random value; returns by keeping `depth` in bounds. */
static void push_random(lua_State *L, struct rnd *rnd, int depth)
{
    char text[12];
    int64_t n;

    switch (rnd_range(rnd, depth > 4 ? 2 : 0, 7)) {
    case 0:
        lua_newtable(L);
        n = rnd_range(rnd, 0, 6);
        for (int i = 1; i <= n; i++) {
            push_random(L, rnd, depth + 1);
            lua_rawseti(L, -2, i);
        }
        break;
    case 1:
        lua_newtable(L);
        for (n = rnd_range(rnd, 0, 6); n > 0; n--) {
            snprintf(text, sizeof text, "k%d", (int)rnd_range(rnd, 0, 99));
            push_random(L, rnd, depth + 1);
            lua_setfield(L, -2, text);
        }
        break;
    case 2: lua_pushboolean(L, rnd_range(rnd, 0, 1) == 1); break;
    case 3: lua_pushnumber(L, (double)rnd_range(rnd, INT32_MIN, INT32_MAX)); break;
    case 4: lua_pushnumber(L, (rnd_unit(rnd) - 0.5) * 1e12); break;
    case 5: lua_pushnumber(L, (double)rnd_range(rnd, -3, 3)); break;
    default:
        n = rnd_range(rnd, 0, 11);
        for (int i = 0; i < n; i++)
            text[i] = (char)rnd_range(rnd, 0, 255);
        lua_pushlstring(L, text, (size_t)n);
    }
}

TEST(payload_random, "random values survive the way there and back")
{
    lua_State *L = open_lua();
    struct rnd rnd;

    rnd_seed(&rnd, 5);
    for (int i = 0; i < 3000; i++) {
        push_random(L, &rnd, 0);
        check_round(L, NULL, "a random value");
    }
    lua_close(L);
}

static const char json[] =
    "{\"state\":{\"fields\":[],\"maps\":[]},\"messages\":[[\"m\",{\"fields\":["
    "[\"a\",{\"t\":\"bool\"}],[\"b\",{\"t\":\"i16\",\"def\":-4}],[\"c\",{\"t\":\"f64\"}],"
    "[\"d\",{\"t\":\"str\",\"max\":5,\"def\":\"hey\"}],[\"e\",{\"t\":\"enum\",\"of\":["
    "\"x\",\"y\"]}],"
    "[\"f\",{\"t\":\"record\",\"fields\":[[\"g\",{\"t\":\"u32\"}],[\"h\",{\"t\":\"record\","
    "\"fields\":[[\"i\",{\"t\":\"uint\"}],[\"j\",{\"t\":\"int\"}]]}]]}],"
    "[\"k\",{\"t\":\"fixed\",\"min\":-1,\"max\":1,\"step\":0.125}],[\"l\",{\"t\":\"u8\"}]]}"
    "]],"
    "\"events\":[]}";

TEST(payload_records, "records survive; what is absent takes its default")
{
    lua_State *L = open_lua();
    struct schema *schema;
    struct err e;
    struct buf out;
    struct rnd rnd;

    CHECK_EQ(schema_parse(&schema, json, strlen(json), &e), 0);
    const struct record *record = &schema->messages[0];
    const char *defaults =
        "{a = false, b = -4, c = 0, d = 'hey', e = 'x', f = {g = 0, h = {i = "
        "0, j = 0}}, k = 0, l = 0}";
    const char *const sparse[] = {"nil", "{}", "{f = {}}",
                                  "{f = {h = {}}, unknown = print}"};
    for (size_t i = 0; i < 4; i++) {
        buf_init(&out, 0);
        push_code(L, sparse[i]);
        CHECK_EQ(lua_payload_read(L, -1, record, &out, &e), 0);
        struct wire_in in = wire_from(out.data, out.len);
        lua_getglobal(L, "same");
        push_code(L, defaults);
        lua_payload_push(L, record, &in);
        lua_call(L, 2, 1);
        CHECK(lua_toboolean(L, -1));
        lua_settop(L, 0);
        buf_fini(&out);
    }
    rnd_seed(&rnd, 6);
    for (int i = 0; i < 500; i++) {
        char code[400];
        snprintf(code, sizeof code,
                 "{a = %s, b = %d, c = %.17g, d = '%.*s', e = '%s', f = {g = %u, h = {i = "
                 "%u, j = "
                 "%d}}, k = %d / 8, l = %d}",
                 rnd_range(&rnd, 0, 1) ? "true" : "false",
                 (int)rnd_range(&rnd, -32768, 32767), rnd_unit(&rnd),
                 (int)rnd_range(&rnd, 0, 5), "pqrst", rnd_range(&rnd, 0, 1) ? "x" : "y",
                 (unsigned)rnd_range(&rnd, 0, UINT32_MAX),
                 (unsigned)rnd_range(&rnd, 0, UINT32_MAX),
                 (int)rnd_range(&rnd, INT32_MIN, INT32_MAX), (int)rnd_range(&rnd, -8, 8),
                 (int)rnd_range(&rnd, 0, 255));
        push_code(L, code);
        check_round(L, record, code);
    }
    schema_unref(&schema);
    lua_close(L);
}

static const struct {
    const char *code, *error;
} misfits[] = {
    {"5",                    "a table is expected, not a number"               },
    {"{a = 1}",              "a: 1 is not true or false"                       },
    {"{b = 40000}",          "b: 40000 is not in -32768..32767"                },
    {"{b = '5'}",            "b: \"5\" is not in -32768..32767"                },
    {"{d = 'abcdef'}",       "d: \"abcdef\" is not a string of at most 5 bytes"},
    {"{d = 5}",              "d: 5 is not a string of at most 5 bytes"         },
    {"{e = 'z'}",            "e: \"z\" is not one of x, y"                     },
    {"{f = {h = {i = -1}}}", "f.h.i: -1 is not in 0..4294967295"               },
    {"{k = 2}",              "k: 2 is not in -1..1"                            },
    {"{l = print}",          "l: a function is not in 0..255"                  },
};

TEST(payload_misfits, "a field that does not fit is named with its path")
{
    lua_State *L = open_lua();
    struct schema *schema;
    struct err e;

    CHECK_EQ(schema_parse(&schema, json, strlen(json), &e), 0);
    for (size_t i = 0; i < sizeof misfits / sizeof *misfits; i++) {
        struct buf out;
        buf_init(&out, 0);
        push_code(L, misfits[i].code);
        CHECK(lua_payload_read(L, -1, &schema->messages[0], &out, &e) < 0);
        CHECK_STR(e.text, misfits[i].error);
        CHECK_EQ(lua_gettop(L), 1);
        lua_settop(L, 0);
        buf_fini(&out);
    }
    schema_unref(&schema);
    lua_close(L);
}

/* What a client may send: bytes that the check has passed. */
TEST(payload_hostile, "random bytes that pass the check become values and nothing breaks")
{
    lua_State *L = open_lua();
    struct schema *schema;
    struct err e;
    struct rnd rnd;
    int n_any = 0, n_record = 0;

    CHECK_EQ(schema_parse(&schema, json, strlen(json), &e), 0);
    rnd_seed(&rnd, 9);
    for (int i = 0; i < 60000; i++) {
        uint8_t text[40];
        size_t n = (size_t)rnd_range(&rnd, 0, sizeof text);
        const struct record *record = i % 3 ? NULL : &schema->messages[0];
        for (size_t k = 0; k < n; k++)
            text[k] = (uint8_t)rnd_range(&rnd, 0, i % 2 ? 9 : 255);
        if (record && n > 2) /* a bool and a short text, or few would pass */
            text[0] &= 1;
        uint8_t *bytes = unit_guarded(text, n);
        struct wire_in in = wire_from(bytes, n);
        payload_check(record, &in);
        if (!in.failed) {
            size_t used = n - wire_left(&in);
            in = wire_from(bytes, used);
            lua_payload_push(L, record, &in);
            CHECK(!in.failed && wire_left(&in) == 0);
            CHECK_EQ(lua_gettop(L), 1);
            lua_settop(L, 0);
            n_any += !record;
            n_record += record != NULL;
        }
        unit_guarded_free(bytes, n);
    }
    CHECK(n_any > 1000 && n_record > 20);
    schema_unref(&schema);
    lua_close(L);
}

TEST(payload_paths, "paths are read and written, and leave the stack as promised")
{
    lua_State *L = open_lua();

    push_code(L, "{a = {b = {c = 5}}, n = 6}");
    static const struct {
        const char *path;
        int want;
    } reads[] = {
        {"a.b.c", 5 },
        {"n",     6 },
        {"a.b.x", -1},
        {"a.x.c", -1},
        {"n.x",   -1},
        {"x.y.z", -1}
    };
    for (size_t i = 0; i < sizeof reads / sizeof *reads; i++) {
        lua_payload_get_path(L, 1, reads[i].path);
        CHECK_EQ(lua_gettop(L), 2);
        CHECK_EQ(lua_isnil(L, 2) ? -1 : (int)lua_tonumber(L, 2), reads[i].want);
        lua_pop(L, 1);
    }
    static const char *const writes[] = {"a.b.c", "a.b.y", "p.q.r", "n.o", "z"};
    for (size_t i = 0; i < sizeof writes / sizeof *writes; i++) {
        lua_pushnumber(L, (double)i + 10);
        lua_payload_set_path(L, 1, writes[i]);
        CHECK_EQ(lua_gettop(L), 1);
    }
    lua_getglobal(L, "same");
    lua_insert(L, 1);
    push_code(L, "{a = {b = {c = 10, y = 11}}, p = {q = {r = 12}}, n = {o = 13}, z = 14}");
    lua_call(L, 2, 1);
    CHECK(lua_toboolean(L, 1));
    lua_close(L);
}
