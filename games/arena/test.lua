-- SPDX-License-Identifier: MIT
-- Run with: parlor test arena

local function ship_of(player) return player.state.ships[player.id] end
local function quiet(sim, more)
  local options = { name = "Ann", bots = 0 }
  for k, v in pairs(more or {}) do options[k] = v end
  return sim:join(options)
end

test("a ship flies by what its player wants, one tick a message", function(sim)
  local ann = quiet(sim)
  local x = ship_of(ann).x
  for _ = 1, 20 do
    ann:send("steer", { aim = 0, thrust = true, fire = false })
    sim:step(1)
  end
  local ship = ship_of(ann)
  expect(ship.x > x + 200, ("from %g to %g"):format(x, ship.x))
  expect(ship.burn and ship.vx > 10)
end)

test("whoever sends faster does not fly faster", function(sim)
  local ann, bob = quiet(sim), quiet(sim, { name = "Bob" })
  local function far(player, n)
    local ship = ship_of(player)
    local x, y = ship.x, ship.y
    for _ = 1, 100 do
      for _ = 1, n do player:send("steer", { aim = 1, thrust = true, fire = false }) end
      sim:step(1)
    end
    return ((ship_of(player).x - x) ^ 2 + (ship_of(player).y - y) ^ 2) ^ 0.5
  end
  local honest = far(ann, 1)
  expect(far(bob, 4) < honest * 1.4 + 300, "30 messages of burst, no more")
end)

test("shots are seen, and nine of them sink a ship, which comes back", function(sim)
  local ann, bob = quiet(sim), quiet(sim, { name = "Bob" })
  sim:edit("game.lua", function(text) -- side by side
    return (text:gsub("return arena%s*$", [[
function arena:reloaded()
  for id, ship in pairs(self.state.ships) do ship.x, ship.y = 2000 + 100 * id, 2000 end
end
return arena
]]))
  end)
  sim:step(1)
  expect_eq(ship_of(bob).x - ship_of(ann).x, 100)
  local seen = 0
  for _ = 1, 60 do
    ann:send("steer", { aim = 0, thrust = false, fire = true })
    sim:step(1)
    for _ in pairs(bob.state.shots) do seen = seen + 1 break end
    if bob.state.ships[bob.id].hp == 0 then break end
  end
  expect(seen >= 3, "Bob sees them come")
  expect_eq(ship_of(bob).hp, 0)
  expect_eq(ship_of(ann).kills, 1)
  expect_eq(ann:event("boom").who, "Bob")
  sim:wait(2.2)
  expect_eq(ship_of(bob).hp, 100)
end)

test("bots fill the room, fight, and make room for players", function(sim)
  local ann = sim:join { name = "Ann", bots = 100 }
  sim:wait(30)
  local near, all = 0, #ann.state.radar / 2
  for _ in pairs(ann.state.ships) do near = near + 1 end
  expect(all > 70, all .. " on the radar")
  expect(near < 60, near .. " near: the rest is out of sight")
  expect(#ann.state.top == 5 and ann.state.top[1].kills > 0, show(ann.state.top))
end)

test("who is away drifts, and finds the ship again", function(sim)
  local ann, bob = quiet(sim), quiet(sim, { name = "Bob" })
  ann:drop()
  sim:step(2)
  sim:wait(5)
  expect(ann:resume())
  sim:step(2)
  expect_eq(ship_of(ann).name, "Ann")
  expect_eq(ship_of(ann).away, false)
  ann:leave()
  sim:step(2)
  expect_eq(bob.state.ships[ann.id], nil)
end)
