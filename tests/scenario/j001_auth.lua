-- SPDX-License-Identifier: MIT
-- Who comes in: the game's auth, before a seat is given.

local all = { "json", "binary", "plain", "raw" }

local source = [[
local g = parlor.game { tick_rate = 20, max_players = 2, auth_timeout = 2, OPTIONS }
local n = 0
function g:auth(q)
  n = n + 1
  if q.options.wait then parlor.sleep(q.options.wait) end
  if q.options.again then for i = 1, q.options.again do parlor.sleep(10) end end
  if q.token == "bad" then return nil, "no such token" end
  if q.token == "mute" then return nil end
  if q.token == "raise" then error("oops") end
  if q.token == "odd" then return 7 end
  if q.token == "fn" then return { user = print } end
  if q.token == "big" then return { user = ("x"):rep(20000) } end
  if q.token == "loop" then while true do end end
  if q.token == "yield" then coroutine.yield(5) end
  return { user = { id = q.token, n = n, room = q.room, game = q.game, self = self == g,
    address = q.address, agent = q.headers["user-agent"] } }
end
function g:create(o) self.made = o.token or "no token" end
function g:join(p, o) p:send("you", { user = p.user, token = o.token or "no token", made = self.made }) end
function g:message(p, name, data) p:send("echo", name) end
function g:leave(p, why) end
return g
]]

local function pond(options, change)
  game("g", (source:gsub("OPTIONS", options or "")):gsub("^", change or ""))
end

local function you(c)
  for _, r in ipairs(c.log) do if r.name == "you" then return r.data end end
end

local function nobody_sits() expect_eq({ rig.rooms "g" }, { {}, 0, 0 }) end

for _, codec in ipairs { "json", "binary", "plain" } do
  test("who passes has a user, and rooms never see the token: " .. codec, function()
    pond()
    local c = join("g", { codec = codec, room = "den", token = "t1",
      door = { address = "192.0.2.1", headers = { ["user-agent"] = "me" } } })
    step(50)
    expect_eq(you(c), { made = "no token", token = "no token", user = { id = "t1", n = 1, room = "den", game = "g",
      self = true, address = "192.0.2.1", agent = "me" } })
  end)

  test("the token may also come with the handshake; that of the hello goes first: " .. codec, function()
    pond()
    local c = join("g", { codec = codec, door = { token = "cookie" } })
    local d = join("g", { codec = codec, door = { token = "cookie" }, token = "hello" })
    step(50)
    expect_eq(you(c).user.id, "cookie")
    expect_eq(you(d).user.id, "hello")
  end)
end

for _, codec in ipairs(all) do
  test("who is refused hears why and has never had a seat: " .. codec, function()
    pond(codec == "raw" and "raw = true" or "")
    for token, why in pairs { bad = "no such token", mute = "refused by the game" } do
      for _, wait in ipairs { false, 100 } do
        local c = join("g", { codec = codec, token = token, wait = wait or nil })
        step(200)
        expect_eq(c:story(), codec == "raw" and "" or "bye")
        expect_eq(c.closed, { code = 4003, reason = why })
        nobody_sits()
      end
    end
  end)

  test("an auth that fails lets nobody in: " .. codec, function()
    pond(codec == "raw" and "raw = true" or "")
    local wrong = { raise = "oops", odd = "auth must return", fn = "user: ", big = "16384 bytes",
      yield = "only parlor.sleep may wait" }
    for token, why in pairs(wrong) do
      local c = join("g", { codec = codec, token = token })
      step(50)
      expect_eq(c.closed, { code = 1011, reason = "the game could not tell who you are" })
      local errors = rig.errors()
      expect(errors:find("g auth: ", 1, true) and errors:find(why, 1, true), errors)
      nobody_sits()
    end
  end)

  test("auth waits while the room plays on, and messages sent meanwhile are not lost: " .. codec, function()
    pond(codec == "raw" and "raw = true" or "")
    if codec ~= "raw" then
      local other = join "g"
      step(50)
      local before = the_room("g").tick
      local c = join("g", { codec = codec, wait = 1000 })
      if codec ~= "binary" then c:send("early") end
      step(500)
      expect_eq(c:story(), "")
      expect_eq(the_room("g").seats, 1)
      expect(the_room("g").tick >= before + 9)
      step(600)
      expect_eq(c:story(), codec == "binary" and "hello schema keys snapshot you" or "hello snapshot you echo")
    else
      local c = join("g", { codec = codec, wait = 1000 })
      c:send("early")
      step(900)
      nobody_sits()
      step(200)
      expect_eq(#rooms "g", 1)
    end
  end)

  test("auth that takes too long ends with 1013, at the time it may take: " .. codec, function()
    pond(codec == "raw" and "raw = true" or "")
    local c = join("g", { codec = codec, wait = 5000 })
    local d = join("g", { codec = codec, again = 1000 })
    step(1950)
    expect_eq({ c.closed, d.closed }, {})
    step(100)
    expect_eq(c.closed, { code = 1013, reason = "the game took too long" })
    expect_eq(d.closed, { code = 1013, reason = "the game took too long" })
    step(5000)
    nobody_sits()
  end)

  test("a client that leaves while auth waits leaves nothing behind: " .. codec, function()
    pond(codec == "raw" and "raw = true" or "")
    local a, b = join("g", { codec = codec, wait = 500 }), join("g", { codec = codec, wait = 500 })
    step(100)
    a:leave()
    b:cut()
    step(1000)
    nobody_sits()
  end)

  test("parallel joins never take more seats than there are: " .. codec, function()
    pond(codec == "raw" and "raw = true" or "")
    local list = {}
    for i = 1, 5 do list[i] = join("g", { codec = codec, room = "den", wait = 100 + i % 2 }) end
    step(300)
    local n_in, n_full = 0, 0
    for _, c in ipairs(list) do
      if not c.closed then n_in = n_in + 1
      elseif c.closed.code == 4004 then n_full = n_full + 1 end
    end
    expect_eq({ n_in, n_full, the_room("g").seats }, { 2, 3, 2 })
  end)
end

test("the room that fills while auth waits is full for who comes late", function()
  pond()
  local late = join("g", { room = "den", wait = 300 })
  join("g", { room = "den" }) join("g", { room = "den" })
  step(500)
  expect_eq(late.closed, { code = 4004, reason = "room is full" })
  expect_eq(the_room("g").seats, 2)
end)

test("a runaway auth is stopped within the budget of a callback", function()
  pond "budget_kill = 20,"
  local other, c = join "g", join("g", { token = "loop" })
  step(50)
  expect_eq(c.closed.code, 1011)
  expect(rig.errors():find("stopped after 20 ms (budget_kill)", 1, true))
  expect_eq(other:story(), "hello snapshot you")
end)

test("only so many may wait", function()
  pond "auth_waiting = 3,"
  local list = {}
  for i = 1, 4 do list[i] = join("g", { wait = 500 }) end
  step(50)
  expect_eq(list[4].closed, { code = 1013, reason = "try again later" })
  list[1]:cut()
  local next = join("g", { wait = 500 })
  step(50)
  expect_eq(next.closed, nil)
  step(1000)
  expect_eq(list[2].closed, nil)
end)

test("what is sent while auth waits is bounded", function()
  pond()
  local many, big = join("g", { wait = 500 }), join("g", { wait = 500 })
  for i = 1, 65 do many:send("x") end
  for i = 1, 5 do big:send("x", ("y"):rep(14000)) end
  step(50)
  expect_eq({ many.closed.code, big.closed.code }, { 4006, 4006 })
  step(1000)
  nobody_sits()
end)

test("what stands behind a hello in one message is read once there is a seat", function()
  pond()
  for _, wait in ipairs { 0, 100 } do
    local c = connect("g", { codec = "binary" })
    local w = play_wire
    c:bytes("\129\1" .. w.le(0, 4) .. "\0" .. w.any { wait = wait > 0 and wait or nil } ..
      "\133\0" .. w.str "one" .. "\0" .. "\133\0" .. w.str "two" .. "\0")
    step(200)
    expect_eq(wait .. c:story(), wait .. "hello schema keys snapshot you echo echo")
    c:leave()
    step(50)
  end
end)

test("who waits when the VM is lost is sent round again", function()
  game("g", [[
    local g = parlor.game { tick_rate = 20, memory = 24, max_kills = 32 }
    function g:auth(q) parlor.sleep(q.options.wait or 0) return {} end
    function g:message(p, name) keep = {} for i = 1, 1e7 do keep[i] = { i } end end
    return g
  ]])
  local c = join "g"
  step(100)
  local waits = join("g", { wait = 5000 })
  step(50)
  c:send("eat")
  step(100)
  rig.errors()
  expect_eq(waits.closed, { code = 1013, reason = "try again later" })
  step(5000)
  expect_eq(the_room("g").seats, 1)
end)

test("an auth that takes the VM down lets nobody in; the rooms go on", function()
  game("g", [[
    local g = parlor.game { tick_rate = 20, memory = 24, max_kills = 32, state = { n = s.uint } }
    function g:auth(q)
      if q.token == "eat" then keep = {} for i = 1, 1e7 do keep[i] = { i } end end
      return { user = q.token }
    end
    function g:message(p, name) self.state.n = self.state.n + 1 p:send("user", p.user) end
    return g
  ]])
  local c = join("g", { token = "ann" })
  step(50)
  c:send "x"
  step(50)
  local bad = join("g", { token = "eat" })
  step(100)
  expect_eq(bad.closed.code, 1011)
  expect(rig.errors():find("memory", 1, true))
  c:story()
  c:send "x"
  step(50)
  expect_eq({ c:state().n, c.log[#c.log].data }, { 2, "ann" })
end)

test("a second hello while auth waits is told off once there is a seat", function()
  pond()
  local c = join("g", { wait = 100 })
  c:hello()
  step(200)
  expect_eq(c.closed.code, 1002)
end)

test("a resume is not asked again, and keeps the user", function()
  pond "reconnect = 30,"
  local c = join("g", { token = "t1" })
  step(50)
  c:resume()
  c:send("x")
  step(50)
  expect_eq(c:story():match("echo"), "echo")
  expect_eq(you(c).user.n, 1)
end)

test("a reload asks again with the new code; what sleeps of the old one never wakes", function()
  pond()
  local c = join("g", { wait = 1000, token = "t1" })
  step(100)
  expect(edit("g", [[
    local g = parlor.game { tick_rate = 20 }
    function g:auth(q) return { user = "new " .. q.token } end
    function g:join(p) p:send("you", { user = p.user }) end
    return g
  ]]))
  step(50)
  expect_eq(you(c).user, "new t1")
  step(2000)
  expect_eq(the_room("g").seats, 1)
end)

test("a reload that drops auth lets in who waits, without a user", function()
  pond()
  local c = join("g", { wait = 1000, token = "t1" })
  step(100)
  expect(edit("g", [[
    local g = parlor.game { tick_rate = 20 }
    function g:join(p) p:send("you", { user = type(p.user) }) end
    return g
  ]]))
  step(50)
  expect_eq(you(c).user, "nil")
end)

test("a stop of the server and the end of the game reach who waits", function()
  pond()
  local a, b = join("g", { wait = 1000 }), connect("g", { wait = 1000 })
  step(50)
  rig.close_game "g"
  b:hello()
  step(50)
  expect_eq({ a.closed.code, b.closed.code }, { 4002, 4002 })
  pond()
  local c = join("g", { wait = 1000 })
  step(50)
  rig.stop(1001, "bye")
  step(50)
  expect_eq(c.closed.code, 1001)
end)

test("a game without auth knows no user and hands on all options", function()
  game("g", [[
    local g = parlor.game { tick_rate = 20 }
    function g:join(p, o) p:send("you", { user = type(p.user), token = o.token }) end
    return g
  ]])
  local c = join("g", { token = "t" })
  step(50)
  expect_eq(you(c), { user = "nil", token = "t" })
end)

test("the user is there again after the VM was replaced", function()
  game("g", [[
    local g = parlor.game { tick_rate = 20, memory = 24, max_kills = 32 }
    function g:auth(q) return { user = { id = 7 } } end
    function g:message(p, name)
      if name == "eat" then keep = {} for i = 1, 1e7 do keep[i] = { i } end end
      p:send("user", p.user)
    end
    return g
  ]])
  local c = join "g"
  step(50)
  c:send("eat")
  step(100)
  rig.errors()
  c:story()
  c:send("ask")
  step(50)
  expect_eq(c:story(), "user")
  expect_eq(c.log[#c.log].data, { id = 7 })
end)

-- parlor.sleep and parlor.async.

test("async code of a room sleeps, goes on between its ticks, and ends with it", function()
  game("g", [[
    local g = parlor.game { tick_rate = 20 }
    function g:join(p)
      parlor.async(function(a, b)
        for i = 1, 3 do parlor.sleep(100) self:broadcast("step", { i, a, b }) end
      end, "x", nil)
    end
    return g
  ]])
  local c = join "g"
  step(1000)
  expect_eq(c:story(), "hello snapshot step step step")
  local d = join "g"
  step(150)
  c:leave() d:leave()
  step(1000)
  nobody_sits()
end)

test("async can be cancelled, and its errors end only itself", function()
  game("g", [[
    local g = parlor.game { tick_rate = 20 }
    function g:join(p)
      local id = parlor.async(function() parlor.sleep(200) self:broadcast("never") end)
      self.id = id
      parlor.async(function() parlor.sleep(50) error("in async") end)
      parlor.async(function() parlor.sleep(100) self:broadcast("cancelled", self:cancel(id)) end)
    end
    return g
  ]])
  local c = join "g"
  step(1000)
  expect_eq(c:story(), "hello snapshot cancelled")
  expect_eq(c.log[#c.log].data, true)
  expect(rig.errors():find("game.lua:7: in async", 1, true))
end)

test("a reload ends async code; timers stay", function()
  local text = [[
    local g = parlor.game { tick_rate = 20 }
    function g:join(p)
      parlor.async(function() while true do parlor.sleep(50) self:broadcast("old") end end)
      self:every(100, "round")
    end
    function g:round() self:broadcast("round") end
    return g
  ]]
  game("g", text)
  local c = join "g"
  step(120)
  c:story()
  expect(edit("g", text))
  step(250)
  expect(not c:story():find("old"))
  step(250)
  expect(c:story():find("round"))
end)

test("only auth and async may sleep", function()
  game("g", [[
    local g = parlor.game { tick_rate = 20 }
    function g:message(p, name)
      local how = { sleep = function() parlor.sleep(1) end,
        inner = function() coroutine.wrap(function() parlor.sleep(1) end)() end,
        ms = function() parlor.sleep("1") end, async = function() parlor.async(7) end }
      local ok, why = pcall(how[name])
      p:send("why", why)
    end
    return g
  ]])
  local c = join "g"
  step(50)
  for name, why in pairs { sleep = "only auth and parlor.async may wait", inner = "only auth and parlor.async may wait",
    ms = "parlor.sleep takes a number of ms", async = "parlor.async takes a function" } do
    c:send(name)
    step(50)
    expect(c.log[#c.log].data:find(why, 1, true), c.log[#c.log].data)
    expect(c.log[#c.log].data:find("game.lua:%d+: "), c.log[#c.log].data)
  end
end)
