-- SPDX-License-Identifier: MIT
-- host: the server's own half of a VM. It makes the environment that a game
-- runs in, the room and player objects it is handed, its timers, and the scan
-- of its state. Games never see this file's tables.
--
-- C calls the functions that this chunk returns (src/script/vm.c names them)
-- and hands in `host`, the functions written in C (src/script/bind.c).

local host = ...

local schema_lib = host.library("schema.lua")
local scan = host.library("scan.lua")
local debug_setmetatable, rawset, sort = debug.setmetatable, rawset, table.sort

local M = {}

-- Room or player -> room handle * 2^32 + player id; what has left is not in it.
local handle_of = host.handles
local map_of = setmetatable({}, { __mode = "k" }) -- state collection -> its map

local gen -- the generation that runs: { game, root, maps, root_record }

-- The library games get, by name: an allow-list, copied, so that a game which
-- changes a table changes its own.

local allowed = {
  base = { "assert", "error", "ipairs", "next", "pairs", "pcall", "xpcall", "select", "tonumber",
    "tostring", "type", "unpack", "rawequal", "rawget", "rawset", "setmetatable", "getmetatable" },
  string = { "byte", "char", "find", "format", "gmatch", "gsub", "len", "lower", "match", "rep",
    "reverse", "sub", "upper" },
  table = { "concat", "insert", "maxn", "remove", "sort" },
  math = { "abs", "acos", "asin", "atan", "atan2", "ceil", "cos", "cosh", "deg", "exp", "floor",
    "fmod", "frexp", "huge", "ldexp", "log", "log10", "max", "min", "modf", "pi", "pow", "rad",
    "sin", "sinh", "sqrt", "tan", "tanh" },
  bit = { "arshift", "band", "bnot", "bor", "bswap", "bxor", "lshift", "rol", "ror", "rshift",
    "tobit", "tohex" },
  coroutine = { "create", "isyieldable", "resume", "running", "status", "wrap", "yield" },
  os = { "clock", "date", "difftime", "time" },
}

local function pick(from, names)
  local t = {}
  for _, name in ipairs(names) do t[name] = from[name] end
  return t
end

-- "x":upper() goes through the strings' metatable, which by default leads to the
-- whole string library, dump included.
local safe_string = pick(string, allowed.string)
local string_meta = debug.getmetatable("")
string_meta.__index = safe_string
string_meta.__metatable = false

local function to_text(...)
  local out = {}
  for i = 1, select("#", ...) do out[i] = tostring((select(i, ...))) end
  return table.concat(out, "\t")
end

local function load_text(text, name, env)
  return load(text, name, "t", env)
end

-- Options of parlor.game are checked in C; here only the shape.
local function declare(defs, options)
  if type(options) ~= "table" then error("parlor.game takes a table of options", 3) end
  local game = { on = {} }
  local def = { options = {} }
  for k, v in pairs(options) do def.options[k] = v end
  for _, name in ipairs { "state", "messages", "events" } do
    local v = options[name]
    if v ~= nil and type(v) ~= "table" then error(name .. ": a table is expected", 3) end
    def[name] = v or {}
    def.options[name] = nil
  end
  defs[game] = def
  return game
end

local function each(t)
  local map = map_of[t]
  if not map then error("parlor.each takes a map of the state", 2) end
  local i = 0
  return function()
    local order, place = map.order, map.place
    while i < map.n_order do
      i = i + 1
      local key = order[i]
      if place[key] == i then
        local row = t[key]
        if row ~= nil then return key, row end
      end
    end
  end
end

-- One generation's environment: globals, require, and the parlor module.
local function make_env(defs)
  local env, loaded = pick(_G, allowed.base), {}
  for _, name in ipairs { "table", "math", "bit", "coroutine", "os" } do
    env[name] = pick(_G[name], allowed[name])
  end
  env.string = safe_string
  env._G = env
  env.print = function(...) host.log(to_text(...)) end
  env.load = function(chunk, name, _, given)
    if type(chunk) == "function" then
      local parts = {}
      for part in chunk do
        if type(part) ~= "string" or part == "" then break end
        parts[#parts + 1] = part
      end
      chunk = table.concat(parts)
    end
    if type(chunk) ~= "string" then error("load takes a text or a function", 2) end
    return load_text(chunk, name or "=(load)", given or env)
  end
  loaded.parlor = {
    schema = schema_lib.types,
    game = function(options) return declare(defs, options) end,
    each = each,
    log = env.print,
    now = host.now,
  }
  env.require = function(name)
    if type(name) ~= "string" then error("require takes a name", 2) end
    local module = loaded[name]
    if module == nil then
      if not name:find("^[%w_][%w_./-]*$") or name:find("..", 1, true) then
        error(("require: %s is not a module name"):format(name), 2)
      end
      local path = name:gsub("%.", "/") .. ".lua"
      local text, chunk_name = host.read(path)
      if not text then error(("require: there is no %s in the game's folder"):format(path), 2) end
      local chunk, why = load_text(text, chunk_name, env)
      if not chunk then error(why, 0) end
      loaded[name] = true -- a module that requires itself sees true, as in Lua
      module = chunk(name)
      if module == nil then module = true end
      loaded[name] = module
    end
    return module
  end
  return env
end

-- The objects games are handed.

local room_api, player_api = host.room_api, host.player_api
local room_meta = { __metatable = false }
local player_meta = { __metatable = false }

function player_meta.__index(player, key)
  local call = player_api[key]
  if call ~= nil then return call end
  if key == "rtt" or key == "backlog" then return host.player_stat(player, key) end
end

-- Timers: per room a list in ascending order of (due, id); they name methods.

local room_data = setmetatable({}, { __mode = "k" }) -- room -> R

local function add_timer(R, timer)
  local list = R.timers
  local i = #list
  while i > 0 and (list[i].due > timer.due or (list[i].due == timer.due and list[i].id > timer.id)) do
    list[i + 1] = list[i]
    i = i - 1
  end
  list[i + 1] = timer
  host.wake(R.handle, list[1].due)
end

local function new_timer(room, every, ms, method, ...)
  local R = room_data[room]
  if not R then return nil, "the room is closed" end
  if type(ms) ~= "number" or not (ms >= 0 and ms <= 2^40) then
    error("the delay is a number of ms from 0", 3)
  end
  if type(method) ~= "string" then error("timers take the name of a method", 3) end
  if #R.timers >= host.max_timers then error("too many timers in this room", 3) end
  if every then ms = math.max(ms, 1) end
  R.last_timer = R.last_timer + 1
  add_timer(R, { id = R.last_timer, due = host.room_ms(R.handle) + ms, every = every and ms, method = method,
    n = select("#", ...), ... })
  return R.last_timer
end

function room_api.after(room, ms, method, ...) return new_timer(room, false, ms, method, ...) end
function room_api.every(room, ms, method, ...) return new_timer(room, true, ms, method, ...) end

function room_api.cancel(room, id)
  local R = room_data[room]
  if not R then return false end
  for i, timer in ipairs(R.timers) do
    if timer.id == id then
      table.remove(R.timers, i)
      host.wake(R.handle, R.timers[1] and R.timers[1].due)
      return true
    end
  end
  return false
end

--- Run the first timer that is due at `now` ms. C calls until none is.
function M.run_timer(R, now)
  local timer = R.timers[1]
  if not timer or timer.due > now then return end
  table.remove(R.timers, 1)
  if timer.every then
    -- After a stall the missed rounds are dropped, not caught up.
    timer.due = math.max(timer.due + timer.every, now - timer.every)
    add_timer(R, timer)
  else
    host.wake(R.handle, R.timers[1] and R.timers[1].due)
  end
  local method = R.room[timer.method]
  if type(method) ~= "function" then
    error(("timer: the game has no method %s"):format(timer.method), 0)
  end
  method(R.room, unpack(timer, 1, timer.n))
end

-- State.

local function report(text) host.report(text) end

local function new_map(R, shape, record, facet)
  local map = { name = shape.name, facet = facet, record = record, rows = {}, count = 0, order = {},
    place = {}, n_order = 0 }
  map.meta = {
    __metatable = false,
    __newindex = function(t, key, value)
      if value == nil then return end
      local why = host.row_check(facet, key, value)
      if why then error(why, 2) end
      rawset(t, key, value)
      scan.append(map, key)
    end,
  }
  return map
end

-- Take a table as the map's collection: the one at the start, or what a script
-- has put in its place.
local function adopt(R, map)
  local coll = R.state[map.name]
  if type(coll) ~= "table" then
    if coll ~= nil or map.coll then
      report(("%s: a %s cannot stand for the map; its rows stay"):format(map.name, type(coll)))
    end
    coll = map.coll or {}
  elseif map_of[coll] and map_of[coll] ~= map and map_of[coll].coll == coll then
    local copy = {} -- another map's table: two maps never share one
    for k, v in pairs(coll) do copy[k] = v end
    coll = copy
  end
  R.state[map.name] = coll
  if map.coll and map.coll ~= coll then
    map_of[map.coll] = nil
    debug_setmetatable(map.coll, nil)
  end
  map.coll, map_of[coll] = coll, map
  debug_setmetatable(coll, map.meta)
  map.order, map.place, map.n_order = {}, {}, 0
  local keys = {}
  for key in next, coll do keys[#keys + 1] = key end
  sort(keys, scan.before)
  for _, key in ipairs(keys) do scan.append(map, key) end
end

-- Mirrors for the generation that runs now; the next scan fills a new image.
local function bind(R)
  R.maps = {}
  R.root = scan.mirror(gen.root_record, 0)
  for i, shape in ipairs(gen.maps) do
    local map = new_map(R, shape, gen.map_records[i], i)
    R.maps[i] = map
    adopt(R, map)
  end
  -- Fields that nothing has set yet read as their defaults at once.
  for name, value in pairs(gen.root_record.fresh()) do
    if R.state[name] == nil then R.state[name] = value end
  end
end

local out = {}
for i = 1, 4096 do out[i] = 0 end

--- Compare a room's state with its mirrors; returns the array for C and how much
-- of it counts.
function M.scan(R)
  local state = R.room.state
  if type(state) ~= "table" then
    report(("state: a %s cannot stand for the state; the tables are back"):format(type(state)))
    R.room.state, state = R.state, R.state
  end
  R.state = state
  local p, handle = 0, R.handle
  local function add(facet, key) return host.row_add(handle, facet, key) end
  local function remove(facet, slot) host.row_remove(handle, facet, slot) end
  if gen.root_record.n > 0 then
    out[1] = -1
    p = gen.root_record.row(state, R.root, out, 1)
    if p == 1 then p = 0 end
  end
  local maps = R.maps
  for i = 1, #maps do
    local map = maps[i]
    if state[map.name] ~= map.coll then adopt(R, map) end
    p = scan.map(map, out, p, add, remove, report)
  end
  return out, p
end

--- A room of the generation that runs: its table and what the host keeps of it.
function M.room_new(handle, id, name)
  local room = setmetatable({ id = id, game = name, tick = 0, time = 0, players = {}, state = {} }, room_meta)
  local R = { room = room, handle = handle, state = room.state, seats = {}, timers = {}, last_timer = 0 }
  room_data[room] = R
  handle_of[room] = handle * 2^32
  bind(R)
  return room, R, R.seats
end

function M.room_free(R)
  for _, player in pairs(R.seats) do handle_of[player] = nil end
  handle_of[R.room] = nil
  room_data[R.room] = nil
end

--- New mirrors after a change of the schema (C has made a new image).
function M.room_rebind(R)
  if type(R.room.state) == "table" then R.state = R.room.state end
  bind(R)
end

function M.seat_add(R, id, name)
  local player = setmetatable({ id = id, name = name, vars = {} }, player_meta)
  handle_of[player] = R.handle * 2^32 + id
  R.seats[id] = player
  R.room.players[id] = player
  return player
end

function M.seat_remove(R, id)
  local player = R.seats[id]
  if player then handle_of[player] = nil end
  R.seats[id] = nil
  R.room.players[id] = nil
end

-- Generations.

--- Run the game's files in a fresh environment; nothing that runs is touched.
-- Returns the generation, the game's table, its options and the schema's JSON.
function M.load()
  local defs = {}
  local env = make_env(defs)
  local text, name = host.read("game.lua")
  if not text then error("there is no game.lua", 0) end
  local chunk, why = load_text(text, name, env)
  if not chunk then error(why, 0) end
  local game = chunk()
  local def = type(game) == "table" and defs[game]
  if not def then error(name:sub(2) .. ": must return what parlor.game gave", 0) end
  if type(game.on) ~= "table" then error(name:sub(2) .. ": `on` must stay a table", 0) end
  local json = schema_lib.describe(def.state, def.messages, def.events)
  local new = { game = game, def = def }
  return new, game, def.options, json
end

--- Make a loaded generation the one that runs. C has accepted its options.
function M.commit(new)
  local root, maps = schema_lib.shapes(new.def.state)
  new.maps = maps
  new.root_record = scan.record(root, report)
  new.map_records = {}
  for i, map in ipairs(maps) do new.map_records[i] = scan.record(map.fields, report) end
  local index = {}
  for k, v in pairs(new.game) do index[k] = v end
  for k, v in pairs(room_api) do index[k] = v end -- the API wins: self:close() is Parlor's
  room_meta.__index = index
  gen = new
end

return M
