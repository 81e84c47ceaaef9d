// SPDX-License-Identifier: MIT
/*
 * slow - how old the state is that a client sees behind a slow line with a deep
 * buffer, and whether anybody else notices. Started by tools/benches/slow, which has
 * made the namespaces.
 *
 * A room of entities that all move, 20 times a second, is more than the line takes.
 * One client is behind the line, one beside the server. Goal: the state is younger
 * than half a second, or than twice the time in which one merged delta gets through
 * (plus a tick). The same is measured without ACKs (then only what waits on our side
 * counts), and with --other for another build.
 */
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { readOptions } from "./options.mjs";

const here = path.dirname(fileURLToPath(import.meta.url));
const [serverNs, routerNs, clientNs, ...args] = process.argv.slice(2);
const PORT = 8099;
const TICK_MS = 50;
const BUFFER = 256 * 1024; // of the router
const USAGE = `Example: tools/bench slow --json

Usage: tools/bench slow [--json] [--seconds S] [--entities N] [--other PATH]

  --seconds S    of each measurement (10)
  --entities N   that all move (1000)
  --other PATH   another build of Parlor, measured in turn
  --json         one JSON object instead of the table

See tools/benches/README.md for what the figures mean.`;

const game = (n) => `local parlor = require "parlor"
local s = parlor.schema
local swarm = parlor.game { tick_rate = 20, state = { at = s.f64, ships = s.map({
  x = s.fixed {min=0, max=4096, step=1/8}, y = s.fixed {min=0, max=4096, step=1/8} }, { keys = "integer" }) } }
function swarm:create()
  for i = 1, ${n} do self.state.ships[i] = { x = self:random() * 4096, y = self:random() * 4096 } end
end
function swarm:tick()
  self.state.at = parlor.now()
  for i, e in pairs(self.state.ships) do
    e.x = (e.x + i % 7 + 1) % 4096
    e.y = (e.y + i % 5 + 1) % 4096
  end
end
return swarm
`;

const options = readOptions(
  "slow",
  USAGE,
  {
    seconds: { type: "string", default: "10" },
    entities: { type: "string", default: "1000" },
    other: { type: "string" },
  },
  args,
);

const children = new Set();
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "parlor-bench-"));
fs.mkdirSync(path.join(folder, "swarm"));
fs.writeFileSync(path.join(folder, "swarm/game.lua"), game(Number(options.entities)));
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
  fs.rmSync(folder, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => process.exit(130));

/** A program in a namespace; ip replaces itself by it, so the pid is its own. */
function start(ns, command) {
  const child = spawn("ip", ["netns", "exec", ns, ...command], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  child.text = "";
  for (const from of [child.stdout, child.stderr]) from.on("data", (t) => (child.text += t));
  children.add(child);
  child.ended = new Promise((done) =>
    child.on("close", (code) => {
      children.delete(child);
      done(code);
    }),
  );
  return child;
}

const rss = (pid) =>
  Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, "utf8"))[1]) * 1024;

async function client(ns, host, isMute) {
  const command = ["node", path.join(here, "slow_client.mjs"), host, PORT, 5, options.seconds];
  if (isMute) command.push("mute");
  const child = start(ns, command.map(String));
  if ((await child.ended) !== 0) throw new Error(child.text);
  return JSON.parse(child.text.trim().split("\n").at(-1));
}

async function measure(binary, isMute, kbit) {
  const tbf = `rate ${kbit}kbit burst 3000 limit ${BUFFER}`;
  execFileSync("tc", `-n ${routerNs} qdisc replace dev r1 root tbf ${tbf}`.split(" "));
  const server = start(serverNs, [binary, "serve", folder, "--data", "off", "--host", "0.0.0.0", "--port", PORT].map(String));
  for (let i = 0; !/:8099/.test(server.text); i++) {
    if (i > 100) throw new Error(`the server does not start: ${server.text}`);
    await new Promise((done) => setTimeout(done, 50));
  }
  const near = client(serverNs, "127.0.0.1", false);
  await new Promise((done) => setTimeout(done, 1000));
  const before = rss(server.pid);
  const far = await client(clientNs, "10.77.0.1", isMute);
  const grown = rss(server.pid) - before;
  const beside = await near;
  server.kill("SIGTERM");
  await server.ended;
  return { far, beside, grown };
}

const variants = [
  { name: "Parlor", binary: process.env.PARLOR_BIN, isMute: false },
  { name: "without ACKs", binary: process.env.PARLOR_BIN, isMute: true },
];
if (options.other) variants.push({ name: "other", binary: options.other, isMute: false });

const results = [];
let ok = true;
for (const kbit of [200, 500, 2000]) {
  let first;
  for (const v of variants) {
    const { far, beside, grown } = await measure(v.binary, v.isMute, kbit);
    first ??= far;
    // One merged delta, at the line's rate.
    const transfer = (first.bytes * 8 * 1.05) / kbit; // headers of TCP and IP
    const goal = Math.max(500, 2 * transfer + TICK_MS);
    const met = far.p95 <= goal;
    if (v === variants[0]) ok &&= met;
    const metric = (name, value, unit) =>
      results.push({ metric: `${kbit} kbit/s: ${name}`, value, unit, peer: v.name });
    metric("age of the state, p95", Math.round(far.p95), "ms");
    metric("age of the state, median", Math.round(far.p50), "ms");
    metric("age of the state, worst", Math.round(far.worst), "ms");
    metric("server memory", grown, "bytes");
    metric("beside it: p99 between frames", Math.round(beside.gap), "ms");
    if (!options.json)
      console.log(
        `${String(kbit).padStart(5)} kbit/s  ${v.name.padEnd(13)} state is ${Math.round(far.p50)} ms old, ` +
          `p95 ${Math.round(far.p95)}, worst ${Math.round(far.worst)} (goal ${Math.round(goal)}${
            v === variants[0] ? (met ? ", met" : ", MISSED") : ""
          }); ${far.frames.toFixed(1)} frames/s of ${Math.round(far.bytes)} bytes; memory ${
            grown >= 0 ? "+" : ""
          }${Math.round(grown / 1024)} KiB; beside it ${beside.frames.toFixed(1)} frames/s, p99 gap ${Math.round(beside.gap)} ms`,
      );
  }
}
if (options.json) console.log(JSON.stringify({ bench: "slow", results }));
else console.log(ok ? "goal met" : "goal missed");
