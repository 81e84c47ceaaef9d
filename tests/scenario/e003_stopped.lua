-- SPDX-License-Identifier: MIT
-- New code that is stopped in the first call of a handler is taken back like code that
-- raises there, whatever the stop has cost: state, or the whole VM.

-- A game whose parts can be replaced; what is not given works.
local function source(with)
  with = with or {}
  return ([[
local g = parlor.game { tick_rate = RATE, reconnect = 30, budget_kill = MS, max_kills = KILLS, memory = 8, OPTIONS
  state = { n = s.u32, gen = s.u8, told = s.u8, FIELDS ticks = s.map { n = s.u32 } },
  messages = { add = { n = s.u8 }, other = {} } }
local heap = {}
local function eat() for i = 1, 1e9 do heap[i] = { i } end end
function g:create() CREATE end
function g:join(p) JOIN self.state.ticks[p.id] = { n = 0 } end
function g.on.add(room, p, m) ADD room.state.n = room.state.n + m.n end
function g.on.other(room) OTHER room.state.gen = GEN end
function g:message(p, name) if name == "look" then return { mine = self.mine or 0, name = p.name } end end
function g:tick() TICK for _, t in pairs(self.state.ticks) do t.n = t.n + 1 end end
function g:beat() BEAT self.state.gen = 100 + GEN end
function g:leave(p) self.state.ticks[p.id] = nil end
function g:reloaded(old, is_rebuilt) if is_rebuilt then self.state.told = GEN end RELOADED end
return g
]]):gsub("%u%u+", function(word)
    return with[word] or ({ RATE = "20", GEN = "1", KILLS = "1", MS = "40" })[word] or ""
  end)
end

local loop = "self = room or self self.state.n = 77 self.state.ticks = {} while true do end "
local eat = "(room or self).state.n = 77 eat() "

-- What such a body needs: eating takes its time, looping is not given any.
local function to(body, with)
  if body == eat then with.MS = "5000" end
  return source(with)
end

local function version() return rig.version "g" end

local handlers = {
  TICK = function() end, ADD = function(a) a:send("add", { n = 1 }) end,
  OTHER = function(a) a:send "other" end, JOIN = function() join("g", { room = "main" }) end,
  CREATE = function() join("g", { room = "new" }) end, BEAT = function() end,
}

-- The room plays on with the old code and with its state.
local function expect_old(a, b, n, why)
  local said = rig.errors()
  expect(said:find(why, 1, true), said)
  expect_eq({ version(), a.closed, b.closed }, { 1, nil, nil })
  local before = a:state().ticks["1"].n
  a:send("add", { n = 2 })
  b:send "other"
  step(500)
  expect_eq({ a:state().n, b:state().gen % 100 }, { n + 2, 1 })
  expect_eq(a:state().ticks["1"].n, before + 10)
end

for name, poke in pairs(handlers) do
  for what, body in pairs { loop = loop, eat = eat } do
    test(("new code that is stopped in its first call goes: %s, %s"):format(name, what), function()
      game("g", source { CREATE = "self.mine = 5 self:every(100, 'beat')" })
      local a, b = join("g", { room = "main", name = "ann" }), join("g", { room = "side", codec = "binary" })
      step(200)
      a:send("add", { n = 5 })
      step(100)
      expect_eq(edit("g", to(body, { [name] = body, GEN = "2" })), true)
      poke(a)
      step(250)
      expect_old(a, b, 5, what == "loop" and "40 ms (budget_kill)" or "needs more than 8 MiB")
      a:request "look"
      step(50)
      expect_eq(a:fresh("reply")[1].data, { mine = what == "loop" and 5 or 0, name = "ann" })
      if what == "eat" then expect_eq({ a:state().told, b:state().told }, { 1, 1 }, "the old code knows") end
      expect_eq(edit("g", source { GEN = "3" }), true)
      b:send "other"
      step(100)
      expect_eq({ b:state().gen % 100, version() }, { 3, 3 })
    end)
  end
end

for what, body in pairs { loop = loop, eat = eat } do
  test("`reloaded` that is stopped is a reload that did not happen: " .. what, function()
    game("g", source())
    local a, b = join("g", { room = "main" }), join("g", { room = "side" })
    step(200)
    a:send("add", { n = 5 })
    step(100)
    local ok = edit("g", to(body, { RELOADED = body, GEN = "2", FIELDS = "x = s.u8," }))
    expect_eq(ok, nil)
    expect_old(a, b, 5, "stopped")
    expect_eq(a:state().x, nil)
  end)

  for _, codec in ipairs(codecs) do
    test(("another schema goes back with a stop, to the value: %s, %s"):format(what, codec), function()
      game("g", source { FIELDS = "level = s.u32, list = s.list(s.u32), word = s.str,",
        JOIN = "self.state.level, self.state.word, self.state.list = 70000, 'seven', { 300, 4 }" })
      local a, b = join("g", { codec = codec, room = "main" }), join("g", { codec = codec, room = "side" })
      step(200)
      expect_eq(edit("g", to(body, { FIELDS = "level = s.u8, list = s.list(s.u8), fresh = s.u8,", ADD = body,
        TICK = "if true then return end " })), true)
      -- The very first callback of new code, before any step has scanned the state.
      a:send("add", { n = 1 })
      step(150)
      expect_old(a, b, 0, "stopped")
      -- A VM that is lost takes with it what was private: converted values and dropped fields.
      local kept = what == "loop" and { 70000, "seven", { 300, 4 } } or { 255, "", { 255, 4 } }
      expect_eq({ a:state().level, a:state().word, a:state().list }, kept)
      expect_eq({ b:state().level, b:state().word, b:state().list }, kept)
    end)
  end
end

test("code that has proved itself stays when it is stopped later, in a new VM too", function()
  game("g", source { KILLS = "9" })
  local a = join "g"
  step(100)
  local now = "if m.n == 9 then eat() end if m.n == 8 then error 'boom' end"
  expect_eq(edit("g", source { ADD = now, GEN = "2", KILLS = "9", MS = "5000" }), true)
  a:send("add", { n = 1 })
  step(100)
  a:send("add", { n = 9 })
  step(100)
  expect(rig.errors():find("needs more than 8 MiB", 1, true))
  expect_eq({ version(), a:state().told }, { 2, 2 })
  a:send("add", { n = 8 })
  step(100)
  expect(rig.errors():find("boom", 1, true))
  expect_eq(version(), 2, "what has proved itself has, whichever VM runs it")
end)

test("a handler that has not been called yet is still on trial in a new VM", function()
  game("g", source { KILLS = "9" })
  local a = join "g"
  step(100)
  local now = "if m.n == 9 then eat() end"
  expect_eq(edit("g", source { ADD = now, OTHER = "error 'boom' ", GEN = "2", KILLS = "9", MS = "5000" }), true)
  a:send("add", { n = 1 })
  step(100)
  a:send("add", { n = 9 })
  step(100)
  expect(rig.errors():find("needs more than 8 MiB", 1, true))
  expect_eq(version(), 2)
  a:send "other"
  step(150)
  expect(rig.errors():find("boom", 1, true))
  expect_eq(version(), 1, "back to files that are no longer in the folder")
  a:send "other"
  step(100)
  expect_eq({ a:state().gen, a:state().n }, { 1, 1 })
end)

test("a stop of the old code, back again, restores what it restores", function()
  game("g", source { ADD = "if m.n == 9 then room.state.n = 77 while true do end end ", KILLS = "9",
    FIELDS = "list = s.list(s.u8), who = s.opt(s.str),", CREATE = "self.state.list, self.state.who = { 1, 2, 3 }, 'ann'" })
  local a, b = join("g", { codec = "binary" }), join "g"
  step(100)
  expect_eq(edit("g", source { ADD = "error 'boom' ", FIELDS = "list = s.list(s.str),", KILLS = "9" }), true)
  a:send("add", { n = 1 })
  step(150)
  expect(rig.errors():find("boom", 1, true))
  expect_eq({ a:state().list, a:state().who }, { { 1, 2, 3 }, "ann" })
  a:send("add", { n = 9 })
  a:send("add", { n = 4 })
  step(150)
  expect(rig.errors():find("40 ms (budget_kill)", 1, true))
  expect_eq({ a:state().n, a:state().list, a:state().who }, { 4, { 1, 2, 3 }, "ann" })
  expect_eq(b:state().list, { 1, 2, 3 })
end)
