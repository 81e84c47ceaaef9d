-- SPDX-License-Identifier: MIT
-- Chat: a channel is a room. It has no ticks: nothing runs until somebody
-- says something, and what changed leaves at most twenty times a second.
local parlor = require "parlor"
local s = parlor.schema

local HISTORY = 100 -- lines that a newcomer sees
local BAN = 600     -- seconds

local chat = parlor.game {
  title = "Chat", about = "Channels, history, who is here and who types, and somebody to keep order.",
  tick_rate = 0, max_players = 1000, reconnect = 30, max_name = 24,
  state = {
    people = s.map {name = s.str(24), typing = s.bool, away = s.bool, muted = s.bool, moderator = s.bool},
    -- History is state like any other: whoever joins gets it, whoever comes back
    -- gets what is missing. `at` is in seconds since 1970; from 0 is a notice.
    lines = s.map({
      from = s.uint, name = s.str(24), text = s.str(500), at = s.uint,
    }, {keys = "integer"}),
    last = s.uint, -- the number of the newest line
  },
  -- Above its rate (a second; `burst` at once) a message never gets here, and a
  -- request is told so. What does get here may answer: nothing is yes.
  messages = {
    say = s.message({text = s.str(500)}, {rate = 2, burst = 6}),
    typing = s.message({on = s.bool}, {rate = 5}),
    rename = s.message({name = s.str(24)}, {rate = 1, burst = 3}),
    remove = s.message({line = s.uint}, {rate = 5}),
    moderate = s.message({
      who = s.uint, act = s.enum {"mute", "unmute", "kick", "ban", "trust"},
    }, {rate = 5}),
  },
}

-- Who is it? A token signed by your own site says it for sure, and whether this is
-- a moderator of all channels. For everybody else the page makes an id up and keeps
-- it, so that a ban means this browser and not the whole house behind an address;
-- who deletes it comes back. "guest:" keeps such an id from passing for a real one.
function chat:auth(request)
  if request.token then
    local claims, why = parlor.jwt(request.token)
    if not claims then return nil, why end
    return {user = {id = claims.sub, is_moderator = claims.moderator == true}}
  end
  local id = request.options.visitor
  return {user = {id = type(id) == "string" and #id <= 64 and "guest:" .. id or nil}}
end

local function trim(text) return text:match("^%s*(.-)%s*$") end

local function add_line(state, from, name, text)
  state.last = state.last + 1
  state.lines[state.last] = {from = from, name = name, text = text, at = math.floor(parlor.now())}
  state.lines[state.last - HISTORY] = nil
end

-- Who opens a channel moderates it.
function chat:join(player)
  local people = self.state.people
  local is_first = next(people) == nil
  people[player.id] = {name = player.name, moderator = is_first or player.user.is_moderator or false}
end

function chat.on.say(room, player, m)
  local person, text = room.state.people[player.id], trim(m.text)
  if person.muted then return "A moderator has muted you." end
  if text == "" then return end
  person.typing = false
  add_line(room.state, player.id, person.name, text)
end

function chat.on.typing(room, player, m)
  local person = room.state.people[player.id]
  person.typing = m.on and not person.muted
end

function chat.on.rename(room, player, m)
  local name = trim((m.name:gsub("%c", "")))
  if name ~= "" then room.state.people[player.id].name = name end
end

-- One's own lines, or as a moderator anybody's.
function chat.on.remove(room, player, m)
  local state = room.state
  local line = state.lines[m.line]
  local may = line and (line.from == player.id or state.people[player.id].moderator)
  if not may then return "This line is not yours." end
  state.lines[m.line] = nil
end

local DONE = {mute = "muted", unmute = "unmuted", kick = "removed", ban = "banned", trust = "made a moderator"}

function chat.on.moderate(room, player, m)
  local by, person = room.state.people[player.id], room.state.people[m.who]
  if not by.moderator then return "Only moderators can do this." end
  if not person then return "They have left." end
  if person.moderator then return "Moderators leave each other alone." end
  if m.act == "mute" then person.muted, person.typing = true, false end
  if m.act == "unmute" then person.muted = false end
  if m.act == "trust" then person.moderator, person.muted = true, false end
  add_line(room.state, 0, "", person.name .. " was " .. DONE[m.act] .. " by " .. by.name .. ".")
  local reason = DONE[m.act] .. " by " .. by.name
  if m.act == "kick" then room.players[m.who]:kick(reason) end
  if m.act == "ban" then room.players[m.who]:ban {seconds = BAN, reason = reason} end
end

-- Who loses the connection is shown as away until `reconnect` has passed.
function chat:drop(player)
  local person = self.state.people[player.id]
  person.away, person.typing = true, false
end

function chat:resume(player) self.state.people[player.id].away = false end

-- A channel is never without a moderator: the one who has been here longest is next.
function chat:leave(player)
  local people, oldest = self.state.people, nil
  people[player.id] = nil
  for _, person in parlor.each(people) do
    if person.moderator then return end
    oldest = oldest or person
  end
  if oldest then oldest.moderator = true end
end

return chat
