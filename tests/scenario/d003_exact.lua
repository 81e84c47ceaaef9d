-- SPDX-License-Identifier: MIT
-- Nothing lost, nothing doubled: events, answers, messages and requests over connections
-- that are cut, and tokens that bring a player back.

local source = [[
local g = parlor.game { tick_rate = 20, reconnect = 600, max_players = 100, EXTRA
  state = { n = s.u32, heard = s.map({ last = s.u32, wrong = s.u32 }) },
  messages = { say = { n = s.u32 }, ask = { n = s.u32 } },
  events = { told = { n = s.u32 }, EVENTS } }
function g:join(p) self.state.heard[p.id] = {} p.vars.told = 0 end
function g:tick() self.state.n = self.tick end
local function count(room, p, n)
  local h = room.state.heard[p.id]
  if n == h.last + 1 then h.last = n else h.wrong = h.wrong + 1 end
end
function g.on.say(room, p, m) count(room, p, m.n) end
function g.on.ask(room, p, m) count(room, p, m.n) return { twice = 2 * m.n } end
function g:message(p, name, data)
  if name == "tell" then
    for _ = 1, data do
      for _, one in pairs(self.players) do
        one.vars.told = one.vars.told + 1
        one:send("told", { n = one.vars.told })
      end
    end
  elseif name == "all" then self:broadcast("shout", data, { volatile = data == "volatile" })
  elseif name == "later" then
    parlor.async(function() parlor.sleep(1000) p:send("done", data) end)
  elseif name == "kick" then self.players[data]:kick "out"
  elseif name == "close" then self:close "over"
  elseif name == "spin" then while true do end
  elseif name == "eat" then local t = {} while true do t[#t + 1] = ("x"):rep(1000) .. #t end
  end
end
return g
]]

local function with(extra, events)
  return (source:gsub("EXTRA", extra or ""):gsub("EVENTS", events or ""))
end

-- What came of the numbered events since the last look.
local function told(c)
  local list = {}
  for _, e in ipairs(c:fresh "event") do if e.name == "told" then list[#list + 1] = e.data.n end end
  return list
end

local function expect_run(list, from, to)
  expect_eq(#list, to - from + 1, "how many")
  for i, n in ipairs(list) do expect_eq(n, from + i - 1, "place " .. i) end
end

for _, codec in ipairs(codecs) do
  test(codec .. ": what is sent to one who is away arrives with its return, behind the state", function()
    game("g", with())
    local a, b = join "g", join("g", { codec = codec })
    step(100)
    a:send("tell", 3)
    step(100)
    expect_run(told(b), 1, 3)
    b:cut()
    a:send("tell", 20)
    a:send("all", "news")
    a:send("all", "volatile")
    b:resume()
    b:cut() -- the hello never goes out
    step(1000)
    a:send("tell", 1)
    step(100)
    b:resume()
    step(100)
    expect_eq(b.hello_said.resumed, true)
    local kinds, events = {}, {}
    for _, r in ipairs(b:fresh()) do
      if r.t == "event" then events[#events + 1] = r.data.n or r.data
      elseif #events == 0 then kinds[#kinds + 1] = r.t end
    end
    expect_eq(kinds, codec == "json" and { "hello", "delta" } or { "hello", "keys", "delta" })
    local want = {}
    for i = 4, 23 do want[#want + 1] = i end
    want[#want + 1] = "news"
    want[#want + 1] = 24
    expect_eq(events, want)
    -- The next return starts from there.
    b:cut()
    step(100)
    b:resume()
    step(100)
    expect_eq(told(b), {})
  end)

  test(codec .. ": what was on its way when the line broke arrives once, both ways", function()
    game("g", with())
    local a, b = join "g", join("g", { codec = codec, delay = 200, exact = true })
    step(1000)
    b:fresh()
    a:send("tell", 5)
    b:send("say", { n = 1 })
    b:request("ask", { n = 2 })
    step(250)
    b:send("say", { n = 3 })
    b:request("ask", { n = 4 }) -- neither has come to the server; 2 is answered, and lost
    b:cut()
    b:send("say", { n = 5 })
    b:request("ask", { n = 6 })
    step(500)
    b:resume()
    step(1500)
    local replies = {}
    local run = {}
    for _, r in ipairs(b:fresh()) do
      if r.t == "reply" then replies[r.id] = r.data.twice end
      if r.t == "event" then run[#run + 1] = r.data.n end
    end
    expect_eq(replies, { 4, 8, 12 })
    expect_run(run, 1, 5)
    expect_eq(a:state().heard[tostring(b.id)], { last = 6, wrong = 0 })
  end)

  test(codec .. ": what parlor.async sends and a request answers while its player is away is kept", function()
    game("g", with())
    local b = join("g", { codec = codec })
    step(100)
    b:send("later", "work")
    b:request("ask", { n = 1 })
    b:pump()
    b:cut()
    step(5000)
    b:fresh()
    b:resume()
    step(100)
    local got = {}
    for _, r in ipairs(b:fresh()) do
      if r.t == "event" then got[#got + 1] = r.data elseif r.t == "reply" then got[#got + 1] = r.data.twice end
    end
    expect_eq(got, { 2, "work" })
  end)

  test(codec .. ": more than is kept: a snapshot and a gap, and the counts begin anew", function()
    game("g", with "resume_bytes = 1000,")
    local a, b = join "g", join("g", { codec = codec, exact = true })
    step(100)
    b:fresh()
    b:cut()
    a:send("tell", 200)
    b:send("say", { n = 1 })
    step(100)
    b:resume()
    step(100)
    expect_eq(b.hello_said.resumed, false)
    local kinds = {}
    for _, r in ipairs(b:fresh()) do
      if r.t ~= "delta" and r.t ~= "keys" then kinds[#kinds + 1] = r.t == "event" and r.name or r.t end
    end
    expect_eq(kinds, { "hello", "snapshot", "gap" })
    expect_eq(a:state().heard[tostring(b.id)], { last = 1, wrong = 0 }, "the way there is not touched by it")
    a:send("tell", 2)
    step(100)
    expect_run(told(b), 201, 202)
    b:cut()
    a:send("tell", 2)
    step(100)
    b:resume()
    step(100)
    expect_eq(b.hello_said.resumed, true)
    expect_run(told(b), 203, 204)
  end)

  test(codec .. ": a gap names the requests that are answered all the same, and no others", function()
    game("g", with "resume_bytes = 1000, max_inputs = 2, budget_kill = 20, max_kills = 32,")
    local a, b = join "g", join("g", { codec = codec, exact = true })
    step(100)
    b:stall(true)
    local lost = b:request("ask", { n = 1 })
    a:send("tell", 200)
    step(100) -- it is answered, and what is kept runs over
    a:send "spin" -- takes the whole step, so the next two wait for another
    local waiting = { b:request("ask", { n = 2 }), b:request("ask", { n = 3 }) }
    local refused = b:request("ask", { n = 4 }) -- more than max_inputs: the answer is on its way out
    step(0)
    b:cut()
    b:stall(false)
    b:fresh()
    b:resume()
    step(200)
    expect(rig.errors():find "budget_kill")
    local gap, replies = nil, {}
    for _, r in ipairs(b:fresh()) do
      if r.t == "event" and r.name == "gap" then gap = r.data end
      if r.t == "reply" then
        expect(gap, "the gap comes first")
        replies[r.id] = r.ok and r.data.twice or r.data
      end
    end
    expect_eq(gap, { refused, waiting[1], waiting[2] })
    expect_eq(replies, { [waiting[1]] = 4, [waiting[2]] = 6, [refused] = "too many messages" })
    expect_eq(replies[lost], nil)
  end)

  test(codec .. ": a gap whose hello is lost is told again, whatever has come since", function()
    game("g", with "resume_bytes = 2000,")
    local a, b = join "g", join("g", { codec = codec, delay = 100 })
    step(1000)
    a:send("tell", 30)
    step(1000)
    local token, received = b.token, b.received
    expect_eq(received, 30)
    b:cut()
    a:send("tell", 500)
    step(100)
    b:resume()
    step(150) -- the hello is on its way
    expect_eq(b.token, token)
    b:cut()
    a:send("tell", 40) -- 30 of these are as many as it says to have
    step(100)
    b:fresh()
    b:resume()
    step(1000)
    expect_eq(b.hello_said.resumed, false)
    expect_eq(b:fresh("event")[1].name, "gap")
    -- Once it has come it is over with: a hello that is lost later is none of it.
    b:resume()
    step(1000)
    expect_eq(b.hello_said.resumed, true)
    b:resume()
    step(150)
    b:cut()
    a:send("tell", 1)
    step(100)
    b:resume()
    step(1000)
    expect_eq(b.hello_said.resumed, true)
    expect_run(told(b), 571, 571)
  end)

  test(codec .. ": a ping confirms, and what is confirmed is not kept", function()
    game("g", with "resume_bytes = 1000,")
    local a, b = join "g", join("g", { codec = codec })
    step(100)
    for _ = 1, 20 do
      a:send("tell", 10)
      step(100)
      b:ping()
      step(100)
    end
    told(b)
    b:cut()
    a:send("tell", 10)
    step(100)
    b:resume()
    step(100)
    expect_run(told(b), 201, 210)
  end)

  test(codec .. ": a reload while away: events that are declared as before arrive, others are a gap", function()
    for _, events in ipairs { "", "atold = { x = s.u8 }," } do
      local name = events == "" and "g" or "h"
      game(name, with())
      local a, b = join(name), join(name, { codec = codec })
      step(100)
      b:cut()
      a:send("tell", 5)
      step(100)
      expect_eq(edit(name, with("", events):gsub("n = s.u32, heard", "n = s.u32, more = s.u8, heard")), true)
      a:send("tell", 1)
      step(100)
      b:fresh()
      b:resume()
      step(100)
      local fits = events == "" or codec == "json"
      expect_eq(b.hello_said.resumed, fits)
      if fits then expect_run(told(b), 1, 6) else expect_eq(b:fresh("event")[1].name, "gap") end
    end
  end)

  test(codec .. ": a new VM keeps the seats and what they are owed", function()
    game("g", with "memory = 8, max_kills = 32,")
    local a, b = join "g", join("g", { codec = codec, exact = true })
    step(100)
    b:cut()
    a:send("all", "one")
    b:send("say", { n = 1 })
    step(100)
    a:send "eat"
    step(200)
    expect(rig.errors():find "memory")
    a:send("all", "two")
    step(100)
    b:fresh()
    b:resume()
    step(100)
    expect_eq(b.hello_said.resumed, true)
    local got = {}
    for _, e in ipairs(b:fresh "event") do got[#got + 1] = e.data end
    expect_eq(got, { "one", "two" })
    expect_eq(a:state().heard[tostring(b.id)].last, 1)
  end)

  test(codec .. ": cut again and again at random: every number once and in order, both ways", function()
    game("g", with())
    local a = join "g"
    local all = {}
    for i = 1, 6 do
      all[i] = join("g", { codec = codec, delay = 10 * i, jitter = 5 * i, exact = true })
      all[i].said, all[i].got, all[i].asked = 0, {}, {}
    end
    step(500)
    local sum, n_cuts = 0, 0
    for _ = 1, 400 do
      if random(3) == 1 then
        local n = random(4)
        sum = sum + n
        a:send("tell", n)
      end
      for _, c in ipairs(all) do
        if random(3) == 1 then
          c.said = c.said + 1
          if random(2) == 1 then c:send("say", { n = c.said })
          else c.asked[c:request("ask", { n = c.said })] = 2 * c.said end
        end
        if c.conn and random(12) == 1 then c:cut() n_cuts = n_cuts + 1
        elseif not c.conn and random(3) == 1 then c:resume()
        elseif c.conn and c.greeted and random(10) == 1 then c:ping() end
      end
      step(random(60))
    end
    for _, c in ipairs(all) do if not c.conn then c:resume() end end
    step(2000)
    expect(n_cuts > 100)
    for i, c in ipairs(all) do
      local run, replies = {}, {}
      for _, r in ipairs(c.log) do
        expect(r.t ~= "hello" or r.resumed or r == c.log[1], "no gap")
        if r.t == "event" then run[#run + 1] = r.data.n end
        if r.t == "reply" then
          expect_eq(replies[r.id], nil, "answered twice")
          replies[r.id] = r.data.twice
        end
      end
      expect_run(run, 1, sum)
      expect_eq(replies, c.asked, "answers of " .. i)
      expect_eq(a:state().heard[tostring(c.id)], { last = c.said, wrong = 0 })
      expect_eq(c:state().heard, a:state().heard)
    end
  end)

  test(codec .. ": a new token with every hello; the old one is good until the new one has arrived", function()
    game("g", with())
    local a, b = join "g", join("g", { codec = codec, delay = 100 })
    step(1000)
    local first = b.token
    b:resume()
    step(150)
    b:cut() -- before the hello is there
    expect_eq(b.token, first)
    b:resume()
    step(1000)
    local second = b.token
    expect(second ~= first)
    -- A thief has the first token; b has not said anything since.
    local thief = connect("g", { codec = codec, delay = 0 })
    thief.token, thief.epoch, thief.schema = first, b.epoch, b.schema
    thief:resume()
    step(50)
    expect_eq(thief.id, b.id, "nothing shows yet that the second has arrived")
    step(500)
    expect_eq(b.closed.code, 4005)
    -- b holds a token that never arrived, as far as the server knows.
    b:resume()
    step(1000)
    expect_eq(b.closed, { code = 4002, reason = "this token was replaced by a newer one" })
    thief:ping()
    step(50)
    local third = thief.token
    for _, token in ipairs { first, second } do
      thief.token = token
      thief:resume()
      step(50)
      expect_eq(thief.closed, { code = 4002, reason = "this token was replaced by a newer one" })
    end
    thief.token = third
    thief:resume()
    step(50)
    expect_eq(thief.closed, nil)
    expect_eq(select(2, rig.rooms "g"), 3, "two of one seat: the last is not confirmed yet")
    thief:ping()
    step(50)
    expect_eq(select(2, rig.rooms "g"), 2)
    expect_eq(a.closed, nil)
  end)

  test(codec .. ": a hello that was held up takes nothing from the connection made in its stead", function()
    game("g", with())
    local a, b = join "g", join("g", { codec = codec, delay = 100 })
    step(1000)
    local late = connect("g", { codec = codec, delay = 150 })
    late.token, late.epoch, late.schema = b.token, b.epoch, b.schema
    b:cut()
    late:resume()
    step(10)
    b:resume() -- with the same token, and is there first
    step(1000)
    expect_eq(late.closed, { code = 4005, reason = "taken over by a newer connection" })
    expect_eq(late.hello_said, nil)
    expect_eq(b.closed, nil)
    expect_eq(b.hello_said.resumed, true)
    a:send("tell", 1)
    step(1000)
    expect_run(told(b), 1, 1)
  end)

  test(codec .. ": a token that is no good is refused with the reason", function()
    game("g", (with():gsub("reconnect = 600", "reconnect = 2")))
    local a = join "g"
    step(100)
    local function refused(c, code, reason, room)
      c.room = room
      c:resume()
      step(100)
      expect_eq(c.closed, { code = code, reason = reason })
    end
    local function one(room)
      local c = join("g", { codec = codec, room = room })
      step(100)
      return c
    end
    local lost = one()
    lost:cut()
    step(3000)
    refused(lost, 4002, "the seat was held no longer")
    local left = one()
    left:leave()
    step(100)
    refused(left, 4002, "the seat was given up")
    local kicked = one()
    kicked:cut()
    a:send("kick", kicked.id)
    step(100)
    refused(kicked, 4000, "the player was kicked")
    local other = one "den"
    refused(other, 4002, "the seat of this token is in another room", "cave")
    other.room = "den"
    other:resume()
    step(100)
    expect_eq(other.closed, nil)
    other:send "close"
    step(200)
    refused(other, 4002, "the room is closed", "den")
    local guess = one()
    guess.token = ("0"):rep(32)
    refused(guess, 4002, "there is no seat of this token")
    local cut = connect("g", { codec = codec })
    if codec == "json" then cut:text(('{"t":"hello","resume":{"token":"%s"}}'):format(a.token:sub(1, 31)))
    else cut:bytes("\129\1" .. play_wire.le(0, 4) .. "\1" .. ("x"):rep(15)) end
    step(100)
    expect_eq(cut.closed, { code = 4001,
      reason = codec == "json" and "resume: token is 32 digits of 0-9 a-f" or "resume: the record is cut short" })
    step(3000)
    expect_eq(select(2, rig.rooms "g"), 1)
  end)
end

test("json: one who does not count gets nothing again, and hears of no gap", function()
  game("g", with "resume_bytes = 1000,")
  local a, b = join "g", join "g"
  step(100)
  b:cut()
  a:send("tell", 200)
  step(100)
  b:fresh()
  b:connect()
  b:text(('{"t":"hello","resume":{"token":"%s","epoch":%d,"tick":%d}}'):format(b.token, b.epoch, b.tick))
  step(100)
  expect_eq(b.hello_said.resumed, true)
  expect_eq(told(b), {})
  a:send("tell", 1)
  step(100)
  expect_run(told(b), 201, 201)
end)

test("who comes back by the other subprotocol misses what was kept in the first", function()
  game("g", with())
  local a, b = join "g", join("g", { codec = "binary" })
  step(100)
  local function back(codec)
    if b.conn then b:cut() end
    b.codec, b.tick, b.rows, b.held = codec, 0, nil, nil
    step(100)
    b:fresh()
    b:resume()
    step(100)
  end
  back "json"
  expect_eq(b.hello_said.resumed, true, "nothing was missing")
  b:cut()
  a:send("tell", 3)
  step(100)
  back "binary"
  expect_eq(b.hello_said.resumed, false)
  expect_eq(b:fresh("event")[1].name, "gap")
  a:send("tell", 1)
  step(100)
  expect_run(told(b), 4, 4)
end)

test("spectators and connections without subprotocol are not kept anything for", function()
  game("g", with())
  local a, b, c = join "g", join("g", { codec = "plain" }), join("g", { spectate = true })
  step(100)
  b:cut() c:cut()
  a:send("tell", 3)
  step(200)
  expect_eq(the_room("g").seats, 1)
  c:resume()
  step(100)
  expect_eq(c.closed, { code = 4002, reason = "there is no seat of this token" })
end)

test("nothing is kept with resume_bytes = 0, and what was not missed is no gap", function()
  game("g", with "resume_bytes = 0,")
  local a, b = join "g", join "g"
  step(100)
  a:send("tell", 3)
  step(100)
  b:resume()
  step(100)
  expect_eq(b.hello_said.resumed, true)
  b:cut()
  a:send("tell", 1)
  step(100)
  b:resume()
  step(100)
  expect_eq(b.hello_said.resumed, false)
end)
