// SPDX-License-Identifier: MIT
/*
 * resume - what comes to a player who was away for some seconds, and how soon: beside one
 * who joins at that moment and gets everything.
 *
 * `parlor serve` runs one room of ships that fly at 20 Hz, all of them or a part. A player
 * (our SDK) loses its connection and stays away; when it may come back, one who is new
 * comes, too, in turn before and after. Both are measured from the moment in which they
 * ask for a connection to the first frame after which they hold the state that the server
 * has: bytes of the messages that came, and time.
 *
 * Ends, by process id, only what it has started.
 */
import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { join } from "../../../scripts/web/client.js";
import { readOptions } from "./options.mjs";
import { Socket } from "./socket.mjs";
import { median } from "./swarm.mjs";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../../..");
const parlor = path.resolve(process.env.PARLOR_BIN ?? path.join(root, "build/release/parlor"));
const USAGE = `Example: tools/bench resume

Usage: tools/bench resume [--json] [--ships N] [--away SECONDS] [--rounds N]

  --ships N        in the room (1000)
  --away SECONDS   that the player is not there (5)
  --rounds N       of each case (5)
  --json           one JSON object instead of the table`;
const number = { type: "string" };
const options = readOptions("resume", USAGE, { ships: number, away: number, rounds: number });
const ships = Number(options.ships ?? 1000);
const away = Number(options.away ?? 5);
const rounds = Number(options.rounds ?? 5);
const CASES = [100, 10, 0]; // per cent of the ships that move

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

const GAME = `local parlor = require "parlor"
local s = parlor.schema
local game = parlor.game {
  tick_rate = 20, reconnect = 60, max_players = 100,
  state = { n = s.u32, ships = s.map({ name = s.str(16), hp = s.u8,
    x = s.fixed {min = 0, max = 4096, step = 1/8}, y = s.fixed {min = 0, max = 4096, step = 1/8},
    angle = s.angle }, { keys = "integer" }) },
}
function game:create()
  self.moving = tonumber(self.id) * ${ships} / 100
  self.speed = {}
  for i = 1, ${ships} do
    self.state.ships[i] = { name = "ship number " .. i, hp = self:random(255), x = self:random(4096), y = self:random(4096) }
    self.speed[i] = { self:random(-100, 100) / 20, self:random(-100, 100) / 20 }
  end
end
function game:tick()
  self.state.n = self.tick
  for i = 1, self.moving do
    local ship, v = self.state.ships[i], self.speed[i]
    ship.x, ship.y = (ship.x + v[1]) % 4096, (ship.y + v[2]) % 4096
  end
end
return game
`;

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "parlor-bench-"));
fs.mkdirSync(path.join(folder, "fleet"));
fs.writeFileSync(path.join(folder, "fleet/game.lua"), GAME);
const args = ["serve", folder, "--port", "0", "--host", "127.0.0.1", "--admin", "off"];
const server = spawn(parlor, [...args, "--scripts", path.join(root, "scripts")], {
  stdio: ["ignore", "pipe", "pipe"],
});
process.on("exit", () => {
  server.kill("SIGKILL");
  fs.rmSync(folder, { recursive: true, force: true });
});
const port = await new Promise((done, failed) => {
  let text = "";
  const read = (part) => {
    const found = /127\.0\.0\.1:(\d+)/.exec((text += part));
    if (found) done(Number(found[1]));
  };
  server.stdout.setEncoding("utf8").on("data", read);
  server.stderr.setEncoding("utf8").on("data", read);
  server.on("exit", (code) => failed(new Error(`the server ended: ${code}\n${text}`)));
});

/** A line that can be closed for a while; `asked` is when it was last asked for. */
function makeLine() {
  const line = { isOpen: true, asked: 0 };
  line.WebSocket = function (url, protocols) {
    if (!line.isOpen) {
      const nobody = { close() {} };
      setTimeout(() => nobody.onclose?.({ code: 1006, reason: "" }), 0);
      return nobody;
    }
    line.asked = performance.now();
    return (line.socket = new Socket(url, protocols));
  };
  return line;
}

const settings = (line) => ({
  WebSocket: line.WebSocket,
  base: `http://127.0.0.1:${port}`,
  resume: false,
});
/** Until the first state after the line was asked for. */
const firstState = (room, line) =>
  new Promise((done) => {
    const off = room.on("state", () => {
      off();
      done(performance.now() - line.asked);
    });
  });

async function joinAnew(at) {
  const line = makeLine();
  const room = await join(at, { name: "new" }, settings(line));
  const ms = performance.now() - line.asked;
  const bytes = room.bytesIn;
  return { room, ms, bytes };
}

async function comeBack(room, line) {
  const before = room.bytesIn;
  const came = firstState(room, line);
  line.isOpen = true;
  room._session.onOnline();
  const ms = await came;
  return { ms, bytes: room.bytesIn - before };
}

const results = [];
for (const share of CASES) {
  const at = `/fleet/${share}`;
  const seen = { back: [], fresh: [] };
  for (let round = 0; round < rounds; round++) {
    const line = makeLine();
    const room = await join(at, { name: "away" }, settings(line));
    await sleep(500);
    line.isOpen = false;
    line.socket.close();
    await sleep(away * 1000);
    let anew;
    if (round % 2) anew = await joinAnew(at);
    seen.back.push(await comeBack(room, line));
    anew ??= await joinAnew(at);
    seen.fresh.push(anew);
    // The same tick, the same ships.
    const tick = Math.max(room.tick, anew.room.tick) + 3;
    while (room.tick < tick || room.tick !== anew.room.tick) await new Promise(setImmediate);
    const shown = (one) => JSON.stringify([...one.state.ships.entries()].sort(([a], [b]) => a - b));
    if (shown(room) !== shown(anew.room)) throw new Error(`${share} %: they hold other states`);
    room.leave();
    anew.room.leave();
    await sleep(100);
  }
  const of = (list, what) => median(list.map((one) => one[what]));
  for (const [what, unit] of [["bytes", "B"], ["ms", "ms"]]) {
    const value = of(seen.back, what);
    const peer = of(seen.fresh, what);
    results.push({
      metric: `${share} % of ${ships} moving, ${away} s away: ${what === "ms" ? "to the first state" : "received"}`,
      value: Number(value.toFixed(2)),
      unit,
      against: "a join at that moment",
      peer: Number(peer.toFixed(2)),
      ratio: Number((value / peer).toFixed(3)),
    });
  }
}
server.removeAllListeners("exit");
if (options.json) console.log(JSON.stringify({ bench: "resume", results }));
else
  for (const { metric, value, unit, peer, ratio } of results)
    console.log(`${metric.padEnd(56)}${String(value).padStart(9)} ${unit.padEnd(3)}  a join: ${peer}  (${ratio})`);
process.exit(0);
