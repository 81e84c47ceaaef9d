-- SPDX-License-Identifier: MIT
-- wire: parlor.b1 as a client sees it, written from PROTOCOL.md alone and strict:
-- whatever does not follow the text raises, and the test fails.

local ffi = require "ffi"
local bit = require "bit"
local rig = require "kit.rig"

local wire = {}
local composed = require "kit.composed" (wire) -- asks for the functions below when it runs
local is_composed = composed.kinds
wire.base64 = composed.base64

-- Reading.

local In = {}
In.__index = In

function wire.input(bytes) return setmetatable({ bytes = bytes, at = 1 }, In) end

local function malformed(what) error("malformed: " .. what, 0) end
wire.malformed = malformed

function In:raw(n)
  if self.at + n - 1 > #self.bytes then malformed("it is cut") end
  local part = self.bytes:sub(self.at, self.at + n - 1)
  self.at = self.at + n
  return part
end

function In:done() return self.at > #self.bytes end
function In:le(n)
  local v = 0
  for i, byte in ipairs { self:raw(n):byte(1, n) } do v = v + byte * 2 ^ (8 * (i - 1)) end
  return v
end
function In:u8() return self:le(1) end
function In:u16() return self:le(2) end
function In:u32() return self:le(4) end
function In:signed(n)
  local v = self:le(n)
  return v >= 2 ^ (8 * n - 1) and v - 2 ^ (8 * n) or v
end
function In:f32() return tonumber(ffi.cast("float *", ffi.new("char[4]", self:raw(4)))[0]) end
function In:f64() return tonumber(ffi.cast("double *", ffi.new("char[8]", self:raw(8)))[0]) end

function In:long()
  local v, scale = 0, 1
  for i = 1, 5 do
    local byte = self:u8()
    v = v + byte % 128 * scale
    scale = scale * 128
    if byte < 128 then
      if byte == 0 and i > 1 then malformed("uv is not minimal") end
      if v >= 2 ^ 34 then malformed("uv is too large") end
      return v
    end
  end
  malformed("uv is too long")
end
function In:uv()
  local v = self:long()
  if v >= 2 ^ 32 then malformed("an id or count is too large") end
  return v
end
function In:sv()
  local z = self:long()
  return z % 2 == 0 and z / 2 or -(z + 1) / 2
end
function In:str() return self:raw(self:uv()) end

function In:mask(n)
  local set, first, byte = {}, 0, nil
  repeat
    byte = self:u8()
    if byte == 0 and first > 0 then malformed("the mask ends in a zero byte") end
    for i = 0, 6 do
      if bit.band(byte, 2 ^ i) ~= 0 then
        if first + i >= n then malformed("the mask names a field that is not there") end
        set[first + i + 1] = true
      end
    end
    first = first + 7
  until byte < 128
  return set
end

function In:any(depth)
  depth = depth or 0
  if depth > 16 then malformed("nested too deep") end
  local tag = self:u8()
  if tag == 0 then return nil end
  if tag == 1 then return false end
  if tag == 2 then return true end
  if tag == 3 then return self:sv() end
  if tag == 4 then return self:f64() end
  if tag == 5 or tag == 8 then return self:str() end
  local t = {}
  if tag == 6 then
    for i = 1, self:uv() do t[i] = self:any(depth + 1) end
  elseif tag == 7 then
    for _ = 1, self:uv() do
      if self:uv() ~= 0 then malformed("the room has no dictionary") end
      local key = self:str()
      t[key] = self:any(depth + 1)
    end
  else
    malformed("no such tag")
  end
  return t
end

-- Writing.

function wire.le(v, n)
  local out = {}
  for i = 1, n do
    out[i] = string.char(v % 256)
    v = math.floor(v / 256)
  end
  return table.concat(out)
end
function wire.uv(v)
  local out = ""
  while v >= 128 do
    out = out .. string.char(v % 128 + 128)
    v = math.floor(v / 128)
  end
  return out .. string.char(v)
end
function wire.sv(v) return wire.uv(v >= 0 and 2 * v or -2 * v - 1) end
function wire.str(s) return wire.uv(#s) .. s end

-- UTF-8, near enough for what tests send: each lead byte has what belongs behind it.
local function is_text(s)
  local rest = s:gsub("[\194-\223][\128-\191]", ""):gsub("[\224-\239][\128-\191][\128-\191]", "")
    :gsub("[\240-\244][\128-\191][\128-\191][\128-\191]", "")
  return not rest:find "[\128-\255]"
end

--- A string that is not UTF-8 goes as bytes.
function wire.any(v)
  local t = type(v)
  if t == "nil" then return "\0" end
  if t == "boolean" then return v and "\2" or "\1" end
  if t == "number" then
    if v == math.floor(v) and math.abs(v) < 2 ^ 31 then return "\3" .. wire.sv(v) end
    return "\4" .. ffi.string(ffi.new("double[1]", v), 8)
  end
  if t == "string" then return (is_text(v) and "\5" or "\8") .. wire.str(v) end
  local out = {}
  if #v > 0 then
    for i, one in ipairs(v) do out[i] = wire.any(one) end
    return "\6" .. wire.uv(#v) .. table.concat(out)
  end
  for key, one in pairs(v) do out[#out + 1] = wire.uv(0) .. wire.str(tostring(key)) .. wire.any(one) end
  return "\7" .. wire.uv(#out) .. table.concat(out)
end

-- Schema.

local sizes = { bool = 1, u8 = 1, u16 = 2, u32 = 4, angle = 2 }
local signs = { i8 = 1, i16 = 2, i32 = 4 }

local leaves

-- Where `q`, the quantum, is the field's value in a row; texts stand for themselves.
local function prepare(field)
  local t = field.t
  if field.item then
    field.item.path = field.path .. "[]"
    prepare(field.item)
  elseif t == "record" then
    field.leaves = leaves(field.fields, "", {})
  end
  if t == "fixed" and field.min then
    field.high = math.floor((field.max - field.min) / field.step + 0.5)
    field.bytes = field.high < 2 ^ 8 and 1 or field.high < 2 ^ 16 and 2 or field.high < 2 ^ 24 and 3 or 4
  end
  field.is_delta = t:match("^[ui]%d") or t == "uint" or t == "int" or t == "fixed" or t == "angle"
  return field
end

local function quantise(field, v)
  local t = field.t
  if t == "bool" then return v and 1 or 0 end
  if t == "fixed" then return math.floor((v - (field.min or 0)) / field.step + 0.5) end
  if t == "angle" then return math.floor(v * 65536 / (2 * math.pi) + 0.5) % 65536 end
  if t == "enum" then
    for i, name in ipairs(field.of) do if name == v then return i - 1 end end
    error("no such name: " .. tostring(v))
  end
  return v
end

function wire.value(field, q)
  local t = field.t
  if is_composed[t] then return composed.value(field, q) end
  if t == "bool" then return q == 1 end
  if t == "fixed" then return (field.min or 0) + q * field.step end
  if t == "angle" then return q * 2 * math.pi / 65536 end
  if t == "enum" then return field.of[q + 1] end
  return q
end

local function preset(field)
  if is_composed[field.t] then return composed.preset(field) end
  if field.def ~= nil then return quantise(field, field.def) end
  if field.t == "str" then return "" end
  if field.t == "fixed" and field.min and (field.min > 0 or field.max < 0) then
    return field.min > 0 and 0 or field.high
  end
  return field.t == "fixed" and quantise(field, 0) or 0
end

local function absolute(input, field)
  local t, q = field.t, nil
  if is_composed[t] then return composed.absolute(input, field) end
  if sizes[t] then q = input:le(sizes[t])
  elseif signs[t] then q = input:signed(signs[t])
  elseif t == "f32" then q = input:f32()
  elseif t == "f64" then q = input:f64()
  elseif t == "uint" or t == "enum" then q = input:uv()
  elseif t == "int" then q = input:sv()
  elseif t == "str" then q = input:str()
  else q = field.bytes and input:le(field.bytes) or input:sv() end
  if (t == "bool" and q > 1) or (t == "enum" and q >= #field.of) or
    (t == "str" and #q > field.max) or (field.high and q > field.high) then
    malformed(field.path .. " is out of range")
  end
  return q
end

local function change(input, field, old)
  if is_composed[field.t] then return composed.change(input, field, old) end
  if not field.is_delta then return absolute(input, field) end
  local q = old + input:sv()
  if field.t == "angle" then return q % 65536 end
  if field.high and (q < 0 or q > field.high) then malformed(field.path .. " is out of range") end
  return q
end

local function put(field, v)
  if is_composed[field.t] then return composed.put(field, v) end
  if v == nil then v = wire.value(field, preset(field)) end
  local t, q = field.t, quantise(field, v)
  if sizes[t] then return wire.le(q, sizes[t]) end
  if signs[t] then return wire.le(q % 2 ^ (8 * signs[t]), signs[t]) end
  if t == "f32" then return ffi.string(ffi.new("float[1]", q), 4) end
  if t == "f64" then return ffi.string(ffi.new("double[1]", q), 8) end
  if t == "uint" or t == "enum" then return wire.uv(q) end
  if t == "int" then return wire.sv(q) end
  if t == "str" then return wire.str(q) end
  return field.bytes and wire.le(q, field.bytes) or wire.sv(q)
end

wire.absolute, wire.change, wire.put = absolute, change, put

function leaves(fields, before, into)
  for _, f in ipairs(fields) do
    local path = before .. f[1]
    if f[2].t == "record" then
      leaves(f[2].fields, path .. ".", into)
    else
      f[2].path, f[2].name = path, path
      into[#into + 1] = prepare(f[2])
    end
  end
  return into
end

function wire.fnv(text)
  local h = 2166136261
  for i = 1, #text do
    h = bit.bxor(h, text:byte(i))
    -- h * 16777619 mod 2^32, in parts that a double holds
    h = h % 2 ^ 32
    h = (h * 403 + h % 256 * 2 ^ 24) % 2 ^ 32
  end
  return h == 0 and 1 or h
end

-- The fields that all see, and those that are their owner's.
local function audiences(fields)
  local all, owners = {}, {}
  for _, f in ipairs(leaves(fields, "", {})) do table.insert(f.to == "owner" and owners or all, f) end
  return all, owners
end

function wire.schema(text)
  local json = rig.json(text)
  local schema = { facets = {}, messages = {}, events = {}, hash = wire.fnv(text), json = rig.json(text) }
  local state = json.state or {}
  schema.facets[1] = { fields = leaves(state.fields or {}, "", {}) }
  for _, map in ipairs(state.maps or {}) do
    local all, owners = audiences(map[2].fields)
    table.insert(schema.facets, { name = map[1], keys = map[2].keys, fields = all })
    if #owners > 0 then
      table.insert(schema.facets, { name = map[1], is_owners = true, fields = owners })
    end
  end
  for i, m in ipairs(json.messages or {}) do
    schema.messages[m[1]] = { id = i - 1, fields = leaves(m[2].fields, "", {}) }
  end
  for i, e in ipairs(json.events or {}) do
    schema.events[i] = { name = e[1], fields = leaves(e[2].fields, "", {}) }
  end
  return schema
end

local function set_path(t, path, v)
  for step in path:gmatch("([%w_]+)%.") do
    t[step] = t[step] or {}
    t = t[step]
  end
  t[path:match("[%w_]+$")] = v
end
wire.set_path = set_path

function wire.payload(fields, input)
  local t = {}
  for _, f in ipairs(fields) do set_path(t, f.path, wire.value(f, absolute(input, f))) end
  return t
end

function wire.put_payload(fields, t)
  local out = {}
  for i, f in ipairs(fields) do
    local v = t
    for step in f.path:gmatch("[%w_]+") do v = type(v) == "table" and v[step] or nil end
    out[i] = put(f, v)
  end
  return table.concat(out)
end

-- State: per facet id -> { key = …, q… }.

local function read_key(input, keys)
  if keys == "player" then return input:uv() end
  if keys == "integer" then return input:sv() end
  if keys == "string" then return input:str() end
  return 0
end

local function run(input, body, may_be_empty)
  local n, id = input:uv(), -1
  if n == 0 and not may_be_empty then malformed("an empty run") end
  for _ = 1, n do
    id = id + 1 + input:uv()
    body(id)
  end
end

-- `other`: the rows of the map that an owner's facet belongs to, or those of the owner's
-- facet that belongs to this map, or nil.
local function section(input, facet, rows, other, is_resume)
  local runs = input:u8()
  if runs == 0 or runs > 31 or runs % 2 == 1 and not is_resume then malformed("these runs are not expected") end
  local function held(id) return rows[id] or malformed("a row that is not held") end
  if facet.is_owners and bit.band(runs, 3) ~= 0 then malformed("an owner's row goes with its map's") end
  local function drop(id)
    rows[id] = nil
    if other then other[id] = nil end
  end
  if runs % 2 == 1 then
    local kept = {}
    run(input, function(id) kept[id] = held(id) end, true)
    for id in pairs(rows) do if not kept[id] then drop(id) end end
  end
  if bit.band(runs, 2) ~= 0 then
    run(input, function(id)
      held(id)
      drop(id)
    end)
  end
  if bit.band(runs, 4) ~= 0 then
    run(input, function(id)
      if rows[id] then malformed("a row that is held enters") end
      if facet.is_owners and (next(rows) or not other[id]) then malformed("a row of somebody else") end
      local row = { key = read_key(input, facet.keys) }
      for _, old in pairs(rows) do
        if old.key == row.key and facet.keys then malformed("a key is held twice") end
      end
      local set = input:mask(#facet.fields)
      for i, f in ipairs(facet.fields) do row[i] = set[i] and absolute(input, f) or preset(f) end
      rows[id] = row
    end)
  end
  for _, bits in ipairs { 8, 16 } do
    if bit.band(runs, bits) ~= 0 then
      run(input, function(id)
        local row, set = held(id), input:mask(#facet.fields)
        if not next(set) then malformed("an empty mask") end
        for i, f in ipairs(facet.fields) do
          if set[i] then row[i] = bits == 8 and absolute(input, f) or change(input, f, row[i]) end
        end
      end)
    end
  end
end

--- Read the sections of SNAPSHOT or DELTA into `rows`, a list of facets.
function wire.sections(input, schema, rows, is_resume)
  local last = 0
  input.is_state = true
  while true do
    local facet = input:uv()
    if facet == 0 then
      input.is_state = false
      return
    end
    if facet <= last or facet > #schema.facets then malformed("facets do not ascend") end
    rows[facet] = rows[facet] or {}
    local next_facet = schema.facets[facet + 1]
    local owners = next_facet and next_facet.is_owners and rows[facet + 1] or nil
    section(input, schema.facets[facet], rows[facet],
      schema.facets[facet].is_owners and (rows[facet - 1] or {}) or owners, is_resume)
    last = facet
  end
end

--- The rows as the nested tables that JSON clients hold.
function wire.state(schema, rows)
  local state = {}
  for i, facet in ipairs(schema.facets) do
    local into = facet.name and (state[facet.name] or {}) or state
    if facet.name then state[facet.name] = into end
    for id, row in pairs(rows[i] or {}) do
      local key = facet.is_owners and rows[i - 1][id].key or row.key
      local t = facet.name and (into[tostring(key)] or {}) or state
      for k, f in ipairs(facet.fields) do set_path(t, f.path, wire.value(f, row[k])) end
      if facet.name then into[tostring(key)] = t end
    end
  end
  return state
end

return wire
