/* SPDX-License-Identifier: MIT */
#include "rig.h"
#include <stdlib.h>

TEST(sandbox_names, "what a game must not have is not there")
{
    static const char *const names[] = {
        "io",
        "debug",
        "package",
        "ffi",
        "jit",
        "dofile",
        "loadfile",
        "loadstring",
        "getfenv",
        "setfenv",
        "newproxy",
        "collectgarbage",
        "module",
        "gcinfo",
        "string.dump",
        "math.random",
        "math.randomseed",
        "os.execute",
        "os.exit",
        "os.getenv",
        "os.remove",
        "os.rename",
        "os.tmpname",
        "os.setlocale",
        "table.new",
        "(''):len() and (('').dump)",
    };
    struct rig r = {0};

    rig_open(&r, RUNNER("", ""));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char code[128];
        snprintf(code, sizeof code, "return %s == nil", names[i]);
        if (strcmp(rig_eval(&r, code), "true") != 0)
            fail_msg("%s: %s", names[i], r.answer);
    }
    rig_close(&r);
}

TEST(sandbox_require, "require finds the game's own files and nothing else")
{
    static const char *const names[] = {
        "ffi",    "jit",     "jit.opt", "io",    "os",     "string.buffer", "../x",
        "..x",    "a/../b",  "/etc/x",  "",      " x",     "host",          "scan",
        "schema", "nothing", "a%00b",   "x\\0y", "./host", "table.new",
    };
    struct rig r = {0};

    rig_open(&r, RUNNER("", ""));
    rig_write(&r, "../x.lua", "return 'outside'");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char code[128];
        snprintf(code, sizeof code, "local x = require('%s') return x", names[i]);
        if (strncmp(rig_eval(&r, code), "!require: ", 10) != 0)
            fail_msg("%s: %s", names[i], r.answer);
        CHECK(strstr(r.error, "message|pond/run.lua:1|") == r.error);
    }
    CHECK_STR(rig_eval(&r, "return require(5)"), "!require takes a name");
    rig_close(&r);
}

TEST(sandbox_own_files, "a second file is run once; its errors name it and its line")
{
    struct rig r = {0};

    rig_write(&r, "lib/util.lua",
              "local n = ...\nn_loads = (n_loads or 0) + 1\n"
              "return {name = n, fail = function()\n"
              "  error('oh')\nend}");
    rig_write(&r, "broken.lua", "local x = 1\nx = = 2\n");
    rig_write(&r, "raises.lua", "\n\nlocal t = nil\nreturn t.x");
    rig_write(&r, "circle.lua", "return {inner = require 'circle'}");
    rig_write(&r, "scan.lua", "return 'mine'");
    rig_open(&r, RUNNER("", ""));
    CHECK_STR(rig_eval(&r, "return {require 'lib.util' == require 'lib.util', n_loads, "
                           "require('lib.util').name}"),
              "[true,1,\"lib.util\"]");
    CHECK_STR(rig_eval(&r, "require('lib/util').fail()"), "!oh");
    CHECK_STR(r.error, "message|pond/lib/util.lua:4|oh");
    rig_eval(&r, "require 'broken'");
    CHECK(strstr(r.error, "message|pond/broken.lua:2|unexpected symbol") == r.error);
    rig_eval(&r, "require 'raises'");
    CHECK(strstr(r.error, "message|pond/raises.lua:4|attempt to index") == r.error);
    CHECK_STR(rig_eval(&r, "return require('circle').inner"), "true");
    CHECK_STR(rig_eval(&r, "return require('scan')"), "\"mine\"");
    rig_close(&r);
}

/* Each returns or raises something that starts with `want`. */
static const struct {
    const char *code, *want;
} attacks[] = {
  /* bytecode, in every way it could come */
    {"return select(2, load('\\27LJ\\2\\0'))",                                           "\"attempt to load chunk with wrong mode"           },
    {"return select(2, load('\\27LJ\\2\\0', 'x', 'b'))",
     "\"attempt to load chunk with wrong"                                                                                                    },
    {"return load('return 1', 'x', 'b')()",                                              "1"                                                 },
    {"local n = 0 return select(2, load(function() n = n + 1 "
     "return ({'\\27', 'LJ', '\\2'})[n] end))",                                     "\"attempt to load chunk with wrong mode"           },
    {"return load(5)",                                                                   "!load takes a text or a function"                  },
    {"return load('return io')() == nil",                                                "true"                                              },
    {"return load('return x', 'c', 't', {x = 5})()",                                     "5"                                                 },
    {"return load('return io', 'c', 't', 5)",                                            "!load takes a table as environment"                },
    {"return load('return io', 'c', 't', false)",                                        "!load takes a table as environment"                },
    {"return load('return io', 'c', 't', 1LL)",                                          "!load takes a table as environment"                },
    {"return load('return io', 'c', 't', nil)() == nil",                                 "true"                                              },
    {"return load('x =')",                                                               "null"                                              },
    {"return select(2, pcall(load, function() error('e') end))",                         "\"pond/run.lua:1: e\""                             },
 /* metatables */
    {"return getmetatable('')",                                                          "false"                                             },
    {"return pcall(setmetatable, '', {})",                                               "false"                                             },
    {"return getmetatable(room)",                                                        "false"                                             },
    {"return getmetatable(player)",                                                      "false"                                             },
    {"return getmetatable(room.state.frogs)",                                            "false"                                             },
    {"setmetatable(room, {})",                                                           "!cannot change a protected metatable"              },
    {"setmetatable(player, {})",                                                         "!cannot change a protected metatable"              },
    {"setmetatable(room.state.frogs, {})",                                               "!cannot change a protected metatable"              },
    {"return getmetatable(print)",                                                       "null"                                              },
    {"return getmetatable(coroutine.create(print))",                                     "null"                                              },
 /* what 1LL brings in stays out of reach */
    {"local c = 1LL return {type(c), getmetatable(c), tostring(c + 1), c == 1}",
     "[\"cdata\",\"ffi\",\"2LL\",true]"                                                                                                      },
    {"return pcall(function() return (1LL).x end)",                                      "false"                                             },
    {"return pcall(function() return (1LL)() end)",                                      "false"                                             },
    {"return pcall(function() local c = 1LL c.x = 1 end)",                               "false"                                             },
    {"return pcall(setmetatable, 1LL, {})",                                              "false"                                             },
    {"local c = 1LL return pcall(require, 'ffi')",                                       "false"                                             },
    {"return 1LL",                                                                       "!the answer to the request: a cdata cannot be sent"},
    {"return tostring(1i)",                                                              "\"0+1i\""                                          },
 /* the environment is the game's own */
    {"x_ = 1 return _G.x_ == 1 and _G._G == _G",                                         "true"                                              },
    {"return _G.require == require and _G.string == string",                             "true"                                              },
    {"_G._G = nil x2_ = 3 return x2_",                                                   "3"                                                 },
 /* coroutines */
    {"return coroutine.wrap(function() return room.id end)()",                           "\"lobby\""                                         },
    {"coroutine.wrap(function() error('inside') end)()",                                 "!pond/run.lua:1: inside"                           },
    {"coroutine.yield(1)",                                                               "!attempt to yield"                                 },
    {"local c = coroutine.create(function() coroutine.yield() end) coroutine.resume(c) "
     "return coroutine.status(c)",                                                  "\"suspended\""                                     },
    {"local function f() return coroutine.wrap(f)() end return pcall(f)",                "false"                                             },
    {"local n = 0 local function f() n = n + 1 return "
     "coroutine.resume(coroutine.create(f)) end "
     "f() return n > 1000",                                                         "true"                                              },
    {"local function f() return (('x'):gsub('x', {x = 1})) end return f()",              "\"1\""                                             },
    {"local c = coroutine.wrap(function(...) local a = coroutine.yield(...) return a + 1 "
     "end) "
     "return {c(1, 2), c(5)}",                                                      "[1,6]"                                             },
    {"return {('aXb'):gsub('%u', '-', 1)}",                                              "[\"a-b\",1]"                                       },
    {"return coroutine.resume(5)",                                                       "!bad argument"                                     },
    {"local c c = coroutine.wrap(function() c() end) return pcall(c)",                   "false"                                             },
    {"return coroutine.wrap(function() room:send(1, 'x', {1}) return 1 end)()",          "1"                                                 },
 /* errors that are no texts */
    {"error(setmetatable({}, {__tostring = function() error('again') end}))",
     "!the script raised a table"                                                                                                            },
    {"error(setmetatable({}, {__tostring = function() while true do end end}))",
     "!the script raised a table"                                                                                                            },
    {"error(nil)",                                                                       "!the script raised a nil"                          },
    {"error(true)",                                                                      "!the script raised a boolean"                      },
    {"error(1LL)",                                                                       "!the script raised a cdata"                        },
    {"error(42)",                                                                        "!42"                                               },
    {"error('a\\0b', 0)",                                                                "!a"                                                },
    {"error(('x'):rep(100000), 0)",                                                      "!xxxx"                                             },
 /* stacks */
    {"local function f() return 1 + f() end f()",                                        "!stack overflow"                                   },
    {"local function f(...) return f(1, ...) end f()",                                   "!stack overflow"                                   },
    {"local t = setmetatable({}, {}) getmetatable(t).__index = function(_, k) return t[k] "
     "end "
     "return t.x",                                                                  "!"                                                 },
    {"local function f(x) return (('x'):gsub('x', f)) end f()",                          "!"                                                 },
    {"local function f(a, b) table.sort({3, 2, 1}, f) return a < b end f(1, 2)",         "!"                                                 },
    {"return xpcall(function() error('x') end, function() error('y') end)",              "false"                                             },
    {"return #string.rep('x', 1e15)",                                                    "!the result would not fit into the game's memory"  },
    {"return #('x'):rep(2^31)",                                                          "!the result would not fit into the game's memory"  },
    {"return pcall(string.format, '%1000d', 1)",                                         "false"                                             },
    {"local t = {} for i = 1, 300 do t[i] = ('x'):rep(1e6) end return #table.concat(t)",
     "!"                                                                                                                                     },
    {"return ('a'):rep(40):find(('a?'):rep(40) .. ('a'):rep(40))",
     "!the pattern takes too many steps"                                                                                                     },
    {"return ('x'):rep(300):match(('x?'):rep(250))",                                     "!pattern too complex"                              },
    {"return select('#', unpack({}, 1, 1e8))",                                           "!too many results to unpack"                       },
    {"local t = {} for i = 1, 300 do t = {t} end return t",                              "!the answer to the request"                        },
};

TEST(sandbox_attacks, "a table of tricks: each ends where it should, the room goes on")
{
    struct rig r = {0};

    rig_open(&r, RUNNER("budget_kill = 60000, state = {frogs = s.map {x = s.u8}}", ""));
    for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++) {
        rig_eval(&r, attacks[i].code);
        if (strncmp(r.answer, attacks[i].want, strlen(attacks[i].want)) != 0)
            fail_msg("%s\n  gave %.200s", attacks[i].code, r.answer);
        CHECK_STR(rig_eval(&r, "return room.id"), "\"lobby\"");
    }
    rig_close(&r);
}

/* The host's own Lua writes source, checks paths and escapes JSON with these. A
 * game's may do anything, and must not be asked. */
TEST(sandbox_own_library, "a game that changes its library changes only its own")
{
    struct rig r = {0};

    rig_open(&r, RUNNER("", ""));
    rig_write(&r, "../x.lua", "return 'outside'");
    CHECK_STR(rig_eval(&r, "for k in pairs(string) do string[k] = function() "
                           "return 'os.exit(9)', 'x' end end return true"),
              "true");
    CHECK_STR(rig_eval(&r, "return ('x'):find()"), "\"os.exit(9)\"");
    CHECK_STR(rig_eval(&r, "string.find = function(_, p, _, plain) return not plain end "
                           "string.gsub = function() return '../x' end return true"),
              "true");
    CHECK_STR(rig_eval(&r, "return require('../x')"),
              "!require: ../x is not a module name");
    CHECK_STR(rig_eval(&r,
                       "for _, t in pairs {table, math, bit, coroutine, os} do "
                       "for k in pairs(t) do t[k] = 5 end end "
                       "pairs, ipairs, next, type, error, tostring, pcall = 1, 2, 3, 4, 5 "
                       "rawget, rawset, setmetatable, unpack, select = 1, 2, 3, 4, 5 "
                       "return true"),
              "true");
    /* The library is changed; loading, the scan, timers and messages are not. */
    CHECK_EQ(rig_reload(&r, RUNNER("state = {on = s.bool, frogs = s.map {x = s.u8, pos = "
                                   "{y = s.f64}}}, messages = {hop = {x = s.enum {'a'}}}",
                                   "")),
             0);
    CHECK_STR(rig_eval(&r, "room.state.frogs[1] = {x = 3} room:after(0, 'id') return true"),
              "true");
    rig_scan(&r);
    char *json = rig_state(r.image);
    CHECK_STR(json, "{\"on\":false,\"frogs\":{\"1\":{\"pos.y\":0,\"x\":3}}}");
    free(json);
    rig_close(&r);
}

TEST(sandbox_vms, "one game's globals and library are not another's")
{
    struct rig a = {0}, b = {0};

    rig_open(&a, RUNNER("", ""));
    rig_open(&b, RUNNER("", ""));
    CHECK_STR(rig_eval(&a, "secret = 5 string.secret = 6 table.secret = 7 "
                           "parlor_ = require 'parlor' parlor_.secret = 8 return secret"),
              "5");
    CHECK_STR(rig_eval(&b,
                       "return {secret == nil, string.secret == nil, table.secret == nil, "
                       "require('parlor').secret == nil, ('').secret == nil}"),
              "[true,true,true,true,true]");
    rig_close(&b);
    rig_close(&a);
}

TEST(sandbox_print, "print and parlor.log take anything and cannot be broken")
{
    struct rig r = {0};

    rig_open(&r, RUNNER("", ""));
    CHECK_STR(
        rig_eval(&r, "print(nil, 1, 'x', {} ~= nil) require('parlor').log() return 1"),
        "1");
    CHECK_STR(
        rig_eval(&r, "print(setmetatable({}, {__tostring = function() error('no') end}))"),
        "!no");
    CHECK_STR(rig_eval(&r, "return math.abs(require('parlor').now() - os.time()) < 2"),
              "true");
    rig_close(&r);
}
