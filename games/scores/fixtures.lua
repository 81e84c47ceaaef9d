-- SPDX-License-Identifier: MIT
-- What a moment of a match is, and how simulated matches go. Pure functions: what is
-- so far and the dice come in, a moment comes out. Clubs and people are made up.
local fixtures = {MOMENTS = 200} -- of one match

fixtures.kinds = {"note", "kickoff", "goal", "yellow", "red", "sub", "chance", "half", "over"}
fixtures.of_match = {"home", "away", "home_goals", "away_goals", "minute"}

local PAUSE = 4 -- minutes of half-time
local CLUBS = {
  "Aldermoor", "Brightwater", "Castlebay", "Dunmere", "Eastfold", "Fairhaven", "Greyfriars",
  "Hollowell", "Ironbridge", "Kestrel Park", "Larkfield", "Marshgate", "Northwick", "Oakhurst",
}
local INITIALS = "ABDEJKLMRT"
local NAMES = {
  "Abara", "Bianchi", "Castell", "Dahl", "Eriksen", "Farouk", "Galvin", "Horvat", "Ito", "Jansen",
  "Kone", "Lindqvist", "Moreau", "Novak", "Okafor", "Petrov", "Quiroga", "Rossi", "Sato", "Tavares",
}
-- Of a thousand minutes so many have one of these.
local CHANCES = {{"goal", 30}, {"yellow", 32}, {"sub", 40}, {"chance", 90}, {"red", 2}}

function fixtures.count(map)
  local n = 0
  for _ in pairs(map) do n = n + 1 end
  return n
end

-- A new match between two clubs that do not play: its kick-off. Nil: all play.
function fixtures.draw(matches, random)
  local free, plays = {}, {}
  for _, match in pairs(matches) do plays[match.home], plays[match.away] = true, true end
  for _, club in ipairs(CLUBS) do if not plays[club] then free[#free + 1] = club end end
  if #free < 2 then return end
  local home = table.remove(free, random(#free))
  local away = table.remove(free, random(#free))
  local id = (home:sub(1, 3) .. "-" .. away:sub(1, 3)):lower()
  return not matches[id] and {match = id, home = home, away = away, kind = "kickoff", minute = 0}
end

-- What happens in a minute, if anything does. Playing at home helps a little.
local function happen(id, match, random)
  local dice = random(1000)
  for _, chance in ipairs(CHANCES) do
    dice = dice - chance[2]
    if dice <= 0 then
      local side, i = random(100) <= 55 and "home" or "away", random(#INITIALS)
      local moment = {match = id, kind = chance[1], side = side, minute = match.minute,
        who = INITIALS:sub(i, i) .. ". " .. NAMES[random(#NAMES)]}
      local goals = side .. "_goals"
      if moment.kind == "goal" then moment[goals] = math.min(match[goals] + 1, 255) end
      return moment
    end
  end
end

-- A minute goes by. Returns what happened in it, or nil.
function fixtures.play(id, match, random)
  local is_half, is_over = match.phase == "half", match.phase == "over"
  match.rest = (is_half or is_over) and math.min(match.rest + 1, 255) or 0
  if is_over or (is_half and match.rest < PAUSE) then return end
  if is_half then return {match = id, kind = "kickoff", minute = 46} end
  if match.minute == 45 then return {match = id, kind = "half"} end
  if match.minute >= 90 then return {match = id, kind = "over"} end
  match.minute = match.minute + 1
  return happen(id, match, random)
end

local function whole(least, most)
  return function(v) return type(v) == "number" and v % 1 == 0 and v >= least and v <= most end,
    "a whole number from " .. least .. " to " .. most
end
local function text(most)
  return function(v) return type(v) == "string" and v ~= "" and #v <= most and not v:find("%c") end,
    "a text of up to " .. most .. " bytes"
end
local function one_of(list)
  return function(v)
    for _, word in ipairs(list) do if v == word then return true end end
  end, "one of: " .. table.concat(list, ", ")
end

local FIELDS = {
  match = {text(32)}, home = {text(24)}, away = {text(24)}, who = {text(60)},
  kind = {one_of(fixtures.kinds)}, side = {one_of {"home", "away", "none"}},
  minute = {whole(0, 130)}, home_goals = {whole(0, 255)}, away_goals = {whole(0, 255)},
  n = {whole(1, fixtures.MOMENTS)},
}

-- What a feed has sent, if it is a moment; else nil and why not.
function fixtures.check(data)
  if type(data) ~= "table" then return nil, "send a JSON object, as application/json" end
  for name, value in pairs(data) do
    local field = FIELDS[name]
    if not field then return nil, "there is no field " .. tostring(name):sub(1, 40) end
    if not field[1](value) then return nil, name .. " is " .. field[2] end
  end
  if not data.match or not data.kind then return nil, "match and kind are missing" end
  if data.match:find("/", 1, true) then return nil, "match: no slash, please" end
  return data
end

return fixtures
