// SPDX-License-Identifier: MIT
/*
 * decode - what a page pays for a frame in which entities move: our SDK's codec, to
 * the objects that pages see, and to columns; and @colyseus/schema's Decoder over the
 * same motion, its fields as float32 and quantised. All in one process, in turns, each
 * a page that lives from the first to the last round. CPU time of the process.
 *
 * What is not in it: the WebSocket, listeners, drawing.
 */
import { setImmediate } from "node:timers/promises";

import { Binary } from "../../../scripts/web/binary.js";
import { Columns } from "../../../scripts/web/columns.js";
import { schemaHash } from "../../../scripts/web/schema.js";
import { State } from "../../../scripts/web/state.js";
import { Out, utf8 } from "../../../scripts/web/wire.js";
import { readOptions } from "./options.mjs";
import { cpuUs, make, median } from "./swarm.mjs";

const USAGE = `Example: tools/bench decode --json

Usage: tools/bench decode [--json] [--entities N] [--rounds N]

  --entities N   that all move, two fields each (1000)
  --rounds N     (7)
  --json         one JSON object instead of the table

See tools/benches/README.md for what the figures mean.`;

const options = readOptions("decode", USAGE, {
  entities: { type: "string", default: "1000" },
  rounds: { type: "string", default: "7" },
});
const N = Number(options.entities);
const FRAMES = 200; // a round
const WARM_UP = 2;
const ROUNDS = Number(options.rounds) + WARM_UP;

/** The schema of games whose ships have a name, health, a team and a place. */
const place = (smooth) => ({ t: "fixed", min: 0, max: 4096, step: 1 / 8, ...(smooth && { smooth }) });
const schemaOf = (smooth) => ({
  state: {
    fields: [],
    maps: [
      [
        "ships",
        {
          keys: "integer",
          fields: [
            ["hp", { t: "u8" }],
            ["name", { t: "str", max: 16 }],
            ["team", { t: "enum", of: ["red", "blue"] }],
            ["x", place(smooth)],
            ["y", place(smooth)],
          ],
        },
      ],
    ],
  },
  messages: [],
  events: [],
});

/** Messages as the server would send them: SCHEMA and SNAPSHOT, then a DELTA a tick. */
function ours(smooth) {
  const swarm = make(N);
  const quanta = (v) => Math.floor(v * 8 + 0.5);
  const json = utf8(JSON.stringify(schemaOf(smooth)));
  const out = new Out();
  out.u8(2).u32(schemaHash(json)).uv(json.length).raw(json);
  out.u8(3).u8(0).uv(1).uv(1).u8(4).uv(1).uv(0).u8(0).uv(2).u8(4).uv(N);
  const held = swarm.ships.map((s, i) => {
    const [x, y] = [quanta(s.x), quanta(s.y)];
    out.uv(0).sv(i).u8(31).u8(100).str(s.name).uv(i % 2).le(x, 2).le(y, 2);
    return { x, y };
  });
  const first = out.u8(0).take().buffer;
  const frames = [];
  for (let tick = 2; tick < ROUNDS * FRAMES + 2; tick++) {
    swarm.move();
    out.u8(4).u8(0).le(tick % 65536, 2).uv(1).uv(2).u8(16).uv(N);
    swarm.ships.forEach((s, i) => {
      const [x, y] = [quanta(s.x), quanta(s.y)];
      out.uv(0).u8(24).sv(x - held[i].x).sv(y - held[i].y);
      held[i] = { x, y };
    });
    frames.push(out.u8(0).take().buffer);
  }
  return { first, frames, want: swarm.ships[N - 1].x };
}

/** A page that has joined; `take` is what it does with a frame. */
function page({ first, frames, want }, columns = []) {
  const call = (fn, args) => fn(...args);
  const state = new State(call, new Map(columns.map((name) => [name, new Columns(call)])));
  const codec = new Binary(state);
  let now = 0;
  const take = (frame) => {
    codec.decode(frame);
    codec.show(now, now + 50);
    now += 50;
  };
  take(first);
  const { ships } = state.root;
  const x = () => (columns.length ? ships.columns.x[N - 1] : ships.get(N - 1).x);
  return { frames, take, x, want };
}

async function theirs(kind) {
  const { Decoder } = await import("@colyseus/schema");
  const { Swarm } = await import("./colyseus.mjs");
  const swarm = new Swarm(N, kind);
  const first = Uint8Array.from(swarm.encodeAll());
  const frames = [];
  for (let i = 0; i < ROUNDS * FRAMES; i++) {
    swarm.move();
    frames.push(Uint8Array.from(swarm.encode()));
  }
  const state = new swarm.State();
  const decoder = new Decoder(state);
  decoder.decode(first);
  const take = (frame) => decoder.decode(frame);
  const x = () => state.ships.get(String(N - 1)).x;
  // Their quantised places are rounded at every step.
  return { frames, take, x, want: swarm.swarm.ships[N - 1].x };
}

const plain = ours(false);
const smooth = ours(true);
const cases = {
  objects: page(plain),
  "objects, smooth": page(smooth),
  columns: page(plain, ["ships"]),
  float32: await theirs("float32"),
  quantised: await theirs("quantised"),
};
const times = Object.fromEntries(Object.keys(cases).map((name) => [name, []]));
for (let round = 0; round < ROUNDS; round++)
  for (const [name, { frames, take }] of Object.entries(cases)) {
    await setImmediate(); // as between messages; the SDK may load a part of it now
    const began = cpuUs();
    for (let i = round * FRAMES; i < (round + 1) * FRAMES; i++) take(frames[i]);
    const us = (cpuUs() - began) / FRAMES;
    if (round >= WARM_UP) times[name].push(us);
  }
for (const [name, { x, want }] of Object.entries(cases))
  if (Math.abs(x() - want) > 0.2) throw new Error(`${name}: a ship is at ${x()}, not ${want}`);

const bytesOf = ({ frames }) =>
  Math.round(frames.reduce((sum, f) => sum + f.byteLength, 0) / frames.length);
const results = [];
for (const name of ["objects", "objects, smooth", "columns"])
  for (const [peer, label] of [
    ["float32", "@colyseus/schema, float32"],
    ["quantised", "@colyseus/schema, quantised"],
  ])
    results.push({
      metric: `${N} entities move: ${name}`,
      value: Math.round(median(times[name]) * 10) / 10,
      unit: "us/frame",
      against: Math.round(median(times[peer]) * 10) / 10,
      peer: label,
      ratio: Math.round((median(times[peer].map((t, i) => t / times[name][i])) + Number.EPSILON) * 10) / 10,
    });
if (options.json) console.log(JSON.stringify({ bench: "decode", results }));
else {
  for (const r of results)
    console.log(
      `${r.metric.padEnd(36)} ${String(r.value).padStart(6)} us; ${r.peer} ${r.against} us: ${r.ratio} times as fast`,
    );
  console.log(
    `bytes a frame: ${bytesOf(plain)}; @colyseus/schema ${bytesOf(cases.float32)}, quantised ${bytesOf(cases.quantised)}`,
  );
}
