-- SPDX-License-Identifier: MIT
-- How a bot writes: `parlor bots doc 2`. It puts sentences at the end, a word at a time, and
-- takes its own back when the page is long. It sees the text and its number together, so
-- what it sends is an edit of that text, and the room does the rest.
local NAMES = {"Quill", "Inkwell", "Margin", "Comma", "Vellum", "Serif"}
local LONG = 1500 -- bytes, from which on it takes back instead of adding
local SENTENCES = {
  "The tide came in while nobody was looking.", "A gull has taken the second sandwich.",
  "Somebody should water the lemon tree.", "It will rain by four, says the barometer.",
  "The ferry leaves at noon, or when it is full.", "All the clocks in town agree for once.",
}

local function units(text)
  local n = 0
  for byte in text:gmatch("[^\128-\191]") do n = n + (byte:byte() >= 0xF0 and 2 or 1) end
  return n
end

local function send(bot, keep, cut, put)
  local at = keep + units(put)
  bot:send("edit", {
    born = bot.state.born, base = bot.state.rev, id = bot:random(1, 2^31), op = {{keep = keep, cut = cut, put = put}},
    from = at, to = at, whole = false,
  })
end

-- The next word of a sentence, at the end of the text.
local function add(bot)
  local vars = bot.vars
  local left = vars.left or SENTENCES[bot:random(1, #SENTENCES)]
  local word, rest = left:match("^(%S+ ?)(.*)$")
  local text = bot.state.text
  if not vars.left then
    vars.mine = left
    local gap = bot:random(1, 4) == 1 and "\n\n" or text:find("%s$") and "" or " "
    if text ~= "" then word = gap .. word end
  end
  send(bot, units(text), 0, word)
  vars.left = rest ~= "" and rest or nil
  if not vars.left then vars.rest = bot:random(4, 12) end
end

-- Its own last sentence goes, if nobody has changed it.
local function take_back(bot)
  local text, mine = bot.state.text, bot.vars.mine
  local at = mine and text:find(mine, 1, true)
  bot.vars.mine, bot.vars.rest = nil, bot:random(6, 20)
  if at then send(bot, units(text:sub(1, at - 1)), #mine, "") end
end

return {
  every = 350, -- ms between two thoughts, about
  join = function(i) return {name = NAMES[(i - 1) % #NAMES + 1]} end,
  think = function(bot)
    local vars = bot.vars
    if not bot.state.people[bot.id] then return end
    if (vars.rest or 0) > 0 then vars.rest = vars.rest - 1 return end
    if not vars.left and #bot.state.text > LONG then take_back(bot) else add(bot) end
  end,
}
