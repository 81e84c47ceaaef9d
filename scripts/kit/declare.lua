-- SPDX-License-Identifier: MIT
-- declare: the TypeScript declarations of a game's shared.js, from what translate.lua has
-- noted. A type is told where the code leaves no doubt: that of a constant and of a result,
-- and "number" for a parameter that arithmetic is done with. All else is any.

local known = { number = "number", boolean = "boolean", string = "string", ["nil"] = "null" }

-- The types of a list of values, as one: "number | undefined". `seen` stops what calls itself.
local function union(notes, values, seen)
  local list, has = {}, {}
  for _, value in ipairs(values) do
    local t = type(value) == "string" and known[value] or notes.of(value, seen)
    if t == "any" then return "any" end
    for one in t:gmatch "[^| ]+" do
      if not has[one] then
        has[one] = true
        list[#list + 1] = one
      end
    end
  end
  return #list > 0 and table.concat(list, " | ") or "any"
end

local function result(notes, f, seen)
  if #f.results == 0 then return "void" end
  local t = union(notes, f.results, seen)
  return t ~= "any" and (f.is_bare or not f.ends) and t .. " | undefined" or t
end

-- Of a value: { js =, kind = }.
local function of(notes, value, seen)
  if known[value.kind] then return known[value.kind] end
  local js = value.js
  if not js or seen[js] then return "any" end
  local inner = setmetatable({ [js] = true }, { __index = seen })
  local variable, callee = notes.variables[js], notes.functions[notes.calls[js]]
  if variable and variable.kinds then return union(notes, variable.kinds, inner) end
  if callee then return (result(notes, callee, inner):gsub("^void$", "undefined")) end
  if notes.constants[js] then return of(notes, notes.constants[js], inner) end
  return "any"
end

local function signature(notes, f, arrow)
  local out = {}
  for i, name in ipairs(f.names) do
    out[i] = ("%s: %s"):format(name, f.parameters[i].kinds and known[f.parameters[i].kinds[1]] or "any")
  end
  return ("(%s)%s%s"):format(table.concat(out, ", "), arrow, result(notes, f, {}))
end

--- The text of shared.d.ts of `game`.
return function(game, notes)
  notes.of = function(value, seen) return of(notes, value, seen) end
  local out, all = {}, {}
  for _, name in ipairs(notes.names) do
    local js = notes.module and notes.module .. "." .. name
    local value = notes.fields and notes.fields[name] or js and notes.constants[js] or {}
    local f = notes.functions[js] or notes.functions[value.js]
    out[#out + 1] = f and ("export function %s%s;"):format(name, signature(notes, f, ": "))
      or ("export const %s: %s;"):format(name, of(notes, value, {}))
    all[#all + 1] = ("  %s: %s;"):format(name, f and signature(notes, f, " => ") or of(notes, value, {}))
  end
  return ("// Written by `parlor types %s` from shared.lua; the next run writes it anew.\n%s\n\n" ..
    "declare const shared: {\n%s\n};\nexport default shared;\n"):format(game, table.concat(out, "\n"),
    table.concat(all, "\n"))
end
