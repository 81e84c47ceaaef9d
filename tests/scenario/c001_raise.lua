-- SPDX-License-Identifier: MIT
-- Scripts that raise: what is lost, what goes on.

test("a callback that raises loses what it sent, not what others sent, and the room goes on", function()
  game("g", [[
    local g = parlor.game { tick_rate = 20, state = { n = s.u8 } }
    function g:message(p, name)
      self.state.n = self.state.n + 1
      self:broadcast(name)
      if name == "bad" then p:send("mine") error("no") end
      return name
    end
    return g
  ]])
  local a, b = join "g", join("g", { codec = "binary" })
  step(50)
  a:story() b:story()
  a:send("one") a:send("bad") b:send("two")
  step(50)
  expect_eq(a:story(), "delta one two")
  expect_eq(b:story(), "delta one two")
  expect_eq(a:state().n, 3, "what it did to the state stays")
  expect(rig.errors():find("g message: g/game.lua:7: no", 1, true))
  a:request "bad" b:request "bad" b:request "good"
  step(50)
  expect_eq(a:fresh("reply"), { { t = "reply", id = 1, ok = false, data = "the game failed to answer" } })
  local replies = b:fresh "reply"
  expect_eq({ replies[1].ok, replies[2].ok, replies[2].data }, { false, true, "good" })
  rig.errors()
end)

local failing = [[
local g = parlor.game { tick_rate = 20, state = { n = s.u32 } }
function g:tick() self.state.n = self.state.n + 1 if FAIL then error("tick") end end
function g:message(p, name) self:broadcast(name) return name end
function g:leave(p) self:broadcast("left") end
return g
]]

test("ten failing ticks in a row pause a room, a reload lets it go on", function()
  game("g", (failing:gsub("FAIL", "true")))
  local a, b = join "g", join "g"
  step(450)
  expect_eq(the_room("g").is_paused, false, "nine")
  a:send("still")
  step(50)
  expect_eq(the_room("g").is_paused, true, "ten")
  step(50)
  rig.errors()
  a:fresh()
  a:request "nobody hears"
  step(500)
  expect_eq(rig.errors(), "", "no callback runs")
  expect_eq(a:fresh("reply")[1].ok, false, "a request is not left without an answer")
  b:leave()
  step(50)
  expect_eq(a:story(), "left", "but leaving is told")
  expect_eq(edit("g", (failing:gsub("FAIL", "false"))), true)
  local n = a:state().n
  a:send("again")
  step(500)
  expect_eq(a:state().n, n + 10)
  expect_eq(a:events()[1].name, "again")
end)

test("nine failing ticks, a good one, nine more: the room is not paused", function()
  game("g", (failing:gsub("FAIL", "self.tick %% 10 ~= 0")))
  join "g"
  step(5000)
  expect_eq(the_room("g").is_paused, false)
  rig.errors()
end)

test("a reason arrives whole; one that could not is refused in the script", function()
  game("g", [[
    local g = parlor.game { tick_rate = 20 }
    function g:message(p, name)
      if name == "long" then p:kick(("ä"):rep(61)) elseif name == "bytes" then p:kick("\255\254")
      elseif name == "kick" then p:kick(("ä"):rep(60)) elseif name == "none" then p:kick()
      else self:close(("ä"):rep(60)) end
    end
    return g
  ]])
  for _, codec in ipairs(codecs) do
    local a, b, c = join("g", { codec = codec }), join("g", { codec = codec }), join("g", { codec = codec })
    step(50)
    a:send("long") a:send("bytes")
    step(50)
    expect(rig.errors():find("120 bytes", 1, true))
    expect_eq(a.closed, nil)
    a:send("kick") b:send("none")
    step(50)
    expect_eq(a.closed, { code = 4000, reason = ("ä"):rep(60) })
    expect_eq(a.log[#a.log].reason, ("ä"):rep(60))
    expect_eq(b.closed, { code = 4000, reason = "kicked" })
    c:send("close")
    step(50)
    expect_eq(c.closed, { code = 4008, reason = ("ä"):rep(60) })
  end
end)

test_dev("in dev a wrong value is blamed on the callback that set it", function()
  game("g", [[
    local g = parlor.game { tick_rate = 20, state = { n = s.u8 }, messages = { set = {} } }
    function g.on.set(room) room.state.n = 300 end
    function g:message() self.state.n = -1 end
    function g:timer() self.state.n = 1.5 end
    function g:create() self:after(200, "timer") end
    function g:leave() self.state.n = "four" end
    return g
  ]])
  local a, b = join "g", join "g"
  step(50)
  a:send("set")
  step(50)
  expect(rig.errors():find("g on.set: ", 1, true))
  a:send("other")
  step(50)
  expect(rig.errors():find("g message: ", 1, true))
  step(100)
  expect(rig.errors():find("g timer: ", 1, true))
  b:leave()
  step(50)
  expect(rig.errors():find("g leave: ", 1, true))
  expect_eq(a:state().n, 0, "the last good value stays")
end)
