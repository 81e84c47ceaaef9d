-- SPDX-License-Identifier: MIT
-- A callback of every kind is stopped: afterwards its room, the room's timers and the
-- room beside it are as if it had never been called.

local source = [[
local g = parlor.game { tick_rate = 20, budget_kill = 20, max_kills = 32, max_spectators = 4,
  state = { n = s.u32, beats = s.u32, once = s.u32, mark = s.u32, v = s.u32,
    seats = s.map({ name = s.str(16) }, { keys = "integer" }) } }
VERSION
local function hang(room)
  if room.state then
    room.state.mark = 999
    room.state.seats = {}
    room:broadcast "never"
    room:after(1, "kept")
  end
  while true do pcall(function() while true do end end) end
end
function g:auth(q) if q.options.hang == "auth" then hang(self) end return { user = 1 } end
function g:create(o)
  self:every(100, "beat")
  self:after(2000, "just_once")
  if o.hang == "create" then while true do end end
end
function g:beat() self.state.beats = self.state.beats + 1 end
function g:just_once() self.state.once = self.state.once + 1 end
function g:kept() self.n_kept = (self.n_kept or 0) + 1 end
function g:join(p, o)
  self.state.seats[p.id] = { name = p.name }
  if o.hang == "join" then hang(self) end
end
function g:spectate(p, o) if o.hang == "spectate" then hang(self) end end
function g:drop(p) if self.trap == "drop" then hang(self) end end
function g:resume(p) if self.trap == "resume" then hang(self) end end
function g:leave(p)
  if self.trap == "leave" then self.trap = nil hang(self) end
  self.state.seats[p.id] = nil
end
function g:reloaded(old) self.state.v = VER if self.trap == "reloaded" then self.trap = nil hang(self) end end
function g:bad() hang(self) end
function g:tick()
  self.state.n = self.state.n + 1
  if self.trap == "tick" then self.trap = nil hang(self) end
end
function g:message(p, name, data)
  if name == "hang" then hang(self) end
  if name == "trap" then self.trap = data end
  if name == "timer" then self:after(30, "bad") end
  if name == "async" then parlor.async(function() parlor.sleep(30) hang(self) end) end
  if name == "async now" then parlor.async(hang, self) end
  if name == "coroutine" then coroutine.wrap(hang)(self) end
  if name == "look" then
    local ids = {}
    for id in pairs(self.players) do ids[#ids + 1] = id end
    table.sort(ids)
    return { ids = ids, same = self.players[p.id] == p, kept = self.n_kept or 0 }
  end
end
return g
]]

local function code(version) return (source:gsub("VERSION", "-- v" .. version):gsub("VER\n", version):gsub("VER ", version .. " ")) end

-- A player's state as it is now: that of a JSON client is changed in place.
local function copy(v)
  if type(v) ~= "table" then return v end
  local out = {}
  for k, x in pairs(v) do out[k] = copy(x) end
  return out
end

-- How it is made to hang: `go` is called with a player of the room, and one that shall
-- leave, drop and so on. `kills`: how often it is stopped.
local ways = {
  { "a message", function(_, c) c:send "hang" end },
  { "a tick", function(a) a:send("trap", "tick") end },
  { "a timer's method", function(a) a:send "timer" end },
  { "parlor.async, before its first sleep", function(a) a:send "async now" end },
  { "parlor.async, after a sleep", function(a) a:send "async" end },
  { "a coroutine", function(a) a:send "coroutine" end },
  { "leave", function(a, c) a:send("trap", "leave") step(50) c:leave() end, gone = true },
  { "drop", function(a, c) a:send("trap", "drop") step(50) c:cut() end, held = true },
  { "resume", function(a, c) a:send("trap", "resume") step(50) c:cut() step(100) c:resume() end },
  { "join", function(a, c, codec) return join("g", { codec = codec, room = "den", hang = "join" }) end, joins = true },
  { "spectate", function(a, c, codec) return join("g", { codec = codec, room = "den", hang = "spectate", spectate = true }) end, watches = true },
  { "auth", function(a, c, codec) return join("g", { codec = codec, room = "den", hang = "auth" }) end, refused = true },
}

for _, codec in ipairs { "json", "binary" } do
  for _, way in ipairs(ways) do
    test(("stopped in %s: the room, its timers and the other room go on (%s)"):format(way[1], codec), function()
      game("g", code(1))
      local a, c = join("g", { codec = codec, room = "den", name = "ann" }), join("g", { codec = codec, room = "den", name = "cid" })
      local b = join("g", { codec = codec, room = "pit", name = "bob" })
      step(500)
      local before, calm = copy(a:state()), copy(b:state())
      a:story()
      local late = way[2](a, c, codec)
      step(200)
      local errors, n = rig.errors():gsub("20 ms %(budget_kill%)", "")
      expect_eq(n, 1, errors)
      step(300)
      expect_no_errors()
      local now, beside = a:state(), b:state()
      expect_eq({ now.mark, a.closed, b.closed, beside.mark, now.once }, { 0, nil, nil, 0, 0 })
      expect(beside.n - calm.n >= 9, "ticks of the other room")
      expect_eq(now.n - before.n, beside.n - calm.n - (way.refused and 0 or 1), "all ticks but that of the stop")
      expect_eq(now.beats - before.beats, beside.beats - calm.beats, "beats")
      local seats = { [tostring(a.id)] = "ann", [tostring(c.id)] = "cid" }
      local have = {}
      for id, row in pairs(now.seats) do have[tostring(id)] = row.name end
      expect_eq(have, seats, "rows of the state")
      expect_eq(#a:events(), 0, "what it sent is dropped")
      a:request "look"
      step(50)
      local answer = a:fresh("reply")[1].data
      local ids = { a.id }
      if not way.gone then ids[2] = c.id end
      if late and not way.refused and not way.watches then ids[#ids + 1] = late.id end
      expect_eq(answer, { ids = ids, same = true, kept = way.refused and 0 or 1 },
        "seats, and the timer that it had set: timers are private")
      if way.refused then expect_eq(late.closed.code, 1011) end
      step(1500)
      expect_eq({ a:state().once, b:state().once }, { 1, 1 }, "the timer of create, once")
      expect_no_errors()
    end)
  end

  test("stopped in create: the room is there, with its timers (" .. codec .. ")", function()
    game("g", code(1))
    local b = join("g", { codec = codec, room = "pit" })
    local a = join("g", { codec = codec, room = "den", hang = "create" })
    step(50)
    local errors, n = rig.errors():gsub("20 ms %(budget_kill%)", "")
    expect_eq(n, 1, errors)
    step(2450)
    expect_eq({ a:state().once, b:state().once }, { 1, 1 })
    expect(a:state().beats >= 24 and b:state().beats >= 24)
    expect_eq({ a.closed, b.closed }, {})
  end)

  test("stopped in reloaded: the code before goes on, in both rooms (" .. codec .. ")", function()
    game("g", code(1))
    local a, b = join("g", { codec = codec, room = "den" }), join("g", { codec = codec, room = "pit" })
    step(500)
    a:send("trap", "reloaded")
    step(50)
    local before, calm = copy(a:state()), copy(b:state())
    edit("g", code(2))
    step(100)
    local errors = rig.errors()
    expect(errors:find("20 ms (budget_kill)", 1, true), errors)
    step(400)
    expect_no_errors()
    local now, beside = a:state(), b:state()
    expect_eq({ now.mark, now.once, a.closed, b.closed }, { 0, 0, nil, nil })
    expect_eq(now.beats - before.beats, beside.beats - calm.beats)
    expect(now.n >= before.n + 8 and beside.n >= calm.n + 8)
    expect_eq(edit("g", code(3)), true, "and the next reload is taken")
    step(100)
    expect_eq({ a:state().v, b:state().v }, { 3, 3 })
    step(1500)
    expect_eq({ a:state().once, b:state().once }, { 1, 1 })
  end)
end

test("a timer that is stopped each time keeps its period, beside others", function()
  game("g", [[
    local g = parlor.game { tick_rate = 20, budget_kill = 20, max_kills = 32, state = { good = s.u32, bad = s.u32 } }
    function g:create() self.id = self:every(500, "hang") self:every(100, "fine") end
    function g:hang() self.state.bad = 1 self.hangs = (self.hangs or 0) + 1 while true do end end
    function g:fine() self.state.good = self.state.good + 1 end
    function g:message() self:cancel(self.id) return self.hangs end
    return g
  ]])
  local a = join "g"
  step(50)
  local good = copy(a:state()).good
  step(2000)
  local _, n = rig.errors():gsub("budget_kill", "")
  expect_eq(n, 4)
  expect_eq({ a:state().good - good, a:state().bad }, { 20, 0 })
  a:request "stop"
  step(1000)
  expect_eq(a:fresh("reply")[1].data, 4)
  expect_no_errors()
end)
