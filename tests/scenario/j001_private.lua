-- SPDX-License-Identifier: MIT
-- Rooms of one's own: found by their code, and by nothing else.

local source = [[
local g = parlor.game { tick_rate = 20, max_players = 2, OPTIONS }
function g:join(p) p:send("room", { id = self.id }) end
return g
]]

local function open(options) game("g", (source:gsub("OPTIONS", options or ""))) end

local function sits(c)
  step(50)
  expect(c.hello_said, "nobody was let in")
  return c.hello_said
end

test("private makes a room with a code of six letters, told in every codec", function()
  open()
  local seen = {}
  for _, codec in ipairs { "json", "binary" } do
    local hello = sits(join("g", { codec = codec, private = true }))
    expect(hello.room:match "^[a-hj-km-np-z2-9]+$" and #hello.room == 6, hello.room)
    expect(hello.private)
    seen[hello.room] = true
  end
  local hello = sits(join("g", { codec = "plain", private = "1" }))
  expect(hello.private and not seen[hello.room])
  hello = sits(join "g")
  expect(not hello.private and not seen[hello.room])
  expect_eq(#rooms "g", 4)
end)

test("friends come by the code, as an option in any spelling or in the path", function()
  open()
  for i, codec in ipairs { "json", "binary", "plain" } do
    local code = sits(join("g", { codec = codec, private = "true" })).room
    local friend = i == 2 and join("g", { codec = codec, room = code })
      or join("g", { codec = codec, code = " " .. code:upper() })
    expect_eq(sits(friend).room, code)
    expect(friend.hello_said.private)
    local third = join("g", { codec = codec, code = code })
    step(50)
    expect_eq(third.closed.code, 4004)
  end
end)

test("nobody is matched into a private room, and no code opens one", function()
  open()
  local a = join("g", { private = true })
  local mine = sits(a).room
  for _ = 1, 4 do expect(sits(join "g").room ~= mine) end
  for _, code in ipairs { "zzzzzz", "", ("x"):rep(300), "../g" } do
    local c = join("g", { code = code })
    step(50)
    expect_eq(c.closed.code, 4002, code)
  end
  expect_eq(#rooms "g", 3)
  a:leave()
  step(100)
  local late = join("g", { code = mine })
  step(50)
  expect_eq(late.closed.code, 4002)
end)

test("rooms of their own are made where names must be listed, too", function()
  open 'rooms = "listed",'
  local code = sits(join("g", { private = true })).room
  expect_eq(sits(join("g", { code = code })).room, code)
end)
