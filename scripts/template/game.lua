-- NAME: everybody has a dot that one can push about. Save this file while it runs.
local parlor = require "parlor"
local s = parlor.schema

local game = parlor.game {
  title = "NAME", tick_rate = 20, max_players = 16,
  state = { -- what every browser sees; what changed is sent after each tick
    dots = s.map {
      name = s.str(16),
      x = s.fixed {min = 0, max = 100, step = 1/64, smooth = true},
      y = s.fixed {min = 0, max = 100, step = 1/64, smooth = true},
    },
  },
  messages = { push = s.message({dx = s.i8, dy = s.i8}, {rate = 30}) }, -- what it may say
}

function game:join(player)
  self.state.dots[player.id] = {name = player.name, x = self:random(10, 90), y = self:random(10, 90)}
end

function game.on.push(room, player, m)
  local dot = room.state.dots[player.id]
  dot.x = math.max(0, math.min(100, dot.x + m.dx))
  dot.y = math.max(0, math.min(100, dot.y + m.dy))
end

function game:leave(player) self.state.dots[player.id] = nil end

return game
