-- SPDX-License-Identifier: MIT
-- schema: the types a game declares its state, messages and events with, and
-- their description as the JSON of PROTOCOL.md.
--
-- A type is a small table that can be called with options: s.u8, s.u8 {default = 100},
-- s.str(16), s.fixed {min = 0, max = 40, step = 1/64} {smooth = true}. Each call
-- returns a new type; a type is never changed once made. s.opt, s.list and s.map
-- are functions that take the type of what is inside.

-- Taken at load: what a text's own methods find, a game may have changed.
local byte, find, format, gsub = string.byte, string.find, string.format, string.gsub
local sub = string.sub

local schema = {}

local Type = {}

-- What each kind takes in its options, beyond `default`.
local numeric = { smooth = true }
local takes = {
  bool = {}, enum = {}, opt = {}, str = { max = true }, bytes = { max = true }, text = { max = true },
  any = { max = true }, list = { max = true },
  fixed = { smooth = true, min = true, max = true, step = true },
}
local sized = { str = true, bytes = true, text = true, any = true } -- s.str(16)
local bare = { bytes = true, opt = true, list = true, any = true } -- begin empty, always
local MAX_ITEMS = 1024 -- of a list or a nested map, where nothing else is said

local function new(kind, fields)
  fields.t = kind
  return setmetatable(fields, Type)
end

-- The type with `options` added; `level` is where a mistake is reported. Never the
-- last call of a function: that would leave no level of its own.
local function with(self, options, level)
  local copy, allowed = {}, takes[self.t] or numeric
  if type(options) ~= "table" or getmetatable(options) then
    error(format("s.%s takes a table of options", self.t), level + 1)
  end
  for k, v in pairs(self) do copy[k] = v end
  for k, v in pairs(options) do
    if not allowed[k] and k ~= "to" and (k ~= "default" or bare[self.t]) then
      error(format("s.%s has no option %s", self.t, tostring(k)), level + 1)
    end
    copy[k] = v
  end
  return setmetatable(copy, Type)
end

function Type.__call(self, a, b)
  local options = b or {}
  if sized[self.t] and type(a) == "number" then
    return (with(with(self, { max = a }, 2), options, 2))
  elseif self.t == "enum" and not self.of then
    if type(a) ~= "table" then error('s.enum takes a list: s.enum {"a", "b"}', 2) end
    return (with(new("enum", { of = { unpack(a) } }), options, 2))
  end
  return (with(with(self, a, 2), options, 2))
end

local plain = { "bool", "u8", "u16", "u32", "i8", "i16", "i32", "uint", "int", "f32", "f64",
  "fixed", "angle", "str", "enum", "bytes", "text", "any" }
for _, kind in ipairs(plain) do schema[kind] = new(kind, {}) end
schema.str.max, schema.bytes.max = 255, 255
schema.text.max, schema.any.max = 65536, 65536

local Map, Message, Interest = {}, {}, {}

--- Interest of a map: a player sees the rows near its centre, which is its own row or
-- what player:view() says. s.near {x = "x", y = "y", see = 400, forget = 440}: names of
-- fields, how near a row must come to be seen, and how far it must go to be forgotten
-- (default: see * 1.1).
function schema.near(options)
  if type(options) ~= "table" or getmetatable(options) then
    error("s.near takes a table of options", 2)
  end
  local rule = {}
  for k, v in pairs(options) do
    local want = (k == "x" or k == "y") and "string" or (k == "see" or k == "forget") and "number"
    if not want then error("s.near has no option " .. tostring(k), 2) end
    if type(v) ~= want then error(format("s.near: %s is a %s", k, want), 2) end
    rule[k] = v
  end
  if not (rule.x and rule.y and rule.see) then error("s.near needs x, y and see", 2) end
  return setmetatable(rule, Interest)
end

--- Interest of a map: a player sees the rows whose keys it watches (player:watch).
schema.keys = setmetatable({ keys = true }, Interest)

-- What an opt, list or map can hold: a type, a nested map, or a table of fields.
local function is_item(item)
  local mt = getmetatable(item)
  return type(item) == "table" and (not mt or mt == Type or mt == Map)
end

--- A value that may be absent (nil): s.opt(s.u8), s.opt { fields }.
function schema.opt(item)
  if not is_item(item) then error("s.opt takes a type or a table of fields", 2) end
  return new("opt", { item = item })
end

--- A list as a value: s.list(s.u8), s.list({ fields }, { max = 20 }).
-- max: how many there may be (1024), up to 65535.
function schema.list(item, options)
  if not is_item(item) then error("s.list takes a type or a table of fields", 2) end
  return (with(new("list", { item = item, max = MAX_ITEMS }), options or {}, 2))
end

--- At the root of the state and over a table of fields: a collection of records.
-- Anywhere else, or over a type: a map as a value.
-- keys: "player" (the default), "integer" or "string". max: as in s.list, of values.
-- to: "server" where nobody sees it; of values "owner", too. interest: s.near {…} or
-- s.keys, where a player does not see all rows of a collection.
function schema.map(item, options)
  if not is_item(item) then error("s.map takes a table of fields or a type", 2) end
  local keys, max, interest, to = "player", nil, nil, nil
  if type(options or {}) ~= "table" then error("s.map takes a table of options", 2) end
  for k, v in pairs(options or {}) do
    if k == "keys" then
      keys = v
    elseif k == "max" then
      max = v
    elseif k == "interest" then
      interest = v
    elseif k == "to" then
      to = v
    else
      error("s.map has no option " .. tostring(k), 2)
    end
  end
  if keys ~= "player" and keys ~= "integer" and keys ~= "string" then
    error('s.map: keys is "player", "integer" or "string"', 2)
  end
  if interest ~= nil and getmetatable(interest) ~= Interest then
    error("s.map: interest is s.near {…} or s.keys", 2)
  end
  if to ~= nil and to ~= "server" and (to ~= "owner" or not getmetatable(item)) then
    error('s.map: to is "server"', 2)
  end
  return setmetatable({ item = item, fields = not getmetatable(item) and item or nil, keys = keys,
    max = max, interest = interest, to = to }, Map)
end

-- A map of the state whose members are rows of their own.
local function is_collection(t)
  return getmetatable(t) == Map and t.fields ~= nil
end

--- A message with options: s.message({ fields }, { rate = 30, burst = 60 }).
-- rate: messages a second and player, above which they are dropped; burst: how
-- many may come at once (default: rate); input = true: the page predicts it.
function schema.message(fields, options)
  if type(fields) ~= "table" or getmetatable(fields) then
    error("s.message takes a table of fields", 2)
  end
  local m = { fields = fields }
  if type(options or {}) ~= "table" then error("s.message takes a table of options", 2) end
  for k, v in pairs(options or {}) do
    if k == "input" then
      if type(v) ~= "boolean" then error("s.message: input is true or false", 2) end
    elseif (k ~= "rate" and k ~= "burst") or type(v) ~= "number" or not (v > 0 and v <= 1e6) then
      error("s.message takes rate and burst, numbers above 0, and input, not " .. tostring(k), 2)
    end
    m[k] = v
  end
  return setmetatable(m, Message)
end

local unknown = { __index = function(_, name)
  error(format("parlor.schema has no type %s (see scripts/README.md)", tostring(name)), 2)
end }

-- parlor.schema, a table of its own for each generation of a game.
local function types()
  local copy = {}
  for k, v in pairs(schema) do copy[k] = v end
  return setmetatable(copy, unknown)
end

-- From here on: what the host makes of a declaration.

local function quote(text)
  return '"' .. gsub(text, '[%c"\\]', function(c) return format("\\u%04x", byte(c)) end) .. '"'
end

local floor, abs = math.floor, math.abs

-- Doubles go out so that they come back as the same double.
local function number(v)
  if v == floor(v) and abs(v) < 2^53 then return format("%d", v) end
  return format("%.17g", v)
end

local function scalar(v, where)
  if type(v) == "number" then
    if v ~= v or v == math.huge or v == -math.huge then error(where .. ": not a finite number", 0) end
    return number(v)
  elseif type(v) == "boolean" then
    return tostring(v)
  elseif type(v) == "string" then
    return quote(v)
  end
  error(format("%s: a %s cannot stand here", where, type(v)), 0)
end

local function sorted_names(t, where)
  local names = {}
  for name in pairs(t) do
    if type(name) ~= "string" or not find(name, "^[%a_][%w_]*$") or #name > 64 then
      error(format("%s: %s is not a name (letters, digits and _, up to 64)", where, tostring(name)), 0)
    end
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

local order = { "min", "max", "step", "smooth", "to" }

local describe_fields

local function describe_type(t, where, depth)
  local mt = getmetatable(t)
  -- C knows the exact limit; this one ends a table that holds itself.
  if depth > 32 then error("types are nested more than 16 deep, or in a circle", 0) end
  if mt == Map then
    if t.interest then error(where .. ": interest is for maps of records at the root", 0) end
    return format('{"t":"map","keys":"%s","max":%s%s,"item":%s}', t.keys,
      scalar(t.max or MAX_ITEMS, where .. ": max"), t.to and ',"to":' .. quote(t.to) or "",
      describe_type(t.item, where .. "[]", depth + 1))
  end
  if type(t) == "table" and not mt then
    return '{"t":"record","fields":' .. describe_fields(t, where .. ".", depth + 1) .. "}"
  end
  if mt ~= Type then error(where .. ": not a schema type", 0) end
  local out = { '{"t":"' .. t.t .. '"' }
  for _, k in ipairs(order) do
    if t[k] ~= nil then out[#out + 1] = format(',"%s":%s', k, scalar(t[k], where .. ": " .. k)) end
  end
  if t.t == "enum" then
    local names = {}
    for i, name in ipairs(t.of or {}) do names[i] = scalar(name, where) end
    out[#out + 1] = ',"of":[' .. table.concat(names, ",") .. "]"
  end
  if t.item then out[#out + 1] = ',"item":' .. describe_type(t.item, where .. "[]", depth + 1) end
  if t.default ~= nil then out[#out + 1] = ',"def":' .. scalar(t.default, where .. ": default") end
  return table.concat(out) .. "}"
end

function describe_fields(fields, prefix, depth)
  local out = {}
  for i, name in ipairs(sorted_names(fields, sub(prefix, 1, -2))) do
    out[i] = format("[%s,%s]", quote(name), describe_type(fields[name], prefix .. name, depth or 0))
  end
  return "[" .. table.concat(out, ",") .. "]"
end

local function describe_list(list, what)
  local out = {}
  for i, name in ipairs(sorted_names(list, what)) do
    local m, options = list[name], ""
    local fields = m
    if getmetatable(m) == Message then
      fields = m.fields
      if m.burst then options = ',"burst":' .. number(m.burst) end
      if m.input then options = options .. ',"input":true' end
      if m.rate then options = options .. ',"rate":' .. number(m.rate) end
    end
    local where = what .. "." .. name
    if type(fields) ~= "table" or getmetatable(fields) then
      error(where .. ": takes a table of fields", 0)
    end
    out[i] = format('[%s,{"fields":%s%s}]', quote(name), describe_fields(fields, where .. "."), options)
  end
  return "[" .. table.concat(out, ",") .. "]"
end

local function describe_audience(map, where)
  local rule, out = map.interest, map.to and ',"to":"server"' or ""
  if not rule then return out end
  if rule.keys then return out .. ',"interest":"keys"' end
  local forget = rule.forget and ',"forget":' .. scalar(rule.forget, where .. ": forget") or ""
  return format('%s,"interest":{"near":[%s,%s],"see":%s%s}', out, quote(rule.x), quote(rule.y),
    scalar(rule.see, where .. ": see"), forget)
end

-- A type of that JSON as migrate.lua wants it: what a game would have written.
local declared_fields

local function declared_type(t)
  if t.t == "record" then return declared_fields(t.fields) end
  local out = {}
  for k, v in pairs(t) do
    if k ~= "t" or t.t ~= "map" then out[k == "def" and "default" or k] = v end
  end
  if t.item then out.item = declared_type(t.item) end
  return out
end

function declared_fields(list)
  local out = {}
  for _, pair in ipairs(list) do out[pair[1]] = declared_type(pair[2]) end
  return out
end

--- The state of a schema's JSON (decoded), as declarations that migrate.lua can compare.
local function declared(state)
  local out = declared_fields(state.fields or {})
  for _, pair in ipairs(state.maps or {}) do
    out[pair[1]] = { keys = pair[2].keys, fields = declared_fields(pair[2].fields) }
  end
  return out
end

--- The JSON of a game's declarations. Raises a text that names the place.
local function describe(state, messages, events)
  local fields, maps = {}, {}
  for _, name in ipairs(sorted_names(state, "state")) do
    local t = state[name]
    if is_collection(t) then
      if t.max then error(format("state.%s: max is for maps that are values", name), 0) end
      maps[#maps + 1] = format('[%s,{"keys":"%s","fields":%s%s}]', quote(name), t.keys,
        describe_fields(t.fields, "state." .. name .. "."), describe_audience(t, "state." .. name))
    else
      fields[#fields + 1] = format("[%s,%s]", quote(name), describe_type(t, "state." .. name, 0))
    end
  end
  return format('{"state":{"fields":[%s],"maps":[%s]},"messages":%s,"events":%s}',
    table.concat(fields, ","), table.concat(maps, ","),
    describe_list(messages, "messages"), describe_list(events, "events"))
end

-- The value a field has when nothing has set it, as Lua sees it.
local function default_of(t)
  if t.default ~= nil then return t.default end
  if t.t == "bool" then return false end
  if t.t == "str" or t.t == "text" or t.t == "bytes" then return "" end
  if t.t == "enum" then return t.of[1] end
  if t.t == "fixed" and t.min then return math.max(t.min, math.min(t.max, 0)) end
  return 0
end

-- The shape of a record for the scan: in byte order of the names, each either
-- {name=, value=default}, {name=, fields={…}} or {name=, deep=true}: a value that may
-- be a table, and where it is `empty` begins as one.
local function shape(fields)
  local out = {}
  for i, name in ipairs(sorted_names(fields, "")) do
    local t = fields[name]
    local kind = getmetatable(t) == Map and "map" or getmetatable(t) == Type and t.t
    if kind == "opt" or kind == "any" then
      out[i] = { name = name, deep = true }
    elseif kind == "list" or kind == "map" then
      out[i] = { name = name, deep = true, empty = true }
    elseif kind then
      out[i] = { name = name, value = default_of(t) }
    else
      out[i] = { name = name, fields = shape(t) }
    end
  end
  return out
end

--- What the scan needs of a state: the root's shape and those of the maps.
local function shapes(state)
  local root, maps = {}, {}
  for _, name in ipairs(sorted_names(state, "state")) do
    local t = state[name]
    if is_collection(t) then
      maps[#maps + 1] = { name = name, keys = t.keys, fields = shape(t.fields) }
    else
      root[name] = t
    end
  end
  return shape(root), maps
end

return { types = types, describe = describe, declared = declared, shapes = shapes }
