-- SPDX-License-Identifier: MIT
-- composed: values with others inside (text, bytes, opt, list, map, any, and the records
-- they hold) as parlor.b1 carries them; written from PROTOCOL.md alone, like wire.lua,
-- which hands in what it does for single values.
--
-- Cells are never changed once made. An opt is its item's cell or NONE, a list and a
-- record arrays of cells, a map a table of cells by key. An any is { tag, value }: of an
-- array (6) and a map (7) the value holds such pairs.

local rig = require "kit.rig"

local NONE = {}
local MAX_ITEM_BYTES = 1048576
local null = rig.json "null"

local kinds = { text = true, bytes = true, opt = true, list = true, map = true, any = true, record = true }

-- `wire`: absolute(input, field), change(input, field, old), value(field, q), put(field, v),
-- payload(fields, v), any(v), uv(n), sv(n), str(s), malformed(what).
return function(wire)
  local composed = { kinds = kinds }

  local function need(ok, what) if not ok then wire.malformed(what) end end

  --- The cell of a field that nothing has set.
  function composed.preset(field)
    local t = field.t
    if t == "text" or t == "bytes" then return field.def or "" end
    if t == "opt" then return NONE end
    if t == "any" then return { 0 } end
    return {}
  end

  -- Keys.

  local function is_before(a, b) return a < b end -- Lua compares texts by their bytes in the C locale

  local function read_key(input, keys, last)
    local key
    if keys == "string" then key = input:str() elseif keys == "player" then key = input:uv() else key = input:sv() end
    if keys == "string" then need(#key >= 1 and #key <= 255, "a key is empty or too long")
    elseif keys == "player" then need(key >= 1, "a key is no player")
    else need(key >= -2 ^ 31 and key < 2 ^ 31, "a key is out of range") end
    need(last == nil or is_before(last, key), "keys do not ascend")
    return key
  end

  local function count(input, max)
    local n = input:uv()
    need(n <= max, "too many")
    return n
  end

  -- Any.

  local function read_any(input, depth)
    need(depth <= 16, "nested too deep")
    local tag = input:u8()
    if tag <= 2 then return { tag } end
    if tag == 3 then return { 3, input:sv() } end
    if tag == 4 then return { 4, input:f64() } end
    if tag == 5 or tag == 8 then return { tag, input:str() } end
    local t = {}
    if tag == 6 then
      for i = 1, input:uv() do t[i] = read_any(input, depth + 1) end
    else
      need(tag == 7, "no such tag")
      local last
      for _ = 1, input:uv() do
        need(input:uv() == 0, "the room has no dictionary")
        local key = input:str()
        need(last == nil or not input.is_state or is_before(last, key), "keys do not ascend")
        t[key], last = read_any(input, depth + 1), key
      end
    end
    return { tag, t }
  end

  -- Absolute.

  --- Read the absolute form.
  function composed.absolute(input, field)
    local t, max = field.t, field.max
    if t == "text" or t == "bytes" then
      local text = input:str()
      need(#text <= max, "too long")
      return text
    elseif t == "opt" then
      local form = input:u8()
      need(form <= 1, "no such form")
      return form == 0 and NONE or wire.absolute(input, field.item)
    elseif t == "record" then
      local cells = {}
      for i, f in ipairs(field.leaves) do cells[i] = wire.absolute(input, f) end
      return cells
    elseif t == "any" then
      local from = input.at
      local v = read_any(input, 0)
      need(input.at - from <= (max or MAX_ITEM_BYTES), "too long")
      return v
    end
    local n, cells, last = count(input, max), {}, nil
    for i = 1, n do
      if t == "map" then
        last = read_key(input, field.keys, last)
        cells[last] = wire.absolute(input, field.item)
      else
        cells[i] = wire.absolute(input, field.item)
      end
    end
    return cells
  end

  -- Changes.

  -- The place behind `n` UTF-16 units from byte `at` of `text`.
  local function skip_units(text, at, n)
    while n > 0 do
      local byte = text:byte(at)
      need(byte, "a splice reaches past the end")
      local bytes = byte < 0x80 and 1 or byte < 0xe0 and 2 or byte < 0xf0 and 3 or 4
      n = n - (bytes == 4 and 2 or 1)
      need(n >= 0, "a splice parts a surrogate pair")
      at = at + bytes
    end
    return at
  end

  local function splice(input, old, n)
    local parts, at = {}, 1
    for _ = 1, n do
      local from = skip_units(old, at, input:uv())
      local to = skip_units(old, from, input:uv())
      parts[#parts + 1] = old:sub(at, from - 1)
      parts[#parts + 1] = input:str()
      at = to
    end
    parts[#parts + 1] = old:sub(at)
    return table.concat(parts)
  end

  local function edit_list(input, old, max, fresh, changed)
    local list, at = {}, 1
    while true do
      local head = input:uv()
      local op, skip = head % 4, math.floor(head / 4)
      need(skip <= #old - at + 1, "an edit reaches past the end")
      if op == 0 then
        need(skip == 0, "the end skips")
        break
      end
      for _ = 1, skip do
        list[#list + 1] = old[at]
        at = at + 1
      end
      if op == 1 then
        need(old[at], "an edit reaches past the end")
        list[#list + 1] = changed(old[at])
        at = at + 1
      else
        local n = input:uv()
        need(n > 0 and (op == 2 or n <= #old - at + 1), "an edit reaches past the end")
        if op == 3 then at = at + n else for _ = 1, n do list[#list + 1] = fresh() end end
      end
    end
    for i = at, #old do list[#list + 1] = old[i] end
    need(#list <= max, "too many")
    return list
  end

  local function edit_map(input, old, max, key_of, fresh, changed)
    local map, last, n = {}, nil, 0
    for key, cell in pairs(old) do map[key] = cell end
    while true do
      local op = input:u8()
      need(op <= 3, "no such edit")
      if op == 0 then break end
      last = key_of(last)
      need(op == 2 or map[last] ~= nil, "a key is not there")
      if op == 1 then map[last] = changed(map[last]) elseif op == 2 then map[last] = fresh() else map[last] = nil end
    end
    for _ in pairs(map) do n = n + 1 end
    need(n <= max, "too many")
    return map
  end

  local function change_any(input, old, depth)
    local form = input:u8()
    need(form <= 1, "no such form")
    if form == 0 then return read_any(input, depth) end
    need(depth < 16, "nested too deep")
    local function fresh() return read_any(input, depth + 1) end
    local function changed(was) return change_any(input, was, depth + 1) end
    if old[1] == 5 then
      local n = input:uv()
      need(n > 0, "no splices")
      return { 5, splice(input, old[2], n) }
    elseif old[1] == 6 then
      return { 6, edit_list(input, old[2], math.huge, fresh, changed) }
    end
    need(old[1] == 7, "nothing to edit")
    return { 7, edit_map(input, old[2], math.huge, function(last)
      need(input:uv() == 0, "the room has no dictionary")
      local key = input:str()
      need(last == nil or is_before(last, key), "keys do not ascend")
      return key
    end, fresh, changed) }
  end

  --- Read a change of the cell `old`.
  function composed.change(input, field, old)
    local t, item = field.t, field.item
    if t == "bytes" then return composed.absolute(input, field) end
    if t == "text" then
      local n = input:uv()
      local text = n == 0 and input:str() or splice(input, old, n)
      need(#text <= field.max, "too long")
      return text
    elseif t == "any" then
      return change_any(input, old, 0)
    elseif t == "record" then
      local cells, set = {}, input:mask(#field.leaves)
      for i, f in ipairs(field.leaves) do cells[i] = set[i] and wire.change(input, f, old[i]) or old[i] end
      return cells
    end
    local form = input:u8()
    if t == "opt" then
      need(form <= 2 and (form < 2 or old ~= NONE), "no such form")
      if form == 0 then return NONE end
      if form == 1 then return wire.absolute(input, item) end
      return wire.change(input, item, old)
    end
    need(form <= 1, "no such form")
    if form == 0 then return composed.absolute(input, field) end
    local function fresh() return wire.absolute(input, item) end
    local function changed(was) return wire.change(input, item, was) end
    if t == "list" then return edit_list(input, old, field.max, fresh, changed) end
    return edit_map(input, old, field.max, function(last) return read_key(input, field.keys, last) end, fresh, changed)
  end

  -- As JSON has it.

  local digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

  --- Bytes as JSON has them.
  function composed.base64(bytes)
    local out = {}
    for i = 1, #bytes, 3 do
      local a, b, c = bytes:byte(i, i + 2)
      local v = a * 65536 + (b or 0) * 256 + (c or 0)
      for k = 0, 3 do
        local d = math.floor(v / 64 ^ (3 - k)) % 64 + 1
        out[#out + 1] = (k > 1 and not b or k > 2 and not c) and "=" or digits:sub(d, d)
      end
    end
    return table.concat(out)
  end
  local base64 = composed.base64

  local function any_value(v)
    local tag = v[1]
    if tag == 0 then return null end
    if tag <= 2 then return tag == 2 end
    if tag == 8 then return base64(v[2]) end
    if tag < 6 then return v[2] end
    local t = {}
    for k, one in pairs(v[2]) do t[k] = any_value(one) end
    return t
  end

  --- What a JSON client holds of it.
  function composed.value(field, q)
    local t = field.t
    if t == "text" then return q end
    if t == "bytes" then return base64(q) end
    if t == "any" then return any_value(q) end
    if t == "opt" then
      if q == NONE then return null end
      return wire.value(field.item, q)
    end
    local out = {}
    if t == "record" then
      for i, f in ipairs(field.leaves) do wire.set_path(out, f.name, wire.value(f, q[i])) end
    else
      for key, cell in pairs(q) do out[t == "map" and tostring(key) or key] = wire.value(field.item, cell) end
    end
    return out
  end

  --- The absolute form of a Lua value, nil included.
  function composed.put(field, v)
    local t, item = field.t, field.item
    if t == "text" or t == "bytes" then return wire.str(v or field.def or "") end
    if t == "any" then return wire.any(v) end
    if t == "record" then return wire.put_payload(field.leaves, v) end
    if t == "opt" then
      if v == nil then return "\0" end
      return "\1" .. wire.put(item, v)
    end
    local out, keys = {}, {}
    for key in pairs(v or {}) do keys[#keys + 1] = key end
    table.sort(keys)
    for i, key in ipairs(keys) do
      local head = t == "list" and "" or field.keys == "string" and wire.str(key) or
        field.keys == "player" and wire.uv(key) or wire.sv(key)
      out[i] = head .. wire.put(item, v[key])
    end
    return wire.uv(#keys) .. table.concat(out)
  end

  return composed
end
