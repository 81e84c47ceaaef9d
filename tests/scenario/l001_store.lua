-- SPDX-License-Identifier: MIT
-- parlor.store and parlor.board: what outlives rooms, asked for by code that may wait.

local source = [[
local store, board = parlor.store, parlor.board
local g = parlor.game { tick_rate = RATE, reconnect = 30, auth_timeout = 5, state = { n = s.u32, last = s.any } }
local function run(self, f) parlor.async(function() self.state.last = f() end) end
function g:auth(request) AUTH return { user = request.options.name } end
function g:message(p, name, a)
  if name == "put" then run(self, function() return { store.put(a[1], a[2], a[3], a[4] and { version = a[4] }) } end)
  elseif name == "get" then run(self, function() return { store.get(a[1], a[2]) } end)
  elseif name == "delete" then run(self, function() return { store.delete(a[1], a[2], a[3] and { version = a[3] }) } end)
  elseif name == "list" then run(self, function() return { store.list(a[1], a[2]) } end)
  elseif name == "submit" then run(self, function() return { board.submit(a[1], a[2], a[3], a[4]) } end)
  elseif name == "top" then run(self, function() return { board.top(a[1], a[2]) } end)
  elseif name == "around" then run(self, function() return { board.around(a[1], a[2], a[3]) } end)
  elseif name == "remove" then run(self, function() return { board.remove(a[1], a[2]) } end)
  elseif name == "add" then
    parlor.async(function()
      repeat
        local n, version = store.get("sums", "n")
        local now, why = store.put("sums", "n", (n or 0) + a, { version = version or 0 })
        self.state.n = self.state.n + (now and a or 0)
      until now or why ~= "conflict"
    end)
  elseif name == "direct" then store.get("c", "k")
  elseif name == "forget" then return { store.put("c", "k", a, { wait = false }) }
  elseif name == "slow" then
    self.job = parlor.async(function() store.put("c", "k", a) self.state.n = 100 end)
    if p.name == "cancel" then self.cancelled = self:cancel(self.job) end
  elseif name == "close" then self:close()
  elseif name == "many" then
    local busy = 0
    for i = 1, 3000 do
      local ok, why = store.put("c", "k" .. i, i, { wait = false })
      if not ok then busy = busy + 1 end
    end
    return busy
  end
end
function g:close() CLOSE end
return g
]]

local function text(with)
  return (source:gsub("%u%u%u%u+", function(word) return (with or {})[word] or (word == "RATE" and "20" or "") end))
end

local function last(c, name, a)
  c:send(name, a)
  step(200)
  return c:state().last
end

for _, rate in ipairs { "20", "0" } do
  test("values and versions, rate " .. rate, function()
    game("g", text { RATE = rate })
    local a = join("g", { codec = "binary" })
    step(100)
    expect_eq(last(a, "get", { "cards", "ann" }), {})
    local v1 = last(a, "put", { "cards", "ann", { hp = 7, bag = { 1, "x", false } } })[1]
    expect(v1 > 0)
    expect_eq(last(a, "get", { "cards", "ann" }), { { hp = 7, bag = { 1, "x", false } }, v1 })
    expect_eq(last(a, "put", { "cards", "ann", 1, 0 })["2"], "conflict")
    local v2 = last(a, "put", { "cards", "ann", "next", v1 })[1]
    expect(v2 > v1)
    expect_eq(last(a, "put", { "cards", "ann", "late", v1 })["2"], "conflict")
    expect_eq(last(a, "delete", { "cards", "ann", v1 })["2"], "conflict")
    expect_eq(last(a, "delete", { "cards", "ann", v2 }), { true })
    expect_eq(last(a, "delete", { "cards", "ann" }), { false })
    expect_eq(last(a, "get", { "cards", "ann" }), {})
  end)

  test("what is kept outlives rooms and processes, and is each game's own, rate " .. rate, function()
    game("g", text { RATE = rate })
    game("h", text { RATE = rate })
    local a = join "g"
    step(100)
    a:send("put", { "c", "k", "here" })
    step(200)
    a:leave()
    step(200)
    restart(true)
    local b, c = join("g", { codec = "binary" }), join("h", { codec = "binary" })
    step(100)
    expect_eq(last(b, "get", { "c", "k" })[1], "here")
    expect_eq(last(c, "get", { "c", "k" }), {})
  end)

  test("lists go by key, prefix and page, rate " .. rate, function()
    game("g", text { RATE = rate })
    local a = join("g", { codec = "binary" })
    step(100)
    for _, key in ipairs { "b2", "a", "b1", "b3" } do last(a, "put", { "c", key, key .. "!" }) end
    local function keys(options)
      local said, out = last(a, "list", { "c", options }), {}
      for i, item in ipairs(said[1]) do
        out[i] = item.key
        expect_eq({ item.value, item.version > 0 }, { item.key .. "!", true })
      end
      return table.concat(out, " ") .. (said[2] and " > " .. said[2] or "")
    end
    expect_eq(keys(), "a b1 b2 b3")
    expect_eq(keys { prefix = "b" }, "b1 b2 b3")
    expect_eq(keys { prefix = "b", limit = 2 }, "b1 b2 > b2")
    expect_eq(keys { after = "b2" }, "b3")
    expect_eq(keys { prefix = "z" }, "")
  end)
end

test("compare and swap from two rooms loses nothing", function()
  game("g", text())
  local a, b = join("g", { room = "x", codec = "binary" }), join("g", { room = "y", codec = "binary" })
  step(100)
  for i = 1, 20 do
    a:send("add", i)
    b:send("add", 100 * i)
    step(i % 3 * 20)
  end
  step(3000)
  expect_eq({ a:state().n, b:state().n }, { 210, 21000 })
  expect_eq(last(a, "get", { "sums", "n" })[1], 21210)
end)

test("scores: ranks, ties, the smallest first, around a player", function()
  game("g", text())
  local a = join("g", { codec = "binary" })
  step(100)
  expect_eq(last(a, "submit", { "week", "ann", 10, { data = { "blue" } } }), { 1, 10 })
  expect_eq(last(a, "submit", { "week", "bob", 20 }), { 1, 20 })
  expect_eq(last(a, "submit", { "week", "cid", 10 }), { 3, 10 })
  expect_eq(last(a, "submit", { "week", "ann", 3 }), { 2, 10 })
  expect_eq(last(a, "top", { "week", { limit = 2 } })[1],
    { { rank = 1, key = "bob", score = 20 }, { rank = 2, key = "ann", score = 10, data = { "blue" } } })
  expect_eq(last(a, "around", { "week", "cid", { limit = 3 } })[1][1].key, "ann")
  expect_eq(last(a, "around", { "week", "nobody" }), {})
  expect_eq(last(a, "submit", { "laps", "ann", 60, { least = true } }), { 1, 60 })
  expect_eq(last(a, "submit", { "laps", "bob", 50, { least = true } }), { 1, 50 })
  expect_eq(last(a, "submit", { "laps", "bob", 70, { least = true } }), { 1, 50 })
  expect_eq(last(a, "top", { "laps", { least = true } })[1][2].key, "ann")
  expect_eq(last(a, "submit", { "week", "ann", 5, { keep = "sum" } }), { 2, 15 })
  expect_eq(last(a, "submit", { "week", "ann", 1, { keep = "last" } }), { 3, 1 })
  expect_eq(last(a, "remove", { "week", "ann" }), { true })
  expect_eq(last(a, "remove", { "week", "ann" }), { false })
end)

test("auth may ask, and waits for the answer", function()
  game("g", text { AUTH = [[
    local user, why = parlor.store.get("users", request.options.name or "")
    if not user then return nil, why or "who are you?" end
    parlor.store.put("users", request.options.name, { seen = user.seen + 1 })
  ]] })
  local a = join("g", { name = "ann" })
  step(100)
  expect_eq({ a.closed.code, a.closed.reason }, { 4003, "who are you?" })
  edit("g", text())
  local b = join("g", { name = "admin", codec = "binary" })
  step(100)
  last(b, "put", { "users", "ann", { seen = 1 } })
  edit("g", text { AUTH = [[
    local user = parlor.store.get("users", request.options.name or "")
    if not user then return nil, "who are you?" end
    parlor.store.put("users", request.options.name, { seen = user.seen + 1 })
  ]] })
  local c = join("g", { name = "ann", codec = "binary" })
  step(200)
  expect_eq(last(c, "get", { "users", "ann" })[1], { seen = 2 })
end)

test("misuse raises at the script's line, what does not fit is told", function()
  game("g", text())
  local a = join("g", { codec = "binary" })
  step(100)
  a:send "direct"
  step(100)
  expect(rig.errors():find("game.lua:%d+: only auth and parlor.async may wait for the store"))
  for _, wrong in ipairs {
    { "get", { "Cards", "k" }, "collection: a name is expected" },
    { "get", { "c", "" }, "key: a text of 1 to 200 bytes" },
    { "get", { "c", ("k"):rep(201) }, "key: a text of 1 to 200 bytes" },
    { "get", { "c", "a\0b" }, "key: a text of 1 to 200 bytes" },
    { "put", { "c", "k" }, "value: nil cannot be kept" },
    { "put", { "c", "k", 1, -7 }, "version: a whole number" },
    { "list", { "c", { limit = 1001 } }, "limit: a whole number from 1 to 1000" },
    { "list", { "c", { prefix = 7 } }, "prefix: a text" },
    { "submit", { "b", "k", "much" }, "score: a finite number" },
    { "submit", { "b", "k", 1, { keep = "all" } }, 'keep: "best", "last" or "sum"' },
    { "top", { "b", { least = 1 } }, "least: true or false" },
  } do
    a:send(wrong[1], wrong[2])
    step(100)
    local said = rig.errors()
    expect(said:find("game.lua", 1, true) and said:find(wrong[3], 1, true), said)
  end
  local why = last(a, "put", { "c", "k", ("x"):rep(8000) })
  expect(why[1] > 0)
end)

test("who does not wait is told whether it was taken; a room that closes can still keep", function()
  game("g", text { CLOSE = "local ok = parlor.store.put('rooms', self.id, 'closed', { wait = false }) assert(ok)" })
  local a = join("g", { room = "den", codec = "binary" })
  step(100)
  a:request("forget", "quick")
  step(100)
  expect_eq(a:fresh("reply")[1].data, { true })
  expect_eq(last(a, "get", { "c", "k" })[1], "quick")
  a:request "many"
  step(100)
  expect_eq(a:fresh("reply")[1].data, 0)
  a:send "close"
  step(100)
  local b = join("g", { room = "attic", codec = "binary" })
  step(100)
  expect_eq(last(b, "get", { "rooms", "den" })[1], "closed")
end)

test("who waits may be cancelled, and ends with a reload, with the room and the VM", function()
  game("g", text())
  local a = join("g", { name = "cancel", room = "x", codec = "binary" })
  local b = join("g", { name = "bob", room = "y", codec = "binary" })
  step(100)
  a:send("slow", 1)
  step(200)
  expect_eq(a:state().n, 0)
  b:send("slow", 2)
  step(200)
  expect_eq(b:state().n, 100)
  b:send("slow", 3)
  b:pump()
  edit("g", text { CLOSE = "local x" })
  step(200)
  b:send "close"
  b:pump()
  step(200)
end)
