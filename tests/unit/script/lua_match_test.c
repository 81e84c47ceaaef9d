/* SPDX-License-Identifier: MIT */
#include "rig.h"
#include <lauxlib.h>
#include <lualib.h>
#include <stdlib.h>

#include "base/clk.h"
#include "base/rnd.h"
#include "script/lua_match.h"
#include "script/lua_sort.h"
#include "script/watchdog.h"

/* A plain state with both libraries: `string` is LuaJIT's, `mine` ours. */
static lua_State *new_state(struct vm *vm)
{
    static const luaL_Reg ours[] = {
        {"find",   lua_match_find  },
        {"match",  lua_match_match },
        {"gmatch", lua_match_gmatch},
        {"gsub",   lua_match_gsub  },
        {"sort",   lua_sort        },
        {NULL,     NULL            }
    };
    lua_State *L = luaL_newstate();

    luaL_openlibs(L);
    vm->stack_base = __builtin_frame_address(0);
    lua_newtable(L);
    for (const luaL_Reg *f = ours; f->name; f++) {
        lua_pushlightuserdata(L, vm);
        lua_pushcclosure(L, f->func, 1);
        lua_setfield(L, -2, f->name);
    }
    lua_setglobal(L, "mine");
    return L;
}

/* What a call gives, as one text: the results, or the error without its place. */
static const char compare[] =
    "local function text(ok, ...)\n"
    "  local out = {tostring(ok)}\n"
    "  for i = 1, select('#', ...) do\n"
    "    local v = select(i, ...)\n"
    "    out[#out + 1] = type(v) .. ':' .. tostring(v):gsub('^.-:%d+: ', '')\n"
    "  end\n"
    "  return table.concat(out, '|')\n"
    "end\n"
    "local function all(f, ...)\n"
    "  local out = {}\n"
    "  local ok, step = pcall(f, ...)\n"
    "  if not ok then return text(ok, step) end\n"
    "  for i = 1, 40 do\n"
    "    local one = text(pcall(step))\n"
    "    out[i] = one\n"
    "    if one == 'true' or one == 'true|nil:nil' or one:find('^false') then break end\n"
    "  end\n"
    "  return table.concat(out, '/')\n"
    "end\n"
    "local function upper(...) return select('#', ...) % 2 == 0 and (...) or nil end\n"
    "local s, p, by, from, n = ...\n"
    "local function try(name, a, b)\n"
    "  if a ~= b then error(('%s(%q, %q, %q, %s)\\n LuaJIT %s\\n ours   %s'):format(name, "
    "s, "
    "p, by, tostring(from), a, b), 0) end\n"
    "end\n"
    "try('find', text(pcall(string.find, s, p, from)), text(pcall(mine.find, s, p, "
    "from)))\n"
    "try('plain', text(pcall(string.find, s, p, from, true)), text(pcall(mine.find, s, p, "
    "from, true)))\n"
    "try('match', text(pcall(string.match, s, p, from)), text(pcall(mine.match, s, p, "
    "from)))\n"
    "try('gmatch', all(string.gmatch, s, p), all(mine.gmatch, s, p))\n"
    "for _, r in ipairs {by, 7, {a = 'A', b = false, ab = 5, [''] = '-'}, upper} do\n"
    "  try('gsub', text(pcall(string.gsub, s, p, r, n)), text(pcall(mine.gsub, s, p, r, "
    "n)))\n"
    "end\n";

static void push_random(lua_State *L, struct rnd *rnd, const char *const *parts,
                        size_t n_parts, unsigned max)
{
    luaL_Buffer b;

    luaL_buffinit(L, &b);
    for (int64_t n = rnd_range(rnd, 0, max); n > 0; n--)
        luaL_addstring(&b, parts[rnd_range(rnd, 0, (int64_t)n_parts - 1)]);
    luaL_pushresult(&b);
}

#define N(list) (sizeof list / sizeof *list)

TEST(match_same, "random patterns on random texts give what LuaJIT's own functions give")
{
    static const char *const text[] = {"a", "b", "ab", " ", "1", "%",  "]",    "[",  "-",
                                       "^", "(", ")",  "A", ".", "\n", "\xe4", "aa", "x=1"};
    static const char *const pattern[] = {
        "a",  "b",    ".",    "%a",     "%d",     "%s",    "%w*",   "%p",  "%u",   "%l",
        "%x", "%c",   "%g",   "%A",     "%D",     "%S",    "%W",    "%z",  "[ab]", "[^ab]",
        "*",  "+",    "-",    "?",      "(",      ")",     "()",    "%1",  "%2",   "$",
        "^",  "%b()", "%bab", "%f[%a]", "%f[^a]", "[a-z]", "[%a-]", "[]]", "[^]]", "[",
        "]",  "%",    "[a",   "(a*)",   "(.-)",   "(%w+)", "%%",    "%-",  "x",    "="};
    static const char *const by[] = {"x", "%0", "%1", "%2", "%%", "%", "a", "%9", "\\"};
    struct vm vm = {0};
    struct rnd rnd;
    lua_State *L = new_state(&vm);

    rnd_seed(&rnd, 20261125);
    CHECK_EQ(luaL_loadstring(L, compare), 0);
    for (int i = 0; i < 60000; i++) {
        lua_settop(L, 1);
        lua_pushvalue(L, 1);
        push_random(L, &rnd, text, N(text), 8);
        push_random(L, &rnd, pattern, N(pattern), 6);
        push_random(L, &rnd, by, N(by), 3);
        if (i % 3)
            lua_pushnil(L);
        else
            lua_pushinteger(L, rnd_range(&rnd, -12, 12));
        if (i % 5)
            lua_pushnil(L);
        else
            lua_pushinteger(L, rnd_range(&rnd, -1, 3));
        if (lua_pcall(L, 5, 0, 0) != 0)
            fail_msg("%s", lua_tostring(L, -1));
    }
    lua_close(L);
}

TEST(match_arguments, "wrong arguments raise what LuaJIT's own functions raise")
{
    static const char *const calls[] = {
        "find()",
        "find('a')",
        "find({}, 'a')",
        "find('a', nil)",
        "find('a', 'a', {})",
        "find(12, 1)",
        "match('a', 'b', 'c')",
        "gmatch('a')",
        "gmatch(nil, 'a')",
        "gsub('a', 'b')",
        "gsub('a', 'b', nil)",
        "gsub('a', 'a', true)",
        "gsub('a', 'a', 'b', 'c')",
        "gsub('aa', 'a', function() return {} end)",
        "gsub('a', 'a', {a = print})",
        "gsub('a', '(', 'x')",
        "gsub('abc', '%w', '%2')",
        "find('a', ('('):rep(40))",
        "match(('a'):rep(300), ('a?'):rep(250))",
        "gsub(('a'):rep(10), 'a', '%0%0', 3)",
        "find('', '')",
        "find('', '', 10)",
        "gsub('', '', 'x')",
        "find('abc', '', 4)",
        "match('  x ', '^%s*(.-)%s*$')",
        "find('a\\0b', '\\0', 1, true)",
    };
    struct vm vm = {0};
    lua_State *L = new_state(&vm);

    for (size_t i = 0; i < N(calls); i++) {
        char code[512];
        snprintf(
            code, sizeof code,
            "local function show(ok, ...) local t = {tostring(ok)} "
            "for i = 1, select('#', ...) do t[#t + 1] = tostring((select(i, ...))) end "
            "return (table.concat(t, '|'):gsub('function: .*', 'function')) end "
            "local a = show(pcall(function() return string.%s end)) "
            "local b = show(pcall(function() return mine.%s end)) "
            "if a ~= b then error('LuaJIT ' .. a .. ', ours ' .. b, 0) end",
            calls[i], calls[i]);
        if (luaL_dostring(L, code) != 0)
            fail_msg("%s: %s", calls[i], lua_tostring(L, -1));
    }
    lua_close(L);
}

TEST(match_steps, "a pattern that would take for ever ends with an error, soon")
{
    static const char *const calls[] = {
        "mine.find(('a'):rep(30), ('a?'):rep(30) .. ('a'):rep(30))",
        "mine.match(('a'):rep(1e5), '(.-)(.-)(.-)b')",
        "mine.gsub(('a'):rep(1e5), '.-.-.-b', '')",
        "mine.gmatch(('a'):rep(1e5), '.-.-.-b')()",
        "mine.find(('('):rep(1e5), '%b()')",
    };
    struct vm vm = {0};
    lua_State *L = new_state(&vm);

    for (size_t i = 0; i < N(calls); i++) {
        char code[256];
        snprintf(code, sizeof code, "return %s", calls[i]);
        CHECK_EQ(luaL_loadstring(L, code), 0);
        CHECK(lua_pcall(L, 0, 0, 0) != 0);
        if (!strstr(lua_tostring(L, -1), "the pattern takes too many steps"))
            fail_msg("%s: %s", calls[i], lua_tostring(L, -1));
        lua_settop(L, 0);
    }
    /* What is merely long is not cut off. */
    CHECK_EQ(luaL_dostring(
                 L, "local s = ('word '):rep(2e5) local n = 0 "
                    "for w in mine.gmatch(s, '%a+') do n = n + 1 end "
                    "assert(n == 2e5) assert(select(2, mine.gsub(s, '%s', '')) == 2e5) "
                    "assert(mine.find(s, 'd w', 9e5))"),
             0);
    lua_close(L);
}

TEST(match_zero, "a pattern may hold a zero byte, which is itself")
{
    struct vm vm = {0};
    lua_State *L = new_state(&vm);

    CHECK_EQ(luaL_dostring(L, "assert(mine.match('xa\\0b', 'a\\0(b)') == 'b') "
                              "assert(mine.match('a\\0', '[\\0]') == '\\0') "
                              "assert(mine.gsub('\\0\\0', '%z', '0') == '00')"),
             0);
    lua_close(L);
}

TEST(sort_same, "sort gives what LuaJIT's gives where that is one order, and is stable")
{
    struct vm vm = {0};
    lua_State *L = new_state(&vm);
    const char *code =
        "math.randomseed(7)\n"
        "for round = 1, 300 do\n"
        "  local a, b, n = {}, {}, math.random(0, 60)\n"
        "  for i = 1, n do a[i] = round % 2 == 0 and math.random(1000) or "
        "tostring(math.random()) "
        "b[i] = a[i] end\n"
        "  local f = round % 3 == 0 and function(x, y) return x > y end or nil\n"
        "  table.sort(a, f) mine.sort(b, f)\n"
        "  for i = 1, n do assert(a[i] == b[i], round) end\n"
        "end\n"
        "local t = {} for i = 1, 100 do t[i] = {k = i % 3, i = i} end\n"
        "mine.sort(t, function(x, y) return x.k < y.k end)\n"
        "for i = 2, 100 do assert(t[i - 1].k < t[i].k or t[i - 1].i < t[i].i) end\n"
        "for _, bad in ipairs {{1, 'x'}, {{}, {}}, {1, 2, true}} do\n"
        "  local x = {pcall(table.sort, bad)} local y = {pcall(mine.sort, bad)}\n"
        "  assert(x[1] == false and y[1] == false, y[2])\n"
        "  assert(y[2]:find('attempt to compare'), y[2])\n"
        "end\n"
        "assert(not pcall(mine.sort, 5) and not pcall(mine.sort, {1, 2}, 5))\n"
        "mine.sort({3, 1, 2, 5, 4}, function() return true end)\n"
        "assert(not pcall(mine.sort, {2, 1}, function() error 'x' end))\n";

    if (luaL_dostring(L, code) != 0)
        fail_msg("%s", lua_tostring(L, -1));
    lua_close(L);
}

TEST(sort_killer, "an input made to slow a quicksort down is sorted as fast as any other")
{
    struct vm vm = {0};
    lua_State *L = new_state(&vm);
    /* Counting comparisons: McIlroy's adversary against any quicksort. */
    const char *code =
        "local n, calls, solid, candidate = 3000, 0, 0, 0\n"
        "local value, list = {}, {}\n"
        "for i = 1, n do value[i] = n + 1 list[i] = i end\n"
        "mine.sort(list, function(x, y)\n"
        "  calls = calls + 1\n"
        "  if value[x] > n and value[y] > n then solid = solid + 1 "
        "value[x == candidate and x or y] = solid end\n"
        "  if value[x] > n then candidate = x elseif value[y] > n then candidate = y end\n"
        "  return value[x] < value[y]\n"
        "end)\n"
        "assert(calls < 36000, calls)\n";

    if (luaL_dostring(L, code) != 0)
        fail_msg("%s", lua_tostring(L, -1));
    lua_close(L);
}
