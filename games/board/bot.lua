-- SPDX-License-Identifier: MIT
-- How a bot draws: `parlor bots board 2`. A flower in one line, as slowly as a hand would;
-- it looks at it for a while and takes it back, so that no board fills up with flowers.
local NAMES = {"Iris", "Dahlia", "Aster", "Lupin"}
local COLOURS = {"red", "orange", "green", "blue", "violet"}
local STEPS, AT_ONCE, LOOK = 120, 5, 40 -- points of a flower, of a message; thoughts until it goes

-- Two bytes a number, the lower first, in steps of 1/16: see `ink` in game.lua.
local function pack(value)
  local n = math.floor(value * 16 + 0.5)
  return string.char(n % 256, math.floor(n / 256))
end

local function begin(bot)
  local vars = bot.vars
  vars.x, vars.y = bot:random(600, 3400), bot:random(600, 3400)
  vars.size, vars.petals, vars.at = bot:random(120, 260), bot:random(3, 7), 0
  bot:send("begin", {colour = COLOURS[bot:random(#COLOURS)], width = bot:random(3, 8)})
end

local function draw(bot)
  local vars, points, x, y = bot.vars, {}, 0, 0
  for i = vars.at, math.min(vars.at + AT_ONCE, STEPS) do
    local turn = i / STEPS * 2 * math.pi
    local reach = vars.size * (0.6 + 0.4 * math.cos(vars.petals * turn))
    x, y = vars.x + reach * math.cos(turn), vars.y + reach * math.sin(turn)
    points[#points + 1] = pack(x) .. pack(y)
  end
  bot:send("draw", {points = table.concat(points)})
  bot:send("point", {x = x, y = y, here = true})
end

return {
  every = 200,
  join = function(i) return {name = NAMES[(i - 1) % #NAMES + 1]} end,
  think = function(bot)
    local vars = bot.vars
    if not vars.at then
      if bot:random(20) == 1 then begin(bot) end
    elseif vars.at < STEPS then
      draw(bot)
      vars.at = vars.at + AT_ONCE
    elseif vars.at < STEPS + LOOK then
      vars.at = vars.at + 1
    else
      bot:send("undo", {redo = false})
      vars.at = nil
    end
  end,
}
