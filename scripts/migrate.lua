-- SPDX-License-Identifier: MIT
-- migrate: brings a room's tables from one schema to the next, by field name. What is
-- new takes its default, what is gone becomes a private field, what has another type is
-- converted where that makes sense; else the default is in its place, and a report names
-- the path.
--
-- Only what the two schemas declare differently is looked at. Each change is noted, so
-- that a generation which fails can be undone to the value (undo()).

local find, format, sub = string.find, string.format, string.sub
local floor, max, min, sort = math.floor, math.max, math.min, table.sort

local migrate = {}

local ranges = {
  u8 = { 0, 255 }, u16 = { 0, 65535 }, u32 = { 0, 4294967295 }, uint = { 0, 4294967295 },
  i8 = { -128, 127 }, i16 = { -32768, 32767 }, i32 = { -2147483648, 2147483647 },
  int = { -2147483648, 2147483647 },
}

local function is_type(t) return type(t) == "table" and type(t.t) == "string" end
local function is_map(t) return type(t) == "table" and not is_type(t) and type(t.keys) == "string" end

-- Do two declarations say the same?
local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for k, v in next, a do if not same(v, b[k]) then return false end end
  for k in next, b do if a[k] == nil then return false end end
  return true
end

local function to_number(v)
  if type(v) == "number" then return v == v and v or nil end
  if type(v) == "boolean" then return v and 1 or 0 end
  if type(v) == "string" then
    local n = tonumber(v)
    return n and n == n and n or nil
  end
end

local function cut(text, bytes)
  if not bytes or #text <= bytes then return text end
  while bytes > 0 and find(sub(text, bytes + 1, bytes + 1), "^[\128-\191]") do bytes = bytes - 1 end
  return sub(text, 1, bytes)
end

local function to_text(v)
  if type(v) == "string" then return v end
  if type(v) == "number" then return v == v and format("%.14g", v) or nil end
  if type(v) == "boolean" then return tostring(v) end
end

-- `v` as a value of type `t`; nil where there is no sensible one. Kinds that are not
-- named here take what they are given: the scan looks at it.
local function convert(t, v)
  local kind = t.t
  local range = ranges[kind]
  if range then
    local n = to_number(v)
    return n and max(range[1], min(range[2], floor(n + 0.5)))
  elseif kind == "fixed" then
    local n = to_number(v)
    return n and (t.min and max(t.min, min(t.max, n)) or n)
  elseif kind == "f32" or kind == "f64" or kind == "angle" then
    return to_number(v)
  elseif kind == "bool" then
    if type(v) == "boolean" then return v end
    if type(v) == "number" then return v ~= 0 end
    if v == "true" or v == "1" then return true end
    if v == "false" or v == "0" or v == "" then return false end
    return nil
  elseif kind == "str" or kind == "text" then
    local text = to_text(v)
    return text and cut(text, t.max)
  elseif kind == "enum" then
    for _, name in ipairs(t.of) do if name == v then return v end end
    return nil
  end
  return v
end

local function shown(v)
  if type(v) == "string" then return format("%q", cut(v, 40)) end
  if type(v) == "number" then return format("%.14g", v) end
  return type(v) == "boolean" and tostring(v) or "a " .. type(v)
end

-- A field of the record `t` whose declaration was `old` (nil: none) and is `new`.
local fields

local function field(ctx, t, name, old, new, path)
  local v = rawget(t, name)
  if v == nil or same(old, new) then return end
  if not is_type(new) then -- a nested record
    if type(v) == "table" then
      fields(ctx, v, type(old) == "table" and not is_type(old) and old or {}, new, path .. ".")
      return
    end
    ctx.note(t, name, v, nil)
    ctx.report(format("%s: %s cannot become a record; the default is in its place", path, shown(v)))
    return
  end
  local c = convert(new, v)
  if c == v then return end
  ctx.note(t, name, v, c)
  if c == nil then
    ctx.report(format("%s: %s cannot become %s; the default is in its place", path, shown(v), new.t))
  end
end

function fields(ctx, t, old, new, before)
  for name, declared in next, new do field(ctx, t, name, old[name], declared, before .. name) end
end

local function key_kind(keys) return keys == "string" and "string" or "number" end

-- The rows by keys of the other kind; those that have none go, with a report.
local function rekey(ctx, state, name, keys)
  local coll, rows = rawget(state, name), {}
  for key, row in next, coll do
    local k = keys == "string" and to_text(key) or to_number(key)
    if k ~= nil and k ~= "" and (keys == "string" or (k == floor(k) and (keys == "integer" or k >= 1))) then
      rows[k] = row
    else
      ctx.report(format("%s[%s]: cannot be a key by %s; the row is gone", name, shown(key), keys))
    end
  end
  ctx.note(state, name, coll, rows)
end

local function map(ctx, state, name, old, new)
  local coll = rawget(state, name)
  if coll == nil then return end
  if type(coll) ~= "table" or (old ~= nil and not is_map(old)) then
    ctx.note(state, name, coll, nil)
    ctx.report(format("%s: %s cannot become a map; it is empty", name, shown(coll)))
    return
  end
  if old and key_kind(old.keys) ~= key_kind(new.keys) then
    rekey(ctx, state, name, new.keys)
    coll = rawget(state, name)
  end
  if old and same(old.fields, new.fields) then return end
  local list = {}
  for key, row in next, coll do
    if type(row) == "table" then list[#list + 1] = key end
  end
  -- Reports come in one order.
  sort(list, function(a, b)
    if type(a) == type(b) then return a < b end
    return type(a) == "number"
  end)
  for _, key in ipairs(list) do
    fields(ctx, coll[key], old and old.fields or {}, new.fields, format("%s[%s].", name, tostring(key)))
  end
end

--- Bring `state` from the declarations `old` to `new`. `report(text)` hears of values
-- that could not be kept. Returns the notes that undo() takes.
function migrate.run(state, old, new, report)
  local notes = {}
  local ctx = {
    report = report,
    note = function(t, key, was, is)
      notes[#notes + 1] = { t, key, was, is }
      rawset(t, key, is)
    end,
  }
  for name, declared in next, new do
    if is_map(declared) then
      map(ctx, state, name, old[name], declared)
    elseif is_map(old[name]) and rawget(state, name) ~= nil then
      ctx.note(state, name, rawget(state, name), nil)
      ctx.report(format("%s: a map cannot become %s; the default is in its place", name,
        is_type(declared) and declared.t or "a record"))
    else
      field(ctx, state, name, old[name], declared, name)
    end
  end
  return notes
end

--- Take back what run() has changed and nothing has changed since.
function migrate.undo(notes)
  for i = #notes, 1, -1 do
    local t, key, was, is = notes[i][1], notes[i][2], notes[i][3], notes[i][4]
    if is == nil or rawget(t, key) == is then rawset(t, key, was) end
  end
end

return migrate
