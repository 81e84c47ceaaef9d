// SPDX-License-Identifier: MIT
/*
 * scale - what a second worker costs, and how the work is divided: small raw rooms whose
 * players each have a message echoed all the time (edge_load.c), over 1, 2, … workers.
 *
 * CPU time for each message is that of the server's process with all its threads; it says
 * what another core is worth without there being one. Each round runs all counts of
 * workers, in turn and then in reverse, and a ratio is taken within its round.
 *
 * Ends, by process id, only what it has started.
 */
import { execFile, spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { fileURLToPath } from "node:url";

import { readOptions } from "./options.mjs";

const USAGE = `Example: tools/bench scale --workers 1,2 --rounds 5

Usage: tools/bench scale [--json] [options]

  --workers LIST   counts of workers; the first is what others are compared with (1,2)
  --rooms N        rooms (100)
  --players N      players of each (10)
  --rounds N       rounds (5)
  --seconds S      of each measurement (1.5)
  --cores A,B      all workers on core A, the load on core B: what they cost, undisturbed
  --json           one JSON object instead of the table

On a machine with more cores: see tools/benches/README.md.`;

const options = readOptions("scale", USAGE, {
  workers: { type: "string", default: "1,2" },
  rooms: { type: "string", default: "100" },
  players: { type: "string", default: "10" },
  rounds: { type: "string", default: "5" },
  seconds: { type: "string", default: "1.5" },
  cores: { type: "string" },
});
const whole = (name, low, high) => {
  const n = Number(options[name]);
  if (!(n >= low && n <= high)) {
    console.error(`bench scale: --${name} takes ${low} to ${high}\n\n${USAGE}`);
    process.exit(64);
  }
  return n;
};
const counts = options.workers.split(",").map(Number);
if (!counts.every((n) => Number.isInteger(n) && n >= 1 && n <= 64)) {
  console.error(`bench scale: --workers takes a list as 1,2,4\n\n${USAGE}`);
  process.exit(64);
}
const rooms = whole("rooms", 1, 10000);
const players = whole("players", 1, 1000);
const rounds = whole("rounds", 1, 100);
const seconds = whole("seconds", 0.1, 60);

const cores = options.cores?.split(",");
if (cores && !(cores.length === 2 && cores.every((core) => /^\d+$/.test(core)))) {
  console.error(`bench scale: --cores takes two, as 0,1\n\n${USAGE}`);
  process.exit(64);
}

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.resolve(here, "../../..");
const parlor = path.resolve(process.env.PARLOR_BIN ?? path.join(root, "build/release/parlor"));
const load = path.join(root, "build/release/edge_load");
const run = promisify(execFile);
const children = new Set();
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "parlor-scale-"));

process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
  fs.rmSync(folder, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => process.exit(130));

fs.mkdirSync(path.join(folder, "small"));
fs.writeFileSync(
  path.join(folder, "small/game.lua"),
  `local parlor = require "parlor"
local game = parlor.game { raw = true, max_players = ${players} }
function game:message(player, data, is_text) player:send(data, is_text) end
return game
`,
);

/** A program and its arguments, on the n-th of the cores that were given. */
const pinned = (n, program, args) =>
  cores ? ["taskset", ["-c", cores[n], program, ...args]] : [program, args];

async function startServer(workers) {
  const args = ["serve", folder, "--host", "127.0.0.1", "--port", "0", "--admin", "off",
    "--data", "off", "--workers", String(workers)];
  const child = spawn(...pinned(0, parlor, args), { stdio: ["ignore", "pipe", "ignore"] });
  children.add(child);
  child.on("exit", () => children.delete(child));
  const port = await new Promise((done, fail) => {
    child.stdout.on("data", (text) => {
      const found = /:(\d+) /.exec(String(text));
      if (found) done(Number(found[1]));
    });
    child.on("exit", (code) => fail(new Error(`parlor ended with ${code}`)));
  });
  return { child, port, workers };
}

/** CPU time of each thread so far, in clock ticks, without those that hardly run. */
function threadTicks(pid) {
  const ticks = new Map();
  for (const id of fs.readdirSync(`/proc/${pid}/task`)) {
    const fields = fs.readFileSync(`/proc/${pid}/task/${id}/stat`, "utf8").split(") ")[1].split(" ");
    ticks.set(id, Number(fields[11]) + Number(fields[12]));
  }
  return ticks;
}

/** A run of the load: CPU per message, messages a second, and how far the busiest worker
 * is above the average. */
async function measure({ child, port, workers }) {
  const before = threadTicks(child.pid);
  const { stdout } = await run(...pinned(1, load, ["--port", String(port), "--pid", String(child.pid),
    "--path", "/small", "--mode", "echo", "--connections", String(rooms * players),
    "--inflight", "1", "--seconds", String(seconds)]));
  const busy = [...threadTicks(child.pid)]
    .map(([id, ticks]) => ticks - (before.get(id) ?? 0))
    .sort((a, b) => b - a)
    .slice(0, workers);
  const mean = busy.reduce((sum, n) => sum + n, 0) / workers;
  const { messages_per_s: rate, server_us_per_message: cpu } = JSON.parse(stdout);
  return { rate, cpu, above: busy[0] / mean - 1 };
}

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

const servers = [];
for (const workers of counts) servers.push(await startServer(workers));
const samples = new Map(counts.map((workers) => [workers, []]));
for (let round = 0; round < rounds; round++)
  for (const server of round % 2 ? [...servers].reverse() : servers)
    samples.get(server.workers).push(await measure(server));
for (const { child } of servers) {
  child.removeAllListeners("exit");
  child.kill("SIGTERM");
}

const results = [];
for (const workers of counts) {
  const list = samples.get(workers);
  const ratio = median(list.map((sample, i) => sample.cpu / samples.get(counts[0])[i].cpu));
  const against = workers === counts[0] ? {} : { against: `${counts[0]} workers`, ratio };
  const name = `${rooms} rooms of ${players}, ${workers} worker${workers > 1 ? "s" : ""}`;
  results.push(
    { metric: `server CPU, ${name}`, value: median(list.map((s) => s.cpu)), unit: "us/msg", ...against },
    { metric: `rate, ${name}`, value: median(list.map((s) => s.rate)), unit: "msg/s" },
    { metric: `busiest above average, ${name}`, value: 100 * median(list.map((s) => s.above)), unit: "%" },
  );
}
if (options.json) {
  console.log(JSON.stringify({ bench: "scale", results }));
} else {
  for (const { metric, value, unit, ratio } of results)
    console.log(`${metric.padEnd(60)} ${value.toFixed(value < 100 ? 2 : 0).padStart(10)} ${unit}` +
      (ratio ? `   ${ratio.toFixed(2)} of the first` : ""));
}
