-- SPDX-License-Identifier: MIT
-- Those who watch: they see, and nothing else.

local source = [[
local g = parlor.game { tick_rate = 20, max_players = 2, max_spectators = 3, reconnect = 10, OPTIONS
  state = { n = s.u32, heard = s.str,
    ships = s.map({ x = s.u16, hand = s.str { to = "owner" } }, { interest = s.near { x = "x", y = "x", see = 10 } }),
    hands = s.map({ cards = s.str { to = "owner" } }) } }
local function add(room, id, x)
  room.state.ships[id], room.state.hands[id] = { x = x, hand = "secret" }, { cards = "secret" }
end
function g:join(p) add(self, p.id, p.id * 100) p:send("seat", p.spectator) end
function g:spectate(p, options)
  add(self, p.id, 7) -- a mistake of the game: it owns nothing all the same
  p:send("watch", { p.spectator, options.from, p.name })
end
function g:message(p, name, data)
  self.state.heard = name
  if name == "look" then for _, w in pairs(self.spectators) do w:view { x = data, y = data } end end
  if name == "kick" then for _, w in pairs(self.spectators) do w:kick "go" end end
  if name == "count" then
    local n, m = 0, 0
    for _ in pairs(self.players) do n = n + 1 end
    for _ in pairs(self.spectators) do m = m + 1 end
    self:broadcast("counted", { n, m })
  end
end
function g:drop(p) self.state.n = self.state.n + 1000 end
function g:leave(p) self.state.n = self.state.n + 1 end
return g
]]

local function open(options) game("g", (source:gsub("OPTIONS", options or ""))) end

local function watch(options)
  options.spectate = true
  local c = join("g", options)
  step(100)
  return c
end

local function last_event(c)
  local list = c:events()
  return list[#list] and list[#list].data
end

for _, codec in ipairs { "json", "binary", "plain" } do
  test("a spectator has no seat, and is told so (" .. codec .. ")", function()
    open()
    local a = join("g", { room = "den" })
    step(100)
    expect_eq(last_event(a), false)
    local w = watch { room = "den", codec = codec, from = "here", name = "eve", spectate = "1" }
    expect(w.hello_said.spectator and w.hello_said.room == "den")
    expect_eq(last_event(w), { true, "here", "eve" })
    local b = join("g", { room = "den" })
    step(100)
    expect(b.hello_said and not b.hello_said.spectator, "both seats are for players")
    a:send "count"
    step(100)
    expect_eq(last_event(w), { 2, 1 })
    expect_eq(rooms("g")[1].seats, 2)
    w:leave()
    a:send "count"
    step(100)
    expect_eq(last_event(a), { 2, 0 })
    expect_eq(a:state().n, 0, "leave and drop are for players")
  end)

  test("a spectator is in step, with a view of its own and nobody's secrets (" .. codec .. ")", function()
    open()
    local a, b = join("g", { room = "den" }), join("g", { room = "den" })
    step(100)
    local w = watch { room = "den", codec = codec }
    local function ships()
      local list = {}
      for id, ship in pairs(w:state().ships) do
        list[#list + 1] = tonumber(id)
        expect(ship.hand == nil or ship.hand == "", "an owner's field")
      end
      table.sort(list)
      return list
    end
    expect_eq(ships(), {}, "no row is its own")
    for _, x in ipairs { 100, 200 } do
      a:send("look", x)
      step(100)
      expect_eq(ships(), { x / 100 })
    end
    local mine = join("g", { room = "den2", codec = codec })
    step(100)
    expect_eq(mine:state().hands["1"].cards, "secret", "whose row it is sees it")
    for _, row in pairs(w:state().hands) do expect(row.cards == nil or row.cards == "", "cards") end
    expect_eq(w:state().heard, "look")
  end)

  test("what a spectator says reaches no script (" .. codec .. ")", function()
    open()
    local a = join("g", { room = "den" })
    step(100)
    local w = watch { room = "den", codec = codec }
    w:story()
    w:send "hello"
    local id = w:request("hello")
    step(100)
    expect_eq(a:state().heard, "")
    local reply = w:fresh "reply"
    expect_eq({ #reply, reply[1].id, reply[1].ok, reply[1].data }, { 1, id, false, "spectators only watch" })
    for _ = 1, 400 do w:send "hello" end
    step(100)
    expect_eq(w.closed.code, 4006)
    expect_eq(a:state().heard, "")
  end)
end

test("any room: the fullest that is not private; none is made for who watches", function()
  open()
  local w = watch {}
  expect_eq(w.closed.code, 4002)
  expect_eq(watch { room = "den" }.closed.code, 4002)
  local own = join("g", { private = true })
  step(100)
  expect_eq(watch {}.closed.code, 4002)
  expect_eq(watch({ code = own.hello_said.room }).hello_said.room, own.hello_said.room)
  join("g", { room = "a" }) join("g", { room = "b" }) join("g", { room = "b" })
  step(100)
  expect_eq(watch({}).hello_said.room, "b", "also where it is full")
  expect_eq(watch({ private = true }).closed.code, 4001)
  expect_eq(watch({ party = { id = "p", size = 2 } }).closed.code, 4001)
end)

test("more than max_spectators do not fit; whoever is cut off has no place held", function()
  open()
  local a = join("g", { room = "den" })
  step(100)
  local list = {}
  for i = 1, 3 do list[i] = watch { room = "den", codec = codecs[i % 2 + 1] } end
  expect_eq(watch({ room = "den" }).closed, { code = 4004, reason = "too many watch this room" })
  list[1]:cut()
  step(100)
  local again = watch { room = "den" }
  expect(again.hello_said)
  list[2]:resume()
  step(100)
  expect_eq(list[2].closed.code, 4002)
  a:send "kick"
  step(100)
  expect_eq(again.closed, { code = 4000, reason = "go" })
  expect_eq(#a:fresh "bye", 0)
end)

test("a room ends with its last player, whoever watches", function()
  open "tick_rate = 0,"
  local a = join("g", { room = "den" })
  step(100)
  local w = watch { room = "den" }
  a:leave()
  step(200)
  expect_eq(w.closed.code, 4008)
  expect_eq({ rig.rooms "g" }, { {}, 0, 0 })
end)

test("who watches goes on watching after a reload", function()
  open()
  join("g", { room = "den" })
  step(100)
  local w = watch { room = "den", codec = "binary" }
  edit("g", (source:gsub("OPTIONS", "") :gsub("n = s.u32", "n = s.u32, more = s.u8 { default = 3 }")))
  step(200)
  expect_eq(w:state().more, 3)
end)
