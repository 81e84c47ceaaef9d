// SPDX-License-Identifier: MIT
/*
 * interest_colyseus - the room of tools/benches/interest.c with @colyseus/schema, the
 * part of Colyseus that does this: a StateView for each player, rows added to and
 * removed from it as they come near and go, and the bytes for each player.
 *
 * What is near is found by a grid, with the same hysteresis. The first player's bytes
 * are decoded and must give what its view shows. Prints one JSON object:
 *   {"emit":us a tick, "seen":us of it for what is near, "bytes":a player, "rows":seen}
 * Usage: interest_colyseus.mjs N PLAYERS SEES   (SEES 0: everybody sees everything)
 */
import assert from "node:assert/strict";
import { Decoder, Encoder, schema, StateView, t } from "@colyseus/schema";

const [N, PLAYERS, SEES] = process.argv.slice(2).map(Number);
const [WARM_UP, TICKS, WORLD] = [30, 60, 4096];
const SEE = Math.sqrt(SEES / N / Math.PI) * WORLD;
const FORGET = SEE * 1.1;

const Ship = schema(
  { name: t.string(), hp: t.uint8(), team: t.uint8(), x: t.float32(), y: t.float32() },
  "Ship",
);
const State = schema({ ships: SEES ? t.map(Ship).view() : t.map(Ship) }, "State");

let seed = 1;
const random = () => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) / 0x7fffffff;

const state = new State();
const ships = [];
for (let i = 0; i < N; i++) {
  const ship = new Ship();
  ship.name = `ship ${i % 50}`;
  ship.hp = 100;
  ship.team = i % 2;
  ship.x = random() * WORLD;
  ship.y = random() * WORLD;
  ships.push({ ship, vx: random() * 10 - 5, vy: random() * 10 - 5 });
  state.ships.set(String(i + 1), ship);
}

Encoder.BUFFER_SIZE = 16 * 1024 * 1024;
const encoder = new Encoder(state);
const players = Array.from({ length: PLAYERS }, (_, i) => ({
  me: ships[i * Math.floor(N / PLAYERS)].ship,
  view: new StateView(),
  held: new Set(),
}));

/** Rows by cell, of half the sight. */
const CELL = SEE / 2;
const SIDE = Math.ceil(WORLD / CELL) + 1;
function sortIntoCells() {
  const cells = Array.from({ length: SIDE * SIDE }, () => []);
  for (const { ship } of ships)
    cells[Math.floor(ship.y / CELL) * SIDE + Math.floor(ship.x / CELL)].push(ship);
  return cells;
}
function look(player, cells) {
  const { me, view, held } = player;
  const at = (v) => Math.min(SIDE - 1, Math.max(0, Math.floor(v / CELL)));
  for (const ship of held)
    if ((ship.x - me.x) ** 2 + (ship.y - me.y) ** 2 > FORGET * FORGET) {
      held.delete(ship);
      view.remove(ship);
    }
  for (let y = at(me.y - SEE); y <= at(me.y + SEE); y++)
    for (let x = at(me.x - SEE); x <= at(me.x + SEE); x++)
      for (const ship of cells[y * SIDE + x])
        if (!held.has(ship) && (ship.x - me.x) ** 2 + (ship.y - me.y) ** 2 <= SEE * SEE) {
          held.add(ship);
          view.add(ship);
        }
}

function move() {
  for (const e of ships) {
    let x = e.ship.x + e.vx;
    let y = e.ship.y + e.vy;
    if (x < 0 || x > WORLD) [e.vx, x] = [-e.vx, e.ship.x];
    if (y < 0 || y > WORLD) [e.vy, y] = [-e.vy, e.ship.y];
    e.ship.x = x;
    e.ship.y = y;
    if (random() < 1 / 64) e.ship.hp = (e.ship.hp + 1) % 256;
  }
}

const client = new Decoder(new State());
let bytes = 0;
function frames(isFirst) {
  const it = { offset: 0 };
  const shared = isFirst ? encoder.encodeAll(it) : encoder.encode(it);
  const offset = it.offset;
  if (!SEES) {
    bytes += shared.length * PLAYERS;
    client.decode(shared.slice());
  } else
    players.forEach(({ view }, i) => {
      const frame = isFirst
        ? encoder.encodeAllView(view, offset, it)
        : encoder.encodeView(view, offset, it);
      bytes += frame.length;
      if (i === 0) client.decode(frame.slice());
    });
  encoder.discardChanges();
}

const cpu = () => process.cpuUsage().user + process.cpuUsage().system;
const median = (list) => list.sort((a, b) => a - b)[list.length >> 1];
const emit = [];
const seen = [];
for (let tick = 0; tick < WARM_UP + TICKS; tick++) {
  move();
  if (tick === WARM_UP) bytes = 0;
  const t0 = cpu();
  if (SEES) {
    const cells = sortIntoCells();
    for (const player of players) look(player, cells);
  }
  const t1 = cpu();
  frames(tick === 0);
  const t2 = cpu();
  if (tick >= WARM_UP) {
    emit.push(t2 - t0);
    seen.push(t1 - t0);
  }
  if (SEES) assert.equal(client.state.ships.size, players[0].held.size);
}
const rows = SEES ? players.reduce((sum, p) => sum + p.held.size, 0) / PLAYERS : N;
console.log(
  JSON.stringify({ emit: median(emit), seen: median(seen), bytes: bytes / TICKS / PLAYERS, rows }),
);
