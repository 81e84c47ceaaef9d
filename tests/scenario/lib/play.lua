-- SPDX-License-Identifier: MIT
-- play: the words that scenarios are written in. All are globals of a scenario's
-- file; each test has a world, a clock and a seed of its own.

local Client = require "lib.client"
local wire = require "lib.wire"

tests = {}

local clients, seed

--- A test: what must be true, and how it is tried.
function test(sentence, body) tests[#tests + 1] = { sentence, body, false } end
function test_dev(sentence, body) tests[#tests + 1] = { sentence, body, true } end

--- A number in [0, 1), the same in every run unless SCENARIO_SEED says otherwise;
-- random(n): 1..n.
function random(n)
  seed = (seed * 16807) % 2147483647
  local unit = (seed - 1) / 2147483646
  return n and math.floor(unit * n) + 1 or unit
end

function expect(ok, what) if not ok then error(what or "not so", 2) end end

--- Tables as text, in one order, to compare and to show.
function show(v)
  if type(v) ~= "table" then return type(v) == "string" and ("%q"):format(v) or tostring(v) end
  local keys, out = {}, {}
  for k in pairs(v) do keys[#keys + 1] = k end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  for i, k in ipairs(keys) do out[i] = tostring(k) .. "=" .. show(v[k]) end
  return "{" .. table.concat(out, ", ") .. "}"
end

function expect_eq(a, b, what)
  a, b = show(a), show(b)
  if a ~= b then error(("%s%s is not %s"):format(what and what .. ": " or "", a, b), 2) end
end

-- Games.

local head = 'local parlor = require "parlor"\nlocal s = parlor.schema\n'

--- A game from its source (what parlor and s are is known) or a file in games/.
function game(name, source)
  if not source then
    local f = assert(io.open(GAMES_DIR .. "/" .. name .. "/game.lua"))
    source = f:read("*a")
    f:close()
  else
    source = head .. source
  end
  rig.write(name, "game.lua", source)
  assert(rig.open(name))
end

--- Save another source; returns what the reload says.
function edit(name, source)
  rig.write(name, "game.lua", head .. source)
  return rig.reload(name)
end

-- Players.

--- A connection that has not said hello.
function connect(name, options)
  local c = Client.new(name, options or {}, random)
  clients[#clients + 1] = c
  return c:connect()
end

--- One who joins at once.
function join(name, options) return connect(name, options):hello() end

-- Time.

local function pump()
  local first
  for _, c in ipairs(clients) do
    local at = c:pump()
    if at and (not first or at < first) then first = at end
  end
  return first
end

--- Let `ms` pass.
function step(ms)
  local target, stuck, before = rig.now() + ms * 1000, 0, nil
  while true do
    local at = pump()
    local due = rig.next()
    if due and (not at or due < at) then at = due end
    if not at or at > target then break end
    stuck = before == at and stuck + 1 or 0
    if stuck > 10000 then error("the server asks for the same moment again and again", 2) end
    before = at
    rig.set(math.max(at, rig.now()))
    rig.run()
  end
  rig.set(target)
  rig.run()
  pump()
end

--- Time that passes while the server does nothing, as when the machine hangs.
function hang(ms) rig.set(rig.now() + ms * 1000) end

--- The rooms of a game, by age of their names.
function rooms(name) return (rig.rooms(name)) end

--- The only room of a game.
function the_room(name)
  local list = rig.rooms(name)
  expect_eq(#list, 1, "rooms of " .. name)
  return list[1]
end

--- No script has done anything wrong since the last look.
function expect_no_errors() expect_eq(rig.errors(), "", "script errors") end

function run_test(body)
  clients, seed = {}, tonumber(os.getenv "SCENARIO_SEED") or 20261124
  body()
  expect_no_errors()
end

codecs = { "json", "binary" }
null = rig.json "null"
play_wire = wire
