-- SPDX-License-Identifier: MIT
-- stage: what a game's test.lua is handed: `sim`, a server with that one game and a
-- clock of its own, and the players that join it. scripts/README.md ("Tests") tells
-- what each call does; here is how.

local rig = require "kit.rig"
local line = require "kit.line"
local wire = require "kit.wire"
local values = require "kit.values"

local Sim, Player = {}, {}
Sim.__index = Sim

local WAIT_TICKS = 200 -- until an answer that does not come is given up

local own = { room = true, codec = true, latency = true, jitter = true }

-- Players.

function Player.__index(p, key)
  local method = rawget(Player, key)
  if method ~= nil then return method end
  local c = rawget(p, "client")
  if key == "state" then
    if c.held_tick ~= c.tick or c.held_version ~= rig.version(c.game) or not c.held_copy then
      local held = c:state()
      if not held then return nil end
      c.held_copy = values.state(rig.json(rig.schema(c.game)), held)
      c.held_tick, c.held_version = c.tick, rig.version(c.game)
    end
    return c.held_copy
  elseif key == "id" or key == "closed" or key == "token" then
    return c[key]
  elseif key == "latency" then
    return c.delay
  elseif key == "jitter" then
    return c.jitter
  end
end

function Player.__newindex(p, key, v)
  local c = rawget(p, "client")
  if key == "latency" then c.delay = v
  elseif key == "jitter" then c.jitter = v
  else error("a player takes latency and jitter, not " .. tostring(key), 2) end
end

local function open(p, level)
  local c = rawget(p, "client")
  if not c.conn then
    error("this player has no connection" .. (c.closed and ": " .. c.closed.reason or ""), level + 1)
  end
  return c
end

--- Send a message; it arrives after the player's latency, and is handled in the next
-- tick. In raw games send(data, is_text).
function Player:send(name, data)
  local c = open(self, 2)
  c:send(name, data)
  c:pump()
end

--- Send a request and let time pass until the answer is there. Returns what the handler
-- returned; or nil and why there is none.
function Player:request(name, data)
  local c = open(self, 2)
  local id = c:request(name, data)
  for _ = 1, WAIT_TICKS do
    for _, r in ipairs(c.log) do
      if r.t == "reply" and r.id == id then
        if r.ok then return values.plain(r.data) end
        return nil, r.error or r.data
      end
    end
    if not c.conn then break end
    rawget(self, "sim"):step(1)
  end
  return nil, "there was no answer"
end

--- The connection breaks, as in a tunnel: the seat is held for `reconnect` seconds.
function Player:drop() open(self, 2):cut() end

--- Come back to the seat. Returns true when the server gave it back.
function Player:resume()
  local c, sim = rawget(self, "client"), rawget(self, "sim")
  if not c.token then error("this player has no seat to come back to", 2) end
  local known = #c.log
  c:resume()
  for _ = 1, WAIT_TICKS do
    sim:step(1)
    for i = known + 1, #c.log do
      if c.log[i].t == "hello" then return true end
    end
    if not c.conn then return false end
  end
  return false
end

--- Leave for good.
function Player:leave() open(self, 2):leave() end

--- Read nothing any more (true), as a phone that sleeps; or go on (false).
function Player:stall(on) open(self, 2):stall(on ~= false) end

local function is_event(r, name) return r.t == "event" and (name == nil or r.name == name) end

-- What an event brought, as the script sent it.
local function event_data(c, r)
  local data = values.plain(r.data)
  for _, e in ipairs(rig.json(rig.schema(c.game)).events or {}) do
    if e[1] == r.name then return values.fields(e[2].fields, data or {}) end
  end
  return data
end

--- The data of the oldest event of that name which no call has returned yet; nil where
-- none has come. An event without data gives an empty table.
function Player:event(name)
  local c = rawget(self, "client")
  for _, r in ipairs(c.log) do
    if is_event(r, name) and not r.is_seen then
      r.is_seen = true
      local data = event_data(c, r)
      if data == nil then data = {} end
      return data
    end
  end
end

--- All of them, a list of data; without name those of every name, as {name=, data=}.
function Player:events(name)
  local list, c = {}, rawget(self, "client")
  for _, r in ipairs(c.log) do
    if is_event(r, name) and not r.is_seen then
      r.is_seen = true
      local data = event_data(c, r)
      list[#list + 1] = name and (data or {}) or { name = r.name, data = data }
    end
  end
  return list
end

--- Raw games: the oldest message not returned yet, and whether it is text.
function Player:message()
  for _, r in ipairs(rawget(self, "client").log) do
    if r.t == "message" and not r.is_seen then
      r.is_seen = true
      return r.data, r.is_text
    end
  end
end

-- The server.

--- A server with the game that lies in `folder`, loaded. nil and why, where it does not
-- load.
function Sim.open(game, folder)
  rig.link(game, folder)
  local ok, why = rig.open(game)
  if not ok then return nil, why end
  return setmetatable({ game = game, folder = folder }, Sim)
end

--- A player takes a seat; its `join` has run when this returns. `options`: name and
-- whatever else the game's `join` is to get; room, latency and jitter (ms, one way),
-- codec ("json", "binary", "plain"), address, door (what `auth` sees of the handshake).
function Sim:join(options)
  options = options or {}
  if type(options) ~= "table" then error("sim:join takes a table of options", 2) end
  local pace, is_raw = rig.pace(self.game)
  local with = { delay = options.latency, jitter = options.jitter, room = options.room,
    codec = is_raw and "raw" or options.codec }
  for k, v in pairs(options) do
    if not own[k] then with[k] = v end
  end
  local c = line.connect(self.game, with)
  if c.codec == "json" or c.codec == "binary" then c:hello() end
  local p = setmetatable({ client = c, sim = self, name = options.name }, Player)
  for _ = 1, WAIT_TICKS do
    line.step(1000 / pace)
    if is_raw or not c.conn or c:state() then break end
  end
  return p
end

--- The same as player:send(…).
function Sim:send(player, ...) return player:send(...) end -- luacheck: ignore self

--- Let `n` ticks pass (1). In an event-driven game a tick is 1/sync_rate.
function Sim:step(n)
  n = n or 1
  if type(n) ~= "number" or not (n >= 0) then error("sim:step takes a number of ticks", 2) end
  local pace = rig.pace(self.game)
  line.step(math.ceil(n * 1e6 / pace) / 1000)
end

--- Let so many seconds pass.
function Sim:wait(seconds)
  if type(seconds) ~= "number" or not (seconds >= 0) then error("sim:wait takes seconds", 2) end
  line.step(seconds * 1000)
  return self
end

--- The server hangs for so many seconds, as a busy machine does; then it goes on.
function Sim:hang(seconds) rig.set(rig.now() + seconds * 1e6) return self end

--- The server ends and begins again: as for a deploy, or as after a power cut with
-- `is_killed`. Rooms of a durable game come back with their seats, of others nothing; all
-- connections are lost.
function Sim:restart(is_killed) -- luacheck: ignore self
  line.restart(is_killed == true)
end

--- Load the game's files again, as a save does. Returns true; or nil and why the old
-- code goes on.
function Sim:reload() return rig.reload(self.game) end

--- Change a file of the simulated game (never the one on disk) and reload: `change` is a
-- text, or a function from the old text to the new one.
function Sim:edit(file, change)
  local text = change
  if type(change) == "function" then
    local f = io.open(self.folder .. "/" .. file, "rb")
    text = change(f and f:read("*a") or "")
    if f then f:close() end
  end
  if type(text) ~= "string" then error("sim:edit takes a text, or a function that gives one", 2) end
  rig.write(self.game, file, text)
  return self:reload()
end

--- The rooms that run, each {id=, seats=, tick=, is_paused=}, by id.
function Sim:rooms()
  local list = rig.rooms(self.game)
  table.sort(list, function(a, b) return a.id < b.id end)
  return list
end

--- Ask the game's `http`: `options` may have query, headers (names in lower case), body
-- (a string) or data (what a JSON body says), token, address. Returns the status, what the
-- answer says (decoded where it is JSON) and its header lines; nil where the script failed
-- or has no `http`.
function Sim:http(method, path, options)
  options = options or {}
  if type(options) ~= "table" then error("sim:http takes a method, a path and a table of options", 2) end
  local request = { method = method, path = path, address = options.address or "198.51.100.1",
    query = options.query or {}, headers = options.headers or {}, body = options.body, data = options.data,
    token = options.token }
  local status, headers, body = rig.http(self.game, wire.any(request))
  if not status then return nil, headers end
  if headers:find("Content-Type: application/json", 1, true) then body = values.plain(rig.json(body)) end
  return status, body, headers
end

--- What the script did wrong since the last call, a line each; "" for nothing. A test
-- that ends with errors it has not asked for fails.
function Sim:errors() return rig.errors() end -- luacheck: ignore self

--- A whole number from m to n, the same in every run.
function Sim:random(m, n) return m - 1 + line.random(n - m + 1) end -- luacheck: ignore self

return Sim
