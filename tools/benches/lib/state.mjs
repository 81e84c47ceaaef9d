// SPDX-License-Identifier: MIT
/*
 * state - what a tick costs in which all entities move: the script's own loop, the
 * search for what changed, and the frame for everybody. Ours is bench_tick (Lua, then
 * scan, quantise, diff, encode; with the JIT); theirs is @colyseus/schema in Node:
 * the same motion by its setters, then Encoder.encode(). Rounds in turn; CPU time.
 */
import { execFileSync } from "node:child_process";
import path from "node:path";

import { Swarm } from "./colyseus.mjs";
import { readOptions } from "./options.mjs";
import { cpuUs, median } from "./swarm.mjs";

const USAGE = `Example: tools/bench state --json

Usage: tools/bench state [--json] [--rounds N]

  --rounds N     (5)
  --json         one JSON object instead of the table

See tools/benches/README.md for what the figures mean.`;

const options = readOptions("state", USAGE, { rounds: { type: "string", default: "5" } });

const SIZES = [1000, 10000];
const TICKS = 200;
const WARM_UP = 400;
const tick = path.join(path.dirname(process.env.PARLOR_BIN ?? "build/release/parlor"), "bench_tick");

/** Our figures of one run, by number of entities. */
function ours() {
  const { results } = JSON.parse(execFileSync(tick, ["--json"], { encoding: "utf8" }));
  const find = (n, what) =>
    results.find((r) => r.metric === `${n} entities, 100 % moving: ${what}`).value;
  return new Map(
    SIZES.map((n) => [n, { us: find(n, "script included"), bytes: find(n, "frame") }]),
  );
}

/** Theirs: a swarm that lives from the first round to the last. */
function peer(n, kind) {
  const swarm = new Swarm(n, kind);
  swarm.encodeAll();
  const run = (ticks) => {
    const times = [];
    let bytes = 0;
    for (let i = 0; i < ticks; i++) {
      const began = cpuUs();
      swarm.move();
      const frame = swarm.encode();
      times.push(cpuUs() - began);
      bytes += frame.length;
    }
    return { us: median(times), bytes: bytes / ticks / n };
  };
  run(WARM_UP);
  return () => run(TICKS);
}

const peers = SIZES.flatMap((n) =>
  ["float32", "quantised"].map((kind) => ({ n, kind, run: peer(n, kind), seen: [] })),
);
const mine = new Map(SIZES.map((n) => [n, []]));
for (let round = 0; round < Number(options.rounds); round++) {
  for (const [n, result] of ours()) mine.get(n).push(result);
  for (const p of peers) p.seen.push(p.run());
}

const round1 = (v) => Math.round(v * 10) / 10;
const round2 = (v) => Math.round(v * 100) / 100;
const results = [];
for (const { n, kind, seen } of peers) {
  const name = `@colyseus/schema, ${kind}`;
  const us = mine.get(n).map((r) => r.us);
  results.push({
    metric: `${n} entities move: mutate, find, encode`,
    value: round1(median(us)),
    unit: "us/tick",
    against: round1(median(seen.map((r) => r.us))),
    peer: name,
    ratio: round2(median(seen.map((r, i) => r.us / us[i]))),
  });
  results.push({
    metric: `${n} entities move: frame`,
    value: mine.get(n)[0].bytes,
    unit: "bytes/entity",
    against: round2(seen[0].bytes),
    peer: name,
    ratio: round2(seen[0].bytes / mine.get(n)[0].bytes),
  });
}
if (options.json) console.log(JSON.stringify({ bench: "state", results }));
else
  for (const r of results)
    console.log(
      `${r.metric.padEnd(42)} ${String(r.value).padStart(7)} ${r.unit}; ${r.peer} ${r.against}: ${r.ratio} times`,
    );
