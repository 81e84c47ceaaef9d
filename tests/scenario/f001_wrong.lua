-- SPDX-License-Identifier: MIT
-- Clients that do not keep to the protocol, or say too much.

local source = [[
local g = parlor.game { tick_rate = RATE, max_inputs = 50, state = { n = s.u32 },
  messages = { hop = s.message({ dx = s.i8 }, { rate = 10 }), free = { v = s.u8 } } }
function g.on.hop(room, p, m) room.state.n = room.state.n + 1 end
function g.on.free(room, p, m) return m.v + 1 end
function g:message(p, name, data) return { name, data } end
return g
]]

local function pond(rate) game("g", (source:gsub("RATE", rate or 20))) end

-- What these bytes lead to: { codec, text or bytes, is_text, the code }. The first
-- group comes before a hello, the second behind it.
local before = {
  { "binary", "\133\0\1x\0", false, 4001 }, { "binary", "\131\0\0\0\0", false, 4001 },
  { "binary", "\129", false, 4001 }, { "binary", "\129\2\0\0\0\0\0\7\0", false, 4001 },
  { "binary", "\129\1\0\0\0\0\2", false, 4001 }, { "binary", "\129\1\0\0\0\0\0\9", false, 4001 },
  { "binary", "\129\1\0\0\0\0\1short", false, 4001 },
  { "binary", "\129\1\0\0\0\0\1" .. ("x"):rep(16) .. "\0\0\0\0\0\0", false, 4002 },
  { "binary", "{}", true, 1003 }, { "binary", "", false, 1002 },
  { "json", '{"t":"send","name":"x"}', true, 4001 }, { "json", "{}", true, 4001 },
  { "json", '{"t":"hello"}', true, 4001 }, { "json", '{"t":"hello","join":3}', true, 4001 },
  { "json", '{"t":"hello","resume":{"token":"zz"}}', true, 4001 },
  { "json", '{"t":"hello","resume":{"token":"00000000000000000000000000000000"}}', true, 4002 },
  { "json", "\129\1", false, 1003 }, { "json", "nonsense", true, 1007 }, { "json", "[1]", true, 1007 },
  { "json", '{"t":"hello","join":{}} x', true, 1007 }, { "json", "", true, 1007 },
  { "json", '{"t":"hello","join":{"name":"a\\u0000b"}}', true, 1007 },
  { "json", ("["):rep(5000), true, 1007 },
}
local behind = {
  { "binary", "\129\1\0\0\0\0\0\0", false, 1002 }, { "binary", "\1", false, 1002 },
  { "binary", "\255", false, 1002 }, { "binary", "\131\0", false, 1002 },
  { "binary", "\132\128\0", false, 1002 }, { "binary", "\133", false, 1002 },
  { "binary", "\133\0\0\0", false, 1002 }, { "binary", "\133\0\2\255\255\0", false, 1002 },
  { "binary", "\64\5ab", false, 1002 }, { "binary", "\136\0", false, 1002 },
  { "binary", "\135\255\255\255\255\15\0\1x\0", false, 1002 }, { "binary", "", false, 1002 },
  { "binary", "x", true, 1003 },
  { "json", '{"t":"hello","join":{}}', true, 1002 }, { "json", '{"t":"dance"}', true, 1002 },
  { "json", '{"t":7}', true, 1002 }, { "json", "{}", true, 1002 }, { "json", "x", false, 1003 },
  { "json", '{"t":"send","name":"hop\\u0000"}', true, 1007 }, { "json", '{"t":"ping"}}', true, 1007 },
  { "json", '{"t":"send"', true, 1007 },
}

for _, group in ipairs { before, behind } do
  for _, case in ipairs(group) do
    local codec, data, is_text, code = unpack(case)
    local when = group == before and "before a hello" or "behind the hello"
    test(("%s: %q %s ends with %d"):format(codec, data:sub(1, 60), when, code):gsub("\n", "\\n"), function()
      pond()
      local a = connect("g", { codec = codec })
      local other = join("g", { codec = "binary" })
      if group == behind then a:hello() end
      step(60)
      if is_text then a:text(data) else a:bytes(data) end
      step(60)
      expect_eq(a.closed and a.closed.code, code)
      expect_eq(a.log[#a.log].t, "bye")
      expect_eq(a.log[#a.log].code, code)
      expect_eq(other.closed, nil)
    end)
  end
end

test("records that may be skipped are", function()
  pond()
  local a = join("g", { codec = "binary" })
  step(60)
  a:bytes("\64\3abc\127\0\133\0\1x\0")
  a:bytes("\135\1\0\1y\0")
  step(60)
  expect_eq(a.closed, nil)
  expect_eq(a:fresh("reply")[1].data[1], "y")
end)

-- Messages that do not fit: for each codec a way to say one.
local unfit = {
  json = { '{"t":"send","name":"hop","data":{"dx":400}}', '{"t":"send","name":"hop","data":{"dy":1}}',
    '{"t":"send","name":"free","data":3}', '{"t":"send"}', '{"t":"send","name":""}',
    '{"t":"send","name":"' .. ("n"):rep(65) .. '"}', '{"t":"request","name":"hop"}',
    '{"t":"request","id":1.5,"name":"hop"}', '{"t":"request","id":-1,"name":"hop"}',
    '{"t":"send","name":"x","data":' .. ("["):rep(17) .. ("]"):rep(17) .. "}" },
  binary = { "\133\9", "\133\3\1", "\133\2", "\133\0\1x\9", "\133\0\1x\4\0\0\0\0\0\0\240\127" },
}

for codec, list in pairs(unfit) do
  for _, data in ipairs(list) do
    test(("%s: %q is dropped, and twenty-one of it end with 1008"):format(codec, data:sub(1, 60)), function()
      pond()
      local a, other = join("g", { codec = codec }), join "g"
      step(60)
      local function say() if codec == "json" then a:text(data) else a:bytes(data) end end
      for _ = 1, 20 do say() end
      step(60)
      expect_eq(a.closed, nil)
      a:request("still here", 1)
      step(60)
      expect_eq(a.log[#a.log].data, { "still here", 1 })
      say()
      step(60)
      expect_eq(a.closed.code, 1008)
      expect_eq(other:state().n, 0)
    end)
  end
end

for _, codec in ipairs(codecs) do
  for _, rate in ipairs { 0, 20 } do
    test(("%s at %d Hz: requests are answered, refused ones too"):format(codec, rate), function()
      pond(rate)
      local a = join("g", { codec = codec })
      step(60)
      a:fresh()
      local asked = { a:request("free", { v = 4 }), a:request("other", { "x" }), a:request("hop", { dx = 1 }) }
      step(60)
      local replies = a:fresh "reply"
      for i, r in ipairs(replies) do expect_eq(r.id, asked[i]) end
      expect_eq(replies[1].data, 5)
      expect_eq(replies[2].data, { "other", { "x" } })
      expect_eq({ replies[3].ok, replies[3].data }, { true, codec == "json" and null or nil })
      if codec == "json" then a:text '{"t":"request","id":99,"name":"hop","data":{"dx":1000}}'
      else a:bytes("\135\99\2") end
      step(60)
      local r = a:fresh("reply")[1]
      expect_eq({ r.id, r.ok }, { 99, false })
    end)
  end

  test(codec .. ": event-driven: an answer leaves though nothing else does", function()
    game("g", "local g = parlor.game { tick_rate = 0, messages = { b = { x = s.u8 } } } return g")
    local a = join("g", { codec = codec })
    step(1000)
    a:fresh()
    a:request "unknown"
    step(60)
    expect_eq(a:story(), "reply")
    step(1000)
    if codec == "json" then a:text '{"t":"request","id":7,"name":"b","data":{"x":256}}' else a:bytes "\135\7\9" end
    step(60)
    local replies = a:fresh "reply"
    expect_eq({ #replies, replies[1] and replies[1].ok }, { 1, false })
  end)

  test(codec .. ": a reply comes behind the state and the events of its tick", function()
    game("g", [[
      local g = parlor.game { tick_rate = 20, state = { n = s.u8 } }
      function g:message(p, name) self.state.n = self.state.n + 1 p:send("event") return self.state.n end
      return g
    ]])
    local a = join("g", { codec = codec })
    a:request "first"
    step(60)
    expect_eq(a:story():gsub("schema keys ", ""), "hello snapshot event reply")
    a:request "second"
    step(60)
    expect_eq(a:story(), "delta event reply")
  end)

  test(codec .. ": a declared rate is kept, and far too many messages end with 4006", function()
    pond()
    local a, b = join("g", { codec = codec }), join "g"
    step(1000)
    for _ = 1, 30 do a:send("hop", { dx = 1 }) end
    step(60)
    expect_eq(b:state().n, 10, "one second's worth")
    step(1000)
    for _ = 1, 30 do a:send("hop", { dx = 1 }) end
    step(60)
    expect_eq(b:state().n, 20)
    for _ = 1, 330 do a:send("hop", { dx = 1 }) end
    step(60)
    expect_eq(a.closed.code, 4006)
    expect(b:state().n <= 21)
  end)

  test(codec .. ": more than max_inputs in a tick are dropped", function()
    pond()
    local a, b = join("g", { codec = codec }), join "g"
    step(60)
    a:fresh()
    for i = 1, 80 do a:request("free", { v = i }) end
    step(60)
    local done, refused = 0, 0
    for _, r in ipairs(a:fresh "reply") do
      if r.ok then done = done + 1 else refused = refused + 1 end
    end
    expect_eq({ done, refused }, { 50, 30 })
    a:resume()
    step(60)
    expect_eq(a.hello_said.inputs, 80, "refused ones count as received: they are not sent again")
  end)
end

test("why a request was refused is valid text, however long the client's was", function()
  game("g", 'local g = parlor.game { tick_rate = 20, messages = { b = { x = s.enum {"a"} } } } return g')
  for cut = 0, 3 do
    local a = join("g", { codec = "plain" })
    step(60)
    a:text('{"t":"request","id":7,"name":"b","data":{"' .. ("x"):rep(cut) .. ("ä"):rep(2000) .. '":1}}')
    step(60)
    local reply = a:fresh("reply")[1]
    expect_eq(reply.ok, false)
    expect(not reply.data:find "[\195]$" and #reply.data > 20, reply.data)
  end
end)

test("clients that send garbage never disturb the others", function()
  pond()
  local a, b = join "g", join("g", { codec = "binary" })
  step(60)
  for round = 1, 400 do
    local codec = round % 2 == 0 and "binary" or "json"
    local c = connect("g", { codec = codec })
    if random(3) > 1 then c:hello() end
    for _ = 1, random(4) do
      local bytes = {}
      for i = 1, random(24) do bytes[i] = string.char(random(256) - 1) end
      local data = table.concat(bytes)
      if codec == "json" then
        c:text(({ data, '{"t":"send","name":"hop","data":' .. data .. "}", '{"t":"ack","tick":-1e999}',
          '{"t":"resync","x":[[[[]]]]}', '{"t":"ping","ms":"x"}' })[random(5)])
      else
        c:bytes(string.char(127 + random(12)) .. data)
      end
    end
    if random(10) == 1 then a:send("hop", { dx = 1 }) end
    step(random(60))
    if c.conn then if random(2) == 1 then c:cut() else c:leave() end end
  end
  step(100)
  expect_eq(a.closed, nil)
  expect_eq(b.closed, nil)
  expect_eq(a:state(), b:state())
end)

test("names are cleaned", function()
  game("g", [[
    local g = parlor.game { tick_rate = 20, max_name = 10 }
    function g:join(p) p:send("name", p.name) end
    return g
  ]])
  for given, want in pairs {
    ["  ann \t b "] = "ann b", [""] = "player %d", [" \1\2 "] = "player %d", ["ääääääääää"] = "äääää",
    ["a\226\128\174b"] = "ab", ["\226\128\139"] = "player %d", ["a\227\128\128b"] = "a b",
    ["\226\128\141\226\128\141"] = "player %d",
  } do
    local a = join("g", { name = given })
    step(50)
    expect_eq(a:events()[1].data, want:format(a.id), show(given))
  end
end)

-- The texts of the developer's records of this kind.
local function warnings(c)
  local list = {}
  for _, r in ipairs(c.log) do
    local dev = r.t == "dev" and (r.data or r) -- a record of its own in binary
    if dev and dev.kind == "warning" then list[#list + 1] = dev.message end
  end
  return list
end

for _, codec in ipairs(codecs) do
  test_dev(codec .. ": in dev the page is told what was dropped and why, once a second", function()
    pond()
    local a = join("g", { codec = codec })
    step(60)
    for _ = 1, 14 do a:send("hop", { dx = 1 }) end
    step(500)
    expect_eq(warnings(a), { "hop: more than rate = 10 a second, burst = 10" })
    step(600)
    for _ = 1, 12 do a:send("hop", { dx = 1 }) end
    step(1100)
    expect_eq(warnings(a)[2], "hop: more than rate = 10 a second, burst = 10 (and 3 more before it)")
    for i = 1, 60 do a:send("free", { v = i }) end
    step(60)
    expect_eq(warnings(a)[3]:match("^%d+ of this player wait for a tick already %(max_inputs%)"),
      "50 of this player wait for a tick already (max_inputs)")
  end)
end

test("burst is how many may come at once, rate how fast they come back", function()
  game("g", [[
    local g = parlor.game { tick_rate = 20, messages = { hop = s.message({}, { rate = 2, burst = 5 }) },
      state = { n = s.uint } }
    function g.on.hop(room) room.state.n = room.state.n + 1 end
    return g
  ]])
  for i, codec in ipairs(codecs) do
    local a = join("g", { codec = codec, room = codec })
    step(60)
    for _ = 1, 9 do a:send "hop" end
    step(60)
    expect_eq(a:state().n, 5, codec)
    step(1000)
    for _ = 1, 9 do a:send "hop" end
    step(60)
    expect_eq(a:state().n, 7, codec)
  end
end)

test("what was dropped is not told outside of dev", function()
  pond()
  local a = join "g"
  step(60)
  for _ = 1, 14 do a:send("hop", { dx = 1 }) end
  a:send("hop", { dx = 1000 })
  step(60)
  expect_eq(warnings(a), {})
end)
