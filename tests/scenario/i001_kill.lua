-- SPDX-License-Identifier: MIT
-- Scripts that do not come back, or want too much memory: what is lost, what goes on.

local runaway = [[
  local g = parlor.game { tick_rate = 20, budget_kill = 20, max_kills = %d,
    state = { n = s.u32, rows = s.map({ a = s.u8, b = { c = s.f64 } }, { keys = "string" }) } }
  function g:create() self.kept = 0 self.state.rows.one = { a = 1, b = { c = 1.5 } } end
  function g:tick() self.state.n = self.state.n + 1 end
  function g:x() end
  function g:message(p, name)
    self.kept = self.kept + 1
    if name == "look" then
      return { kept = self.kept, same = self.row == self.state.rows.one, players = self.players[p.id] == p }
    elseif name == "fine" then
      self:broadcast "fine"
      return 1
    end
    self.row = self.state.rows.one
    self.state.rows.one.a, self.state.rows.one.b = 9, nil
    self.state.rows.two = { a = 2 }
    self:broadcast "never"
    p:send "never"
    while true do if name == "change" then self.state.rows = { three = { a = 3 } } end end
  end
  return g
]]

test("a stopped callback takes nothing along: state, seats and the other room stay", function()
  game("g", runaway:format(30))
  game("h", [[
    local g = parlor.game { tick_rate = 20, state = { n = s.u32 } }
    function g:tick() self.state.n = self.state.n + 1 end
    return g
  ]])
  for _, codec in ipairs(codecs) do
    for _, name in ipairs { "loop", "change" } do
      local a, b = join("g", { codec = codec }), join("g", { codec = codec })
      local other = join("h", { codec = codec })
      step(100)
      a:story() b:story()
      local before, n = a:state(), other:state().n
      a:send(name) b:send "fine"
      step(50)
      expect(rig.errors():find("20 ms (budget_kill)", 1, true))
      step(50)
      expect_eq(a:events()[1].name, "fine", "what waited behind it is handled in the next step")
      expect_eq(a:state().rows, before.rows)
      expect_eq(b:state().rows, before.rows)
      expect_eq(a.closed, nil)
      a:request "look"
      step(50)
      local answer = a:fresh("reply")[1].data
      expect_eq(answer, { kept = 3, same = true, players = true }, "private fields stay, and the tables")
      expect_eq(other:state().n, n + 3)
      a:leave() b:leave() other:leave()
      step(100)
    end
  end
end)

test("three in a minute close the room with 4009, and say why; spread out they do not", function()
  game("g", runaway:format(3))
  local a = join "g"
  for i = 1, 5 do
    step(31000)
    a:send "loop"
    step(50)
  end
  expect_eq(a.closed, nil, "three within 62 s")
  for i = 1, 2 do
    a:send "loop"
    step(100)
  end
  expect_eq(a.closed, { code = 4009, reason = "the game was stopped 3 times within a minute" })
  expect_eq(#rooms "g", 0)
  rig.errors()
  local b = join "g"
  step(100)
  expect_eq(b:state().rows.one.a, 1, "a new room may be opened")
end)

test("a faulted room does not ask its script for last words", function()
  game("g", [[
    local g = parlor.game { budget_kill = 10, max_kills = 1 }
    function g:leave() while true do end end
    function g:close() while true do end end
    function g:tick() if self.time > 0.2 then while true do end end end
    return g
  ]])
  local a = join "g"
  step(500)
  expect_eq(a.closed.code, 4009)
  local _, n = rig.errors():gsub("stopped after", "")
  expect_eq(n, 1)
end)

test("a room that ends while its script hangs takes one budget, not one for each player", function()
  game("g", [[
    local g = parlor.game { budget_kill = 50, max_kills = 32, max_players = 32 }
    function g:leave() while true do end end
    function g:message() self:close("over") end
    return g
  ]])
  local list = {}
  for i = 1, 30 do list[i] = join "g" end
  step(100)
  list[1]:send "end"
  step(100)
  for i = 1, 30 do expect_eq(list[i].closed.code, 4008) end
  local _, n = rig.errors():gsub("stopped", "")
  expect_eq(n, 1)
  expect_eq(#rooms "g", 0)
end)

test("all callbacks of a step have the time of one together; what is left waits", function()
  game("g", [[
    local g = parlor.game { tick_rate = 20, budget_kill = 1500, max_kills = 32 }
    function g:message(p, name)
      local began = os.clock()
      while name == "loop" or name == "slow" and os.clock() - began < 0.2 do end
      p:send(name)
    end
    return g
  ]])
  local a = join "g"
  step(100)
  a:story()
  a:send "slow" a:send "loop" a:send "after"
  step(50)
  expect_eq(a:story(), "slow", "the second had what the first had left, the third nothing")
  local errors = rig.errors()
  expect(errors:find("this step of the room took over 1500 ms", 1, true), errors)
  step(50)
  expect_eq(a:story(), "after")
end)

test("a game that never ends loading is not served, and a reload that does not end changes nothing", function()
  local good = [[
    local g = parlor.game { budget_kill = 20, state = { n = s.u8 } }
    function g:tick() self.state.n = 7 end
    return g
  ]]
  game("g", good)
  local a = join "g"
  step(100)
  expect_eq(a:state().n, 7)
  local ok, why = edit("g", "while true do end")
  expect_eq(ok, nil)
  expect(tostring(why):find("stopped after 1000 ms", 1, true), why)
  step(100)
  rig.errors()
  expect_eq(edit("g", (good:gsub("7", "8"))), true)
  step(100)
  expect_eq(a:state().n, 8)
end)

test("a game that wants too much memory goes on with its declared state in a new VM", function()
  game("g", [[
    local g = parlor.game { tick_rate = 20, memory = 8, max_kills = 32,
      state = { n = s.u32, told = s.u8, rows = s.map({ a = s.u8 }, { keys = "string" }) } }
    local heap = {}
    function g:create() self.mine = 1 self.state.rows.one = { a = 1 } end
    function g:tick() self.state.n = self.state.n + 1 end
    function g:reloaded(version, is_rebuilt)
      self.state.told = is_rebuilt and version or 99
    end
    function g:message(p, name)
      if name == "look" then
        return { mine = self.mine or 0, name = p.name, n = self.state.n, id = self.players[p.id].id }
      end
      for i = 1, 1e9 do heap[i] = { i } end
    end
    return g
  ]])
  for _, codec in ipairs(codecs) do
    local a = join("g", { codec = codec, name = "ann", room = "den" })
    local b = join("g", { codec = codec, name = "bob", room = "pit" })
    step(200)
    local n = a:state().n
    a:send "eat"
    step(50)
    expect(rig.errors():find("stopped: the game needs more than 8 MiB", 1, true))
    step(150)
    expect_eq(a:state().rows, { one = { a = 1 } })
    expect_eq(a:state().told, 1, "reloaded(version, true)")
    expect_eq(b:state().told, 1)
    expect(a:state().n >= n + 2)
    a:request "look" b:request "look"
    step(50)
    local x, y = a:fresh("reply")[1].data, b:fresh("reply")[1].data
    expect_eq({ x.mine, x.name, x.id, y.mine, y.name }, { 0, "ann", a.id, 0, "bob" })
    expect(x.n > n)
    a:leave() b:leave()
    step(100)
  end
end)

test("with atomic a callback that raises leaves no trace in the state", function()
  game("g", [[
    local g = parlor.game { tick_rate = 20, atomic = true,
      state = { n = s.f64, rows = s.map({ a = s.u8 }, { keys = "string" }) } }
    function g:create() self.state.n = 0.1 self.state.rows.one = { a = 1 } end
    function g:message(p, name)
      self.private = (self.private or 0) + 1
      self.state.n = self.state.n + 1
      self.state.rows[name] = { a = 5 }
      self.state.rows.one = nil
      if name == "bad" then error "no" end
      self.state.rows.one = { a = self.private }
    end
    function g:timer() self.state.n = 77 error "timer" end
    function g.on_nothing() end
    return g
  ]])
  local a = join "g"
  step(100)
  a:send "good" a:send "bad" a:send "fine" a:send "bad"
  step(50)
  rig.errors()
  expect_eq(a:state(), { n = 2.1, rows = { one = { a = 3 }, good = { a = 5 }, fine = { a = 5 } } })
end)
