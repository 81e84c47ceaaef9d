-- SPDX-License-Identifier: MIT
-- Run with: parlor test board

-- So many points, as a page sends them: x and y in steps of 1/16, two bytes each.
local function points(n) return ("\16\0\32\0"):rep(n) end

local function n_of(map, is_fit)
  local n = 0
  for _, row in pairs(map) do if not is_fit or is_fit(row) then n = n + 1 end end
  return n
end
local function is_shown(row) return not row.hidden end

-- A line of 50 points; returns its number.
local function draw(sim, player)
  player:send("begin", { colour = "red", width = 4 })
  player:send("draw", { points = points(50) })
  sim:step(3)
  return player.state.people[player.id].stroke
end

local function stick(sim, player)
  local key = player:request("stick", { x = 100, y = 100, colour = "green" })
  sim:step(2)
  return key
end

local function two(sim)
  return sim:join { name = "Ann", room = "b" }, sim:join { name = "Bob", room = "b" }
end

test("a line grows in everybody's browser, and who comes late gets it whole", function(sim)
  local ann, bob = two(sim)
  ann:send("begin", { colour = "blue", width = 6 })
  for _ = 1, 5 do
    ann:send("draw", { points = points(30) })
    sim:step(2)
  end
  local key = ann.state.people[ann.id].stroke
  expect_eq({ bob.state.strokes[key].colour, bob.state.strokes[key].width }, { "blue", 6 })
  local cem, bytes = sim:join { name = "Cem", room = "b" }, 0
  for _, piece in pairs(cem.state.ink) do bytes = bytes + #piece.points end
  expect_eq({ bytes, n_of(cem.state.ink) }, { 600, 2 }, "150 points in two pieces")
  expect_eq(cem.state.ink, bob.state.ink)
end)

test("cursors are where they are, and those of the others are not changed", function(sim)
  local ann, bob = two(sim)
  ann:send("point", { x = 100.5, y = 7, here = true })
  sim:step(2)
  local person = bob.state.people[ann.id]
  expect_eq({ person.x, person.y, person.here, bob.state.people[bob.id].here }, { 100.5, 7, true, false })
end)

test("points that are none, off the board or too many do nothing", function(sim)
  local ann = two(sim)
  ann:send("draw", { points = points(10) }) -- nothing was begun
  ann:send("begin", { colour = "red", width = 3 })
  ann:send("draw", { points = "abc" })
  for _, wrong in ipairs {
    { "draw", { points = points(101) } }, { "begin", { colour = "pink" } }, { "begin", { width = 300 } },
    { "point", { x = -1 } }, { "point", { y = 5000 } }, { "stick", { x = "here" } },
  } do
    pcall(ann.send, ann, wrong[1], wrong[2])
  end
  ann:send("erase", { stroke = 4711 })
  sim:step(3)
  expect_eq({ n_of(ann.state.ink), n_of(ann.state.notes), ann.closed }, { 0, 0, nil })
end)

test("undo takes back one's own last act and nobody else's; redo brings it again", function(sim)
  local ann, bob = two(sim)
  local first, second = draw(sim, ann), draw(sim, ann)
  local his = draw(sim, bob)
  local function hidden()
    sim:step(2)
    local all = bob.state.strokes
    return { all[first].hidden, all[second].hidden, all[his].hidden }
  end
  ann:send("undo", {})
  expect_eq(hidden(), { false, true, false })
  ann:send("undo", {})
  ann:send("undo", {})
  expect_eq(hidden(), { true, true, false })
  ann:send("undo", { redo = true })
  expect_eq(hidden(), { false, true, false })
  ann:send("undo", { redo = true })
  ann:send("undo", { redo = true })
  expect_eq(hidden(), { false, false, false })
end)

test("what was undone is gone for good once something new is done", function(sim)
  local ann, bob = two(sim)
  local first = draw(sim, ann)
  ann:send("undo", {})
  sim:step(2)
  expect_eq(n_of(bob.state.ink), 1)
  local second = draw(sim, ann)
  expect_eq({ bob.state.strokes[first], n_of(bob.state.ink) }, { nil, 1 })
  ann:send("undo", { redo = true })
  sim:step(2)
  expect_eq(bob.state.strokes[second].hidden, false)
end)

test("who erases another's line can bring it back; who drew it cannot", function(sim)
  local ann, bob = two(sim)
  local key = draw(sim, ann)
  bob:send("erase", { stroke = key })
  sim:step(2)
  expect_eq(ann.state.strokes[key].hidden, true)
  bob:send("undo", {})
  sim:step(2)
  expect_eq(ann.state.strokes[key].hidden, false)
end)

test("a note is changed by who has it in hand, one at a time", function(sim)
  local ann, bob = two(sim)
  local key = stick(sim, ann)
  local function text() sim:step(2) return bob.state.notes[key].text end
  ann:send("change", { x = 1, y = 1, colour = "red", text = "not yet" })
  expect_eq(text(), "")
  expect_eq(ann:request("hold", { note = key }), true)
  expect_eq(bob:request("hold", { note = key }), false)
  ann:send("change", { x = 200, y = 300, colour = "red", text = "Milk" })
  bob:send("change", { x = 0, y = 0, colour = "red", text = "Beer" })
  expect_eq(text(), "Milk")
  ann:send("release", {})
  sim:step(2)
  expect_eq({ bob:request("hold", { note = key }), bob:request("hold", { note = 99 }) }, { true, false })
end)

test("one hand holds one note, and lets go of it in leaving", function(sim)
  local ann, bob = two(sim)
  local one, other = stick(sim, bob), stick(sim, bob)
  ann:request("hold", { note = one })
  ann:request("hold", { note = other })
  sim:step(2)
  expect_eq({ bob.state.notes[one].holder, bob.state.notes[other].holder }, { 0, ann.id })
  ann:leave()
  sim:step(2)
  expect_eq(bob.state.notes[other].holder, 0)
end)

test("all that was done to a note in one go is one act to take back", function(sim)
  local ann, bob = two(sim)
  local key = stick(sim, ann)
  ann:request("hold", { note = key })
  for i = 1, 9 do
    ann:send("change", { x = 100 + i, y = 100, colour = "blue", text = ("x"):rep(i) })
    sim:step(2)
  end
  ann:send("release", {})
  ann:send("undo", {})
  sim:step(2)
  local note = bob.state.notes[key]
  expect_eq({ note.x, note.colour, note.text, note.hidden }, { 100, "green", "", false })
  ann:send("undo", {})
  sim:step(2)
  expect_eq(bob.state.notes[key].hidden, true, "the note itself")
  ann:send("undo", { redo = true })
  ann:send("undo", { redo = true })
  sim:step(2)
  expect_eq(bob.state.notes[key].text, "xxxxxxxxx")
end)

test("a note is thrown away and brought back", function(sim)
  local ann, bob = two(sim)
  local key = stick(sim, ann)
  bob:request("hold", { note = key })
  bob:send("release", { remove = true })
  sim:step(2)
  expect_eq({ ann.state.notes[key].hidden, ann:request("hold", { note = key }) }, { true, false })
  bob:send("undo", {})
  sim:step(2)
  expect_eq(ann.state.notes[key].hidden, false)
end)

test("who is cut off lets go of the note and keeps the undo; who leaves keeps nothing", function(sim)
  local ann, bob = two(sim)
  local line, key = draw(sim, ann), stick(sim, ann)
  ann:send("point", { x = 5, y = 5, here = true })
  ann:request("hold", { note = key })
  ann:drop()
  sim:step(2)
  local person = bob.state.people[ann.id]
  expect_eq({ person.away, person.here, bob.state.notes[key].holder }, { true, false, 0 })
  expect(ann:resume())
  for _ = 1, 3 do ann:send("undo", {}) end
  sim:step(3)
  expect_eq({ bob.state.people[ann.id].away, bob.state.strokes[line].hidden }, { false, true })
  ann:leave()
  sim:step(2)
  expect_eq({ bob.state.people[ann.id], bob.state.strokes[line], bob.state.notes[key] }, {})
  expect_eq(n_of(bob.state.ink), 0)
end)

test("a hundred acts can be taken back, and no more", function(sim)
  local ann, bob = two(sim)
  for _ = 1, 110 do draw(sim, ann) end
  for _ = 1, 120 do
    ann:send("undo", {})
    sim:step(3)
  end
  expect_eq({ n_of(bob.state.strokes, is_shown), bob.state.acts }, { 10, nil })
end)

test("new code keeps lines, notes and what can be undone", function(sim)
  local ann, bob = two(sim)
  local line, key = draw(sim, ann), stick(sim, ann)
  expect(sim:edit("game.lua", function(text) return (text:gsub("local NOTES = 200", "local NOTES = 1")) end))
  sim:step(2)
  expect_eq({ n_of(bob.state.ink), bob.state.notes[key].colour }, { 1, "green" })
  expect_eq(bob:request("stick", { x = 1, y = 1, colour = "red" }), nil, "there is one already")
  for _ = 1, 2 do ann:send("undo", {}) end
  sim:step(2)
  expect_eq({ bob.state.strokes[line].hidden, bob.state.notes[key].hidden }, { true, true })
  expect(not sim:edit("undo.lua", "this is not Lua"))
  expect(sim:errors():find("undo.lua:1", 1, true), "the mistake is told")
end)
