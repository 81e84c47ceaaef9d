-- SPDX-License-Identifier: MIT
-- store: parlor.store and parlor.board, what outlives rooms. Asking is done by C at once;
-- the answer comes later, to the coroutine that waits for it (wait.lua).
--
-- A function of `host` (the functions written in C) and wait.lua; the functions for games
-- check their arguments and raise at the script's own line.

local error, type, find, floor, format, rawget = error, type, string.find, math.floor, string.format, rawget

local NAME = "^[a-z][a-z0-9_-]*$"

return function(host, wait)
  -- Level 3 is the script's line in all of these.
  local function check_name(name, what)
    if type(name) ~= "string" or #name > host.max_name or not find(name, NAME) then
      error(format("%s: a name is expected, of small letters, digits, _ and - (up to %d)", what, host.max_name), 3)
    end
  end

  local function check_key(key, what)
    if type(key) ~= "string" or key == "" or #key > host.max_key or not host.is_key(key) then
      error(format("%s: a text of 1 to %d bytes of UTF-8 is expected", what, host.max_key), 3)
    end
  end

  local function options_of(options)
    if options == nil then return {} end
    if type(options) ~= "table" then error("a table of options is expected", 3) end
    return options
  end

  local function whole(options, name, preset, low, high)
    local v = rawget(options, name)
    if v == nil then return preset end
    if type(v) ~= "number" or v ~= floor(v) or not (v >= low and v <= high) then
      error(format("%s: a whole number from %d to %d is expected", name, low, high), 3)
    end
    return v
  end

  local function key_of(options, name)
    local v = rawget(options, name)
    if v ~= nil and (type(v) ~= "string" or #v > host.max_key or not host.is_key(v)) then
      error(format("%s: a text of at most %d bytes of UTF-8 is expected", name, host.max_key), 3)
    end
    return v
  end

  local function waits(options, what)
    local v = options and rawget(options, "wait")
    if v ~= nil and type(v) ~= "boolean" then error("wait: true or false is expected", 3) end
    if v == false then return false end
    if not wait.may() then
      error(format("only auth and parlor.async may wait for %s%s", what,
        options and "; with {wait = false} nobody does" or ""), 3)
    end
    return true
  end

  -- Ask, and wait for what comes back. Called in tail position.
  local function ask(does_wait, ...)
    local ticket, why = host.store(does_wait, ...)
    if not ticket then return nil, why end
    if not does_wait then return true end
    return wait.answer(ticket)
  end

  local store, board = {}, {}

  --- parlor.store.get: the value and its version; nil where there is none; nil and why.
  function store.get(collection, key)
    check_name(collection, "collection")
    check_key(key, "key")
    waits(nil, "the store")
    return ask(true, "get", collection, key)
  end

  --- parlor.store.put: the new version; nil and "conflict", or why else.
  function store.put(collection, key, value, options)
    check_name(collection, "collection")
    check_key(key, "key")
    if value == nil then error("value: nil cannot be kept; parlor.store.delete takes it away", 2) end
    options = options_of(options)
    local version = whole(options, "version", -1, 0, 2^53)
    return ask(waits(options, "the store"), "put", collection, key, value, version)
  end

  --- parlor.store.delete: was it there? nil and "conflict", or why else.
  function store.delete(collection, key, options)
    check_name(collection, "collection")
    check_key(key, "key")
    options = options_of(options)
    local version = whole(options, "version", -1, 0, 2^53)
    return ask(waits(options, "the store"), "delete", collection, key, nil, version)
  end

  --- parlor.store.list: a list of {key, value, version} by key, and the key to go on
  -- after where there are more; nil and why.
  function store.list(collection, options)
    check_name(collection, "collection")
    options = options_of(options)
    local limit = whole(options, "limit", 100, 1, host.max_list)
    local prefix, after = key_of(options, "prefix"), key_of(options, "after")
    waits(nil, "the store")
    return ask(true, "list", collection, nil, nil, -1, limit, prefix, after)
  end

  local keeps = { best = true, last = true, sum = true }

  local function is_least(options)
    local v = rawget(options, "least")
    if v ~= nil and type(v) ~= "boolean" then error("least: true or false is expected", 3) end
    return v == true
  end

  --- parlor.board.submit: the rank and the score that counts; nil and why.
  function board.submit(name, key, score, options)
    check_name(name, "board")
    check_key(key, "key")
    if type(score) ~= "number" or score ~= score or score - score ~= 0 then
      error("score: a finite number is expected", 2)
    end
    options = options_of(options)
    local keep = rawget(options, "keep")
    if keep == nil then keep = "best" end
    if not keeps[keep] then error('keep: "best", "last" or "sum" is expected', 2) end
    local least = is_least(options)
    if keep == "best" and least then keep = "least" end
    return ask(waits(options, "the board"), "submit", name, key, rawget(options, "data"), -1, 1, nil, nil,
      score, keep, least)
  end

  --- parlor.board.top: a list of {rank, key, score, data}; nil and why.
  function board.top(name, options)
    check_name(name, "board")
    options = options_of(options)
    local limit, least = whole(options, "limit", 10, 1, host.max_list), is_least(options)
    waits(nil, "the board")
    return ask(true, "top", name, nil, nil, -1, limit, nil, nil, 0, "best", least)
  end

  --- parlor.board.around: the same, `key` in the middle; nil where it has no score.
  function board.around(name, key, options)
    check_name(name, "board")
    check_key(key, "key")
    options = options_of(options)
    local limit, least = whole(options, "limit", 5, 1, host.max_list), is_least(options)
    waits(nil, "the board")
    return ask(true, "around", name, key, nil, -1, limit, nil, nil, 0, "best", least)
  end

  --- parlor.board.remove: was it there? nil and why.
  function board.remove(name, key, options)
    check_name(name, "board")
    check_key(key, "key")
    options = options_of(options)
    return ask(waits(options, "the board"), "remove", name, key)
  end

  return { store = store, board = board }
end
