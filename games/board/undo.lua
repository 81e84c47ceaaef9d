-- SPDX-License-Identifier: MIT
-- Undo for several people: each takes back what oneself has done, and only that.
-- state.acts says who did something to which row, and how that row was before. Rows
-- are never deleted by an act, only hidden; so every act can be taken back by letting
-- what is and what was change places, and again to redo it.
local parlor = require "parlor"
local undo = {}

local MOST = 100 -- acts that one person can take back

-- What of a row is put back.
local FIELDS = {strokes = {"hidden"}, notes = {"x", "y", "colour", "text", "hidden"}}

-- Called with (state, map, key) when a hidden row goes for good; the game sets it.
function undo.gone() end

-- What nobody can bring back any more is deleted.
local function forget(state, n)
  local act = state.acts[n]
  local row = state[act.map][act.key]
  state.acts[n] = nil
  if not row or not row.hidden then return end
  state[act.map][act.key] = nil
  undo.gone(state, act.map, act.key)
end

-- Keeps how a row is before person `id` does something to it, as act number `n`.
-- After that there is nothing to redo, and of too many acts the oldest stays done.
function undo.remember(state, n, id, map, key)
  local mine, oldest, was = 0, nil, {}
  for i, act in parlor.each(state.acts) do
    if act.by == id and act.undone then
      forget(state, i)
    elseif act.by == id then
      mine, oldest = mine + 1, oldest or i
    end
  end
  if mine >= MOST then forget(state, oldest) end
  for _, field in ipairs(FIELDS[map]) do was[field] = state[map][key][field] end
  state.acts[n] = {by = id, map = map, key = key, was = was}
end

-- Takes back the last act of `id` that is done, or does the first undone one again.
function undo.turn(state, id, is_redo)
  local found
  for _, act in parlor.each(state.acts) do
    if act.by == id and act.undone == is_redo then
      found = act
      if is_redo then break end
    end
  end
  local row = found and state[found.map][found.key]
  if not found or row and (row.holder or 0) ~= 0 then return end -- somebody has it in hand
  found.undone = not is_redo
  for _, field in ipairs(row and FIELDS[found.map] or {}) do
    row[field], found.was[field] = found.was[field], row[field]
  end
end

-- Who has left takes nothing back.
function undo.leave(state, id)
  for n, act in parlor.each(state.acts) do
    if act.by == id then forget(state, n) end
  end
end

return undo
