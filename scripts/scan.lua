-- SPDX-License-Identifier: MIT
-- scan: finds what a script has changed in plain tables.
--
-- For each record of a schema a Lua function is generated that compares the
-- table with a mirror of its last values, field by field, and writes what
-- differs into one flat array that C reads (src/script/scan.c):
--
--   -1 - facet             what follows belongs to this facet
--   slot, mask…, value…    one row: a mask word per 32 fields, then the values
--
-- A mirror of a row is { slot, value, value, … } in the order of the fields.
-- Plain tables, no ffi: compiled it costs some 30 ns a row, interpreted it is
-- still usable.

local next, type, sort, concat = next, type, table.sort, table.concat

local scan = {}

-- Lua source that compares record `e` with mirror `s` and, where something
-- differs, appends to `out` behind place `p`. Defaults and names come as
-- upvalues in the table `D` (by place) and as literals.
local function body(fields, words)
  local src, n = {}, 0
  local function put(...) src[#src + 1] = (...):format(select(2, ...)) end
  local function walk(list, var, depth)
    for _, f in ipairs(list) do
      if f.fields then
        local inner = "r" .. (depth + 1)
        put("do local %s=%s.%s if type(%s)~='table' then %s=lost(%s,%q,%s) end", inner, var,
          f.name, inner, inner, var, f.name, inner)
        walk(f.fields, inner, depth + 1)
        put("end")
      else
        n = n + 1
        local word = math.floor((n - 1) / 32) + 1
        put("v=%s.%s if v~=s[%d] then if v==nil then v=D[%d] %s.%s=v end " ..
          "s[%d]=v m%d=m%d+%d q=q+1 out[q]=v end", var, f.name, n + 1, n, var, f.name, n + 1, word,
          word, 2 ^ ((n - 1) % 32))
      end
    end
  end
  put("local v local q=p+%d", 1 + words)
  for w = 1, words do put("local m%d=0", w) end
  walk(fields, "e", 0)
  put("if q~=p+%d then out[p+1]=s[1]", 1 + words)
  for w = 1, words do put("out[p+%d]=m%d", 1 + w, w) end
  put("p=q end")
  return concat(src, "\n")
end

-- The defaults of the leaves, by place.
local function defaults(fields, into)
  for _, f in ipairs(fields) do
    if f.fields then defaults(f.fields, into) else into[#into + 1] = f.value end
  end
  return into
end

-- A nested record of default values.
local function fresh(fields)
  local t = {}
  for _, f in ipairs(fields) do
    if f.fields then t[f.name] = fresh(f.fields) else t[f.name] = f.value end
  end
  return t
end

-- Called by generated code where a nested record is not a table: puts one with
-- the default values there. `report` hears of it unless it was simply absent.
local function make_lost(fields, report)
  local shapes = {}
  local function index(list)
    for _, f in ipairs(list) do
      if f.fields then shapes[f.name] = f.fields index(f.fields) end
    end
  end
  index(fields)
  return function(parent, name, value)
    if value ~= nil then
      report(("%s: a %s is not a record; the default is in its place"):format(name, type(value)))
    end
    local t = fresh(shapes[name])
    parent[name] = t
    return t
  end
end

-- Stands in a new mirror for "never seen": differs from every value, nil too.
local UNSEEN = {}

--- The mirror of a row that C has just made.
function scan.mirror(record, slot)
  local s = { slot }
  for i = 2, record.n + 1 do s[i] = UNSEEN end
  return s
end

-- The table a mirror stands for, for a row that a script has overwritten with
-- something else.
local function rebuild(fields, s)
  local n = 1
  local function walk(list)
    local t = {}
    for _, f in ipairs(list) do
      if f.fields then
        t[f.name] = walk(f.fields)
      else
        n = n + 1
        t[f.name] = s[n]
      end
    end
    return t
  end
  return walk(fields)
end

local function compile(source, name, ...)
  return assert(loadstring(source, "=" .. name))(...)
end

--- Generate the functions of one record: `row(e, s, out, p)` for one row and
-- `map(coll, rows, out, p, bad)` for all rows of a map that have a mirror; map
-- returns p, the number of such rows, and a list of keys without mirror or nil.
-- Both return the new end of `out`.
function scan.record(fields, report)
  local D = defaults(fields, {})
  local words = math.max(1, math.ceil(#D / 32))
  local code, lost = body(fields, words), make_lost(fields, report)
  local head = "local D,lost,type,next=...\n"
  return {
    words = words,
    fields = fields,
    n = #D,
    row = compile(head .. "return function(e,s,out,p)\n" .. code .. "\nreturn p end", "scan", D, lost,
      type, next),
    map = compile(head .. "return function(coll,rows,out,p,bad)\nlocal n,new=0,nil\n" ..
      "for key,e in next,coll do local s=rows[key]\n" ..
      "if not s then new=new or {} new[#new+1]=key else n=n+1\n" ..
      "if type(e)~='table' then e=bad(key,e,s) end\n" .. code ..
      "\nend end return p,n,new end", "scan", D, lost, type, next),
    fresh = function() return fresh(fields) end,
    rebuild = function(s) return rebuild(fields, s) end,
  }
end

-- Keys in the order in which ids are given out: numbers before strings, each
-- ascending, so that the same changes give the same bytes.
function scan.before(a, b)
  local ta, tb = type(a), type(b)
  if ta == tb and (ta == "number" or ta == "string") then return a < b end
  if ta ~= tb then return ta == "number" or (ta == "string" and tb ~= "number") end
  return tostring(a) < tostring(b)
end

--- Remember the order of insertion of a map: append a key.
function scan.append(map, key)
  local n = map.n_order + 1
  map.n_order = n
  map.order[n] = key
  map.place[key] = n
end

-- Forget places of keys that are gone, once they outnumber the others.
local function compact(map)
  local order, place, n = map.order, map.place, 0
  local kept = {}
  for i = 1, map.n_order do
    local key = order[i]
    if place[key] == i then
      if map.coll[key] == nil then
        place[key] = nil
      else
        n = n + 1
        kept[n] = key
        place[key] = n
      end
    end
  end
  map.order, map.n_order = kept, n
end

--- Scan one map of a room into `out` behind `p`; returns the new end. `map` is
-- { coll, rows, count, order, place, n_order, record, name, facet }, `add(facet,
-- key)` returns a slot or nil and why not, `remove(facet, slot)` frees it.
function scan.map(map, out, p, add, remove, report)
  local record, coll, rows = map.record, map.coll, map.rows
  local function bad(key, e, s)
    report(("%s[%s]: a %s is not a record; the last good one is back"):format(map.name,
      tostring(key), type(e)))
    e = record.rebuild(s)
    coll[key] = e
    return e
  end
  local start = p
  out[p + 1] = -1 - map.facet
  local q, n, new = record.map(coll, rows, out, p + 1, bad)
  if n ~= map.count then
    for key, s in next, rows do
      if coll[key] == nil then
        remove(map.facet, s[1])
        rows[key] = nil
      end
    end
    map.count = n
  end
  if new then
    sort(new, scan.before)
    for i = 1, #new do
      local key = new[i]
      local e, slot, why = coll[key], nil, "not a record"
      if type(e) == "table" then slot, why = add(map.facet, key) end
      if slot then
        local s = scan.mirror(record, slot)
        rows[key] = s
        map.count = map.count + 1
        if not map.place[key] then scan.append(map, key) end
        q = record.row(e, s, out, q)
      else
        report(("%s[%s]: %s; it was removed"):format(map.name, tostring(key), why))
        coll[key] = nil
      end
    end
  end
  if map.n_order > 2 * map.count + 32 then compact(map) end
  return q == start + 1 and start or q
end

return scan
