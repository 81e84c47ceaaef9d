-- SPDX-License-Identifier: MIT
-- bots: `parlor bots`. Players who are not there: each is a connection to a running
-- server, as a browser's is, and plays by the game's bot.lua.

local rig, net = require "kit.rig", require "kit.bots_net"
local Client, values = require "kit.client", require "kit.values"

local STEP_MS = 50
local FIRST_AGAIN_S, LAST_AGAIN_S = 1, 30 -- until one that was sent away comes again
local JOIN_S = 10                         -- that a seat may take

local Bot = {}

local methods = {}

--- Send a message, as a page's room.send does.
function methods:send(name, data) rawget(self, "client"):send(name, data) end

--- The data of the oldest event of that name which no call has returned yet; nil: none.
function methods:event(name)
  local list = rawget(self, "events")
  for i, e in ipairs(list) do
    if e.name == name then return table.remove(list, i).data end
  end
end

--- As math.random.
function methods:random(...) return math.random(...) end -- luacheck: ignore self

function Bot.__index(bot, key)
  if methods[key] then return methods[key] end
  local client = rawget(bot, "client")
  if key == "id" then return client.id end
  if key == "room" then return client.hello_said and client.hello_said.room end
  if key == "time" then return rig.now() / 1e6 end
  if key == "state" then
    -- Decoded when somebody looks, once for each state that came.
    if bot.held_tick ~= client.tick or not bot.held then
      bot.held = client:state() and values.state(client.schema.json, client:state())
      bot.held_tick = client.tick
    end
    return bot.held
  end
end

-- What came: events are kept for the bot (the last 100), everything else is not.
local function read_log(bot)
  local client = bot.client
  for _, r in ipairs(client.log) do
    if r.t == "event" then
      bot.events[#bot.events + 1] = { name = r.name, data = values.plain(r.data) or {} }
      if #bot.events > 100 then table.remove(bot.events, 1) end
    end
  end
  client.log, client.seen = {}, 0
end

local function join(bot)
  local play, options = bot.play, {}
  local asked = type(play.join) == "function" and play.join(bot.number) or play.join or {}
  for k, v in pairs(asked) do options[k] = v end
  options.name = options.name or ("Bot %d"):format(bot.number)
  options.codec, options.acks, options.room = "binary", true, bot.in_room or options.room
  bot.client = Client.new(bot.game, options, math.random):connect():hello()
  bot.events, bot.vars, bot.held, bot.next, bot.ping = {}, {}, nil, nil, rig.now() + 10e6
  bot.late = rig.now() + JOIN_S * 1e6
end

-- A bot whose seat is gone comes again, later each time.
local function on_gone(bot, why)
  bot.wait = math.min((bot.wait or FIRST_AGAIN_S / 2) * 2, LAST_AGAIN_S)
  bot.again = rig.now() + bot.wait * 1e6 * (0.75 + math.random() / 2)
  if bot.client.conn then bot.client:cut(1000) end
  bot.why = why
end

local function step(bot)
  local client, now = bot.client, rig.now()
  if bot.again then
    if now < bot.again then return true end
    bot.again = nil
    join(bot)
    return true
  end
  local ok, why = pcall(client.pump, client)
  if not ok then
    on_gone(bot, "the server sent what bots do not know: " .. tostring(why):gsub("^.-:%d+: ", ""))
    return true
  end
  read_log(bot)
  if not client.conn then
    on_gone(bot, client.closed.reason ~= "" and client.closed.reason or ("code %d"):format(client.closed.code))
    return true
  end
  if not client.rows then
    if now > bot.late then on_gone(bot, "no seat in time") end
    return true
  end
  if not bot.next then -- all at once would look like what it is
    bot.wait, bot.why, bot.next = nil, nil, now + math.random() * bot.play.every * 1000
  end
  if now > bot.ping then
    client:ping()
    bot.ping = now + 10e6
  end
  if now < bot.next then return true end
  bot.next = now + bot.play.every * 1000 * (0.75 + math.random() / 2)
  return xpcall(bot.play.think, debug.traceback, bot)
end

local function load_play(options)
  local folder = ("%s/%s"):format(options.games, options.game)
  local path = folder .. "/bot.lua"
  local chunk, why = loadfile(path)
  if not chunk then
    if not io.open(path) then why = path .. ": there is no such file; it says how the game's bots play" end
    return nil, why
  end
  package.path = folder .. "/?.lua;" .. package.path -- the game's own files, as in game.lua
  local ok, play = pcall(chunk)
  if not ok then return nil, play end
  if type(play) ~= "table" or type(play.think) ~= "function" then
    return nil, path .. ": must return {think = function(bot) … end}"
  end
  play.every = play.every or 300
  if type(play.every) ~= "number" or play.every < 20 or play.every > 3600e3 then
    return nil, path .. ": every: a number of ms from 20 to 3600000"
  end
  if play.join ~= nil and type(play.join) ~= "table" and type(play.join) ~= "function" then
    return nil, path .. ": join: a table of join options, or a function that gives one"
  end
  return play
end

-- One line whenever the number of those who play changes.
local function tell(bots, was)
  local n, why = 0, nil
  for _, bot in ipairs(bots) do
    if bot.next and not bot.again then n = n + 1 else why = bot.why or why end
  end
  if n ~= was.n or (why and why ~= was.why) then
    io.stderr:write(("parlor: %d of %d bots play%s\n"):format(n, #bots, why and n < #bots and ": " .. why or ""))
    was.n, was.why = n, why
  end
end

return function(options)
  local play, why = load_play(options)
  if not play then return 65, why end
  math.randomseed(options.seed)
  local patience = rig.now() + options.patience * 1e6
  local bots, was, ends = {}, { n = 0 }, options.seconds and rig.now() + options.seconds * 1e6
  for i = 1, options.count do
    -- A few a step: a server takes so many connections of one address in a second.
    bots[i] = setmetatable({ number = i, play = play, game = options.game, in_room = options.room,
      again = rig.now() + i * 30000, client = {} }, Bot)
  end
  while net.wait(STEP_MS) and not (ends and rig.now() > ends) do
    for _, bot in ipairs(bots) do
      local ok, error_text = step(bot)
      if not ok then return 65, error_text end
    end
    tell(bots, was)
    if not net.was_there() and rig.now() > patience then
      return 69, ("no server answers at %s; start one with parlor dev"):format(options.url)
    end
  end
  for _, bot in ipairs(bots) do
    local client = bot.client
    -- What has come last may be nonsense, too.
    if client.conn and not pcall(client.leave, client) then client:cut(1000) end
  end
  return 0
end
