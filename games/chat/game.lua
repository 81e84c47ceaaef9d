-- SPDX-License-Identifier: MIT
-- Chat: a channel is a room. It has no ticks: nothing runs until somebody
-- says something, and what changed leaves at most twenty times a second.
local parlor = require "parlor"
local s = parlor.schema

local HISTORY = 100 -- lines that a newcomer sees

local chat = parlor.game {
  title = "Chat", about = "Channels, history, who is here and who types.",
  tick_rate = 0, max_players = 1000, reconnect = 30,
  state = {
    people = s.map {name = s.str(24), typing = s.bool, away = s.bool},
    -- History is state like any other: whoever joins gets it, whoever comes
    -- back gets what is missing. `at` is in seconds since 1970.
    lines = s.map({
      from = s.uint, name = s.str(24), text = s.str(500), at = s.uint,
    }, {keys = "integer"}),
    last = s.uint, -- the number of the newest line
  },
  messages = {
    say = s.message({text = s.str(500)}, {rate = 10}),
    typing = s.message({on = s.bool}, {rate = 10}),
    rename = s.message({name = s.str(24)}, {rate = 2}),
  },
}

-- At most 24 bytes, as declared above, and never half a character.
local function short(name)
  return #name <= 24 and name or (name:sub(1, 25):gsub("[^\128-\191][\128-\191]*$", ""))
end

local function trim(text)
  return text:match("^%s*(.-)%s*$")
end

function chat:join(player)
  self.state.people[player.id] = {name = short(player.name)}
end

function chat.on.say(room, player, m)
  local state, text = room.state, trim(m.text)
  if text == "" then return end
  local person = state.people[player.id]
  person.typing = false
  state.last = state.last + 1
  state.lines[state.last] =
    {from = player.id, name = person.name, text = text, at = math.floor(parlor.now())}
  state.lines[state.last - HISTORY] = nil
end

function chat.on.typing(room, player, m)
  room.state.people[player.id].typing = m.on
end

function chat.on.rename(room, player, m)
  local name = trim((m.name:gsub("%c", "")))
  if name ~= "" then room.state.people[player.id].name = name end
end

-- Who loses the connection is shown as away until `reconnect` has passed.
function chat:drop(player)
  local person = self.state.people[player.id]
  person.away, person.typing = true, false
end

function chat:resume(player)
  self.state.people[player.id].away = false
end

function chat:leave(player)
  self.state.people[player.id] = nil
end

return chat
