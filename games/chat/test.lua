-- SPDX-License-Identifier: MIT
-- Run with: parlor test chat

local function last_line(player) return player.state.lines[player.state.last] end

test("what one says, everybody in the channel reads, with name and time", function(sim)
  local ann, bob = sim:join { name = "Ann", room = "tea" }, sim:join { name = "Bob", room = "tea" }
  local eve = sim:join { name = "Eve", room = "coffee" }
  ann:send("say", { text = "  Hello!  " })
  sim:step(2)
  local line = last_line(bob)
  expect_eq({ line.name, line.text, line.from }, { "Ann", "Hello!", ann.id })
  expect(line.at > 1.6e9, "seconds since 1970")
  expect_eq(eve.state.last, 0, "another channel hears nothing")
end)

test("blank lines are not said", function(sim)
  local ann = sim:join { name = "Ann" }
  ann:send("say", { text = " \t " })
  sim:step(2)
  expect_eq(ann.state.last, 0)
end)

test("the last hundred lines are kept, and a newcomer gets them", function(sim)
  local ann = sim:join { name = "Ann", room = "tea" }
  for i = 1, 130 do
    ann:send("say", { text = "line " .. i })
    sim:wait(0.15)
  end
  local bob, n = sim:join { name = "Bob", room = "tea" }, 0
  for _ in pairs(bob.state.lines) do n = n + 1 end
  expect_eq({ n, bob.state.lines[30], bob.state.lines[31].text, last_line(bob).text },
    { 100, nil, "line 31", "line 130" })
end)

test("who types is shown, until it is said", function(sim)
  local ann, bob = sim:join { name = "Ann", room = "tea" }, sim:join { name = "Bob", room = "tea" }
  ann:send("typing", { on = true })
  sim:step(2)
  expect_eq(bob.state.people[ann.id].typing, true)
  ann:send("say", { text = "there" })
  sim:step(2)
  expect_eq(bob.state.people[ann.id].typing, false)
end)

test("a name can be changed; what was said keeps the old one", function(sim)
  local ann = sim:join { name = "Ann" }
  ann:send("say", { text = "first" })
  ann:send("rename", { name = "Anna" })
  ann:send("say", { text = "second" })
  sim:step(2)
  expect_eq({ ann.state.lines[1].name, ann.state.lines[2].name }, { "Ann", "Anna" })
end)

test("ten lines a second are enough for anybody", function(sim)
  local ann = sim:join { name = "Ann" }
  for i = 1, 40 do ann:send("say", { text = "flood " .. i }) end
  sim:step(2)
  expect_eq(ann.state.last, 10)
end)

test("who is cut off is away, comes back to all lines, and goes after half a minute", function(sim)
  local ann, bob = sim:join { name = "Ann", room = "tea" }, sim:join { name = "Bob", room = "tea" }
  ann:drop()
  sim:step(2)
  expect_eq(bob.state.people[ann.id].away, true)
  bob:send("say", { text = "where is she?" })
  sim:wait(5)
  expect(ann:resume())
  expect_eq({ last_line(ann).text, bob.state.people[ann.id].away }, { "where is she?", false })
  ann:drop()
  sim:wait(31)
  expect_eq(bob.state.people[ann.id], nil)
end)
