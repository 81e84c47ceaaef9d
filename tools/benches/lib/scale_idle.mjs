// SPDX-License-Identifier: MIT
/*
 * scale_idle - connections in which nothing happens, up to the descriptor limit: what one
 * takes of the server's memory, how fast they come, and what rooms that tick beside them
 * feel of it.
 *
 * Each case has a server of its own. Ten small rooms at 20 Hz, with a player each, are
 * watched without the connections, while they come, and with them; with the most of them
 * for longer than the server's ping is away, so that its round of pings is in it.
 */
import fs from "node:fs";
import path from "node:path";

import { beat, quiet } from "./scale_games.mjs";
import { readOptions } from "./options.mjs";
import * as run from "./scale_run.mjs";

const USAGE = `Example: tools/bench scale idle

Usage: tools/bench scale idle [--json] [options]

  --connections N   at most (as many as ulimit -n allows the server and the load)
  --seconds S       that the rooms are watched (8; 30 with the most connections)
${run.COMMON_USAGE}`;
const text = { type: "string" };
const options = readOptions("scale idle", USAGE, { ...run.COMMON, connections: text, seconds: text });
const [core, loadCore] = run.setUp(options);
const SPARE = 100; // descriptors that the server needs for itself and for the rooms
const FEW = 8;
const SETTLE_MS = 1000;
const ROOMS = 10;
const PING_S = 30; // ping_ms is 25 s
const COMPUTED = 100_000;

const limits = /^Max open files\s+(\d+)\s+(\d+)/m.exec(fs.readFileSync("/proc/self/limits", "utf8"));
const limit = limits ? Number(limits[1]) : Infinity; // or "unlimited"
const most = Math.min(Number(options.connections ?? 1e6), limit - SPARE);
if (!(most > FEW + 1)) run.fail(`--connections takes ${FEW + 2} to ${limit - SPARE}`, 64);

const echo = fs.readFileSync(path.join(run.root, "games/echo/game.lua"), "utf8");
const raw = { name: "echo", path: () => "/echo", args: [] };
const CASES = [
  { ...raw, n: Math.min(10_000, most), goal: 1024 },
  { ...raw, n: most, goal: 1024, seconds: PING_S },
  {
    name: "records, rooms of 1000",
    path: (i) => `/quiet/r${Math.floor(i / 1000)}`,
    args: run.RECORDS.slice(0, 4),
    n: most,
  },
];

const late = (metrics) => run.buckets(metrics, "parlor_tick_late_seconds", "beat");

/** How late the rooms' ticks are for so long: in the server's histogram, and at players. */
async function watch(server, seconds) {
  const before = late(await server.metrics());
  const paths = Array.from({ length: ROOMS }, (_, i) => `/beat/b${i}`);
  const times = ["--period-us", "50000", "--warm-up", "0.5", "--seconds", String(seconds)];
  const seen = await run.load(loadCore, server, paths, [...run.RECORDS, ...times]);
  const after = late(await server.metrics());
  return { p99: run.quantile(before, after, 0.99), client: seen.lateness_us };
}

/** CPU time of a process so far in us, in steps of 10 ms. */
function cpuUs(pid) {
  const fields = fs.readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 1e4;
}

/** What the kernel holds in slabs, for everybody. */
const slabBytes = () =>
  Number(/^Slab:\s+(\d+) kB/m.exec(fs.readFileSync("/proc/meminfo", "utf8"))[1]) * 1024;

async function measure(c) {
  const server = await run.startParlor(core, { echo, quiet, beat });
  const paths = Array.from({ length: c.n }, (_, i) => c.path(i));
  const without = await watch(server, Number(options.seconds ?? 8));
  // What the first connections bring in once (code, buffers) belongs to none.
  const few = await run.hold(loadCore, server, paths.slice(0, FEW), c.args);
  await run.sleep(SETTLE_MS);
  const base = run.residentBytes(server.pid);
  await few.release();

  const before = { late: late(await server.metrics()), cpu: cpuUs(server.pid), slab: slabBytes() };
  const coming = watch(server, 3);
  await run.sleep(700);
  const all = await run.hold(loadCore, server, paths, c.args);
  const cpu = cpuUs(server.pid) - before.cpu;
  const comingIs = await coming;
  await run.sleep(SETTLE_MS);
  const bytes = (run.residentBytes(server.pid) - base) / (c.n - FEW);
  const slab = (slabBytes() - before.slab) / (2 * c.n); // both ends are here
  const withAll = await watch(server, Number(options.seconds ?? c.seconds ?? 8));
  await all.release();
  await server.stop();
  return { bytes, slab, base, rate: c.n / all.opened_s, cpu: cpu / c.n, without, coming: comingIs, withAll };
}

const lines = [{ metric: "descriptors that a process may have", value: limit, unit: "" }];
if (most < 15_000)
  console.error(`bench scale: ${most} connections only; ulimit -n is ${limit} (hard: ${limits?.[2]})`);
for (const c of CASES) {
  const seen = await measure(c);
  const name = `${c.n} in ${c.name}`;
  const put = (metric, value, unit, goal) => lines.push({ metric: `${name}: ${metric}`, value, unit, goal });
  const isMet = (ok) => (ok ? "met" : "missed");
  put("memory of one", seen.bytes, "B", c.goal && `<= ${c.goal}: ${isMet(seen.bytes <= c.goal)}`);
  put("kernel's slabs, each end", seen.slab, "B");
  put(`computed for ${COMPUTED}`, (seen.base + COMPUTED * seen.bytes) / 1e6, "MB");
  put("connections", seen.rate, "/s");
  put("server CPU to connect one", seen.cpu, "us");
  for (const [when, how] of [
    ["without them", seen.without],
    ["while they come", seen.coming],
    ["with them", seen.withAll],
  ]) {
    const grows = how === seen.withAll && seen.withAll.client.p99 - seen.without.client.p99;
    put(`99 % of the rooms' ticks begin within, ${when}`, how.p99, "us");
    put(`states late at players, p50, ${when}`, how.client.p50, "us");
    put(`states late at players, p99, ${when}`, how.client.p99, "us",
      grows === false ? undefined : `<= +1 ms: ${isMet(grows <= 1000)}`);
  }
}
run.report(lines, options.json);
process.exit(0);
