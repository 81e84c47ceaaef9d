-- SPDX-License-Identifier: MIT
-- The five hundred companies of the market, all made up: twenty-five names, twenty
-- trades. Pure functions: the dice come in, tables come out.
local listing = {
  TRAIL = 60,   -- points of a sparkline,
  SAMPLE = 100, -- ticks from one to the next
  LEVELS = 10,  -- prices on each side of an order book
}

listing.sectors = {"technology", "energy", "finance", "health", "consumer", "industry"}

local NAMES = {
  "Amber", "Boreal", "Cobalt", "Delta", "Ember", "Falcon", "Granite", "Harbor", "Indigo", "Juniper",
  "Kestrel", "Lunar", "Meridian", "Nimbus", "Orchid", "Pacific", "Quartz", "River", "Summit", "Tundra",
  "Umber", "Vertex", "Willow", "Xenon", "Zenith",
}
local TRADES = {
  {"SW", "Software", "technology"}, {"SC", "Semiconductors", "technology"}, {"RB", "Robotics", "technology"},
  {"NW", "Networks", "technology"}, {"PW", "Power", "energy"}, {"SL", "Solar", "energy"}, {"OL", "Oil", "energy"},
  {"BK", "Bank", "finance"}, {"CP", "Capital", "finance"}, {"IN", "Insurance", "finance"},
  {"PH", "Pharma", "health"}, {"BT", "Biotech", "health"}, {"CR", "Care", "health"},
  {"FD", "Foods", "consumer"}, {"BR", "Brands", "consumer"}, {"MT", "Motors", "consumer"},
  {"ST", "Steel", "industry"}, {"RL", "Rail", "industry"}, {"LG", "Logistics", "industry"}, {"AW", "Airways", "industry"},
}

-- One price of a sparkline, as a share of the opening price: two bytes, low one first.
function listing.sample(price, open)
  local v = math.max(0, math.min(65535, math.floor(price / open * 20000 + 0.5)))
  return string.char(v % 256, math.floor(v / 256))
end

-- The price after k trades: chance, the sector's mood, and a pull back to the open.
function listing.walk(price, open, mood, k, random)
  local chance = (random() + random() + random() - 1.5) * 0.0008 * math.sqrt(k)
  return math.max(price * (1 + chance + mood * k) + (open - price) * 0.0001 * k, open / 4)
end

-- How likely a company trades in a tick.
function listing.pace(company) return math.min((company.weight + 20) / 300, 1) end

-- The change since the opening in one byte: steps of 0.1 %, 128 is none.
function listing.warmth(price, open)
  return string.char(math.max(0, math.min(255, 128 + math.floor((price / open - 1) * 1000 + 0.5))))
end

-- Bid, ask and last around the price of a row.
function listing.quote(row)
  row.last = math.floor(row.price + 0.5)
  local half = math.max(1, math.floor(row.last * 0.0003))
  row.bid, row.ask = row.last - half, row.last + half
end

-- The best size is eaten up or a better one comes, by which way the price went; one of
-- the others changes. Returns the book.
function listing.stir(book, went, random)
  for name, way in pairs {bids = went, asks = -went} do
    local side = book[name]
    if way > 0 then table.insert(side, 1, random(1, 400)) elseif way < 0 then table.remove(side, 1) end
    while #side > listing.LEVELS do table.remove(side) end
    while #side < listing.LEVELS do side[#side + 1] = random(100, 900) end
    side[random(listing.LEVELS)] = random(50, 900)
  end
  return book
end

-- The symbols of the n biggest companies.
function listing.biggest(companies, n)
  local all = {}
  for symbol in pairs(companies) do all[#all + 1] = symbol end
  table.sort(all, function(a, b)
    local x, y = companies[a], companies[b]
    return x.weight > y.weight or (x.weight == y.weight and x.n < y.n)
  end)
  for i = n + 1, #all do all[i] = nil end
  return all
end

-- Calls add(symbol, company, quote) for each. The few big ones trade all the time.
function listing.each(random, add)
  local n = 0
  for _, name in ipairs(NAMES) do
    for _, trade in ipairs(TRADES) do
      local open = random(800, 40000)
      local company = {
        n = n, name = name .. " " .. trade[2], sector = trade[3], open = open,
        weight = math.min(math.floor(255 * random() ^ 3) + 1, 255),
      }
      -- The sparkline is there from the beginning: some hundred trades a point.
      local price, trail, k = open, {}, listing.SAMPLE * listing.pace(company)
      for i = 1, listing.TRAIL do
        price = listing.walk(price, open, 0, k, random)
        trail[i] = listing.sample(price, open)
      end
      local row = {price = price, trail = table.concat(trail)}
      listing.quote(row)
      add(name:sub(1, 1) .. trade[1], company, row)
      n = n + 1
    end
  end
end

return listing
