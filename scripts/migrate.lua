-- SPDX-License-Identifier: MIT
-- migrate: brings a room's tables from one schema to the next, by field name. What is
-- new takes its default, what is gone becomes a private field, what has another type is
-- converted where that makes sense; else the default is in its place, and a report names
-- the path. Lists, maps and records are converted in place, item by item.
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

-- What a declaration is: "record" (a table of fields), "map", or the name of a type.
local function kind_of(t)
  if type(t) ~= "table" then return nil end
  if type(t.t) == "string" then return t.t end
  return type(t.keys) == "string" and "map" or "record"
end

-- At the root: a map of records in step one by one, which is no value.
local function is_collection(t) return kind_of(t) == "map" and t.fields ~= nil end

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

-- Is it UTF-8, as texts on the wire have to be?
local function is_text(text)
  local at = 1
  while true do
    at = find(text, "[\128-\255]", at)
    if not at then return true end
    local _, last = find(text, "^[\194-\223][\128-\191]", at)
    if not last then _, last = find(text, "^[\224-\239][\128-\191][\128-\191]", at) end
    if not last then _, last = find(text, "^[\240-\244][\128-\191][\128-\191][\128-\191]", at) end
    if not last then return false end
    at = last + 1
  end
end

-- `v` as a value of the single type `t`; nil where there is no sensible one. Kinds that are not
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
    return text and is_text(text) and cut(text, t.max) or nil
  elseif kind == "bytes" then
    local text = to_text(v)
    return text and sub(text, 1, t.max)
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

-- What an item of a list is that cannot be converted: nil has nowhere to stand there.
local function stand_in(t)
  local kind = kind_of(t)
  if kind == "bool" then return false end
  if kind == "str" or kind == "text" or kind == "bytes" then return "" end
  if kind == "enum" then return t.of[1] end
  if kind == "record" or kind == "list" or kind == "map" then return {} end
  return kind == "fixed" and t.min and max(t.min, min(t.max, 0)) or 0
end

-- Keys in one order, so that reports come in one.
local function sorted_keys(t)
  local list = {}
  for key in next, t do list[#list + 1] = key end
  sort(list, function(a, b)
    if type(a) == type(b) and (type(a) == "number" or type(a) == "string") then return a < b end
    return type(a) == "number" and type(b) ~= "number"
  end)
  return list
end

-- `key` as one of a map by `keys`, or nil.
local function to_key(keys, key)
  if keys == "string" then
    local text = to_text(key)
    return text ~= "" and text or nil
  end
  local n = to_number(key)
  return n and n == floor(n) and (keys == "integer" or n >= 1) and n or nil
end

local is_array

-- The table t[name] with keys of the other kind, where some are; those that cannot be go,
-- with a report. Returns the table that is there then.
local function rekey(ctx, t, name, keys, path, what)
  local coll, rows, is_same = rawget(t, name), {}, true
  for _, key in ipairs(sorted_keys(coll)) do
    local k = to_key(keys, key)
    if k ~= nil then rows[k] = rawget(coll, key) end
    is_same = is_same and k == key
    if k == nil then
      ctx.report(format("%s[%s]: cannot be a key by %s; the %s is gone", path, shown(key), keys, what))
    end
  end
  if is_same then return coll end
  ctx.note(t, name, coll, rows)
  return rows
end

-- The value t[name], whose declaration was `old` (nil: none) and is `new`; `instead` is
-- what takes its place where it cannot be kept (nil: the default does).
local fields

local function value(ctx, t, name, old, new, path, instead)
  local v = rawget(t, name)
  if kind_of(old) == "opt" then old = old.item end
  if kind_of(new) == "opt" then new = new.item end
  if v == nil or same(old, new) then return end
  local kind = kind_of(new)
  if type(v) == "table" and kind == "record" then
    fields(ctx, v, kind_of(old) == "record" and old or {}, new, path .. ".")
    return
  elseif kind == "list" and is_array(v) then
    local item = kind_of(old) == "list" and old.item or nil
    for i = 1, min(#v, new.max) do
      value(ctx, v, i, item, new.item, format("%s[%d]", path, i), stand_in(new.item))
    end
    if #v > new.max then ctx.report(format("%s: cut to %d items", path, new.max)) end
    for i = #v, new.max + 1, -1 do ctx.note(v, i, v[i], nil) end
    return
  elseif kind == "map" and type(v) == "table" then
    local rows = rekey(ctx, t, name, new.keys, path, "value")
    for i, key in ipairs(sorted_keys(rows)) do
      if i > (new.max or 1024) then
        ctx.note(rows, key, rows[key], nil)
        if i == (new.max or 1024) + 1 then ctx.report(format("%s: cut to %d values", path, i - 1)) end
      else
        value(ctx, rows, key, kind_of(old) == "map" and old.item or nil, new.item,
          format("%s[%s]", path, tostring(key)))
      end
    end
    return
  end
  local c
  if kind == "any" then c = v elseif kind ~= "list" and kind ~= "map" and kind ~= "record" then c = convert(new, v) end
  if c == v and c ~= nil then return end
  ctx.note(t, name, v, c == nil and instead or c)
  if c == nil then
    ctx.report(format("%s: %s cannot become %s; the default is in its place", path, shown(v),
      kind == "record" and "a record" or kind))
  end
end

function is_array(v)
  if type(v) ~= "table" then return false end
  local n = 0
  for _ in next, v do n = n + 1 end
  for i = 1, n do if rawget(v, i) == nil then return false end end
  return true
end

function fields(ctx, t, old, new, before)
  for _, name in ipairs(sorted_keys(new)) do value(ctx, t, name, old[name], new[name], before .. name) end
end

local function key_kind(keys) return keys == "string" and "string" or "number" end

local function map(ctx, state, name, old, new)
  local coll = rawget(state, name)
  if coll == nil then return end
  if type(coll) ~= "table" or (old ~= nil and not is_collection(old)) then
    ctx.note(state, name, coll, nil)
    ctx.report(format("%s: %s cannot become a map; it is empty", name, shown(coll)))
    return
  end
  if old and key_kind(old.keys) ~= key_kind(new.keys) then coll = rekey(ctx, state, name, new.keys, name, "row") end
  if old and same(old.fields, new.fields) then return end
  for _, key in ipairs(sorted_keys(coll)) do
    local row = rawget(coll, key)
    if type(row) == "table" then
      fields(ctx, row, old and old.fields or {}, new.fields, format("%s[%s].", name, tostring(key)))
    end
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
  for _, name in ipairs(sorted_keys(new)) do
    local declared = new[name]
    if is_collection(declared) then
      map(ctx, state, name, old[name], declared)
    elseif is_collection(old[name]) and rawget(state, name) ~= nil then
      ctx.note(state, name, rawget(state, name), nil)
      ctx.report(format("%s: a map cannot become %s; the default is in its place", name,
        kind_of(declared) == "record" and "a record" or kind_of(declared)))
    else
      value(ctx, state, name, old[name], declared, name)
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
