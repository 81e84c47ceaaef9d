-- SPDX-License-Identifier: MIT
-- Which room one gets, and when rooms begin and end.

local source = [[
local g = parlor.game { tick_rate = 20, max_players = 2, OPTIONS
  messages = { lock = { on = s.bool } } }
function g:create(o) self.first = o.name end
function g:join(p) p:send("room", { id = self.id, first = self.first }) end
function g.on.lock(room, p, m) room:lock(m.on) end
return g
]]

local function pond(options)
  game("g", (source:gsub("OPTIONS", options or "")))
end

-- Which room a client was told that it is in.
local function room_of(c)
  step(50)
  for _, r in ipairs(c.log) do if r.name == "room" then return r.data.id end end
end

test("the fullest open room is filled first, then another opens", function()
  pond()
  local list = {}
  for i = 1, 5 do list[i] = room_of(join("g", { name = "p" .. i })) end
  expect_eq(list[1], list[2])
  expect_eq(list[3], list[4])
  expect(list[1] ~= list[3] and list[3] ~= list[5])
  expect_eq(#rooms "g", 3)
end)

test("a named room is made on demand, is not for others, and can be full", function()
  pond()
  local a = join("g", { room = "den", name = "ann" })
  expect_eq(room_of(a), "den")
  expect(room_of(join "g") ~= "den")
  expect_eq(room_of(join("g", { room = "den" })), "den")
  for _, codec in ipairs { "json", "binary", "plain" } do
    local c = join("g", { room = "den", codec = codec })
    step(50)
    expect_eq(c:story(), "bye")
    expect_eq(c.closed, { code = 4004, reason = "room is full" })
  end
end)

test("held seats count as taken", function()
  pond()
  local a, b = join("g", { room = "den" }), join("g", { room = "den" })
  step(50)
  b:cut()
  local c = join("g", { room = "den" })
  step(50)
  expect_eq(c.closed.code, 4004)
end)

test("listed rooms must exist already", function()
  pond('rooms = "listed",')
  local a = join("g", { room = "den" })
  step(50)
  expect_eq(a.closed.code, 4002)
  local b = join "g"
  local id = room_of(b)
  expect_eq(room_of(join("g", { room = id })), id)
end)

test("a locked room takes only those who name it", function()
  pond()
  local a = join "g"
  local id = room_of(a)
  a:send("lock", { on = true })
  step(50)
  local b = join "g"
  expect(room_of(b) ~= id)
  b:leave()
  step(100)
  expect_eq(room_of(join("g", { room = id })), id)
  a:send("lock", { on = false })
  step(50)
end)

test("closing ends the room after the callback, with the reason, and tells everybody", function()
  game("g", [[
    local told = {}
    local g = parlor.game { tick_rate = 20, messages = { close = { why = s.str } } }
    function g.on.close(room, p, m) room:broadcast("last") room:close(m.why) end
    function g:message(p, name) told[#told + 1] = name end
    function g:tick() self.ticks = (self.ticks or 0) + 1 end
    function g:leave(p, reason) told[#told + 1] = p.id .. " " .. reason end
    function g:close(reason) told[#told + 1] = "close " .. reason .. " " .. (next(self.players) and "full" or "empty") end
    function g:join(p) p:send("told", told) end
    return g
  ]])
  local a, b = join "g", join("g", { codec = "binary" })
  step(50)
  a:story() b:story()
  a:send("close", { why = "game over" })
  a:send("after")
  step(50)
  expect_eq(a:story(), "last bye")
  expect_eq(b:story(), "last bye")
  expect_eq(a.closed, { code = 4008, reason = "game over" })
  expect_eq(b.closed, { code = 4008, reason = "game over" })
  expect_eq({ rig.rooms "g" }, { {}, 0, 0 })
  local c = join "g"
  step(50)
  expect_eq(c:events()[1].data, { "1 closed", "2 closed", "close closed empty" })
  c:leave()
  step(50)
  local d = join "g"
  step(50)
  expect_eq(d:events()[1].data[5], "close empty empty")
end)

test("event-driven: what was sent right before the end leaves, though no flush was due", function()
  game("g", [[
    local g = parlor.game { tick_rate = 0, sync_rate = 1, state = { n = s.u8 } }
    function g:message(p, name) self.state.n = 7 self:broadcast("over") self:close() end
    return g
  ]])
  local a, b = join "g", join("g", { codec = "binary" })
  step(1100)
  a:story() b:story()
  a:send("end")
  step(1)
  expect_eq(a:story(), "delta over bye")
  expect_eq(b:story(), "delta over bye")
  expect_eq(a.closed, { code = 4008, reason = "room closed" })
end)

-- The places where a script may end its room, each with a source that does so there.
local places = {
  create = "function g:create() self:close('now') end",
  join = "function g:join() self:close('now') end",
  tick = "function g:tick() if self.tick == 5 then self:close('now') end end",
  timer = "function g:create() self:after(100, 'stop') end function g:stop() self:close('now') end",
  leave = "function g:leave() self:close('now') end",
  drop = "function g:drop() self:close('now') end",
  message = "function g:message() self:close('now') end",
}
for place, code in pairs(places) do
  for _, rate in ipairs { 0, 20 } do
    if place ~= "tick" or rate > 0 then
      test(("close inside %s at tick_rate %d ends it cleanly"):format(place, rate), function()
        game("g", ("local g = parlor.game { tick_rate = %d }\n%s\nreturn g"):format(rate, code))
        local a, b, c = join "g", join("g", { codec = "binary" }), join("g", { codec = "plain" })
        step(60)
        if b.conn and place == "message" then b:send("x") end
        if b.conn and place == "leave" then b:leave() end
        if b.conn and place == "drop" then b:cut() end
        step(300)
        expect_eq(a.closed, { code = 4008, reason = "now" })
        expect_eq(c.closed.code, 4008)
        expect_eq({ rig.rooms "g" }, { {}, 0, 0 })
      end)
    end
  end
end

test("a room that is about to end sends newcomers round again, not away for good", function()
  game("g", [[
    local g = parlor.game { tick_rate = 20 }
    function g:reloaded() self:close() end
    return g
  ]])
  local a = join("g", { room = "den" })
  step(50)
  rig.reload "g"
  local b = join("g", { room = "den" })
  step(0)
  expect_eq(b.closed and b.closed.code or 1013, 1013)
end)

test("many rooms come and go and leave nothing", function()
  game("g", [[
    local g = parlor.game { tick_rate = 20, max_players = 2, state = { m = s.map { x = s.u8 } } }
    function g:join(p) self.state.m[p.id] = { x = p.id } self:every(100, "again") end
    function g:again() self.state.m[1] = nil end
    return g
  ]])
  for round = 1, 5 do
    local all = {}
    for i = 1, 60 do
      all[i] = join("g", { room = i % 3 == 0 and "r" .. i or nil, codec = i % 2 == 0 and "binary" or "json" })
    end
    step(60 + 20 * round)
    expect(#rooms "g" >= 30)
    for i, c in ipairs(all) do if i % 2 == 0 then c:leave() else c:cut(1001) end end
    step(31000)
    expect_eq({ rig.rooms "g" }, { {}, 0, 0 })
  end
end)

test("a folder that is gone takes its rooms along", function()
  game("g", "local g = parlor.game { tick_rate = 20 } return g")
  local a, waiting = join "g", connect "g"
  step(50)
  rig.close_game "g"
  waiting:hello()
  step(50)
  expect_eq(a.closed.code, 4008)
  expect_eq(waiting.closed.code, 4002)
end)
