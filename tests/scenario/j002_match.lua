-- SPDX-License-Identifier: MIT
-- Who comes into which room where a game has rules, queues and parties.

local source = [[
local m = parlor.match
local g = parlor.game { tick_rate = 20, max_players = 4, OPTIONS }
function g:create(o) self.made_for = o.name if o.own then self:label { mode = o.own } end end
function g:message(p, name, data) self[name](self, data) end
return g
]]

local function open(options) game("g", (source:gsub("OPTIONS", options or ""))) end

-- The room that a client sits in, or nil.
local function room_of(c) return c.hello_said and c.hello_said.room end

local function come(options, ms)
  local c = join("g", options)
  step(ms or 150)
  return c, room_of(c)
end

local function last(c, kind)
  for i = #c.log, 1, -1 do if c.log[i].t == kind then return c.log[i] end end
end


test("same: rooms get the labels that they were asked for, and keep others out", function()
  open "match = { mode = m.same }"
  local _, duel = come { mode = "duel" }
  local _, free = come { mode = "free" }
  local _, seven = come { mode = 7 }
  expect(duel ~= free and free ~= seven and duel ~= seven)
  local _, again = come { mode = "duel" }
  expect_eq(again, duel)
  local _, plain = come { mode = "7", codec = "plain" }
  expect_eq(plain, seven)
  come { mode = "duel" }
  local _, any = come {}
  expect_eq(any, duel, "the fullest, for those who do not care")
  local _, flag = come { mode = true }
  expect(flag ~= duel and flag ~= free and flag ~= seven)
end)

test("what create says of a room wins over what was asked for", function()
  open "match = { mode = m.same }"
  local _, first = come { mode = "duel", own = "free" }
  local _, duel = come { mode = "duel", own = "free" }
  expect(first ~= duel)
  local _, free = come { mode = "free" }
  expect(free == first or free == duel)
end)

test("any: one of those that are listed, a new room has the first", function()
  open "match = { map = m.any }"
  local _, a = come { map = { "lake", "moor" } }
  local _, b = come { map = "moor" }
  expect(a ~= b, "the room is a lake")
  local _, c = come { map = { "hill", "moor" } }
  expect_eq(c, b)
  local _, d = come { map = { "hill", "lake" } }
  expect_eq(d, a)
end)

test("near: within reach, no farther", function()
  open "match = { skill = m.near { by = 100 } }"
  local _, a = come { skill = 1000 }
  local _, b = come { skill = 1100 }
  local _, c = come { skill = 1101 }
  local _, d = come { skill = 899.5 }
  expect_eq(b, a)
  expect(c ~= a and d ~= a and c ~= d)
end)

test("options that no label can be are refused by name", function()
  open "match = { mode = m.same, skill = m.near { by = 1 }, map = m.any }"
  for what, options in pairs {
    mode = { mode = ("x"):rep(65) }, skill = { skill = "good" }, map = { map = { 1, 2, 3, 4, 5, 6, 7, 8, 9 } },
  } do
    local c = come(options)
    expect_eq(c.closed.code, 4001)
    expect(c.closed.reason:find(what .. ": ", 1, true) == 1, c.closed.reason)
  end
  expect_eq(#rooms "g", 0)
end)

test("a queue keeps players until there are enough, and tells them so", function()
  open "queue = { min = 3 }"
  for _, codec in ipairs { "json", "binary", "plain" } do
    local a = come { codec = codec }
    expect_eq(#rooms "g", 0)
    local q = last(a, "queue")
    expect_eq({ q.position, q.waiting, q.found, q.need }, { 1, 1, 1, 3 })
    local b = come { codec = codec }
    step(1000)
    q = last(b, "queue")
    expect_eq({ q.position, q.waiting, q.found, q.need }, { 2, 2, 2, 3 })
    expect_eq(last(a, "queue").waiting, 2)
    local c = come { codec = codec }
    expect(room_of(a) and room_of(a) == room_of(b) and room_of(b) == room_of(c))
    local late, there = come { codec = codec }
    expect_eq(there, room_of(a), "a seat that is free is taken at once")
    for _, one in ipairs { a, b, c, late } do one:leave() end
    step(200)
    expect_eq(#rooms "g", 0)
  end
end)

test("reach widens with waiting, and up to max only", function()
  open "match = { skill = m.near { by = 100, widen = 10, max = 200 } }, queue = { min = 2 }"
  local a = come { skill = 1000 }
  local b = come { skill = 1150 }
  step(4500)
  expect(not room_of(a) and not room_of(b), "four seconds are 140")
  step(1000)
  expect(room_of(a) and room_of(a) == room_of(b), "five are 150")
  local c = come { skill = 2000 }
  local d = come { skill = 2201 }
  step(59000)
  expect(not room_of(c) and not room_of(d) and not c.closed)
  step(2000)
  expect_eq({ c.closed.code, d.closed.code }, { 4010, 4010 })
end)

test("hold: enough players wait for more, until max are there", function()
  open "queue = { min = 2, max = 4, hold = 10 }"
  local a, b = come(), come()
  step(9000)
  expect(not room_of(a))
  step(1500)
  expect(room_of(a) and room_of(a) == room_of(b))
  a:send("lock", true)
  step(50)
  local list = {}
  for i = 1, 4 do list[i] = join "g" end
  step(100)
  for _, c in ipairs(list) do expect(room_of(c) and room_of(c) == room_of(list[1])) end
end)

test("the estimate is what others have waited", function()
  open "queue = { min = 2, max = 2 }, match = { n = m.same }"
  local a = come { n = 1 }
  expect_eq(last(a, "queue").estimate, null)
  step(8000)
  come { n = 1 }
  expect(room_of(a))
  local b = come { n = 2 }
  local first = last(b, "queue").estimate
  expect(first == 8 or first == 9, first)
  step(5100)
  expect(last(b, "queue").estimate < first)
end)

test("who goes while waiting frees the place; a seat that comes free is taken", function()
  open "queue = { min = 2 }, match = { n = m.same }"
  local a = come { n = 1 }
  a:leave()
  local b = come { n = 1 }
  step(1000)
  expect(not room_of(b))
  expect_eq(last(b, "queue").waiting, 1)
  b:cut()
  local seats = {}
  for i = 1, 4 do seats[i] = join("g", { n = 1 }) end
  step(100)
  local c = come({ n = 1 }, 2000)
  expect(not room_of(c))
  seats[2]:leave()
  step(500)
  expect_eq(room_of(c), room_of(seats[1]))
end)

test("what is malformed while waiting ends who said it once there is a seat, and hurts nobody", function()
  open "queue = { min = 2 }"
  local a, b = come(), come { codec = "binary", n = 1 }
  step(100)
  local c = come { codec = "json" }
  a:leave() b:leave() c:leave()
  step(100)
  local d = come { codec = "binary" }
  d:ping() d:hello() d:bytes "\255\1\2"
  expect_eq(d.closed, nil)
  local e = come { codec = "json" }
  expect_eq(d.closed.code, 1002)
  expect(room_of(e))
end)

test("a party comes into one room or none", function()
  open()
  for i = 1, 2 do come { name = "stranger" .. i } end
  local strangers = rooms("g")[1].id
  local party = {}
  for i = 1, 3 do
    party[i] = join("g", { codec = codecs[i % 2 + 1], party = { id = "p", size = 3 } })
    step(2000)
    expect(i == 3 or not room_of(party[i]))
  end
  for i = 1, 3 do
    expect(room_of(party[i]) and room_of(party[i]) == room_of(party[1]) and room_of(party[i]) ~= strangers)
  end
  local q = last(party[1], "queue")
  expect_eq({ q.found, q.need }, { 2, 3 })
  local two = { join("g", { party = { id = "q", size = 2 } }), join("g", { party = { id = "q", size = 2 } }) }
  step(50)
  expect_eq({ room_of(two[1]), room_of(two[2]) }, { strangers, strangers }, "two fit in there")
end)

test("incomplete parties end in time; those who go make room in them", function()
  open()
  local a = come { party = { id = "p", size = 2 } }
  a:leave()
  local b = come { party = { id = "p", size = 2 } }
  step(59000)
  expect(not b.closed and not room_of(b))
  step(2000)
  expect_eq(b.closed, { code = 4010, reason = "the party was not complete in time" })
end)

test("parties that cannot be are refused", function()
  open()
  local first = come { party = { id = "p", size = 3 } }
  for _, party in ipairs { 5, "p", {}, { id = "p" }, { id = "", size = 2 }, { id = "x", size = 0 },
    { id = "x", size = 5 }, { id = "x", size = 1.5 }, { id = ("x"):rep(65), size = 2 }, { id = 7, size = 2 },
    { id = "p", size = 2 } } do
    local c = come { party = party }
    expect_eq(c.closed and c.closed.code, 4001, show(party))
  end
  for _, more in ipairs { { room = "den" }, { code = "abcdef" }, { private = true } } do
    more.party = { id = "p", size = 3 }
    expect_eq(come(more).closed.code, 4001)
  end
  expect(not room_of(first) and not first.closed)
end)

test("parties and single players fill queues together", function()
  open "queue = { min = 4, max = 4 }, match = { skill = m.near { by = 10 } }"
  local list = {
    join("g", { skill = 1, party = { id = "a", size = 3 } }), join("g", { skill = 9, party = { id = "a", size = 3 } }),
    join("g", { skill = 5, party = { id = "b", size = 2 } }), join("g", { skill = 5, party = { id = "b", size = 2 } }),
    join("g", { skill = 2, party = { id = "a", size = 3 } }),
  }
  step(1000)
  for _, c in ipairs(list) do expect(not room_of(c), "three and two are too many") end
  local one = come { skill = 4 }
  expect(room_of(one) and room_of(one) == room_of(list[1]) and room_of(one) == room_of(list[5]))
  expect(not room_of(list[3]) and not room_of(list[4]))
end)

test("hundreds at once: no room has more than its seats, and nobody is forgotten", function()
  open "queue = { min = 2, max = 4, wait = 30 }, match = { skill = m.near { by = 5, widen = 1 } }"
  local list = {}
  for i = 1, 400 do
    list[i] = join("g", { codec = codecs[i % 2 + 1], skill = random(1000), delay = random(50), jitter = 20,
      party = i % 10 < 2 and { id = "p" .. math.floor(i / 10), size = 2 } or nil })
  end
  for _ = 1, 40 do
    step(1000)
    for _, r in ipairs(rooms "g") do expect(r.seats <= 4, "a room has " .. r.seats) end
  end
  local by_party = {}
  for i, c in ipairs(list) do
    expect(room_of(c) or c.closed and c.closed.code == 4010)
    local p = i % 10 < 2 and math.floor(i / 10)
    if p then
      by_party[p] = by_party[p] or { room_of(c) or "none" }
      expect_eq(room_of(c) or "none", by_party[p][1], "a party was torn apart")
    end
  end
end)

test("too many that wait are told to come later", function()
  open "queue = { min = 4 }, match = { n = m.same }"
  local list = {}
  for i = 1, 1001 do list[i] = join("g", { n = i }) end
  step(100)
  expect_eq(list[1001].closed.code, 1013)
  expect(not list[1000].closed)
  expect_eq(#rooms "g", 0)
end)

test("a stop, a game that goes, and a reload reach those who wait", function()
  open "queue = { min = 2 }"
  local a = come()
  edit("g", (source:gsub("OPTIONS", "")))
  step(500)
  expect(room_of(a), "without a queue there is a room for one")
  edit("g", (source:gsub("OPTIONS", "queue = { min = 2 }, max_players = 2")))
  a:send("lock", true)
  step(50)
  local b = come()
  rig.close_game "g"
  step(50)
  expect_eq(b.closed.code, 4002)
  open "queue = { min = 2 }"
  local c = come()
  rig.stop(1001, "away")
  step(50)
  expect_eq(c.closed.code, 1001)
end)
