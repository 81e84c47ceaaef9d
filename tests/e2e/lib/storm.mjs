// SPDX-License-Identifier: MIT
/*
 * storm - many players on bad lines (weather.mjs), all of whose messages, requests and
 * events are numbered, in rooms whose state moves all the time.
 *
 * run() plays for a given time, then lets the lines be and waits until everybody is up to
 * date. It returns what was wrong, a text each, and what happened.
 */
import WebSocket from "ws";

import { join } from "../../../scripts/web/client.js";
import { check } from "../../../scripts/web/hash.js";
import { sleep } from "./server.mjs";
import { dice, startWeather } from "./weather.mjs";

export const STORM = `local parlor = require "parlor"
local s = parlor.schema
local game = parlor.game {
  tick_rate = 10, max_players = 100, reconnect = 30,
  state = {
    round = s.u32, all = s.u32, lost = s.u32, is_calm = s.bool,
    rows = s.map { said = s.u32, wrong = s.u32, told = s.u32, secret = s.u32 {to = "owner"} },
    stones = s.map({ x = s.fixed {min = 0, max = 1000, step = 1/8}, tag = s.str(8), bag = s.list(s.u8) },
      { keys = "integer" }),
  },
  messages = { say = { n = s.u32 }, ask = { n = s.u32 } },
  events = { told = { n = s.u32 }, all = { n = s.u32 } },
}
function game:create() for i = 1, 40 do self.state.stones[i] = { x = i, tag = "s" .. i } end end
function game:join(p, o) if not o.watch then self.state.rows[p.id] = {} end end
function game:leave(p, reason)
  if reason == "lost" then self.state.lost = self.state.lost + 1 end
  self.state.rows[p.id] = nil
end
local function count(room, p, n)
  local row = room.state.rows[p.id]
  if n == row.said + 1 then row.said = n else row.wrong = row.wrong + 1 end
end
function game.on.say(room, p, m) count(room, p, m.n) end
function game.on.ask(room, p, m)
  count(room, p, m.n)
  if m.n % 5 == 0 then error("no to " .. m.n) end
  return { twice = 2 * m.n }
end
function game:message(p, name) if name == "calm" then self.state.is_calm = true end end
function game:tick()
  local st = self.state
  if st.is_calm then return end
  st.round = st.round + 1
  for _ = 1, 8 do
    local i = self:random(60)
    local stone = st.stones[i]
    if not stone then st.stones[i] = { x = i, tag = "n" .. self:random(99) }
    elseif self:random(6) == 1 then st.stones[i] = nil
    else
      stone.x = self:random() * 1000
      stone.bag = { self:random(9), self:random(9) }
    end
  end
  for id, p in pairs(self.players) do
    local row = st.rows[id]
    if row and self:random(8) == 1 then
      row.told = row.told + 1
      row.secret = self:random(1000)
      p:send("told", { n = row.told })
    end
  end
  if self:random(5) == 1 then
    st.all = st.all + 1
    self:broadcast("all", { n = st.all })
  end
end
return game
`;

/** ws inflates ten messages at once and no more, for all clients of a process; their
 * answers come with the next turn of its loop. Hundreds of players would wait in line. */
const DEFLATE = { concurrencyLimit: 1000 };

/** What a client holds of the state, less what only it sees. */
const shown = (room) =>
  JSON.stringify(room.state, (key, v) => {
    if (key === "secret") return undefined;
    if (typeof v?.entries !== "function" || Array.isArray(v)) return v;
    return [...v.entries()].sort(([a], [b]) => a - b);
  });

class Player {
  said = 0;
  told = 0;
  answers = 0;
  returns = 0;
  pending = new Map();

  constructor(name, random, wrong) {
    this.name = name;
    this.random = random;
    this.wrong = (text) => wrong.add(`${name}: ${text}`);
  }
  /** `line.story(port)` tells what has happened to the connection from there. */
  async join(line, at) {
    const { wrong, isJson: json } = this;
    const perMessageDeflate = this.isDeflating && DEFLATE;
    const t0 = Date.now();
    const trace = [];
    const note = (text) => trace.push(`${((Date.now() - t0) / 1000).toFixed(1)} ${text}`) > 60 && trace.shift();
    /** Nobody is refused, or sent away. */
    class Socket extends WebSocket {
      constructor(url, protocols) {
        super(url, protocols, { perMessageDeflate });
        note("connects");
        let port;
        this.on("open", () => {
          port = this._socket.localPort;
          note("open");
        });
        this.on("close", (code, reason) => {
          note(`closed ${code} ${reason} (its line: ${line.story(port)})`);
          if (code >= 4000 && code !== 4005) wrong(`was closed with ${code} ${reason}`);
        });
      }
    }
    const settings = { WebSocket: Socket, json, base: `http://127.0.0.1:${line.port}`, timeout: 60_000 };
    const room = (this.room = await join(at, { name: this.name }, settings));
    this.id = room.id;
    room.on("told", ({ n }) => {
      if (n !== this.told + 1) this.wrong(`event ${n} after ${this.told}`);
      this.told = n;
    });
    room.on("all", ({ n }) => {
      if (this.all !== undefined && n !== this.all + 1) this.wrong(`broadcast ${n} after ${this.all}`);
      this.all = n;
    });
    room.on("gap", (lost) => this.wrong(`a gap: ${lost}`));
    room.on("error", (error) => this.wrong(error.message));
    room.on("leave", (why) => this.isLeaving || this.wrong(`left with ${why.code} ${why.reason}`));
    room.on("dev", (r) => r.kind === "hash" && this.hashes.push(check(room, r)));
    room.on("status", (status) => {
      note(status);
      if (status === "live") this.returns++;
      if (status === "live" && room.id !== this.id) this.wrong(`has another seat: ${trace.join(", ")}`);
    });
  }
  hashes = [];

  /** Says something, with luck. */
  act() {
    const n = this.said + 1;
    if (this.random() < 0.5) this.room.send("say", { n });
    else {
      this.pending.set(n, this.ask(n));
    }
    this.said = n;
  }
  async ask(n) {
    try {
      const { twice } = await this.room.request("ask", { n }, { timeout: 600_000 });
      if (twice !== 2 * n || n % 5 === 0) this.wrong(`request ${n} was answered ${twice}`);
    } catch (error) {
      if (n % 5 !== 0 || !/failed to answer/.test(error.message))
        this.wrong(`request ${n}: ${error.message}`);
    }
    if (!this.pending.delete(n)) this.wrong(`request ${n} was answered twice`);
    this.answers++;
  }
  /** Has all arrived? `watcher` is on a good line. */
  isDone(watcher) {
    const { room } = this;
    const row = watcher.room.state.rows.get(this.id);
    const hash = this.hashes.at(-1);
    return (
      room.status === "live" &&
      row?.said === this.said &&
      row.told === this.told &&
      (this.all === undefined || watcher.room.state.all === this.all) &&
      this.pending.size === 0 &&
      (this.isJson || hash === "") &&
      shown(room) === shown(watcher.room)
    );
  }
  /** Why not? */
  open(watcher) {
    const row = watcher.room.state.rows.get(this.id) ?? {};
    return (
      `${this.room.status}; said ${this.said}, ${row.said} arrived; ${row.told} events, ` +
      `${this.told} arrived; ${this.pending.size} requests wait; last hash "${this.hashes.at(-1)}"; ` +
      (shown(this.room) === shown(watcher.room) ? "same state" : "another state")
    );
  }
}

/**
 * The game "storm" (STORM) must be there. `perRoom` players share a room, of which each
 * has one who watches on a good line. `prefix` begins the names of its rooms.
 */
export async function run({ server, players, prefix = "", perRoom = 25, ms, faultsPerSecond, seed, say = () => {} }) {
  const random = dice(seed);
  const weather = await startWeather(server.port, random);
  const wrong = new Set();
  const all = [];
  const watchers = [];

  for (let i = 0; i < players; i++) {
    const at = `/storm/${prefix}room${Math.floor(i / perRoom)}`;
    if (i % perRoom === 0) {
      const watcher = new Player(`watcher of ${at}`, random, wrong);
      await watcher.join({ port: server.port, story: () => "" }, at);
      watchers.push(watcher);
    }
    const player = new Player(`player ${i}`, random, wrong);
    player.watcher = watchers.at(-1);
    player.isJson = i % 4 === 3;
    player.isDeflating = i % 3 === 0;
    all.push(player);
  }
  for (let i = 0; i < all.length; i += 20)
    await Promise.all(
      all.slice(i, i + 20).map((player) => player.join(weather, player.watcher.room.name)),
    );
  say(`${players} players in ${watchers.length} rooms`);

  const end = Date.now() + ms;
  let struck = 0;
  let rtt = 0;
  for (let at = Date.now(); at < end; at = Date.now()) {
    for (const player of all) {
      if (random() < 0.05) player.act();
      rtt = Math.max(rtt, player.room.rtt);
    }
    const due = ((ms - (end - at)) / 1000) * faultsPerSecond;
    for (; struck < due; struck++) weather.strike();
    await sleep(50);
  }
  say("calm");
  for (const watcher of watchers) watcher.room.send("calm");
  const patience = Date.now() + 90_000;
  let left = all;
  while ((left = left.filter((player) => !player.isDone(player.watcher))).length && Date.now() < patience)
    await sleep(100);
  for (const player of left) player.wrong(`is not up to date: ${player.open(player.watcher)}`);
  for (const { room, wrong: tell } of watchers) {
    if (room.state.lost) tell(`${room.state.lost} seats were lost`);
    for (const [id, row] of room.state.rows)
      if (row.wrong) tell(`${row.wrong} messages of player ${id} were lost or came twice`);
  }
  const sum = (what) => all.reduce((n, player) => n + what(player), 0);
  const result = {
    wrong: [...wrong],
    faults: weather.counts,
    "longest round trip, ms": Math.round(rtt),
    returns: sum((p) => p.returns),
    messages: sum((p) => p.said),
    answers: sum((p) => p.answers),
    events: sum((p) => p.told),
    hashes: sum((p) => p.hashes.length),
  };
  for (const player of [...all, ...watchers]) {
    player.isLeaving = true;
    player.room.leave();
  }
  weather.close();
  return result;
}
