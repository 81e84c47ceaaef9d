-- SPDX-License-Identifier: MIT
-- Arena: neon ships on a map that is far larger than a screen. It shows what fast games
-- need: each player sees what is near, bots fill the room, and the own ship answers at
-- once, as the page flies it by the same code (shared.lua).
local parlor = require "parlor"
local shared = require "shared"
local s = parlor.schema

local SIZE = shared.SIZE
local BOTS, MAX_BOTS = 14, 300  -- ships in a room at least; what ?bots= may ask for
local FIRST_BOT = 1000000       -- players have the ids below
local HIT = 26                  -- so near a shot has to come
local DAMAGE, FULL = 12, 100
local BACK = 40                 -- ticks until a wreck is a ship again
local IDLE = 8                  -- ticks without a word, then the ship drifts
local SIGHT = 760               -- how far a bot looks

-- 1/8 of a unit in two bytes; `smooth` asks the browser to glide between the ticks.
local place = s.fixed {min = 0, max = SIZE, step = 1/8, smooth = true}
local speed = s.fixed {min = -64, max = 64, step = 1/64}

local arena = parlor.game {
  title = "Arena", about = "Neon ships, many of them. Fast: prediction, interest, bots.",
  tick_rate = 20, max_players = 120, reconnect = 30,
  state = {
    -- A page is sent the ships around its own; a hundred others cost it nothing.
    ships = s.map({
      name = s.str(16), x = place, y = place, angle = s.angle {smooth = true},
      hp = s.u8 {default = FULL}, kills = s.u16, burn = s.bool, away = s.bool,
      -- Its own page predicts with these; nobody else needs them.
      vx = speed {to = "owner"}, vy = speed {to = "owner"}, heat = s.u8 {to = "owner"},
    }, { interest = s.near {x = "x", y = "y", see = 1000, forget = 1100} }),
    -- Where a shot was fired, and whither: pages let it fly by themselves.
    shots = s.map({ x = place, y = place, angle = s.angle, by = s.uint },
      { keys = "integer", interest = s.near {x = "x", y = "y", see = 1000} }),
    -- For all, now and then: the small map, two bytes a ship, and who leads.
    radar = s.bytes(2048),
    top = s.list({ name = s.str(16), kills = s.u16 }, {max = 5}),
  },
  -- What a page may say: what the player wants. One message is one tick of the ship, so
  -- whoever sends them faster is dropped to the pace of the others.
  messages = {
    steer = s.message({ aim = s.angle, thrust = s.bool, fire = s.bool },
      { input = true, rate = 20.5, burst = 30 }),
    rename = s.message({ name = s.str(16) }, { rate = 2 }),
  },
  events = {
    boom = { who = s.str(16), by = s.str(16), x = place, y = place },
  },
}

-- At most 16 bytes, as declared above, and never half a character.
local function short(name)
  return #name <= 16 and name or (name:sub(1, 17):gsub("[^\128-\191][\128-\191]*$", ""))
end

-- A free place; on the grid, as shared.lua wants it.
local function put(room, ship)
  ship.x, ship.y = room:random(200, SIZE - 200), room:random(200, SIZE - 200)
  ship.vx, ship.vy, ship.heat, ship.hp, ship.angle, ship.burn = 0, 0, 0, FULL, 0, false
end

local function launch(room, id, name)
  local ship = { name = name, kills = 0 }
  put(room, ship)
  room.state.ships[id] = ship
end

-- Ships.

-- A ship with the input of one tick.
local function fly(room, id, ship, input)
  if not shared.step(ship, input) then return end
  local cos, sin = shared.cos(ship.angle), shared.sin(ship.angle)
  room.last_shot = room.last_shot + 1
  room.state.shots[room.last_shot] = {
    x = math.min(math.max(ship.x + 22 * cos, 0), SIZE), y = math.min(math.max(ship.y + 22 * sin, 0), SIZE),
    angle = ship.angle, by = id,
    -- Not declared, so known here only: where it is by now, and for how long yet.
    at_x = ship.x + 22 * cos, at_y = ship.y + 22 * sin,
    dx = shared.SHOT_SPEED * cos, dy = shared.SHOT_SPEED * sin, left = shared.SHOT_TICKS,
  }
end

local function hit(room, id, ship, by)
  ship.hp = math.max(0, ship.hp - DAMAGE)
  if ship.hp > 0 then return end
  local killer = room.state.ships[by]
  if killer then killer.kills = math.min(killer.kills + 1, 65535) end
  ship.burn, ship.vx, ship.vy, ship.back = false, 0, 0, BACK
  room:broadcast("boom", { who = ship.name, by = killer and killer.name or "", x = ship.x, y = ship.y },
    { volatile = true })
end

-- Players.

function arena:create(options)
  self.last_shot, self.bots = 0, {}
  local n = tonumber(options.bots) or BOTS
  self.n_bots = n >= 0 and n <= MAX_BOTS and math.floor(n) or BOTS
end

function arena:join(player)
  launch(self, player.id, short(player.name))
end

-- The moment a message comes is the moment its tick is flown: the state that goes out
-- next says so to the page, which then takes it off its own list.
function arena.on.steer(room, player, m)
  local ship = room.state.ships[player.id]
  ship.heard = room.tick
  fly(room, player.id, ship, m)
end

function arena.on.rename(room, player, m)
  local name = m.name:gsub("%c", ""):match("^%s*(.-)%s*$")
  if name ~= "" then room.state.ships[player.id].name = name end
end

function arena:drop(player) self.state.ships[player.id].away = true end
function arena:resume(player) self.state.ships[player.id].away = false end
function arena:leave(player) self.state.ships[player.id] = nil end

-- Bots.

local names = { "Vega", "Lyra", "Orion", "Rigel", "Mira", "Altair", "Deneb", "Sirius", "Castor", "Spica",
  "Antares", "Polaris", "Capella", "Atlas", "Electra", "Maia" }

-- As many as are wanted, less the players; one comes or goes a tick.
local function staff(room, n_players)
  local wanted = math.max(0, room.n_bots - n_players)
  local n = #room.bots
  if n < wanted then
    local id = FIRST_BOT + n
    launch(room, id, names[n % #names + 1] .. (n >= #names and " " .. math.floor(n / #names) + 1 or ""))
    room.bots[n + 1] = { id = id, aim = 0, patience = 0 }
  elseif n > wanted then
    room.state.ships[room.bots[n].id] = nil
    room.bots[n] = nil
  end
end

-- The nearest ship in sight; else somewhere to go. Looked for now and then only.
local function choose(room, bot, ship)
  local best, ships = SIGHT * SIGHT, room.state.ships
  bot.target, bot.patience = nil, room:random(15, 30)
  for id, other in pairs(ships) do
    local far = (other.x - ship.x) ^ 2 + (other.y - ship.y) ^ 2
    if far < best and id ~= bot.id and other.hp > 0 then best, bot.target = far, id end
  end
  if not bot.target and room:random(3) == 1 then
    bot.aim = math.atan2(room:random(0, SIZE) - ship.y, room:random(0, SIZE) - ship.x)
  end
  bot.side = room:random() - 0.5
end

local function think(room, bot, ship)
  bot.patience = bot.patience - 1
  if bot.patience <= 0 then choose(room, bot, ship) end
  local target = bot.target and room.state.ships[bot.target]
  if not target or target.hp == 0 then
    bot.thrust, bot.fire = bot.patience % 3 > 0, false
    return bot
  end
  local dx, dy = target.x - ship.x, target.y - ship.y
  local far = math.sqrt(dx * dx + dy * dy)
  local lead = far / shared.SHOT_SPEED
  local aim = math.atan2(dy + target.vy * lead, dx + target.vx * lead)
  bot.fire = far < 620 and math.abs(shared.way(ship.angle, aim)) < 0.16 and bot.patience % 4 > 1
  bot.aim = aim + (far < 200 and bot.side * 4 or bot.side * 0.25) -- past it, not into it
  bot.thrust = far > 320 or far < 160
  return bot
end

-- Ticks.

local function move_shots(room)
  local shots, ships = room.state.shots, room.state.ships
  for key, shot in pairs(shots) do
    shot.at_x, shot.at_y, shot.left = shot.at_x + shot.dx, shot.at_y + shot.dy, shot.left - 1
    local x, y, by = shot.at_x, shot.at_y, shot.by
    local is_over = shot.left <= 0 or x < 0 or x > SIZE or y < 0 or y > SIZE
    for id, ship in pairs(ships) do
      local dx, dy = ship.x - x, ship.y - y
      if dx * dx + dy * dy < HIT * HIT and ship.hp > 0 and id ~= by then
        hit(room, id, ship, by)
        is_over = true
        break
      end
    end
    if is_over then shots[key] = nil end
  end
end

-- Two bytes a ship, in steps of 16 units.
local function look_from_above(room)
  local bytes, list = {}, {}
  for _, ship in parlor.each(room.state.ships) do
    if ship.hp > 0 then
      bytes[#bytes + 1] = string.char(math.floor(ship.x / 16) % 256, math.floor(ship.y / 16) % 256)
    end
    list[#list + 1] = ship
  end
  table.sort(list, function(a, b) return a.kills > b.kills end)
  room.state.radar = table.concat(bytes)
  for i = 1, 5 do
    room.state.top[i] = list[i] and { name = list[i].name, kills = list[i].kills } or nil
  end
end

-- A player sees the ships around its own by itself; for the shots, which are in another
-- map, it has to be said where to look from.
local centre = {}

function arena:tick()
  local n_players = 0
  for id, ship in parlor.each(self.state.ships) do
    if ship.back then
      ship.back = ship.back - 1
      if ship.back == 0 then
        ship.back = nil
        put(self, ship)
      end
    end
    if id < FIRST_BOT then
      n_players = n_players + 1
      local silent = self.tick - (ship.heard or self.tick)
      if ship.away or silent > IDLE then fly(self, id, ship, { aim = ship.angle }) end
      centre.x, centre.y = ship.x, ship.y
      self.players[id]:view(centre)
    end
  end
  staff(self, n_players)
  for _, bot in ipairs(self.bots) do
    local ship = self.state.ships[bot.id]
    if ship.hp > 0 then fly(self, bot.id, ship, think(self, bot, ship)) end
  end
  move_shots(self)
  if self.tick % 20 == 0 then look_from_above(self) end
end

return arena
