-- SPDX-License-Identifier: MIT
-- http(), which belongs to no room, and what it leaves for rooms.
local wire = require "kit.wire"

local errors = rig.errors

local function ask(request)
  request.query, request.headers = request.query or {}, request.headers or {}
  local status, headers, body = rig.http("g", wire.any(request))
  return status, body, headers
end

local source = [[
local g = parlor.game { tick_rate = TICK, state = { log = s.list(s.str(32)) } }
function g.http(q)
  if q.path == "/rooms" then return 200, parlor.rooms(q.query.game) end
  if q.path == "/raise" then error "oh no" end
  if q.path == "/loop" then while true do end end
  if q.path == "/odd" then return q.data[1], q.data[2], q.data[3] end
  if q.path == "/self" then return 200, { n = select("#", parlor.signal(q.data.room, "x")) } end
  if q.path == "/signal" then
    local ok, why = parlor.signal(q.data.room, q.data.name, q.data.value)
    return ok and 202 or 404, { ok = ok, why = why }
  end
end
function g:signal(name, data)
  if name == "raise" then error "signal raised" end
  self.state.log[#self.state.log + 1] = name .. "=" .. tostring(data)
end
function g:message(player, name, data) player:send("told", { parlor.signal(data.room, name, player.id) }) end
return g
]]

local function open(tick) game("g", (source:gsub("TICK", tick or 20))) end

for _, tick in ipairs { 20, 0 } do
  test("a signal runs in its room's next step, once and in order: tick_rate " .. tick, function()
    open(tick)
    local a, b = join("g", { room = "one" }), join("g", { room = "two" })
    step(200)
    for i = 1, 3 do
      expect_eq(ask { path = "/signal", data = { room = "one", name = "n", value = i } }, 202)
    end
    step(200)
    expect_eq(a:state().log, { "n=1", "n=2", "n=3" })
    expect_eq(b:state().log, {})
    a:send("hello", { room = "two" }) -- from a room to another, and to itself
    a:send("own", { room = "one" })
    step(200)
    expect_eq(b:state().log, { "hello=1" })
    expect_eq(a:state().log[4], "own=1")
  end)
end

test("what cannot be left is said, and hurts nobody", function()
  open()
  local a = join("g", { room = "one" })
  step(200)
  local status, body = ask { path = "/signal", data = { room = "nowhere", name = "n" } }
  expect_eq(status, 404)
  expect_eq(rig.json(body).why, "there is no such room")
  expect_eq((ask { path = "/signal", data = { room = "one", name = ("x"):rep(65) } }), nil)
  expect_eq((ask { path = "/signal", data = { room = "one", name = "" } }), nil)
  expect(errors():find "1 to 64 bytes")
  for i = 1, 1000 do expect_eq((ask { path = "/signal", data = { room = "one", name = "n", value = i } }), 202) end
  status, body = ask { path = "/signal", data = { room = "one", name = "n" } }
  expect_eq(status, 404)
  expect_eq(rig.json(body).why, "too much waits in this room")
  expect_eq((ask { path = "/signal", data = { room = "one", name = "raise" } }), 404)
  step(200)
  expect_eq(#a:state().log, 1000)
  expect_eq((ask { path = "/signal", data = { room = "one", name = "raise" } }), 202)
  expect_eq((ask { path = "/signal", data = { room = "one", name = "after" } }), 202)
  step(200)
  expect_eq(a:state().log[1001], "after=nil")
  expect(errors():find "signal raised")
end)

test("the list has every room, private ones for the game itself only", function()
  open()
  game("h", 'local h = parlor.game { state = {} } function h.http() return 200, parlor.rooms "g" end return h')
  join("g", { room = "one" })
  join("g", { private = true })
  step(200)
  local status, body = ask { path = "/rooms" }
  local rooms = rig.json(body)
  expect_eq(status, 200)
  expect_eq(#rooms, 2)
  table.sort(rooms, function(a) return a.id == "one" end)
  expect_eq(rooms[1], { id = "one", players = 1, max = 64, spectators = 0, locked = false, private = false, labels = {} })
  expect_eq(rooms[2].private, true)
  local _, _, seen = rig.http("h", wire.any { path = "/" })
  expect_eq(#rig.json(seen), 1)
  status, body = ask { path = "/rooms", query = { game = "nothing" } }
  expect_eq(status, 200)
  expect_eq(body, "")
end)

test("answers: types, headers, nothing", function()
  open()
  local function odd(...) return ask { path = "/odd", data = { ... } } end
  local status, body, headers = odd(200, "text")
  expect_eq(status, 200)
  expect_eq(body, "text")
  expect_eq(headers, "Content-Type: text/plain; charset=utf-8\r\n")
  status, body, headers = odd(201, { a = 1 }, { ["X-A"] = 7, ["content-type"] = "application/x" })
  expect_eq(status, 201)
  expect_eq(body, '{"a":1}')
  expect(headers:find("X-A: 7\r\n", 1, true) and headers:find("content-type: application/x\r\n", 1, true))
  expect(not headers:find "application/json")
  status, body = ask { path = "/none" }
  expect_eq(status, 404)
  expect_eq(body, "")
  for _, wrong in ipairs { { 199, "x" }, { 600, "x" }, { 200.5, "x" }, { "200", "x" }, { 200, "x", "h" },
    { 200, "x", { ["A B"] = "1" } }, { 200, "x", { A = "1\r\nB: 2" } }, { 200, "x", { ["Content-Length"] = "1" } },
    { 200, "x", { ["transfer-encoding"] = "chunked" } }, { 200, "x", { A = ("x"):rep(5000) } },
    { 200, ("x"):rep(2 ^ 20 + 1) } } do
    expect_eq((odd(wrong[1], wrong[2], wrong[3])), nil)
    expect(errors() ~= "")
  end
end)

test("a script that fails or never ends costs that request only", function()
  open()
  local a = join("g", { room = "one" })
  step(200)
  expect_eq((ask { path = "/raise" }), nil)
  expect(errors():find "oh no")
  expect_eq((ask { path = "/loop" }), nil)
  expect(errors() ~= "")
  expect_eq((ask { path = "/signal", data = { room = "one", name = "n" } }), 202)
  step(200)
  expect_eq(a:state().log, { "n=nil" })
end)

test("a reload changes http, and one that fails at its first request is taken back", function()
  open()
  join("g", { room = "one" })
  step(200)
  edit("g", (source:gsub("TICK", 20):gsub('"oh no"', '"well"')))
  step(200)
  expect_eq((ask { path = "/raise" }), nil)
  expect(errors():find "well")
  step(200)
  expect_eq((ask { path = "/raise" }), nil)
  expect(errors():find "oh no")
end)
