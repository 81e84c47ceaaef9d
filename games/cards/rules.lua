-- SPDX-License-Identifier: MIT
-- What is true of any deck and any hand. Pure functions: they look at what they
-- are given and change nothing, so a bot may think with them as well.
local rules = {SUITS = {"clubs", "diamonds", "hearts", "spades"}}

-- A card is a number from 0 to 51: thirteen of each suit, from ace to king.
function rules.suit(card) return rules.SUITS[math.floor(card / 13) + 1] end
function rules.rank(card) return card % 13 + 1 end
function rules.worth(card) return rules.rank(card) == 8 and 50 or math.min(rules.rank(card), 10) end

-- Whether a card may lie on `top` while `suit` is to be followed.
function rules.fits(card, top, suit)
  return rules.rank(card) == 8 or rules.suit(card) == suit or rules.rank(card) == rules.rank(top)
end

-- A deck in an order of its own; `random` is the room's. Its last card, which
-- begins the pile, is no eight.
function rules.shuffled(random)
  local deck = {}
  for card = 0, 51 do table.insert(deck, random(#deck + 1), card) end
  while rules.rank(deck[#deck]) == 8 do table.insert(deck, random(20), table.remove(deck)) end
  return deck
end

-- The dearest card that fits, or nil, and the suit that the hand has most of. An
-- eight is kept as long as something else can be laid.
function rules.choose(hand, top, suit)
  local best, most = nil, 0
  local held = {clubs = 0, diamonds = 0, hearts = 0, spades = 0}
  for _, card in ipairs(hand) do
    local is_eight = rules.rank(card) == 8
    local value = is_eight and 0.5 or rules.worth(card)
    if not is_eight then held[rules.suit(card)] = held[rules.suit(card)] + 1 end
    if value > most and rules.fits(card, top, suit) then best, most = card, value end
  end
  local named = "clubs"
  for _, name in ipairs(rules.SUITS) do if held[name] > held[named] then named = name end end
  return best, named
end

return rules
