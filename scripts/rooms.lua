-- SPDX-License-Identifier: MIT
-- rooms: a game's rooms seen from outside: the list of them, and what is left for one.
--
-- A function of `host` (the functions written in C); the functions for games check their
-- arguments and raise at the script's own line.

local type, error = type, error

return function(host)
  local M = {}

  --- parlor.signal: true, or nil and why it could not be left there.
  function M.signal(room, name, data)
    if type(room) ~= "string" then error("parlor.signal takes the id of a room", 2) end
    if type(name) ~= "string" then error("parlor.signal takes a name", 2) end
    local why = host.signal(room, name, data)
    if why then return nil, why end
    return true
  end

  --- parlor.rooms: a list of maps; nil where there is no such game.
  function M.list(game)
    if game ~= nil and type(game) ~= "string" then error("parlor.rooms takes the name of a game", 2) end
    local list = host.rooms(game)
    return list
  end

  return M
end
