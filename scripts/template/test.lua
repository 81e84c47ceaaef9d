-- Run with: parlor test NAME

test("a push moves the dot, for everybody, and not off the field", function(sim)
  local ann, bob = sim:join { name = "Ann" }, sim:join { name = "Bob" }
  local x = ann.state.dots[ann.id].x
  ann:send("push", { dx = 3, dy = 0 })
  sim:step(1)
  expect_eq(bob.state.dots[ann.id].x, x + 3)
  ann:send("push", { dx = 127, dy = -128 })
  sim:step(1)
  expect_eq({ bob.state.dots[ann.id].x, bob.state.dots[ann.id].y }, { 100, 0 })
end)

test("who leaves is gone", function(sim)
  local ann, bob = sim:join { name = "Ann" }, sim:join { name = "Bob" }
  ann:leave()
  sim:step(1)
  expect_eq(bob.state.dots[ann.id], nil)
end)
