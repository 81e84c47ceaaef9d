-- SPDX-License-Identifier: MIT
-- The server stops: everybody is told to come back.

for _, rate in ipairs { 0, 20 } do
  test(("at tick_rate %d all players get 1001, those without a hello too, and nobody gets in"):format(rate), function()
    game("g", ([[
      local g = parlor.game { tick_rate = %d, state = { n = s.u32 } }
      function g:tick() self.state.n = self.tick end
      function g:leave(p, reason) parlor.log("leave " .. reason) end
      return g ]]):format(rate))
    game "echo"
    local list = { join "g", join("g", { codec = "binary" }), join("g", { codec = "plain" }), connect "g",
      connect("g", { codec = "binary" }), join("echo", { codec = "raw" }), join("g", { room = "named" }) }
    step(100)
    local held = join "g"
    step(100)
    held:cut()
    rig.stop(1001, "come back")
    step(0)
    for i, c in ipairs(list) do
      expect_eq(c.closed, { code = 1001, reason = "come back" }, "client " .. i)
      if c.codec ~= "raw" then expect_eq(c.log[#c.log].t, "bye") end
    end
    local late, back = join "g", held
    held:resume()
    step(500)
    expect_eq(late.closed.code, 1001)
    expect_eq(back.closed.code, 1001)
  end)
end
