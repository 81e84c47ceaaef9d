-- SPDX-License-Identifier: MIT
-- Live scores: a feed tells over HTTP what has happened, everybody reads, and nobody
-- else says anything. Where no feed comes, matches are simulated.
local parlor = require "parlor"
local fixtures = require "fixtures"
local token = require "token"
local s = parlor.schema

local MINUTE, STAYS = 2000, 12 -- ms for a minute of a simulated match; minutes that its result stays
local SIMULATED, MOST = 6, 40  -- matches that are simulated; matches in a room
local SILENCE = 1200           -- seconds without a word until a feed's match goes

-- No messages are declared, so readers have nothing to say. All of them see all of
-- it, so what changed is encoded once, five times a second, however many there are.
local scores = parlor.game {
  title = "Live scores", about = "A feed over HTTP, any number of readers, and a box for other sites.",
  tick_rate = 0, sync_rate = 5, max_players = 50000, reconnect = 60,
  state = {
    matches = s.map({
      home = s.str(24), away = s.str(24), home_goals = s.u8, away_goals = s.u8,
      minute = s.u8, phase = s.enum {"first", "half", "second", "over"}, fed = s.bool,
      last = s.u16 {to = "server"}, heard = s.f64 {to = "server"}, rest = s.u8 {to = "server"},
    }, {keys = "string"}),
    -- The timeline is state like any other: who comes late gets all of it, who was
    -- away gets what is missing. Keys are the match and a number: "ald-bri/7".
    moments = s.map({
      match = s.str(32), n = s.u16, minute = s.u8, kind = s.enum(fixtures.kinds), who = s.str(60),
      side = s.enum {"none", "home", "away"}, home_goals = s.u8, away_goals = s.u8,
    }, {keys = "string"}),
    readers = s.uint,
  },
}

-- What a feed may write. What does not fit is told to the feed and gets no farther.
function scores.http(request)
  if request.method ~= "POST" then return 405, "POST what has happened.\n", {Allow = "POST"} end
  if request.token ~= token then return 401, "Who are you?\n", {["WWW-Authenticate"] = "Bearer"} end
  local moment, why = fixtures.check(request.data)
  if not moment then return 400, {error = why} end
  local name = request.path:sub(2)
  local ok, no_room = parlor.signal(name, "moment", moment)
  if not ok then return 404, {error = no_room} end
  -- A room ends with its last reader. Where `since` is not what it was, it is a new one.
  for _, room in ipairs(parlor.rooms()) do
    if room.id == name then return 202, {since = room.labels.since} end
  end
end

-- One door for feed and simulation. A number that was there before corrects what it said.
function scores:take(m, is_fed)
  local state = self.state
  local match = state.matches[m.match]
  if not match then
    if fixtures.count(state.matches) >= MOST then return end
    match = {home = m.match, away = ""}
    state.matches[m.match] = match
  end
  for _, name in ipairs(fixtures.of_match) do match[name] = m[name] or match[name] end
  match.phase = (m.kind == "half" or m.kind == "over") and m.kind or match.minute > 45 and "second" or "first"
  match.fed, match.heard = is_fed, parlor.now()
  local n = m.n or math.min(match.last + 1, fixtures.MOMENTS)
  match.last = math.max(match.last, n)
  state.moments[m.match .. "/" .. n] = {
    match = m.match, n = n, minute = match.minute, kind = m.kind, side = m.side, who = m.who,
    home_goals = match.home_goals, away_goals = match.away_goals,
  }
end
function scores:signal(_, moment) self:take(moment, true) end

-- What a feed has once spoken of is the feed's; the others play themselves.
local function play(room, id, match)
  local moment = fixtures.play(id, match, function(...) return room:random(...) end)
  if moment then room:take(moment) end
end

function scores:minute()
  local state, n = self.state, 0
  for id, match in parlor.each(state.matches) do
    if not match.fed then play(self, id, match) end
    local is_gone = match.rest > STAYS or (match.fed and parlor.now() - match.heard > SILENCE)
    for i = 1, is_gone and match.last or 0 do state.moments[id .. "/" .. i] = nil end
    if is_gone then state.matches[id] = nil elseif not match.fed then n = n + 1 end
  end
  for _ = n + 1, SIMULATED do
    local kickoff = fixtures.draw(state.matches, function(...) return self:random(...) end)
    if kickoff then self:take(kickoff) end
  end
end

-- The first reader comes into matches that are under way.
function scores:create()
  self:label {since = math.floor(parlor.now() * 1000)}
  self:minute()
  for id, match in parlor.each(self.state.matches) do
    for _ = 1, self:random(0, 85) do play(self, id, match) end
  end
  self:every(MINUTE, "minute")
end

function scores:reloaded(_, is_rebuilt) if is_rebuilt then self:every(MINUTE, "minute") end end
function scores:join() self.state.readers = self.state.readers + 1 end
function scores:leave() self.state.readers = self.state.readers - 1 end

return scores
