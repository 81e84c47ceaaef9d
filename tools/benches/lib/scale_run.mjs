// SPDX-License-Identifier: MIT
/*
 * scale_run - what the modes of tools/bench scale share: servers and load, each on a core
 * of its own, figures from /metrics, medians.
 *
 * Everything that was started ends with this process, by process id.
 */
import { spawn } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
export const root = path.resolve(here, "../../..");
const built = path.join(root, "build/release");
const parlor = path.resolve(process.env.PARLOR_BIN ?? path.join(built, "parlor"));
const START_MS = 15_000;

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "parlor-scale-"));
const children = new Set();
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
  fs.rmSync(folder, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => process.exit(130));

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

export function fail(why, code = 1) {
  console.error(`bench scale: ${why}`);
  process.exit(code);
}

/** "0-2,5" as a list. */
const parseList = (text) =>
  text.split(",").flatMap((part) => {
    const [from, to = from] = part.split("-").map(Number);
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });

/** What all modes take, for readOptions and for their usage. */
export const COMMON = { cores: { type: "string" }, "real-time": { type: "boolean" } };
export const COMMON_USAGE = `  --cores A,B   servers on core A, the load on core B
  --real-time   both before everything else that the machine does (needs root)
  --json        one JSON object instead of the table`;

let before = []; // what a program is run by

/** The servers' core and the load's: as told ("2,4"), or the first two we may use. */
export function setUp(options) {
  const status = fs.readFileSync("/proc/self/status", "utf8");
  const may = parseList(/^Cpus_allowed_list:\s*(.*)$/m.exec(status)[1]);
  const cores = options.cores?.split(",").map(Number) ?? [may[0], may[1] ?? may[0]];
  if (cores.length !== 2 || !cores.every((core) => may.includes(core)))
    fail(`--cores takes two of ${may}, as in --cores ${may[0]},${may.at(-1)}`, 64);
  if (cores[0] === cores[1]) console.error("bench scale: one core only; the load takes from the server");
  if (options["real-time"]) before = ["chrt", "-r", "1"];
  return cores;
}

/** Runs a program on a core. `out`, `err` and `ended` tell how it goes. */
function launch(core, command) {
  const [program, ...args] = [...before, "taskset", "-c", String(core), ...command];
  const child = spawn(program, args, {
    cwd: folder, // where no parlor.lua lies
    stdio: ["pipe", "pipe", "pipe"],
  });
  const run = { child, out: "", err: "", code: undefined };
  children.add(child);
  child.stdin.on("error", () => {}); // it has ended; its code tells
  child.stdout.setEncoding("utf8").on("data", (text) => (run.out += text));
  child.stderr.setEncoding("utf8").on("data", (text) => (run.err += text));
  run.ended = new Promise((done) =>
    child.on("close", (code, signal) => {
      children.delete(child);
      done((run.code = code ?? signal));
    }),
  );
  return run;
}

async function until(run, what, look) {
  const end = Date.now() + START_MS;
  while (!look()) {
    if (run.code !== undefined) fail(`${what}: the program ended with ${run.code}\n${run.err}`);
    if (Date.now() > end) fail(`${what}: not within ${START_MS} ms\n${run.out}${run.err}`);
    await sleep(5);
  }
}

/** A program that serves and says where, on a core. */
export async function startServer(core, name, command) {
  const run = launch(core, command);
  const said = /:\/\/[^:]+:(\d+)/;
  await until(run, name, () => said.test(run.out + run.err));
  const port = Number(said.exec(run.out + run.err)[1]);
  return {
    name,
    pid: run.child.pid,
    port,
    /** Stands still until go(): what it does in its leisure (a big collection, say) shall
     * not be another's delay. */
    rest: () => run.child.kill("SIGSTOP"),
    go: () => run.child.kill("SIGCONT"),
    async stop() {
      run.child.kill("SIGKILL");
      await run.ended;
    },
  };
}

async function freePort() {
  const probe = net.createServer().listen(0, "127.0.0.1");
  await new Promise((done) => probe.on("listening", done));
  const { port } = probe.address();
  await new Promise((done) => probe.close(done));
  return port;
}

/** `parlor serve` with these games ({name: text}), one worker unless told. */
export async function startParlor(core, games, { workers = 1, args = [] } = {}) {
  const home = fs.mkdtempSync(path.join(folder, "games-"));
  for (const [name, text] of Object.entries(games)) {
    fs.mkdirSync(path.join(home, name));
    fs.writeFileSync(path.join(home, name, "game.lua"), text);
  }
  const admin = `127.0.0.1:${await freePort()}`;
  const server = await startServer(core, "Parlor", [
    ...[parlor, "serve", home, "--host", "127.0.0.1", "--port", "0", "--admin", admin],
    ...["--data", "off", "--scripts", path.join(root, "scripts"), "--workers", String(workers), ...args],
  ]);
  server.metrics = async () => (await fetch(`http://${admin}/metrics`)).text();
  await server.metrics(); // the first takes Node a while, which others shall not feel
  return server;
}

/** The limit that scale_raw sets, with frames of so many bytes in all. */
export const startRaw = (core, bytes) =>
  startServer(core, "raw timer", [path.join(built, "scale_raw"), String(Math.round(bytes) - 4)]);

function startLoad(core, server, paths, args) {
  const run = launch(core, [
    ...[path.join(built, "scale_load"), "--port", String(server.port), "--pid", String(server.pid)],
    ...args,
  ]);
  run.child.stdin.write(`${paths.join("\n")}\n\n`);
  return run;
}

/** Runs the load to its end; returns what it prints. */
export async function load(core, server, paths, args) {
  const run = startLoad(core, server, paths, args);
  const timer = setTimeout(() => run.child.kill("SIGKILL"), 120_000);
  await run.ended;
  clearTimeout(timer);
  if (run.code !== 0) fail(`${server.name}: the load ended with ${run.code}: ${run.err}`);
  return JSON.parse(run.out);
}

/** Connections that are held until release() is called. `opened_s` is what they took. */
export async function hold(core, server, paths, args = []) {
  const run = startLoad(core, server, paths, ["--hold", ...args]);
  const end = Date.now() + 100_000;
  while (!run.out.includes("\n")) {
    if (run.code !== undefined) fail(`${server.name}: the load ended with ${run.code}: ${run.err}`);
    if (Date.now() > end) fail(`${server.name}: ${paths.length} connections take too long`);
    await sleep(5);
  }
  const release = async () => {
    run.child.stdin.end();
    if ((await run.ended) !== 0) fail(`${server.name}: ${run.err}`);
  };
  return { ...JSON.parse(run.out), release };
}

/** Resident memory. */
export function residentBytes(pid) {
  const status = fs.readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)[1]) * 1024;
}

/** The buckets of a game's histogram in /metrics: [[bound in us, how many up to it], …]. */
export function buckets(metrics, name, game) {
  const line = new RegExp(`^${name}_bucket\\{game="${game}",le="([^"]+)"\\} (\\d+)$`, "gm");
  return [...metrics.matchAll(line)].map(([, le, n]) => [
    le === "+Inf" ? Infinity : Number(le) * 1e6,
    Number(n),
  ]);
}

/** The bound in us that this share of what came between two looks does not pass, and how
 * many came. */
export function quantile(before, after, q) {
  const seen = after.map(([bound, n], i) => [bound, n - (before[i]?.[1] ?? 0)]);
  const all = seen.at(-1)[1];
  return seen.find(([, n]) => n >= q * all)?.[0] ?? NaN;
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** The HELLO of PROTOCOL.md for a join without options: 81, version 1, no schema, kind 0,
 * an empty map. */
export const HELLO = "81" + "01" + "00000000" + "00" + "0700";
/** What makes the load a client of records: DELTA is 04. */
export const RECORDS = ["--protocol", "parlor.b1", "--hello", HELLO, "--state", "4"];

/** Three digits, or all before the point. */
export const short = (v) => (v >= 1000 || v === 0 ? String(Math.round(v)) : v.toPrecision(3));

/** Prints lines {metric, value, unit, against?, peer?, ratio?, goal?}. */
export function report(lines, isJson) {
  const round = (v) => (v === undefined ? undefined : Number(v.toPrecision(5)));
  if (isJson) {
    const results = lines.map(({ goal, value, peer, ratio, ...line }) => ({
      ...line,
      value: round(value),
      peer: round(peer),
      ratio: round(ratio),
    }));
    console.log(JSON.stringify({ bench: "scale", results }));
    return;
  }
  const wide = Math.max(...lines.map(({ metric }) => metric.length));
  for (const { metric, value, unit, against, peer, ratio, goal } of lines) {
    const beside = against ? `   ${against} ${short(peer)}: ${ratio.toFixed(2)}` : "";
    console.log(`${metric.padEnd(wide)} ${short(value).padStart(8)} ${unit}${beside}${goal ? `   ${goal}` : ""}`);
  }
}
