-- SPDX-License-Identifier: MIT
-- door: who comes in. The game's auth, as a coroutine that may wait, and bans.
--
-- A function of `host` (the functions written in C) and wait.lua; the functions for games
-- check their arguments and raise at the script's own line.

local type, error, rawget, floor, select, unpack = type, error, rawget, math.floor, select, unpack

return function(host, wait)
  local M = {}

  local tickets, answers = {}, {} -- ticket -> { id, coroutine }; id -> what has come for it
  local asking = host.asking -- id -> coroutine; C takes those out that nobody waits for

  --- Ask the auth of generation `gen` about a request, or go on with the one of this id.
  -- Returns "wait" and ms, "in" and the user, or "out" and a reason.
  function M.auth(gen, id, request)
    local co = asking[id]
    if request then
      local auth, game = gen.auth, gen.game
      co = wait.new(function() return auth(game, request) end)
      answers[id] = nil
    end
    asking[id] = nil
    local answer = answers[id]
    answers[id] = nil
    local ms, verdict, reason
    if answer then ms, verdict, reason = wait.go_on(co, unpack(answer, 1, answer.n))
    else ms, verdict, reason = wait.go_on(co) end
    if ms then
      asking[id] = co
      if verdict then tickets[verdict] = { id, co } end
      return "wait", ms
    end
    if type(verdict) == "table" then return "in", rawget(verdict, "user") end
    if not verdict and (reason == nil or type(reason) == "string") then return "out", reason end
    error("auth must return {user = …}, or nil and a reason", 0)
  end

  --- The answer of a ticket has come. Returns the id of the auth that goes on, or nil.
  function M.answer(ticket, ...)
    local who = tickets[ticket]
    tickets[ticket] = nil
    if not who or asking[who[1]] ~= who[2] then return nil end -- it has ended, or was asked again
    local id = who[1]
    answers[id] = { n = select("#", ...), ... }
    return id
  end

  -- What both kinds of ban take; level 3 is the script's line.
  local function read_ban(options)
    if options == nil then options = {} end
    if type(options) ~= "table" then error("a table of options is expected", 3) end
    local seconds, reason = rawget(options, "seconds"), rawget(options, "reason")
    if seconds == nil then seconds = 3600 end
    if reason == nil then reason = "banned" end
    if type(seconds) ~= "number" or not (seconds >= 1 and seconds <= 31536000) then
      error("seconds: a number from 1 to 31536000 is expected", 3)
    end
    if type(reason) ~= "string" then error("reason: a string is expected", 3) end
    return options, seconds, reason
  end

  -- Either a user's id or an address.
  local function read_whom(options)
    if type(options) ~= "table" then error("a table of options is expected", 3) end
    local user, address = rawget(options, "user"), rawget(options, "address")
    if (user == nil) == (address == nil) then error("either user or address is expected", 3) end
    if user ~= nil and type(user) ~= "string" and type(user) ~= "number" then
      error("user: an id is expected, a string or a number", 3)
    end
    if address ~= nil and type(address) ~= "string" then error("address: a string is expected", 3) end
    return user, address
  end

  local function answer(why)
    if why then return nil, why end
    return true
  end

  --- parlor.ban: returns true, or nil and why not.
  function M.ban(options)
    local user, address = read_whom(options)
    local _, seconds, reason = read_ban(options)
    local why = host.ban(nil, nil, nil, user, address, seconds, reason)
    return answer(why)
  end

  --- parlor.unban: was there such a ban?
  function M.unban(options)
    local user, address = read_whom(options)
    local was_there = host.unban(user, address)
    return was_there
  end

  --- player:ban, by the player's handle (nil: it has left). Called in tail position, so
  -- that the levels are those of M.ban.
  function M.ban_player(handle, options)
    local given, seconds, reason = read_ban(options)
    local by = rawget(given, "by")
    if by ~= nil and by ~= "user" and by ~= "address" then
      error('by: "user" or "address" is expected', 2)
    end
    if not handle then return nil, "the player has left" end
    local room = floor(handle / 2^32)
    local why = host.ban(room, handle - room * 2^32, by, nil, nil, seconds, reason)
    return answer(why)
  end

  return M
end
