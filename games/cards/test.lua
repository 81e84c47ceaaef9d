-- SPDX-License-Identifier: MIT
-- Run with: parlor test cards

local function seat_of(player) return player.state.seats[player.id] end
local function suit_of(card) return ({ "clubs", "diamonds", "hearts", "spades" })[math.floor(card / 13) + 1] end
local function rank_of(card) return card % 13 + 1 end

-- Two or more at a table of their own, with the cards dealt.
local function table_of(sim, ...)
  local all = {}
  for _, name in ipairs { ... } do all[#all + 1] = sim:join { name = name, room = "table" } end
  all[1]:send("deal", {})
  sim:step(2)
  return unpack(all)
end

local function on_turn(...)
  for _, player in ipairs { ... } do
    if player.state.turn == player.id then return player end
  end
end

-- The first card of the hand that fits (or that does not).
local function pick(player, fitting)
  local state = player.state
  local top = state.pile[#state.pile]
  for _, card in ipairs(seat_of(player).hand) do
    local fits = rank_of(card) == 8 or suit_of(card) == state.suit or rank_of(card) == rank_of(top)
    if fits == fitting then return card end
  end
end

-- Plays, or draws and passes, as any player would.
local function move(sim, player)
  local card = pick(player, true)
  if card then
    player:send("play", { card = card, suit = "hearts" })
  else
    player:send("draw", {})
    player:send("pass", {})
  end
  sim:wait(0.25) -- at most five of each kind a second
end

test("two get seven cards, three get five; the pile does not begin with an eight", function(sim)
  local ann, bob = table_of(sim, "Ann", "Bob")
  expect_eq({ #seat_of(ann).hand, #seat_of(bob).hand, ann.state.stock }, { 7, 7, 52 - 15 })
  for i = 1, 30 do
    local p = sim:join { name = "P", room = "t" .. i }
    p:send("bot", { add = true })
    p:send("bot", { add = true })
    p:send("deal", {})
    sim:step(2)
    expect_eq(#seat_of(p).hand, 5)
    expect(rank_of(p.state.pile[1]) ~= 8, "an eight on top")
    p:leave()
  end
end)

test("nobody sees another's cards or the deck, spectators neither", function(sim)
  local ann, bob = table_of(sim, "Ann", "Bob")
  local eve = sim:join { name = "Eve", room = "table", spectate = true }
  sim:step(2)
  for _, viewer in ipairs { bob, eve } do
    expect_eq({ viewer.state.seats[ann.id].hand, viewer.state.seats[ann.id].count }, { nil, 7 })
    expect_eq(viewer.state.deck, nil)
  end
  expect_eq(#seat_of(bob).hand, 7)
end)

test("only who is on turn plays, only own cards, and only what fits", function(sim)
  local ann, bob = table_of(sim, "Ann", "Bob")
  local on = on_turn(ann, bob)
  local off = on == ann and bob or ann
  local before = show(ann.state.pile)
  local function is_refused(player, name, data, why)
    player:send(name, data)
    sim:step(2)
    expect_eq(player:event("refused").why, why)
    expect_eq(show(ann.state.pile), before)
  end
  is_refused(off, "play", { card = seat_of(off).hand[1], suit = "clubs" }, "it is not your turn")
  is_refused(off, "draw", {}, "it is not your turn")
  is_refused(off, "pass", {}, "it is not your turn")
  is_refused(on, "play", { card = seat_of(off).hand[1], suit = "clubs" }, "you do not hold this card")
  is_refused(on, "play", { card = 200, suit = "clubs" }, "you do not hold this card")
  is_refused(on, "pass", {}, "draw a card first")
  is_refused(on, "deal", {}, "the round is on")
  is_refused(on, "bot", { add = true }, "not while a round is on")
  local wrong = pick(on, false)
  if wrong then is_refused(on, "play", { card = wrong, suit = "clubs" }, "it fits neither suit nor rank") end
  on:send("draw", {})
  on:send("draw", {})
  sim:step(2)
  expect_eq({ seat_of(on).count, on:event("refused").why }, { 8, "one card a turn: play or pass" })
  on:send("pass", {})
  sim:step(2)
  expect_eq(ann.state.turn, off.id)
  expect_eq(off:events("did"), { { by = on.id, what = "draw" }, { by = on.id, what = "pass" } })
  expect_eq(sim:errors(), "")
end)

test("a card of another kind than a number never reaches the script", function(sim)
  local ann, bob = table_of(sim, "Ann", "Bob")
  local on = on_turn(ann, bob)
  for _, body in ipairs { { card = "x" }, { card = -1 }, { card = 1.5 }, { card = 1, suit = "stars" } } do
    pcall(on.send, on, "play", body)
  end
  sim:step(2)
  expect_eq({ #ann.state.pile, on:event("refused") }, { 1, nil })
end)

test("an eight goes on anything and names the suit to follow", function(sim)
  local ann, bob = table_of(sim, "Ann", "Bob")
  for _ = 1, 200 do
    local on, eight = on_turn(ann, bob), nil
    if not on then break end
    for _, card in ipairs(seat_of(on).hand) do eight = rank_of(card) == 8 and card or eight end
    if eight and #seat_of(on).hand > 1 then
      on:send("play", { card = eight, suit = "diamonds" })
      sim:step(2)
      expect_eq({ ann.state.pile[#ann.state.pile], ann.state.suit }, { eight, "diamonds" })
      return
    end
    on:send("draw", {})
    on:send("pass", {})
    sim:wait(0.25)
  end
  error("no eight in all the deck")
end)

test("rounds are played to their end, and points until somebody has won the game", function(sim)
  local ann, bob = table_of(sim, "Ann", "Bob")
  local rounds, is_won = 0, false
  for _ = 1, 3000 do
    local on = on_turn(ann, bob)
    if on then
      local n = #ann.state.pile + ann.state.stock
      expect_eq(n + seat_of(ann).count + seat_of(bob).count, 52, "no card is lost")
      move(sim, on)
    else
      rounds = rounds + 1
      local winner = ann.state.seats[ann.state.winner]
      is_won = ann.state.phase == "won"
      if winner then
        local loser = ann.state.winner == ann.id and bob or ann
        expect_eq({ #winner.shown, #seat_of(loser).shown, #seat_of(loser).hand },
          { 0, seat_of(loser).count, 0 })
        expect_eq(is_won, winner.points >= 100)
      end
      if is_won then break end
      sim:wait(16) -- the next round is dealt by itself
      expect_eq({ ann.state.phase, #seat_of(ann).shown, #seat_of(bob).shown }, { "play", 0, 0 })
    end
  end
  expect(is_won, "nobody has won after " .. rounds .. " rounds")
  sim:wait(16)
  expect_eq({ ann.state.phase, seat_of(ann).points, seat_of(bob).points }, { "play", 0, 0 })
end)

test("an empty stock is the pile turned over; when nothing is left, nobody wins", function(sim)
  local ann, bob = table_of(sim, "Ann", "Bob")
  for _ = 1, 4 do move(sim, on_turn(ann, bob)) end
  local played = #ann.state.pile
  expect(played > 1, "a pile to turn over")
  for _ = 1, 200 do
    local on, top = on_turn(ann, bob), ann.state.pile[#ann.state.pile]
    if not on then break end
    on:send("draw", {})
    on:send("pass", {})
    sim:wait(0.25)
    if ann.state.phase == "play" then
      expect_eq(ann.state.pile[#ann.state.pile], top, "the top card stays")
      local n = #ann.state.pile + ann.state.stock + seat_of(ann).count + seat_of(bob).count
      expect_eq(n, 52, "no card is lost")
    end
  end
  expect_eq({ ann.state.phase, ann.state.winner, #ann.state.pile }, { "over", 0, 1 })
  expect_eq({ seat_of(ann).points, seat_of(bob).points }, { 0, 0 })
  local last
  for _, e in ipairs(bob:events("refused")) do last = e end
  for _, e in ipairs(last and {} or ann:events("refused")) do last = e end
  expect_eq(last and last.why, "there is no card left: play or pass")
end)

test("a bot plays its dearest card that fits, eights last, and names its longest suit", function()
  local here = debug.getinfo(1, "S").source:match("^@(.*/)")
  local rules = dofile(here .. "rules.lua")
  local two_of_hearts, ten_of_hearts, king_of_hearts, eight_of_clubs = 27, 35, 38, 7
  local hand = { eight_of_clubs, two_of_hearts, king_of_hearts }
  expect_eq({ rules.choose(hand, ten_of_hearts, "hearts") }, { king_of_hearts, "hearts" })
  expect_eq({ rules.choose(hand, 0, "spades") }, { eight_of_clubs, "hearts" })
  expect_eq({ rules.choose({ two_of_hearts }, 0, "spades") }, { nil, "hearts" })
  expect_eq({ rules.worth(eight_of_clubs), rules.worth(king_of_hearts), rules.worth(26) }, { 50, 10, 1 })
end)

test("who does not move draws and passes when the time is up", function(sim)
  local ann, bob = table_of(sim, "Ann", "Bob")
  local on = on_turn(ann, bob)
  sim:wait(24)
  expect_eq(ann.state.turn, on.id)
  sim:wait(2)
  expect(ann.state.turn ~= on.id, "it is the other's turn")
  expect_eq(seat_of(on).count, 8)
end)

test("a bot plays for who is cut off, and gives the hand back", function(sim)
  local ann, bob = table_of(sim, "Ann", "Bob")
  local off = on_turn(ann, bob)
  local other = off == ann and bob or ann
  off:drop()
  sim:wait(0.2)
  expect_eq(other.state.seats[off.id].who, "away")
  for _ = 1, 3 do -- the bot takes its turn each time
    for _ = 1, 60 do
      if other.state.turn == other.id then break end
      sim:wait(0.2)
    end
    expect_eq(other.state.turn, other.id)
    move(sim, other)
  end
  local count = other.state.seats[off.id].count
  expect(off:resume(), "the seat is kept")
  sim:step(2)
  expect_eq({ seat_of(off).who, #seat_of(off).hand }, { "here", count })
  expect_eq(off.state.pile, other.state.pile)
end)

test("who comes back on turn has all the time again", function(sim)
  local ann, bob = table_of(sim, "Ann", "Bob")
  local on = on_turn(ann, bob)
  sim:wait(10)
  on:drop()
  expect(on:resume())
  sim:step(2)
  expect_eq({ on.state.turn, on.state.left }, { on.id, 25 })
end)

test("who leaves for good is replaced by a bot, whose hand the next one gets", function(sim)
  local ann, bob = table_of(sim, "Ann", "Bob")
  local on = on_turn(ann, bob)
  local other, hand = on == ann and bob or ann, show(seat_of(on).hand)
  on:leave()
  sim:step(2)
  expect_eq(other.state.seats[on.id].who, "bot")
  local cem = sim:join { name = "Cem", room = "table" }
  sim:step(2)
  expect_eq({ show(seat_of(cem).hand), seat_of(cem).who, seat_of(cem).name }, { hand, "here", "Cem" })
  expect_eq({ other.state.seats[on.id], other.state.turn, #other.state.order }, { nil, cem.id, 2 })
  move(sim, cem)
  expect_eq(other.state.turn, other.id, "the round goes on")
end)

test("who comes while all seats of the round are people's waits for the next one", function(sim)
  local ann, bob = table_of(sim, "Ann", "Bob")
  local cem = sim:join { name = "Cem", room = "table" }
  expect_eq({ seat_of(cem).count, #cem.state.order }, { 0, 2 })
  cem:leave()
  sim:step(2)
  expect_eq(ann.state.seats[cem.id], nil, "and may go without a trace")
  expect_eq(ann.state.turn > 0 and bob.closed, nil)
end)

test("bots fill a table up to six and play by themselves", function(sim)
  local ann = sim:join { name = "Ann", room = "table" }
  for _ = 1, 6 do
    ann:send("bot", { add = true })
    sim:wait(0.25)
  end
  expect_eq(ann:event("refused").why, "the table is full")
  ann:send("bot", { add = false })
  ann:send("deal", {})
  sim:step(2)
  expect_eq(#ann.state.order, 5)
  local is_over = false
  for _ = 1, 60 do -- Ann never moves; the table draws and passes for her
    sim:wait(10)
    is_over = is_over or ann.state.phase ~= "play"
  end
  expect(is_over, "a round has come to its end")
  expect_eq(sim:errors(), "")
end)

test("one alone is told to find somebody", function(sim)
  local ann = sim:join { name = "Ann", room = "table" }
  ann:send("deal", {})
  sim:step(2)
  expect_eq(ann:event("refused").why, "it takes two; add a bot")
end)

test("a private table is found by its code alone", function(sim)
  local ann = sim:join { name = "Ann", private = true }
  local bob = sim:join { name = "Bob" }
  expect_eq(#sim:rooms(), 2, "Bob has another table")
  local cem = sim:join { name = "Cem", code = sim:rooms()[1].id }
  local n = 0
  for _ in pairs(cem.state.seats) do n = n + 1 end
  expect_eq({ n, bob.state.seats[bob.id].name }, { 2, "Bob" })
  expect(ann.state.seats[cem.id] or bob.state.seats[cem.id])
end)

test("new code goes on with the same hands", function(sim)
  local ann, bob = table_of(sim, "Ann", "Bob")
  local hands, pile = show { seat_of(ann).hand, seat_of(bob).hand }, show(ann.state.pile)
  expect(sim:edit("rules.lua", function(text)
    return (text:gsub("function rules.fits%(card, top, suit%)", "%0 do return true end"))
  end))
  sim:step(2)
  expect_eq({ show { seat_of(ann).hand, seat_of(bob).hand }, show(ann.state.pile) }, { hands, pile })
  local on = on_turn(ann, bob)
  local wrong = pick(on, false)
  if wrong then
    on:send("play", { card = wrong, suit = "clubs" })
    sim:step(2)
    expect_eq(on:event("refused"), nil, "anything goes now")
  end
  expect(not sim:edit("rules.lua", "this is not Lua"))
  expect(sim:errors():find("rules.lua:1", 1, true), "the mistake is told")
end)
