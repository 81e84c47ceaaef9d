-- SPDX-License-Identifier: MIT
-- Who is kept out, by whom he is or where he comes from, and for how long.

local source = [[
local g = parlor.game { tick_rate = 20, reconnect = 30 }
function g:auth(q)
  if q.options.wait then parlor.sleep(q.options.wait) end
  if q.options.plain then return { user = q.token } end
  return { user = q.token and { id = tonumber(q.token) or q.token } }
end
function g:join(p) p:send("in") end
function g:message(p, name, o)
  local call = {
    ban = function() local a, b = p:ban(o) return a, b end,
    ban_other = function() local a, b = self.players[o.player]:ban(o) return a, b end,
    game_ban = function() local a, b = parlor.ban(o) return a, b end,
    unban = function() local a = parlor.unban(o) return a end,
  }
  local ok, a, b = pcall(call[name])
  local all = { ok = ok, value = a == nil and "nil" or a, why = b }
  self:broadcast("said", all)
end
return g
]]

local function said(c)
  step(50)
  for i = #c.log, 1, -1 do if c.log[i].name == "said" then return c.log[i].data end end
end

local function refused(options, reason)
  for _, codec in ipairs { "json", "binary", "plain" } do
    options.codec = codec
    local c = join("g", options)
    step(50)
    expect_eq(c:story(), "bye")
    expect_eq(c.closed, { code = 4003, reason = reason })
  end
end

local function welcome(options)
  local c = join("g", options)
  step(50)
  expect_eq(c.closed, nil)
  return c
end

test("a banned user is told why, here and in every room, until the time is over", function()
  game("g", source)
  local mod, bad = welcome { token = "mod" }, welcome { token = "bad", address = "192.0.2.7" }
  mod:send("ban_other", { player = 2, seconds = 60, reason = "be nice", by = "user" })
  expect_eq(said(mod), { ok = true, value = true })
  expect_eq(bad.closed, { code = 4003, reason = "be nice" })
  refused({ token = "bad" }, "be nice")
  refused({ token = "bad", room = "other", address = "203.0.113.9" }, "be nice")
  welcome { token = "good", address = "192.0.2.7" }
  step(60000)
  welcome { token = "bad" }
end)

test("by default a ban is by user where there is an id, else by address, for an hour", function()
  game("g", source)
  local a, b = welcome { token = "a", address = "192.0.2.7" }, welcome { address = "192.0.2.8" }
  a:send("ban")
  b:send("ban")
  step(50)
  refused({ token = "a" }, "banned")
  welcome { token = "other", address = "192.0.2.7" }
  refused({ token = "any", address = "192.0.2.8" }, "banned")
  step(3500000)
  refused({ token = "a" }, "banned")
  step(100000)
  welcome { token = "a" }
  welcome { address = "192.0.2.8" }
end)

test("an address is its /64 in IPv6, itself in IPv4; loopback is not exempt", function()
  game("g", source)
  local mod = welcome { address = "203.0.113.1" }
  for _, one in ipairs { "2001:db8:1:2::7", "192.0.2.7", "127.0.0.1" } do
    mod:send("game_ban", { address = one })
    expect_eq(said(mod).value, true)
  end
  refused({ address = "2001:db8:1:2:ffff::1" }, "banned")
  refused({ address = "192.0.2.7" }, "banned")
  refused({ address = "127.0.0.1" }, "banned")
  welcome { address = "2001:db8:1:3::7" }
  welcome { address = "192.0.2.8" }
  mod:send("unban", { address = "2001:db8:1:2::9" })
  expect_eq(said(mod).value, true)
  mod:send("unban", { address = "2001:db8:1:2::9" })
  expect_eq(said(mod).value, false)
  welcome { address = "2001:db8:1:2::7" }
end)

test("a ban reaches those who sit already, in any room, held seats too", function()
  game("g", source)
  local mod = welcome { token = "mod" }
  local here, there, away = welcome { token = "bad" }, welcome { token = "bad", room = "den" }, welcome { token = "bad" }
  away:cut()
  step(50)
  mod:send("game_ban", { user = "bad", reason = "out" })
  step(100)
  expect_eq({ here.closed.reason, there.closed.reason }, { "out", "out" })
  away:resume()
  step(50)
  expect_eq(away.closed.code, 4000)
  expect_eq(#rooms "g", 1)
  expect_eq(the_room("g").seats, 1)
end)

test("an id is what it is: 7 is not \"7\"; a user that is no table is its own id", function()
  game("g", source)
  local mod = welcome { token = "mod" }
  mod:send("game_ban", { user = "7" })
  expect_eq(said(mod).value, true)
  welcome { token = "7" }
  refused({ token = "7", plain = true }, "banned")
  mod:send("game_ban", { user = 7 })
  step(50)
  refused({ token = "7" }, "banned")
end)

test("a ban that comes while auth waits counts; a resume from a banned address is refused", function()
  game("g", source)
  local mod, seat = welcome { token = "mod" }, welcome { token = "x", address = "192.0.2.7" }
  local a = join("g", { token = "bad", wait = 500 })
  local b = join("g", { token = "ok", wait = 500, address = "192.0.2.9" })
  step(100)
  mod:send("game_ban", { user = "bad", reason = "late" })
  mod:send("game_ban", { address = "192.0.2.9", reason = "late too" })
  step(600)
  expect_eq({ a.closed.reason, b.closed.reason }, { "late", "late too" })
  seat:cut()
  mod:send("game_ban", { address = "192.0.2.7", reason = "not from here" })
  step(50)
  seat:resume()
  step(50)
  expect_eq(seat.closed, { code = 4003, reason = "not from here" })
end)

test("what cannot be a ban is told: misuse raises at the script's line", function()
  game("g", source)
  local mod = welcome { address = "none" }
  local wrong = {
    { "ban", { seconds = 0 }, "seconds: a number from 1" }, { "ban", { seconds = "x" }, "seconds: a number" },
    { "ban", { reason = 7 }, "reason: a string" }, { "ban", { by = "name" }, 'by: "user" or "address"' },
    { "game_ban", {}, "either user or address" }, { "game_ban", { user = "a", address = "b" }, "either user or address" },
    { "game_ban", { user = true }, "user: an id is expected" }, { "unban", { address = 7 }, "address: a string" },
  }
  for _, w in ipairs(wrong) do
    mod:send(w[1], w[2])
    local r = said(mod)
    expect(not r.ok and r.value:find(w[3], 1, true) and r.value:find("^g/game.lua:%d+: "), r.value)
  end
  local failed = {
    { "ban", { by = "user" }, "the player's user has no id that is a string or a number" },
    { "ban", {}, "the player's address is not known while it is away" },
    { "ban", { reason = ("x"):rep(121) }, "a reason has at most 120 bytes of UTF-8" },
    { "game_ban", { address = "10.0.0.300" }, "this is no address" },
    { "game_ban", { user = ("x"):rep(300) }, "this is no id of a user" },
  }
  for _, f in ipairs(failed) do
    mod:send(f[1], f[2])
    expect_eq(said(mod), { ok = true, value = "nil", why = f[3] })
  end
end)

test("a reload keeps the bans", function()
  game("g", source)
  local mod = welcome { token = "mod" }
  mod:send("game_ban", { user = "bad" })
  step(50)
  expect(edit("g", source))
  step(50)
  refused({ token = "bad" }, "banned")
end)

for _, how in ipairs { "a stop", "a kill" } do
  test("bans outlive " .. how .. " of the server, for the rest of their time", function()
    game("g", source)
    local mod = welcome { token = "mod" }
    mod:send("game_ban", { user = "bad", seconds = 100, reason = "be nice" })
    mod:send("game_ban", { address = "192.0.2.7", seconds = 1000 })
    mod:send("game_ban", { user = "soon", seconds = 20 })
    mod:send("game_ban", { user = "good" })
    step(50)
    mod:send("unban", { user = "good" })
    step(30000)
    restart(how == "a kill")
    refused({ token = "bad" }, "be nice")
    refused({ address = "192.0.2.7" }, "banned")
    welcome { token = "soon" }
    welcome { token = "good" }
    step(50000)
    restart(how == "a kill")
    refused({ token = "bad" }, "be nice")
    step(25000)
    welcome { token = "bad" }
    mod = welcome { token = "mod" }
    mod:send("unban", { address = "192.0.2.7" })
    expect_eq(said(mod).value, true)
    restart(how == "a kill")
    welcome { address = "192.0.2.7" }
  end)
end

test("a seat that was saved before its user was banned does not come back", function()
  game("g", (source:gsub("reconnect = 30", "reconnect = 30, durable = true")))
  local mod, bad = welcome { token = "mod" }, welcome { token = "bad" }
  step(5000)
  mod:send("unban", { user = "nobody" }) -- the room is saved now, and not for 750 ms
  step(100)
  mod:send("game_ban", { user = "bad", reason = "out" })
  step(60)
  expect_eq(bad.closed.reason, "out")
  restart(true) -- at once: the room has not been saved since
  expect_eq(the_room("g").seats, 2)
  step(50)
  expect_eq(the_room("g").seats, 1)
  bad:resume()
  step(50)
  expect_eq(bad.closed, { code = 4000, reason = "the player was kicked" })
  mod:resume()
  step(50)
  expect_eq(mod.closed, nil)
  expect_eq(mod.id, 1)
end)
