/* SPDX-License-Identifier: MIT */
/*
 * runaways - Lua that does not return, one kind a line, for tests and benchmarks.
 * Each is the body of a callback with `room` and `player`; what games must not have
 * (ffi, collectgarbage) is not used.
 */
#pragma once

static const char *const runaways[] = {
    "while true do end",
    "local i = 0 while true do i = i + 1 end",
    "local function f() return f() end f()",
    "while true do pcall(function() while true do end end) end",
    "local t = {} while true do for i = 1, 1000 do t[i] = i end end",
    "while true do local co = coroutine.wrap(function() repeat until false end) pcall(co) "
    "end",
    "local s = '' while true do s = s .. 'x' if #s > 1000 then s = '' end end",
    "repeat until false",
    "local x = 0 for i = 1, math.huge do x = x + i % 7 end",
    "while true do local ok = pcall(error, 'x') end",
    "goto a ::a:: goto a",
    "::b:: local x = 1 goto b",
    "local function g(n) if n == 0 then return 0 end return 1 + g(n - 1) end while true do "
    "g(50) end",
    "for k, v in function() return 1 end do end",
    "while true do string.find('aaaaaaaa', 'b') end",
    "while true do string.format('%d', 3) end",
    "while true do local t = setmetatable({}, {__index = function(t, k) return k end}) "
    "local x = t.foo end",
    "while true do xpcall(function() while true do end end, function(e) while true do end "
    "end) end",
    "while true do pcall(string.gsub, 'aaaaaa', 'a', function() while true do end end) end",
    "while true do pcall(table.sort, {3, 2, 1, 5, 6, 7}, function(a, b) while true do end "
    "end) end",
    "local t = {} while true do t[#t + 1] = {} if #t > 5000 then t = {} end end",
    "local function lp() local ok, e = pcall(lp2) return lp() end function lp2() while "
    "true "
    "do end end while true do pcall(lp) end",
    "while true do local co = coroutine.create(function() while true do coroutine.yield(1) "
    "end end) for i = 1, 100 do coroutine.resume(co) end end",
    "while true do tostring(setmetatable({}, {__tostring = function() while true do end "
    "end})) end",
    "local a = setmetatable({}, {__lt = function() return true end}) "
    "local b = setmetatable({}, getmetatable(a)) while a < b do end",
    "while true do load('return 1')() end",
    "local t = {} for i = 1, 1000 do t[i] = i end while true do for k, v in pairs(t) do "
    "t[k] = v + 1 end end",
    "local t = {} for i = 1, 1000 do t[i] = i end while true do for k, v in ipairs(t) do "
    "t[k] = v + 1 end end",
    "local t = {} for i = 1, 1000 do t[i] = 'x' end while true do table.concat(t) end",
    "local function r() return pcall(r) end while true do r() end",
    "local function r() pcall(r) pcall(r) end r() while true do r() end",
    "local co = coroutine.wrap(function() while true do pcall(coroutine.yield, 1) end end) "
    "while true do co() end",
    "for i = 1, 1e18 do local a = math.floor(i / 3) end",
    "while true do local ok, e = pcall(function() error({}) end) end",
    "local n = 0 while true do n = bit.bxor(n, 12345) end",
    "while true do local t = {} for k in pairs {a = 1, b = 2, c = 3} do t[k] = k end end",
    /* C functions that can take for ever, or call back */
    "local s = ('a'):rep(30) while true do pcall(string.find, s, ('a?'):rep(30) .. s) end",
    "local s = ('a'):rep(1e6) .. 'b' while true do pcall(s.match, s, '(.-)(.-)(.-)c') end",
    "while true do (('x'):rep(1e5)):gsub('', 'y') end",
    "while true do for w in (('x '):rep(1e5)):gmatch('%a+') do end end",
    "local t = {} while true do for i = 1, 1e5 do t[i] = i * 7919 % 1e5 end table.sort(t) "
    "end",
    "while true do table.concat({('x'):rep(1e6), ('y'):rep(1e6)}) end",
    "local s = ('a'):rep(1e6) while true do s:find(('a'):rep(5e5) .. 'b', 1, true) end",
    /* the room's own API */
    "while true do room:random(1, 6) end",
    "while true do pcall(room.send, room, 'x') end",
    "while true do room:cancel(room:after(1000, 'x')) end",
    "while true do for id, frog in require('parlor').each(room.state.frogs) do frog.x = 3 "
    "end end",
    "while true do room.state.frogs[5] = {x = 1} room.state.frogs[5] = nil end",
    "while true do room.state.frogs = {} end",
    "local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end}) "
    "while true do pcall(function() return t[1] end) end",
    "local t = setmetatable({}, {__call = function(self) return self() end}) t()",
    "local t = setmetatable({}, {__concat = function(a, b) return a .. b end}) "
    "while true do pcall(function() return t .. t end) end",
    "local mt = {} mt.__newindex = function(t, k, v) t[k] = v end "
    "while true do pcall(function() setmetatable({}, mt).x = 1 end) end",
    "while true do local f = coroutine.wrap(function(...) return f(...) end) pcall(f) end",
    "while true do select('#', unpack({}, 1, 7000)) end",
    "while true do tostring(1 / 3) tonumber('0x1p4') end",
    "local i = 1LL while true do i = i + 1LL end",
};

enum { N_RUNAWAYS = sizeof runaways / sizeof *runaways };
