-- SPDX-License-Identifier: MIT
-- State hashes of `parlor dev`: who gets them, and when.

local source = [[
local g = parlor.game { tick_rate = 50, state = { n = s.uint } }
function g:tick() self.state.n = self.state.n + 1 end
return g
]]

test_dev("binary players who are up to date get a hash every 64 ticks, and nobody else", function()
  game("g", source)
  local a, b = join("g", { codec = "binary" }), join("g", { codec = "binary" })
  local j, p = join("g", { codec = "json" }), join("g", { codec = "plain" })
  step(20 * 300)
  for _, c in ipairs { a, b } do
    local last, n = nil, 0
    for _, r in ipairs(c:fresh "dev") do
      expect_eq({ r.data.kind, #r.data.facets, r.data.facets[1][1] }, { "hash", 1, 1 })
      if last then expect_eq(r.data.tick - last, 64) end
      last, n = r.data.tick, n + 1
    end
    expect(n == 4 or n == 5, n .. " hashes in 300 ticks")
    expect(c:state().n > 290) -- it went on
  end
  expect_eq({ #j:fresh "dev", #p:fresh "dev" }, { 0, 0 })
end)

test_dev("a hash is of the tick that the player holds, in the frame before it", function()
  game("g", source)
  local a = join("g", { codec = "binary" })
  step(20 * 100)
  local held, n = nil, 0
  for _, r in ipairs(a:fresh()) do
    if r.t == "dev" then
      expect_eq(r.data.tick, held)
      n = n + 1
    end
    held = r.t ~= "dev" and r.tick or held
  end
  expect_eq(n, 1)
end)

test_dev("one whose line is slow gets none until it has caught up", function()
  game("g", source)
  local a = join("g", { codec = "binary" })
  step(100)
  a:stall(true)
  step(20 * 200)
  a:stall(false)
  step(20 * 70)
  local hashes = a:fresh "dev"
  expect(#hashes >= 1 and #hashes <= 3, #hashes .. " hashes")
end)

test("outside dev there are none", function()
  game("g", source)
  local a = join("g", { codec = "binary" })
  step(20 * 200)
  expect_eq(#a:fresh "dev", 0)
end)
