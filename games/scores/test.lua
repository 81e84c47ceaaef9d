-- SPDX-License-Identifier: MIT
-- Run with: parlor test scores

local TOKEN = "a-token-for-trying-it-out"

local function post(sim, data, more)
  local options = { data = data, token = TOKEN }
  for name, value in pairs(more or {}) do options[name] = value end
  return sim:http(options.method or "POST", options.path or "/today", options)
end
local function reader(sim, options)
  options = options or {}
  options.room = options.room or "today"
  return sim:join(options)
end
local function goal(more)
  local m = { match = "rov-cit", home = "Rovers", away = "City", minute = 12, kind = "goal", side = "home", who = "K. Sato", home_goals = 1, away_goals = 0 }
  for name, value in pairs(more or {}) do m[name] = value end
  return m
end
local function count(map, fits)
  local n = 0
  for key, row in pairs(map) do if not fits or fits(row, key) then n = n + 1 end end
  return n
end

test("six matches are under way when the first reader comes, each with a kick-off", function(sim)
  local state = reader(sim).state
  expect_eq(count(state.matches), 6)
  for id, match in pairs(state.matches) do
    expect_eq(state.moments[id .. "/1"].kind, "kickoff")
    expect(match.home ~= match.away)
  end
  expect_eq(count(state.matches, function(m) return m.fed end), 0)
end)

test("simulated matches come to an end and are followed by others; no moment outlives its match", function(sim)
  local ann = reader(sim)
  local seen, over = {}, 0
  for _ = 1, 200 do
    sim:wait(2)
    local state = ann.state
    expect_eq(count(state.matches), 6)
    for id, match in pairs(state.matches) do
      if match.phase == "over" and not seen[id] then over = over + 1 end
      seen[id] = match.phase == "over"
      local goals = { home = 0, away = 0 }
      for _, m in pairs(state.moments) do
        if m.match == id and m.kind == "goal" then goals[m.side] = goals[m.side] + 1 end
      end
      expect_eq({ goals.home, goals.away }, { match.home_goals, match.away_goals }, id)
    end
    for _, m in pairs(state.moments) do expect(state.matches[m.match], m.match .. " is there") end
  end
  expect(over > 6, over .. " have ended")
end)

test("what the feed says is seen by all, and by who comes late, the timeline included", function(sim)
  local ann, bob = reader(sim), reader(sim)
  expect_eq(post(sim, goal()), 202)
  expect_eq(post(sim, goal { minute = 40, home_goals = 2, who = "L. Dahl" }), 202)
  sim:step(2)
  local match = bob.state.matches["rov-cit"]
  expect_eq({ match.home, match.away, match.home_goals, match.minute, match.phase, match.fed },
    { "Rovers", "City", 2, 40, "first", true })
  local late = reader(sim)
  expect_eq(late.state.matches, ann.state.matches)
  expect_eq(late.state.moments, ann.state.moments)
  expect_eq(late.state.moments["rov-cit/1"].who, "K. Sato")
  expect_eq(late.state.moments["rov-cit/2"].home_goals, 2)
end)

test("the same number again corrects what was said, and sending twice is harmless", function(sim)
  local ann = reader(sim)
  for _ = 1, 3 do post(sim, goal { n = 7 }) end
  post(sim, goal { n = 7, kind = "note", who = "Goal taken back", home_goals = 0 })
  post(sim, goal { n = nil, kind = "half", minute = 45, home_goals = 0 })
  sim:step(2)
  local state = ann.state
  expect_eq(count(state.moments, function(m) return m.match == "rov-cit" end), 2)
  expect_eq({ state.moments["rov-cit/7"].kind, state.matches["rov-cit"].home_goals }, { "note", 0 })
  expect_eq({ state.moments["rov-cit/8"].kind, state.matches["rov-cit"].phase }, { "half", "half" })
end)

test("a feed takes a simulated match over; it goes on by its word only", function(sim)
  local ann = reader(sim)
  local id = next(ann.state.matches)
  post(sim, { match = id, kind = "goal", side = "home", minute = 3, home_goals = 9, away_goals = 0 })
  sim:wait(60)
  local match = ann.state.matches[id]
  expect_eq({ match.fed, match.minute, match.home_goals }, { true, 3, 9 })
  expect_eq(count(ann.state.matches), 7, "another one is simulated instead")
  sim:wait(1300)
  expect_eq(ann.state.matches[id], nil, "silence for twenty minutes")
end)

test("who has no token, no JSON or no room is told so", function(sim)
  expect_eq({ post(sim, goal()) }, { 404, { error = "there is no such room" }, select(3, post(sim, goal())) })
  local ann = reader(sim)
  expect_eq(post(sim, goal(), { token = "wrong" }), 401)
  expect_eq(sim:http("POST", "/today", { data = goal() }), 401)
  expect_eq(post(sim, goal(), { method = "GET" }), 405)
  expect_eq(post(sim, nil, { body = "goal!" }), 400)
  expect_eq(post(sim, goal(), { path = "/" }), 404)
  expect_eq(post(sim, goal(), { path = "/tomorrow" }), 404)
  sim:step(2)
  expect_eq(ann.state.matches["rov-cit"], nil)
end)

test("a field that does not fit is named, and nothing of the post counts", function(sim)
  local ann = reader(sim)
  for name, values in pairs {
    match = { "", ("x"):rep(33), "a/b", 7 }, kind = { "gaol", 1 }, side = { "left" }, minute = { -1, 1.5, 131, "12" },
    home_goals = { 256 }, n = { 0, 201 }, who = { ("x"):rep(61), "a\nb" }, referee = { "me" },
  } do
    for _, value in ipairs(values) do
      local status, body = post(sim, goal { [name] = value })
      expect_eq(status, 400, name)
      expect(body.error:find(name, 1, true), body.error)
    end
  end
  sim:step(2)
  expect_eq(count(ann.state.matches, function(m) return m.fed end), 0)
end)

test("a feed cannot fill a room up", function(sim)
  local ann = reader(sim)
  for i = 1, 60 do post(sim, goal { match = "m" .. i }) end
  for _ = 1, 300 do post(sim, goal { match = "m1" }) end
  sim:step(10)
  expect_eq(count(ann.state.matches), 40)
  expect_eq(count(ann.state.moments, function(m) return m.match == "m1" end), 200)
end)

test("readers say nothing", function(sim)
  local ann = reader(sim)
  local _, why = ann:request("goal", goal())
  expect(why, "there is no such request")
  ann:send("moment", goal())
  sim:step(2)
  expect_eq(ann.state.matches["rov-cit"], nil)
  expect_eq(ann.closed, nil)
end)

test("who was cut off gets what is missing; readers are counted; a new room says so", function(sim)
  local ann, bob = reader(sim), reader(sim)
  local _, first = post(sim, goal())
  sim:step(2)
  expect_eq(ann.state.readers, 2)
  ann:drop()
  post(sim, goal { minute = 20, home_goals = 2 })
  sim:wait(20)
  expect(ann:resume())
  expect_eq(ann.state, bob.state)
  expect_eq(ann.state.moments["rov-cit/2"].home_goals, 2)
  expect_eq(select(2, post(sim, goal())), first, "the same room, the same since")
  ann:leave()
  bob:leave()
  sim:wait(2)
  local cem = reader(sim)
  expect_eq(cem.state.readers, 1)
  local _, second = post(sim, goal())
  expect(second.since ~= first.since, "the feed sees that it has to tell all again")
end)

test("new code keeps the matches, and plays on", function(sim)
  local ann = reader(sim)
  post(sim, goal())
  sim:step(2)
  local before = show(ann.state.moments["rov-cit/1"])
  expect(sim:edit("game.lua", function(text) return (text:gsub("SIMULATED, MOST = 6", "SIMULATED, MOST = 5")) end))
  sim:wait(500)
  expect_eq(show(ann.state.moments["rov-cit/1"]), before)
  expect_eq(count(ann.state.matches, function(m) return not m.fed end), 5)
  expect(not sim:edit("fixtures.lua", "return 7 7"))
  expect(sim:errors():find("fixtures.lua", 1, true))
end)
