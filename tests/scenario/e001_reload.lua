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
    expect_eq(a:story(), knows and "hello keys delta zap" or "hello schema keys snapshot zap zap", "of the reload, and of the hop")
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

test("values that the new schema has no room for are brought into its range", function()
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
  expect_eq({ a:state().v, a:state().m["1"] }, { 255, { x = 255, y = 0 } })
  expect_eq(b:state(), a:state())
  a:send("x")
  step(50)
  expect_eq(a:state().v, 3)
  expect_eq(a:state().m["1"].x, 4)
  expect_eq(b:state(), a:state())
end)

-- What a room keeps when a field's type changes: { old type, value, new type, value }.
local changes = {
  { "s.u32", "70000.0", "s.str(3)", '"700"' }, { "s.str", '"12"', "s.u8", "12" },
  { "s.f64", "2.5", "s.i8", "3" }, { "s.i32", "-5", "s.u8", "0" }, { "s.u8", "2", "s.bool", "true" },
  { "s.bool", "true", "s.u8", "1" }, { "s.f32", "-1e9", "s.fixed {min=-2, max=2, step=1}", "-2" },
  { "s.enum {'a', 'b'}", '"b"', "s.enum {'b', 'c'}", '"b"' }, { "s.enum {'a', 'b'}", '"b"', "s.str", '"b"' },
  { "s.str", '"c"', "s.enum {'b', 'c'}", '"c"' }, { "s.str", '"0.5"', "s.f64", "0.5" },
  { "s.str", '"grüezi"', "s.str(3)", '"gr"' },
  -- composed values, by their items
  { "s.list(s.u32)", "{ 300, 4 }", "s.list(s.u8)", "{ 255, 4 }" }, { "s.list(s.u8)", "{ 1, 2 }", "s.list(s.str)", '{ "1", "2" }' },
  { "s.list({ a = s.u8 })", "{ { a = 200 } }", "s.list({ a = s.i8, b = s.u8 })", "{ { a = 127, b = 0 } }" },
  { "s.opt(s.u8)", "5", "s.u8", "5" }, { "s.u8", "5", "s.opt(s.u8)", "5" }, { "s.opt(s.u16)", "500", "s.opt(s.u8)", "255" },
  { "s.opt(s.u8)", "nil", "s.u8 {default=3}", "3" }, { "s.opt({ a = s.u16 })", "{ a = 300 }", "{ a = s.u8 }", "{ a = 255 }" },
  { "s.map(s.u16, {keys='string'})", "{ ['7'] = 300 }", "s.map(s.u8, {keys='integer'})", "{ ['7'] = 255 }" },
  { "s.list(s.u8)", "{ 4, 5 }", "s.map(s.u8, {keys='integer'})", "{ ['1'] = 4, ['2'] = 5 }" },
  { "s.text", '"long"', "s.str(2)", '"lo"' }, { "s.str", '"5"', "s.text", '"5"' }, { "s.str", '"abc"', "s.bytes(2)", '"YWI="' },
  { "s.bytes", '"abc"', "s.str", '"abc"' }, { "s.any", "{ 1, { 2 } }", "s.list(s.any)", "{ 1, { 2 } }" },
  { "s.u8", "7", "s.any", "7" }, { "s.list(s.u8)", "{ 7 }", "s.any", "{ 7 }" }, { "{ a = s.u8 }", "{ a = 7 }", "s.any", "{ a = 7 }" },
  { "s.list(s.list(s.u16))", "{ { 1 }, { 300 } }", "s.list(s.list(s.u8))", "{ { 1 }, { 255 } }" },
  { "s.list(s.u8, {max=3})", "{ 1, 2, 3 }", "s.list(s.u8, {max=2})", "{ 1, 2 }", "cut to 2 items" },
  { "s.list(s.str)", '{ "1", "ten" }', "s.list(s.u8)", "{ 1, 0 }", "ten" }, { "s.list(s.u8)", "{ 1 }", "s.u8", "0", "table" },
  { "s.map(s.str, {keys='string'})", "{ a = '1', b = 'ten' }", "s.map(s.u8, {keys='string'})", "{ a = 1 }", "ten" },
  { "s.map(s.u8, {keys='string'})", "{ a = 1, ['2'] = 2 }", "s.map(s.u8)", "{ ['2'] = 2 }", "cannot be a key by player" },
  { "s.bytes", '"\\255"', "s.text", '""', "cannot become text" }, { "s.u8", "7", "s.list(s.u8)", "{}", "7" },
  { "s.map(s.u8, {keys='string', max=2})", "{ a = 1, b = 2 }", "s.map(s.u8, {keys='string', max=1})", "{ a = 1 }", "cut to 1 values" },
  -- nothing sensible: the default, and a word about it
  { "s.enum {'a', 'b'}", '"b"', "s.enum {'x', 'y'}", '"x"', "b" }, { "s.str", '"ten"', "s.u8 {default=7}", "7", "ten" },
  { "s.u8", "5", "{ deep = s.u8 {default=9} }", "{ deep = 9 }", "5" },
  { "{ deep = s.u8 }", "{ deep = 4 }", "s.u8", "0", "table" },
  { "{ a = s.u8 }", "{ a = 200 }", "{ a = s.i8, b = s.u8 }", "{ a = 127, b = 0 }" },
}

test("a field of another type is converted, or takes its default and says which", function()
  for i, c in ipairs(changes) do
    local name = "g" .. i
    local function source(kind, value)
      return ([[
        local g = parlor.game { tick_rate = 20, state = { v = %s, m = s.map({ w = %s }, { keys = "string" }) } }
        function g:join() if %q ~= "" then self.state.v = %s self.state.m.k = { w = %s } end end
        return g ]]):format(kind, kind, value, value ~= "" and value or "0", value ~= "" and value or "0")
    end
    game(name, source(c[1], c[2]))
    local a, b = join(name), join(name, { codec = "binary" })
    step(50)
    expect_eq(edit(name, source(c[3], "")), true)
    step(50)
    local want = loadstring("return " .. c[4])()
    expect_eq({ a:state().v, a:state().m.k.w }, { want, want }, c[1] .. " to " .. c[3])
    expect_eq(b:state(), a:state())
    local said = rig.errors()
    if c[5] then
      expect(said:find("v[%[:]") and said:find("m[k].w", 1, true), "the paths: " .. said)
      expect(said:find(c[5], 1, true), "the value: " .. said)
    else
      expect_eq(said, "")
    end
  end
end)

test("maps change the kind of their keys, and fields become maps or the other way", function()
  game("g", [[
    local g = parlor.game { tick_rate = 20, state = { n = s.u8, gone = s.map { x = s.u8 },
      a = s.map({ x = s.u8 }, { keys = "integer" }), b = s.map({ x = s.u8 }, { keys = "string" }) } }
    function g:join(p)
      self.state.n = 5
      self.state.gone[p.id] = { x = 1 }
      self.state.a[-3], self.state.a[7] = { x = 1 }, { x = 2 }
      self.state.b["12"], self.state.b.word = { x = 3 }, { x = 4 }
    end
    return g ]])
  local a = join "g"
  step(50)
  expect_eq(edit("g", [[
    return parlor.game { tick_rate = 20, state = { gone = s.u8, n = s.map { x = s.u8 },
      a = s.map({ x = s.u8 }, { keys = "string" }), b = s.map { x = s.u8 } } } ]]), true)
  step(50)
  expect_eq(a:state(), { gone = 0, n = {}, a = { ["-3"] = { x = 1 }, ["7"] = { x = 2 } }, b = { ["12"] = { x = 3 } } })
  local said = rig.errors()
  for _, part in ipairs { 'b["word"]', "gone: a map cannot become u8", "n: 5 cannot become a map" } do
    expect(said:find(part, 1, true), part .. " in " .. said)
  end
end)

-- A ship whose fields' audience, and that of the map, change from one version to the next.
local function audience(name, cargo, fuel, options)
  return ([[
    local g = parlor.game { tick_rate = 20, state = { ships = s.map({ x = s.i16, y = s.i16,
      cargo = s.list(s.u8) %s, fuel = s.u8 %s }, { %s }) } }
    function g:join(p) self.state.ships[p.id] = self.state.ships[p.id] or { x = p.id * 100, cargo = { p.id, 7 }, fuel = 40 } end
    function g:message(p, name, v)
      if name == "burn" then self.state.ships[p.id].fuel = v
      elseif name == "view" then p:view(v)
      elseif name == "watch" then p:watch("ships", v)
      elseif name == "fuel" then return self.state.ships[p.id].fuel end
    end
    return g ]]):format(cargo, fuel, options), name
end
local near = "interest = s.near {x = 'x', y = 'y', see = 150, forget = 160}"
local tight = "interest = s.near {x = 'x', y = 'y', see = 10}"

for _, codec in ipairs(codecs) do
  test("fields change their audience, and maps their interest; what they hold stays: " .. codec, function()
    local owner, server = "{to='owner'}", "{to='server'}"
    -- What versions declare, and what player 1 sees of the ships 1 and 2.
    local all, mine, none = { cargo = true, fuel = true }, { cargo = true }, {}
    local versions = {
      { "", "", "", all, all }, { owner, "", "", all, { fuel = true } }, { owner, server, "", mine, none },
      { server, "", "", { fuel = true }, { fuel = true } }, { "", owner, near, all, mine }, { owner, owner, tight, all },
      { "", server, tight, mine }, { "", "", "interest = s.keys, keys = 'player'", all }, { owner, "", near, all, { fuel = true } },
      { "", "", "to = 'server'" }, { server, server, "", none, none }, { "", "", "", all, all },
    }
    local function ship(id, fields)
      return fields and { x = id * 100, y = 0, cargo = fields.cargo and { id, 7 }, fuel = fields.fuel and 40 } or nil
    end
    game("g", (audience("g", "", "", "")))
    local a, b = join("g", { codec = codec }), join("g", { codec = "binary" })
    for i, v in ipairs(versions) do
      if i > 1 then expect_eq(edit("g", (audience("g", v[1], v[2], v[3]))), true) end
      step(100)
      local want = { ships = { ["1"] = ship(1, v[4]), ["2"] = ship(2, v[5]) } }
      if v[3]:find "server" then want = {} end
      expect_eq(a:state(), want, "version " .. i)
      a:request "fuel"
      step(100)
      expect_eq(a:fresh("reply")[1].data, 40)
      expect_no_errors()
    end
    expect_eq({ a.closed, b.closed }, {})
  end)
end

test("what a player views and watches outlives a change of the schema, and its way back", function()
  local keys = "interest = s.keys, keys = 'player'"
  game("g", (audience("g", "", "", tight)))
  local a, b = join("g", { codec = "binary" }), join("g", { codec = "json" })
  a:send("view", { x = 200, y = 0 })
  step(100)
  expect(a:state().ships["2"])
  expect_eq(edit("g", (audience("g", "{to='owner'}", "", tight))), true)
  step(100)
  expect_eq(a:state().ships["2"], { x = 200, y = 0, fuel = 40 })
  expect_eq(edit("g", (audience("g", "", "", keys))), true)
  a:send("watch", 2)
  step(100)
  expect(a:state().ships["2"])
  -- New code that fails in its first call and has another rule: the way back keeps both.
  for _, with in ipairs { { "{to='server'}", keys }, { "{to='owner'}", keys } } do
    local before = show(a:state())
    expect_eq(edit("g", (audience("g", with[1], "", with[2]):gsub("p:view%(v%)", "error 'boom'"))), true)
    step(100)
    expect_eq(a:state().ships["2"].cargo, nil)
    a:send("view", { x = 1, y = 1 })
    step(150)
    expect(rig.errors():find("boom", 1, true))
    expect_eq(show(a:state()), before)
  end
  expect_eq(edit("g", (audience("g", "", "", tight))), true)
  step(100)
  expect(a:state().ships["2"], "the centre is still there")
  expect_eq(b:state().ships["1"], nil)
end)
