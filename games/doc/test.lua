-- SPDX-License-Identifier: MIT
-- Run with: parlor test doc
local ops = require "ops"

-- One edit of one place, made for the text that the player holds.
local n_edits = 0
local function edit(player, keep, cut, put, more)
  n_edits = n_edits + 1
  local at = keep + ops.units(put)
  local m = { born = player.state.born, base = player.state.rev, id = n_edits,
    op = { { keep = keep, cut = cut, put = put } }, from = at, to = at }
  for key, value in pairs(more or {}) do m[key] = value end
  return player:request("edit", m)
end

local function two(sim)
  return sim:join { name = "Ann", room = "d", key = "a" },
    sim:join { name = "Bob", room = "d", key = "b" }
end

test("what one writes everybody reads, and is told which edit it was", function(sim)
  local ann, bob = two(sim)
  expect_eq({ edit(ann, 0, 0, "Hello") }, {})
  sim:step(2)
  expect_eq({ bob.state.text, bob.state.rev }, { "Hello", 1 })
  local e = bob:event("edit")
  expect_eq({ e.rev, e.by, e.op[1].put }, { 1, ann.id, "Hello" })
  expect_eq(ann:event("edit").rev, 1, "who wrote it is told as well")
end)

test("edits that were made for an older text hit what they were meant for", function(sim)
  local ann, bob = two(sim)
  edit(ann, 0, 0, "one two three")
  sim:step(2)
  edit(ann, 0, 3, "1", { base = 1 })
  edit(bob, 8, 5, "3", { base = 1 })
  edit(bob, 3, 0, "!", { base = 1 })
  sim:step(2)
  expect_eq(ann.state.text, "1! two 3")
end)

test("of two texts at one place the one that came first stands first", function(sim)
  local ann, bob = two(sim)
  edit(bob, 0, 0, "b", { base = 0 })
  edit(ann, 0, 0, "a", { base = 0 })
  sim:step(2)
  expect_eq(ann.state.text, "ba")
end)

test("units are those of a browser: two for a smiley", function(sim)
  local ann = sim:join { name = "Ann" }
  edit(ann, 0, 0, "é😀€x")
  sim:step(2)
  edit(ann, 1, 2, "")
  sim:step(2)
  expect_eq(ann.state.text, "é€x")
  edit(ann, 3, 0, "😀")
  sim:step(2)
  expect_eq(edit(ann, 4, 0, "half"), "wrong", "nobody gets between the halves of one")
  expect_eq(ann.state.text, "é€x😀")
end)

test("two edits in either order come to one text, whatever they are", function(sim)
  local signs = { "a", "b", "\n", "é", "€", "😀" }
  local function text(most)
    local t = {}
    for i = 1, sim:random(0, most) do t[i] = signs[sim:random(1, #signs)] end
    return t
  end
  -- Of whole signs, so that no edit parts one.
  local function op(t)
    local out, keep = {}, 0
    for _, sign in ipairs(t) do
      local dice, n = sim:random(1, 4), ops.units(sign)
      if dice == 1 then
        out[#out + 1], keep = { keep = keep, cut = n, put = table.concat(text(2)) }, 0
      elseif dice == 2 then
        out[#out + 1], keep = { keep = keep, cut = 0, put = table.concat(text(2)) }, n
      else
        keep = keep + n
      end
    end
    return out
  end
  for _ = 1, 3000 do
    local t = text(10)
    local a, b, s = op(t), op(t), table.concat(t)
    local one = ops.apply(ops.apply(s, b), ops.transform(a, b, false))
    local other = ops.apply(ops.apply(s, a), ops.transform(b, a, true))
    expect(one and one == other, show { s, a, b, one, other })
  end
end)

test("carets move with the text, also with edits that their page has not seen", function(sim)
  local ann, bob = two(sim)
  edit(ann, 0, 0, "one two")
  sim:step(2)
  bob:send("caret", { base = 1, from = 4, to = 7 })
  sim:step(2)
  edit(ann, 0, 0, ">> ")
  sim:step(2)
  local at = ann.state.people[bob.id]
  expect_eq({ at.from, at.to }, { 7, 10 })
  bob:send("caret", { base = 1, from = 0, to = 0 }) -- it has not heard of the second edit
  sim:step(2)
  expect_eq(ann.state.people[bob.id].from, 3)
  edit(bob, 7, 0, " 3", { base = 1 })
  sim:step(2)
  expect_eq({ ann.state.text, ann.state.people[bob.id].from }, { ">> one two 3", 12 })
end)

test("nonsense is refused and changes nothing", function(sim)
  local ann, bob = two(sim)
  edit(ann, 0, 0, "abc")
  sim:step(2)
  for _, bad in ipairs {
    { 4, 0, "x" }, { 0, 4, "" }, { 4294967294, 4294967295, "x" }, { 0, 0, "a\rb" }, { 0, 0, "a\1b" },
  } do
    expect_eq(edit(bob, unpack(bad)), "wrong", show(bad))
    sim:wait(1)
  end
  expect_eq(edit(bob, 0, 0, "x", { base = 2 }), "old", "nobody knows the future")
  expect_eq(edit(bob, 0, 0, "x", { born = 7 }), "old", "made for another document")
  expect_eq(edit(bob, 0, 0, "x", { whole = true }), "old", "there is a text already")
  expect_eq(bob:request("edit", { op = { { keep = -1 } } }), nil)
  bob:send("caret", { base = 1, from = 4294967295, to = 4294967295 })
  edit(bob, 0, 0, "", { from = 4294967295, to = 4294967295 })
  edit(ann, 0, 0, "still ")
  sim:step(2)
  expect_eq({ bob.state.text, ann.closed, sim:errors() }, { "still abc", nil, "" })
end)

test("a document that is full takes no more, but can be shortened", function(sim)
  local ann = sim:join { name = "Ann" }
  for _ = 1, 4 do expect_eq(edit(ann, 0, 0, ("x"):rep(25000)), nil) sim:wait(1) end
  expect_eq(edit(ann, 0, 0, "y"), "full")
  expect_eq(edit(ann, 0, 1, "y"), nil)
  sim:step(2)
  expect_eq({ #ann.state.text, ann.state.text:sub(1, 2) }, { 100000, "yx" })
end)

test("an edit that is sent twice counts once; the page can see which one was the last", function(sim)
  local ann = sim:join { name = "Ann" }
  edit(ann, 0, 0, "a", { id = 77 })
  edit(ann, 0, 0, "a", { id = 77 })
  sim:step(2)
  expect_eq({ ann.state.text, ann.state.people[ann.id].last }, { "a", 77 })
end)

test("the last five hundred edits are known, older ones are too old", function(sim)
  local ann, bob = two(sim)
  for _ = 1, 600 do edit(ann, 0, 0, "x") sim:step(2) end
  expect_eq(edit(bob, 0, 0, "y", { base = 99 }), "old")
  expect_eq(edit(bob, 0, 0, "y", { base = 100 }), nil)
  sim:step(2)
  expect_eq(ann.state.text, ("x"):rep(500) .. "y" .. ("x"):rep(100))
end)

test("who lost the seat learns in the next one what had arrived", function(sim)
  local ann, bob = two(sim)
  edit(ann, 0, 0, "a", { id = 5 })
  ann:drop()
  sim:wait(61)
  expect_eq(bob.state.people[ann.id], nil)
  local again = sim:join { name = "Ann", room = "d", key = "a" }
  expect_eq(again.state.people[again.id].last, 5)
  expect_eq(bob.state.people[again.id].last, nil, "that is hers to know")
  for _, key in ipairs { 7, "é!", ("x"):rep(41) } do
    expect_eq(sim:join({ name = "Eve", room = "d", key = key }).closed, nil)
  end
end)

test("who comes back gets the edits that were missed, in order", function(sim)
  local ann, bob = two(sim)
  ann:drop()
  sim:step(2)
  expect_eq(bob.state.people[ann.id].away, true)
  for i = 1, 3 do edit(bob, 0, 0, tostring(i)) sim:step(2) end
  expect(ann:resume())
  local revs = {}
  for i, e in ipairs(ann:events("edit")) do revs[i] = e.rev end
  expect_eq({ revs, ann.state.text }, { { 1, 2, 3 }, "321" })
end)

test("new code goes on with the text, and knows the edits that old pages go by", function(sim)
  local ann, bob = two(sim)
  edit(ann, 0, 0, "one")
  sim:step(2)
  edit(ann, 0, 0, ">")
  expect(sim:edit("game.lua", function(text)
    return (text:gsub("local TEXT = 100000", "local TEXT = 10"))
  end))
  expect_eq(edit(bob, 3, 0, " two", { base = 1 }), nil)
  sim:step(2)
  expect_eq(ann.state.text, ">one two")
  expect_eq(edit(bob, 0, 0, "three"), "full")
end)
