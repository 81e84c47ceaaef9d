-- SPDX-License-Identifier: MIT
-- ops: edits of a text, and how one edit changes when another one came first.
--
-- An operation is a list of splices {keep, cut, put}: so many units stay, so many go,
-- and this text stands in their place; what is behind the last one stays. Units are
-- those of UTF-16, as in a browser. web/ops.js is the same for the page: both must
-- come to the same result, always.
local ops = {}

--- How many units a text has: one a character, two for those beyond U+FFFF.
function ops.units(text)
  local n = #text
  if not text:find("[\128-\255]") then return n end
  for i = 1, #text do
    local byte = text:byte(i)
    if byte >= 0x80 and byte < 0xC0 then n = n - 1 elseif byte >= 0xF0 then n = n + 1 end
  end
  return n
end

-- The byte after `units` more units from byte `at`; nil where the text ends before, or
-- where that is in the middle of a character.
local function skip(text, at, units)
  while units > 0 do
    local byte = text:byte(at)
    if not byte then return nil end
    at = at + (byte < 0x80 and 1 or byte < 0xE0 and 2 or byte < 0xF0 and 3 or 4)
    units = units - (byte < 0xF0 and 1 or 2)
  end
  return units == 0 and at or nil
end

--- The text after an operation; nil if the operation does not fit it.
function ops.apply(text, op)
  local out, at = {}, 1
  for _, splice in ipairs(op) do
    local cut = skip(text, at, splice.keep)
    local rest = cut and skip(text, cut, splice.cut)
    if not rest then return nil end
    out[#out + 1] = text:sub(at, cut - 1)
    out[#out + 1] = splice.put
    at = rest
  end
  out[#out + 1] = text:sub(at)
  return table.concat(out)
end

-- Reads an operation piece by piece: "put", "cut" and "keep" in this order for what
-- happens at one place; then "end", where everything else stays.
local function reader(op)
  local i, part, left = 0, "cut", 0
  local r = {}
  function r.next()
    repeat
      if part == "keep" then
        part, left = "put", #op[i].put
      elseif part == "put" then
        part, left = "cut", op[i].cut
      else
        i = i + 1
        if not op[i] then r.kind, r.n = "end", math.huge return end
        part, left = "keep", op[i].keep
      end
    until left > 0
    r.kind, r.n, r.text = part, left, part == "put" and op[i].put or nil
  end
  function r.take(n)
    r.n = r.n - n
    if r.n == 0 then r.next() end
  end
  r.next()
  return r
end

-- Writes one, with as few splices as it needs.
local function writer()
  local op, keep, cut, put = {}, 0, 0, ""
  local w = {}
  function w.flush()
    if cut > 0 or put ~= "" then op[#op + 1] = {keep = keep, cut = cut, put = put} keep = 0 end
    cut, put = 0, ""
    return op
  end
  function w.keep(n)
    w.flush()
    keep = keep + n
  end
  function w.cut(n) cut = cut + n end
  function w.put(text) put = put .. text end
  return w
end

--- What `a` is after `b`, where both were made for the same text. Text that both put at
--- the same place: that of `a` comes first if `is_first`.
function ops.transform(a, b, is_first)
  local x, y, out = reader(a), reader(b), writer()
  while x.kind ~= "end" do
    if x.kind == "put" and (is_first or y.kind ~= "put") then
      out.put(x.text)
      x.next()
    elseif y.kind == "put" then
      out.keep(ops.units(y.text))
      y.next()
    else
      local n = math.min(x.n, y.n)
      if y.kind ~= "cut" then out[x.kind](n) end -- what `b` has cut is gone already
      x.take(n)
      y.take(n)
    end
  end
  return out.flush()
end

--- Where a place in the text is after an operation. What is put right there pushes it on.
function ops.move(at, op)
  local from, to = 0, 0 -- the same place before and after
  for _, splice in ipairs(op) do
    if from + splice.keep > at then break end
    from, to = from + splice.keep, to + splice.keep + ops.units(splice.put)
    if from + splice.cut > at then return to end
    from = from + splice.cut
  end
  return to + at - from
end

return ops
