-- SPDX-License-Identifier: MIT
-- Coming back after an absence: what changed since the tick that the client holds.

local source = [[
local g = parlor.game { tick_rate = 20, reconnect = 600, state = { n = s.u32,
  m = s.map({ x = s.u16, name = s.str(8) }, { keys = "integer" }),
  still = s.map({ v = s.u8 }, { keys = "string" }) } }
function g:create() for i = 1, 500 do self.state.still["k" .. i] = { v = i % 200 + 1 } end end
function g:message(p, name, data)
  local m = self.state.m
  if name == "put" then m[data] = { x = data, name = "r" .. data }
  elseif name == "cut" then m[data] = nil
  elseif name == "move" then m[data].x = m[data].x + 1
  elseif name == "empty" then for k in pairs(m) do m[k] = nil end
  elseif name == "drop" then self.state.still[data] = nil end
end
function g:tick() self.state.n = self.tick end
return g
]]

local function first_state(c)
  for _, r in ipairs(c:fresh()) do if r.t == "delta" or r.t == "snapshot" then return r end end
end

for _, codec in ipairs(codecs) do
  test(codec .. ": after an absence only what changed comes, whatever it was", function()
    game("g", source)
    local a, b = join "g", join("g", { codec = codec })
    step(60)
    for i = 1, 20 do a:send("put", i) end
    step(60)
    b:fresh()
    b:cut()
    step(1000)
    a:send("put", 21)
    a:send("cut", 3)
    step(60)
    a:send("put", 3) -- another row by the same name, in the same slot
    a:send("cut", 5)
    step(60)
    a:send("put", 22) -- in the slot of 5
    a:send("move", 7)
    step(120000)
    b:resume()
    step(60)
    expect_eq(b.hello_said.resumed, true)
    local first = first_state(b)
    expect_eq(first.t, "delta")
    expect(first.tick - first.base > 2000, "over all that was missed")
    if codec == "binary" then
      expect(first.is_resume)
      expect(first.bytes < 120, first.bytes .. " bytes, though 520 rows are there")
    else
      expect_eq(first.still, nil, "a map in which nothing changed is not sent")
    end
    expect_eq(b:state(), a:state())
    step(500)
    expect_eq(b:state(), a:state(), "and it goes on from there")
    expect_eq(#b:fresh "snapshot", 0)
  end)

  test(codec .. ": frames that were lost on the way are made up for", function()
    game("g", source)
    local a, b = join "g", join("g", { codec = codec, delay = 400 })
    step(2000)
    for i = 1, 30 do
      a:send(i % 3 == 0 and "cut" or "put", i - i % 3)
      step(60)
    end
    b:cut() -- eight ticks were on their way
    b:resume()
    step(1000)
    expect_eq(#b:fresh "snapshot", 1, "that of the join")
    b.delay = 0
    step(1000)
    expect_eq(b:state(), a:state())
  end)

  test(codec .. ": all rows of a map have left, or none has", function()
    game("g", source)
    local a, b = join "g", join("g", { codec = codec })
    step(60)
    for i = 1, 5 do a:send("put", i) end
    step(60)
    b:cut()
    a:send "empty"
    a:send("drop", "k250")
    step(60)
    b:resume()
    step(60)
    expect_eq(b:state(), a:state())
    expect_eq(b:state().m, {})
    b:fresh()
    b:cut()
    b:resume() -- nothing has happened
    step(60)
    expect_eq(b:state(), a:state())
    expect(b:story():find("^hello [keys ]*delta"))
  end)

  test(codec .. ": another epoch, tick, schema or none: a snapshot", function()
    game("g", source)
    local a, b = join "g", join("g", { codec = codec })
    step(200)
    local function back(change)
      b:cut()
      step(100)
      local epoch, tick = b.epoch, b.tick
      b:fresh()
      change()
      b:resume()
      step(60)
      expect_eq(first_state(b).t, "snapshot")
      step(100)
      expect_eq(b:state(), a:state())
    end
    back(function() b.epoch = (b.epoch + 1) % 2 ^ 32 end)
    back(function() b.tick = b.tick + 1000 end)
    back(function() b.tick = 0 end)
    if codec == "binary" then back(function() b.schema = nil end) end
    b:cut()
    step(100)
    edit("g", (source:gsub("n = s.u32", "n = s.u32, more = s.bool")))
    step(100)
    b:fresh()
    b:resume()
    step(60)
    expect_eq(first_state(b).t, "snapshot")
    step(100)
    expect_eq(b:state(), a:state())
    back(function() b.tick = 2 end)
  end)
end

test("binary: the seat is taken over by another page, which holds nothing", function()
  game("g", source)
  local a, b = join "g", join("g", { codec = "binary" })
  step(200)
  local c = connect("g", { codec = "binary" })
  c.token, c.epoch, c.tick, c.schema = b.token, b.epoch, nil, nil
  c:bytes("\129\1" .. play_wire.le(0, 4) .. "\1" .. (b.token:gsub("%x%x", function(h) return string.char(tonumber(h, 16)) end)) ..
    play_wire.le(b.epoch, 4) .. play_wire.uv(0) .. play_wire.uv(0))
  step(100)
  expect_eq(c:state(), a:state())
  expect_eq(b.closed.code, 4005)
end)
