// SPDX-License-Identifier: MIT
/* The same room over `parlor.j1`. */
import assert from "node:assert/strict";
import test from "node:test";

import { join } from "../../../scripts/web/client.js";
import { fakeNet, fakeTime, quiet, retry, turn } from "./fake.mjs";

test("json: the same room over text", async (t) => {
  const net = fakeNet();
  const time = fakeTime(t);
  const settings = { WebSocket: net.WebSocket, base: "http://host", now: time.now, json: true };
  const joined = join("/pond", { name: "Ann" }, settings);
  while (!net.last()) await turn(); // the module is being loaded
  const socket = net.last();
  assert.deepEqual(socket.protocols, ["parlor.j1"]);
  socket.open();
  const sent = () => socket.sent.splice(0).map((text) => JSON.parse(text));
  const say = (record) => socket.say(JSON.stringify(record));
  assert.deepEqual(sent(), [{ t: "hello", join: { name: "Ann" } }]);
  say({
    t: "hello",
    id: 7,
    token: "ab",
    epoch: 3,
    tick: 5,
    period: 50000,
    resumed: false,
    inputs: 0,
  });
  say({
    t: "snapshot",
    tick: 5,
    state: {
      phase: "lobby",
      wind: { dir: 0 },
      frogs: { 7: { name: "ann", pos: { x: 1 } }, 9: { name: "bob", pos: { x: 2 } } },
    },
  });
  const room = await joined;
  time.pass(1);
  const told = [];
  room.state.frogs.on("remove", (row, id) => told.push(["remove", id]));
  room.state.frogs.on("change", (row, id, changed) => told.push(["change", id, changed]));
  room.on("sank", (data) => told.push(["sank", data]));
  say({
    t: "delta",
    tick: 6,
    base: 5,
    phase: "play",
    frogs: {
      "-": ["9"],
      "+": { 12: { name: "cy", pos: { x: 0 } } },
      "~": { 7: { pos: { x: 1.5 } } },
    },
  });
  say({ t: "event", tick: 6, name: "sank", data: { worms: 2 } });
  assert.deepEqual(told, [
    ["remove", 9],
    ["change", 7, ["pos.x"]],
    ["sank", { worms: 2 }],
  ]);
  assert.deepEqual(
    [room.id, room.tick, room.state.phase, room.state.frogs.get(12).name],
    [7, 6, "play", "cy"],
  );
  assert.deepEqual(
    [...room.view("frogs")].map(([id]) => id),
    [7, 12],
  );
  sent();
  room.send("hop", { dx: 1, raw: new Uint8Array([1, 2, 3]) });
  const answer = room.request("trade", { n: 1 });
  assert.deepEqual(sent(), [
    { t: "send", name: "hop", data: { dx: 1, raw: "AQID" } },
    { t: "request", id: 1, name: "trade", data: { n: 1 } },
  ]);
  say({ t: "reply", id: 1, ok: true, data: "tea" });
  assert.equal(await answer, "tea");
  quiet(t);
  say({ t: "delta", tick: 9, base: 8, phase: "lobby" });
  assert.deepEqual(sent(), [{ t: "resync" }]);
  socket.say("{");
  assert.equal(room.state.phase, "play");
  socket.die(1006);
  retry(time);
  net.last().open();
  assert.deepEqual(JSON.parse(net.last().sent[0]), {
    t: "hello",
    resume: { token: "ab", epoch: 3, tick: 6, events: 2 },
  });
  net.last().say(
    JSON.stringify({ t: "hello", id: 7, token: "ab", epoch: 3, tick: 20, period: 50000, resumed: true, inputs: 2 }),
  );
  const back = { t: "delta", tick: 20, base: 6, frogs: { "=": ["12"], "+": { 9: { name: "bo" } } } };
  told.length = 0;
  net.last().say(JSON.stringify(back));
  assert.deepEqual(told, [["remove", 7]]);
  assert.deepEqual([[...room.state.frogs.keys()], room.tick], [[12, 9], 20]);
});
