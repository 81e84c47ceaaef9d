-- SPDX-License-Identifier: MIT
-- How a bot plays cards: `parlor bots cards 3`. It is a player like any other: it sees
-- its own hand and nobody else's, and thinks with the same rules.lua as the table.
local rules = require "rules"

local NAMES = {"Gauss", "Hopper", "Ito", "Jacobi", "Klein", "Lovelace", "Möbius", "Noether"}

local function play(bot, state)
  local hand = state.seats[bot.id].hand
  local card, suit = rules.choose(hand, state.pile[#state.pile], state.suit)
  local is_out = state.stock + #state.pile == 1
  if card then bot:send("play", {card = card, suit = suit})
  elseif state.drawn or is_out then bot:send("pass", {})
  else bot:send("draw", {}) end
end

return {
  every = 1500, -- ms between two thoughts, about
  join = function(i) return {name = NAMES[(i - 1) % #NAMES + 1]} end,
  think = function(bot)
    local state, n = bot.state, 0
    for _ in pairs(state.seats) do n = n + 1 end
    if state.phase == "play" and state.turn == bot.id then play(bot, state) end
    -- The first round somebody has to deal; later ones the table does.
    if state.phase == "wait" and n > 1 and bot:random() < 0.3 then bot:send("deal", {}) end
  end,
}
