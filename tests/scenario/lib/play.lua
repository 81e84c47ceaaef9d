-- SPDX-License-Identifier: MIT
-- play: the words that scenarios are written in. All are globals of a scenario's
-- file; each test has a world, a clock and a seed of its own.

rig = require "kit.rig"
local line = require "kit.line"

tests = {}

--- A test: what must be true, and how it is tried.
function test(sentence, body) tests[#tests + 1] = { sentence, body, false } end
function test_dev(sentence, body) tests[#tests + 1] = { sentence, body, true } end

--- A number in [0, 1), the same in every run unless SCENARIO_SEED says otherwise;
-- random(n): 1..n.
random = line.random

function expect(ok, what) if not ok then error(what or "not so", 2) end end

show = line.show

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
function connect(name, options) return line.connect(name, options or {}) end

--- One who joins at once.
function join(name, options) return connect(name, options):hello() end

-- Time.

--- Let `ms` pass.
step = line.step

--- Time that passes while the server does nothing, as when the machine hangs.
function hang(ms) rig.set(rig.now() + ms * 1000) end

--- The server ends and begins again; is_killed: in the middle of things.
restart = line.restart

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
  line.start(tonumber(os.getenv "SCENARIO_SEED") or 20261124)
  body()
  expect_no_errors()
end

codecs = { "json", "binary" }
null = rig.json "null"
play_wire = require "kit.wire"
