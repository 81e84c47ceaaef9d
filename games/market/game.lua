-- SPDX-License-Identifier: MIT
-- Market: five hundred prices that move twenty times a second, and readers of whom
-- each is sent just what they look at.
local parlor = require "parlor"
local listing = require "listing"
local s = parlor.schema

local HEAT = 20 -- ticks between two heat maps
local FIRST = 8 -- companies that a newcomer without a list of their own is shown

local market = parlor.game {
  title = "Market", about = "500 symbols, 20 updates a second, and you get those that you watch.",
  tick_rate = 20, max_players = 20000, reconnect = 30, max_watched = 64,
  state = {
    -- What hardly changes: everybody gets it once, on the way in.
    companies = s.map({
      n = s.u16, name = s.str(32), sector = s.enum(listing.sectors), weight = s.u8, open = s.uint,
    }, {keys = "string"}),
    -- What changes all the time: a reader gets the rows whose keys they watch. Money is
    -- in cents: whole numbers, which are short on the wire. A sparkline is two bytes a
    -- point in one string, which costs a comparison a tick where a list costs sixty.
    quotes = s.map({
      bid = s.uint, ask = s.uint, last = s.uint, volume = s.uint, trail = s.bytes(2 * listing.TRAIL),
      price = s.f64 {to = "server"},
    }, {keys = "string", interest = s.keys}),
    -- Sizes at the best price and behind it. Only books at which somebody looks exist.
    books = s.map({
      bids = s.list(s.u16, {max = listing.LEVELS}), asks = s.list(s.u16, {max = listing.LEVELS}),
      readers = s.uint {to = "server"},
    }, {keys = "string", interest = s.keys}),
    -- All five hundred at a glance: one byte each, a second apart, by their number. All
    -- readers see the same string, so it is encoded once.
    heat = s.bytes(500),
    -- The rule of interest keeps readers from being told of each other: of a map by
    -- player everybody sees the own row, and nobody watches another.
    readers = s.map({look = s.str(3)}, {interest = s.keys}),
    present = s.uint,
  },
  -- A reader says what they want to see, and nothing else.
  messages = {
    watch = s.message({symbol = s.str(3), on = s.bool}, {rate = 20, burst = 128}),
    look = s.message({symbol = s.str(3)}, {rate = 10, burst = 20}),
  },
}

local function dice(room) return function(...) return room:random(...) end end

function market:create()
  listing.each(dice(self), function(symbol, company, row)
    self.state.companies[symbol], self.state.quotes[symbol] = company, row
  end)
  self:paint()
end

function market:paint()
  local state, bytes = self.state, {}
  for symbol, company in pairs(state.companies) do
    bytes[company.n + 1] = listing.warmth(state.quotes[symbol].last, company.open)
  end
  state.heat = table.concat(bytes)
end

function market:tick()
  local state, random = self.state, dice(self)
  for symbol, company in parlor.each(state.companies) do
    local row = state.quotes[symbol]
    if self:random() < listing.pace(company) then
      local before, mood = row.last, math.sin(self.time / 31 + #company.sector) * 0.00001
      row.price = listing.walk(row.price, company.open, mood, 1, random)
      row.volume = (row.volume + self:random(1, 9)) % 2 ^ 32
      listing.quote(row)
      if state.books[symbol] then listing.stir(state.books[symbol], row.last - before, random) end
    end
    if (self.tick + company.n) % listing.SAMPLE == 0 then
      row.trail = row.trail:sub(3) .. listing.sample(row.last, company.open)
    end
  end
  if self.tick % HEAT == 0 then self:paint() end
end

function market:join(player, options)
  local state, list = self.state, options.symbols
  state.readers[player.id], state.present = {}, state.present + 1
  if type(list) ~= "table" then list = listing.biggest(state.companies, FIRST) end
  for _, symbol in ipairs(list) do
    if state.companies[symbol] then player:watch("quotes", symbol) end
  end
end

-- A book is there as long as somebody looks at it.
local function look_away(room, player)
  local books, reader = room.state.books, room.state.readers[player.id]
  local book = books[reader.look]
  if not book then return end
  player:unwatch("books", reader.look)
  book.readers = book.readers - 1
  if book.readers == 0 then books[reader.look] = nil end
  reader.look = ""
end

function market:leave(player)
  look_away(self, player)
  self.state.readers[player.id], self.state.present = nil, self.state.present - 1
end

-- What is returned answers the page's request: why not, or nothing.
function market.on.watch(room, player, m)
  if not room.state.companies[m.symbol] then return "There is no such symbol." end
  if not m.on then player:unwatch("quotes", m.symbol) return end
  if not player:watch("quotes", m.symbol) then return "That is as many as one can watch." end
end

function market.on.look(room, player, m)
  local books, symbol = room.state.books, m.symbol
  look_away(room, player)
  if symbol == "" then return end
  if not room.state.companies[symbol] then return "There is no such symbol." end
  if not player:watch("books", symbol) then return "That is as many as one can watch." end
  books[symbol] = books[symbol] or listing.stir({bids = {}, asks = {}}, 0, dice(room))
  books[symbol].readers = books[symbol].readers + 1
  room.state.readers[player.id].look = symbol
end

return market
