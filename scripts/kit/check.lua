-- SPDX-License-Identifier: MIT
-- check: `parlor check`. Reads a game's files without serving it: what does not compile or
-- load, and what loads but is likely a slip.
--
-- Two ways lead to findings. The files are read as tokens and bytecode; and the game is
-- loaded as a server would, which settles whether it is broken (65) or merely odd (1).

local rig, tool = require "kit.rig", require "kit.tool"
local tokens = require "kit.tokens"
local each_global = require "kit.globals"

-- What a game's environment holds, asked of the sandbox itself: a probe raises it.
local function names_in(expression)
  local name = "probe"
  tool.begin("parlor check", 1)
  rig.write(name, "game.lua", ("local t = {} for k in pairs(%s) do t[#t + 1] = k end error('=' .. " ..
    "table.concat(t, ' '), 0)"):format(expression))
  rig.open(name)
  local _, _, message = rig.failure()
  tool.finish()
  local set = {}
  for word in ((message or ""):match "=(.*)" or ""):gmatch "[%w_]+" do set[word] = true end
  return set
end

local function list_of(set)
  local list = {}
  for name in pairs(set) do list[#list + 1] = name end
  table.sort(list)
  return list
end

local known -- what all games see: { globals, members of libraries, names of parlor }
local function learn()
  known = { globals = names_in "_G", members = {}, parlor = names_in "require 'parlor'" }
  for name in pairs(known.globals) do
    if type(_G[name]) == "table" and name ~= "_G" then known.members[name] = names_in(name) end
  end
end

local test_words = { test = true, expect = true, expect_eq = true, show = true }

local instead = {
  ["math.random"] = "room:random(m, n) is the room's own",
  ["math.randomseed"] = "rooms seed their own chance",
  ["os.exit"] = "room:close(reason) ends a room",
}

-- One game's report.

local Report = {}
Report.__index = Report

function Report:add(file, line, what, hint)
  local path = self.folder .. "/" .. file
  self.list[#self.list + 1] = { file = path, line = line,
    text = ("%s:%d: %s%s"):format(path, line, what, hint and (" (%s)"):format(hint) or "") }
end

function Report:did_you_mean(word, list)
  local near = tool.near(word, list)
  return near and near ~= word and ("did you mean %s?"):format(near) or nil
end

-- Files.

local function read(path)
  local f = io.open(path, "rb")
  if not f then return nil end
  local text = f:read "*a"
  f:close()
  return text
end

local function syntax(report, file, message)
  local line, what = message:match ":(%d+): (.*)$"
  report:add(file.path, tonumber(line) or 1, what or message, tool.hint(message))
end

-- Compile all files; returns those that are Lua.
local function read_files(report)
  local list = {}
  local paths = tool.lua_files(report.folder)
  table.sort(paths)
  for _, path in ipairs(paths) do
    local file = { path = path, text = read(report.folder .. "/" .. path) or "",
      is_test = path == "test.lua" }
    local chunk, why = load(file.text, "@" .. path, "t")
    if chunk then
      file.chunk, file.tokens = chunk, tokens(file.text)
      list[#list + 1] = file
    else
      if file.text:byte() == 27 then why = path .. ":1: this is bytecode; games are source" end
      syntax(report, file, why)
      if not file.is_test then report.is_broken = true end
    end
  end
  return list
end

local function check_globals(report, files)
  local assigned = {}
  for _, file in ipairs(files) do
    each_global(file.chunk, function(what, name, line)
      if what == "set" and not assigned[name] then
        assigned[name] = true
        if not known.globals[name] then
          report:add(file.path, line, ("%s becomes a global"):format(name),
            "write local before it, or keep it on the room")
        else
          report:add(file.path, line, ("%s is replaced in every file of the game"):format(name),
            "use another name")
        end
      end
    end)
  end
  for _, file in ipairs(files) do
    local told = {}
    each_global(file.chunk, function(what, name, line, member)
      if what ~= "get" or assigned[name] then return end
      if file.is_test and (test_words[name] or _G[name] ~= nil) then return end
      local whole = member and name .. "." .. member
      if not known.globals[name] then
        if not told[name] then
          told[name] = true
          report:add(file.path, line, ("%s is not defined"):format(name),
            tool.hint(("global '%s'"):format(name)))
        end
      elseif known.members[name] and member and not known.members[name][member] and not file.is_test then
        report:add(file.path, line, ("games have no %s"):format(whole),
          instead[whole] or report:did_you_mean(member, list_of(known.members[name])))
      end
    end)
  end
end

-- Names in the source.

local function is(token, text) return token ~= nil and token.text == text and token.kind ~= "string" end

-- The line of the first `name =` in the game's files, searched from where the word `after`
-- stands; 1 where there is none.
local function line_of(files, name, after)
  for _, file in ipairs(files) do
    local is_on = after == nil
    for i, token in ipairs(file.tokens) do
      is_on = is_on or (is(token, after) and is(file.tokens[i + 1], "="))
      if is_on and token.text == name and (is(file.tokens[i + 1], "=") or is(file.tokens[i + 1], "]")) then
        return file.path, token.line
      end
    end
  end
  return "game.lua", 1
end

-- The names that stand before = at the first level of the table that opens at place `i`;
-- nil where it holds anything that is not written out.
local function keys_at(list, i)
  if not is(list[i], "{") then return nil end
  local depth, keys = 0, {}
  for k = i, #list do
    local token = list[k]
    if is(token, "{") or is(token, "(") then depth = depth + 1
    elseif is(token, "}") or is(token, ")") then
      depth = depth - 1
      if depth == 0 then return keys end
    elseif depth == 1 and token.kind == "name" and is(list[k + 1], "=") and not is(list[k + 2], "=") and
      (is(list[k - 1], "{") or is(list[k - 1], ",") or is(list[k - 1], ";")) then
      keys[#keys + 1] = token
    end
  end
end

local function check_options(report, files)
  local names = tool.options()
  local set = {}
  for _, name in ipairs(names) do set[name] = true end
  for _, file in ipairs(files) do
    local list = file.tokens
    for i = 1, #list - 3 do
      if is(list[i], "parlor") and is(list[i + 1], ".") and is(list[i + 2], "game") then
        local open = is(list[i + 3], "(") and i + 4 or i + 3
        for _, key in ipairs(keys_at(list, open) or {}) do
          if not set[key.text] then
            report.options[key.text] = true
            report:add(file.path, key.line, ("parlor.game has no option %s"):format(key.text),
              report:did_you_mean(key.text, names))
          end
        end
      end
    end
  end
end

-- `messages = { … }` as it is written; nil where it is not written out.
local function declared_messages(files)
  for _, file in ipairs(files) do
    for i, token in ipairs(file.tokens) do
      if is(token, "messages") and is(file.tokens[i + 1], "=") then
        local keys = keys_at(file.tokens, i + 2)
        if not keys then return nil end
        local set = {}
        for _, key in ipairs(keys) do set[key.text] = true end
        return set
      end
    end
  end
  return {}
end

local function check_handlers(report, files)
  local messages = declared_messages(files)
  if not messages then return end
  for _, file in ipairs(files) do
    local list = file.tokens
    for i = 1, #list - 4 do
      local name = list[i + 4]
      if list[i].kind == "name" and is(list[i + 1], ".") and is(list[i + 2], "on") and
        is(list[i + 3], ".") and name.kind == "name" and not file.is_test and
        (is(list[i - 1], "function") or is(list[i + 5], "=")) and not messages[name.text] then
        report.handlers[name.text] = true
        report:add(file.path, name.line, ("on.%s: no such message is declared"):format(name.text),
          report:did_you_mean(name.text, list_of(messages)) or "declare it in messages = { … }")
      end
    end
  end
end

-- How often a word stands in the game's files, as a name or as a whole text.
local function count(files, word)
  local n = 0
  for _, file in ipairs(files) do
    for _, token in ipairs(file.tokens) do
      if token.text == word and token.kind ~= "symbol" then n = n + 1 end
    end
  end
  return n
end

-- x:method(…) of something that only rooms and players have, a letter off.
local function check_methods(report, files, own)
  local names = { self = true, room = true, player = true }
  for _, file in ipairs(files) do
    local list = file.tokens
    for i = 1, #list - 3 do
      local name = list[i + 2]
      if names[list[i].text] and list[i].kind == "name" and is(list[i + 1], ":") and name.kind == "name" and
        (is(list[i + 3], "(") or is(list[i + 3], "{") or list[i + 3].kind == "string") and
        not is(list[i - 1], "function") and not file.is_test and not own[name.text] then
        local near = tool.method(name.text)
        if near and near ~= name.text then
          report:add(file.path, name.line,
            ("%s:%s: there is no such method"):format(list[i].text, name.text), ("did you mean %s?"):format(near))
        end
      elseif is(list[i], "parlor") and is(list[i + 1], ".") and name.kind == "name" and not file.is_test and
        not is(list[i - 1], ".") and not known.parlor[name.text] then
        report:add(file.path, name.line, ("parlor has no %s"):format(name.text),
          report:did_you_mean(name.text, list_of(known.parlor)))
      end
    end
  end
end

local function check_callbacks(report, files, methods)
  local names = tool.callbacks()
  for _, method in ipairs(methods) do
    if not method.is_handler and count(files, method.name) == 1 then
      local near = tool.near(method.name, names)
      if near and near ~= method.name then
        report:add(method.path, method.line, ("%s is never called"):format(method.name),
          ("did you mean %s?"):format(near))
      end
    end
  end
end

local function check_messages(report, files, methods, game)
  local handled = {}
  for _, method in ipairs(methods) do
    if method.is_handler then handled[method.name] = true end
  end
  for _, message in ipairs(rig.json(rig.schema(game)).messages) do
    if not handled[message[1]] then
      local path, line = line_of(files, message[1], "messages")
      report:add(path, line, ("message %s: nobody handles it, so it is dropped"):format(message[1]),
        ("function game.on.%s(room, player, m)"):format(message[1]))
    end
  end
end

-- Loading.

-- The game's file that an error names, relative to the folder; other files stay.
local function own_path(report, file)
  local before = report.name .. "/"
  return file:sub(1, #before) == before and file:sub(#before + 1) or file
end

local function load_error(report, files)
  local file, line, message = rig.failure()
  local option, handler = message:match "has no option ([%w_]+)", message:match "^on%.([%w_]+) has no such"
  report.is_broken = true
  if report.options[option or 0] or report.handlers[handler or 0] then return end -- told with their lines
  local path = own_path(report, file == "" and "game.lua" or file)
  if line == 0 then
    -- Raised in C, which knows no lines: "state.frogs.x: …" names what to look for.
    local word = option or handler or (message:match "^([%w_.]+):" or ""):match "[%w_]+$"
    if word then path, line = line_of(files, word) else line = 1 end
  end
  report:add(path, line, message, tool.hint(message))
end

local function check_loaded(report, files)
  tool.begin(report.name, 1)
  rig.link(report.name, report.folder)
  if not rig.open(report.name) then
    load_error(report, files)
  else
    local methods, own = rig.methods(report.name), {}
    for _, method in ipairs(methods) do
      method.path = own_path(report, method.file)
      own[method.name] = true
    end
    check_methods(report, files, own)
    check_callbacks(report, files, methods)
    check_messages(report, files, methods, report.name)
  end
  tool.finish()
end

local function check(game)
  local report = setmetatable({ name = game.name, folder = game.folder, list = {}, options = {},
    handlers = {} }, Report)
  local files = read_files(report)
  check_globals(report, files)
  check_options(report, files)
  check_handlers(report, files)
  if not report.is_broken then check_loaded(report, files) end
  table.sort(report.list, function(a, b)
    if a.file ~= b.file then return a.file < b.file end
    if a.line ~= b.line then return a.line < b.line end
    return a.text < b.text
  end)
  return report
end

--- Returns the exit code.
return function(games)
  local n, n_broken = 0, 0
  learn()
  for _, game in ipairs(games) do
    local report = check(game)
    for _, finding in ipairs(report.list) do print(finding.text) end
    n = n + #report.list
    if report.is_broken then n_broken = n_broken + 1 end
  end
  print(("%d game%s, %s"):format(#games, #games == 1 and "" or "s",
    n == 0 and "nothing found" or n .. (n == 1 and " finding" or " findings")))
  return n_broken > 0 and 65 or n > 0 and 1 or 0
end
