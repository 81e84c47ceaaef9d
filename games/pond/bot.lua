-- SPDX-License-Identifier: MIT
-- How a bot plays in the pond: `parlor bots pond 5`. It runs outside of the server, sees
-- what a browser sees, and says what a browser may say: hop to the nearest worm.
local NAMES = {"Moss", "Reed", "Puddle", "Newt", "Fern", "Bramble", "Willow", "Pebble"}

local function nearest(me, worms)
  local best, least
  for _, worm in pairs(worms) do
    local d = (worm.x - me.x) ^ 2 + (worm.y - me.y) ^ 2
    if not least or d < least then best, least = worm, d end
  end
  return best, least and math.sqrt(least)
end

return {
  every = 450, -- ms between two thoughts, about
  join = function(i) return {name = NAMES[(i - 1) % #NAMES + 1]} end,
  think = function(bot)
    local me = bot.state.frogs[bot.id]
    if not me or bot:random() < 0.1 then return end -- it dozes
    local worm, distance = nearest(me, bot.state.worms)
    if not worm then return end
    local force = math.min(1, distance / 4) / distance -- it does not overshoot
    local dx, dy = (worm.x - me.x) * force, (worm.y - me.y) * force
    bot:send("hop", {dx = math.max(-1, math.min(1, dx)), dy = math.max(-1, math.min(1, dy))})
  end,
}
