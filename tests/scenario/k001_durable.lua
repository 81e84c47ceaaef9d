-- SPDX-License-Identifier: MIT
-- Durable rooms: what comes back after the process has ended, in order or not.

local source = [[
local g = parlor.game { tick_rate = RATE, reconnect = 30, durable = DURABLE,
  state = { n = s.u32, word = s.str, deep = { x = s.f32, list = s.list(s.u8) }, free = s.any,
    secret = s.u32 {to = "server"}, FIELDS
    ants = s.map({ x = s.fixed {min = -8, max = 8, step = 1/8}, name = s.str(8), mine = s.u8 {to = "owner"},
      hidden = s.f64 {to = "server"} }),
    tiles = s.map({ kind = s.enum {"a", "b"} }, { keys = "integer" }),
    quotes = s.map({ bid = s.f64, who = s.opt(s.uint) }, { keys = "string", interest = s.keys }) },
  messages = { add = { n = s.u8 } } }
function g:create() CREATE self.private = 1 self.state.tiles[-3] = { kind = "b" } self.state.quotes.A = { bid = 1.5 } self.state.quotes.B = { bid = 2 } end
function g:join(p) self.state.ants[p.id] = { x = p.id / 8, name = p.name, mine = p.id + 100, hidden = 0.1 } p:watch("quotes", "B") end
function g.on.add(room, p, m) room.state.n = room.state.n + m.n end
function g:message(p, name, data)
  local st = self.state
  if name == "set" then st.word, st.deep.x, st.deep.list, st.free, st.secret = "wörd", 0.5, { 1, 2, 3 }, { a = { 1, "x", true } }, 4711
  elseif name == "look" then
    return { secret = st.secret, hidden = st.ants[p.id].hidden, tick = self.tick, time = self.time, private = self.private,
      order = self:order(), rebuilt = self.rebuilt, name = p.name, user = p.user, drops = self.drops, dice = self:random(1, 1e9) }
  elseif name == "put" then st.tiles[data] = { kind = "b" }
  elseif name == "cut" then st.tiles[data] = nil
  elseif name == "later" then self:after(data, "bell", { "x", 7 }, nil, "end")
  elseif name == "beat" then self:every(data, "beat")
  elseif name == "bad" then self:after(5000, "bell", function() end)
  elseif name == "close" then self:close()
  elseif name == "label" then self:label { mode = data } self:lock(true)
  end
end
function g:order() local list = {} for k in parlor.each(self.state.tiles) do list[#list + 1] = k end return list end
function g:bell(a, b, c) self.state.word = a[1] .. a[2] .. tostring(b) .. c end
function g:beat() self.state.n = self.state.n + 1 end
function g:drop(p) self.drops = (self.drops or 0) + 1 end
function g:leave(p) self.state.ants[p.id] = nil end
function g:reloaded(old, is_rebuilt) self.rebuilt = is_rebuilt EXTRA end
return g
]]

local function text(with)
  with = with or {}
  return (source:gsub("%u%u%u+", function(word)
    return with[word] or ({ RATE = "20", DURABLE = "true" })[word] or ""
  end))
end

local function ask(c, name, data)
  c:fresh()
  c:request(name, data)
  step(100)
  return c:fresh("reply")[1].data
end

for _, rate in ipairs { "20", "0" } do
  for _, codec in ipairs(codecs) do
    for _, how in ipairs { "stop", "kill" } do
      test(("all that is declared comes back, and the seats: %s, rate %s, %s"):format(codec, rate, how), function()
        game("g", text { RATE = rate })
        local a = join("g", { room = "den", name = "ann", codec = codec })
        local b = join("g", { room = "den", name = "bob", codec = codec })
        step(200)
        a:send "set"
        for _, key in ipairs { 9, 4, 7, 1 } do
          a:send("put", key)
          step(60)
        end
        a:send("cut", 4)
        b:send("add", { n = 5 })
        step(1000)
        local before, dice = a:state(), ask(a, "look")
        if how == "stop" then a:send("add", { n = 1 }) a:pump() before.n = before.n + 1 else step(1000) end
        restart(how == "kill")
        expect_eq(#rooms "g", 1)
        expect_eq({ a.conn, b.conn }, {})
        a:resume()
        b:resume()
        step(200)
        expect_eq(a.hello_said.resumed, false, "what was on its way is lost")
        expect_eq({ a.id, b.id }, { 1, 2 })
        expect_eq(a:state(), before)
        expect_eq(a:state().quotes, { B = before.quotes.B }, "it watches what it has watched")
        local now = ask(a, "look")
        expect_eq({ now.secret, now.hidden, now.name, now.private, now.rebuilt, now.drops },
          { 4711, 0.1, "ann", nil, true, 2 })
        expect_eq(now.order, { -3, 9, 7, 1 })
        expect(now.tick >= dice.tick and now.time >= dice.time, "time goes on")
        expect(now.tick < dice.tick + 100, "from where it was")
        a:send("add", { n = 2 })
        step(200)
        expect_eq(b:state().n, before.n + 2)
        local c = join("g", { room = "den", codec = codec })
        step(200)
        expect_eq(c.id, 3)
      end)
    end
  end
end

test("after a kill the state is no older than a second, whenever it comes", function()
  for i = 1, 12 do
    if i == 1 then game("g", text { CREATE = "self:every(50, 'beat')" }) end
    local a = join("g", { room = "r" .. i })
    step(1500 + i * 83)
    local n = a:state().n
    restart(true)
    a:resume()
    step(60)
    expect(a:state().n > n - 21 and a:state().n <= n + 3, a:state().n .. " after " .. n)
    a:leave()
    step(200)
  end
end)

test("timers go on, with their arguments; one that cannot be kept is reported", function()
  game("g", text())
  local a = join "g"
  step(100)
  a:send("later", 3000)
  a:send("beat", 500)
  step(1000)
  restart()
  a:resume()
  step(1000)
  expect_eq(a:state().word, "")
  step(1100)
  expect_eq(a:state().word, "x7nilend")
  local n = a:state().n
  expect(n >= 5 and n <= 7, n)
  a:send "bad"
  step(3000)
  local said = rig.errors()
  expect(said:find("a timer of bell is not kept with the room, because of its arguments", 1, true), said)
  local _, times = said:gsub("is not kept", "")
  expect_eq(times, 1)
end)

test("who does not come back in time leaves, and an empty room is forgotten", function()
  game("g", text())
  local a, b = join("g", { room = "den" }), join("g", { room = "den" })
  local c = join("g", { room = "den", codec = "plain" })
  step(1000)
  b:cut()
  step(20000)
  restart()
  expect_eq(the_room("g").seats, 3)
  a:resume()
  step(500)
  expect_eq(the_room("g").seats, 2, "a connection without subprotocol has no way back")
  expect_eq(a:state().ants[tostring(c.id)], nil)
  step(11000)
  expect_eq(the_room("g").seats, 1, "bob had 10 s left")
  restart(true)
  step(29000)
  expect_eq(#rooms "g", 1)
  step(2000)
  expect_eq(#rooms "g", 0)
  restart(true)
  expect_eq(#rooms "g", 0)
end)

test("a room that closes is forgotten, one that stays is not", function()
  game("g", text())
  local a, b = join("g", { room = "den" }), join("g", { room = "attic" })
  step(1000)
  a:send "close"
  step(100)
  expect_eq(a.closed.code, 4008)
  restart(true)
  expect_eq(the_room("g").id, "attic")
  a:resume()
  step(100)
  expect_eq(a.closed.code, 4002)
  b:resume()
  step(100)
  expect_eq(b.closed, nil)
end)

test("labels, lock and privacy stay", function()
  game("g", text())
  local a = join("g", { private = true })
  step(100)
  a:send("label", "duel")
  step(1000)
  restart()
  a:resume()
  step(100)
  expect_eq(a.hello_said.private, true)
  local b = join "g"
  step(100)
  expect_eq(#rooms "g", 2, "a locked room takes nobody by chance")
  expect(b.id == 1)
end)

test("newer code takes the saved state over by names", function()
  game("g", text())
  local a = join("g", { room = "den", name = "ann" })
  step(100)
  a:send "set"
  a:send("put", 5)
  a:send("add", { n = 200 })
  a:send("add", { n = 100 })
  step(1000)
  local wider = text { FIELDS = "extra = s.str(8) {default = 'new'}," }
  wider = wider:gsub("n = s.u32,", "n = s.u8,"):gsub("word = s.str,", "word = s.u8,"):gsub('kind = s.enum {"a", "b"}', 'kind = s.str(4), more = s.bool {default = true}')
  rig.write("g", "game.lua", 'local parlor = require "parlor"\nlocal s = parlor.schema\n' .. wider)
  restart()
  local said = rig.errors()
  expect(said:find('word: "w.-rd" cannot become u8; the default is in its place'), said)
  a:resume()
  step(100)
  local st = a:state()
  expect_eq({ st.n, st.word, st.extra, st.deep.list }, { 255, 0, "new", { 1, 2, 3 } })
  expect_eq(st.tiles["5"], { kind = "b", more = true })
  expect_eq(st.ants["1"].name, "ann")
  step(1000)
  restart(true)
  a:resume()
  step(100)
  expect_eq(a:state(), st, "and was saved so")
end)

test("rooms wait in the store while their game does not load, or is not durable", function()
  game("h", text())
  local a = join("h", { room = "den" })
  step(1000)
  rig.write("h", "game.lua", "this is no Lua")
  restart()
  expect_eq(#rooms "h", 0, "no code, no rooms")
  expect(rig.errors():find("game.lua:1", 1, true))
  rig.write("h", "game.lua", 'local parlor = require "parlor"\nlocal s = parlor.schema\n' .. text())
  rig.reload "h"
  expect_eq(#rooms "h", 1, "but they wait for it")
  a:resume()
  step(100)
  expect_eq(a:state().ants["1"].mine, 101)
  rig.write("h", "game.lua", 'local parlor = require "parlor"\nlocal s = parlor.schema\n' .. text { DURABLE = "false" })
  restart()
  expect_eq(#rooms "h", 0, "nor where the game does not want them")
  rig.write("h", "game.lua", 'local parlor = require "parlor"\nlocal s = parlor.schema\n' .. text())
  restart()
  expect_eq(#rooms "h", 1)
end)

test("a room that does not fit into the memory is set aside, small ones come back", function()
  local function large(memory)
    return ([[
local g = parlor.game { durable = true, memory = MEMORY, state = { a = s.text(2^20), b = s.text(2^20), c = s.text(2^20),
  d = s.text(2^20), e = s.text(2^20), f = s.text(2^20), g = s.text(2^20), n = s.u8 } }
function g:message(p, name) local st = self.state
  if name == "fill" then for _, k in ipairs { "a", "b", "c", "d", "e", "f", "g" } do st[k] = k:rep(10^6) end else st.n = 7 end end
return g]]):gsub("MEMORY", memory)
  end
  game("g", large "64")
  local a, b, c = join("g", { room = "big", codec = "binary" }), join("g", { room = "a" }), join("g", { room = "z" })
  step(100)
  a:send "fill"
  b:send "mark"
  c:send "mark"
  step(1000)
  rig.write("g", "game.lua", 'local parlor = require "parlor"\nlocal s = parlor.schema\n' .. large "4")
  restart()
  local said = rig.errors()
  expect(said:find("memory", 1, true), said)
  local list = rooms "g"
  expect_eq(#list, 2)
  b:resume()
  c:resume()
  step(100)
  expect_eq({ b:state().n, c:state().n }, { 7, 7 })
  rig.write("g", "game.lua", 'local parlor = require "parlor"\nlocal s = parlor.schema\n' .. large "64")
  restart()
  expect_eq(#rooms "g", 2, "set aside is set aside")
end)

test("a game that is not durable keeps nothing, and a raw one cannot be", function()
  game("g", text { DURABLE = "false" })
  local a = join "g"
  step(2000)
  restart()
  expect_eq(#rooms "g", 0)
  a:resume()
  step(100)
  expect_eq(a.closed.code, 4002)
  edit("g", "return parlor.game { raw = true, durable = true }")
  expect(rig.errors():find("durable: a raw game has no declared state to keep", 1, true))
end)
