-- SPDX-License-Identifier: MIT
-- Run with: parlor test pond

local function frog_of(player) return player.state.frogs[player.id] end

test("a frog comes into the water with its name, inside the banks", function(sim)
  local ann = sim:join { name = "Ann" }
  local frog = frog_of(ann)
  expect_eq({ frog.name, frog.worms, frog.away }, { "Ann", 0, false })
  expect(frog.x >= 8 and frog.x <= 32 and frog.y >= 6 and frog.y <= 18)
end)

test("a hop is seen by everybody, and slows down to a stop", function(sim)
  local ann, bob = sim:join { name = "Ann" }, sim:join { name = "Bob", latency = 80 }
  local x = frog_of(ann).x
  ann:send("hop", { dx = 1, dy = 0 })
  sim:step(40)
  local stop = frog_of(ann).x
  expect(stop > x + 2, "it moved")
  sim:step(20)
  expect_eq(frog_of(ann).x, stop, "it lies still")
  sim:wait(0.1)
  expect_eq(bob.state.frogs[ann.id].x, stop, "where Bob sees it")
end)

test("nobody gets over a bank, and no hop is faster for being aslant", function(sim)
  local ann = sim:join { name = "Ann" }
  local x, y = frog_of(ann).x, frog_of(ann).y
  ann:send("hop", { dx = 1, dy = 1 })
  sim:step(1)
  local way = math.sqrt((frog_of(ann).x - x) ^ 2 + (frog_of(ann).y - y) ^ 2)
  expect(way < 15 / 20 + 0.05, "a tick's way was " .. way)
  for _ = 1, 60 do
    ann:send("hop", { dx = -1, dy = 0 })
    sim:step(2)
  end
  expect_eq(frog_of(ann).x, 1)
end)

test("worms come up, and who reaches one has eaten it", function(sim)
  local ann = sim:join { name = "Ann" }
  for _ = 1, 3000 do
    local frog, target, least = frog_of(ann), nil, math.huge
    for _, worm in pairs(ann.state.worms) do
      local way = (worm.x - frog.x) ^ 2 + (worm.y - frog.y) ^ 2
      if way < least then target, least = worm, way end
    end
    if frog.worms >= 3 then break end
    if target then
      local way = math.max(math.sqrt(least), 1)
      ann:send("hop", { dx = (target.x - frog.x) / way, dy = (target.y - frog.y) / way })
    end
    sim:step(1)
  end
  expect(frog_of(ann).worms >= 3, "three worms in three thousand ticks")
  expect_eq(ann:event("ate").frog, ann.id)
end)

test("a name is trimmed and may not be empty", function(sim)
  local ann = sim:join { name = "Ann" }
  ann:send("rename", { name = "  Anna\n " })
  sim:step(1)
  expect_eq(frog_of(ann).name, "Anna")
  sim:wait(1)
  ann:send("rename", { name = "   " })
  sim:step(1)
  expect_eq(frog_of(ann).name, "Anna")
end)

test("who is cut off keeps the frog for half a minute", function(sim)
  local ann, bob = sim:join { name = "Ann" }, sim:join { name = "Bob" }
  ann:drop()
  sim:step(2)
  expect_eq(bob.state.frogs[ann.id].away, true)
  sim:wait(20)
  expect(ann:resume(), "the seat is still there")
  expect_eq(frog_of(ann).away, false)
  ann:drop()
  sim:wait(31)
  expect_eq(bob.state.frogs[ann.id], nil)
  expect_eq(bob:event("sank").name, "Ann")
end)

test("new code goes on with the same frogs and worms", function(sim)
  local ann = sim:join { name = "Ann" }
  sim:wait(10)
  local before = show(ann.state.frogs)
  expect(sim:edit("game.lua", function(text) return (text:gsub("local SPEED = 15", "local SPEED = 0")) end))
  ann:send("hop", { dx = 1, dy = 0 })
  sim:step(5)
  expect_eq(show(ann.state.frogs), before, "nobody moves at no speed")
  expect(not sim:edit("game.lua", "this is not Lua"))
  expect(sim:errors():find("game.lua:1", 1, true), "the mistake is told")
  sim:step(5)
  expect_eq(show(ann.state.frogs), before)
end)
