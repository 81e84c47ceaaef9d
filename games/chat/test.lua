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
    sim:wait(1)
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

test("six lines at once and two a second are enough; who says more is told so", function(sim)
  local ann = sim:join { name = "Ann" }
  for i = 1, 20 do ann:send("say", { text = "flood " .. i }) end
  local answer, why = ann:request("say", { text = "one more" })
  expect_eq({ ann.state.last, answer }, { 6, nil })
  expect(why:find("too many", 1, true), why)
  sim:wait(1)
  expect_eq({ ann:request("say", { text = "slowly" }) }, {})
  sim:step(2)
  expect_eq(last_line(ann).text, "slowly")
end)

-- Ann, who has opened the channel, Bob and Eve.
local function three(sim)
  return sim:join { name = "Ann", room = "tea", visitor = "a" },
    sim:join { name = "Bob", room = "tea", visitor = "b" },
    sim:join { name = "Eve", room = "tea", visitor = "e" }
end

test("who opens a channel moderates it; when they go, who has been there longest", function(sim)
  local ann, bob, eve = three(sim)
  local people = eve.state.people
  expect_eq({ people[ann.id].moderator, people[bob.id].moderator }, { true, false })
  ann:leave()
  sim:step(2)
  people = eve.state.people
  expect_eq({ people[bob.id].moderator, people[eve.id].moderator }, { true, false })
end)

test("as long as a moderator is there, nobody becomes one by staying", function(sim)
  local ann, bob, eve = three(sim)
  ann:request("moderate", { who = eve.id, act = "trust" })
  ann:leave()
  sim:step(2)
  local people = eve.state.people
  expect_eq({ people[bob.id].moderator, people[eve.id].moderator }, { false, true })
end)

test("a moderator can make another one, and they leave each other alone", function(sim)
  local ann, bob = three(sim)
  expect_eq({ ann:request("moderate", { who = bob.id, act = "trust" }) }, {})
  sim:step(2)
  expect_eq(bob.state.people[bob.id].moderator, true)
  expect_eq(bob:request("moderate", { who = ann.id, act = "kick" }), "Moderators leave each other alone.")
  sim:step(2)
  expect_eq(ann.closed, nil)
end)

test("others moderate nobody, not even themselves", function(sim)
  local ann, bob, eve = three(sim)
  for _, who in ipairs { ann, bob, eve } do
    expect_eq(bob:request("moderate", { who = who.id, act = "mute" }), "Only moderators can do this.")
  end
  expect_eq(ann:request("moderate", { who = 99, act = "ban" }), "They have left.")
  expect_eq(ann:request("moderate", { who = bob.id, act = "flog" }), nil, "no such thing")
  sim:step(2)
  expect_eq({ bob.state.people[eve.id].muted, ann.state.last }, { false, 0 })
end)

test("who is muted is not heard until unmuted, and everybody is told by whom", function(sim)
  local ann, bob, eve = three(sim)
  ann:request("moderate", { who = bob.id, act = "mute" })
  expect_eq(bob:request("say", { text = "no!" }), "A moderator has muted you.")
  bob:send("typing", { on = true })
  sim:step(2)
  local line, person = last_line(eve), eve.state.people[bob.id]
  expect_eq({ line.from, line.text, person.muted, person.typing },
    { 0, "Bob was muted by Ann.", true, false })
  ann:request("moderate", { who = bob.id, act = "unmute" })
  bob:request("say", { text = "thanks" })
  sim:step(2)
  expect_eq(last_line(eve).text, "thanks")
end)

test("who is kicked may come back, who is banned not for ten minutes, to no channel", function(sim)
  local ann, bob, eve = three(sim)
  ann:request("moderate", { who = bob.id, act = "kick" })
  ann:request("moderate", { who = eve.id, act = "ban" })
  sim:step(2)
  expect_eq({ bob.closed.code, bob.closed.reason }, { 4000, "removed by Ann" })
  expect_eq({ eve.closed.code, eve.closed.reason }, { 4003, "banned by Ann" })
  expect_eq(ann.state.people[bob.id], nil)
  expect_eq(sim:join({ name = "Bob", room = "tea", visitor = "b" }).closed, nil)
  local again = sim:join { name = "Eva", room = "coffee", visitor = "e" }
  expect_eq(again.closed.code, 4003)
  sim:wait(601)
  expect_eq(sim:join({ name = "Eve", room = "tea", visitor = "e" }).closed, nil)
end)

test("a line can be taken back by who said it and by a moderator", function(sim)
  local ann, bob, eve = three(sim)
  bob:request("say", { text = "one" })
  bob:request("say", { text = "two" })
  sim:step(2)
  expect_eq(eve:request("remove", { line = 1 }), "This line is not yours.")
  expect_eq(eve:request("remove", { line = 77 }), "This line is not yours.")
  bob:request("remove", { line = 1 })
  ann:request("remove", { line = 2 })
  sim:step(2)
  expect_eq({ eve.state.lines[1], eve.state.lines[2], eve.state.last }, { nil, nil, 2 })
end)

test("a wrong token lets nobody in, a strange visitor id is none", function(sim)
  local eve = sim:join { name = "Eve", door = { token = "not.a.token" } }
  expect_eq(eve.closed.code, 4003)
  for _, visitor in ipairs { 7, ("x"):rep(65), {} } do
    expect_eq(sim:join({ name = "Ann", visitor = visitor }).closed, nil)
  end
end)

test("new code keeps people, lines and moderators", function(sim)
  local ann, bob, eve = three(sim)
  bob:request("say", { text = "before" })
  expect(sim:edit("game.lua", function(text)
    return (text:gsub('if text == "" then return end', '%0 text = text:upper()'))
  end))
  bob:request("say", { text = "after" })
  sim:step(2)
  expect_eq({ eve.state.lines[1].text, eve.state.lines[2].text }, { "before", "AFTER" })
  expect_eq(eve.state.people[ann.id].moderator, true)
  expect(not sim:edit("game.lua", "this is not Lua"))
  expect(sim:errors():find("game.lua:1", 1, true), "the mistake is told")
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
