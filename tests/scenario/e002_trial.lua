-- SPDX-License-Identifier: MIT
-- New code has to prove itself: the first error of a handler puts the old code back.

-- A game whose parts can be replaced; what is not given works.
local function source(with)
  with = with or {}
  return ([[
local g = parlor.game { tick_rate = RATE, sync_rate = 20, reconnect = 30,
  state = { n = s.u32, gen = s.u8, FIELDS ticks = s.map { n = s.u32 } }, messages = { add = { n = s.u8 }, other = {} } }
function g:create() CREATE end
function g:join(p) JOIN self.state.ticks[p.id] = { n = 0 } end
function g.on.add(room, p, m) ADD room.state.n = room.state.n + m.n end
function g.on.other(room) OTHER room.state.gen = GEN end
function g:tick() TICK for _, t in pairs(self.state.ticks) do t.n = t.n + 1 end end
function g:beat() BEAT self.state.gen = 100 + GEN end
function g:leave(p) self.state.ticks[p.id] = nil end
function g:reloaded(old) RELOADED end
return g
]]):gsub("%u%u+", function(word)
    return with[word] or ({ RATE = "20", GEN = "1" })[word] or ""
  end)
end

local boom = "error 'boom'"

-- What the game says of its version and of the last failed load.
local function version() return rig.version "g" end

local handlers = {
  TICK = function() end, ADD = function(a) a:send("add", { n = 1 }) end,
  OTHER = function(a) a:send "other" end, JOIN = function() join("g", { room = "main" }) end,
  CREATE = function() join("g", { room = "new" }) end,
}

for name, poke in pairs(handlers) do
  test("the first error of a handler puts the old code back: " .. name, function()
    game("g", source())
    local a = join("g", { room = "main" })
    step(200)
    expect_eq(edit("g", source { [name] = boom, GEN = "2" }), true)
    poke(a)
    step(150)
    expect_eq(version(), 1)
    expect(rig.errors():find("boom", 1, true))
    a:send("other") -- of the old code
    local before = a:state().ticks["1"].n
    step(500)
    expect_eq({ a:state().gen, a.closed }, { 1, nil })
    expect_eq(a:state().ticks["1"].n, before + 10)
    expect_eq(edit("g", source { GEN = "3" }), true)
    expect_eq(version(), 3, "numbers are not used again")
    a:send("other")
    step(100)
    expect_eq(a:state().gen, 3)
  end)
end

-- The same game with an auth.
local function with_auth(body)
  return (source():gsub("^local g.-\n.-\n", function(head) return head .. "function g:auth(q) " .. body .. " end\n" end, 1))
end

for what, body in pairs { raises = boom, ["sleeps and raises"] = "parlor.sleep(100) error 'boom'", ["is odd"] = "return 7" } do
  test("where the first auth of new code fails, the old code lets in: it " .. what, function()
    game("g", with_auth "return { user = 'old' }")
    local a = join("g", { room = "main" })
    step(200)
    expect_eq(edit("g", with_auth(body)), true)
    local b, c = join("g", { room = "main" }), join("g", { room = "main" })
    step(400)
    expect_eq(version(), 1)
    expect(rig.errors():find("auth", 1, true))
    expect_eq({ a.closed, b.closed, c.closed }, {})
    expect(b:state().ticks["2"] and b:state().ticks["3"])
  end)
end

test("an auth that has let somebody in has proved itself, one that sleeps has not", function()
  local text = with_auth "if q.options.bad then error 'boom' end parlor.sleep(300) return {}"
  game("g", with_auth "return {}")
  expect_eq(edit("g", text), true)
  local a = join("g", { room = "main" })
  step(500)
  local b = join("g", { room = "main", bad = true })
  step(100)
  expect_eq({ version(), a.closed, b.closed.code }, { 2, nil, 1011 })
  expect(rig.errors():find("boom", 1, true))
  expect_eq(edit("g", text), true)
  local c = join("g", { room = "main" })
  step(100)
  local d = join("g", { room = "main", bad = true })
  step(800)
  expect_eq({ version(), c.closed }, { 2, nil })
  expect(rig.errors():find("boom", 1, true))
  expect_eq(d.closed.code, 1011, "the old code does not like it either")
  expect(c:state())
end)

test("an error in `reloaded` is a reload that did not happen", function()
  game("g", source())
  local a = join "g"
  step(200)
  local ok, why = edit("g", source { RELOADED = "self.state.n = 9 " .. boom, GEN = "2" })
  expect(not ok and why:find("boom", 1, true), why)
  expect_eq(version(), 1)
  rig.errors()
  a:send("other")
  step(100)
  expect_eq(a:state().gen, 1)
end)

test("a handler that has worked once has proved itself", function()
  game("g", source())
  local a = join "g"
  step(100)
  expect_eq(edit("g", source { ADD = "if m.n == 13 then " .. boom .. " end" }), true)
  a:send("add", { n = 1 })
  step(100)
  a:send("add", { n = 13 })
  step(100)
  expect(rig.errors():find("boom", 1, true))
  expect_eq({ version(), a:state().n }, { 2, 1 })
end)

test("after half a minute nothing is taken back", function()
  game("g", source())
  local a = join "g"
  step(100)
  edit("g", source { ADD = boom })
  step(31000)
  a:send("add", { n = 1 })
  step(100)
  expect_eq(version(), 2)
  rig.errors()
end)

test("the first tick of each room counts, not only that of one", function()
  game("g", source())
  local a, b = join("g", { room = "a" }), join("g", { room = "b" })
  step(130)
  expect_eq(edit("g", source { TICK = "if self.id == 'b' then " .. boom .. " end" }), true)
  step(100)
  expect_eq(version(), 1)
  rig.errors()
  local n = { a:state().ticks["1"].n, b:state().ticks["1"].n }
  step(500)
  expect_eq({ a:state().ticks["1"].n, b:state().ticks["1"].n }, { n[1] + 10, n[2] + 10 })
end)

test("a timer's method counts, and one that is gone does not", function()
  game("g", source { CREATE = "self:every(50, 'beat')" })
  local a = join "g"
  step(200)
  expect_eq(a:state().gen, 101)
  edit("g", source { BEAT = boom })
  step(100)
  expect_eq(version(), 1)
  rig.errors()
  expect_eq(edit("g", (source():gsub("function g:beat.-\n", ""))), true)
  step(200)
  expect_eq(version(), 3, "the author may take a method away")
  expect(rig.errors():find("no method beat; the timer is dropped", 1, true))
  step(200)
  expect_eq(rig.errors(), "")
end)

for _, codec in ipairs(codecs) do
  test("another schema is taken back too, to the value: " .. codec, function()
    game("g", source { FIELDS = "level = s.u32, word = s.str, bag = s.map({ x = s.u32 }, { keys = 'string' }),",
      JOIN = "self.state.level, self.state.word = 70000, 'seven' self.state.bag.k = { x = 300 }" })
    local a = join("g", { codec = codec })
    step(200)
    local before = show(a:state())
    -- Fields are gone, new, and of other types; the first message raises.
    expect_eq(edit("g", source { FIELDS = "level = s.u8, fresh = s.u8, bag = s.map({ x = s.u8, y = s.u8 }, { keys = 'string' }),",
      TICK = "self.frozen = true if true then return end", ADD = boom }), true)
    step(100)
    expect_eq({ a:state().level, a:state().word, a:state().bag.k }, { 255, nil, { x = 255, y = 0 } })
    a:send("add", { n = 1 })
    step(120)
    expect_eq(version(), 1)
    rig.errors()
    local now = a:state()
    now.ticks["1"].n = tonumber(before:match "ticks={1={n=(%d+)}}")
    expect_eq(show(now), before)
    a:send("add", { n = 7 })
    step(100)
    expect_eq(a:state().n, 7)
    expect_eq(a.closed, nil)
  end)
end

test("event-driven games go back as well, raw ones too", function()
  game("g", source { RATE = "0" })
  local a = join "g"
  step(1000)
  expect_eq(edit("g", source { RATE = "0", ADD = boom }), true)
  a:send("add", { n = 1 })
  step(100)
  expect_eq(version(), 1)
  rig.errors()
  a:send("add", { n = 1 })
  step(100)
  expect_eq(a:state().n, 1)

  local raw = "local g = parlor.game { raw = true } function g:message(p, d, t) %s p:send(d, t) end return g"
  game("r", raw:format "")
  local b = join("r", { codec = "raw" })
  step(10)
  expect_eq(edit("r", raw:format(boom)), true)
  b:send("lost", true)
  step(10)
  expect_eq(rig.version "r", 1)
  rig.errors()
  b:send("back", true)
  step(10)
  expect_eq(b:fresh("message")[1].data, "back")
end)

test("a coroutine that waits goes on with the code it began in", function()
  local function co(word)
    return ([[
      local g = parlor.game { tick_rate = 20, state = { said = s.str } }
      function g:create()
        self.talk = coroutine.wrap(function() while true do self.state.said = "WORD" coroutine.yield() end end)
      end
      function g:tick() self.talk() end
      return g ]]):gsub("WORD", word)
  end
  game("g", (co "one"))
  local a = join "g"
  step(100)
  expect_eq(edit("g", (co "two")), true)
  step(100)
  expect_eq(a:state().said, "one")
end)

test("`close` counts like any handler", function()
  game("g", source())
  local a, b = join("g", { room = "a" }), join("g", { room = "b" })
  step(100)
  expect_eq(edit("g", (source():gsub("return g%s*$", "function g:close() error 'boom' end return g"))), true)
  a:leave()
  step(100)
  expect_eq(version(), 1)
  rig.errors()
  b:send "other"
  step(100)
  expect_eq(b:state().gen, 1)
end)

test("a second bad save does not become what is gone back to", function()
  game("g", source { GEN = "1" })
  local a = join "g"
  step(100)
  edit("g", source { TICK = boom, GEN = "2" })
  a:send "other"
  step(100)
  edit("g", source { TICK = boom, GEN = "3" })
  step(100)
  rig.errors()
  expect_eq(version(), 1)
  expect(not edit("g", "this is not Lua"))
  rig.errors()
  a:send "other"
  step(100)
  expect_eq(a:state().gen, 1)
end)
