-- SPDX-License-Identifier: MIT
-- wait: code that may wait, in auth and parlor.async. Each is a coroutine of its own,
-- which sleeps by handing WAIT out; whoever runs it goes on with it when the time has
-- come. A game's own coroutines may not: what they hand out goes to the game.
--
-- Thread: its VM's.

-- Taken at load, never looked up later: what games see is their own.
local create, resume, running = coroutine.create, coroutine.resume, coroutine.running
local status, yield, max, type, error = coroutine.status, coroutine.yield, math.max, type, error

local M = {}

local may_wait = setmetatable({}, { __mode = "k" })
local WAIT = {}
local LONG = 2^31 -- ms: an answer comes, or nobody waits for it any more

--- parlor.sleep: at least one ms, so that a chain of sleeps lets others run.
function M.sleep(ms)
  if type(ms) ~= "number" or not (ms >= 0 and ms <= 2^31) then
    error("parlor.sleep takes a number of ms from 0", 2)
  end
  local co = running()
  if not (co and may_wait[co]) then error("only auth and parlor.async may wait", 2) end
  yield(WAIT, max(ms, 1))
end

--- May the code that runs wait?
function M.may()
  local co = running()
  return co ~= nil and may_wait[co] == true
end

--- Wait for the answer of this ticket; returns what M.go_on() is handed with it. Only
-- where M.may().
function M.answer(ticket) return yield(WAIT, LONG, ticket) end

--- A coroutine for `f` that may wait; it has not begun.
function M.new(f)
  local co = create(f)
  may_wait[co] = true
  return co
end

--- Go on with one: returns the ms that it sleeps now, and the ticket of the answer that it
-- waits for, if that is why; or nil and what it returned (two values). Raises what it
-- raised.
function M.go_on(co, ...)
  local ok, a, b, c = resume(co, ...)
  if not ok then error(a, 0) end
  if status(co) == "dead" then return nil, a, b end
  if a ~= WAIT then error("only parlor.sleep may wait here: coroutine.yield leads nowhere", 0) end
  return b, c
end

return M
