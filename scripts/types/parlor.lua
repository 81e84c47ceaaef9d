---@meta parlor
-- SPDX-License-Identifier: MIT
-- The API of Parlor for the Lua language server (LuaLS). Never run: editors read it. Name
-- this folder in `workspace.library` of the editor's settings or of .luarc.json; the names
-- of a game's own schema come from `parlor types`. The reference is scripts/README.md.

---@class parlor
---@field schema parlor.Schema
---@field match parlor.Match rules of the option `match`
parlor = {}

---Declare the game; game.lua ends with `return` of what this gives.
---@param options parlor.Options
---@return parlor.Game
function parlor.game(options) end

---Iterate a map of the state in the order in which its rows came.
---@generic K, V
---@param map table<K, V>
---@return fun(): K, V
function parlor.each(map) end

---Write to the server's log, with the room's name.
---@param ... any
function parlor.log(...) end

---The wall clock, in seconds since 1970.
---@return number
function parlor.now() end

---The claims of a signed token, checked by the server's keys; nil and why not.
---@param token? string
---@return table? claims
---@return string? why
function parlor.jwt(token) end

---Wait, in `auth` and in `parlor.async` only; everything else goes on meanwhile.
---@param ms number
function parlor.sleep(ms) end

---Run code of the room at hand that may sleep; it begins with the room's next timers.
---@param f fun(...: any)
---@param ... any
---@return integer id for room:cancel
function parlor.async(f, ...) end

---@class parlor.BanOptions
---@field seconds? number 1…31536000 (3600)
---@field reason? string what whoever is kept out is told ("banned")

---@class parlor.BanOfPlayer: parlor.BanOptions
---@field by? "user"|"address" the user where there is an id, else the address

---@class parlor.BanOfAnybody: parlor.BanOptions
---@field user? string|number either this
---@field address? string or this

---Keep somebody out of the game who need not be here.
---@param options parlor.BanOfAnybody
---@return boolean? ok
---@return string? why
function parlor.ban(options) end

---@param options {user: (string|number)?, address: string?}
---@return boolean was_banned
function parlor.unban(options) end

---Values that outlive rooms. What waits runs in `auth` and `parlor.async` only.
---@class parlor.Store
parlor.store = {}

---@class parlor.PutOptions
---@field version? integer that must be there; 0: nothing
---@field wait? boolean false: return true at once, anywhere

---@param collection string `[a-z][a-z0-9_-]*`, up to 64
---@param key string 1 to 200 bytes of UTF-8
---@return any value nil where there is none
---@return integer|string version or why there is no answer
function parlor.store.get(collection, key) end

---@param collection string
---@param key string
---@param value any as `s.any`, up to 256 KiB
---@param options? parlor.PutOptions
---@return integer|boolean|nil version
---@return string? why "conflict", "busy", …
function parlor.store.put(collection, key, value, options) end

---@param collection string
---@param key string
---@param options? parlor.PutOptions
---@return boolean? was_there
---@return string? why
function parlor.store.delete(collection, key, options) end

---@param collection string
---@param options? {prefix: string?, after: string?, limit: integer?} limit: 1 to 1000 (100)
---@return {key: string, value: any, version: integer}[]? list
---@return string? after where there are more; or why there is no answer
function parlor.store.list(collection, options) end

---Scores that outlive rooms. What waits runs in `auth` and `parlor.async` only.
---@class parlor.Board
parlor.board = {}

---@class parlor.Score
---@field rank integer from 1
---@field key string
---@field score number
---@field data any

---@class parlor.SubmitOptions
---@field keep? "best"|"last"|"sum" which score counts ("best")
---@field least? boolean the smallest is the best
---@field data? any
---@field wait? boolean false: return true at once, anywhere

---@param board string
---@param key string
---@param score number
---@param options? parlor.SubmitOptions
---@return integer|boolean|nil rank
---@return number|string|nil score that counts, or why there is no answer
function parlor.board.submit(board, key, score, options) end

---@param board string
---@param options? {limit: integer?, least: boolean?} limit: 1 to 1000 (10)
---@return parlor.Score[]? list
---@return string? why
function parlor.board.top(board, options) end

---@param board string
---@param key string
---@param options? {limit: integer?, least: boolean?} limit: 1 to 1000 (5)
---@return parlor.Score[]? list nil where the key has no score
---@return string? why
function parlor.board.around(board, key, options) end

---@param board string
---@param key string
---@param options? {wait: boolean?}
---@return boolean? was_there
---@return string? why
function parlor.board.remove(board, key, options) end
---Leave something for a room of this game: its `signal` runs in the room's next step.
---@param room_id string
---@param name string 1…64 bytes
---@param data? any
---@return boolean? ok
---@return string? why
function parlor.signal(room_id, name, data) end

---@class parlor.RoomInfo
---@field id string
---@field players integer seats that are taken
---@field max integer
---@field spectators integer
---@field locked boolean
---@field private boolean
---@field labels table<string, boolean|number|string>

---The rooms of a game; without a name those of this one, private ones too.
---@param game? string
---@return parlor.RoomInfo[]? rooms nil: there is no such game
function parlor.rooms(game) end

---What `http` is asked.
---@class parlor.HttpRequest
---@field method string
---@field path string behind /_http, "/" at least
---@field query table<string, string>
---@field headers table<string, string> by name in lower case
---@field body? string
---@field data? any what the body says, where it is JSON
---@field token? string of the Authorization header, or auth_cookie
---@field address string of the client
---@field origin? string of the page

---What `auth` is asked about.
---@class parlor.Request
---@field token? string of the join options, the Authorization header or auth_cookie
---@field options any the join options
---@field headers table<string, string> by name in lower case
---@field query table<string, string>
---@field address string of the client
---@field origin? string of the page
---@field protocol? string the subprotocol agreed on
---@field game string
---@field room? string the room asked for, nil for any

---@class parlor.Rule

---@class parlor.NearOptions
---@field by number how far the label may be from the option
---@field widen? number so much farther for each second of waiting (0)
---@field max? number but no farther than this

---@class parlor.Match
---@field same parlor.Rule the room's label is the join option
---@field any parlor.Rule the label is the option, or one of those that it lists
local Match = {}

---The label is a number, not too far from the option.
---@param options parlor.NearOptions
---@return parlor.Rule
function Match.near(options) end

---@class parlor.Queue
---@field min? integer so many begin together, 1…1000 (2)
---@field max? integer and no more (max_players)
---@field hold? number s, to 3600: once they are `min`, wait so long for more (0)
---@field wait? number s, 1…86400: who has found nobody by then is sent away (60)

---@class parlor.Options
---@field tick_rate? number steps a second, 0…120 (20; raw games 0: event-driven)
---@field sync_rate? number event-driven rooms send state at most so often a second, 1…120 (20)
---@field max_players? integer seats of one room, held ones counted (64)
---@field max_spectators? integer who may watch a room, beside max_players (100)
---@field match? "fill"|table<string, parlor.Rule> which open room one gets who names none ("fill")
---@field queue? parlor.Queue where no room fits yet, wait for others
---@field reconnect? number seconds for which a dropped player's seat is held (30)
---@field resume_bytes? integer of events and answers that are kept for a player who may come back, 0…16777216 (65536)
---@field rooms? "open"|"listed" "listed": a named room must exist already
---@field title? string shown on the hub (the folder's name)
---@field about? string one line, shown on the hub
---@field state? table<string, parlor.Type|parlor.Map|table> what browsers see
---@field messages? table<string, parlor.Message|table<string, parlor.Type>> what they may say
---@field events? table<string, table<string, parlor.Type>> what happens once
---@field max_name? integer bytes of a player's name (16)
---@field max_message? integer bytes of one message from a client (16384)
---@field max_inputs? integer messages of one player that may wait for a tick (256)
---@field spread? integer members from which on a room's connections stay on all workers, 0…100000; 0: never (1000)
---@field budget_warn? number ms, 1…60000: in dev a callback that takes longer is named in the log (50)
---@field budget_kill? number ms, 5…60000: what takes longer is stopped, all callbacks of a step together, too (1000)
---@field max_kills? integer so many stops within a minute end a room, 1…32 (3)
---@field memory? number MiB, 4…65536: Lua values of all rooms of the game on one worker (256)
---@field durable? boolean rooms come back after a restart, with their state and seats
---@field atomic? boolean a callback that raises leaves no trace in the declared state either
---@field max_watched? integer keys that one player may watch at a time (256)
---@field auth_timeout? number s, 0.1…300: how long auth may take, sleeps included (10)
---@field auth_waiting? integer joins that may wait for auth, 1…100000 (1000)
---@field auth_cookie? string the cookie whose value is request.token
---@field compress? boolean messages from 128 bytes on are compressed for browsers (true)
---@field raw? boolean plain WebSocket messages instead of records
---@field protocols? string[] subprotocols that a raw game itself speaks

---The game's table: callbacks and methods go here. In `game:name(…)` self is the room.
---@class parlor.Game: parlor.Room
---@field on table<string, fun(room: parlor.Room, player: parlor.Player, m: table): any> handlers of declared messages
---@field auth? fun(self: parlor.Game, request: parlor.Request): {user: any}?, string? who comes in; nil and a reason refuses
---@field create? fun(self: parlor.Room, options: any) the room is new
---@field join? fun(self: parlor.Room, player: parlor.Player, options: any) a player takes a seat
---@field spectate? fun(self: parlor.Room, player: parlor.Player, options: any) somebody begins to watch
---@field message? fun(self: parlor.Room, player: parlor.Player, name: string, data: any): any any other message; raw games: (player, data, is_text)
---@field tick? fun(self: parlor.Room, dt: number) each step; dt is 1/tick_rate s
---@field drop? fun(self: parlor.Room, player: parlor.Player) the connection is lost, the seat is held
---@field resume? fun(self: parlor.Room, player: parlor.Player) it is back
---@field leave? fun(self: parlor.Room, player: parlor.Player, reason: "left"|"lost"|"kicked"|"closed") the seat ends
---@field reloaded? fun(self: parlor.Room, old_version: integer, is_rebuilt: boolean?) new code runs this room; is_rebuilt: its VM was replaced
---@field http? fun(request: parlor.HttpRequest): integer?, any, table<string, string|number>? /NAME/_http/…; belongs to no room
---@field signal? fun(self: parlor.Room, name: string, data: any) what parlor.signal has left
---@field close? fun(self: parlor.Room, reason: string) the room ends: "empty", "closed", "stopped"

---@class parlor.Room
---@field id string
---@field game string the game's name
---@field tick integer
---@field time number seconds since the room began
---@field players table<integer, parlor.Player> by id
---@field spectators table<integer, parlor.Player> who watches, by id
---@field state table what is declared, as plain tables
local Room = {}

---An event to one player.
---@param player parlor.Player|integer
---@param name string
---@param data? any
function Room:send(player, name, data) end

---@class parlor.BroadcastOptions
---@field except? parlor.Player|integer all but this one
---@field to? (parlor.Player|integer)[] only these

---An event to all. In raw games `room:broadcast(data, is_text, options)`, a message.
---@param name string in raw games the message
---@param data? any in raw games whether it is text
---@param options? parlor.BroadcastOptions
function Room:broadcast(name, data, options) end

---Call `room:method(…)` in so many ms.
---@param ms number
---@param method string
---@param ... any
---@return integer? id nil where the room is closed
---@return string? why
function Room:after(ms, method, ...) end

---Call `room:method(…)` every so many ms.
---@param ms number
---@param method string
---@param ... any
---@return integer? id
---@return string? why
function Room:every(ms, method, ...) end

---@param id integer of after() or every()
---@return boolean was_still_to_come
function Room:cancel(id) end

---As math.random, seeded for each room.
---@param m? integer
---@param n? integer
---@return number
function Room:random(m, n) end

---No new players by /game; joins by the room's name still work.
---@param locked boolean
function Room:lock(locked) end

---What lists of rooms show of this one, and matching looks at; in place of what it told before.
---@param labels table<string, boolean|number|string> up to 16
function Room:label(labels) end

---End the room after this callback; players are told 4008.
---@param reason? string up to 120 bytes
function Room:close(reason) end

---@class parlor.Player
---@field id integer from 1, not used again in the room
---@field name string cleaned, never nil
---@field vars table yours
---@field user any what auth has found out
---@field rtt number ms
---@field backlog integer bytes that have not left
---@field spectator boolean it only watches
local Player = {}

---An event to this player; in raw games send(data, is_text).
---@param name string
---@param data? any
function Player:send(name, data) end

---The centre for all `s.near` maps; nil: the player's own row again.
---@param view {x: number, y: number, radius: number?}? radius stands in for `see`
function Player:view(view) end

---See this row of a map with `interest = s.keys`, be it there or not.
---@param collection string
---@param key integer|string
---@return boolean? ok nil past max_watched
---@return string? why
function Player:watch(collection, key) end

---@param collection string
---@param key integer|string
function Player:unwatch(collection, key) end

---End the seat; the player is told 4000 and the reason.
---@param reason? string up to 120 bytes
function Player:kick(reason) end

---Keep the player out: the seat ends (4003 and the reason), and joins are refused for a while.
---@param options? parlor.BanOfPlayer
---@return boolean? ok
---@return string? why
function Player:ban(options) end

-- Schema.

---@class parlor.TypeOptions
---@field default? any
---@field to? "owner"|"server" who sees it; everybody without it
---@field smooth? boolean the browser glides from one value to the next
---@field min? number
---@field max? number
---@field step? number

---A type of a field. Called with options it gives another.
---@class parlor.Type
---@operator call(parlor.TypeOptions): parlor.Type

---@class parlor.SizedType: parlor.Type
---@overload fun(bytes: integer, options?: parlor.TypeOptions): parlor.Type

---@class parlor.Map
---@class parlor.Message
---@class parlor.Interest

---What a list, a map or an opt holds: a type, a map, or a table of fields.
---@alias parlor.Item parlor.Type|parlor.Map|table<string, parlor.Type|parlor.Map|table>

---@class parlor.MapOptions
---@field keys? "player"|"integer"|"string" by player id without it
---@field max? integer of a map that is a value: how many there may be, up to 65535 (1024)
---@field to? "owner"|"server" of records at the root only "server"
---@field interest? parlor.Interest of records at the root: which rows a player sees

---@class parlor.ListOptions: parlor.TypeOptions
---@field max? integer how many there may be, up to 65535 (1024)

---@class parlor.Near
---@field x string a number field of the record, "pos.x" in a nested one
---@field y string
---@field see number how near a row must come to be seen
---@field forget? number how far it must go to be forgotten (see * 1.1)

---@class parlor.MessageOptions
---@field rate? number a second and player; more are dropped
---@field burst? number at once (rate)
---@field input? boolean the page predicts it (room.predict)

---@class parlor.Schema
---@field bool parlor.Type
---@field u8 parlor.Type 0…255
---@field u16 parlor.Type 0…65535
---@field u32 parlor.Type 0…4294967295
---@field i8 parlor.Type -128…127
---@field i16 parlor.Type -32768…32767
---@field i32 parlor.Type
---@field uint parlor.Type 0…4294967295, short on the wire when small
---@field int parlor.Type signed, short on the wire when small
---@field f32 parlor.Type
---@field f64 parlor.Type
---@field fixed parlor.Type a multiple of step, from min to max
---@field angle parlor.Type radians, wraps
---@field str parlor.SizedType UTF-8 of at most so many bytes (255)
---@field bytes parlor.SizedType any string of at most so many bytes (255)
---@field text parlor.SizedType long UTF-8 of at most so many bytes (65536); changes are sent
---@field any parlor.SizedType any value of at most so many bytes on the wire (65536)
---@field keys parlor.Interest a player sees the rows whose keys it watches
local Schema = {}

---One of these texts; the first is the default.
---@param names string[]
---@param options? parlor.TypeOptions
---@return parlor.Type
function Schema.enum(names, options) end

---A table of records at the root of the state, each in step by itself; anywhere else, or
---of a single type: a value.
---@param item parlor.Item
---@param options? parlor.MapOptions
---@return parlor.Map
function Schema.map(item, options) end

---The keys 1…n and no others.
---@param item parlor.Item
---@param options? parlor.ListOptions
---@return parlor.Type
function Schema.list(item, options) end

---A value, or nil.
---@param item parlor.Item
---@return parlor.Type
function Schema.opt(item) end

---Interest: a player sees the rows near its centre.
---@param options parlor.Near
---@return parlor.Interest
function Schema.near(options) end

---A message with limits.
---@param fields table<string, parlor.Type|table>
---@param options? parlor.MessageOptions
---@return parlor.Message
function Schema.message(fields, options) end

-- Tests: what a game's test.lua sees.

---@param sentence string what must be true
---@param body fun(sim: parlor.Sim) raises where it is not
function test(sentence, body) end

---@generic T
---@param ok T
---@param what? string
---@return T
function expect(ok, what) end

---Tables are equal where they hold the same.
---@param a any
---@param b any
---@param what? string
function expect_eq(a, b, what) end

---@param v any
---@return string
function show(v) end

---@class parlor.SimJoin
---@field name? string
---@field room? string a room's name; without it any open one
---@field latency? number ms, one way (0)
---@field jitter? number up to so many ms more (0)
---@field codec? "json"|"binary"|"plain"
---@field address? string for bans ("198.51.100.1")
---@field door? table what `auth` sees of the handshake: headers, query, address, origin, protocol, token

---@class parlor.Sim
local Sim = {}

---@param options? parlor.SimJoin and whatever else `join` is to get
---@return parlor.SimPlayer
function Sim:join(options) end
---@param player parlor.SimPlayer
---@param name string
---@param data? any
function Sim:send(player, name, data) end
---@param n? number ticks (1)
function Sim:step(n) end
---@param seconds number
function Sim:wait(seconds) end
---@param seconds number the server does nothing, then goes on
function Sim:hang(seconds) end
---@param is_killed? boolean without a chance to save
function Sim:restart(is_killed) end
---@return boolean? ok
---@return string? why
function Sim:reload() end
---@param file string
---@param change string|fun(text: string): string
---@return boolean? ok
---@return string? why
function Sim:edit(file, change) end
---@param method string
---@param path string
---@param options? {query: table?, headers: table?, body: string?, data: any, token: string?, address: string?}
---@return integer? status nil: the script failed, or has no http
---@return any body
---@return string? headers
function Sim:http(method, path, options) end
---@return {id: string, seats: integer, tick: integer, is_paused: boolean}[]
function Sim:rooms() end
---@return string errors a line each, "" for none
function Sim:errors() end
---@param m integer
---@param n integer
---@return integer
function Sim:random(m, n) end

---@class parlor.SimPlayer
---@field id integer
---@field name string?
---@field state table what this player's browser holds
---@field closed {code: integer, reason: string}? once the server has ended the connection
---@field latency number
---@field jitter number
local SimPlayer = {}

---@param name string
---@param data? any
function SimPlayer:send(name, data) end
---@param name string
---@param data? any
---@return any answer
---@return string? why
function SimPlayer:request(name, data) end
---@param name? string
---@return any data nil where none has come
function SimPlayer:event(name) end
---@param name? string
---@return any[]
function SimPlayer:events(name) end
---@return string? data
---@return boolean? is_text
function SimPlayer:message() end
function SimPlayer:drop() end
---@return boolean is_resumed
function SimPlayer:resume() end
function SimPlayer:leave() end
---@param on? boolean
function SimPlayer:stall(on) end

return parlor
