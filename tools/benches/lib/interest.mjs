// SPDX-License-Identifier: MIT
/*
 * interest - runs build/release/bench_interest and the same rooms with Colyseus
 * (lib/interest_colyseus.mjs) in turn, three rounds; shows medians and the ratios.
 *
 * Compared are the CPU time of a tick, from the state that scripts have changed to a
 * frame for each player (of Colyseus without what it does at each assignment, where we
 * scan), and the bytes of a frame.
 */
import { execFileSync } from "node:child_process";

const here = new URL(".", import.meta.url).pathname;
const program = new URL("../../../build/release/bench_interest", import.meta.url).pathname;
const ROUNDS = 3;
const ROOMS = [
  ["1000 moving, 200 players, 100 near", 1000, 200, 100],
  ["1000 moving, 200 players, 50 near", 1000, 200, 50],
  ["10000 moving, 100 players, 100 near", 10000, 100, 100],
  ["1000 moving, 200 players, all seen", 1000, 200, 0],
];
const options = process.argv.slice(2);
const unknown = options.find((o) => o !== "--json");
if (unknown) {
  console.error(`bench interest: unknown option ${unknown}`);
  process.exit(64);
}

const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
const ours = new Map(); // metric -> { unit, values }
const theirs = new Map(); // room -> [what it printed]
for (let round = 0; round < ROUNDS; round++) {
  for (const r of JSON.parse(execFileSync(program, ["--json"])).results) {
    if (!ours.has(r.metric)) ours.set(r.metric, { unit: r.unit, values: [] });
    ours.get(r.metric).values.push(r.value);
  }
  for (const [name, ...args] of ROOMS) {
    const out = execFileSync("node", [`${here}interest_colyseus.mjs`, ...args]);
    if (!theirs.has(name)) theirs.set(name, []);
    theirs.get(name).push(JSON.parse(out));
  }
}

const results = [];
for (const [metric, { unit, values }] of ours) {
  const value = median(values);
  const [name, what] = metric.split(/: /);
  const key = { "with scan and diff": "emit", frame: "bytes" }[what];
  const peer = key && theirs.has(name) ? median(theirs.get(name).map((r) => r[key])) : 0;
  const against = peer && { against: "colyseus", peer: Math.round(peer), ratio: value / peer };
  results.push({ metric, value, unit, ...against });
}
if (options.length) console.log(JSON.stringify({ bench: "interest", results }));
else
  for (const { metric, value, unit, peer, ratio } of results) {
    const beside = peer ? `   Colyseus ${String(peer).padStart(6)}, ratio ${ratio.toFixed(3)}` : "";
    console.log(`${metric.padEnd(80)} ${value.toFixed(0).padStart(6)} ${unit}${beside}`);
  }
