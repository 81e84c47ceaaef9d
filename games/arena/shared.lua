-- SPDX-License-Identifier: MIT
-- shared: how a ship flies. The server runs this file, and so does every page: as
-- /arena/shared.js, for its own ship, before the server has answered. Both have to come
-- to the same numbers, so everything that lasts is put on the grid on which it travels.
local shared = {}

local floor, abs = math.floor, math.abs
local max, min = math.max, math.min

shared.SIZE = 4096      -- the arena, a square
shared.RELOAD = 5       -- ticks between two shots
shared.SHOT_SPEED = 48  -- a tick
shared.SHOT_TICKS = 17  -- so long a shot flies

local SIZE = 4096
local EDGE = 24         -- how near to the wall a ship's middle gets
local PUSH = 1.5        -- what the engine adds to the speed, a tick
local DRAG = 0.94       -- what is left of the speed, a tick later
local TURNING = 0.24    -- radians a tick
local TURN = 2 * math.pi
local ANGLE = TURN / 65536

local function on_grid(v, step) return floor(v / step + 0.5) * step end

-- A speed is cut off towards 0, or a ship would never come to rest.
local function slower(v)
  if v < 0 then return -floor(-v * 64) / 64 end
  return floor(v * 64) / 64
end

-- The sine, good to a thousandth. That of the library is better, but differs in its last
-- bits from one browser to the next.
local function sin(a)
  a = a % TURN
  if a > math.pi then a = a - TURN end
  local y = 4 / math.pi * a - 4 / (math.pi * math.pi) * a * abs(a)
  return y + 0.225 * (y * abs(y) - y)
end
function shared.sin(a) return sin(a) end
function shared.cos(a) return sin(a + math.pi / 2) end

--- From a to b the short way round, -pi to pi.
function shared.way(a, b) return (b - a + 1.5 * TURN) % TURN - math.pi end

--- One tick of a ship: `input` is what its player wants, { aim, thrust, fire }.
-- Returns whether it shoots.
function shared.step(ship, input)
  if ship.hp == 0 then return false end
  local turn = shared.way(ship.angle, input.aim)
  ship.angle = on_grid(ship.angle + max(-TURNING, min(turn, TURNING)), ANGLE) % TURN

  local push = input.thrust and PUSH or 0
  local vx = (ship.vx + push * shared.cos(ship.angle)) * DRAG
  local vy = (ship.vy + push * shared.sin(ship.angle)) * DRAG
  local x, y = ship.x + vx, ship.y + vy
  if x < EDGE or x > SIZE - EDGE then vx = -vx * 0.6 end -- off the wall
  if y < EDGE or y > SIZE - EDGE then vy = -vy * 0.6 end
  ship.x = on_grid(max(EDGE, min(x, SIZE - EDGE)), 1 / 8)
  ship.y = on_grid(max(EDGE, min(y, SIZE - EDGE)), 1 / 8)
  ship.vx, ship.vy = slower(vx), slower(vy)
  ship.burn = push > 0

  ship.heat = max(0, ship.heat - 1)
  if not input.fire or ship.heat > 0 then return false end
  ship.heat = shared.RELOAD
  return true
end

return shared
