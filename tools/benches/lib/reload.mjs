// SPDX-License-Identifier: MIT
/*
 * reload - how long it takes from saving a game's file to the first tick on the new
 * code, as a player sees it, and what a reload costs those who play: dropped players,
 * lost messages, memory.
 *
 * `parlor dev` serves one room of a ticking game, all players in it. Each sends messages
 * all the time, without subprotocol, so a lost connection is a lost seat. A save writes
 * the file aside and renames it, at a moment that has nothing to do with the ticks; the
 * next follows when the new code has been seen. Every tenth changes the schema as well,
 * and before every tenth comes one that fails in its first tick and is taken back.
 *
 * Ends, by process id, only what it has started.
 */
import { spawn } from "node:child_process";
import crypto from "node:crypto";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
const parlor = path.resolve(
  process.env.PARLOR_BIN ?? path.join(root, "build/release/parlor"),
);

const USAGE = `Example: tools/bench reload

Usage: tools/bench reload [--json] [--reloads N] [--players N] [--rate N]

  --reloads N   saves (200)
  --players N   in the room (50)
  --rate N      messages of each player a second (20)
  --json        one JSON object instead of the table

Exit: 0, 1 a player was dropped or a message lost.`;

const GOAL_MS = 100;
const WAIT_MS = 5000;
const LAST_MS = 230_000;

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    reloads: { type: "string", default: "200" },
    players: { type: "string", default: "50" },
    rate: { type: "string", default: "20" },
    help: { type: "boolean", default: false },
  },
});
if (options.help) {
  console.log(USAGE);
  process.exit(0);
}
const nReloads = Number(options.reloads);
const nPlayers = Number(options.players);
const rate = Number(options.rate);

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** The game; `n` says which save it is. A bad one raises in its first tick. */
const source = (n, isBad = false) => `local parlor = require "parlor"
local s = parlor.schema
local rules = require "rules"
local game = parlor.game {
  tick_rate = 20, max_players = 10000, max_inputs = 65536,
  state = {
    save = s.u32, sum = s.f64, ${n % 10 === 9 ? "extra = s.u8," : ""}
    people = s.map { name = s.str(16), n = s.u32, x = s.fixed {min = 0, max = 100, step = 1/64} },
  },
  messages = { add = s.message({ by = s.u8 }, { rate = 1000 }) },
}
function game:join(player) self.state.people[player.id] = {name = player.name} end
function game.on.add(room, player, m)
  room.state.people[player.id].n = room.state.people[player.id].n + m.by
  room.state.sum = room.state.sum + m.by
end
function game:tick(dt)
  ${isBad ? "error 'bad'" : `self.state.save = ${n}`}
  for _, p in pairs(self.state.people) do p.x = rules.move(p.x, dt) end
end
function game:leave(player) self.state.people[player.id] = nil end
return game
`;
const rules =
  "local M = {}\nfunction M.move(x, dt) return (x + 3 * dt) % 100 end\nreturn M\n";

/** A JSON client without subprotocol: a handshake, masked texts out, texts in. */
class Player {
  constructor(port, name, onDelta) {
    this.waiting = Buffer.alloc(0);
    this.isOpen = false;
    this.socket = net.connect(port, "127.0.0.1");
    this.socket.setNoDelay(true);
    this.socket.write(
      `GET /bench/main?name=${name} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\n` +
        `Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${crypto.randomBytes(16).toString("base64")}\r\n\r\n`,
    );
    this.socket.on("data", (data) => this.read(data, onDelta));
    this.socket.on("error", () => {});
    this.socket.on("close", () => (this.isClosed = true));
  }
  read(data, onDelta) {
    let b = this.waiting.length ? Buffer.concat([this.waiting, data]) : data;
    if (!this.isOpen) {
      const end = b.indexOf("\r\n\r\n");
      if (end < 0) return void (this.waiting = b);
      if (!b.subarray(0, 12).equals(Buffer.from("HTTP/1.1 101")))
        throw new Error(`refused: ${b}`);
      this.isOpen = true;
      b = b.subarray(end + 4);
    }
    for (;;) {
      if (b.length < 2) break;
      const short = b[1] & 127;
      const head = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (b.length < head) break;
      const n =
        short < 126
          ? short
          : short === 126
            ? b.readUInt16BE(2)
            : Number(b.readBigUInt64BE(2));
      if (b.length < head + n) break;
      if ((b[0] & 15) === 1) onDelta(b.subarray(head, head + n));
      if ((b[0] & 15) === 9) this.send(0x8a, b.subarray(head, head + n));
      b = b.subarray(head + n);
    }
    this.waiting = b;
  }
  send(first, payload) {
    const mask = crypto.randomBytes(4);
    const out = Buffer.alloc(6 + payload.length);
    out[0] = first;
    out[1] = 0x80 | payload.length;
    mask.copy(out, 2);
    for (let i = 0; i < payload.length; i++) out[6 + i] = payload[i] ^ mask[i % 4];
    this.socket.write(out);
  }
  add() {
    this.send(0x81, Buffer.from('{"t":"send","name":"add","data":{"by":1}}'));
  }
}

const freePort = () =>
  new Promise((done) => {
    const probe = net.createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => done(port));
    });
  });

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "parlor-bench-"));
let server;
function cleanUp() {
  server?.kill("SIGKILL");
  fs.rmSync(folder, { recursive: true, force: true });
}
process.on("exit", cleanUp);
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(130));
setTimeout(() => {
  console.error("bench reload: it took too long");
  process.exit(1);
}, LAST_MS).unref();

function save(n, isBad = false) {
  const file = path.join(folder, "bench/game.lua");
  fs.writeFileSync(`${file}.part~`, source(n, isBad));
  const at = performance.now();
  fs.renameSync(`${file}.part~`, file);
  return at;
}

async function start() {
  fs.mkdirSync(path.join(folder, "bench"));
  fs.writeFileSync(path.join(folder, "bench/rules.lua"), rules);
  save(0);
  const admin = await freePort();
  const args = [
    "dev",
    folder,
    "--port",
    "0",
    "--host",
    "127.0.0.1",
    "--admin",
    `127.0.0.1:${admin}`,
  ];
  server = spawn(parlor, [...args, "--scripts", path.join(root, "scripts")], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const port = await new Promise((done, failed) => {
    let text = "";
    server.stdout.setEncoding("utf8").on("data", (part) => {
      const found = /:(\d+) /.exec((text += part));
      if (found) done(Number(found[1]));
    });
    server.on("exit", (code) => failed(new Error(`the server ended: ${code}`)));
  });
  return { port, admin };
}

const { port, admin } = await start();

/** The newest save that any player has seen, and the sum that the first one holds. */
let seen = 0;
let seenAt = 0;
let sum = 0;
const field = (text, name) => new RegExp(`"${name}":(\\d+)`).exec(text)?.[1];
const players = Array.from({ length: nPlayers }, (_, i) => {
  const isFirst = i === 0;
  return new Player(port, `p${i}`, (bytes) => {
    // Parsing everything for everybody would measure this program.
    if (isFirst) {
      const text = bytes.toString();
      sum = Number(field(text, "sum") ?? sum);
    }
    const at = bytes.lastIndexOf('"save":');
    if (at < 0) return;
    const n = parseInt(bytes.toString("latin1", at + 7, at + 17), 10);
    if (n > seen) {
      seen = n;
      seenAt = performance.now();
    }
  });
});
while (!players.every((p) => p.isOpen)) await sleep(10);

let sent = 0;
let next = 0;
const everyMs = 1000 / (rate * nPlayers);
let due = performance.now();
const load = setInterval(() => {
  for (const now = performance.now(); due <= now; due += everyMs) {
    players[next++ % nPlayers].add();
    sent++;
  }
}, 5);

async function memory() {
  const text = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text();
  const status = fs.readFileSync(`/proc/${server.pid}/status`, "utf8");
  return {
    vm: Number(/parlor_vm_bytes\{game="bench"\} (\S+)/.exec(text)[1]),
    rss: Number(/^VmRSS:\s+(\d+)/m.exec(status)[1]) * 1024,
  };
}

const took = [];
const sizes = [];
await sleep(1000);
for (let n = 1; n <= nReloads; n++) {
  await sleep(150 + 100 * Math.random());
  if (n % 10 === 5) {
    save(n, true); // taken back; the next save comes soon after, or into the middle of it
    await sleep(20 + 200 * Math.random());
  }
  const at = save(n);
  const end = at + WAIT_MS;
  while (seen < n && performance.now() < end) await sleep(1);
  if (seen < n) {
    console.error(`bench reload: save ${n} was not seen within ${WAIT_MS} ms`);
    process.exit(1);
  }
  took.push(seenAt - at);
  sizes.push(await memory());
}
clearInterval(load);
await sleep(500);

const dropped = players.filter((p) => p.isClosed).length;
const lost = sent - sum;
const by = (list, share) =>
  [...list].sort((a, b) => a - b)[
    Math.min(list.length - 1, Math.floor(share * list.length))
  ];
// Between two collections memory goes up and down: medians of a tenth of the run each,
// the first after everything has been there once.
const tenth = Math.max(1, Math.floor(nReloads / 10));
const growth = (key) =>
  by(
    sizes.slice(-tenth).map((m) => m[key]),
    0.5,
  ) -
  by(
    sizes.slice(tenth, 2 * tenth).map((m) => m[key]),
    0.5,
  );

const results = [
  { metric: "save to first tick, p50", value: by(took, 0.5), unit: "ms" },
  { metric: "save to first tick, p99", value: by(took, 0.99), unit: "ms", goal: GOAL_MS },
  { metric: "save to first tick, max", value: Math.max(...took), unit: "ms" },
  { metric: "players dropped", value: dropped, unit: "players", goal: 0 },
  { metric: "messages lost", value: lost, unit: "messages", goal: 0 },
  { metric: "messages sent", value: sent, unit: "messages" },
  { metric: "growth of the VM", value: growth("vm") / 1024, unit: "KiB" },
  { metric: "growth of the process", value: growth("rss") / 1024, unit: "KiB" },
];
for (const p of players) p.socket.destroy();
server.removeAllListeners("exit");
if (options.json) {
  console.log(
    JSON.stringify({
      bench: "reload",
      results: results.map(({ metric, value, unit, goal }) => ({
        metric,
        value: Number(value.toFixed(2)),
        unit,
        ...(goal === undefined
          ? {}
          : {
              against: "goal",
              peer: goal,
              ratio: goal ? Number((value / goal).toFixed(3)) : null,
            }),
      })),
    }),
  );
} else {
  for (const { metric, value, unit, goal } of results) {
    const verdict =
      goal === undefined ? "" : `  goal <= ${goal}: ${value <= goal ? "met" : "missed"}`;
    console.log(`${metric.padEnd(26)}${value.toFixed(1).padStart(10)} ${unit}${verdict}`);
  }
  console.log(
    `\n${nReloads} reloads, ${nPlayers} players, ${rate} messages a second each, 20 ticks a second.`,
  );
}
process.exit(dropped || lost ? 1 : 0);
