-- SPDX-License-Identifier: MIT
-- Predicted inputs: each client is told which of its own the state contains.

local source = [[
local g = parlor.game { tick_rate = 20, max_inputs = 4,
  state = { n = s.u32, m = s.map({ x = s.i32 }, %s) },
  messages = { go = s.message({ dx = s.i8 }, { input = true, rate = 100 }), other = { v = s.u8 } } }
function g:join(p) self.state.m[p.id] = { x = 0 } end
function g.on.go(room, p, m)
  if m.dx == 99 then error "no" end
  room.state.m[p.id].x = room.state.m[p.id].x + m.dx
end
function g:message(p, name) if name == "touch" then self.state.n = self.state.n + 1 end end
function g:leave(p) self.state.m[p.id] = nil end
return g
]]

local rules = {
  ["where all see all"] = "{}",
  ["where each sees its own"] = '{ interest = s.near { x = "x", y = "x", see = 10 } }',
}

-- x and ack of each state that came.
local function states(c)
  local list = {}
  for _, r in ipairs(c:fresh()) do
    if r.t == "delta" or r.t == "snapshot" then list[#list + 1] = r end
  end
  return list
end
local function acks(c)
  local list = {}
  for _, r in ipairs(states(c)) do list[#list + 1] = r.ack or "-" end
  return table.concat(list, " ")
end

for where, rule in pairs(rules) do
  for _, codec in ipairs(codecs) do
    local function title(what) return ("%s, %s: %s"):format(codec, where, what) end

    test(title "state says which inputs it contains, to the one who sent them", function()
      game("g", source:format(rule))
      local a, b = join("g", { codec = codec }), join("g", { codec = codec })
      step(200)
      a:fresh()
      b:fresh()
      a:input("go", { dx = 5 }, 1)
      a:input("go", { dx = -2 }, 2)
      step(50)
      expect_eq(acks(a), "2")
      expect(not acks(b):find "%d", "b has sent none")
      expect_eq(a:state().m[tostring(a.id)].x, 3)
      a:send("touch")
      step(50)
      expect_eq(acks(a), "-", "told once")
      expect_eq(a:state(), b:state())
    end)

    test(title "an input that changes nothing, raises, or is one too many is told of as well", function()
      game("g", source:format(rule))
      local a = join("g", { codec = codec })
      step(200)
      a:fresh()
      a:input("go", { dx = 0 }, 1)
      step(50)
      expect_eq(acks(a), "1")
      a:input("go", { dx = 99 }, 2)
      step(50)
      expect_eq(acks(a), "2")
      expect(rig.errors():find("no", 1, true))
      for i = 3, 8 do a:input("go", { dx = 1 }, i) end -- max_inputs is 4: 7 and 8 are dropped
      step(50)
      expect_eq(acks(a), "8")
      expect_eq(a:state().m[tostring(a.id)].x, 4)
    end)

    test(title "a snapshot says it, and whoever comes back is told anew", function()
      game("g", source:format(rule))
      local a = join("g", { codec = codec })
      step(200)
      a:input("go", { dx = 1 }, 1)
      step(50)
      a:fresh()
      a:resync()
      a:input("go", { dx = 1 }, 2)
      step(100)
      local first = states(a)[1]
      expect_eq({ first.t, first.ack }, { "snapshot", 2 })
      a:input("go", { dx = 1 }, 3)
      a:input("go", { dx = 1 }, 4)
      step(20)
      a:cut()
      step(200)
      a:resume()
      step(100)
      first = states(a)[1]
      expect_eq({ first.t, first.ack }, { "delta", 4 })
      expect_eq(a:state().m[tostring(a.id)].x, 4)
    end)
  end
end
