-- SPDX-License-Identifier: MIT
-- test: `parlor test`. Runs the test.lua of games, each test on a server and a clock of
-- its own, and reports in TAP.

local rig, tool = require "kit.rig", require "kit.tool"
local line = require "kit.line"
local Sim = require "kit.stage"

local n_passed, n_failed, n_unloaded = 0, 0, 0

-- The words of test.lua. A file sees all of Lua beside them: it is run by its author.

local function expect(ok, what)
  if not ok then error(what or "not so", 2) end
  return ok
end

local function expect_eq(a, b, what)
  local x, y = line.show(a), line.show(b)
  if x ~= y then error(("%s%s is not %s"):format(what and what .. ": " or "", x, y), 2) end
end

-- `require` finds the game's own files first, as in the game: what they do with plain values
-- can be tested by itself. What they hold is the test's, not that of any room.
local function requirer(folder, env)
  local loaded = {}
  return function(name)
    if type(name) ~= "string" or not name:find("^[%w_.]+$") then return require(name) end
    local file = ("%s/%s.lua"):format(folder, (name:gsub("%.", "/")))
    if loaded[file] == nil then
      local f = io.open(file, "rb")
      if not f then return require(name) end
      local text = f:read("*a")
      f:close()
      local value = assert(load(text, "@" .. file, "t", env))(name)
      loaded[file] = value == nil or value
    end
    return loaded[file]
  end
end

local function words(tests, folder)
  local env = setmetatable({
    expect = expect, expect_eq = expect_eq, show = line.show,
    test = function(sentence, body)
      if type(sentence) ~= "string" or type(body) ~= "function" then
        error("test takes a sentence and a function", 2)
      end
      tests[#tests + 1] = { sentence = sentence, body = body }
    end,
  }, { __index = _G })
  env.require = requirer(folder, env)
  return env
end

local function comment(text)
  for part in (text .. "\n"):gmatch("(.-)\n") do print("# " .. part) end
end

local function result(ok, game, sentence, why)
  if ok then n_passed = n_passed + 1 else n_failed = n_failed + 1 end
  print(("%sok %d - %s: %s"):format(ok and "" or "not ", n_passed + n_failed, game, sentence))
  if not ok then comment(why) end
  io.stdout:flush()
end

-- The message, and of the calls that led there those in the test's own file.
local function traced(file)
  return function(message)
    if type(message) ~= "string" then message = "raised " .. line.show(message) end
    local out = { message }
    for level = 2, 40 do
      local info = debug.getinfo(level, "Sl")
      if not info then break end
      if info.source == "@" .. file and info.currentline > 0 then
        local place = ("%s:%d"):format(file, info.currentline)
        if not message:find(place, 1, true) then out[#out + 1] = "  called at " .. place end
      end
    end
    return table.concat(out, "\n")
  end
end

-- One test, from a fresh server on. Returns whether it passed, and why not.
local function run(game, file, one, seed)
  line.start(seed)
  tool.begin(("%s: %s"):format(game.name, one.sentence), seed)
  local sim, why = Sim.open(game.name, game.folder)
  if not sim then
    tool.finish()
    return false, why
  end
  local ok, failure = xpcall(function() one.body(sim) end, traced(file))
  local errors = rig.errors()
  tool.finish()
  if errors ~= "" then
    failure = (ok and "" or failure .. "\n") ..
      "the script did something wrong (sim:errors() was not asked):\n" .. errors:gsub("\n$", "")
    ok = false
  end
  return ok, failure
end

-- Does the game load at all? Said once, not in each of its tests.
local function loads(game)
  tool.begin(game.name, 1)
  local sim, why = Sim.open(game.name, game.folder)
  tool.finish()
  if not sim then
    n_unloaded = n_unloaded + 1
    result(false, game.name, "the game loads", why)
  end
  return sim ~= nil
end

local function run_game(game, word)
  local file, tests = game.folder .. "/test.lua", {}
  local f = io.open(file, "rb")
  if not f then
    comment(("%s has no test.lua"):format(game.name))
    return false
  end
  local text = f:read("*a")
  f:close()
  if not loads(game) then return true end
  local chunk, why = load(text, "@" .. file, "t", words(tests, game.folder))
  local ok = chunk ~= nil
  if chunk then ok, why = xpcall(chunk, traced(file)) end
  if not ok then
    result(false, game.name, "test.lua loads", why)
    return true
  end
  for i, one in ipairs(tests) do
    if not word or one.sentence:find(word, 1, true) then
      local passed, failure = run(game, file, one, 7919 * i)
      result(passed, game.name, one.sentence, failure)
    end
  end
  return true
end

--- `games`: a list of {name=, folder=}; `args`: what else was on the command line, at
-- most the word to look for. Returns the exit code.
return function(games, args)
  local began, n_files = tool.seconds(), 0
  for _, game in ipairs(games) do
    if run_game(game, args[1]) then n_files = n_files + 1 end
  end
  print(("1..%d"):format(n_passed + n_failed))
  comment(("%d passed, %d failed in %.2f s"):format(n_passed, n_failed, tool.seconds() - began))
  if n_unloaded > 0 then return 65 end
  if n_files == 0 or (args[1] and n_passed + n_failed == 0) then
    tool.complain(args[1] and ("no test has %q in its sentence"):format(args[1]) or
      "there is no test.lua to run; a game's tests are in its folder, see scripts/README.md")
    return 1
  end
  return n_failed > 0 and 1 or 0
end
