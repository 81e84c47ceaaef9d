-- SPDX-License-Identifier: MIT
-- new: `parlor new NAME`. Copies scripts/template/ with the name filled in; a folder that
-- is there is never touched.

local tool = require "kit.tool"

local files = { "game.lua", "test.lua", "web/index.html" }

local function fail(code, ...)
  tool.complain(("new: " .. ...):format(select(2, ...)))
  return code
end

local function copy(from, to, name)
  local input = assert(io.open(from, "rb"))
  local text = input:read("*a"):gsub("NAME", name)
  input:close()
  local output, why = io.open(to, "wb")
  if not output then return nil, why end
  local ok = output:write(text)
  return output:close() and ok
end

--- `args`: the name. Returns the exit code.
return function(_, args, options)
  local name, games = args[1], options.games
  local folder = games .. "/" .. name
  if not tool.is_name(name) then
    return fail(64, "%s cannot be a game's name: a-z, 0-9 and -, a letter first, up to 32, " ..
      "and not healthz, readyz or metrics", name)
  end
  if tool.exists(folder) then
    return fail(64, "%s is there already; choose another name, or remove it first", folder)
  end
  if not tool.exists(games) then
    local ok, why = tool.mkdir(games)
    if not ok then return fail(78, "the folder %s cannot be made: %s", games, why) end
  end
  for _, part in ipairs { "", "/web" } do
    local ok, why = tool.mkdir(folder .. part)
    if not ok then return fail(78, "the folder %s cannot be made: %s", folder .. part, why) end
  end
  -- game.lua last: a server that watches takes the folder up when it comes.
  for i = #files, 1, -1 do
    local ok, why = copy(options.scripts .. "/template/" .. files[i], folder .. "/" .. files[i], name)
    if not ok then return fail(78, "%s cannot be written: %s", folder .. "/" .. files[i], why) end
  end
  print(("%s is made: game.lua, test.lua, web/index.html"):format(folder))
  print(("  parlor test %s       does it play?"):format(name))
  print(("  parlor dev           play it at http://localhost:8080/%s/"):format(name))
  return 0
end
