// SPDX-License-Identifier: MIT
/*
 * scale_games - the games of tools/bench scale, as texts for `parlor serve`.
 */

/** How far one sees, so that some `near` of n ships are in sight, in a world of 4096. */
export const sight = (n, near) => Math.sqrt(near / n / Math.PI) * 4096;

/**
 * n ships that fly in straight lines and bounce, by the same numbers as swarm.mjs. The
 * first ships are those of the players, in order of their ids; with `near` a player sees
 * some so many of them around its own.
 */
export const swarm = (n, near = 0) => `local parlor = require "parlor"
local s = parlor.schema
local place = s.fixed {min = 0, max = 4096, step = 1/8}
local game = parlor.game {
  tick_rate = 20, reconnect = 0, max_players = 5000,
  state = { ships = s.map({ name = s.str(16), hp = s.u8, team = s.u8, x = place, y = place }${
    near ? `, { interest = s.near {x = "x", y = "y", see = ${sight(n, near)}} }` : ""
  }) },
}
function game:create()
  local dice = 20261124
  local function random()
    dice = dice * 16807 % 2147483647
    return (dice - 1) / 2147483646
  end
  local ships, speed = self.state.ships, {}
  for i = 1, ${n} do
    local x = random() * 4096
    ships[i] = { name = "ship " .. (i - 1) % 50, hp = 100, team = (i - 1) % 2, x = x, y = random() * 4096 }
  end
  for i = 1, ${n} do
    local vx = random() * 10 - 5
    speed[i] = { vx = vx, vy = random() * 10 - 5 }
  end
  self.speed = speed
end
function game:tick()
  local ships, speed = self.state.ships, self.speed
  for i = 1, ${n} do
    local ship, v = ships[i], speed[i]
    local x, y = ship.x + v.vx, ship.y + v.vy
    if x < 0 or x > 4096 then v.vx, x = -v.vx, ship.x end
    if y < 0 or y > 4096 then v.vy, y = -v.vy, ship.y end
    ship.x, ship.y = x, y
  end
end
return game
`;

/** Seats in which nothing happens, of records (parlor.b1). */
export const quiet = `local parlor = require "parlor"
local s = parlor.schema
local game = parlor.game {
  tick_rate = 0, reconnect = 0, max_players = 1000,
  state = { topic = s.str(64) }, events = { said = { text = s.str(200) } },
}
return game
`;

/** A small room at 20 Hz, as the pond is. */
export const beat = `local parlor = require "parlor"
local s = parlor.schema
local game = parlor.game {
  tick_rate = 20, reconnect = 0,
  state = { frogs = s.map({ x = s.fixed {min = 0, max = 40, step = 1/64} }, { keys = "integer" }) },
}
function game:create()
  for i = 1, 10 do self.state.frogs[i] = { x = i } end
end
function game:tick()
  for i = 1, 10 do
    local frog = self.state.frogs[i]
    frog.x = (frog.x + 1 / 8) % 40
  end
end
return game
`;
