-- SPDX-License-Identifier: MIT
-- types: `parlor types`. Writes what a game's schema means for editors: LuaLS classes for
-- game.lua, TypeScript declarations for the page.

local rig, tool = require "kit.rig", require "kit.tool"
local declare = require "kit.declare"
local translate = require "translate"(require "words", require "notes")

-- "pond" and "frogs" to "PondFrogs".
local function class(...)
  local out = {}
  for _, part in ipairs { ... } do
    out[#out + 1] = part:gsub("[-_]+(%w)", string.upper):gsub("^%l", string.upper)
  end
  return table.concat(out)
end

local numbers = { u8 = "0…255", u16 = "0…65535", u32 = "0…4294967295", uint = "0…4294967295",
  i8 = "-128…127", i16 = "-32768…32767", i32 = "32 bits, signed", int = "32 bits, signed",
  f32 = true, f64 = true, fixed = true, angle = "radians" }

local function is_whole(t) return t:find "^[ui]" ~= nil end

-- A word about the values of a field, for its comment.
local function about(t)
  local text = type(numbers[t.t]) == "string" and numbers[t.t] or ""
  if t.t == "fixed" then
    text = (t.min and ("%.14g…%.14g, "):format(t.min, t.max) or "") .. ("steps of %.14g"):format(t.step or 1)
  elseif t.t == "list" or t.t == "map" then
    text = ("up to %d"):format(t.max)
  elseif t.max then
    text = ("up to %d bytes"):format(t.max)
  end
  if t.def ~= nil then text = text .. (text == "" and "" or ", ") .. "default " .. tostring(t.def) end
  if t.to == "owner" then text = text .. (text == "" and "" or ", ") .. "its owner's alone" end
  if t.to == "server" then text = text .. (text == "" and "" or ", ") .. "the server's alone" end
  return text
end

local function quoted(list, between)
  local out = {}
  for i, name in ipairs(list) do out[i] = ("%q"):format(name) end
  return table.concat(out, between)
end

-- LuaLS.

local lua = {}

function lua.of(t, name, out)
  local kind = t.t
  if numbers[kind] then return is_whole(kind) and "integer" or "number" end
  if kind == "bool" then return "boolean" end
  if kind == "str" or kind == "text" or kind == "bytes" then return "string" end
  if kind == "enum" then return quoted(t.of, "|") end
  if kind == "record" then lua.record(t.fields, name, out) return name end
  if kind == "opt" then return lua.of(t.item, name, out) .. "|nil" end
  if kind == "list" then
    local item = lua.of(t.item, name, out)
    return (item:find "|" and "(%s)[]" or "%s[]"):format(item)
  end
  if kind == "map" then
    return ("table<%s, %s>"):format(t.keys == "string" and "string" or "integer", lua.of(t.item, name, out))
  end
  return "any"
end

-- Records inside come before the one that holds them.
function lua.record(fields, name, out)
  local lines = { "---@class " .. name }
  for _, f in ipairs(fields) do
    local text = about(f[2])
    lines[#lines + 1] = ("---@field %s %s%s"):format(f[1], lua.of(f[2], name .. class(f[1]), out),
      text == "" and "" or " " .. text)
  end
  out[#out + 1] = table.concat(lines, "\n") .. "\n"
end

local function lua_file(game, schema)
  local name, out, root = class(game), {}, nil
  for _, map in ipairs(schema.state.maps or {}) do
    lua.record(map[2].fields, name .. class(map[1]) .. "Row", out)
  end
  lua.record(schema.state.fields or {}, name .. "State", out)
  root = out[#out]:gsub("\n$", "")
  for _, map in ipairs(schema.state.maps or {}) do
    root = root .. ("\n---@field %s table<%s, %s> by %s"):format(map[1],
      map[2].keys == "string" and "string" or "integer", name .. class(map[1]) .. "Row",
      map[2].keys == "player" and "player id" or map[2].keys)
  end
  out[#out] = root .. "\n"
  for _, m in ipairs(schema.messages or {}) do lua.record(m[2].fields, name .. class(m[1]) .. "Message", out) end
  for _, e in ipairs(schema.events or {}) do lua.record(e[2].fields, name .. class(e[1]) .. "Event", out) end
  local room = { ("---@class %sRoom: parlor.Room\n---@field state %sState"):format(name, name) }
  for _, e in ipairs(schema.events or {}) do
    local of = name .. class(e[1]) .. "Event"
    room[#room + 1] = ('---@field broadcast fun(self: %sRoom, name: "%s", data?: %s, ' ..
      'options?: parlor.BroadcastOptions)'):format(name, e[1], of)
  end
  out[#out + 1] = table.concat(room, "\n") .. "\n"
  local on = { ("---@class %sHandlers"):format(name) }
  for _, m in ipairs(schema.messages or {}) do
    on[#on + 1] = ("---@field %s fun(room: %sRoom, player: parlor.Player, m: %s): any"):format(m[1], name,
      name .. class(m[1]) .. "Message")
  end
  out[#out + 1] = table.concat(on, "\n") .. "\n"
  out[#out + 1] = ([[
-- What parlor.game gives: write ---@type %sGame above `local %s = parlor.game {`.
---@class %sGame: parlor.Game, %sRoom
---@field on %sHandlers
]]):format(name, game:gsub("%W", "_"), name, name, name)
  return ("---@meta\n-- Written by `parlor types %s` from the game's schema; the next run writes it anew.\n\n%s")
    :format(game, table.concat(out, "\n"))
end

-- TypeScript.

local ts = {}

function ts.of(t, depth)
  local kind = t.t
  if numbers[kind] then return "number" end
  if kind == "bool" then return "boolean" end
  if kind == "str" or kind == "text" then return "string" end
  if kind == "bytes" then return "Uint8Array" end
  if kind == "enum" then return quoted(t.of, " | ") end
  if kind == "record" then return ts.record(t.fields, depth) end
  if kind == "opt" then return ts.of(t.item, depth) .. " | null" end
  if kind == "list" then return ("Array<%s>"):format(ts.of(t.item, depth)) end
  if kind == "map" then
    return ("Record<%s, %s>"):format(t.keys == "string" and "string" or "number", ts.of(t.item, depth))
  end
  return "any"
end

-- `mark`: "?" where a field may be left out; one that is its owner's is not in other rows.
function ts.record(fields, depth, mark)
  if #fields == 0 then return "Record<string, never>" end
  local out = { "{" }
  for _, f in ipairs(fields) do
    local text = about(f[2])
    out[#out + 1] = ("%s%s%s%s: %s;"):format(("  "):rep(depth + 1),
      text == "" and "" or "/** " .. text .. " */ ", f[1],
      mark or f[2].to == "owner" and "?" or "", ts.of(f[2], depth + 1))
  end
  out[#out + 1] = ("  "):rep(depth) .. "}"
  return table.concat(out, "\n")
end

local function ts_list(name, what, list, mark)
  local out = { ("/** %s */\nexport interface %s {"):format(what, name) }
  for _, one in ipairs(list or {}) do
    out[#out + 1] = ("  %s: %s;"):format(one[1], ts.record(one[2].fields, 1, mark))
  end
  return table.concat(out, "\n") .. "\n}\n"
end

local function ts_file(game, schema)
  local out, state = {}, {}
  for _, map in ipairs(schema.state.maps or {}) do
    out[#out + 1] = ("/** One row of state.%s. */\nexport interface %sRow %s\n"):format(map[1], class(map[1]),
      (ts.record(map[2].fields, 0):gsub("^Record<string, never>$", "{}")))
  end
  for _, f in ipairs(schema.state.fields or {}) do
    local text = about(f[2])
    state[#state + 1] = ("  %s%s: %s;"):format(text == "" and "" or "/** " .. text .. " */ ", f[1], ts.of(f[2], 1))
  end
  for _, map in ipairs(schema.state.maps or {}) do
    state[#state + 1] = ("  %s: Table<%s, %sRow>;"):format(map[1],
      map[2].keys == "string" and "string" or "number", class(map[1]))
  end
  out[#out + 1] = ("/** room.state */\nexport interface State {\n%s\n}\n"):format(table.concat(state, "\n"))
  out[#out + 1] = ts_list("Messages", "What room.send takes; a field that is left out has its default.",
    schema.messages, "?")
  out[#out + 1] = ts_list("Events", "What room.on tells.", schema.events)
  out[#out + 1] = [[
/** A map of the state, read like a Map. */
export interface Table<K, Row> extends Iterable<[K, Row]> {
  readonly size: number;
  get(id: K): Row | undefined;
  has(id: K): boolean;
  keys(): IterableIterator<K>;
  values(): IterableIterator<Row>;
  entries(): IterableIterator<[K, Row]>;
  /** Called after a whole frame; returns its own unsubscribe. */
  on(what: "add" | "change" | "remove", fn: (row: Row, id: K, changed: string[]) => void): () => void;
}

type Tables = { [N in keyof State]: State[N] extends Table<infer K, infer Row> ? Iterable<[K, Row]> : never };

/** What join() of the SDK, _parlor/client.js, resolves to, for this game. */
export interface Room {
  readonly id: number;
  readonly code: string;
  readonly private: boolean;
  readonly spectator: boolean;
  readonly state: State;
  readonly status: "connecting" | "live" | "away" | "closed";
  readonly rtt: number;
  readonly clock: { now(): number };
  send<N extends keyof Messages>(name: N, data?: Messages[N]): void;
  request<N extends keyof Messages>(name: N, data?: Messages[N], options?: { timeout?: number }): Promise<any>;
  on<N extends keyof Events>(name: N, fn: (data: Events[N], about: { tick: number }) => void): () => void;
  on(name: "status", fn: (status: Room["status"]) => void): () => void;
  on(name: "error", fn: (error: unknown) => void): () => void;
  on(name: "state" | "leave" | "queue", fn: (...args: any[]) => void): () => void;
  view<N extends keyof State>(name: N): Tables[N];
  readonly tick: number;
  readonly delay: number;
  predict<N extends keyof State, M extends keyof Messages>(name: N, options: {
    input: M; read(): Messages[M]; step(row: any, input: any, room: any, isAgain: boolean): void;
    smooth?: string[]; ease?: number; snap?: number;
  }): Promise<import("/_parlor/predict.js").Prediction>;
  leave(): void;
}
]]
  return ("// Written by `parlor types %s` from the game's schema; the next run writes it anew.\n\n%s")
    :format(game, table.concat(out, "\n"))
end

-- Of the module that pages get; nil where the game has none.
local function shared_file(game)
  local f = io.open(game.folder .. "/shared.lua", "rb")
  local text = f and f:read "*a"
  if f then f:close() end
  -- One that is not translated is none that the game requires: it would not load.
  local ok, _, notes = pcall(translate, text or "", "shared.lua")
  return ok and declare(game.name, notes) or nil
end

local function write(path, text)
  local f, why = io.open(path, "wb")
  if not f then
    tool.complain(("%s cannot be written: %s"):format(path, why))
    return false
  end
  return f:write(text) and f:close()
end

local function write_all(game, files)
  local folder = game.folder .. "/.types"
  if not tool.exists(folder) then
    local ok, why = tool.mkdir(folder)
    if not ok then
      tool.complain(("the folder %s cannot be made: %s"):format(folder, why))
      return false
    end
  end
  for _, file in ipairs(files) do
    local path = folder .. "/" .. file.name
    if not write(path, file.text) then return false end
    print(path)
  end
  return true
end

--- Returns the exit code.
return function(games, _, options)
  local code = 0
  for _, game in ipairs(games) do
    tool.begin("parlor types", 1)
    rig.link(game.name, game.folder)
    local ok, why = rig.open(game.name)
    if not ok then
      tool.complain(("%s does not load: %s"):format(game.name, why))
      code = 65
    else
      local schema, all = rig.json(rig.schema(game.name)), rig.json(rig.schema(game.name, true))
      local files = { { name = "game.lua", text = lua_file(game.name, all) },
        { name = "schema.d.ts", text = ts_file(game.name, schema) } }
      local shared = shared_file(game)
      if shared then files[3] = { name = "shared.d.ts", text = shared } end
      if options.flag then
        for _, file in ipairs(files) do io.write(file.text, "\n") end
      elseif not write_all(game, files) then
        code = 78
      end
    end
    tool.finish()
  end
  return code
end
