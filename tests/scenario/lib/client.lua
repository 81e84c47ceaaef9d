-- SPDX-License-Identifier: MIT
-- client: a simulated player. It sends through a line with delay and jitter that
-- can be cut, keeps the state that it is sent, and notes everything that is said.

local wire = require "lib.wire"

local Client = {}
Client.__index = Client

local counted = { event = true, reply = true }

local function hex(bytes)
  return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

local function unhex(text)
  return (text:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end))
end

-- Lua value to JSON; an empty table is an object.
local function to_json(v)
  local t = type(v)
  if t == "string" then
    return '"' .. v:gsub('[%c"\\]', function(c) return ("\\u%04x"):format(c:byte()) end) .. '"'
  end
  if t == "userdata" or t == "nil" then return "null" end
  if t ~= "table" then return tostring(v) end
  local out = {}
  if #v > 0 then
    for i, one in ipairs(v) do out[i] = to_json(one) end
    return "[" .. table.concat(out, ",") .. "]"
  end
  for key, one in pairs(v) do out[#out + 1] = to_json(key) .. ":" .. to_json(one) end
  return "{" .. table.concat(out, ",") .. "}"
end

--- `options`: codec "json" (default), "binary", "plain" (JSON without subprotocol) or
-- "raw"; room; delay and jitter in ms; name and other join options.
function Client.new(game, options, random)
  local c = setmetatable({
    game = game, codec = options.codec or "json", room = options.room,
    delay = options.delay or 0, jitter = options.jitter or 0, random = random,
    join = {}, log = {}, seen = 0, received = 0, requests = 0,
  }, Client)
  for k, v in pairs(options) do
    if k ~= "codec" and k ~= "room" and k ~= "delay" and k ~= "jitter" then c.join[k] = v end
  end
  return c
end

--- Open a connection; nothing is said yet, but for plain and raw ones.
function Client:connect()
  local at_once = self.codec == "plain" or self.codec == "raw"
  self.up, self.down = {}, {}
  self.closed, self.is_stalled = nil, false
  self.conn = rig.connect(self.game, self.room,
    at_once and (self.codec == "raw" and "raw" or "json") or self.codec, not at_once,
    at_once and wire.any(self.join) or nil)
  return self
end

function Client:hello()
  if self.codec == "binary" then
    self:bytes("\129\1" .. wire.le(self.schema and self.schema.hash or 0, 4) .. "\0" .. wire.any(self.join))
  elseif self.codec == "json" then
    self:text(to_json { t = "hello", join = self.join })
  end
  return self
end

--- A new connection for the same seat.
function Client:resume()
  if self.conn then self:cut() end
  self:connect()
  if self.codec == "binary" then
    self:bytes("\129\1" .. wire.le(self.schema and self.schema.hash or 0, 4) .. "\1" .. unhex(self.token) ..
      wire.le(self.epoch, 4) .. wire.uv(self.tick or 0) .. wire.uv(self.received))
  else
    self:text(to_json { t = "hello", resume = {
      token = self.token, epoch = self.epoch, tick = self.tick, events = self.received } })
  end
  return self
end

-- The line.

local function travel(c, queue, item)
  local last = queue[#queue]
  item.at = rig.now() + c.delay * 1000 + math.floor(c.jitter * 1000 * c.random())
  if last and item.at < last.at then item.at = last.at end -- TCP keeps the order
  queue[#queue + 1] = item
end

function Client:text(text) travel(self, self.up, { is_text = true, data = text }) end
function Client:bytes(bytes) travel(self, self.up, { is_text = false, data = bytes }) end

--- The connection breaks; what is on the way is lost.
function Client:cut(code)
  rig.closed(self.conn, code or 1006)
  self.conn, self.up, self.down = nil, {}, {}
end

--- Leave for good.
function Client:leave()
  self:pump() -- what was sent before arrives before
  for _, m in ipairs(self.up) do rig.message(self.conn, m.is_text, m.data) end
  self:cut(1000)
end

--- A stalled client reads nothing: what it is sent stays with the server.
function Client:stall(on) self.is_stalled = on end

--- Let arrive what is due. Returns when the next is, in us.
function Client:pump()
  if not self.conn then return end
  if not self.is_stalled then
    for _, frame in ipairs(rig.frames(self.conn)) do travel(self, self.down, frame) end
  end
  local now = rig.now()
  while self.down[1] and self.down[1].at <= now do self:take(table.remove(self.down, 1)) end
  while self.conn and self.up[1] and self.up[1].at <= now do
    local m = table.remove(self.up, 1)
    rig.message(self.conn, m.is_text, m.data)
  end
  local code, reason = rig.closing(self.conn)
  if code and not self.down[1] and rig.backlog(self.conn) == 0 then
    self.closed = { code = code, reason = reason }
    rig.closed(self.conn, code)
    self.conn = nil
    return
  end
  local next_up, next_down = self.up[1] and self.up[1].at, self.down[1] and self.down[1].at
  return next_up and next_down and math.min(next_up, next_down) or next_up or next_down
end

-- What comes.

function Client:note(record)
  self.log[#self.log + 1] = record
  if counted[record.t] then self.received = self.received + 1 end
  if record.t == "hello" then
    self.id, self.token, self.epoch, self.hello_said = record.id, record.token, record.epoch, record
  end
end

function Client:take(frame)
  if self.codec == "raw" then
    self:note { t = "message", data = frame.data, is_text = frame.is_text }
  elseif self.codec == "binary" then
    assert(not frame.is_text, "text for a binary client")
    local input = wire.input(frame.data)
    repeat self:record(input) until input:done()
  else
    assert(frame.is_text, "bytes for a JSON client")
    self:object(rig.json(frame.data))
  end
end

local function merge(to, from)
  for k, v in pairs(from) do
    assert(to[k] ~= nil, "a change of what is not held: " .. tostring(k))
    if type(v) == "table" then merge(to[k], v) else to[k] = v end
  end
end

local control = { t = true, tick = true, base = true, ack = true }

function Client:object(o)
  if o.t == "snapshot" then
    self.held, self.tick = o.state, o.tick
  elseif o.t == "delta" then
    assert(self.held and o.base == self.tick,
      ("a delta from %s to one who holds %s"):format(tostring(o.base), tostring(self.tick)))
    self.tick = o.tick
    for name, v in pairs(o) do
      if not control[name] then
        local old = self.held[name]
        if type(v) == "table" and (v["-"] or v["+"] or v["~"]) then
          for _, key in ipairs(v["-"] or {}) do
            assert(old[key], "a row leaves that is not held")
            old[key] = nil
          end
          for key, row in pairs(v["+"] or {}) do
            assert(not old[key], "a row enters that is held")
            old[key] = row
          end
          merge(old, v["~"] or {})
        else
          merge(self.held, { [name] = v })
        end
      end
    end
  end
  self:note(o)
end

-- ROOM, behind HELLO: goes into its record. Returns the bytes that it must have had.
function Client:room_record(input)
  local id, flags = input:str(), input:u8()
  self.hello_said.room = id
  if flags % 2 == 1 then self.hello_said.private = true end
  if flags >= 2 then self.hello_said.spectator = true end
  return "." .. id .. "."
end

function Client:record(input)
  local kind = input:u8()
  if kind == 1 then
    assert(input:u8() == 1, "another version")
    local resumed = input:u8() == 1
    local epoch, token, id = input:u32(), hex(input:raw(16)), input:uv()
    self:note { t = "hello", resumed = resumed, epoch = epoch, token = token, id = id, inputs = input:uv(),
      period = input:uv(), tick = input:uv(), server = input:u32(), hash = input:u32() }
  elseif kind == 2 then
    local hash, text = input:u32(), input:str()
    self.schema = wire.schema(text)
    assert(self.schema.hash == hash, "the schema's hash is wrong")
    self.rows = nil
    self:note { t = "schema", hash = hash }
    if not self.is_mute then self:bytes("\136" .. wire.le(hash, 4)) end
  elseif kind == 3 then
    assert(input:u8() == 0, "snapshots come in one part")
    self.tick, self.rows = input:uv(), {}
    wire.sections(input, self.schema, self.rows)
    self:note { t = "snapshot", tick = self.tick }
  elseif kind == 4 then
    assert(input:u8() == 0, "flags")
    local low, base = input:u16(), self.tick
    assert(self.rows, "a delta to one who holds nothing")
    self.tick = base + input:uv()
    assert(self.tick % 65536 == low, "the delta's base is not what is held")
    wire.sections(input, self.schema, self.rows)
    self:note { t = "delta", tick = self.tick, base = base }
  elseif kind == 5 then
    local low, id = input:u16(), input:uv()
    local event = id > 0 and assert(self.schema.events[id], "no such event")
    local name = event and event.name or input:str()
    self:note { t = "event", low = low, name = name,
      data = event and wire.payload(event.fields, input) or not event and input:any() or nil }
  elseif kind == 6 then
    self:note { t = "pong", ms = input:u32(), server = input:u32(), tick = input:uv(), phase = input:u16() }
  elseif kind == 7 then
    self:note { t = "bye", code = input:u16(), reason = input:str() }
  elseif kind == 8 then
    assert(input:uv() == 0, "keys")
    self:note { t = "keys" }
  elseif kind == 9 then
    local id, ok = input:uv(), input:u8()
    self:note { t = "reply", id = id, ok = ok == 1, data = input:any() }
  elseif kind == 0x41 then
    assert(input:uv() == #self:room_record(input), "the length of ROOM is wrong")
  elseif kind == 0x42 then
    input:uv() -- its length
    self:note { t = "queue", position = input:uv(), waiting = input:uv(), found = input:uv(),
      need = input:uv(), estimate = input:uv() - 1 }
  else
    assert(kind == 0x40, "an unknown record")
    self:note { t = "dev", data = rig.json(input:str()) }
  end
end

-- What a player does.

--- The bytes of a declared or free message of this type (133 EVENT, 135 REQUEST).
function Client:encode(name, data, before)
  local message = self.schema and self.schema.messages[name]
  if message then
    return before .. wire.uv(message.id + 1) .. wire.put_payload(message.fields, data or {})
  end
  return before .. wire.uv(0) .. wire.str(name) .. wire.any(data)
end

function Client:send(name, data)
  if self.codec == "raw" then
    if data then self:text(name) else self:bytes(name) end
  elseif self.codec == "binary" then
    self:bytes(self:encode(name, data, "\133"))
  else
    self:text(to_json { t = "send", name = name, data = data })
  end
end

function Client:request(name, data)
  self.requests = self.requests + 1
  if self.codec == "binary" then
    self:bytes(self:encode(name, data, "\135" .. wire.uv(self.requests)))
  else
    self:text(to_json { t = "request", id = self.requests, name = name, data = data })
  end
  return self.requests
end

function Client:ping()
  if self.codec == "binary" then self:bytes("\131" .. wire.le(77, 4)) else self:text '{"t":"ping","ms":77}' end
end
function Client:resync()
  if self.codec == "binary" then self:bytes("\134") else self:text '{"t":"resync"}' end
end
function Client:ack()
  if self.codec == "binary" then self:bytes("\132" .. wire.uv(self.tick))
  else self:text(to_json { t = "ack", tick = self.tick }) end
end

-- What a test asks.

--- The state that this client holds.
function Client:state()
  if self.codec == "binary" then return self.rows and wire.state(self.schema, self.rows) end
  return self.held
end

--- What came since the last call: all records, or those of one kind.
function Client:fresh(kind)
  local list = {}
  for i = self.seen + 1, #self.log do
    if not kind or self.log[i].t == kind then list[#list + 1] = self.log[i] end
  end
  self.seen = #self.log
  return list
end

--- The kinds of what came since the last call, as one text; events by name.
function Client:story()
  local words = {}
  for _, r in ipairs(self:fresh()) do
    if r.t ~= "pong" then words[#words + 1] = r.t == "event" and r.name or r.t end
  end
  return table.concat(words, " ")
end

function Client:events() return self:fresh("event") end

return Client
