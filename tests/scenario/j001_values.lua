-- SPDX-License-Identifier: MIT
-- Composed values, owners' fields and interest as simulated players see them: one who is
-- sent edits holds what one who is sent everything holds, in binary and in JSON.

local values = [[
  local g = parlor.game { tick_rate = 20,
    state = {
      story = s.text, draft = s.any, goal = s.opt({ x = s.i16, why = s.opt(s.str) }), blob = s.bytes(9),
      tags = s.list(s.str), score = s.map(s.u16, { keys = "integer" }),
      bags = s.map({ items = s.list({ kind = s.enum {"a", "b"}, n = s.u8, note = s.opt(s.text) }),
        pos = { cell = s.opt(s.u32), near = s.map({ d = s.f32, of = s.list(s.u8) }, { keys = "string" }) } }),
    },
    messages = { put = { path = s.list(s.any), value = s.any, bytes = s.bytes, story = s.text, goal = s.opt(s.u8),
      list = s.list({ n = s.u8 }), by = s.map(s.bool, { keys = "integer" }) } },
    events = { got = { value = s.any, bytes = s.bytes, story = s.text, goal = s.opt(s.u8), list = s.list({ n = s.u8 }),
      by = s.map(s.bool, { keys = "integer" }) } },
  }
  function g:join(p)
    self.state.bags[p.id] = { items = { { kind = "b", n = 1 }, { n = 2, note = "héllo" } }, pos = { near = { k = { d = 1.5, of = { 1, 2 } } } } }
  end
  function g.on.put(room, p, m)
    local at = room.state
    if m.path[1] == "score" and #m.path == 1 then -- keys of an any are texts
      local score = {}
      for k, v in pairs(m.value) do score[tonumber(k)] = v end
      m.value = score
    end
    for i = 1, #m.path - 1 do at = at[m.path[i] ] end
    if #m.path > 0 then at[m.path[#m.path] ] = m.value end
    room:broadcast("got", { value = m.value, bytes = m.bytes, story = m.story, goal = m.goal, list = m.list, by = m.by })
  end
  return g
]]

-- Changes, one at a time: a path and a value.
local changes = {
  { { "story" }, "one grüezi 😀 two" }, { { "story" }, "one grüezi 😀 three and more of it" },
  { { "story" }, "grüezi 😁 three and more of it" }, { { "story" }, "" },
  { { "draft" }, { a = { 1, 2, { x = "y" } }, b = true } }, { { "draft", "a", 2 }, "two" },
  { { "draft", "a", 3, "x" }, "a long text that is spliced, not sent" },
  { { "draft", "a", 3, "x" }, "a long text that was spliced, not sent" }, { { "draft", "b" }, nil },
  { { "draft" }, "\255\0bytes" }, { { "draft" }, 7 }, { { "draft" }, nil },
  { { "goal" }, { x = 3 } }, { { "goal", "x" }, 4 }, { { "goal", "why" }, "because" }, { { "goal", "why" }, nil }, { { "goal" }, nil },
  { { "blob" }, "\0\1\254" }, { { "blob" }, "" },
  { { "tags" }, { "a", "b", "c", "d", "e" } }, { { "tags", 3 }, "x" }, { { "tags" }, { "a", "x", "d", "e", "f", "g" } },
  { { "tags" }, { "g" } }, { { "tags" }, {} },
  { { "score" }, { [-3] = 1, [7] = 2, [300] = 3 } }, { { "score", -3 }, nil }, { { "score", 8 }, 65535 }, { { "score", 7 }, 9 },
  { { "bags", 1, "items", 1, "n" }, 200 }, { { "bags", 1, "items", 2, "note" }, nil }, { { "bags", 1, "items", 1, "note" }, "new" },
  { { "bags", 1, "items", 3 }, { kind = "b", n = 3 } }, { { "bags", 1, "pos", "cell" }, 70000 },
  { { "bags", 1, "pos", "near", "k", "of", 3 }, 9 }, { { "bags", 1, "pos", "near", "other" }, { d = 2 } },
  { { "bags", 1, "pos", "near", "k" }, nil }, { { "bags", 1, "items" }, {} },
}

test("players who are sent edits hold what newcomers are sent, whatever changes in a value", function()
  game("g", values)
  local a, b = join("g", { codec = "binary", room = "r" }), join("g", { codec = "json", room = "r" })
  step(100)
  for i, c in ipairs(changes) do
    local before = show(a:state())
    a:send("put", { path = c[1], value = c[2] })
    step(100)
    expect(show(a:state()) ~= before, "change " .. i .. " does something")
    expect_eq(a:state(), b:state(), "change " .. i)
    local fresh = join("g", { codec = i % 2 == 0 and "binary" or "plain", room = "r" })
    step(100)
    expect_eq(a:state(), fresh:state(), "all at once, change " .. i)
    fresh:leave()
    a:send("put", { path = { "bags", fresh.id } })
    step(100)
  end
  expect_no_errors()
end)

test("composed values travel in messages and events", function()
  game("g", values)
  local a, b = join("g", { codec = "binary", room = "r" }), join("g", { codec = "json", room = "r" })
  step(100)
  a:story() b:story()
  for _, m in ipairs {
    { value = { 1, { k = "v" } }, bytes = "\0\200", story = "text", goal = 5, list = { { n = 1 }, { n = 2 } }, by = { [-1] = true, [3] = false } },
    {},
  } do
    a:send("put", m)
    step(100)
    local x, y = a:events()[1].data, b:events()[1].data
    expect_eq(x, y)
    expect_eq(x.list, m.list or {})
    expect_eq(x.story, m.story or "")
  end
  expect_eq(a.closed, nil)
end)

local seen = [[
  local g = parlor.game { tick_rate = 20, max_watched = 2,
    state = {
      ships = s.map({ x = s.i16, y = s.i16, hp = s.u8, cargo = s.list(s.u8) {to = "owner"}, seed = s.u32 {to = "server"} },
        { interest = s.near {x = "x", y = "y", see = 10, forget = 20} }),
      hands = s.map { cards = s.str {to = "owner"} },
      quotes = s.map({ bid = s.u32 }, { keys = "string", interest = s.keys }),
    },
  }
  function g:create() self.state.quotes.A, self.state.quotes.B = { bid = 1 }, { bid = 2 } end
  function g:join(p)
    self.state.ships[p.id] = { x = p.id * 100, cargo = { p.id }, seed = 9 }
    self.state.hands[p.id] = { cards = "c" .. p.id }
  end
  function g:leave(p) self.state.ships[p.id], self.state.hands[p.id] = nil, nil end
  function g:message(p, name, v)
    if name == "go" then self.state.ships[p.id].x = v
    elseif name == "load" then table.insert(self.state.ships[p.id].cargo, v)
    elseif name == "view" then p:view(v)
    elseif name == "watch" then return { p:watch("quotes", v) }
    elseif name == "unwatch" then p:unwatch("quotes", v)
    elseif name == "bid" then self.state.quotes.A.bid = v end
  end
  return g
]]

for _, codec in ipairs(codecs) do
  test("a player holds its own fields and the rows in its sight: " .. codec, function()
    game("g", seen)
    local a, b = join("g", { codec = codec, room = "r" }), join("g", { codec = "binary", room = "r" })
    step(100)
    local function ship(x, cargo) return { x = x, y = 0, hp = 0, cargo = cargo } end
    expect_eq(a:state(), { ships = { ["1"] = ship(100, { 1 }) }, hands = { ["1"] = { cards = "c1" }, ["2"] = {} }, quotes = {} })
    b:send("load", 7)
    b:send("go", 105)
    step(100)
    expect_eq(a:state().ships, { ["1"] = ship(100, { 1 }), ["2"] = ship(105) })
    expect_eq(b:state().ships, { ["1"] = ship(100), ["2"] = ship(105, { 2, 7 }) })
    b:send("go", 115) -- seen until it is farther than 20
    step(100)
    expect_eq(a:state().ships["2"], ship(115))
    b:send("go", 121)
    a:send("load", 8)
    step(100)
    expect_eq(a:state().ships, { ["1"] = ship(100, { 1, 8 }) })
    a:send("view", { x = 120, y = 0 })
    step(100)
    expect_eq(a:state().ships, { ["1"] = ship(100, { 1, 8 }), ["2"] = ship(121) })
    a:send("watch", "A")
    step(100)
    expect_eq(a:state().quotes, { A = { bid = 1 } })
    a:send("watch", "none") a:send("watch", "B") a:send("unwatch", "none") a:send("watch", "B") a:send("bid", 4)
    step(100)
    expect_eq(a:state().quotes, { A = { bid = 4 }, B = { bid = 2 } })
    a:send("unwatch", "A")
    step(100)
    expect_eq(a:state().quotes, { B = { bid = 2 } })
    expect_eq(b:state().quotes, {})
    b:leave()
    step(100)
    expect_eq(a:state().hands, { ["1"] = { cards = "c1" } })
    expect_eq(a.closed, nil)
  end)
end
