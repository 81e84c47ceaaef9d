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
local restore = host.library("restore.lua")
local migrate = host.library("migrate.lua")
local wait = host.library("wait.lua")
local translate = host.library("translate.lua")(host.library("words.lua"), host.library("notes.lua"))
local door = host.library("door.lua")(host, wait)
local services = host.library("store.lua")(host, wait)
local rooms = host.library("rooms.lua")(host)
-- Taken at load, never looked up through a text ("x":find()): what that finds is
-- the games' own table, and a game that put a function of its own there would be
-- asked about its own `require`.
local ffi = require "ffi"
local ffi_string, type = ffi.string, type
local debug_setmetatable, rawget, rawset, sort = debug.setmetatable, rawget, rawset, table.sort
local find, format, gsub, sub, rep = string.find, string.format, string.gsub, string.sub, string.rep

local M = {}

-- Room or player -> room handle * 2^32 + player id; what has left is not in it.
local handle_of = host.handles
local map_of = setmetatable({}, { __mode = "k" }) -- state collection -> its map
local data_of = {} -- room handle -> R
local room_data = setmetatable({}, { __mode = "k" }) -- room -> R

local function report(text) host.report(text) end
local timers = host.library("timers.lua")(host, wait, data_of, room_data, report)

local gen -- the generation that runs: { game, root, maps, root_record }

-- The one before, as long as C keeps it; what its state was declared as; and whether
-- the commit before the rebinds at hand went back to it.
local last = setmetatable({}, { __mode = "v" })
local declared_before, is_back

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

-- Patterns can take for ever inside C, where nothing can stop them: games get
-- functions that count. A plain search in a short text needs no counting, and
-- compiles.
safe_string.match, safe_string.gmatch, safe_string.gsub = host.match, host.gmatch, host.gsub
local counting_find = host.find

function safe_string.find(text, what, from, is_plain)
  if is_plain and type(text) == "string" and #text < 1024 then return find(text, what, from, true) end
  return counting_find(text, what, from, is_plain)
end

-- What would not fit into memory is refused before any of it is made.
function safe_string.rep(text, n, between)
  local times = tonumber(n)
  if times and times > 64 and (type(text) == "string" or type(text) == "number") then
    local bytes = (#tostring(text) + #tostring(between or "")) * times
    if bytes > 2^20 then host.room_for(bytes) end
  end
  return rep(text, n, between)
end

-- These call back from C, so they can nest until the C stack is used up.
local check_stack = host.check_stack
local resume, wrap = coroutine.resume, coroutine.wrap

local function safe_resume(co, ...)
  check_stack()
  return resume(co, ...)
end

local function safe_wrap(f)
  local step = wrap(f)
  return function(...)
    check_stack()
    return step(...)
  end
end

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

-- Options of parlor.game are checked in C; here only the shape. Called from the
-- end of the function that games call, so level 2 is the game's own line.
local function declare(defs, options)
  if type(options) ~= "table" then error("parlor.game takes a table of options", 2) end
  local game = { on = {} }
  local def = { options = {} }
  for k, v in pairs(options) do def.options[k] = v end
  for _, name in ipairs { "state", "messages", "events" } do
    local v = options[name]
    if v ~= nil and type(v) ~= "table" then error(name .. ": a table is expected", 2) end
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

-- Rules of the option `match`; C reads what is in them.
local function match_rules()
  return {
    same = { rule = "same" },
    any = { rule = "any" },
    near = function(options)
      if type(options) ~= "table" then error("match.near takes a table: {by=, widen=, max=}", 2) end
      return { rule = "near", by = options.by, widen = options.widen, max = options.max }
    end,
  }
end

-- One generation's environment: globals, require, and the parlor module.
local function make_env(defs)
  local env, loaded = pick(_G, allowed.base), {}
  for _, name in ipairs { "table", "math", "bit", "coroutine", "os" } do
    env[name] = pick(_G[name], allowed[name])
  end
  env.coroutine.resume, env.coroutine.wrap = safe_resume, safe_wrap
  env.table.sort = host.sort
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
    -- LuaJIT takes no notice of an environment that is no table: the text would
    -- run among the real globals.
    if given == nil then given = env end
    if type(given) ~= "table" then error("load takes a table as environment", 2) end
    return load_text(chunk, name or "=(load)", given)
  end
  loaded.parlor = {
    schema = schema_lib.types(),
    game = function(options) return declare(defs, options) end,
    each = each,
    match = match_rules(),
    log = env.print,
    now = host.now,
    jwt = host.jwt,
    sleep = wait.sleep,
    async = timers.async,
    signal = rooms.signal,
    rooms = rooms.list,
    ban = door.ban,
    unban = door.unban,
    store = pick(services.store, { "get", "put", "delete", "list" }),
    board = pick(services.board, { "submit", "top", "around", "remove" }),
  }
  env.require = function(name)
    if type(name) ~= "string" then error("require takes a name", 2) end
    local module = loaded[name]
    if module == nil then
      if not find(name, "^[%w_][%w_./-]*$") or find(name, "..", 1, true) then
        error(format("require: %s is not a module name", name), 2)
      end
      local path = gsub(name, "%.", "/") .. ".lua"
      local text, chunk_name = host.read(path)
      if not text then error(format("require: there is no %s in the game's folder", path), 2) end
      local chunk, why = load_text(text, chunk_name, env)
      if not chunk then error(why, 0) end
      if path == "shared.lua" then host.page("shared.js", (translate(text, sub(chunk_name, 2)))) end
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

-- `vars` is made when it is first asked for: many players never have any.
function player_meta.__index(player, key)
  local call = player_api[key]
  if call ~= nil then return call end
  if key == "vars" then
    local vars = {}
    rawset(player, "vars", vars)
    return vars
  end
  if key == "spectator" then return false end
  if key == "rtt" or key == "backlog" then return host.player_stat(player, key) end
end

-- Raw games' messages: the only calls that are made for each message and do little
-- else, so they go through ffi, which compiled code calls at a tenth of the cost.
-- Both functions are compiled as a whole, also where the game's own are not.

ffi.cdef [[
  struct vm_raw_in { const uint8_t *data; uint32_t len, room, player, is_text; };
]]
local raw_in = ffi.cast("struct vm_raw_in *", host.raw_in)
local vm = ffi.cast("void *", host.vm)
local c_send_raw = ffi.cast("int (*)(void *vm, double handle, const char *data, size_t len, int is_text)",
  host.send_raw)
local c_answer_raw = ffi.cast("int (*)(void *vm, const char *data, size_t len, int is_text)",
  host.answer_raw)
local c_next_raw = ffi.cast("int (*)(void *vm)", host.next_raw)
local c_send = player_api.send
local sender -- whose message came last; nil where that player has left

-- Whatever is unusual goes to the function in C, which raises at the script's line.
local function send_raw(player, data, is_text)
  if player == sender and type(data) == "string" and c_answer_raw(vm, data, #data, is_text and 1 or 0) == 0 then
    return
  end
  local handle = handle_of[player]
  if handle and type(data) == "string" and c_send_raw(vm, handle, data, #data, is_text and 1 or 0) == 0 then
    return
  end
  return c_send(player, data, is_text)
end

local function take_raw() return ffi_string(raw_in.data, raw_in.len), raw_in.is_text ~= 0 end

local function next_raw() return c_next_raw(vm) ~= 0 end

local function find_raw()
  local R = data_of[raw_in.room]
  sender = R.seats[raw_in.player]
  return gen.message, R.room, sender
end

--- Call a raw game's `message` with what lies in raw_in, and with what C puts there next:
--- more of the same player that has come with it. Each is a call of its own for C.
function M.raw_message()
  local message, room, player = find_raw()
  repeat message(room, player, take_raw()) until not next_raw()
end

-- Returns true, or nil and why it cannot be kept out.
function player_api.ban(player, options)
  return door.ban_player(handle_of[player], options)
end

room_api.after, room_api.every, room_api.cancel = timers.after, timers.every, timers.cancel

M.last_timer, M.timers_get, M.timers_put = timers.last, timers.get, timers.put

--- Run the first timer that is due at `now` ms; see timers.lua.
function M.run_timer(R, now, last_id) return timers.run(R, now, last_id, gen.proven) end

-- State.

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
-- has put in its place. `order`: the keys in the order they came in, where known.
-- Raw access only: the state is the script's, and may have a metatable.
local function adopt(R, map, order)
  local coll = rawget(R.state, map.name)
  if type(coll) ~= "table" then
    if coll ~= nil or map.coll then
      report(format("%s: a %s cannot stand for the map; its rows stay", map.name, type(coll)))
    end
    coll = map.coll or {}
  elseif map_of[coll] and map_of[coll] ~= map and map_of[coll].coll == coll then
    local copy = {} -- another map's table: two maps never share one
    for k, v in next, coll do copy[k] = v end
    coll = copy
  end
  rawset(R.state, map.name, coll)
  if map.coll and map.coll ~= coll then
    map_of[map.coll] = nil
    debug_setmetatable(map.coll, nil)
  end
  map.coll, map_of[coll] = coll, map
  debug_setmetatable(coll, map.meta)
  map.order, map.place, map.n_order = {}, {}, 0
  for _, key in ipairs(order or {}) do
    if coll[key] ~= nil then scan.append(map, key) end
  end
  local keys = {}
  for key in next, coll do
    if not map.place[key] then keys[#keys + 1] = key end
  end
  sort(keys, scan.before)
  for _, key in ipairs(keys) do scan.append(map, key) end
end

-- Let go of the maps of the generation before; returns by name their collections
-- and the order of their keys. A collection that is no map any more is a plain
-- table again: its checks would ask about a map that is gone.
local function unbind(R)
  local before = {}
  for _, map in ipairs(R.maps or {}) do
    local order = {}
    for i = 1, map.n_order do
      if map.place[map.order[i]] == i then order[#order + 1] = map.order[i] end
    end
    before[map.name] = { coll = map.coll, order = order }
    map_of[map.coll] = nil
    debug_setmetatable(map.coll, nil)
  end
  return before
end

-- Mirrors for the generation that runs now; the next scan fills a new image. `convert`
-- is called while the collections are plain tables.
local function bind(R, convert)
  local before = unbind(R)
  if convert then convert() end
  R.maps, R.is_scanning = {}, false
  R.root = scan.mirror(gen.root_record, 0)
  for i, shape in ipairs(gen.maps) do
    local map, old = new_map(R, shape, gen.map_records[i], i), before[shape.name]
    R.maps[i] = map
    adopt(R, map, old and old.coll == rawget(R.state, map.name) and old.order or nil)
  end
  -- Fields that nothing has set yet read as their defaults at once.
  for name, value in pairs(gen.root_record.fresh()) do
    if rawget(R.state, name) == nil then rawset(R.state, name, value) end
  end
end

-- The table that room.state is; where a script has put something else there, the
-- last one is put back.
local function state_of(R)
  local state = rawget(R.room, "state")
  if type(state) ~= "table" then
    report(format("state: a %s cannot stand for the state; the tables are back", type(state)))
    state = R.state
    rawset(R.room, "state", state)
  end
  R.state = state
  return state
end

-- A scan that raised (a script's own __index can) has told C nothing of what its
-- mirrors took over; so all of it is looked at again.
local function forget(R)
  scan.forget(R.root)
  for _, map in ipairs(R.maps) do
    for _, s in next, map.rows do scan.forget(s) end
  end
end

--- Compare a room's state with its mirrors; returns the array for C, how much of it
-- counts, and the list of what is no number.
function M.scan(R)
  local state = state_of(R)
  if R.migrated and not last.gen then R.migrated = nil end -- there is no way back any more
  if R.is_scanning then forget(R) end
  R.is_scanning = true
  local p, handle, others = 0, R.handle, scan.begin()
  local function add(facet, key) return host.row_add(handle, facet, key) end
  local function remove(facet, slot) host.row_remove(handle, facet, slot) end
  local function get(facet, slot) return host.row_get(handle, facet, slot) end
  if gen.root_record.n > 0 then
    p = gen.root_record.row(state, R.root, scan.head(0, 0), nil)
    if p == 1 then p = 0 end
  end
  local maps = R.maps
  for i = 1, #maps do -- all of them first: what is wrong in one map is taken out of its table only
    local map = maps[i]
    if rawget(state, map.name) ~= map.coll then adopt(R, map) end
  end
  for i = 1, #maps do p = scan.map(maps[i], p, add, remove, get, report) end
  R.is_scanning = false
  return scan.array(), p, others
end

--- A room of the generation that runs: its table and what the host keeps of it.
function M.room_new(handle, id, name)
  local room = setmetatable({ id = id, game = name, tick = 0, time = 0, players = {}, spectators = {},
    state = {} }, room_meta)
  local R = { room = room, handle = handle, state = room.state, seats = {}, watches = {}, timers = {}, parked = {}, last_timer = 0 }
  room_data[room], data_of[handle] = R, R
  handle_of[room] = handle * 2^32
  bind(R)
  return room, R, R.seats
end

function M.room_free(R)
  unbind(R) -- map_of has weak keys, but its values lead back to them
  for _, player in pairs(R.seats) do handle_of[player] = nil end
  sender = nil
  handle_of[R.room], R.parked = nil, {}
  room_data[R.room], data_of[R.handle] = nil, nil
end

--- New mirrors after a change of the schema (C has made a new image).
function M.room_rebind(R)
  local state = state_of(R)
  bind(R, function()
    if is_back and R.migrated then migrate.undo(R.migrated) end
    local notes = migrate.run(state, declared_before, gen.def.state,
      is_back and function() end or report)
    R.migrated = not is_back and notes or nil
  end)
end

--- An answer of the store: returns the handle of the room that goes on, and the id of
-- the auth that does; at most one of them.
function M.answer(ticket, ...)
  return timers.answer(ticket, ...), door.answer(ticket, ...)
end

--- Fill a new room's tables with `values`, which were saved under the declarations that
-- `json` (of a schema's state) tells.
function M.room_adopt(R, values, json)
  local state = R.state
  bind(R, function()
    for name, value in next, values do rawset(state, name, value) end
    migrate.run(state, schema_lib.declared(json), gen.def.state, report)
  end)
end

-- room.players or room.spectators, which a script may have overwritten.
local function list_of(R, is_spectator)
  local name = is_spectator and "spectators" or "players"
  local list = rawget(R.room, name)
  if type(list) ~= "table" then
    list = {}
    for id, player in next, R.seats do
      if (R.watches[id] or false) == is_spectator then list[id] = player end
    end
    rawset(R.room, name, list)
  end
  return list
end

function M.seat_add(R, id, name, is_spectator)
  local player = setmetatable({ id = id, name = name }, player_meta)
  if is_spectator then rawset(player, "spectator", true) end
  handle_of[player] = R.handle * 2^32 + id
  R.seats[id], R.watches[id] = player, is_spectator or nil
  rawset(list_of(R, is_spectator), id, player)
end

function M.seat_remove(R, id)
  local player = R.seats[id]
  local list = list_of(R, R.watches[id] or false)
  if player then handle_of[player] = nil end
  if player == sender then sender = nil end
  R.seats[id], R.watches[id] = nil, nil
  rawset(list, id, nil)
end

--- The declared state as the image has it; see restore.lua.
function M.restore(R) restore(host, scan, map_of, handle_of, R, gen.root_record) end

-- Who is at the door.

--- Ask the game's auth about a request, or go on with the one of this id.
-- Returns "wait" and ms, "in" and the user, or "out" and a reason.
function M.auth(id, request) return door.auth(gen, id, request) end

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
  local place = sub(name, 2)
  if not def then error(place .. ": must return what parlor.game gave", 0) end
  if type(rawget(game, "on")) ~= "table" then error(place .. ": `on` must stay a table", 0) end
  local json = schema_lib.describe(def.state, def.messages, def.events)
  local new = { game = game, def = def }
  return new, game, def.options, json
end

--- Make a loaded generation the one that runs; also one that has run before. `message`
-- is the handler of that name of one that has not. C has accepted its options.
function M.commit(new, message)
  if not new.index then
    new.message, new.auth = message, rawget(new.game, "auth")
    local root, maps = schema_lib.shapes(new.def.state)
    new.maps = maps
    new.root_record = scan.record(root, nil, report)
    new.map_records = {}
    for i, map in ipairs(maps) do new.map_records[i] = scan.record(map.fields, map.name, report) end
    new.proven = {} -- methods that a timer has called without an error
    local index = {}
    for k, v in pairs(new.game) do index[k] = v end
    for k, v in pairs(room_api) do index[k] = v end -- the API wins: self:close() is Parlor's
    new.index = index
  end
  for _, R in next, data_of do timers.end_waits(R) end
  is_back = gen ~= nil and last.gen == new
  declared_before = gen and gen.def.state
  last.gen = gen
  player_api.send = new.def.options.raw and send_raw or c_send
  room_meta.__index = new.index
  gen = new
end

return M
