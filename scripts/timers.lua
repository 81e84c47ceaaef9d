-- SPDX-License-Identifier: MIT
-- timers: what a room runs later. Per room a list in ascending order of (due, id): timers
-- that name methods, and the coroutines of parlor.async, whose steps are timers that go on
-- with a coroutine instead of calling a method.
--
-- A function of `host` (the functions written in C), wait.lua, host.lua's two tables of
-- rooms (by handle, and by the object that games hold) and its report(); the functions for
-- games check their arguments and raise at the script's own line.

local error, ipairs, max, next, remove, select, tonumber, tostring, type, unpack =
  error, ipairs, math.max, next, table.remove, select, tonumber, tostring, type, unpack
local format = string.format

return function(host, wait, data_of, room_data, report)
  local M = {}

  local asked = {} -- ticket -> R, whose R.parked has the timer that waits for its answer

  -- How many there are, with those that wait for answers.
  local function count(R)
    local n = #R.timers
    for _ in next, R.parked do n = n + 1 end
    return n
  end

  local function add_timer(R, timer)
    local list = R.timers
    local i = #list
    while i > 0 and (list[i].due > timer.due or (list[i].due == timer.due and list[i].id > timer.id)) do
      list[i + 1] = list[i]
      i = i - 1
    end
    list[i + 1] = timer
    host.wake(R.handle, list[1].due)
  end

  -- Level 2 is the script's line: after() and every() end with a call of this.
  local function new_timer(room, every, ms, method, ...)
    local R = room_data[room]
    if not R then return nil, "the room is closed" end
    if type(ms) ~= "number" or not (ms >= 0 and ms <= 2^40) then
      error("the delay is a number of ms from 0", 2)
    end
    if type(method) ~= "string" then error("timers take the name of a method", 2) end
    if count(R) >= host.max_timers then error("too many timers in this room", 2) end
    if every then ms = max(ms, 1) end
    R.last_timer = R.last_timer + 1
    add_timer(R, { id = R.last_timer, due = host.room_ms(R.handle) + ms, every = every and ms, method = method,
      n = select("#", ...), ... })
    return R.last_timer
  end

  --- parlor.async: returns the timer's id. Games call it directly, so level 2 is their line.
  function M.async(f, ...)
    if type(f) ~= "function" then error("parlor.async takes a function", 2) end
    local R = data_of[host.current()]
    if not R then error("parlor.async runs in a room: call it in one of its callbacks", 2) end
    if count(R) >= host.max_timers then error("too many timers in this room", 2) end
    R.last_timer = R.last_timer + 1
    add_timer(R, { id = R.last_timer, due = host.room_ms(R.handle), co = wait.new(f), n = select("#", ...), ... })
    return R.last_timer
  end

  --- room:after and room:every: return the timer's id, or nil and why there is none.
  function M.after(room, ms, method, ...) return new_timer(room, false, ms, method, ...) end
  function M.every(room, ms, method, ...) return new_timer(room, true, ms, method, ...) end

  -- Returns whether it was still to come.
  local function drop(R, id)
    for i, timer in ipairs(R.timers) do
      if timer.id == id then
        remove(R.timers, i)
        host.wake(R.handle, R.timers[1] and R.timers[1].due)
        return true
      end
    end
    return false
  end

  --- room:cancel: was it still to come?
  function M.cancel(room, id)
    local R = room_data[room]
    if not R then return false end
    for ticket, timer in next, R.parked do
      if timer.id == id then
        R.parked[ticket] = nil
        return true
      end
    end
    return drop(R, id)
  end

  --- The answer of a ticket has come: who waits for it goes on in the room's next timers.
  -- Returns the room's handle, or nil.
  function M.answer(ticket, ...)
    local R = asked[ticket]
    asked[ticket] = nil
    local timer = R and R.parked[ticket]
    if not timer then return nil end
    R.parked[ticket] = nil
    timer.n, timer.due = select("#", ...), host.room_ms(R.handle)
    for i = 1, timer.n do timer[i] = (select(i, ...)) end
    add_timer(R, timer)
    return R.handle
  end

  --- The last timer that there is before those that are due begin to run.
  function M.last(R) return R.last_timer end

  --- Run the first timer that is due at `now` ms, if it is no younger than `last`.
  -- C calls until none is due: one that sets itself anew with no delay must wait
  -- for the next tick. `proven`: the methods that a timer has called without an error.
  function M.run(R, now, last, proven)
    local timer = R.timers[1]
    if not timer or timer.due > now or timer.id > last then return false end
    remove(R.timers, 1)
    if timer.co then
      host.wake(R.handle, R.timers[1] and R.timers[1].due)
      local ms, ticket = wait.go_on(timer.co, unpack(timer, 1, timer.n))
      if ms and ticket then
        R.parked[ticket], asked[ticket] = timer, R
      elseif ms then
        timer.n, timer.due = 0, now + ms
        add_timer(R, timer)
      end
      return true
    end
    if timer.every then
      -- After a stall rounds missed by more than one period are dropped, not
      -- caught up; a period shorter than a tick still gets about its rate.
      timer.due = max(timer.due + timer.every, now - timer.every)
      add_timer(R, timer)
    else
      host.wake(R.handle, R.timers[1] and R.timers[1].due)
    end
    local method = R.room[timer.method]
    if type(method) ~= "function" then
      -- Told once: new code may have left the method out on purpose.
      if timer.every then drop(R, timer.id) end
      report(format("timer: the game has no method %s; the timer is dropped", timer.method))
      return true
    end
    if proven[timer.method] then
      method(R.room, unpack(timer, 1, timer.n))
    else
      host.first_timer() -- an error in the first call takes a new generation back
      method(R.room, unpack(timer, 1, timer.n))
      proven[timer.method] = true
    end
    return true
  end

  --- The timers as they can be kept: a list, and the last id that was given out. Code
  -- that sleeps is left out.
  function M.get(R)
    local list = {}
    for _, timer in ipairs(R.timers) do
      if not timer.co then
        local args = {} -- by texts: an array ends at the first nil
        for i = 1, timer.n do args[tostring(i)] = timer[i] end
        list[#list + 1] = { id = timer.id, due = timer.due, every = timer.every or nil,
          method = timer.method, n = timer.n, args = args }
      end
    end
    return list, R.last_timer
  end

  --- Set what get() gave, in a room that has none: { list, last id }.
  function M.put(R, kept)
    for _, timer in ipairs(kept[1]) do
      for i, arg in next, timer.args do timer[tonumber(i)] = arg end
      timer.args = nil
      add_timer(R, timer)
    end
    R.last_timer = kept[2]
  end

  --- Old code that sleeps does not come back.
  function M.end_waits(R)
    local list = {}
    for _, timer in ipairs(R.timers) do
      if not timer.co then list[#list + 1] = timer end
    end
    R.timers, R.parked = list, {}
    host.wake(R.handle, list[1] and list[1].due)
  end

  return M
end
