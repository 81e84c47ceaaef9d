-- SPDX-License-Identifier: MIT
-- Everything at once, by chance, for a few thousand ticks: all who read hold what
-- the room holds.

local source = [[
local g = parlor.game { tick_rate = RATE, reconnect = 5, max_players = 100, EXTRA_OPTIONS
  state = { EXTRA n = s.u32, phase = s.enum {"a", "b", "c"}, big = s.i32,
    frogs = s.map { name = s.str(16), x = s.fixed {min = 0, max = 40, step = 1/64}, turn = s.angle, up = s.bool,
      pos = { z = s.f32, w = s.fixed {step = 0.5} } },
    stones = s.map({ v = s.i16, t = s.str(8), f = s.f64 }, { keys = "integer" }),
    words = s.map({ n = s.uint }, { keys = "string" }) },
  messages = { hop = { dx = s.i8, up = s.bool } } }
local function limit(v, a, b) return math.min(b, math.max(a, v)) end
function g:join(p, o)
  if o.watch then return end
  self.state.frogs[p.id] = { name = p.name, x = p.id }
end
function g.on.hop(room, p, m)
  local f = room.state.frogs[p.id]
  f.x, f.up, f.turn = limit(f.x + m.dx / 7, 0, 40), m.up, f.turn + 0.3
  f.pos.z, f.pos.w = f.x / 2, f.pos.w - 1
  room:churn(3)
  if m.dx == 5 then room:broadcast("five", p.id) end
  return f.x
end
function g:churn(k)
  local st = self.state
  for _ = 1, k do
    local i = self:random(-6, 6)
    if st.stones[i] and self:random(2) == 1 then st.stones[i] = nil
    else st.stones[i] = { v = self:random(-30000, 30000), t = "t" .. self:random(9), f = self:random() } end
    local w = "w" .. self:random(8)
    if self:random(3) == 1 then st.words[w] = nil else st.words[w] = { n = self:random(0, 2^32 - 1) } end
    if self:random(9) == 1 then st.words[w] = nil st.words[w] = { n = 1 } end
  end
  st.phase = ({ "a", "b", "c" })[self:random(3)]
  st.big = self:random(-2^31, 2^31 - 1)
end
function g:tick() self.state.n = self.tick if self:random(3) == 1 then self:churn(self:random(4)) end end
function g:drop(p) if self.state.frogs[p.id] then self.state.frogs[p.id].up = false end end
function g:leave(p) self.state.frogs[p.id] = nil end
return g
]]

local function with(rate, extra)
  return (source:gsub("RATE", rate):gsub("EXTRA_OPTIONS", ""):gsub("EXTRA", extra or ""))
end

-- What a newcomer is told.
local function truth()
  local w = join("g", { room = "arena", watch = true, codec = "plain" })
  step(60)
  local state = w:state()
  expect(state, "the watcher got in")
  w:leave()
  return state
end

local function check(all)
  for _, c in ipairs(all) do
    c:stall(false)
    c.delay, c.jitter = 0, 0
  end
  step(300)
  local state = truth()
  for i, c in ipairs(all) do
    if c.conn then expect_eq(c:state(), state, "client " .. i .. ", " .. c.codec) end
  end
end

local function one(all, i)
  local c, dice = all[i], random(100)
  if not c.conn then
    if dice < 30 then
      if c.token and random(3) > 1 then c:resume() else all[i] = join("g", { room = "arena", codec = c.codec, acks = c.acks, name = "p" .. i }) end
    end
  elseif dice < 60 then c:send("hop", { dx = random(11) - 6, up = random(2) == 1 })
  elseif dice < 64 then c:request("hop", { dx = 1 })
  elseif dice < 72 then c:stall(random(2) == 1)
  elseif dice < 75 then c:cut()
  elseif dice < 76 then c:leave()
  elseif dice < 77 then c:resync()
  elseif dice < 84 then c.delay, c.jitter = random(80), random(60)
  elseif dice < 85 then c:ping() end
end

for _, rate in ipairs { 20, 0 } do
  test(("eight clients, %d Hz: whoever reads holds what the room holds"):format(rate), function()
    game("g", with(rate))
    local all, reloads = {}, 0
    for i = 1, 8 do all[i] = join("g", { room = "arena", codec = codecs[i % 2 + 1], acks = i > 4, name = "p" .. i }) end
    step(60)
    for round = 1, 3000 do
      one(all, random(8))
      if random(2) == 1 then step(random(70)) end
      if random(150) == 1 then
        reloads = reloads + 1
        expect_eq(edit("g", with(rate, ({ "", "aaa = s.u8,", "aaa = s.str, zzz = s.bool," })[random(3)])), true)
      end
      if round % 250 == 0 then check(all) end
    end
    check(all)
    expect(reloads > 8)
    for i, c in ipairs(all) do
      if c.closed then expect(c.closed.code == 4002, "client " .. i .. " was sent away with " .. c.closed.code) end
      if c.conn then c:leave() end
    end
    step(6000)
    expect_eq({ rig.rooms "g" }, { {}, 0, 0 })
    rig.errors()
  end)
end
