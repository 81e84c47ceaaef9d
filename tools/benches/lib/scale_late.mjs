// SPDX-License-Identifier: MIT
/*
 * scale_late - how late ticks are under load: by the server's own histogram, and by when
 * states reach players; beside a timer that writes as many bytes to as many sockets.
 *
 * The timer's groups begin when they were made: where many are made at once, several want
 * to begin at once. Rooms divide the interval (src/room/phase.h).
 */
import { swarm } from "./scale_games.mjs";
import { readOptions } from "./options.mjs";
import * as run from "./scale_run.mjs";

const USAGE = `Example: tools/bench scale late

Usage: tools/bench scale late [--json] [options]

  --seconds S   of each measurement (20)
${run.COMMON_USAGE}`;
const text = { type: "string" };
const options = readOptions("scale late", USAGE, { ...run.COMMON, seconds: text });
const [core, loadCore] = run.setUp(options);
const seconds = String(options.seconds ?? 20);
const TIMES = ["--period-us", "50000", "--warm-up", "1.5", "--seconds", seconds];

const CASES = [
  { name: "a room of 1, 100 ships", ships: 100, rooms: 1, players: 1 },
  { name: "a room of 200, 1000 ships", ships: 1000, rooms: 1, players: 200 },
  { name: "100 rooms of 10, 100 ships", ships: 100, rooms: 100, players: 10 },
];
const late = async (server) =>
  run.buckets(await server.metrics(), "parlor_tick_late_seconds", "swarm");

async function measure({ ships, rooms, players }) {
  const places = Array.from({ length: rooms * players }, (_, i) => i % rooms);
  const parlor = await run.startParlor(core, { swarm: swarm(ships) });
  const watch = { before: null };
  setTimeout(async () => (watch.before = await late(parlor)), 1500); // the joins are over
  const args = [...run.RECORDS, "--ack", ...TIMES];
  const own = await run.load(loadCore, parlor, places.map((i) => `/swarm/r${i}`), args);
  const after = await late(parlor);
  await parlor.stop();
  const raw = await run.startRaw(core, own.bytes);
  const limit = await run.load(loadCore, raw, places.map((i) => `/${i}`), ["--state", "0", ...TIMES]);
  await raw.stop();
  const ticks = after.at(-1)[1] - watch.before.at(-1)[1];
  return { own, limit, ticks, server: (q) => run.quantile(watch.before, after, q) };
}

const lines = [];
for (const c of CASES) {
  const { own, limit, ticks, server } = await measure(c);
  lines.push({ metric: `${c.name}: server CPU`, value: own.server_cpu, unit: "cores",
    against: "raw timer", peer: limit.server_cpu, ratio: own.server_cpu / limit.server_cpu });
  for (const [key, q] of [["p50", 0.5], ["p99", 0.99], ["p999", 0.999]]) {
    const share = `${q * 100} %`;
    const value = own.lateness_us[key];
    const peer = limit.lateness_us[key];
    lines.push(
      { metric: `${c.name}: ${share} of ${ticks} ticks begin within`, value: server(q), unit: "us" },
      { metric: `${c.name}: ${share} of states are late by no more than`, value, unit: "us",
        against: "raw timer", peer, ratio: value / peer,
        goal: key === "p99" ? `<= +1 ms: ${value <= peer + 1000 ? "met" : "missed"}` : undefined },
    );
  }
}
run.report(lines, options.json);
process.exit(0);
