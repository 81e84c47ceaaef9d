-- SPDX-License-Identifier: MIT
-- values: what clients hold as JSON has it, as Lua that a game's author knows.

local rig = require "kit.rig"

local M = {}

local null = rig.json "null"

--- What came as JSON, as the game's own code would see it: nil for null, and in maps by
-- player or number the keys that Lua has.
local function plain(v)
  if type(v) ~= "table" then
    if v == null then return nil end
    return v
  end
  local t = {}
  for k, one in pairs(v) do t[k] = plain(one) end
  return t
end

local places = {}
for i, c in ipairs { ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"):byte(1, -1) } do
  places[c] = i - 1
end

local function from_base64(text)
  local out = {}
  for i = 1, #text, 4 do
    local a, b, c, d = text:byte(i, i + 3)
    local v = places[a] * 2 ^ 18 + places[b] * 2 ^ 12 + (places[c] or 0) * 2 ^ 6 + (places[d] or 0)
    local three = string.char(math.floor(v / 65536), math.floor(v / 256) % 256, v % 256)
    out[#out + 1] = three:sub(1, places[d] and 3 or places[c] and 2 or 1)
  end
  return table.concat(out)
end

local function by_number(t)
  local out = {}
  for key, v in pairs(t) do out[tonumber(key) or key] = v end
  return out
end

local lua_fields

-- `v`, which came as JSON, as a value of type `t`: numbers as keys, bytes as they are.
local function lua_value(t, v)
  if v == nil then return nil end
  if t.t == "bytes" then return from_base64(v) end
  if t.t == "opt" then return lua_value(t.item, v) end
  if t.t == "record" then return lua_fields(t.fields, v) end
  if t.t ~= "list" and t.t ~= "map" then return v end
  for key, one in pairs(v) do v[key] = lua_value(t.item, one) end
  return t.t == "map" and t.keys ~= "string" and by_number(v) or v
end

--- The same of the fields of one record, in place.
function lua_fields(list, t)
  for _, f in ipairs(list) do t[f[1]] = lua_value(f[2], t[f[1]]) end
  return t
end

--- A held state of a schema (its JSON, decoded) as the game's script has it.
function M.state(schema, held)
  local state = lua_fields(schema.state.fields or {}, plain(held))
  for _, map in ipairs(schema.state.maps or {}) do
    local name, m = map[1], map[2]
    for _, row in pairs(state[name] or {}) do lua_fields(m.fields, row) end
    if m.keys ~= "string" and state[name] then state[name] = by_number(state[name]) end
  end
  return state
end

M.plain, M.fields = plain, lua_fields

return M
