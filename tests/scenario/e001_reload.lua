-- SPDX-License-Identifier: MIT
-- New code under people who play.

local source = [[
local g = parlor.game { tick_rate = 20, reconnect = 30,
  state = { n = s.u32, frogs = s.map { FIELDS x = s.fixed {min = 0, max = 40, step = 1/64} } },
  messages = { MESSAGES hop = { dx = s.i8 } }, events = { EVENTS zap = { x = s.u8 } } }
function g:join(p) self.state.frogs[p.id] = { x = 20 } end
function g.on.hop(room, p, m)
  local f = room.state.frogs[p.id]
  f.x = math.min(40, math.max(0, f.x + m.dx * (SCALE)))
  room.state.n = room.state.n + 100 + m.dx
  room:broadcast("zap", { x = 9 })
end
function g:reloaded(old) self:broadcast("zap", { x = old }) self.state.n = self.state.n + 1 end
function g:leave(p) self.state.frogs[p.id] = nil end
return g
]]

local function with(change)
  return (source:gsub("[A-Z][A-Z]+", function(word)
    return change[word] or ({ SCALE = "1" })[word] or ""
  end))
end

-- Another schema: what it names comes first in byte order, so all places move.
local other = { FIELDS = "a = s.str(8),", MESSAGES = "dance = { dx = s.u32 },", EVENTS = "boom = {}," }

test("the same schema: the new code runs, nobody is told of a new one, nothing is lost", function()
  game("g", with {})
  local a, b = join "g", join("g", { codec = "binary" })
  step(50)
  a:send("hop", { dx = 3 })
  step(50)
  a:story() b:story()
  expect_eq(edit("g", with { SCALE = "2" }), true)
  step(50)
  expect_eq(a:story(), "delta zap")
  expect_eq(b:story(), "delta zap")
  a:send("hop", { dx = 3 }) b:send("hop", { dx = -1 })
  step(50)
  expect_eq({ a:state().frogs["1"].x, a:state().frogs["2"].x }, { 29, 18 })
  expect_eq(b:state(), a:state())
end)

test("another schema: it is told, a snapshot follows, the state is kept", function()
  game("g", with {})
  local a, b, c = join "g", join("g", { codec = "binary" }), join("g", { codec = "plain" })
  step(50)
  a:send("hop", { dx = 3 }) b:send("hop", { dx = 1 })
  step(50)
  for _, p in ipairs { a, b, c } do p:story() end
  expect_eq(edit("g", with(other)), true)
  step(50)
  local mine, its = tostring(a.id), tostring(b.id)
  expect_eq(a:story(), "snapshot zap")
  expect_eq(b:story(), "schema snapshot zap")
  expect_eq(c:story(), "snapshot zap")
  expect_eq(a:state().frogs[mine], { a = "", x = 23 })
  expect_eq(b:state(), a:state())
  for _, p in ipairs { a, b, c } do p:send("hop", { dx = 1 }) end
  step(50)
  expect_eq(a:state().frogs[its].x, 22)
  expect_eq(c:state(), a:state())
  expect_eq(b:state(), a:state())
  a:send("dance", { dx = 1 }) b:send("dance", { dx = 1 })
  step(50)
  expect_eq(a.closed, nil)
end)

test("inputs by the old schema, in flight over a reload, are still understood", function()
  game("g", with {})
  local b = join("g", { codec = "binary", delay = 70, jitter = 60 })
  local a = join "g"
  step(500)
  local sent = 0
  for round = 1, 6 do
    for _ = 1, 20 do
      local dx = random(5) - 3
      sent = sent + 100 + dx
      b:send("hop", { dx = dx })
      step(random(15))
    end
    expect_eq(edit("g", with(round % 2 == 1 and other or {})), true)
  end
  step(500)
  expect_eq(b.closed, nil)
  expect_eq(a:state().n, 6 + sent, "each was taken for what it was, once")
  expect_eq(b:state(), a:state())
end)

test("messages right before and right behind SCHEMA OK, all in one tick, are told apart", function()
  game("g", with {})
  local a = join("g", { codec = "binary" })
  step(50)
  a.is_mute = true
  local old = a.schema
  edit("g", with(other))
  step(50)
  local new = a.schema
  a.schema = old
  a:send("hop", { dx = 1 }) -- message 0 of the old, which is `dance` in the new
  a:bytes("\136" .. play_wire.le(new.hash, 4))
  a.schema = new
  a:send("hop", { dx = 2 })
  a:bytes("\136" .. play_wire.le(old.hash, 4)) -- nobody goes back
  a:send("hop", { dx = 4 })
  step(50)
  expect_eq(a:state().frogs["1"].x, 27)
end)

test("an answer to a schema that is old already is understood too", function()
  game("g", with {})
  local a = join("g", { codec = "binary" })
  step(50)
  a.is_mute = true
  edit("g", with(other))
  step(50)
  local second = a.schema
  edit("g", with { FIELDS = "b = s.u8,", MESSAGES = "a = {}, b = { x = s.str }," })
  a:bytes("\136" .. play_wire.le(second.hash, 4))
  a:send("hop", { dx = 5 })
  step(50)
  expect_eq(a:state().frogs["1"].x, 25)
  a:bytes("\136" .. play_wire.le(a.schema.hash, 4))
  a:send("hop", { dx = 5 })
  step(50)
  expect_eq(a:state().frogs["1"].x, 30)
end)

test("who comes back after a reload encodes by the schema that it offers", function()
  for _, knows in ipairs { true, false } do
    game(knows and "g" or "h", with {})
    local name = knows and "g" or "h"
    local a = join(name, { codec = "binary" })
    step(50)
    a.is_mute = true -- its SCHEMA OK is lost
    local old = a.schema
    if not knows then a:cut() end
    edit(name, with(other))
    step(50)
    expect_eq(a.schema ~= old, knows)
    a:story()
    a:resume()
    a:send("hop", { dx = 3 }) -- right behind the hello, by what it holds
    step(50)
    expect_eq(a:story(), knows and "hello keys delta zap" or "hello schema keys snapshot zap")
    expect_eq(a:state().frogs["1"].x, 23, "knows: " .. tostring(knows))
    expect_eq(a.closed, nil)
  end
end)

test("event-driven: events that wait over a reload leave by the schema they were written in", function()
  local function chat(fields)
    return ([[
      local g = parlor.game { tick_rate = 0, sync_rate = 1, state = { n = s.u8 }, events = { FIELDS zap = { x = s.u8 } } }
      function g:message(p) self.state.n = 5 self:broadcast("zap", { x = 7 }) end
      function g:reloaded() self:broadcast("zap", { x = 8 }) end
      return g
    ]]):gsub("FIELDS", fields)
  end
  game("g", (chat ""))
  local a, b = join("g", { codec = "binary" }), join "g"
  step(1500)
  a:send("x")
  step(600)
  a:story() b:story()
  a:send("x")
  step(100)
  local late = join("g", { codec = "binary" })
  step(0)
  expect_eq(edit("g", (chat "boom = { s = s.str },")), true)
  step(1500)
  expect_eq(a:story(), "zap schema snapshot zap")
  expect_eq(b:story(), "zap snapshot zap")
  expect_eq(late:story(), "hello schema keys snapshot schema snapshot zap")
  expect_eq(late:state(), a:state())
end)

test("a broken script changes nothing but says so", function()
  game("g", with {})
  local a = join "g"
  step(50)
  for _, bad in ipairs { "this is not Lua", "return 1", "error('no')", "local g = parlor.game { tick_rate = -1 } return g" } do
    local ok, why = edit("g", bad)
    expect(not ok and #why > 0)
    rig.errors()
    a:send("hop", { dx = 1 })
    step(50)
  end
  expect_eq(a:state().frogs["1"].x, 24)
  expect_eq(edit("g", with {}), true)
end)

test("a script that did not load is mended by a save", function()
  rig.write("g", "game.lua", "nonsense")
  expect(not rig.open "g")
  rig.errors()
  local a = connect("g", {}):hello()
  step(50)
  expect_eq(a.closed.code, 4002)
  expect_eq(edit("g", with {}), true)
  local b = join "g"
  step(50)
  expect_eq(b:story(), "hello snapshot")
end)

for _, to in ipairs { true, false } do
  test(("a game that becomes %s ends its rooms: its players speak another protocol"):format(to and "raw" or "not raw"), function()
    local raw = "local g = parlor.game { raw = true } function g:message(p, d, t) p:send(d, t) end return g"
    local not_raw = [[
      local g = parlor.game { tick_rate = 0, sync_rate = 1 }
      function g:message(p, name) p:send(name) self:broadcast(name) end
      return g ]]
    game("g", to and not_raw or raw)
    local a, b = join("g", { codec = to and "json" or "raw" }), join("g", { codec = to and "binary" or "raw" })
    step(1500)
    a:send("x", true) b:send("x", true) -- answers wait for a flush
    step(1)
    a:send("y", true)
    step(1)
    expect_eq(edit("g", to and raw or not_raw), true)
    step(100)
    expect_eq(a.closed.code, 4008)
    expect_eq(b.closed.code, 4008)
    expect_eq({ rig.rooms "g" }, { {}, 0, 0 })
  end)
end

test("rooms that close in `reloaded`, and rooms nobody is in, survive each other", function()
  game("g", "local g = parlor.game { tick_rate = 0 } return g")
  for i = 1, 20 do join("g", { room = "r" .. i, codec = codecs[i % 2 + 1] }) end
  step(100)
  edit("g", [[
    local g = parlor.game { tick_rate = 0, state = { n = s.u8 } }
    function g:reloaded() if tonumber(self.id:sub(2)) % 2 == 0 then self:close() end for _, p in pairs(self.players) do p:kick() end end
    return g ]])
  step(100)
  expect_eq({ rig.rooms "g" }, { {}, 0, 0 })
end)

test("values that the new schema refuses fall back, and the room goes on", function()
  game("g", [[
    local g = parlor.game { tick_rate = 20, state = { v = s.u32, m = s.map { x = s.u32 } } }
    function g:join(p) self.state.v = 70000 self.state.m[p.id] = { x = 70000 } end
    return g ]])
  local a, b = join "g", join("g", { codec = "binary" })
  step(50)
  expect_eq(edit("g", [[
    local g = parlor.game { tick_rate = 20, state = { v = s.u8, m = s.map { x = s.u8, y = s.u8 } } }
    function g:message(p) self.state.v = 3 self.state.m[p.id].x = 4 end
    return g ]]), true)
  step(50)
  expect(rig.errors():find("70000", 1, true))
  expect_eq(b:state(), a:state())
  a:send("x")
  step(50)
  expect_eq(a:state().v, 3)
  expect_eq(a:state().m["1"].x, 4)
  expect_eq(b:state(), a:state())
  rig.errors()
end)
