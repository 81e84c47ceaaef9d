-- SPDX-License-Identifier: MIT
-- Pond: frogs hop about and eat worms. This is the place to start reading.
-- Save this file while the server runs: the pond goes on with the new code.
local parlor = require "parlor"
local s = parlor.schema

local WIDTH, HEIGHT = 40, 24 -- the pond; a frog is about two units across
local SPEED = 15             -- units a second, right after a full hop
local SLOWING = 0.8          -- what is left of the speed one tick later
local WORMS = 14             -- worms in the water
local REACH = 1.3            -- a worm so near gets eaten

-- Positions travel as multiples of 1/64, in two bytes. `smooth` asks the
-- browser to glide from one tick to the next.
local x = s.fixed {min = 0, max = WIDTH, step = 1/64, smooth = true}
local y = s.fixed {min = 0, max = HEIGHT, step = 1/64, smooth = true}
local direction = s.fixed {min = -1, max = 1, step = 1/127}

local pond = parlor.game {
  title = "Pond", about = "Hop about, eat worms. The sample to read first.",
  tick_rate = 20, max_players = 32, reconnect = 30,
  -- What every browser sees. Change these tables as you like: after a tick
  -- Parlor sends what became different, and only that.
  state = {
    frogs = s.map {name = s.str(16), x = x, y = y, worms = s.u16, away = s.bool},
    worms = s.map({x = x, y = y}, {keys = "integer"}),
  },
  -- What a browser may say: what it wants, never where it is. A message of
  -- another shape, out of range or too often is dropped before it gets here.
  messages = {
    hop = s.message({dx = direction, dy = direction}, {rate = 30}),
    rename = s.message({name = s.str(16)}, {rate = 2}),
  },
  -- What happens once and is not state.
  events = {
    ate = {frog = s.uint, x = x, y = y},
    sank = {name = s.str(16), worms = s.u16, x = x, y = y},
  },
}

-- At most 16 bytes, as declared above, and never half a character.
local function short(name)
  return #name <= 16 and name or (name:sub(1, 17):gsub("[^\128-\191][\128-\191]*$", ""))
end

function pond:join(player)
  self.state.frogs[player.id] = {
    name = short(player.name), worms = 0,
    x = self:random(8, WIDTH - 8), y = self:random(6, HEIGHT - 6),
  }
end

function pond.on.hop(room, player, m)
  local frog, length = room.state.frogs[player.id], math.sqrt(m.dx * m.dx + m.dy * m.dy)
  local speed = SPEED / math.max(1, length) -- not faster when aslant
  frog.vx, frog.vy = m.dx * speed, m.dy * speed -- not declared, so known to the server only
end

function pond.on.rename(room, player, m)
  local name = m.name:gsub("%c", ""):match("^%s*(.-)%s*$")
  if name ~= "" then room.state.frogs[player.id].name = name end
end

-- Who loses the connection keeps the seat for `reconnect` seconds.
function pond:drop(player) self.state.frogs[player.id].away = true end
function pond:resume(player) self.state.frogs[player.id].away = false end

function pond:leave(player)
  local frog = self.state.frogs[player.id]
  self:broadcast("sank", {name = frog.name, worms = frog.worms, x = frog.x, y = frog.y})
  self.state.frogs[player.id] = nil
end

local function move(frog, dt)
  frog.x = math.min(math.max(frog.x + frog.vx * dt, 1), WIDTH - 1)
  frog.y = math.min(math.max(frog.y + frog.vy * dt, 1), HEIGHT - 1)
  frog.vx, frog.vy = frog.vx * SLOWING, frog.vy * SLOWING
  if math.abs(frog.vx) + math.abs(frog.vy) < 0.1 then frog.vx, frog.vy = nil, nil end
end

function pond:tick(dt)
  local frogs, worms = self.state.frogs, self.state.worms
  for id, frog in parlor.each(frogs) do
    if frog.vx then move(frog, dt) end
    for key, worm in parlor.each(worms) do
      if (worm.x - frog.x) ^ 2 + (worm.y - frog.y) ^ 2 < REACH ^ 2 then
        worms[key], frog.worms = nil, math.min(frog.worms + 1, 65535)
        self:broadcast("ate", {frog = id, x = worm.x, y = worm.y})
      end
    end
  end
  for key = 1, WORMS do -- an eaten worm comes back after some three seconds
    if not worms[key] and self:random(60) == 1 then
      worms[key] = {x = self:random(2, WIDTH - 2), y = self:random(2, HEIGHT - 2)}
    end
  end
end

return pond
