-- SPDX-License-Identifier: MIT
-- Ticks, timers and flushes against the clock.

local ticking = [[
local g = parlor.game { tick_rate = RATE, state = { n = s.u32, ms = s.f64 } }
function g:tick(dt) self.state.n = self.tick self.dt = dt end
function g:message(p, name) return { tick = self.tick, time = self.time, dt = self.dt } end
return g
]]

local function ask(c)
  c:request "now"
  step(100)
  for _, r in ipairs(c:fresh "reply") do return r.data end
end

for _, rate in ipairs { 1, 3, 7, 20, 30, 59.94, 60, 64, 120 } do
  test(("an hour at %g Hz has every tick, none twice, without drift"):format(rate), function()
    game("g", (ticking:gsub("RATE", rate)))
    local a = join("g", { codec = "plain" })
    step(1000)
    a:stall(true) -- nothing is read, so nothing is built for it
    local before = the_room("g").tick
    for _ = 1, 60 do step(60000) end
    local room = the_room "g"
    expect(math.abs(room.tick - before - 3600 * rate) <= 1,
      ("%d ticks instead of %g"):format(room.tick - before, 3600 * rate))
    expect_eq(room.dropped, 0)
  end)
end

test("dt is 1/tick_rate, time follows the ticks", function()
  game("g", (ticking:gsub("RATE", 50)))
  local a = join "g"
  step(1000)
  local now = ask(a)
  expect_eq(now.dt, 1 / 50)
  expect_eq(now.time, now.tick / 50)
end)

test("after a stall five ticks run back to back, the rest is counted", function()
  game("g", (ticking:gsub("RATE", 20)))
  local a = join "g"
  step(1000)
  local before = the_room("g").tick
  hang(10000)
  step(0)
  local room = the_room "g"
  expect_eq(room.tick, before + 5)
  expect_eq(room.dropped, 195)
  step(1000)
  expect_eq(the_room("g").tick, before + 25)
  expect_eq(a:state().n, before + 24, "the client has it all")
  hang(250)
  step(0)
  expect_eq(the_room("g").dropped, 195, "five are no loss")
end)

test("event-driven: at most sync_rate flushes a second, however much happens", function()
  game("g", [[
    local g = parlor.game { tick_rate = 0, sync_rate = 5, state = { n = s.u32 } }
    function g:message() self.state.n = self.state.n + 1 end
    return g
  ]])
  local a, b = join "g", join("g", { codec = "binary" })
  step(1000)
  a:fresh() b:fresh()
  for i = 1, 1000 do
    a:send("x")
    step(3)
  end
  step(200)
  local flushes = #b:fresh "delta"
  expect(flushes >= 14 and flushes <= 17, flushes .. " in three seconds")
  expect_eq(b:state().n, 1000)
  expect_eq(a:state(), b:state())
  local tick = the_room("g").tick
  step(60000)
  expect_eq(the_room("g").tick, tick, "an idle room does nothing")
end)

test("event-driven: the first change after a rest leaves at once", function()
  game("g", [[
    local g = parlor.game { tick_rate = 0, state = { n = s.u32 } }
    function g:message() self.state.n = self.state.n + 1 end
    return g
  ]])
  local a = join "g"
  step(1000)
  a:fresh()
  a:send("x")
  step(0)
  expect_eq(a:story(), "delta")
end)

local timers = [[
local g = parlor.game { tick_rate = RATE, state = { n = s.u32 } }
function g:note(what, p) self.log = self.log or {} table.insert(self.log, { what, math.floor(self.time * 1000 + 0.5) }) end
function g:bump(id) self.state.n = self.state.n + 1 self:note "bump" if self.state.n == 3 then self:cancel(self.timer) end end
function g:message(p, name, data)
  if name == "after" then self:after(data, "note", "after")
  elseif name == "every" then self.timer = self:every(data, "bump")
  elseif name == "chain" then self:chain()
  else local log = self.log self.log = nil return log end
end
function g:chain() self.n = (self.n or 0) + 1 self:after(0, "chain") end
return g
]]

test("event-driven: a timer wakes the room at its time, and its change is sent", function()
  game("g", (timers:gsub("RATE", 0)))
  local a = join "g"
  step(500)
  a:fresh()
  a:send("after", 1234)
  step(1233)
  expect_eq(rig.next() ~= nil, true)
  step(2)
  a:request "log"
  step(100)
  expect_eq(a:fresh("reply")[1].data, { { "after", 1734 } })
  a:send("every", 100)
  step(1000)
  expect_eq(a:state().n, 3, "cancelled from inside")
end)

test("event-driven: fractions of a millisecond do not make the room spin", function()
  game("g", (timers:gsub("RATE", 0)))
  local a = join "g"
  step(1)
  for _ = 1, 300 do
    a:send("after", random() * 20)
    step(random() * 5)
  end
  a:send("every", 1000 / 60)
  step(5000)
  a:request "log"
  step(100)
  expect_eq(#a:fresh("reply")[1].data, 303)
end)

test("a timer that sets itself anew without delay cannot hold up the server", function()
  game("g", (timers:gsub("RATE", 0)))
  local a, b = join("g", { room = "a" }), join("g", { room = "b" })
  step(100)
  a:send("chain")
  b:fresh()
  b:send("after", 10)
  step(50)
  b:request "log"
  step(60)
  expect_eq(#b:fresh("reply")[1].data, 1, "the other room has its timer")
end)

for _, case in ipairs { { 20, 10 }, { 10, 40 }, { 20, 0 }, { 0, 20 }, { 0, 0 }, { 30, 30 } } do
  test(("a reload from %d to %d Hz keeps the room's time and its timers"):format(case[1], case[2]), function()
    game("g", (timers:gsub("RATE", case[1])))
    local a = join "g"
    step(10000)
    a:send("after", 5000)
    step(1000)
    expect_eq(edit("g", (timers:gsub("RATE", case[2]))), true)
    step(3500)
    a:request "log"
    step(200)
    expect_eq(a:fresh("reply")[1].data, null, "not early")
    step(700)
    a:request "log"
    step(200)
    local log = a:fresh("reply")[1].data
    expect(log and log[1] and math.abs(log[1][2] - 15000) <= 200, "about when it was asked for: " .. show(log))
  end)
end

test("saving every few milliseconds does not keep a room from ticking", function()
  game("g", (ticking:gsub("RATE", 20)))
  local a = join "g"
  step(1000)
  local before = the_room("g").tick
  for _ = 1, 100 do
    step(10)
    rig.reload "g"
  end
  expect_eq(the_room("g").tick, before + 20)
end)
