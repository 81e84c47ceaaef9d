-- SPDX-License-Identifier: MIT
-- restore: a room's tables as its image has them, after a callback that was stopped
-- or (atomic games) raised, and in a VM that is new.
--
-- A stop can come between any two instructions, those of host.lua and scan.lua
-- included. So nothing that they keep of a room is trusted here: mirrors, orders and
-- the rows' places come from the image, timers are put in order, seats are known.

local debug_setmetatable, ipairs, next, rawget, rawset, sort, type =
  debug.setmetatable, ipairs, next, rawget, rawset, table.sort, type

local function before(a, b) return a.due < b.due or (a.due == b.due and a.id < b.id) end

-- Timers in their order, each once.
local function mend_timers(host, R)
  local seen, list = {}, {}
  for _, timer in next, R.timers do
    if not seen[timer.id] then
      seen[timer.id] = true
      list[#list + 1] = timer
    end
  end
  sort(list, before)
  R.timers = list
  host.wake(R.handle, list[1] and list[1].due)
end

-- The rows that the image has, in the tables they were in and in their order.
local function restore_map(host, scan, map_of, R, map)
  local handle, coll = R.handle, map.coll
  local order, slots = {}, {}
  for i = 1, map.n_order do
    local key = map.order[i]
    if key ~= nil and map.place[key] == i then order[#order + 1] = key end
  end
  map.rows, map.count = {}, 0
  map.order, map.place, map.n_order = {}, {}, 0
  local rows = host.rows(handle, map.facet)
  for i = 1, #rows, 2 do slots[rows[i + 1]] = rows[i] end
  for key in next, coll do
    if not slots[key] then coll[key] = nil end
  end
  local function put(key)
    local slot = slots[key]
    if not slot or map.place[key] then return end
    local row = rawget(coll, key)
    if type(row) == "table" then
      host.row_restore(handle, map.facet, slot, row)
    else
      rawset(coll, key, host.row_get(handle, map.facet, slot))
    end
    map.rows[key] = scan.mirror(map.record, slot)
    map.count = map.count + 1
    scan.append(map, key)
  end
  for i = 1, #order do put(order[i]) end
  for i = 2, #rows, 2 do put(rows[i]) end
  rawset(R.state, map.name, coll)
  map_of[coll] = map
  debug_setmetatable(coll, map.meta)
end

--- The declared state of a room as the image has it; `root` is the root's record.
return function(host, scan, map_of, handle_of, R, root)
  rawset(R.room, "state", R.state)
  for id, player in next, R.seats do handle_of[player] = R.handle * 2^32 + id end
  mend_timers(host, R)
  for _, map in ipairs(R.maps) do restore_map(host, scan, map_of, R, map) end
  if root.n > 0 then host.row_restore(R.handle, 0, 0, R.state) end
  scan.forget(R.root)
  R.is_scanning = false
end
