-- SPDX-License-Identifier: MIT
-- words: the words of a shared.lua, one after the other, for translate.lua. Those that are
-- outside of the subset are an error with their line.

local find, format, gmatch, match, sub = string.find, string.format, string.gmatch, string.match, string.sub

local function set(words)
  local s = {}
  for word in gmatch(words, "%S+") do s[word] = true end
  return s
end

local keywords = set [[and break do else elseif end false for function goto if in local nil not or repeat
  return then true until while]]
--- Adds to the class P: advance() to the next word (kind, word, line), and what asks for it.
return function(P)
  local two = set "== ~= <= >= .. ::"

  function P:advance()
    local text, at = self.text, self.at
    while true do
      local _, last = find(text, "^%s+", at)
      if last then
        for _ in gmatch(sub(text, at, last), "\n") do self.line_at = self.line_at + 1 end
        at = last + 1
      elseif find(text, "^%-%-%[=*%[", at) then
        local close = "]" .. match(text, "^%-%-%[(=*)%[", at) .. "]"
        local _, stop = find(text, close, at, true)
        for _ in gmatch(sub(text, at, stop), "\n") do self.line_at = self.line_at + 1 end
        at = stop + 1
      elseif find(text, "^%-%-", at) then
        at = find(text, "\n", at, true) or #text + 1
      else
        break
      end
    end
    self.last_line, self.line = self.line, self.line_at
    if at > #text then self.kind, self.word, self.at = "end", "the end", at return end
    local c = sub(text, at, at)
    local word
    if find(c, "[%a_]") then
      word = match(text, "^[%w_]+", at)
      self.kind = keywords[word] and "keyword" or "name"
    elseif find(text, "^%.?%d", at) then
      word = match(text, "^0[xX]%x+", at) or match(text, "^[%d.]+[eE][+-]?%d+", at) or match(text, "^[%d.]+", at)
      if find(text, "^[%w_.]", at + #word) then self:outside("this form of number") end
      self.kind = "number"
    elseif c == '"' or c == "'" then
      word = match(text, "^" .. c .. "([%w _.,:;!?/+*-]*)" .. c, at)
      if not word then self:outside("a text with more than plain letters") end
      self.kind, self.word, self.at = "string", word, at + #word + 2
      return
    elseif find(text, "^%.%.%.", at) then
      self:outside "..."
    else
      word = two[sub(text, at, at + 1)] and sub(text, at, at + 1) or c
      self.kind = "symbol"
    end
    self.word, self.at = word, at + #word
  end

  function P:is(word) return self.word == word and self.kind ~= "string" end
  function P:try(word)
    if not self:is(word) then return false end
    self:advance()
    return true
  end
  function P:need(word)
    if not self:try(word) then self:fail(format("%s is missing before %s", word, self.word)) end
  end
  function P:name()
    if self.kind ~= "name" then self:fail("a name is missing before " .. self.word) end
    local name = self.word
    self:advance()
    return name
  end
end
