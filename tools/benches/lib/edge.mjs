// SPDX-License-Identifier: MIT
/*
 * edge - what Parlor's edge costs, beside a page of epoll that does nothing else
 * (edge_raw.c) and npm's ws (edge_ws.cjs), under one load (edge_load.c).
 *
 * All servers run from the start, pinned to one core, the load to another; who is
 * not measured is idle. In each round every case meets every server, in turn and
 * then in reverse, and a ratio is taken within its round: what else the machine
 * does hits both sides alike. The figures are medians over the rounds. Memory is
 * taken first and once, on fresh servers: it does not depend on the machine.
 *
 * Ends, by process id, only what it has started.
 */
import { execFileSync, spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.resolve(here, "../../..");
const parlor = path.resolve(process.env.PARLOR_BIN ?? path.join(root, "build/release/parlor"));
const built = path.join(root, "build/release");

const USAGE = `Example: tools/bench edge --quick

Usage: tools/bench edge [--json] [--quick] [options] [FILTER]

  FILTER         only the cases whose name holds this word (echo, fan-out, TLS, idle,
                 deflate)
  --quick        some 20 seconds, only what has a goal: for a first look, not for
                 a verdict
  --rounds N     rounds (5; --quick 3)
  --seconds S    of each measurement (1.5; --quick 0.25)
  --idle N       idle connections (10000; --quick 2000); over TLS a fifth of that
  --cores A,B    core of the servers, core of the load
  --other PATH   another build of Parlor as one more peer
  --json         one JSON object instead of the table

See tools/benches/README.md for what the figures mean.`;

const START_MS = 15_000;
const STOP_MS = 12_000;
const SETTLE_MS = 400;
/** No round starts that could end later; at LAST_MS everything is ended. */
const LAST_ROUND_MS = 215_000;
const LAST_MS = 238_000;

/** To everybody, through Lua, with the calls that raw games have. */
const FAN_GAME = `local parlor = require "parlor"
local fan = parlor.game { raw = true, max_players = 50000 }
function fan:message(player, data, is_text)
  self:broadcast(data, is_text)
end
return fan
`;

const RATE = { key: "messages_per_s", name: "rate", unit: "msg/s" };
const CPU = { key: "server_us_per_message", name: "server CPU", unit: "us/msg" };
const P50 = { key: "p50_us", name: "latency p50", unit: "us" };
const P99 = { key: "p99_us", name: "latency p99", unit: "us" };
const MEMORY = { key: "bytes", name: "memory", unit: "bytes/connection" };

/** Goals (design: budgets) are of Parlor's ratio to raw, or of its own value. */
const CASES = [
  echo(1, 1),
  echo(100, 1, { measure: RATE, at_least: 0.9 }),
  echo(1000, 1),
  echo(100, 16, { measure: RATE, at_least: 0.7 }),
  overTls(echo(100, 1, { measure: RATE, at_least: 0.9 })),
  overTls(echo(100, 16)),
  fanOut(1),
  fanOut(16),
  // Asked for by name only (deflate): what compression costs, and plain beside it.
  { ...fanOut(1), ...large("fan-out of 1 KiB to 1000, without deflate", false) },
  { ...fanOut(1), ...large("fan-out of 1 KiB to 1000, with deflate", true) },
];

function echo(connections, inflight, goal) {
  const plural = connections === 1 ? "" : "s";
  return {
    name: `echo, ${connections} connection${plural}, ${inflight} in flight`,
    mode: "echo",
    game: "/echo",
    connections,
    inflight,
    measures: [RATE, CPU, P50, P99],
    goal,
  };
}

/** The same over TLS; only the servers that speak it are asked. */
function overTls(test) {
  return { ...test, name: `TLS ${test.name}`, isTls: true };
}

/** A message here is a delivery: one message to one connection. */
function fanOut(inflight) {
  return {
    name: `fan-out to 1000, ${inflight} a turn`,
    mode: "fanout",
    game: "/fan",
    connections: 1000,
    inflight,
    measures: [CPU, RATE],
    goal: { measure: CPU, at_most: 1.15 },
  };
}

/** A case beside the budgets, with messages of 1 KiB; the others send theirs plain in
 * any case. */
function large(name, deflate) {
  return { name, bytes: 1024, deflate, isExtra: true, goal: undefined };
}

const options = readOptions();
const began = Date.now();
/** Children that have not ended yet. @type {Set<import("node:child_process").ChildProcess>} */
const children = new Set();
let folder = "";

process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
  if (folder) fs.rmSync(folder, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => process.exit(130));
setTimeout(() => fail("took too long; is the machine very busy?"), LAST_MS).unref();

function fail(why, code = 1) {
  console.error(`bench edge: ${why}`);
  process.exit(code);
}

function readOptions() {
  let given;
  try {
    given = parseArgs({
      allowPositionals: true,
      options: {
        json: { type: "boolean" },
        quick: { type: "boolean" },
        help: { type: "boolean", short: "h" },
        rounds: { type: "string" },
        seconds: { type: "string" },
        idle: { type: "string" },
        cores: { type: "string" },
        other: { type: "string" },
      },
    });
  } catch (error) {
    console.error(`bench edge: ${error.message}\n\n${USAGE}`);
    process.exit(64);
  }
  const { values, positionals } = given;
  if (values.help) {
    console.log(USAGE);
    process.exit(0);
  }
  const quick = values.quick ?? false;
  const number = (name, preset, low, high) => {
    const v = Number(values[name] ?? preset);
    if (v >= low && v <= high) return v;
    console.error(`bench edge: --${name} is from ${low} to ${high}`);
    process.exit(64);
  };
  return {
    json: values.json ?? false,
    quick,
    filter: positionals.join(" "),
    rounds: number("rounds", quick ? 3 : 5, 1, 1000),
    seconds: number("seconds", quick ? 0.25 : 1.5, 0.05, 60),
    idle: number("idle", quick ? 2000 : 10000, 1, 1_000_000),
    cores: values.cores,
    other: values.other && path.resolve(values.other),
  };
}

/** "0-2,5" -> [0, 1, 2, 5]. */
function parseList(text) {
  return text
    .trim()
    .split(",")
    .flatMap((part) => {
      const [from, to = from] = part.split("-").map(Number);
      return Array.from({ length: to - from + 1 }, (_, i) => from + i);
    });
}

/** One core for the servers and one for the load: of those that we may use, the
 * first, and the next that is not the other half of the same physical core. */
function pickCores() {
  const status = fs.readFileSync("/proc/self/status", "utf8");
  const may = parseList(/^Cpus_allowed_list:\s*(.*)$/m.exec(status)[1]);
  if (options.cores) {
    const cores = parseList(options.cores);
    if (cores.length !== 2 || !cores.every((core) => may.includes(core)))
      fail(`--cores takes two of ${may}, as in --cores ${may[0]},${may.at(-1)}`, 64);
    return cores;
  }
  let siblings = [may[0]];
  try {
    const file = `/sys/devices/system/cpu/cpu${may[0]}/topology/thread_siblings_list`;
    siblings = parseList(fs.readFileSync(file, "utf8"));
  } catch {} // no such file in some containers
  const other = may.find((core) => !siblings.includes(core)) ?? may[1] ?? may[0];
  if (other === may[0]) console.error("bench edge: one core only; the load takes from the server");
  return [may[0], other];
}

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** Runs a program on one core. `said` and `ended` tell how it goes. */
function launch(core, command, stdin = "ignore") {
  const child = spawn("taskset", ["-c", String(core), ...command], {
    cwd: folder, // where no parlor.lua lies
    stdio: [stdin, "pipe", "pipe"],
  });
  const run = { child, out: "", err: "", code: undefined, ended: undefined };
  children.add(child);
  child.stdout.setEncoding("utf8").on("data", (text) => (run.out += text));
  child.stderr.setEncoding("utf8").on("data", (text) => (run.err += text));
  run.ended = new Promise((done) => {
    child.on("error", (error) => {
      run.err += error.message;
      finish(-1);
    });
    child.on("close", (code, signal) => finish(code ?? signal));
    function finish(code) {
      run.code = code;
      children.delete(child);
      done(code);
    }
  });
  return run;
}

/** Waits until `look` gives something true, the program has ended, or time is up. */
async function until(run, what, look) {
  const end = Date.now() + START_MS;
  for (;;) {
    const seen = look();
    if (seen) return seen;
    if (run.code !== undefined || Date.now() > end)
      fail(`did not see ${what}:\n${run.out}${run.err}`);
    await sleep(10);
  }
}

async function startServer(kind) {
  const run = launch(cores[0], kind.command);
  const address = /https?:\/\/(?:localhost|127\.0\.0\.1):(\d+)/;
  const seen = await until(run, `where ${kind.name} listens`, () =>
    address.exec(run.out + run.err),
  );
  return { kind, run, port: seen[1], pid: run.child.pid };
}

async function stopServer(server) {
  const timer = setTimeout(() => server.run.child.kill("SIGKILL"), STOP_MS);
  server.run.child.kill("SIGTERM");
  await server.run.ended;
  clearTimeout(timer);
}

function loadArgs(server, game, mode, connections, { bytes = 64, deflate = false } = {}) {
  return [
    path.join(built, "edge_load"),
    ...["--port", server.port, "--path", server.kind.isParlor ? game : "/"],
    ...["--mode", mode, "--connections", String(connections), "--bytes", String(bytes)],
    ...(deflate ? ["--deflate"] : []),
    ...(server.kind.isTls ? ["--tls"] : []),
  ];
}

/** One measurement. Returns what edge_load prints. */
async function measure(server, test) {
  const run = launch(cores[1], [
    ...loadArgs(server, test.game, test.mode, test.connections, test),
    ...["--pid", String(server.pid), "--inflight", String(test.inflight)],
    ...["--seconds", String(options.seconds)],
    ...["--warm-up", String(Math.max(0.1, options.seconds / 6))],
  ]);
  const timer = setTimeout(
    () => run.child.kill("SIGKILL"),
    options.seconds * 2000 + START_MS,
  );
  await run.ended;
  clearTimeout(timer);
  if (run.code !== 0)
    fail(`${test.name}, ${server.kind.name}: ${run.err}${server.run.out}${server.run.err}`);
  return JSON.parse(run.out);
}

function residentBytes(pid) {
  const status = fs.readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)[1]) * 1024;
}

/** Hold so many connections; returns the server's growth for each of them. */
async function measureIdle(kind, test) {
  const { connections } = test;
  const server = await startServer(kind);
  const hold = async (n) => {
    const run = launch(cores[1], loadArgs(server, "/echo", "idle", n, test), "pipe");
    await until(run, `${n} idle connections`, () => run.out.includes("\n"));
    await sleep(SETTLE_MS);
    const bytes = residentBytes(server.pid);
    run.child.stdin.end();
    if ((await run.ended) !== 0) fail(`idle, ${kind.name}: ${run.err}${server.run.err}`);
    return bytes;
  };
  // What the first connections bring in once (code, buffers) belongs to none.
  const before = await hold(8);
  const after = await hold(connections);
  await stopServer(server);
  return Math.round((after - before) / (connections - 8));
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

/** Everybody's values of one measure, a list by round, as one line of the table.
 * @param {Map<string, number[]>} byName */
function summarise(test, m, byName) {
  const own = byName.get("Parlor");
  const against = new Map();
  for (const [name, theirs] of byName)
    if (name !== "Parlor") {
      const ratios = own.map((v, i) => v / theirs[i]);
      against.set(name, {
        peer: median(theirs),
        ratio: median(ratios),
        low: Math.min(...ratios),
        high: Math.max(...ratios),
      });
    }
  return { test, measure: m, value: median(own), against };
}

async function runIdle() {
  const limits = fs.readFileSync("/proc/self/limits", "utf8");
  const files = /^Max open files\s+(\d+)/m.exec(limits); // or "unlimited"
  const room = files ? Number(files[1]) - 100 : options.idle;
  const connections = Math.max(9, Math.min(options.idle, room));
  if (connections < options.idle)
    console.error(`bench edge: ulimit -n allows ${connections} idle connections`);
  const few = Math.max(9, Math.round(connections / 5)); // TLS handshakes take time
  const name = `idle, ${connections} connections`;
  const lines = [];
  for (const test of [
    { name, connections, goal: { measure: MEMORY, value: 1024 } },
    {
      name: `TLS idle, ${few} connections`,
      connections: few,
      isTls: true,
      goal: { measure: MEMORY, value: 16_896 },
    },
    { connections, ...large(`${name} that have used deflate`, true) },
  ]) {
    if (!isWanted(test)) continue;
    const byName = new Map();
    for (const kind of kindsOf(test.isTls))
      byName.set(kind.name, [await measureIdle(kind, test)]);
    lines.push(summarise(test, MEMORY, byName));
  }
  return lines;
}

/** Extra cases run only when somebody names them. */
function isWanted(test) {
  if (options.filter === "") return !test.isExtra && (test.goal || !options.quick);
  return test.name.includes(options.filter) && (test.goal || test.isExtra || !options.quick);
}

/** Returns the lines of the table and how many rounds there were. */
async function runRounds() {
  const tests = CASES.filter(isWanted);
  const seen = new Map(); // case -> server -> what edge_load said, by round
  const servers = [];
  let rounds = 0;
  if (tests.length === 0) return [[], 0];
  for (const kind of kinds)
    if (tests.some((test) => is(test.isTls, kind))) servers.push(await startServer(kind));
  for (const test of tests)
    seen.set(test, new Map(kindsOf(test.isTls).map((kind) => [kind.name, []])));
  for (let longest = 0; rounds < options.rounds; rounds++) {
    const at = Date.now();
    if (rounds > 0 && at - began + longest > LAST_ROUND_MS) {
      console.error(`bench edge: time is up after ${rounds} of ${options.rounds} rounds`);
      break;
    }
    for (const test of tests)
      for (const server of (rounds % 2 ? [...servers].reverse() : servers).filter((one) =>
        is(test.isTls, one.kind),
      ))
        seen.get(test).get(server.kind.name).push(await measure(server, test));
    longest = Math.max(longest, Date.now() - at);
  }
  await Promise.all(servers.map(stopServer));
  const lines = tests.flatMap((test) =>
    test.measures.map((m) => {
      const values = [...seen.get(test)].map(([name, all]) => [name, all.map((one) => one[m.key])]);
      return summarise(test, m, new Map(values));
    }),
  );
  return [lines, rounds];
}

// Output.

const short = (v) => (v >= 1000 ? String(Math.round(v)) : v.toPrecision(3));

function goalText({ test, measure: m, value, against }) {
  const goal = test.goal;
  if (goal?.measure !== m) return "";
  const ratio = Number(against.get("raw epoll").ratio.toFixed(2)); // as it is shown
  if (goal.value) return `<= ${goal.value}: ${value <= goal.value ? "met" : "missed"}`;
  if (goal.at_least)
    return `>= ${goal.at_least} raw: ${ratio >= goal.at_least ? "met" : "missed"}`;
  return `<= ${goal.at_most} raw: ${ratio <= goal.at_most ? "met" : "missed"}`;
}

function printTable(lines, rounds) {
  const peers = kindsOf(false).map((kind) => kind.name).filter((name) => name !== "Parlor");
  const rows = [["", "", "Parlor", ...peers, ...peers.map((name) => `to ${name}`), "goal"]];
  let last;
  for (const line of lines) {
    const range = (a) =>
      a.low < a.high ? ` (${a.low.toFixed(2)}-${a.high.toFixed(2)})` : "";
    const against = peers.map((name) => line.against.get(name));
    rows.push([
      line.test === last ? "" : line.test.name,
      `${line.measure.name}, ${line.measure.unit}`,
      short(line.value),
      ...against.map((a) => (a ? short(a.peer) : "-")),
      ...against.map((a) => (a ? a.ratio.toFixed(2) + range(a) : "-")),
      goalText(line),
    ]);
    last = line.test;
  }
  const width = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  const right = (i) => i >= 2 && i < 3 + peers.length;
  for (const row of rows)
    console.log(
      row
        .map((s, i) => (right(i) ? s.padStart(width[i]) : s.padEnd(width[i])))
        .join("  ")
        .trimEnd(),
    );
  console.log(
    `\n${rounds} rounds of ${options.seconds} s, 64-byte messages unless it says so, servers on core ${cores[0]}, ` +
      `load on core ${cores[1]}; medians, and of ratios (lowest-highest). ` +
      `${Math.round((Date.now() - began) / 1000)} s.`,
  );
}

function printJson(lines) {
  const round = (v) => Number(v.toPrecision(5));
  const results = lines.flatMap(({ test, measure: m, value, against }) =>
    [...against].map(([name, a]) => ({
      metric: `${test.name}: ${m.name}`,
      value: round(value),
      unit: m.unit,
      against: name,
      peer: round(a.peer),
      ratio: round(a.ratio),
    })),
  );
  console.log(JSON.stringify({ bench: "edge", results }));
}

const cores = pickCores();
folder = fs.mkdtempSync(path.join(os.tmpdir(), "parlor-bench-"));
fs.mkdirSync(path.join(folder, "echo"));
fs.mkdirSync(path.join(folder, "fan"));
fs.copyFileSync(path.join(root, "games/echo/game.lua"), path.join(folder, "echo/game.lua"));
fs.writeFileSync(path.join(folder, "fan/game.lua"), FAN_GAME);

const certificate = path.join(folder, "cert.pem");
const key = path.join(folder, "key.pem");
execFileSync(
  "openssl",
  `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost -keyout ${key} -out ${certificate}`.split(
    " ",
  ),
  { stdio: "ignore" },
);

const serve = (binary, ...more) => [
  ...[binary, "serve", folder, "--port", "0", "--host", "127.0.0.1", "--admin", "off", "--data", "off"],
  ...["--scripts", path.join(root, "scripts"), ...more],
];
const withTls = ["--tls_cert", certificate, "--tls_key", key];

/** Does this server take part where TLS is spoken, or where it is not? */
function is(isTls, kind) {
  return (kind.isTls ?? false) === (isTls ?? false);
}

function kindsOf(isTls) {
  return kinds.filter((kind) => is(isTls, kind));
}

/** The order matters: Parlor and raw, whose ratio is the verdict, come in turn. */
const kinds = [
  { name: "raw epoll", command: [path.join(built, "edge_raw")] },
  { name: "Parlor", command: serve(parlor), isParlor: true },
];
/** The same names: a line of the table has the one or the other. */
kinds.push(
  { name: "raw epoll", command: [path.join(built, "edge_raw"), "--tls", certificate, key], isTls: true },
  { name: "Parlor", command: serve(parlor, ...withTls), isParlor: true, isTls: true },
);
if (options.other) kinds.push({ name: "other", command: serve(options.other), isParlor: true });
if (fs.existsSync(path.join(root, "tests/node_modules/ws")))
  kinds.push({ name: "npm ws", command: [process.execPath, path.join(here, "edge_ws.cjs")] });
else console.error("bench edge: without npm's ws; (cd tests && npm ci) brings it");

const memory = await runIdle();
const [figures, rounds] = await runRounds();
if (memory.length + figures.length === 0) fail(`no case holds "${options.filter}"`, 64);
if (options.json) printJson([...figures, ...memory]);
else printTable([...figures, ...memory], rounds);
process.exit(0);
