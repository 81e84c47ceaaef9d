-- SPDX-License-Identifier: MIT
-- Doc: several people write one text at the same time. Everybody writes at once, without
-- waiting for anybody; the order in which edits reach this room is the one that counts,
-- and each is changed to what it means after those that came before it (ops.lua).
local parlor = require "parlor"
local ops = require "ops"
local s = parlor.schema

local TEXT = 100000         -- bytes of a document
local HISTORY = 500         -- edits that are kept, for those made before them
local HISTORY_TEXT = 262144 -- bytes of text in these
local GONE = 200            -- people who left and may come back

-- So many units (of UTF-16) stay, so many go, and `put` stands in their place.
local splice = {keep = s.uint, cut = s.uint, put = s.str(32768)}

local doc = parlor.game {
  title = "Doc", about = "Write one text together, at the same time, also while the line is down.",
  tick_rate = 0, sync_rate = 20, max_players = 50, reconnect = 60,
  max_name = 24, max_message = 32768,
  state = {
    -- Who comes gets the text as it is after edit number `rev`, and from then on the edits.
    text = s.text(TEXT), rev = s.uint,
    born = s.uint, -- tells one document of this name from another one
    people = s.map {
      name = s.str(24), away = s.bool,
      from = s.uint, to = s.uint, -- the caret, or what is selected, in `text`
      last = s.uint {to = "owner"}, -- the id of their newest edit in `text`
      key = s.str(40) {to = "server"},
    },
    -- By the keys of people whose seat is gone: what `last` was, and when.
    gone = s.map({last = s.uint, at = s.uint}, {keys = "string", to = "server"}),
  },
  messages = {
    -- Made for the text after edit `base` of the document `born`; `id` is the page's. The
    -- caret is where it is after the edit. The answer is nothing, or why not.
    edit = s.message({
      born = s.uint, base = s.uint, id = s.uint, op = s.list(splice, {max = 100}),
      from = s.uint, to = s.uint, whole = s.bool,
    }, {rate = 20, burst = 40}),
    caret = s.message({base = s.uint, from = s.uint, to = s.uint}, {rate = 20, burst = 40}),
  },
  events = {
    edit = {rev = s.uint, by = s.uint, id = s.uint, op = s.list(splice, {max = 1000})},
  },
}

function doc:create()
  self.state.born = self:random(2^31)
  self.history, self.history_bytes = {}, 0
end

-- The history is no state: a room that had to be rebuilt begins with an empty one.
function doc:reloaded()
  self.history, self.history_bytes = self.history or {}, self.history_bytes or 0
end

local function weight(op)
  local n = 64
  for _, part in ipairs(op or {}) do n = n + #part.put + 64 end
  return op and n or 0
end

local function remember(room, rev, op)
  local history = room.history
  room.history_bytes = room.history_bytes + weight(op) - weight(history[rev])
  history[rev] = op
  room.oldest = math.min(room.oldest or rev, rev)
  while rev - room.oldest >= HISTORY or room.history_bytes > HISTORY_TEXT and room.oldest < rev do
    room.history_bytes = room.history_bytes - weight(history[room.oldest])
    history[room.oldest], room.oldest = nil, room.oldest + 1
  end
end

-- Calls `step` with each edit since `base`, oldest first; false if some are forgotten.
local function since(room, base, step)
  if base > room.state.rev then return false end
  for rev = base + 1, room.state.rev do
    if not room.history[rev] then return false end
  end
  for rev = base + 1, room.state.rev do step(room.history[rev]) end
  return true
end

-- A text field of a browser makes one sign of "\r\n", and others it cannot show.
local function is_plain(op)
  for _, part in ipairs(op) do
    if part.put:find("[%z\1-\8\11-\31\127]") then return false end
  end
  return true
end

local function place(person, from, to)
  person.from, person.to = math.min(from, TEXT), math.min(to, TEXT)
end

function doc.on.edit(room, player, m)
  local state, person = room.state, room.state.people[player.id]
  if m.id > 0 and m.id == person.last then return end -- sent twice: the answer was lost
  if not is_plain(m.op) then return "wrong" end
  if m.born ~= state.born or m.whole and state.rev > 0 then return "old" end
  local op, from, to = m.op, m.from, m.to
  local is_known = since(room, m.base, function(before)
    local after = ops.transform(before, op, true)
    from, to = ops.move(from, after), ops.move(to, after)
    op = ops.transform(op, before, false)
  end)
  if not is_known or #op > 1000 then return "old" end
  local text = ops.apply(state.text, op)
  if not text then return "wrong" end
  if #text > TEXT then return "full" end

  for _, other in pairs(state.people) do
    place(other, ops.move(other.from, op), ops.move(other.to, op))
  end
  state.text, state.rev, person.last = text, state.rev + 1, m.id
  place(person, from, to)
  remember(room, state.rev, op)
  room:broadcast("edit", {rev = state.rev, by = player.id, id = m.id, op = op})
end

function doc.on.caret(room, player, m)
  local from, to = m.from, m.to
  local is_known = since(room, m.base, function(op)
    from, to = ops.move(from, op), ops.move(to, op)
  end)
  if is_known then place(room.state.people[player.id], from, to) end
end

-- Who comes back to another seat finds out which edits have arrived before the line broke.
function doc:join(player, options)
  local key = type(options.key) == "string" and options.key:match("^[%w-]+$") or ""
  if #key > 40 then key = "" end
  local before = self.state.gone[key]
  self.state.people[player.id] = {name = player.name, key = key, last = before and before.last or 0}
  self.state.gone[key] = nil
end

function doc:drop(player) self.state.people[player.id].away = true end
function doc:resume(player) self.state.people[player.id].away = false end

function doc:leave(player)
  local state, person = self.state, self.state.people[player.id]
  state.people[player.id] = nil
  if person.key == "" or person.last == 0 then return end
  state.gone[person.key] = {last = person.last, at = state.rev}
  local n, oldest = 0, nil
  for key, row in parlor.each(state.gone) do
    n = n + 1
    if not oldest or row.at < state.gone[oldest].at then oldest = key end
  end
  if n > GONE then state.gone[oldest] = nil end
end

return doc
