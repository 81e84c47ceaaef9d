// SPDX-License-Identifier: MIT
/*
 * scale_colyseus - what a tick costs the server for each player, beside Colyseus and
 * beside a timer that only writes: ships that all move, 20 times a second, to players who
 * see all of them or those near to their own.
 *
 * All servers are on one core and the same load (scale_load.c) on another. Before the
 * measurement one player of each server decodes what comes (scale_check.mjs): as many
 * ships have to be in sight, and to move in every state. Who is not measured stands still. Rounds run all servers in turn,
 * then in reverse; a ratio is taken within its round.
 */
import { checkColyseus, checkParlor, seatOfColyseus } from "./scale_check.mjs";
import { swarm } from "./scale_games.mjs";
import { readOptions } from "./options.mjs";
import * as run from "./scale_run.mjs";

const USAGE = `Example: tools/bench scale colyseus near

Usage: tools/bench scale colyseus [--json] [options] [CASE]

  CASE          cases whose name holds this: all, near, "1000 ships", "to 200" (every one)
  --rounds N    of each case; it ends after 220 s in any case (3)
  --seconds S   of each measurement (3)
  --node PATH   runs Colyseus, which asks for Node 22 or later (node)
${run.COMMON_USAGE}`;
const text = { type: "string" };
const argv = process.argv.slice(2);
const filter = argv[0]?.startsWith("-") ? "" : (argv.shift() ?? "");
const options = readOptions(
  "scale colyseus",
  USAGE,
  { ...run.COMMON, rounds: text, seconds: text, node: text },
  argv,
);
const rounds = Number(options.rounds ?? 3);
const seconds = Number(options.seconds ?? 3);
const [core, loadCore] = run.setUp(options);
const node = options.node ?? process.execPath;
const WARM_UP = 1.5;
const LAST_MS = 220_000;
const began = Date.now();

const CASES = [
  { ships: 100, players: 50, near: 0 },
  { ships: 100, players: 200, near: 0 },
  { ships: 1000, players: 50, near: 0 },
  { ships: 1000, players: 200, near: 0, goals: { cpu: 0.45, bytes: 0.4 } },
  { ships: 1000, players: 50, near: 50 },
  { ships: 1000, players: 200, near: 50, goals: { cpu: 0.2 } },
].map((c) => ({
  ...c,
  name: `${c.ships} ships${c.near ? `, ${c.near} near` : ", all seen"}, to ${c.players}`,
}));

const PARLOR = "Parlor";
const RAW = "raw timer";
const GRID = ["--period-us", "50000"];

/** Who is measured in a case. `args` are the load's. */
const kindsOf = ({ near }) => [
  { name: PARLOR, isParlor: true, args: [...run.RECORDS, ...GRID, "--ack"] },
  { name: "Parlor, no ACKs", isParlor: true, args: [...run.RECORDS, ...GRID] },
  { name: "Colyseus float32", peer: ["float32", "every"] },
  { name: "Colyseus quantised", peer: ["quantised", "every"] },
  ...(near ? [{ name: "Colyseus quantised, views fixed", peer: ["quantised", "once"] }] : []),
  { name: RAW, args: ["--state", "0", ...GRID] },
];
for (const c of CASES) c.kinds = kindsOf(c);

const AFTER_MS = 300; // the players have gone, and so does the room
const servers = new Map(); // of kinds that go on from round to round, by what they are; at rest
async function serverOf(c, kind, bytes) {
  const key = `${c.ships} ${c.near} ${kind.peer ?? kind.isParlor}`;
  if (kind.name === RAW) return run.startRaw(core, bytes);
  if (!servers.has(key))
    servers.set(key, kind.isParlor
      ? await run.startParlor(core, { swarm: swarm(c.ships, c.near) })
      : await run.startServer(core, kind.name, [
          ...[node, new URL("scale_peer.mjs", import.meta.url).pathname],
          ...[String(c.ships), String(c.near), ...kind.peer],
        ]));
  servers.get(key).go();
  return servers.get(key);
}
async function leaveServer(kind, server) {
  if (kind.name === RAW) return server.stop();
  await run.sleep(AFTER_MS);
  server.rest();
}

let nRooms = 0;
async function measure(c, kind, bytes) {
  const server = await serverOf(c, kind, bytes);
  const room = `/swarm/${nRooms++}`;
  const paths = [];
  for (let i = 0; i < c.players; i++)
    paths.push(kind.peer ? await seatOfColyseus(server.port) : kind.isParlor ? room : "/0");
  const args = kind.args ?? ["--hello", "0a", "--after", "--state", "15"];
  const times = ["--warm-up", String(WARM_UP), "--seconds", String(seconds)];
  const seen = await run.load(loadCore, server, paths, [...args, ...times]);
  await leaveServer(kind, server);
  // A state before or after the bounds of the measurement, and no more: nobody is skipped.
  if (seen.most - seen.least > 1)
    console.error(`bench scale: ${kind.name}, ${c.name}: ${seen.least} to ${seen.most} states`);
  return seen;
}

/** Both are the same game, or this ends here. */
async function check(c) {
  const seen = [];
  for (const kind of c.kinds) {
    if (kind.name === RAW || kind.name === "Parlor, no ACKs") continue;
    const server = await serverOf(c, kind);
    const one = kind.isParlor
      ? await checkParlor(server.port, `/swarm/${nRooms++}`)
      : await checkColyseus(server.port, kind.peer[0], c.near > 0);
    await leaveServer(kind, server);
    if (one.moved < 0.98) run.fail(`${kind.name}, ${c.name}: ${one.moved} of the ships move`);
    seen.push({ name: kind.name, ...one });
  }
  for (const { name, held } of seen)
    if (c.near ? Math.abs(held / seen[0].held - 1) > 0.15 : held !== c.ships)
      run.fail(`${name}, ${c.name}: ${held} ships in sight, with Parlor ${seen[0].held}`);
  return seen;
}

const MEASURES = [
  { name: "server CPU per player and tick", key: "cpu", unit: "us", of: (s) => s.server_us },
  { name: "bytes per player and tick", key: "bytes", unit: "B", of: (s) => s.bytes },
  { name: "server CPU", unit: "cores", of: (s) => s.server_cpu },
  { name: "load CPU", unit: "cores", of: (s) => s.load_cpu },
  { name: "jitter p50", unit: "us", of: (s) => s.jitter_us.p50 },
  { name: "jitter p99", key: "late", unit: "us", of: (s) => s.jitter_us.p99 },
  { name: "lateness p50", unit: "us", of: (s) => s.lateness_us?.p50 },
  { name: "lateness p99", key: "late", unit: "us", of: (s) => s.lateness_us?.p99 },
];

/** One of a case's figures, for all who were measured: {name, value, ratio} by kind; the
 * ratio is Parlor's figure divided by theirs. */
function figures(c, m, samples) {
  const own = samples.get(PARLOR).map(m.of);
  return c.kinds
    .map(({ name }) => ({ name, theirs: samples.get(name).map(m.of) }))
    .filter(({ theirs }) => !theirs.includes(undefined))
    .map(({ name, theirs }) => ({
      name,
      value: run.median(theirs),
      ratio: run.median(own.map((v, i) => v / theirs[i])),
    }));
}

/** What a goal says of Parlor's figure beside another's, or "". */
function verdict(c, m, own, { name, value, ratio }) {
  const most = c.goals?.[m.key];
  if (most && name.startsWith("Colyseus") && !name.endsWith("fixed"))
    return `<= ${most} ${Number(ratio.toFixed(2)) <= most ? "met" : "missed"}`;
  if (c.goals && m.key === "late" && name === RAW)
    return `<= +1 ms ${own <= value + 1000 ? "met" : "missed"}`;
  return "";
}

function printTable(c, samples) {
  const rows = [[c.name, ...c.kinds.map(({ name }) => name)]];
  const seen = new Map(inSight.get(c).map(({ name, held }) => [name, run.short(held)]));
  rows.push(["ships in sight", ...c.kinds.map(({ name }) => seen.get(name) ?? "-")]);
  for (const m of MEASURES) {
    const all = figures(c, m, samples);
    const row = c.kinds.map(({ name }) => {
      const one = all.find((figure) => figure.name === name);
      if (!one) return "-";
      if (name === PARLOR) return run.short(one.value);
      return `${run.short(one.value)} (${one.ratio.toFixed(2)}) ${verdict(c, m, all[0].value, one)}`.trim();
    });
    rows.push([`${m.name}, ${m.unit}`, ...row]);
  }
  const width = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  for (const row of rows)
    console.log(row.map((cell, i) => cell.padEnd(width[i])).join("  ").trimEnd());
  console.log("");
}

function resultsOf(c, samples) {
  return MEASURES.flatMap((m) => {
    const [own, ...others] = figures(c, m, samples);
    return others.map(({ name, value, ratio }) => ({
      metric: `${c.name}: ${m.name}`,
      value: own.value,
      unit: m.unit,
      against: name,
      peer: value,
      ratio,
    }));
  });
}

const wanted = CASES.filter(({ name }) => name.includes(filter));
if (wanted.length === 0) run.fail(`no case holds "${filter}"`, 64);
const inSight = new Map();
const samples = new Map(wanted.map((c) => [c, new Map(c.kinds.map(({ name }) => [name, []]))]));
for (const c of wanted) inSight.set(c, await check(c));
let done = 0;
for (let longest = 0; done < rounds; done++) {
  const at = Date.now();
  if (done > 0 && at - began + longest > LAST_MS) {
    console.error(`bench scale: time is up after ${done} of ${rounds} rounds`);
    break;
  }
  for (const c of wanted) {
    const seen = samples.get(c);
    // The raw timer writes what Parlor does; so it comes behind it in the first round.
    for (const kind of done % 2 ? [...c.kinds].reverse() : c.kinds)
      seen.get(kind.name).push(await measure(c, kind, seen.get(PARLOR)[0]?.bytes));
  }
  longest = Math.max(longest, Date.now() - at);
}
if (options.json) run.report(wanted.flatMap((c) => resultsOf(c, samples.get(c))), true);
else {
  for (const c of wanted) printTable(c, samples.get(c));
  console.log(
    `${done} rounds of ${seconds} s; medians, in brackets Parlor's divided by theirs within a round. ` +
      `Servers on core ${core}, load on core ${loadCore}; Colyseus by ${node}. ` +
      `${Math.round((Date.now() - began) / 1000)} s.`,
  );
}
process.exit(0);
