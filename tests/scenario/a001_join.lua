-- SPDX-License-Identifier: MIT
-- Taking a seat: what comes, in which order, for each kind of client.

local source = [[
local g = parlor.game {
  tick_rate = 20,
  state = { n = s.u8, frogs = s.map { name = s.str(16), x = s.fixed {min = 0, max = 40, step = 1/64}, on = s.bool } },
  messages = { hop = { dx = s.i8 }, shout = {} },
  events = { hi = { id = s.uint } },
}
function g:join(p, options)
  self.state.frogs[p.id] = { name = p.name, x = 9 }
  self:broadcast("hi", { id = p.id })
  self:broadcast("welcome", { who = options.name })
end
function g.on.hop(room, p, m) room.state.frogs[p.id].x = room.state.frogs[p.id].x + m.dx end
function g.on.shout(room, p) room:broadcast("heard", p.id) end
function g:leave(p) self.state.frogs[p.id] = nil end
return g
]]

for _, codec in ipairs(codecs) do
  test(codec .. ": hello, schema, keys, snapshot, and only then what join itself sent", function()
    game("pond", source)
    local a = join("pond", { codec = codec, name = "ann" })
    expect_eq(a:story(), "", "before a tick")
    step(50)
    expect_eq(a:story(), codec == "json" and "hello snapshot hi welcome" or
      "hello schema keys snapshot hi welcome")
    expect_eq(a:state(), { n = 0, frogs = { ["1"] = { name = "ann", x = 9, on = false } } })
    expect_eq(a.hello_said.period, 50000)
    expect(a.hello_said.epoch > 0)
    expect_eq(a.hello_said.tick, a.tick)
    step(500)
    expect_eq(a:story(), "", "nothing changes, nothing comes")
  end)

  test(codec .. ": a message sent with the hello is handled after the join", function()
    game("pond", source)
    local a = join("pond", { codec = codec, name = "ann" })
    a:send("free", 1)
    a:ping()
    if codec == "json" then a:send("hop", { dx = 3 }) else a:bytes("\133\1\3") end
    step(50)
    expect_eq(a:state().frogs["1"].x, 12)
    expect_eq(a:story():match("^%a+"), "hello", "the answer to the ping does not come first")
  end)
end

test("a plain connection has joined at once, with the query as options", function()
  game("pond", source)
  local a = join("pond", { codec = "plain", name = "bob" })
  step(50)
  expect_eq(a:story(), "hello snapshot hi welcome")
  expect_eq(a:state().frogs["1"].name, "bob")
  expect_eq(a.token, nil, "it cannot come back")
  a:text '{"t":"hello","join":{}}'
  step(0)
  expect_eq(a.closed.code, 1002, "a hello of its own")
end)

test("a schema that the client offers is not sent again", function()
  game("pond", source)
  local a = join("pond", { codec = "binary" })
  step(50)
  local b = connect("pond", { codec = "binary" })
  b.schema = a.schema
  b:hello()
  step(50)
  expect_eq(b:story(), "hello keys snapshot hi welcome")
  expect_eq(b:state(), a:state())
end)

test("in a tick the delta comes before the events", function()
  game("pond", source)
  local a, b = join "pond", join("pond", { codec = "binary" })
  step(50)
  a:story() b:story()
  a:send("hop", { dx = 2 })
  b:send("shout")
  a:send("hop", { dx = 2 })
  step(50)
  expect_eq(a:story(), "delta heard")
  expect_eq(b:story(), "delta heard")
end)

test("two players see each other's moves, whatever they speak", function()
  game("pond", source)
  local all = { join "pond", join("pond", { codec = "binary", delay = 30, jitter = 40 }),
    join("pond", { codec = "plain", delay = 5 }), join("pond", { codec = "binary" }) }
  step(200)
  for i = 1, 60 do
    all[random(4)]:send("hop", { dx = random(7) - 4 })
    step(random(60))
  end
  step(300)
  for i = 2, 4 do expect_eq(all[i]:state(), all[1]:state()) end
  expect(all[1]:state().frogs["1"].x ~= 9 or all[1]:state().frogs["2"].x ~= 9, "somebody moved")
  rig.errors() -- hops past the edge are refused, and the last value stays
end)

test("who joins does not get what was sent before", function()
  game("chat", [[
    local g = parlor.game { tick_rate = 0, sync_rate = 1 }
    function g:message(p, name) self:broadcast(name) end
    function g:join(p) self:broadcast("joined", p.id) end
    return g
  ]])
  local a = join "chat"
  step(1)
  expect_eq(a:story(), "hello snapshot joined")
  a:send("early")
  step(100)
  local b = join("chat", { codec = "binary" })
  step(1000)
  expect_eq(a:story(), "early joined")
  expect_eq(b:story(), "hello schema keys snapshot joined")
end)

test("join and leave in one tick are both told, and nothing stays", function()
  game("pond", source)
  local a = join "pond"
  step(50)
  local b = join "pond"
  step(0)
  b:leave()
  step(100)
  local list, tokens, seats = rig.rooms "pond"
  expect_eq({ #list, tokens, seats }, { 1, 1, 1 })
  expect_eq(a:state().frogs["2"], nil)
  a:leave()
  step(100)
  expect_eq({ rig.rooms "pond" }, { {}, 0, 0 })
end)

test("ids of players are not used again", function()
  game("pond", source)
  local a = join "pond"
  for i = 2, 5 do
    local b = join "pond"
    step(50)
    expect_eq(b.id, i)
    b:leave()
    step(50)
  end
  expect_eq(show(a:state().frogs):match("2="), nil)
end)

test("a kick inside join says why, and the seat goes", function()
  game("door", [[
    local g = parlor.game { tick_rate = 20 }
    function g:join(p, o) if o.name ~= "ann" then p:kick("not on the list") end end
    function g:leave(p, reason) self:broadcast("gone", reason) end
    return g
  ]])
  local a = join("door", { name = "ann" })
  step(50)
  for _, codec in ipairs(codecs) do
    local b = join("door", { name = "bob", codec = codec })
    step(50)
    expect_eq(b:story(), "bye")
    expect_eq(b.closed, { code = 4000, reason = "not on the list" })
    step(50)
    expect_eq(a:fresh("event")[1].data, "kicked")
  end
  expect_eq(select(2, rig.rooms "door"), 1)
end)

test("a join that raises leaves the player seated and drops what it had sent", function()
  game("bad", [[
    local g = parlor.game { tick_rate = 20 }
    function g:join(p) self:broadcast("half") error("no") end
    return g
  ]])
  local a = join "bad"
  step(50)
  expect_eq(a:story(), "hello snapshot")
  expect(rig.errors():find("bad join: bad/game.lua:4: no", 1, true))
end)
