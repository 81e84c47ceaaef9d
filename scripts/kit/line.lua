-- SPDX-License-Identifier: MIT
-- line: time and chance of a simulated server, and the lines between it and its
-- players. `parlor test` and the scenarios of tests/ both run on this.

local rig = require "kit.rig"
local Client = require "kit.client"

local line = {}

local clients, seed = {}, 1

--- Forget all players, and begin chance anew with `number` (a whole number from 1).
function line.start(number) clients, seed = {}, number end

--- A number in [0, 1), the same in every run with the same seed; random(n): 1..n.
function line.random(n)
  seed = (seed * 16807) % 2147483647
  local unit = (seed - 1) / 2147483646
  return n and math.floor(unit * n) + 1 or unit
end

--- A connection to a game, which has not said hello; `options` as Client.new takes them.
function line.connect(game, options)
  local c = Client.new(game, options, line.random)
  clients[#clients + 1] = c
  return c:connect()
end

-- Everything that is due arrives; returns when the next is, in us.
local function pump()
  local first
  for _, c in ipairs(clients) do
    local at = c:pump()
    if at and (not first or at < first) then first = at end
  end
  return first
end

--- Let `ms` pass: what is under way arrives, rooms step, timers run.
function line.step(ms)
  local target, stuck, before = rig.now() + ms * 1000, 0, nil
  while true do
    local at = pump()
    local due = rig.next()
    if due and (not at or due < at) then at = due end
    if not at or at > target then break end
    stuck = before == at and stuck + 1 or 0
    if stuck > 10000 then error("the server asks for the same moment again and again", 2) end
    before = at
    rig.set(math.max(at, rig.now()))
    rig.run()
  end
  rig.set(target)
  rig.run()
  pump()
end

--- The server ends and begins again: in order, or (`is_killed`) in the middle of things.
-- All connections are lost.
function line.restart(is_killed)
  rig.restart(is_killed)
  pump()
  for _, c in ipairs(clients) do
    if c.conn then c:cut() end
  end
end

--- A value as text, the fields of tables in one order: to compare and to show.
function line.show(v)
  if type(v) ~= "table" then return type(v) == "string" and ("%q"):format(v) or tostring(v) end
  local keys, out = {}, {}
  for k in pairs(v) do keys[#keys + 1] = k end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  for i, k in ipairs(keys) do out[i] = tostring(k) .. "=" .. line.show(v[k]) end
  return "{" .. table.concat(out, ", ") .. "}"
end

return line
