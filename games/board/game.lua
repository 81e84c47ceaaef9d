-- SPDX-License-Identifier: MIT
-- Board: people draw and stick notes on one whiteboard. Everybody sees everybody's
-- pen move; undo takes back what oneself has done, and only that.
local parlor = require "parlor"
local undo = require "undo"
local s = parlor.schema

local SIZE = 4096    -- units, both ways; in steps of 1/16, so that two bytes do
local PIECE = 400    -- bytes of a piece of ink: 100 points
local INK = 6000     -- pieces on a board
local NOTES = 200

local x = s.fixed {min = 0, max = SIZE - 1/16, step = 1/16, smooth = true}
local colour = s.enum {"ink", "red", "orange", "green", "blue", "violet"}

local board = parlor.game {
  title = "Board", about = "A whiteboard for many: draw together, stick notes, undo.",
  tick_rate = 20, max_players = 50, max_spectators = 200, reconnect = 60, max_name = 24,
  state = {
    people = s.map {
      name = s.str(24), x = x, y = x, here = s.bool, away = s.bool,
      stroke = s.uint, piece = s.uint {to = "server"}, -- what they draw right now
    },
    strokes = s.map({by = s.uint, colour = colour, width = s.u8, hidden = s.bool}, {keys = "integer"}),
    -- The points of strokes: x and y, two bytes each. A string costs nothing while it
    -- stays the same; a list would be walked through in every tick. When a piece is
    -- full the next one begins, so a line that grows sends only its end.
    ink = s.map({stroke = s.uint, points = s.bytes(PIECE)}, {keys = "integer"}),
    notes = s.map({
      by = s.uint, x = x, y = x, colour = colour, text = s.str(280), hidden = s.bool,
      holder = s.uint, -- who has it in hand; nobody else can change it meanwhile
    }, {keys = "integer"}),
    -- What was done, in order, and how the thing was before: for undo. Nobody sees it.
    acts = s.map({
      by = s.uint, map = s.enum {"strokes", "notes"}, key = s.uint, was = s.any(2000), undone = s.bool,
    }, {keys = "integer", to = "server"}),
    last = s.uint, pieces = s.uint {to = "server"}, -- the newest number of all these; ink in use
  },
  messages = {
    point = s.message({x = x, y = x, here = s.bool}, {rate = 30}),
    begin = s.message({colour = colour, width = s.u8}, {rate = 10}),
    draw = s.message({points = s.bytes(PIECE)}, {rate = 30}),
    erase = s.message({stroke = s.uint}, {rate = 60}),
    stick = s.message({x = x, y = x, colour = colour}, {rate = 3}),
    hold = s.message({note = s.uint}, {rate = 10}),
    change = s.message({x = x, y = x, colour = colour, text = s.str(280)}, {rate = 30}),
    release = s.message({remove = s.bool}, {rate = 10}),
    undo = s.message({redo = s.bool}, {rate = 10}),
  },
}

local function add(state, map, row)
  state.last = state.last + 1
  state[map][state.last] = row
  return state.last
end

-- Keeps how a row is before somebody does something to it: see undo.lua.
local function remember(state, player, map, key)
  state.last = state.last + 1
  undo.remember(state, state.last, player.id, map, key)
end

-- Ink goes when its stroke cannot come back.
function undo.gone(state, map, key)
  for i, piece in pairs(map == "strokes" and state.ink or {}) do
    if piece.stroke == key then state.ink[i], state.pieces = nil, state.pieces - 1 end
  end
end

function board.on.undo(room, player, m) undo.turn(room.state, player.id, m.redo) end

function board.on.point(room, player, m)
  local person = room.state.people[player.id]
  person.x, person.y, person.here = m.x, m.y, m.here
end

-- A new thing was hidden before: that is what undo makes of it.
function board.on.begin(room, player, m)
  local state, person = room.state, room.state.people[player.id]
  local row = {by = player.id, colour = m.colour, width = m.width, hidden = true}
  person.stroke, person.piece = add(state, "strokes", row), 0
  remember(state, player, "strokes", person.stroke)
  row.hidden = false
end

function board.on.draw(room, player, m)
  local state, person = room.state, room.state.people[player.id]
  local piece = state.ink[person.piece]
  if not state.strokes[person.stroke] or #m.points % 4 ~= 0 then return end
  if piece and #piece.points + #m.points <= PIECE then
    piece.points = piece.points .. m.points
  elseif state.pieces < INK then
    person.piece = add(state, "ink", {stroke = person.stroke, points = m.points})
    state.pieces = state.pieces + 1
  else
    player:send("full")
  end
end

function board.on.erase(room, player, m)
  local stroke = room.state.strokes[m.stroke]
  if not stroke or stroke.hidden then return end
  remember(room.state, player, "strokes", m.stroke)
  stroke.hidden = true
end

-- A request: the page wants to know which note is the new one.
function board.on.stick(room, player, m)
  local state, n = room.state, 0
  for _ in pairs(state.notes) do n = n + 1 end
  if n >= NOTES then return nil end
  local row = {by = player.id, x = m.x, y = m.y, colour = m.colour, hidden = true}
  local key = add(state, "notes", row)
  remember(state, player, "notes", key)
  row.hidden = false
  return key
end

local function held_by(state, id)
  for _, note in pairs(state.notes) do if note.holder == id then return note end end
end

-- Taking a note in hand is what undo goes back to; one change of many steps is one act.
function board.on.hold(room, player, m)
  local state = room.state
  local note, other = state.notes[m.note], held_by(state, player.id)
  if not note or note.hidden or note.holder ~= 0 then return false end
  if other then other.holder = 0 end
  remember(state, player, "notes", m.note)
  note.holder = player.id
  return true
end

function board.on.change(room, player, m)
  local note = held_by(room.state, player.id)
  if note then note.x, note.y, note.colour, note.text = m.x, m.y, m.colour, m.text end
end

function board.on.release(room, player, m)
  local note = held_by(room.state, player.id)
  if note then note.holder, note.hidden = 0, m.remove end
end

function board:join(player) self.state.people[player.id] = {name = player.name} end
function board:resume(player) self.state.people[player.id].away = false end

function board:drop(player)
  local person, note = self.state.people[player.id], held_by(self.state, player.id)
  person.away, person.here = true, false
  if note then note.holder = 0 end
end

function board:leave(player)
  board.drop(self, player)
  self.state.people[player.id] = nil
  undo.leave(self.state, player.id)
end

return board
