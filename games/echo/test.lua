-- SPDX-License-Identifier: MIT
-- Run with: parlor test echo

test("text comes back as text, bytes as bytes, each to its sender only", function(sim)
  local ann, bob = sim:join { room = "hall" }, sim:join { room = "hall" }
  ann:send("grüezi", true)
  ann:send("\0\1\255", false)
  bob:send("", true)
  sim:step(1)
  expect_eq({ ann:message() }, { "grüezi", true })
  expect_eq({ ann:message() }, { "\0\1\255", false })
  expect_eq({ bob:message() }, { "", true })
  expect_eq({ ann:message(), bob:message() }, {})
end)

test("order is kept, however many are under way", function(sim)
  local ann = sim:join { latency = 40 }
  for i = 1, 500 do ann:send(tostring(i), true) end
  sim:wait(0.1)
  for i = 1, 500 do expect_eq(ann:message(), tostring(i)) end
end)

test("a message of a megabyte comes back whole", function(sim)
  local ann, big = sim:join(), ("parlor "):rep(150000)
  ann:send(big, false)
  sim:step(1)
  expect(ann:message() == big)
end)
