-- SPDX-License-Identifier: MIT
-- Run with: parlor test market

local function count(map)
  local n = 0
  for _ in pairs(map) do n = n + 1 end
  return n
end
local function keys(map)
  local all = {}
  for key in pairs(map) do all[#all + 1] = key end
  table.sort(all)
  return table.concat(all, " ")
end
local function watching(sim, ...) return sim:join { symbols = { ... } } end

test("five hundred companies, each with a symbol and a number of its own", function(sim)
  local ann, seen = sim:join {}, {}
  for symbol, company in pairs(ann.state.companies) do
    expect(symbol:match("^%u%u%u$"), symbol)
    seen[company.n] = true
  end
  expect_eq({ count(ann.state.companies), count(seen), #ann.state.heat }, { 500, 500, 500 })
end)

test("one sees what one watches and nothing else; a newcomer the biggest eight", function(sim)
  local ann, bob = watching(sim, "ASW", "ZOL", "not one", 7), sim:join {}
  sim:step(2)
  expect_eq({ keys(ann.state.quotes), count(bob.state.quotes) }, { "ASW ZOL", 8 })
  expect_eq({ ann:request("watch", { symbol = "BBK", on = true }) }, {})
  ann:request("watch", { symbol = "ZOL", on = false })
  sim:step(2)
  expect_eq(keys(ann.state.quotes), "ASW BBK")
  expect_eq(ann:request("watch", { symbol = "QQQ", on = true }), "There is no such symbol.")
  expect_eq(count(ann.state.readers), 1, "of the others one knows how many there are")
  expect_eq(ann.state.present, 2)
end)

test("prices move, stay near where they opened, and bid is below ask", function(sim)
  local ann = watching(sim, "ASW", "BPW", "CBK", "DPH", "EFD", "FST")
  local before, moved = ann.state, 0
  for _ = 1, 60 do
    sim:wait(2)
    for symbol, q in pairs(ann.state.quotes) do
      expect(q.bid < q.last and q.last < q.ask, symbol)
      local change = q.last / ann.state.companies[symbol].open
      expect(change > 0.6 and change < 1.6, symbol .. ": " .. change)
    end
  end
  for symbol, q in pairs(ann.state.quotes) do
    if q.last ~= before.quotes[symbol].last then moved = moved + 1 end
    expect(q.volume > before.quotes[symbol].volume, symbol)
  end
  expect(moved >= 5, moved .. " moved")
end)

test("the heat map has each change to 0.1 %, and the sparkline ends near the price", function(sim)
  local ann = watching(sim, "ASW", "QOL")
  sim:step(21)
  while ann.state.heat == "" do sim:step(1) end
  sim:wait(10)
  for symbol, q in pairs(ann.state.quotes) do
    local company = ann.state.companies[symbol]
    local warmth = ann.state.heat:byte(company.n + 1) - 128
    local change = (q.last / company.open - 1) * 1000
    expect(math.abs(warmth - change) < 25, symbol .. ": " .. warmth .. ", " .. change)
    expect_eq(#q.trail, 120)
    local low, high = q.trail:byte(119, 120)
    local last = (low + 256 * high) / 20000 * company.open
    expect(math.abs(last / q.last - 1) < 0.05, symbol)
  end
end)

test("there is a book only where somebody looks, and it is seen by who looks", function(sim)
  local ann, bob, eve = watching(sim), watching(sim), watching(sim)
  expect_eq({ ann:request("look", { symbol = "ASW" }) }, {})
  bob:request("look", { symbol = "ASW" })
  eve:request("look", { symbol = "ZOL" })
  sim:step(2)
  expect_eq({ keys(ann.state.books), keys(eve.state.books) }, { "ASW", "ZOL" })
  expect_eq({ #ann.state.books.ASW.bids, #ann.state.books.ASW.asks }, { 10, 10 })
  expect_eq(ann.state.books, bob.state.books)
  ann:request("look", { symbol = "ZOL" })
  sim:step(2)
  expect_eq(ann.state.books, eve.state.books)
  ann:request("look", { symbol = "" })
  sim:step(2)
  expect_eq(count(ann.state.books), 0)
  expect_eq(ann:request("look", { symbol = "QQQ" }), "There is no such symbol.")
end)

test("a book goes with its last reader, and comes anew", function(sim)
  local ann, bob, eve = watching(sim), watching(sim), watching(sim)
  ann:request("look", { symbol = "ASW" })
  bob:request("look", { symbol = "ASW" })
  ann:leave()
  sim:step(2)
  expect_eq(keys(bob.state.books), "ASW", "bob still looks")
  bob:leave()
  sim:step(2)
  -- A watched key shows a row that is there: were the book still there, eve would see it
  -- before she has asked for it to be made.
  expect(sim:edit("game.lua", function(text)
    return (text:gsub("function market:paint%(%)", 'function market:message() self.state.present = (next(self.state.books)) and 99 or 55 end\n%0'))
  end))
  eve:send("count")
  sim:step(2)
  expect_eq(eve.state.present, 55)
end)

test("no more than 64 keys, and what does not fit the schema goes nowhere", function(sim)
  local ann = watching(sim)
  local n, why = 0, nil
  for symbol in pairs(ann.state.companies) do
    if not why then
      why = ann:request("watch", { symbol = symbol, on = true })
      n = n + 1
      sim:wait(0.06)
    end
  end
  expect_eq({ n, why }, { 65, "That is as many as one can watch." })
  expect_eq(ann:request("look", { symbol = "ASW" }), "That is as many as one can watch.")
  local answer, error = ann:request("watch", { symbol = "TOO LONG", on = true })
  expect_eq(answer, nil)
  expect(error, "told so")
  ann:send("watch", "everything")
  sim:step(2)
  expect_eq({ count(ann.state.quotes), ann.closed }, { 64 })
end)

test("who was cut off watches and looks at the same as before", function(sim)
  local ann, bob = watching(sim, "ASW", "BBK"), watching(sim, "ASW", "BBK")
  ann:request("look", { symbol = "BBK" })
  bob:request("look", { symbol = "BBK" })
  ann:drop()
  sim:wait(20)
  expect(ann:resume())
  sim:step(1)
  expect_eq({ ann.state.quotes, ann.state.books }, { bob.state.quotes, bob.state.books })
  ann:drop()
  sim:wait(31)
  expect_eq(bob.state.present, 1)
end)

test("new code keeps prices, lists and books", function(sim)
  local ann = watching(sim, "ASW")
  ann:request("look", { symbol = "ASW" })
  sim:step(2)
  local before = ann.state.quotes.ASW.last
  expect(sim:edit("listing.lua", function(text) return (text:gsub("chance %+ mood %* k", "0")) end))
  sim:step(1)
  expect(math.abs(ann.state.quotes.ASW.last / before - 1) < 0.02)
  expect_eq(keys(ann.state.books), "ASW")
  expect(not sim:edit("game.lua", "return 1 1"))
  expect(sim:errors():find("game.lua", 1, true))
  sim:step(2)
  expect_eq(keys(ann.state.quotes), "ASW")
end)
