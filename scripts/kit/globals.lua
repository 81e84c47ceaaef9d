-- SPDX-License-Identifier: MIT
-- globals: which globals a compiled chunk reads and writes, read from its bytecode, so
-- that scopes are exactly Lua's. Numbers of instructions differ between versions of
-- LuaJIT; they are learned from three samples.

local util = require "jit.util"

-- The number of the instruction in `source` that refers to the text `name`, as operand D
-- (`shift` 16) or C.
local function learn(source, name, shift)
  local f = assert(loadstring(source))
  for pc = 1, 100 do
    local ins = util.funcbc(f, pc)
    if not ins then break end
    local operand = shift == 16 and bit.rshift(ins, 16) or bit.band(bit.rshift(ins, 16), 255)
    if util.funck(f, -operand - 1) == name then return bit.band(ins, 255) end
  end
end

local GGET, GSET = learn("return zork", "zork", 16), learn("zork = 1", "zork", 16)
local TGETS = learn("return zork.blah", "blah", 8)

--- Calls found(what, name, line, member) for each use: what is "get" or "set"; `member` is
-- the field that is read of it at once, as in math.abs, or nil. Returns false where this
-- LuaJIT's bytecode is not understood.
local function each(f, found)
  if not (GGET and GSET and TGETS) then return false end
  for pc = 1, math.huge do
    local ins = util.funcbc(f, pc)
    if not ins then break end
    local op, a = bit.band(ins, 255), bit.band(bit.rshift(ins, 8), 255)
    if op == GGET or op == GSET then
      local name, member = util.funck(f, -bit.rshift(ins, 16) - 1), nil
      local follow = op == GGET and util.funcbc(f, pc + 1)
      if follow and bit.band(follow, 255) == TGETS and bit.rshift(follow, 24) == a then
        member = util.funck(f, -bit.band(bit.rshift(follow, 16), 255) - 1)
      end
      found(op == GGET and "get" or "set", name, util.funcinfo(f, pc).currentline, member)
    end
  end
  for i = -1, -math.huge, -1 do
    local k = util.funck(f, i)
    if not k then break end
    if type(k) == "proto" then each(k, found) end
  end
  return true
end

return each
