// SPDX-License-Identifier: MIT
/* A map of the state as arrays by slot. */
import assert from "node:assert/strict";
import test from "node:test";

import { Binary } from "../../../scripts/web/binary.js";
import { join } from "../../../scripts/web/client.js";
import { Columns } from "../../../scripts/web/columns.js";
import { loadComposed, parseSchema } from "../../../scripts/web/schema.js";
import { State } from "../../../scripts/web/state.js";
import { POND, Records, fakeNet, fakeTime, quiet, turn } from "./fake.mjs";

const FROGS = [
  [0, 7, "ann", 64],
  [1, 9, "bob", 128],
];

async function live(t) {
  const net = fakeNet();
  const time = fakeTime(t);
  const settings = { WebSocket: net.WebSocket, base: "http://host:1", now: time.now };
  const joined = join("/pond", {}, { ...settings, columns: ["frogs"] });
  while (!net.last()) await turn(); // the module is being loaded
  net.last().open();
  net.last().say(new Records().hello().schema().snapshot(5, FROGS));
  const room = await joined;
  time.pass(1);
  return { net, time, room, socket: net.last(), frogs: room.state.frogs };
}

/** What the arrays hold, by id. */
const held = (frogs) =>
  Object.fromEntries(
    frogs.ids.flatMap((id, slot) =>
      id === undefined ? [] : [[id, [frogs.columns.name[slot], frogs.columns["pos.x"][slot]]]],
    ),
  );

test("columns: rows by slot, numbers in typed arrays, texts in plain ones", async (t) => {
  const { frogs, room } = await live(t);
  assert.deepEqual(held(frogs), { 7: ["ann", 1], 9: ["bob", 2] });
  assert.ok(frogs.columns["pos.x"] instanceof Float64Array);
  assert.ok(frogs.columns.turn instanceof Float64Array);
  assert.deepEqual([frogs.size, frogs.end, frogs.slot(9), frogs.slot(8), frogs.has(7)], [2, 2, 1, -1, true]);
  assert.equal(room.state.phase, "lobby", "the rest is as ever");
});

test("columns: rows move, leave, and others take their slots", async (t) => {
  const { frogs, socket } = await live(t);
  const told = [];
  frogs.on("add", (slot, id) => told.push(["add", slot, id]));
  const off = frogs.on("remove", (slot, id) => told.push(["remove", slot, id]));
  assert.deepEqual(told.splice(0), [["add", 0, 7], ["add", 1, 9]]);
  socket.say(new Records().move(6, 5, 1, 64));
  assert.deepEqual(held(frogs), { 7: ["ann", 1], 9: ["bob", 3] });
  const swap = new Records().delta(7, 6).uv(2).u8(2 + 4).uv(1).uv(0);
  socket.say(swap.uv(2).uv(0).uv(30).u8(1).str("cy").uv(1).uv(31).u8(0).u8(0));
  assert.deepEqual(told.splice(0), [["remove", 0, 7], ["add", 0, 30], ["add", 2, 31]]);
  assert.deepEqual(held(frogs), { 30: ["cy", 0], 9: ["bob", 3], 31: ["", 0] });
  off();
  socket.say(new Records().delta(8, 7).uv(2).u8(2).uv(1).uv(1).u8(0));
  assert.deepEqual([frogs.ids[1], frogs.size, frogs.end], [undefined, 2, 3]);
  assert.deepEqual(told, []);
  assert.throws(() => frogs.on("change", () => {}), /columns tell add and remove, not change/);
});

test("columns: a bad frame leaves no trace, a snapshot tells who came and went", async (t) => {
  quiet(t);
  const { frogs, room, socket } = await live(t);
  const bad = new Records().delta(6, 5).uv(2).u8(16).uv(2).uv(0).u8(2).sv(64);
  socket.say(bad.uv(7).u8(2).sv(64).u8(0)); // slot 8 is not held
  assert.deepEqual(held(frogs), { 7: ["ann", 1], 9: ["bob", 2] });
  socket.say(new Records().move(6, 5, 0, 1));
  assert.equal(held(frogs)[7][1], 65 / 64, "and the next change goes on from there");
  const told = [];
  frogs.on("add", (slot, id) => told.push(["add", slot, id]));
  frogs.on("remove", (slot, id) => told.push(["remove", slot, id]));
  told.length = 0;
  socket.say(new Records().snapshot(9, [[0, 9, "bob", 640], [4, 12, "di", 0]]));
  assert.deepEqual(told, [["remove", 0, 7], ["add", 4, 12]]);
  assert.deepEqual(held(frogs), { 9: ["bob", 10], 12: ["di", 0] });
  assert.equal(room.state.frogs, frogs);
});

test("columns: more slots than there is room for", async (t) => {
  const { frogs, room, socket } = await live(t);
  const many = [...Array(1000).keys()].map((i) => [i, i + 1, "f" + i, i]);
  const records = new Records().delta(6, 5).uv(2).u8(4).uv(998);
  many.slice(2).forEach(([, id, name, x], i) => records.uv(i ? 0 : 2).uv(id + 100).u8(3).str(name).le(x, 2));
  socket.say(records.u8(0));
  assert.equal(frogs.size, 1000);
  assert.deepEqual(held(frogs)[7], ["ann", 1]);
  assert.deepEqual(held(frogs)[1100], ["f999", 999 / 64]);
  assert.equal(room.view("frogs")["pos.x"][999], 999 / 64);
});

test("columns: view moves smooth fields to where they are now, angles the short way", async (t) => {
  const { frogs, room, socket, time } = await live(t);
  const at = () => room.view("frogs")["pos.x"][0];
  // Two ticks, so that the time of arrival is known: due one period after it.
  socket.say(new Records().move(6, 5, 0, 64));
  time.pass(50);
  assert.equal(at(), 2);
  const both = new Records().delta(7, 6).uv(2).u8(16).uv(1).uv(0).u8(2 + 4);
  socket.say(both.sv(64).sv(-16384).u8(0)); // a quarter turn below 0
  assert.equal(at(), 2);
  assert.equal(frogs.columns["pos.x"][0], 3, "the arrays themselves are the newest");
  time.pass(25);
  const half = at();
  assert.ok(half > 2.2 && half < 2.8, `${half} on the way`);
  const turn = room.view("frogs").turn[0];
  assert.ok(turn > 1.5 * Math.PI && turn < 2 * Math.PI, `${turn} on the way`);
  socket.say(new Records().move(8, 7, 0, 0 - 64));
  assert.ok(Math.abs(at() - half) < 1e-9, "no jump when the next sample comes");
  time.pass(200);
  assert.deepEqual([at(), room.view("frogs").turn[0]], [2, 1.5 * Math.PI]);
});

test("columns: hot reload: fields come and go, and the map itself", async (t) => {
  const { frogs, room, socket } = await live(t);
  const gone = [];
  frogs.on("remove", (slot, id) => gone.push(id));
  const without = structuredClone(POND);
  without.state.maps[0][1].fields = [["x", { t: "u16" }]];
  const snapshot = new Records().schema(without).u8(3).u8(0).uv(9).uv(1).u8(4).uv(1).uv(0).u8(0);
  socket.say(snapshot.uv(2).u8(4).uv(1).uv(0).uv(9).u8(1).le(500, 2).u8(0));
  assert.deepEqual(gone.splice(0), [7]);
  assert.deepEqual(Object.keys(frogs.columns), ["x"]);
  assert.equal(frogs.columns.x[0], 500);
  without.state.maps = [];
  socket.say(new Records().schema(without).u8(3).u8(0).uv(10).uv(1).u8(4).uv(1).uv(0).u8(0).u8(0));
  assert.deepEqual([gone, frogs.size, room.state.frogs], [[9], 0, undefined]);
});

test("columns: not with parlor.j1", async () => {
  const settings = { WebSocket: class {}, base: "http://host:1", json: true, columns: ["frogs"] };
  await assert.rejects(join("/pond", {}, settings), /columns need the schema/);
});

/** A map `m` as columns, by a schema of its own; frames are applied as hex. */
function open(fields, ...frames) {
  const call = (fn, args) => fn(...args);
  const columns = new Columns(call);
  const codec = new Binary(new State(call, new Map([["m", columns]])));
  codec.schema = parseSchema(
    `{"state":{"maps":[["m",{"keys":"player","fields":${fields}}]]}}`,
    1,
  );
  const apply = (hex) => {
    try {
      codec.decode(Uint8Array.from(hex.split(" "), (h) => parseInt(h, 16)).buffer);
    } catch (e) {
      codec.undo();
      throw e;
    }
    codec.show(0, 0);
  };
  frames.forEach(apply);
  return { apply, columns };
}

test("columns: what only the owner sees is there in its own row alone", () => {
  const { apply, columns } = open(
    `[["a",{"t":"u8"}],["b",{"t":"u8","to":"owner"}],["c",{"t":"bool","to":"owner"}]]`,
    // Players 7 and 8 in slots 0 and 1; slot 1 is ours.
    "03 00 05 01 04 01 00 00 02 04 02 00 07 01 09 00 08 00 03 04 01 01 01 04 00",
  );
  const held = () => ["a", "b", "c"].map((path) => [...columns.columns[path]].slice(0, 2));
  assert.deepEqual(held(), [[9, 0], [NaN, 4], [undefined, false]]);
  apply("04 00 06 00 01 02 10 01 00 01 02 03 10 01 01 01 02 00");
  assert.deepEqual(held(), [[10, 0], [NaN, 5], [undefined, false]]);
  for (const slot of ["00", "01"])
    assert.throws(() => apply(`04 00 07 00 01 03 04 01 ${slot} 00 00`), /row is held already/);
  assert.throws(() => apply("04 00 07 00 01 03 10 01 00 01 02 00"), /row is not held/);
  assert.deepEqual(held(), [[10, 0], [NaN, 5], [undefined, false]]);
});

test("columns: composed values change in place, and a slot used again has its own", async () => {
  await loadComposed();
  const { apply, columns } = open(
    `[["bag",{"t":"list","max":9,"item":{"t":"u8"}}]]`,
    "03 00 05 01 04 01 00 00 02 04 01 00 07 01 02 03 04 00",
  );
  const [bag] = columns.columns.bag;
  assert.deepEqual(bag, [3, 4]);
  apply("04 00 06 00 01 02 10 01 00 01 00 03 05 06 07 00"); // whole, as a change
  assert.equal(columns.columns.bag[0], bag);
  assert.deepEqual(bag, [5, 6, 7]);
  apply("04 00 07 00 01 02 06 01 00 01 00 08 01 01 09 00");
  assert.deepEqual([columns.ids[0], columns.columns.bag[0], bag], [8, [9], [5, 6, 7]]);
});
