-- SPDX-License-Identifier: MIT
-- What players say before they sit: while auth looks at them, while they wait for others.

local source = [[
local g = parlor.game { tick_rate = RATE, max_players = 4, queue = { min = 2, max = 2 } }
function g:auth(q) if q.options.wait then parlor.sleep(q.options.wait) end return { user = "u" } end
function g:message(p, name, data)
  if name == "close" then self:close "over" return end
  self:broadcast("said", { p.name, name, data })
end
return g
]]

local function said(c)
  local list = {}
  for _, e in ipairs(c:fresh "event") do list[#list + 1] = table.concat(e.data, " ") end
  return list
end

for _, rate in ipairs { 20, 0 } do
  for _, codec in ipairs(codecs) do
    local what = (" (%s, %d Hz)"):format(codec, rate)
    test("what is said while auth waits and then in the queue is read in order, once seated" .. what, function()
      game("g", (source:gsub("RATE", rate)))
      local a = join("g", { codec = codec, name = "ann", wait = 100 })
      a:send("one", 1)
      step(50)
      a:send("two", 2)
      step(3000)
      a:send("three", 3)
      a:ping()
      step(3000)
      expect_eq(said(a), {})
      local b = join("g", { codec = codec, name = "bob", wait = 100 })
      b:send("hi", 0)
      step(1000)
      expect_eq(said(a), { "ann one 1", "ann two 2", "ann three 3", "bob hi 0" })
      b:resume()
      a:resume()
      step(500)
      expect_eq({ a.hello_said.inputs, b.hello_said.inputs }, { 3, 1 }, "they count")
    end)

    test("what one says may end the room before another was heard" .. what, function()
      game("g", (source:gsub("RATE", rate)))
      local a = join("g", { codec = codec, name = "ann" })
      a:send "close"
      step(100)
      local b = join("g", { codec = codec, name = "bob" })
      b:send("hi", 0)
      b:send("hi", 1)
      step(1000)
      expect_eq({ a.closed.code, b.closed.code }, { 4008, 4008 })
      expect_eq({ rig.rooms "g" }, { {}, 0, 0 })
    end)
  end
end

for _, codec in ipairs(codecs) do
  test("the bound holds over both waits; pings and acks do not count: " .. codec, function()
    game("g", (source:gsub("RATE", "20")))
    local a, b = join("g", { codec = codec, wait = 50 }), join("g", { codec = codec, wait = 50 })
    for _ = 1, 64 do a:send("x", 1) end
    step(40)
    expect_eq(a.closed, nil)
    b:leave()
    step(1000)
    for _ = 1, 200 do a:ping() a:resync() end
    step(50)
    expect_eq(a.closed, nil)
    a:send("x", 1)
    step(50)
    expect_eq(a.closed.code, 4006)
    expect_eq({ rig.rooms "g" }, { {}, 0, 0 })
  end)

  test("who leaves the queue takes along what it has said: " .. codec, function()
    game("g", (source:gsub("RATE", "20")))
    local a = join("g", { codec = codec, name = "ann" })
    a:send("x", 1)
    step(100)
    a:cut()
    local b, c = join("g", { codec = codec, name = "bob" }), join("g", { codec = codec, name = "cy" })
    b:send("y", 1)
    step(1000)
    expect_eq(said(c), { "bob y 1" })
  end)
end

test("json: what is no record at all is answered once there is a seat", function()
  game("g", (source:gsub("RATE", "20")))
  local a = join "g"
  step(100)
  a:text "nonsense"
  step(100)
  expect_eq(a.closed, nil)
  join "g"
  step(500)
  expect_eq(a.closed.code, 1007)
end)
