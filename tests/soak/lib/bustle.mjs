// SPDX-License-Identifier: MIT
/*
 * bustle - people who come, go, drop and come back at random in rooms of every kind, on a
 * server with several workers that is meanwhile saved to, asked for its figures, and told
 * to stop: what sanitizers are to look at.
 *
 * A round is one life of a server. It must end with 0 and without a report, and where it
 * had a moment of rest before, with no room and nobody in it.
 */
import process from "node:process";
import WebSocket from "ws";

import { freePort, sleep, startServer, until } from "../../e2e/lib/server.mjs";

const den = (version, tick) => `local parlor = require "parlor"
local s = parlor.schema
local game = parlor.game {
  tick_rate = 30, max_players = 12, reconnect = 0.3, budget_kill = 60, max_kills = 30,
  spread = ${version % 4}, -- so that members sit with their room and elsewhere
  state = { n = s.uint, version = s.uint, ${version % 3 ? "" : "extra = s.u8, "}
            seats = s.map { name = s.str(16), x = s.f32 } },
}
function game:create() self.state.version = ${version} end
function game:reloaded() self.state.version = ${version} end
function game:auth(r)
  if r.options.slow then parlor.sleep(20) end
  return { user = { id = r.options.name or "?" } }
end
function game:join(player) self.state.seats[player.id] = { name = player.name } end
function game:leave(player) self.state.seats[player.id] = nil end
function game:tick()
  self.state.n = self.state.n + 1
  for _, seat in pairs(self.state.seats) do seat.x = seat.x + 1 end
  ${tick}
end
function game:signal(name, data) self:broadcast("heard", data) end
function game:message(player, name, data)
  if name == "loop" then while true do end
  elseif name == "ban" then player:ban { seconds = 1, by = "user" }
  elseif name == "lock" then self:lock(data) self:label { open = not data }
  elseif name == "close" then self:close("enough")
  elseif name == "tell" then
    for _, room in ipairs(parlor.rooms()) do parlor.signal(room.id, "hear", data) end
  else self:broadcast("said", data) end
end
return game
`;
const files = {
  "den/game.lua": den(1, ""),
  "open/game.lua": `local parlor = require "parlor"
local game = parlor.game { max_players = 5, reconnect = 0.3, max_spectators = 5, spread = 1,
                           match = { mode = parlor.match.same } }
return game
`,
  "pairs/game.lua": `local parlor = require "parlor"
return parlor.game { max_players = 3, queue = { min = 3, max = 3, wait = 2 }, reconnect = 0.3 }
`,
  "raw/game.lua": `local parlor = require "parlor"
local game = parlor.game { raw = true, max_players = 8 }
function game:message(player, data) player:send(data) self:broadcast(data) end
return game
`,
};

const random = (n) => Math.floor(Math.random() * n);
const one = (list) => list[random(list.length)];

/** A visit: joins somewhere, says some things, ends in some way. */
class Visit {
  constructor(server, counts, kills) {
    this.server = server;
    this.counts = counts;
    this.kills = kills;
  }

  count(what) {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }

  open(path, protocol, first) {
    const ws = new WebSocket(this.server.ws(path), protocol ? [protocol] : []);
    ws.on("error", () => {});
    ws.on("open", () => first && ws.send(first));
    ws.on("message", (data) => this.take(String(data)));
    ws.gone = new Promise((done) => ws.on("close", done));
    return ws;
  }

  take(text) {
    if (!text.startsWith('{"t":"')) return;
    const record = JSON.parse(text);
    if (record.t === "hello") {
      this.hello = record;
      this.count(record.resumed ? "resumed" : "joined");
    }
  }

  say(ws, name, data) {
    if (ws.readyState === WebSocket.OPEN) ws.send(JSON.stringify({ t: "send", name, data }));
  }

  async run() {
    const name = `p${random(30)}`;
    const where = random(10);
    const room = `/den/r${random(10)}`;
    let ws;
    if (where < 4) {
      const join = { name, slow: random(4) === 0, spectate: random(8) === 0 };
      ws = this.open(room, "parlor.j1", JSON.stringify({ t: "hello", join }));
    } else if (where < 5) {
      ws = this.open(`/den?name=${name}&private=1`);
    } else if (where < 6) {
      ws = this.open(`/raw`, undefined, "x".repeat(random(2000)));
    } else if (where < 7) {
      const party = { id: `us${random(3)}`, size: 3 };
      ws = this.open("/pairs", "parlor.j1",
        JSON.stringify({ t: "hello", join: random(3) ? {} : { party } }));
    } else if (where < 9) {
      ws = this.open("/open", "parlor.j1",
        JSON.stringify({ t: "hello", join: { mode: one(["a", "b"]), spectate: random(8) === 0 } }));
    } else {
      ws = this.open(`/_parlor/rooms?game=${one(["den", "open"])}`);
    }
    this.count("visits");
    await Promise.race([ws.gone, sleep(30 + random(300))]);
    for (let i = random(6); i > 0; i--) {
      const what = random(60);
      if (what === 0) this.say(ws, "ban", {});
      else if (what === 1) this.say(ws, "close", {});
      else if (what < 6) this.say(ws, "lock", random(2) === 0);
      else if (what < 10) this.say(ws, "tell", "there");
      else if (what === 10 && this.kills) this.say(ws, "loop", {});
      else this.say(ws, "hello", "x".repeat(random(300)));
      await Promise.race([ws.gone, sleep(random(40))]);
    }
    for (let i = random(3); i > 0 && this.hello?.token; i--) {
      const { token, epoch, tick } = this.hello;
      if (random(2)) ws.terminate(); // else the second connection takes over
      const before = ws;
      ws = this.open(one(["/den", "/open", "/pairs"]), "parlor.j1",
        JSON.stringify({ t: "hello", resume: { token, epoch, tick, events: 0 } }));
      await Promise.race([ws.gone, sleep(random(150))]);
      before.terminate();
    }
    if (random(2)) ws.terminate();
    else ws.close(1000);
    await Promise.race([ws.gone, sleep(2000)]);
    ws.terminate();
  }
}

/** One life of a server, `ms` long. */
async function round({ program, workers, kills, people, ms, counts }) {
  const admin = `http://127.0.0.1:${await freePort()}`;
  const server = await startServer({
    program,
    files,
    games: [],
    args: ["--workers", String(workers), "--admin", admin.slice(7)],
  });
  const end = Date.now() + ms;
  const isOver = () => Date.now() > end || !server.isRunning();
  const ask = (at) => fetch(at).then((answer) => answer.arrayBuffer()).catch(() => {});

  async function person() {
    while (!isOver()) await new Visit(server, counts, kills).run();
  }
  async function author() {
    for (let version = 2; !isOver(); version++) {
      const fails = random(5) === 0;
      server.save("den/game.lua", random(8) === 0 ? "x = = 1" : den(version, fails ? "error 'no'" : ""));
      counts.saves = (counts.saves ?? 0) + 1;
      if (random(6) === 0) process.kill(server.pid, "SIGHUP");
      await sleep(150 + random(300));
    }
  }
  async function operator() {
    while (!isOver()) {
      await ask(`${admin}${one(["/metrics", "/_calls?game=den"])}`);
      await ask(`${server.origin}${one(["/_parlor/games", "/_parlor/rooms?game=den", "/", "/readyz"])}`);
      if (random(20) === 0)
        await fetch(`${admin}/_profile?game=den&seconds=1`, { method: "POST" }).catch(() => {});
      await sleep(random(80));
    }
  }
  const all = Promise.all([
    ...Array.from({ length: people }, person),
    author(),
    operator(),
  ]);
  if (random(2)) {
    await sleep(ms);
    counts.drains = (counts.drains ?? 0) + 1;
    await server.stop(); // in the middle of it
    await all;
    return;
  }
  await all;
  await until("an empty server", async () => {
    const { games } = await (await fetch(`${server.origin}/_parlor/games`)).json();
    return games.every((game) => game.players === 0 && game.rooms === 0);
  });
  counts.rests = (counts.rests ?? 0) + 1;
  await server.stop();
}

/** Rounds until `seconds` are over and everything of `least` has been done so often (on a
 * busy machine that may take up to six times as long); returns what was done. Throws
 * where a server did not end as it should. */
export async function bustle({
  program = "checked", workers = 4, kills = false, people = 24, seconds = 20, least = {},
}) {
  const counts = {};
  const end = Date.now() + seconds * 1000;
  const lacks = () => Object.entries(least).some(([what, n]) => !(counts[what] >= n));
  do {
    const left = end - Date.now();
    const ms = left > 0 ? Math.min(6000, Math.max(1000, left)) : 6000;
    await round({ program, workers, kills, people, ms, counts });
    counts.rounds = (counts.rounds ?? 0) + 1;
  } while (Date.now() < end || (lacks() && Date.now() < end + 5000 * seconds));
  return counts;
}
