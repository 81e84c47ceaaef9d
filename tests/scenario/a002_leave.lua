-- SPDX-License-Identifier: MIT
-- Leaving, dropping, coming back, being taken over.

local source = [[
local g = parlor.game { tick_rate = 20, reconnect = 10,
  state = { here = s.map { on = s.bool } }, messages = { add = {} } , events = {} }
local function tell(self, what) self:broadcast(what) end
function g:join(p) self.state.here[p.id] = { on = true } end
function g.on.add(room, p) room:broadcast("added", p.id) end
function g:drop(p) self.state.here[p.id].on = false tell(self, "dropped") end
function g:resume(p) self.state.here[p.id].on = true tell(self, "resumed") end
function g:leave(p, reason) self.state.here[p.id] = nil tell(self, reason) end
return g
]]

for _, codec in ipairs(codecs) do
  test(codec .. ": a close with 1000 leaves at once", function()
    game("g", source)
    local a, b = join "g", join("g", { codec = codec })
    step(50)
    a:story()
    b:leave()
    step(50)
    expect_eq(a:story(), "delta left")
    expect_eq(select(2, rig.rooms "g"), 1, "tokens")
  end)

  test(codec .. ": a seat is held, and resumed with the same id and the state", function()
    game("g", source)
    local a, b = join "g", join("g", { codec = codec })
    step(50)
    local id, token = b.id, b.token
    b:story() a:story()
    b:cut()
    step(50)
    expect_eq(a:story(), "delta dropped")
    step(9000)
    b:resume()
    step(50)
    expect_eq(b.id, id)
    expect_eq(b:story(), (codec == "json" and "hello delta" or "hello keys delta") .. " dropped resumed")
    expect_eq(b.hello_said.resumed, true)
    expect_eq(b:state(), a:state())
    expect_eq(a:state().here[tostring(id)].on, true)
    step(20000)
    expect_eq(a:story(), "delta resumed", "it is not given up later")
  end)

  test(codec .. ": a seat is lost after `reconnect` seconds, and its token is worth nothing", function()
    game("g", source)
    local a, b = join "g", join("g", { codec = codec })
    step(50)
    a:story()
    b:cut()
    step(9990)
    expect_eq(a:story(), "delta dropped")
    step(60)
    expect_eq(a:story(), "delta lost")
    b:resume()
    step(50)
    expect_eq(b.closed.code, 4002)
  end)

  for _, rate in ipairs { 20, 0 } do
    test(("%s at %d Hz: a newer connection takes over; the older gets 4005 and never drops"):format(codec, rate), function()
      game("g", (source:gsub("tick_rate = 20", "tick_rate = " .. rate)))
      local old, b = join("g", { codec = codec }), join "g"
      step(100)
      old:story() b:story()
      local c = connect("g", { codec = codec })
      c.token, c.epoch, c.schema = old.token, old.epoch, old.schema
      c:resume()
      step(100)
      expect_eq(old.closed.code, 4005)
      expect_eq(c.id, old.id)
      expect_eq(c.hello_said.resumed, true)
      expect_eq(c:state(), b:state())
      expect_eq(b:story(), "", "nobody hears of it")
      c:send("add")
      step(100)
      expect_eq(b:story(), "added")
    end)
  end
end

test("a plain connection that breaks is lost at once", function()
  game("g", source)
  local a, b = join "g", join("g", { codec = "plain" })
  step(50)
  a:story()
  b:cut()
  step(50)
  expect_eq(a:story(), "delta lost")
end)

test("with reconnect = 0 nobody is held", function()
  game("g", (source:gsub("reconnect = 10", "reconnect = 0")))
  local a, b = join "g", join "g"
  step(50)
  a:story()
  b:cut()
  step(50)
  expect_eq(a:story(), "delta lost")
end)

test("a drop and a return within one tick are told in order", function()
  game("g", source)
  local a, b = join "g", join "g"
  step(50)
  a:story()
  b:cut()
  b:resume()
  step(50)
  expect_eq(a:story(), "dropped resumed", "the state is as before, so there is no delta")
  expect_eq(a:state(), b:state())
end)

test("who is gone before its hello went out leaves at once: nobody could come back", function()
  game("g", source)
  local a, b = join "g", join "g"
  step(0)
  b:cut()
  step(50)
  expect_eq(a:story(), "hello snapshot lost")
  expect_eq(select(2, rig.rooms "g"), 1, "tokens")
end)

test("the hello of a resume tells how many records have come in this seat", function()
  game("g", source)
  for _, codec in ipairs(codecs) do
    local b = join("g", { codec = codec, delay = 20 })
    step(100)
    for i = 1, 5 do b:send("add") end
    b:request("nobody knows this")
    step(100)
    b:send("add") -- lost on its way
    b:resume()
    step(100)
    expect_eq(b.hello_said.inputs, 6, codec)
  end
end)

test("a room in which all seats are held lives, and ends when they are lost", function()
  game("g", source)
  local a = join "g"
  step(50)
  a:cut()
  step(5000)
  expect_eq(the_room("g").seats, 1)
  step(6000)
  expect_eq({ rig.rooms "g" }, { {}, 0, 0 })
end)

test("held seats in an event-driven room end in time too", function()
  game("g", (source:gsub("tick_rate = 20", "tick_rate = 0")))
  local a, b = join "g", join("g", { codec = "binary" })
  step(100)
  a:story()
  b:cut()
  step(9900)
  expect_eq(a:story(), "delta dropped")
  step(200)
  expect_eq(a:story(), "delta lost")
  a:cut()
  step(10100)
  expect_eq({ rig.rooms "g" }, { {}, 0, 0 })
end)

test("a kick while the seat is held ends it once", function()
  game("g", source .. "" )
  local _, why = edit("g", (source:gsub("function g.on.add%(room, p%)", [[
    function g.on.add(room, p) for _, other in pairs(room.players) do if other ~= p then other:kick() end end ]])))
  expect_eq(why, nil)
  local a, b = join "g", join "g"
  step(50)
  b:cut()
  step(50)
  a:story()
  a:send("add")
  step(150)
  expect_eq(a:story(), "added delta kicked")
  b:resume()
  step(50)
  expect_eq(b.closed, { code = 4000, reason = "the player was kicked" })
end)
