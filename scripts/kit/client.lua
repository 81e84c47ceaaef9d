-- SPDX-License-Identifier: MIT
-- client: a simulated player. It sends through a line with delay and jitter that
-- can be cut, keeps the state that it is sent, and notes everything that is said.

local rig = require "kit.rig"
local wire = require "kit.wire"

local Client = {}
Client.__index = Client

-- Options that are not the game's.
local no_join = { codec = true, acks = true, exact = true, room = true, delay = true, jitter = true, address = true, door = true }

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
  for key, one in pairs(v) do out[#out + 1] = to_json(tostring(key)) .. ":" .. to_json(one) end
  return "{" .. table.concat(out, ",") .. "}"
end

--- `options`: codec "json" (default), "binary", "plain" (JSON without subprotocol) or
-- "raw"; acks: send ACK for each state; exact: after a resume send again what the server has
-- not received; room; delay and jitter in ms; address; door (what
-- auth sees of the handshake); name and other join options.
function Client.new(game, options, random)
  local c = setmetatable({
    game = game, codec = options.codec or "json", room = options.room,
    address = options.address, door = options.door, acks = options.acks,
    exact = options.exact and {},
    delay = options.delay or 0, jitter = options.jitter or 0, random = random,
    join = {}, log = {}, seen = 0, received = 0, requests = 0,
  }, Client)
  for k, v in pairs(options) do
    if not no_join[k] then c.join[k] = v end
  end
  return c
end

--- Open a connection; nothing is said yet, but for plain and raw ones.
function Client:connect()
  local at_once = self.codec == "plain" or self.codec == "raw"
  self.up, self.down = {}, {}
  self.greeted = false
  self.closed, self.is_stalled = nil, false
  self.conn = rig.connect(self.game, self.room,
    at_once and (self.codec == "raw" and "raw" or "json") or self.codec, not at_once,
    at_once and wire.any(self.join) or nil, self.address, self.door and wire.any(self.door) or nil)
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

-- The type of each field of a list of a schema's JSON, by name.
local types_of = setmetatable({}, { __mode = "k" })
local function types(fields)
  local by_name = types_of[fields]
  if not by_name then
    by_name = {}
    for _, f in ipairs(fields) do by_name[f[1]] = f[2] end
    types_of[fields] = by_name
  end
  return by_name
end

-- The schema of a client's game as JSON; that of each version is read once. Where there is
-- none just now (the game is gone, or does not load) the last one stands.
local schemas = setmetatable({}, { __mode = "k" })
local function schema_of(client)
  local known = schemas[client] or { by_version = {}, last = {} }
  schemas[client] = known
  local has_version, version = pcall(rig.version, client.game)
  if not has_version then return known.last end
  if not known.by_version[version] then
    local ok, text = pcall(rig.schema, client.game)
    known.by_version[version] = ok and rig.json(text) or nil
  end
  known.last = known.by_version[version] or known.last
  return known.last
end

-- What a test sends, as JSON has it: bytes are base64 there.
local jsonable_record
local function jsonable(t, v)
  if t == nil or v == nil then return v end
  if t.t == "bytes" and type(v) == "string" then return wire.base64(v) end
  if t.t == "opt" then return jsonable(t.item, v) end
  if type(v) ~= "table" then return v end
  if t.t == "record" then return jsonable_record(t.fields, v) end
  if t.t ~= "list" and t.t ~= "map" then return v end
  local out = {}
  for key, one in pairs(v) do out[key] = jsonable(t.item, one) end
  return out
end

function jsonable_record(fields, v)
  local out = {}
  for key, one in pairs(v) do out[key] = jsonable(types(fields)[key], one) end
  return out
end

local function jsonable_message(client, name, data)
  local m = types(schema_of(client).messages or {})[name]
  return m and type(data) == "table" and jsonable_record(m.fields, data) or data
end

local function map_of(schema, name) return types(schema.maps or {})[name] end

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
  if not self.conn then return end -- it had ended, and that was not known yet
  for _, m in ipairs(self.up) do rig.message(self.conn, m.is_text, m.data) end
  self:cut(1000)
end

--- A stalled client reads nothing: what it is sent stays with the server.
function Client:stall(on) self.is_stalled = on end

-- What the server has sent sets out.
function Client:gather()
  if self.is_stalled or not self.conn then return end
  for _, frame in ipairs(rig.frames(self.conn)) do
    if self.codec == "json" or self.codec == "plain" then frame.schema = schema_of(self).state or {} end
    travel(self, self.down, frame)
  end
end

--- Let arrive what is due. Returns when the next is, in us.
function Client:pump()
  if not self.conn then return end
  self:gather()
  local now = rig.now()
  while self.down[1] and self.down[1].at <= now do self:take(table.remove(self.down, 1)) end
  while self.conn and self.up[1] and self.up[1].at <= now do
    local m = table.remove(self.up, 1)
    rig.message(self.conn, m.is_text, m.data)
    self:gather() -- an event-driven room answers at once
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

-- The messages of this seat that the server has not received, of which `inputs` it has.
function Client:send_again(inputs)
  for i = inputs + 1, #self.exact do self:transmit(self.exact[i]) end
end

function Client:note(record)
  self.log[#self.log + 1] = record
  if counted[record.t] and not record.volatile then self.received = self.received + 1 end
  if record.t == "hello" then
    if not record.resumed then self.received = 0 end
    self.greeted = true
    if self.exact then self:send_again(record.inputs) end
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
    self.json_schema = frame.schema -- what it was made by
    self:object(rig.json(frame.data))
  end
end

-- Records are merged, whatever else a table may be is whole.
local function merge(to, from, fields)
  for k, v in pairs(from) do
    assert(to[k] ~= nil, "a change of what is not held: " .. tostring(k))
    local t = types(fields)[k]
    if t and t.t == "record" then merge(to[k], v, t.fields) else to[k] = v end
  end
end

local function merge_rows(to, from, fields)
  for key, row in pairs(from) do
    merge(assert(to[key], "a change of a row that is not held"), row, fields)
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
      if not control[name] and not map_of(self.json_schema, name) then
        merge(self.held, { [name] = v }, self.json_schema.fields or {})
      elseif not control[name] then
        local old = self.held[name]
        if type(v) == "table" and (v["-"] or v["+"] or v["~"] or v["="]) then
          if v["="] then
            local kept = {}
            for _, key in ipairs(v["="]) do
              kept[key] = assert(old[key], "a row is kept that is not held")
            end
            for key in pairs(old) do old[key] = kept[key] end
          end
          for _, key in ipairs(v["-"] or {}) do
            assert(old[key], "a row leaves that is not held")
            old[key] = nil
          end
          for key, row in pairs(v["+"] or {}) do
            assert(not old[key], "a row enters that is held")
            old[key] = row
          end
          merge_rows(old, v["~"] or {}, map_of(self.json_schema, name).fields)
        end
      end
    end
  end
  self:note(o)
  if self.acks and (o.t == "snapshot" or o.t == "delta") then self:ack() end
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
    local flags = input:u8()
    assert(flags == 0 or flags == 2, "snapshots come in one part")
    self.tick, self.rows = input:uv(), {}
    local ack = flags == 2 and input:uv() or nil
    wire.sections(input, self.schema, self.rows)
    self:note { t = "snapshot", tick = self.tick, ack = ack }
    if self.acks then self:ack() end
  elseif kind == 4 then
    local flags = input:u8()
    assert(flags < 4, "flags")
    local low, base = input:u16(), self.tick
    assert(self.rows, "a delta to one who holds nothing")
    self.tick = base + input:uv()
    assert(self.tick % 65536 == low, "the delta's base is not what is held")
    local ack = flags % 2 == 1 and input:uv() or nil
    local before = input.at
    wire.sections(input, self.schema, self.rows, flags >= 2)
    self:note { t = "delta", tick = self.tick, base = base, is_resume = flags >= 2, bytes = input.at - before, ack = ack }
    if self.acks then self:ack() end
  elseif kind == 5 or kind == 10 then
    local low, id = input:u16(), input:uv()
    local event = id > 0 and assert(self.schema.events[id], "no such event")
    local name = event and event.name or input:str()
    self:note { t = "event", low = low, name = name, volatile = kind == 10 or nil,
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

function Client:transmit(message)
  if not self.conn then return end
  if self.codec == "binary" then self:bytes(message) else self:text(message) end
end

-- A message that both sides count. While away it waits, where the player is exact.
function Client:counted(message)
  if self.exact then self.exact[#self.exact + 1] = message end
  if not self.exact or self.greeted then self:transmit(message) end
end

function Client:send(name, data)
  if self.codec == "raw" then
    if data then self:text(name) else self:bytes(name) end
  elseif self.codec == "binary" then
    self:counted(self:encode(name, data, "\133"))
  else
    self:counted(to_json { t = "send", name = name, data = jsonable_message(self, name, data) })
  end
end

--- A predicted input with its number.
function Client:input(name, data, seq)
  if self.codec == "binary" then
    self:bytes(self:encode(name, data, "\130" .. wire.uv(seq) .. wire.uv(self.tick or 0)))
  else
    self:text(to_json { t = "send", name = name, data = jsonable_message(self, name, data), seq = seq })
  end
end

function Client:request(name, data)
  self.requests = self.requests + 1
  if self.codec == "binary" then
    self:counted(self:encode(name, data, "\135" .. wire.uv(self.requests)))
  else
    self:counted(to_json { t = "request", id = self.requests, name = name, data = jsonable_message(self, name, data) })
  end
  return self.requests
end

function Client:ping()
  if self.codec == "binary" then self:bytes("\131" .. wire.le(77, 4) .. wire.uv(self.received))
  else self:text(to_json { t = "ping", ms = 77, events = self.received }) end
end
function Client:resync()
  if self.codec == "binary" then self:bytes("\134") else self:text '{"t":"resync"}' end
end
function Client:ack()
  if self.conn == nil then return end
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
