-- SPDX-License-Identifier: MIT
-- tokens: Lua source as a list of words, for tools that look for names. It takes apart
-- what compiles; of what does not it makes the best.

--- The tokens of `text`: { kind = "name" | "string" | "number" | "symbol", text =, line = }.
-- The text of a string is what stands between its quotes.
return function(text)
  local list, at, line = {}, 1, 1
  local function add(kind, word, n)
    list[#list + 1] = { kind = kind, text = word, line = n or line }
  end
  local function skip(to)
    for _ in text:sub(at, to):gmatch "\n" do line = line + 1 end
    at = to + 1
  end
  -- The end of a long bracket that opens at `from`, and where its content begins.
  local function long(from)
    local level = text:match("^%[(=*)%[", from)
    if not level then return nil end
    local _, last = text:find("]" .. level .. "]", from + #level + 2, true)
    return last or #text, from + #level + 2, last and last - #level - 2 or #text
  end
  if text:find "^#" then skip((text:find("\n", 1, true) or #text + 1) - 1) end
  while at <= #text do
    local c = text:sub(at, at)
    if c:find "%s" then
      local _, to = text:find("^%s+", at)
      skip(to)
    elseif text:find("^%-%-", at) then
      skip(long(at + 2) or (text:find("\n", at, true) or #text + 1) - 1)
    elseif c:find "[%a_]" then
      local _, to = text:find("^[%w_]+", at)
      add("name", text:sub(at, to))
      at = to + 1
    elseif text:find("^%.?%d", at) then
      local _, to = text:find("^[%w_.]+", at)
      add("number", text:sub(at, to))
      at = to + 1
    elseif c == '"' or c == "'" then
      local to = at + 1
      while to <= #text and text:sub(to, to) ~= c do
        to = to + (text:sub(to, to) == "\\" and 2 or 1)
      end
      add("string", text:sub(at + 1, to - 1))
      skip(to)
    elseif long(at) then
      local to, first, last = long(at)
      add("string", text:sub(first, last))
      skip(to)
    else
      add("symbol", c)
      at = at + 1
    end
  end
  return list
end
