-- SPDX-License-Identifier: MIT
-- Players whose bytes do not leave, lines with delay, and RESYNC.

local source = [[
local g = parlor.game { tick_rate = RATE, state = { n = s.u32, m = s.map { x = s.u16, name = s.str(8) }, texts = s.map({ v = s.i32 }, { keys = "string" }) } }
function g:step(k)
  local st = self.state
  st.n = st.n + 1
  st.m[1 + st.n % 7] = st.n % 3 > 0 and { x = st.n, name = "r" .. st.n % 5 } or nil
  st.texts["k" .. st.n % 5] = st.n % 2 > 0 and { v = -st.n } or nil
  if st.n % 10 == 0 then self:broadcast("ten", st.n) end
end
function g:tick() self:step() end
function g:message() self:step() end
return g
]]

for _, codec in ipairs(codecs) do
  test(codec .. ": a stalled player is skipped and gets one merged delta; others are not delayed", function()
    game("g", (source:gsub("RATE", 20)))
    local a, b = join "g", join("g", { codec = codec })
    step(200)
    a:fresh() b:fresh()
    b:stall(true)
    step(1000)
    expect_eq(#a:fresh "delta", 20)
    b:stall(false)
    step(0)
    local before = b:fresh()
    local deltas = 0
    for _, r in ipairs(before) do if r.t == "delta" then deltas = deltas + 1 end end
    expect_eq(deltas, 1, "the one that was on its way")
    step(50)
    local after = b:fresh()
    expect_eq(after[1].t, "delta")
    expect_eq(after[1].tick - after[1].base, 20, "all in one")
    expect_eq(b:state(), a:state())
  end)

  test(codec .. ": events are never skipped and stay in order", function()
    game("g", (source:gsub("RATE", 20)))
    local b = join("g", { codec = codec })
    step(200)
    local seen = {}
    for i = 1, 40 do
      b:stall(random() < 0.6)
      step(random(200))
    end
    b:stall(false)
    step(100)
    local n = 0
    for _, r in ipairs(b.log) do
      if r.t == "event" then
        n = n + 10
        expect_eq(r.data, n)
      end
    end
    expect(n > 50)
  end)

  test(codec .. ": event-driven: a stalled player is caught up as soon as it reads", function()
    game("g", (source:gsub("RATE", 0):gsub("function g:tick.-end", "")))
    local a, b = join "g", join("g", { codec = codec })
    step(200)
    b:stall(true)
    for i = 1, 30 do
      a:send("x")
      step(20)
    end
    step(500)
    b:stall(false)
    step(100)
    expect_eq(b:state(), a:state())
    expect_eq(b:state().n, 30)
  end)

  test(codec .. ": RESYNC brings a snapshot, once a second", function()
    game("g", (source:gsub("RATE", 20)))
    local a, b = join "g", join("g", { codec = codec })
    step(2000)
    b:fresh()
    for _ = 1, 40 do
      b:resync()
      step(50)
    end
    local snapshots = #b:fresh "snapshot"
    expect(snapshots >= 2 and snapshots <= 3, snapshots .. " snapshots in two seconds")
    step(50)
    expect_eq(b:state(), a:state())
  end)
end

for _, codec in ipairs(codecs) do
  test(codec .. ": who acknowledges and then falls silent is sent no more state, but all events", function()
    game("g", (source:gsub("RATE", 20)))
    local a, b = join "g", join("g", { codec = codec, acks = true, delay = 30 })
    step(1000)
    expect_eq(#b:fresh "delta" >= 17, true, "in time: all of it")
    b.acks = false
    step(3000)
    b.delay = 0
    step(300)
    local before = b:fresh()
    local deltas, events = 0, 0
    for _, r in ipairs(before) do
      if r.t == "delta" then deltas = deltas + 1 end
      if r.t == "event" then events = events + 1 end
    end
    expect(deltas <= 6, deltas .. " deltas without an ACK")
    expect(events >= 6, events .. " events")
    b:ack()
    b.acks = true
    step(60)
    local after = b:fresh "delta"
    expect_eq(#after, 1)
    expect(after[1].tick - after[1].base > 50, "all in one")
    step(1000)
    expect_eq(b:state(), a:state())
    expect(#b:fresh "delta" >= 18, "and then as before")
  end)

  test(codec .. ": a new connection starts anew, whatever the old one's line was", function()
    game("g", (source:gsub("RATE", 20)))
    local b = join("g", { codec = codec, acks = true })
    step(500)
    b.acks = false
    step(2000)
    b:cut()
    b:resume()
    step(100)
    b:fresh()
    step(1000)
    expect_eq(#b:fresh "delta", 20, "it has not sent an ACK")
  end)

  test(codec .. ": a long line is no slow one", function()
    game("g", (source:gsub("RATE", 20)))
    local b = join("g", { codec = codec, acks = true, delay = 250, jitter = 10 })
    step(2000)
    b:fresh()
    step(2000)
    expect_eq(#b:fresh "delta", 40)
  end)

  test(codec .. ": volatile events are left out for who is skipped, others are not", function()
    game("g", [[
      local g = parlor.game { tick_rate = 20, state = { n = s.u32 }, events = { spark = { n = s.u32 } } }
      function g:tick()
        self.state.n = self.tick
        self:broadcast("spark", { n = self.tick }, { volatile = true })
        for _, p in pairs(self.players) do
          p:send("mine", self.tick, { volatile = true })
          self:send(p, "mine2", self.tick, { volatile = true })
        end
        self:broadcast("must", self.tick)
      end
      function g:message(p) p:send("x", 1, 5) end
      return g
    ]])
    local a, b = join("g", { codec = codec }), join("g", { codec = codec })
    step(200)
    a:fresh() b:fresh()
    b:stall(true)
    step(1000)
    b:stall(false)
    step(0)
    local count = {}
    for _, r in ipairs(b:fresh "event") do
      count[r.name] = (count[r.name] or 0) + 1
      expect_eq(r.volatile == true, r.name ~= "must")
    end
    expect_eq(count, { must = 20, spark = 1, mine = 1, mine2 = 1 })
    step(50)
    expect_eq(#b:fresh "event", 4)
    expect_eq(b.received, #a.log - a.seen > 0 and a.received, "volatile ones are not counted")
    a:send("wrong")
    step(60)
    expect(rig.errors():find("table expected", 1, true), "options are a table")
  end)

  test(codec .. ": state does not queue up behind an event either, though all state has its ACK", function()
    game("g", [[
      local g = parlor.game { tick_rate = 20, state = { n = s.u32 } }
      function g:message(p, name) if name == "set" then self.state.n = self.tick else self:broadcast("x", 1) end end
      return g
    ]])
    local a, b = join "g", join("g", { codec = codec, acks = true })
    step(200)
    b:fresh()
    b:stall(true)
    a:send "event"
    step(100)
    a:send "set"
    step(200)
    b:stall(false)
    step(0)
    expect_eq(b:story(), "x")
    step(60)
    expect_eq(b:story(), "delta")
    expect_eq(b:state(), a:state())
  end)

  test(codec .. ": who asks for a snapshot again and again and reads nothing is sent one at most", function()
    game("g", (source:gsub("RATE", 20)))
    local b = join("g", { codec = codec })
    step(200)
    b:fresh()
    b:stall(true)
    for _ = 1, 100 do
      b:resync()
      step(100)
    end
    b:stall(false)
    step(0)
    expect_eq(#b:fresh "snapshot", 1, "the one that was sent before")
    step(1000)
    expect_eq(#b:fresh "snapshot", 1, "and one when it reads again")
  end)
end

test("event-driven: RESYNC is answered though nothing else happens", function()
  game("g", (source:gsub("RATE", 0):gsub("function g:tick.-end", "")))
  local a = join("g", { codec = "binary" })
  step(500)
  a:fresh()
  a:resync()
  step(100)
  expect_eq(a:story(), "snapshot")
end)

test("who drops while stalled comes back to a whole state", function()
  game("g", (source:gsub("RATE", 20)))
  local a, b = join "g", join("g", { codec = "binary" })
  step(200)
  b:stall(true)
  step(500)
  b:cut()
  step(500)
  b:resume()
  step(100)
  expect_eq(b:state(), a:state())
end)

test("the round trip is measured from ACKs", function()
  game("g", [[
    local g = parlor.game { tick_rate = 20, state = { n = s.u32 } }
    function g:tick() self.state.n = self.tick end
    function g:message(p) return { p.rtt, p.backlog } end
    return g
  ]])
  local a = join("g", { delay = 40 })
  for _ = 1, 40 do
    step(50)
    if a.tick then a:ack() end
  end
  a:request "rtt"
  step(200)
  local data = a:fresh("reply")[1].data
  expect(data[1] >= 80 and data[1] <= 140, "rtt " .. data[1])
  expect_eq(data[2], 0)
end)
