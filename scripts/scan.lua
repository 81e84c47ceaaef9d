-- SPDX-License-Identifier: MIT
-- scan: finds what a script has changed in plain tables.
--
-- For each record of a schema a Lua function is generated that compares the
-- table with a mirror of its last values, field by field, and writes what
-- differs into one flat array of numbers that C reads (src/script/scan.c):
--
--   -1 - facet             what follows belongs to this facet
--   slot, mask…, value…    one row: a mask word per 32 fields, then the values
--
-- A value that is no number stands in a list beside it, and NaN in its place. The
-- array is an ffi one, so that C reads it as it is; where the JIT is off, a table,
-- which is faster then. Compiled it costs some 15 ns a row.
--
-- A mirror of a row is { slot, value, value, … } in the order of the fields. Of a
-- value that is a table (list, map, opt, any) it holds a copy, all the way down.

-- Everything from the libraries is taken at load: games can change the functions
-- that "x":format() would find, and what they wrote would become part of the
-- source below.
local next, type, sort, concat, rawget = next, type, table.sort, table.concat, rawget
local format = string.format
local ffi, jit_status = require "ffi", jit.status

local scan = {}

-- Stand in a mirror for "never seen", which differs from every value, nil too, for
-- NaN, which differs from itself and would be told of in every scan, and for a cdata,
-- which may be wrong (3LL) and yet equal to what comes to be right (3).
local UNSEEN, NAN, CDATA = {}, {}, {}

-- The array, and the place up to which it may be filled before the next row: what one
-- row takes (at most 256 values, 8 words) has room behind that.
local MARGIN = 300
local doubles = ffi.typeof("double[?]")
local fast, fast_size = nil, 0 -- the array is at least that large
local slow, is_fast = {}, false

-- Values that are no numbers, in the order of their places.
local others, n_others = {}, 0

local function hold(v)
  n_others = n_others + 1
  others[n_others] = v
  return 0/0
end

--- The array with room for a row behind place `p`, and the place at which to ask again.
-- What has been written stays. An array of ffi knows no bounds: ask.
local function room(p)
  if not is_fast then return slow, math.huge end
  if p > fast_size - MARGIN then
    local size = math.max(4096, 2 * fast_size)
    local new = doubles(size)
    if fast then ffi.copy(new, fast, fast_size * 8) end
    fast = new -- first: a stop may come between the two
    fast_size = size
  end
  return fast, fast_size - MARGIN
end

--- Begin a scan. Returns the list of what will be no number.
function scan.begin()
  for i = 1, n_others do others[i] = false end
  n_others, is_fast = 0, jit_status()
  return others
end

--- The array as it is at last, for C.
function scan.array() return (room(0)) end

-- What a mirror keeps of a value that is no table.
local function kept(v)
  if v ~= v then return NAN end
  if type(v) == "cdata" then return CDATA end
  return v
end

-- A value that is no table and not the same as what was kept: is it another one?
local function is_other(v, c)
  if v ~= v then return c ~= NAN end
  return c ~= CDATA or type(v) ~= "cdata"
end

-- In the copy of a table: how many entries it has, and how many if their keys are 1..n.
local COUNT, ARRAY = {}, {}

-- Tables further in than any value can be, or behind so many others that C refuses the
-- value as too large, are held as they are: what happens inside changes nothing.
local MAX_DEPTH, MAX_TABLES = 34, 2^20

local n_tables

local function copy_table(t, depth)
  n_tables = n_tables + 1
  if depth > MAX_DEPTH or n_tables > MAX_TABLES then return t end
  local c, n = {}, 0
  for k, v in next, t do
    if type(v) == "table" then c[k] = copy_table(v, depth + 1) else c[k] = kept(v) end
    n = n + 1
  end
  local i = 0
  while c[i + 1] ~= nil do i = i + 1 end
  c[COUNT], c[ARRAY] = n, i == n and n or nil
  return c
end

-- What a mirror keeps of a value.
local function copy(v)
  if type(v) == "table" then
    n_tables = 0
    return copy_table(v, 1)
  end
  return kept(v)
end

-- Does table t differ from what copy_table() made of it?
local function differs(t, c)
  local array = c[ARRAY]
  if array then
    for i = 1, array do
      local x, y = rawget(t, i), c[i]
      if x ~= y then
        if type(x) == "table" then
          if type(y) ~= "table" or differs(x, y) then return true end
        elseif is_other(x, y) then
          return true
        end
      end
    end
    -- Nothing behind them; what is not in the order of its keys goes the long way.
    if rawget(t, 0) == nil and next(t, array > 0 and array or nil) == nil then return false end
  end
  local n = 0
  for k, x in next, t do
    local y = c[k]
    if x ~= y then
      if type(x) == "table" then
        if type(y) ~= "table" or differs(x, y) then return true end
      elseif is_other(x, y) then
        return true
      end
    end
    n = n + 1
  end
  return n ~= c[COUNT]
end

-- The value is not the one in the mirror; is it other than it?
local function changed(v, c)
  if type(v) == "table" then return type(c) ~= "table" or differs(v, c) end
  return is_other(v, c)
end

-- Lua source that compares record `e` (with key `key`) with mirror `s` and, where
-- something differs, appends to `out` behind place `p`. Defaults come in the
-- table `D` by place; names are quoted, since a field may be called `end`. Also
-- returns the nested records, by the number that `lost` gets.
local function body(fields, words)
  local src, nested, n = {}, {}, 0
  local function put(...) src[#src + 1] = format(...) end
  local function walk(list, var, depth, path)
    for _, f in ipairs(list) do
      if f.fields then
        local inner = "r" .. (depth + 1)
        nested[#nested + 1] = { name = f.name, fields = f.fields, path = path .. f.name }
        put("do local %s=%s[%q] if type(%s)~='table' then %s=lost(%s,%d,%s,key) end", inner, var,
          f.name, inner, inner, var, #nested, inner)
        walk(f.fields, inner, depth + 1, path .. f.name .. ".")
        put("end")
      else
        n = n + 1
        local word = math.floor((n - 1) / 32) + 1
        if f.deep then
          put("v=%s[%q] if v~=s[%d] and changed(v,s[%d]) then %s s[%d]=copy(v) m%d=m%d+%d q=q+1 out[q]=hold(v) end",
            var, f.name, n + 1, n + 1,
            f.empty and format("if v==nil then v={} %s[%q]=v end", var, f.name) or "", n + 1, word, word,
            2 ^ ((n - 1) % 32))
        else -- is_other() and kept() written out for what is usual: calls are dear without JIT
          local i, mark = n + 1, format("m%d=m%d+%d q=q+1", word, word, 2 ^ ((n - 1) % 32))
          put("v,c=%s[%q],s[%d] if v~=c then", var, f.name, i)
          if type(f.value) == "number" then
            put("if type(v)=='number' and v==v then %s s[%d]=v out[q]=v else", mark, i)
          end
          put("if v==v and c~=CDATA or is_other(v,c) then %s " ..
            "if v==nil then v=D[%d] %s[%q]=v end s[%d]=v " ..
            "if v~=v or type(v)=='cdata' then s[%d]=kept(v) end out[q]=hold(v) end",
            mark, n, var, f.name, i, i)
          put(type(f.value) == "number" and "end end" or "end")
        end
      end
    end
  end
  put("local v,c local q=p+%d", 1 + words)
  for w = 1, words do put("local m%d=0", w) end
  walk(fields, "e", 0, "")
  put("if q~=p+%d then out[p+1]=s[1]", 1 + words)
  for w = 1, words do put("out[p+%d]=m%d", 1 + w, w) end
  put("p=q end")
  return concat(src, "\n"), nested
end

-- The defaults of the leaves, by place, and how many leaves there are.
local function defaults(fields, into, n)
  for _, f in ipairs(fields) do
    if f.fields then
      n = defaults(f.fields, into, n)
    else
      n = n + 1
      into[n] = f.value
    end
  end
  return n
end

-- A nested record of default values.
local function fresh(fields)
  local t = {}
  for _, f in ipairs(fields) do
    if f.fields then
      t[f.name] = fresh(f.fields)
    elseif f.empty then
      t[f.name] = {}
    else
      t[f.name] = f.value
    end
  end
  return t
end

-- A key for people. Tables are not asked: their __tostring could raise here.
local function key_text(key)
  local t = type(key)
  return (t == "number" or t == "string" or t == "boolean") and tostring(key) or "a " .. t
end

-- Called by generated code where nested record `i` is not a table: puts one with
-- the default values there. `report` hears of it unless it was simply absent.
local function make_lost(nested, map_name, report)
  return function(parent, i, value, key)
    local record = nested[i]
    if value ~= nil then
      report(format("%s%s: a %s is not a record; the default is in its place",
        map_name and format("%s[%s].", map_name, key_text(key)) or "", record.path, type(value)))
    end
    local t = fresh(record.fields)
    parent[record.name] = t
    return t
  end
end

--- The mirror of a row that C has just made.
function scan.mirror(record, slot)
  local s = { slot }
  for i = 2, record.n + 1 do s[i] = UNSEEN end
  return s
end

--- What a mirror has seen counts no more: the next scan compares every field.
function scan.forget(s)
  for i = 2, #s do s[i] = UNSEEN end
end

local function compile(source, ...)
  return setfenv(assert(loadstring(source, "=scan")), {})(...)
end

--- Generate the functions of one record: `row(e, s, p, key)` for one row and
-- `map(coll, rows, p, bad)` for all rows of a map that have a mirror; map returns p,
-- the number of such rows, and a list of keys without mirror or nil. Both fill the
-- array behind place p and return the new end. `name` is the map's, nil for the root.
function scan.record(fields, name, report)
  local D = {}
  local n = defaults(fields, D, 0)
  local words = math.max(1, math.ceil(n / 32))
  local code, nested = body(fields, words)
  local lost = make_lost(nested, name, report)
  local head = "local D,lost,CDATA,type,next,is_other,kept,changed,copy,hold,room=...\n"
  local locals = "local type,CDATA=type,CDATA\n" -- upvalues are dear without JIT
  return {
    n = n,
    row = compile(head .. "return function(e,s,p,key)\nlocal out=room(p)\n" .. locals .. code ..
      "\nreturn p end", D, lost, CDATA, type, next, is_other, kept, changed, copy, hold, room),
    map = compile(head .. "return function(coll,rows,p,bad)\nlocal n,new=0,nil\n" ..
      "local out,last=room(p)\n" .. locals ..
      "for key,e in next,coll do local s=rows[key]\n" ..
      "if not s then new=new or {} new[#new+1]=key else n=n+1\n" ..
      "if p>last then out,last=room(p) end\n" ..
      "if type(e)~='table' then e=bad(key,e,s) end\n" .. code ..
      "\nend end return p,n,new end", D, lost, CDATA, type, next, is_other, kept, changed,
      copy, hold, room),
    fresh = function() return fresh(fields) end,
  }
end

-- Keys in the order in which ids are given out: numbers before strings, each
-- ascending, so that the same changes give the same bytes.
function scan.before(a, b)
  local ta, tb = type(a), type(b)
  if ta == tb and (ta == "number" or ta == "string") then return a < b end
  if ta ~= tb then return ta == "number" or (ta == "string" and tb ~= "number") end
  return false -- no map takes such keys; the order of their errors does not matter
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

--- The head of a facet's rows, behind place p; returns the new end.
function scan.head(p, facet)
  room(p)[p + 1] = -1 - facet
  return p + 1
end

--- Scan one map of a room into the array behind `p`; returns the new end. `map` is
-- { coll, rows, count, order, place, n_order, record, name, facet }, `add(facet,
-- key)` returns a slot or nil and why not, `remove(facet, slot)` frees it, and
-- `get(facet, slot)` returns the row as the image has it.
function scan.map(map, p, add, remove, get, report)
  local record, coll, rows = map.record, map.coll, map.rows
  local function bad(key, e, s)
    report(format("%s[%s]: a %s is not a record; the last good one is back", map.name, key_text(key),
      type(e)))
    e = get(map.facet, s[1])
    coll[key] = e
    return e
  end
  local start = p
  local q, n, new = record.map(coll, rows, scan.head(p, map.facet), bad)
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
        q = record.row(e, s, q, key)
      else
        report(format("%s[%s]: %s; it was removed", map.name, key_text(key), why))
        coll[key] = nil
      end
    end
  end
  if map.n_order > 2 * map.count + 32 then compact(map) end
  return q == start + 1 and start or q
end

return scan
