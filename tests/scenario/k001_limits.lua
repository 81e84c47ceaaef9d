-- SPDX-License-Identifier: MIT
-- Limits of what one player says, for all who speak: rates of messages, for requests too,
-- floods, kicks.

local source = [[
local g = parlor.game { tick_rate = 20, reconnect = 600, max_inputs = 100,
  state = { heard = s.u32, other = s.u32 },
  messages = { hop = s.message({ n = s.u32 }, { rate = 10, burst = 5 }) } }
function g.on.hop(room, p, m) room.state.heard = room.state.heard + 1 return m.n end
function g:message(p, name, data)
  if name == "kick" then self.players[data]:kick "out" return end
  self.state.other = self.state.other + 1
end
return g
]]

for _, codec in ipairs(codecs) do
  test(codec .. ": messages and requests share a rate; what is above is dropped, and a request told so", function()
    game("g", source)
    local a = join("g", { codec = codec })
    step(100)
    for i = 1, 4 do a:send("hop", { n = i }) end
    for i = 5, 8 do a:request("hop", { n = i }) end
    step(100)
    expect_eq(a:state().heard, 5)
    local answers = {}
    for _, r in ipairs(a:fresh "reply") do answers[r.id] = { r.ok, r.data } end
    expect_eq(answers, { { true, 5 }, { false, "too many messages" }, { false, "too many messages" },
      { false, "too many messages" } })
    step(1000)
    for _ = 1, 30 do a:send("hop", { n = 1 }) end
    step(100)
    expect_eq(a:state().heard, 10)
    a:resume()
    step(100)
    expect_eq(a.hello_said.inputs, 38, "what was dropped counts: it was received")
  end)

  test(codec .. ": whose messages are dropped hears how many and why, once a second at most", function()
    game("g", source)
    local a, other = join("g", { codec = codec }), join("g", { codec = codec })
    step(100)
    local function told()
      local list = {}
      for _, e in ipairs(a:fresh "event") do
        expect_eq({ e.name, e.volatile }, { "dropped", true })
        list[#list + 1] = e.data
      end
      return list
    end
    for _ = 1, 9 do a:send("hop", { n = 1 }) end
    step(100)
    expect_eq(told(), { { count = 1, why = "rate" } })
    for _ = 1, 150 do a:send("word") end -- and 50 of these
    step(100)
    a:ping()
    step(850)
    expect_eq(told(), {})
    a:ping()
    step(100)
    expect_eq(told(), { { count = 53, why = "max_inputs" } })
    step(2000)
    a:ping()
    step(100)
    expect_eq(told(), {})
    -- Requests are answered instead; a return has nothing to do with it.
    for _ = 1, 9 do a:request("hop", { n = 1 }) end
    step(1100)
    a:ping()
    a:resume()
    step(100)
    expect_eq(told(), {})
    expect_eq(a.hello_said.resumed, true)
    expect_eq(other:fresh "event", {})
  end)

  test(codec .. ": who watches is not told of what is dropped", function()
    game("g", source)
    join "g"
    local a = join("g", { codec = codec, spectate = true })
    step(100)
    for _ = 1, 20 do a:send("hop", { n = 1 }) end
    step(100)
    expect_eq(a:fresh "event", {})
  end)

  test(codec .. ": who was away may send what it would have sent, at once; a return alone gives nothing", function()
    game("g", source)
    local a = join("g", { codec = codec })
    step(100)
    for _ = 1, 5 do a:send("hop", { n = 1 }) end
    step(10)
    for _ = 1, 20 do
      a:resume()
      step(20)
      for _ = 1, 3 do a:send("hop", { n = 1 }) end
      step(30)
    end
    local heard = a:state().heard
    expect(heard <= 5 + 10 + 1, heard .. " in a second")
    a:cut()
    step(6000)
    a:resume()
    step(100)
    for _ = 1, 90 do a:send("hop", { n = 1 }) end
    step(100)
    local more = a:state().heard - heard
    expect(more >= 60 and more <= 70, more .. " after six seconds")
  end)

  test(codec .. ": a flood ends with 4006, over returns too, and the seat is kept", function()
    game("g", source)
    local a, b = join("g", { codec = codec }), join "g"
    step(100)
    local ends = 0
    for _ = 1, 8 do
      for _ = 1, 60 do a:send("hop", { n = 1 }) end
      step(50)
      if a.closed then
        expect_eq(a.closed.code, 4006)
        ends = ends + 1
      end
      a:resume()
      step(50)
    end
    expect(ends >= 1, "no end")
    expect_eq(b.closed, nil)
    expect_eq(the_room("g").seats, 2)
  end)

  test(codec .. ": so many of one player wait for a tick; a kick and what is said after it", function()
    game("g", source)
    local a, b = join("g", { codec = codec }), join "g"
    step(100)
    for _ = 1, 130 do a:send("free", 1) end
    step(100)
    expect_eq(a:state().other, 100)
    b:send("kick", a.id)
    b:pump()
    for _ = 1, 3 do a:send("free", 1) end
    step(200)
    expect_eq(a.closed, { code = 4000, reason = "out" })
    expect_eq(the_room("g").seats, 1)
    a:resume()
    step(100)
    expect_eq(a.closed.code, 4000)
  end)
end

test("raw games: kicks, and so many messages for a tick", function()
  game("g", [[
    local g = parlor.game { raw = true, tick_rate = 20, max_inputs = 10 }
    function g:message(p, data)
      if data == "kick" then p:kick "out" else p:send(data) end
    end
    return g
  ]])
  local a = join("g", { codec = "raw" })
  step(100)
  for i = 1, 15 do a:send("m" .. i, true) end
  step(100)
  expect_eq(#a:fresh "message", 10)
  a:send("kick", true)
  step(100)
  expect_eq(a.closed, { code = 4000, reason = "out" })
end)

for _, codec in ipairs { "json", "plain" } do
  test(codec .. ": what does not fit is told of as well", function()
    game("g", source)
    local a = join("g", { codec = codec })
    step(100)
    a:text '{"t":"send","name":"hop","data":{"n":"x"}}'
    a:text '{"t":"request","id":7,"name":"hop","data":{"n":"x"}}'
    step(100)
    expect_eq(a:fresh("event")[1].data, { count = 1, why = "invalid" })
    step(1000)
    a:text '{"t":"ping","ms":1}'
    step(100)
    expect_eq(a:fresh "event", {}, "the request is answered")
  end)
end
