-- SPDX-License-Identifier: MIT
-- How a bot chats: `parlor bots chat 2`. It says little, in the channel where people
-- arrive, and answers who calls it by its name.
local NAMES = {"Olive", "Basil", "Juniper", "Sorrel"}
local IDLE = {
  "Did anybody else see the frogs in the pond?", "Good to have company here.", "I was at the board. Somebody draws cats.",
  "Who is for a round of cards?", "It is quiet today.", "I only know six sentences.",
}
local ANSWERS = {"Yes?", "You called?", "I am a bot, but I listen.", "That is a good question."}

local is_bot = {}
for _, name in ipairs(NAMES) do is_bot[name] = true end

-- Types for a while first, as people do.
local function say(bot, text)
  bot.vars.text = text
  bot:send("typing", {on = true})
end

-- Who is first in a channel moderates it. No bot wants to: it makes a person moderator.
local function hand_over(bot, people)
  if not people[bot.id].moderator then return end
  for id, person in pairs(people) do
    if not person.moderator and not is_bot[person.name] then
      bot:send("moderate", {who = id, act = "trust"})
    end
  end
end

return {
  every = 2500,
  join = function(i) return {name = NAMES[(i - 1) % #NAMES + 1], room = "lobby"} end,
  think = function(bot)
    local state, vars = bot.state, bot.vars
    local me, line = state.people[bot.id], state.lines[state.last]
    if not me then return end
    hand_over(bot, state.people)
    if vars.text then
      bot:send("say", {text = vars.text})
      vars.text, vars.seen = nil, state.last
    elseif line and state.last ~= vars.seen and not is_bot[line.name] and line.text:find(me.name, 1, true) then
      say(bot, ANSWERS[bot:random(#ANSWERS)])
    elseif bot:random(60) == 1 then -- every few minutes
      say(bot, IDLE[bot:random(#IDLE)])
    end
    vars.seen = state.last
  end,
}
