-- SPDX-License-Identifier: MIT
-- Crazy Eights: follow the suit or the rank of the card on the pile, or lay an
-- eight and name a suit. Who is rid of all cards wins what the others hold.
local parlor = require "parlor"
local rules = require "rules"
local s = parlor.schema

local TURN = 25       -- seconds for a turn; then the table draws and passes for you
local PAUSE = 15      -- seconds until the next round is dealt
local THINK = 2       -- seconds that a bot thinks
local GOAL = 100      -- points that win the game
local SEATS = 6
local BOT = 2 ^ 31    -- keys of bots begin here, where no player's id will ever be
local NAMES = {"Ada", "Boole", "Cantor", "Dirac", "Euler", "Fermat"}

local cards = parlor.game {
  title = "Crazy Eights", about = "Two to six at a table. Private hands, a clock, and bots that hold a seat.",
  -- No ticks: nothing runs but what players do, and one timer a second.
  tick_rate = 0, max_players = SEATS, max_spectators = 50, reconnect = 60,
  -- All of the game is here, so it survives whatever happens to the script.
  state = {
    phase = s.enum {"wait", "play", "over", "won"},
    seats = s.map {
      name = s.str(16), points = s.u16, who = s.enum {"here", "away", "bot"},
      hand = s.list(s.u8, {max = 52}) {to = "owner"},  -- the cards: for its player alone,
      count = s.u8,                                    -- how many there are: for everybody
      shown = s.list(s.u8, {max = 52}),                -- laid open when the round is over
    },
    order = s.list(s.uint, {max = SEATS}),             -- who plays in this round, in turn
    turn = s.uint, drawn = s.bool, left = s.u8,        -- whose turn (0: nobody's), drawn?, seconds left
    suit = s.enum(rules.SUITS),                        -- what to follow; after an eight what was named
    pile = s.list(s.u8, {max = 52}),                   -- the last one is on top
    stock = s.u8,                                      -- how many cards there are to draw, and
    deck = s.list(s.u8, {max = 52}) {to = "server"},   -- which: nobody sees them
    passes = s.u8 {to = "server"}, winner = s.uint,
  },
  -- What a player wants. Whether it is allowed is for the rules below to say.
  messages = {
    deal = s.message({}, {rate = 2}), bot = s.message({add = s.bool}, {rate = 5}),
    play = s.message({card = s.u8, suit = s.enum(rules.SUITS)}, {rate = 5}),
    draw = s.message({}, {rate = 5}), pass = s.message({}, {rate = 5}),
  },
  events = {
    did = {by = s.uint, what = s.enum {"play", "draw", "pass", "late"}, card = s.opt(s.u8)},
    refused = {why = s.str(60)},
  },
}

local function place_in(list, value)
  for i = 1, #list do if list[i] == value then return i end end
end

-- How many sit at the table, and the first bot among them.
local function look_round(state)
  local n, bot = 0, nil
  for id, seat in parlor.each(state.seats) do
    n = n + 1
    if seat.who == "bot" then bot = bot or id end
  end
  return n, bot
end

-- The card off the stock goes to a seat; an empty stock is the pile turned over.
local function give(room, seat)
  local state = room.state
  if #state.deck == 0 then
    local top = table.remove(state.pile)
    for _, card in ipairs(state.pile) do
      table.insert(state.deck, room:random(#state.deck + 1), card)
    end
    state.pile = {top}
  end
  table.insert(seat.hand, table.remove(state.deck))
  seat.count, state.stock = #seat.hand, #state.deck
end

function cards:create() self:every(1000, "second") end

-- After the loss of a VM the same code runs in a new one: all that is declared
-- is back, timers are not. After a reload timers are still there.
function cards:reloaded(_, is_rebuilt)
  if is_rebuilt then self:every(1000, "second") end
end

-- Who comes into a running round takes a bot's place, with its hand and points.
function cards:join(player)
  local state, seats = self.state, self.state.seats
  local n, bot = look_round(state)
  if not bot or (state.phase ~= "play" and n < SEATS) then
    seats[player.id] = {name = player.name}
    return
  end
  local seat, place = seats[bot], place_in(state.order, bot)
  seats[bot], seats[player.id] = nil, seat
  seat.name, seat.who = player.name, "here"
  if place then state.order[place] = player.id end
  if state.turn == bot then state.turn, state.left = player.id, TURN end
  if state.winner == bot then state.winner = player.id end
end

-- A lost connection: a bot plays the hand, and gives it back.
function cards:drop(player) self.state.seats[player.id].who = "away" end
function cards:resume(player)
  self.state.seats[player.id].who = "here"
  if self.state.turn == player.id then self.state.left = TURN end
end

-- Gone for good: while a round is on a bot keeps the seat for the next one to come.
function cards:leave(player)
  local seats, is_playing = self.state.seats, place_in(self.state.order, player.id)
  if is_playing then seats[player.id].who = "bot" else seats[player.id] = nil end
end

function cards:deal()
  local state, order = self.state, {}
  if state.phase == "play" then return "the round is on" end
  local is_new = state.phase == "won"
  for id in parlor.each(state.seats) do table.insert(order, id) end
  if #order < 2 then return "it takes two; add a bot" end
  local deck = rules.shuffled(function(n) return self:random(n) end)
  local first = table.remove(deck)
  state.pile, state.suit, state.deck = {first}, rules.suit(first), deck
  for _, seat in parlor.each(state.seats) do
    seat.hand, seat.shown = {}, {}
    if is_new then seat.points = 0 end
    for _ = 1, #order == 2 and 7 or 5 do give(self, seat) end
  end
  state.order, state.turn = order, order[place_in(order, state.winner) or 1]
  state.phase, state.winner, state.left, state.drawn, state.passes = "play", 0, TURN, false, 0
end

-- The winner gets what the others hold. Without one (nobody can go on) nobody does.
local function finish(room, winner)
  local state, sum = room.state, 0
  for _, id in ipairs(state.order) do
    local seat = state.seats[id]
    for _, card in ipairs(seat.hand) do sum = sum + rules.worth(card) end
    seat.shown, seat.hand = seat.hand, {}
  end
  state.winner, state.phase = winner or 0, "over"
  state.left, state.turn, state.order = PAUSE, 0, {}
  local seat = state.seats[winner]
  if seat then seat.points = math.min(seat.points + sum, 65535) end
  if seat and seat.points >= GOAL then state.phase = "won" end
end

local function next_turn(room)
  local state = room.state
  state.turn = state.order[place_in(state.order, state.turn) % #state.order + 1]
  state.left, state.drawn = TURN, false
end

-- The three moves. Each says why it is not allowed, or nothing. Players and bots
-- go through the same door.
function cards:play(id, card, suit)
  local state, seat = self.state, self.state.seats[id]
  if state.turn ~= id then return "it is not your turn" end
  local i = place_in(seat.hand, card)
  if not i then return "you do not hold this card" end
  local top = state.pile[#state.pile]
  if not rules.fits(card, top, state.suit) then return "it fits neither suit nor rank" end
  table.remove(seat.hand, i)
  table.insert(state.pile, card)
  seat.count, state.passes = #seat.hand, 0
  state.suit = rules.rank(card) == 8 and suit or rules.suit(card)
  self:broadcast("did", {by = id, what = "play", card = card})
  if seat.count == 0 then finish(self, id) else next_turn(self) end
end

function cards:draw(id)
  local state = self.state
  if state.turn ~= id then return "it is not your turn" end
  if state.drawn then return "one card a turn: play or pass" end
  if #state.deck + #state.pile == 1 then return "there is no card left: play or pass" end
  give(self, state.seats[id])
  state.drawn = true
  self:broadcast("did", {by = id, what = "draw"})
end

function cards:pass(id)
  local state = self.state
  if state.turn ~= id then return "it is not your turn" end
  local is_out = #state.deck + #state.pile == 1
  if not state.drawn and not is_out then return "draw a card first" end
  self:broadcast("did", {by = id, what = "pass"})
  state.passes = is_out and state.passes + 1 or 0 -- in a row, with nothing to draw
  if is_out and state.passes >= #state.order then finish(self) else next_turn(self) end
end

local function tell(player, why)
  if why then player:send("refused", {why = why}) end
end
function cards.on.play(room, player, m) tell(player, room:play(player.id, m.card, m.suit)) end
function cards.on.draw(room, player) tell(player, room:draw(player.id)) end
function cards.on.pass(room, player) tell(player, room:pass(player.id)) end
function cards.on.deal(room, player) tell(player, room:deal()) end

function cards.on.bot(room, player, m)
  local seats, n, bot = room.state.seats, look_round(room.state)
  if room.state.phase == "play" then return tell(player, "not while a round is on") end
  if m.add and n == SEATS then return tell(player, "the table is full") end
  local free = 1
  while seats[BOT + free] do free = free + 1 end
  if m.add then seats[BOT + free] = {name = NAMES[free], who = "bot"} end
  if not m.add and bot then seats[bot] = nil end
end

local function play_bot(room, id)
  local state = room.state
  local card, suit = rules.choose(state.seats[id].hand, state.pile[#state.pile], state.suit)
  if card then room:play(id, card, suit) elseif room:draw(id) then room:pass(id) end
end

function cards:second()
  local state, id = self.state, self.state.turn
  state.left = math.max(state.left - 1, 0)
  if state.phase ~= "play" then
    if state.phase ~= "wait" and state.left == 0 then self:deal() end
  elseif state.seats[id].who ~= "here" then
    if state.left <= TURN - THINK then play_bot(self, id) end
  elseif state.left == 0 then
    self:broadcast("did", {by = id, what = "late"})
    self:draw(id)
    self:pass(id)
  end
end

return cards
