-- SPDX-License-Identifier: MIT
-- Raw games: plain messages both ways.

test("echo sends back text as text and bytes as bytes, at once", function()
  game "echo"
  local a, b = join("echo", { codec = "raw" }), join("echo", { codec = "raw", room = "x" })
  for i = 1, 200 do
    local data = (i % 2 == 0 and "\0abä" or "\0ab\255"):rep(random(60) - 1)
    local c = random(2) == 1 and a or b
    c:send(data, i % 2 == 0)
    step(0)
    local got = c:fresh()
    expect_eq(got, { { t = "message", data = data, is_text = i % 2 == 0 } })
  end
end)

local source = [[
local g = parlor.game { raw = true, tick_rate = RATE }
function g:join(p) for _, o in pairs(self.players) do o:send("join " .. p.id, true) end end
function g:leave(p, why) for _, o in pairs(self.players) do o:send("leave " .. p.id .. " " .. why, true) end end
function g:message(p, data)
  if data == "kick" then p:kick("bye")
  elseif data == "close" then self:close("end") p:send("last", true)
  elseif data == "raise" then p:send("lost", true) error("no")
  elseif data == "late" then self:after(100, "late", p.id)
  elseif data == "all" then p:send("one", true) self:broadcast("two", true) p:send("three", true)
  elseif data == "others" then self:broadcast("boo", true, {except = p})
  elseif data == "two" then self:broadcast("deux", true, {to = {2}})
  elseif data == "time" then p:send(("%.3f"):format(self.time), true)
  else for _, o in pairs(self.players) do o:send(data, true) end end
end
function g:late(id) self.players[id]:send("now", true) end
return g
]]

local function words(c)
  local list = {}
  for i, m in ipairs(c:fresh "message") do list[i] = m.data end
  return table.concat(list, ",")
end

for _, rate in ipairs { 0, 20 } do
  local name = ("at tick_rate %d: "):format(rate)
  local function pair()
    game("g", (source:gsub("RATE", rate)))
    local a, b = join("g", { codec = "raw" }), join("g", { codec = "raw" })
    step(100)
    expect_eq(words(a), "join 1,join 2")
    expect_eq(words(b), "join 2")
    return a, b
  end

  test(name .. "a broadcast reaches all, all but one, or those listed, in its place", function()
    local a, b = pair()
    for _, word in ipairs { "all", "others", "two" } do a:send(word, true) end
    step(100)
    expect_eq(words(a), "one,two,three")
    expect_eq(words(b), "two,boo,deux")
  end)

  test(name .. "everybody hears, a kick and a leave are told", function()
    local a, b = pair()
    a:send("hello", true)
    step(50)
    expect_eq(words(b), "hello")
    b:send("kick", true)
    step(100)
    expect_eq(b.closed, { code = 4000, reason = "bye" })
    expect_eq(words(a), "hello,leave 2 kicked")
    a:cut()
    step(100)
    expect_eq({ rig.rooms "g" }, { {}, 0, 0 })
  end)

  test(name .. "what was sent before the end arrives", function()
    local a, b = pair()
    a:send("close", true)
    a:send("never", true)
    step(100)
    expect_eq(words(a), "last")
    expect_eq(a.closed, { code = 4008, reason = "end" })
    expect_eq(b.closed.code, 4008)
  end)

  test(name .. "a message that raises sends nothing, and the next is handled", function()
    local a, b = pair()
    a:send("raise", true)
    a:send("fine", true)
    step(50)
    expect_eq(words(b), "fine")
    expect(rig.errors():find("no", 1, true))
  end)

  test(name .. "timers run, and time goes on", function()
    local a = pair()
    a:send("late", true)
    step(90)
    expect_eq(words(a), "")
    step(70)
    expect_eq(words(a), "now")
    step(9740)
    a:send("time", true)
    step(50)
    local t = tonumber(words(a))
    expect(t >= 9.95 and t <= 10.06, "time is " .. t)
  end)
end
