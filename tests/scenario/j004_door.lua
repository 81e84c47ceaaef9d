-- SPDX-License-Identifier: MIT
-- Auth comes before the lobby: who waits has passed, and may still be kept out.

local source = [[
local g = parlor.game { tick_rate = 20, OPTIONS }
function g:auth(q)
  if q.options.wait then parlor.sleep(q.options.wait) end
  if q.token == "bad" then return nil, "no such token" end
  return { user = q.token and { id = q.token } }
end
function g:create(o) self.has_token = o.token ~= nil end
local function greet(self, p) p:send("you", { id = p.user and p.user.id, token = self.has_token, watches = p.spectator }) end
g.join, g.spectate = greet, greet
function g:message(p, name, o) parlor.ban { user = o.user, address = o.address, reason = "be nice" } end
return g
]]

local function open(options) game("g", (source:gsub("OPTIONS", options or ""))) end

local function come(options, ms)
  local c = join("g", options)
  step(ms or 100)
  return c
end

local function you(c)
  for _, r in ipairs(c.log) do if r.name == "you" then return r.data end end
end

for _, codec in ipairs { "json", "binary" } do
  test("who is refused never waits, and who passed is known when the queue ends: " .. codec, function()
    open "queue = { min = 2 }"
    expect_eq(come({ codec = codec, token = "bad" }).closed, { code = 4003, reason = "no such token" })
    local a = come { codec = codec, token = "ann" }
    expect_eq(you(a), nil)
    local b = come({ codec = codec, token = "bob", wait = 200 }, 100)
    step(400)
    expect_eq(you(a), { id = "ann", token = false, watches = false })
    expect_eq(you(b), { id = "bob", token = false, watches = false })
    expect_eq(a.hello_said.room, b.hello_said.room)
  end)
end

test("a ban reaches those who wait, by user and by address; the others play", function()
  open "queue = { min = 3 }"
  local mod = come { room = "office", token = "mod" }
  local ann, bob = come { token = "ann" }, come { token = "bob", address = "192.0.2.7" }
  mod:send("ban", { user = "ann" })
  mod:send("ban", { address = "192.0.2.7" })
  step(600)
  expect_eq(ann.closed, { code = 4003, reason = "be nice" })
  expect_eq(bob.closed, { code = 4003, reason = "be nice" })
  local rest = { come { token = "cid" }, come { token = "dot" }, come { token = "eve" } }
  step(600)
  for _, c in ipairs(rest) do expect(you(c), "they are three without the banned") end
end)

test("of a party the banned go, and it waits for as many again", function()
  open()
  local mod = come { room = "office", token = "mod" }
  local party = { id = "friends", size = 2 }
  local ann = come { token = "ann", party = party }
  mod:send("ban", { user = "ann" })
  step(100)
  local bob = come({ token = "bob", party = party }, 600)
  expect_eq(ann.closed, { code = 4003, reason = "be nice" })
  expect_eq(bob.closed, nil)
  expect_eq(you(bob), nil)
  local cid = come({ token = "cid", party = party }, 600)
  expect_eq({ you(bob).id, you(cid).id }, { "bob", "cid" })
end)

test("who watches has passed auth, too, has its user, and goes when it is banned", function()
  open()
  local mod = come { room = "den", token = "mod" }
  expect_eq(come({ room = "den", spectate = true, token = "bad" }).closed, { code = 4003, reason = "no such token" })
  local eve = come { room = "den", spectate = true, token = "eve" }
  expect_eq(you(eve), { id = "eve", token = false, watches = true })
  mod:send("ban", { user = "eve" })
  step(100)
  expect_eq(eve.closed, { code = 4003, reason = "be nice" })
  expect_eq(come({ room = "den", spectate = true, token = "eve" }).closed, { code = 4003, reason = "be nice" })
end)
