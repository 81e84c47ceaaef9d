// SPDX-License-Identifier: MIT
/* A game with composed types: the part of the SDK that knows them comes on demand. */
import assert from "node:assert/strict";
import test from "node:test";
import { join } from "../../../scripts/web/client.js";
import { Records, SENT, fakeNet, fakeTime, wireSchema } from "./fake.mjs";

const SHIPS = {
  state: {
    fields: [["log", { t: "text", max: 99 }]],
    maps: [
      [
        "ships",
        {
          keys: "player",
          fields: [
            ["cargo", { t: "list", item: { t: "u8" }, max: 9 }],
            ["target", { t: "opt", item: { t: "uint" } }],
            ["x", { t: "fixed", min: 0, max: 40, step: 0.25, smooth: true }],
          ],
        },
      ],
    ],
  },
  messages: [["pack", { fields: [["list", { t: "list", item: { t: "u8" }, max: 9 }]] }]],
  events: [["sank", { fields: [["by", { t: "opt", item: { t: "u8" } }]] }]],
};

const hello = () => {
  const r = new Records().hello({ id: 7, tick: 5, hash: wireSchema(SHIPS).hash }).schema(SHIPS);
  r.u8(3).u8(0).uv(5); // SNAPSHOT
  r.uv(1).u8(4).uv(1).uv(0).u8(1).str("once"); // log
  r.uv(2).u8(4).uv(1).uv(0).uv(7).u8(5).uv(2).u8(1).u8(2).le(8, 1); // cargo {1, 2}, x 2
  return r.u8(0);
};

async function live(t) {
  const net = fakeNet();
  const time = fakeTime(t);
  const joined = join(
    "/pond",
    {},
    { WebSocket: net.WebSocket, base: "http://host", now: time.now },
  );
  const socket = net.last();
  socket.open();
  socket.say(hello());
  return { net, time, joined, socket };
}

test("the messages wait for it, in their order, and the state is whole", async (t) => {
  const { joined, socket, time } = await live(t);
  assert.equal(socket.got(SENT.SCHEMA_OK).length, 0); // nothing is read yet
  // Comes while it loads: cargo[2] is 9 now, the text grows, and an event.
  const r = new Records().delta(6, 5);
  r.uv(1).u8(16).uv(1).uv(0).u8(1).uv(1).uv(4).uv(0).str(" more");
  r.uv(2).u8(16).uv(1).uv(0).u8(1).u8(1).uv(5).sv(7).uv(0);
  socket.say(r.u8(0));
  socket.say(new Records().u8(5).le(6, 2).uv(1).u8(1).u8(3));
  const room = await joined;
  const heard = [];
  room.on("sank", (data) => heard.push(data));
  time.pass(1); // events that came with the join wait for their listeners
  assert.deepEqual(heard, [{ by: 3 }]);
  assert.equal(socket.got(SENT.SCHEMA_OK).length, 1);
  assert.equal(room.status, "live");
  assert.deepEqual({ ...room.state.ships.get(7) }, { cargo: [1, 9], target: null, x: 2 });
  assert.equal(room.state.log, "once more");
  assert.equal(room.tick, 6);
});

test("rows keep their lists; a view has the same; a snapshot tells only what differs", async (t) => {
  const { joined, socket } = await live(t);
  const room = await joined;
  const ship = room.state.ships.get(7);
  const { cargo } = ship;
  const told = [];
  room.state.ships.on("change", (row, id, changed) => told.push(changed));
  const [[, view]] = [...room.view("ships")];
  assert.equal(view.cargo, cargo);

  // An item goes in at the front; target is set.
  const r = new Records().delta(6, 5);
  r.uv(2).u8(16).uv(1).uv(0).u8(3);
  r.u8(1).uv(2).uv(1).u8(200).uv(0); // cargo: insert
  r.u8(1).uv(500); // target
  socket.say(r.u8(0));
  assert.equal(ship.cargo, cargo);
  assert.deepEqual(cargo, [200, 1, 2]);
  assert.equal(ship.target, 500);
  assert.deepEqual(told, [["cargo", "target"]]);
  assert.equal([...room.view("ships")][0][1].cargo, cargo);

  // The same again as a snapshot, but for the target.
  const s = new Records().u8(3).u8(0).uv(7);
  s.uv(1).u8(4).uv(1).uv(0).u8(1).str("once");
  s.uv(2).u8(4).uv(1).uv(0).uv(7).u8(5).uv(3).u8(200).u8(1).u8(2).le(8, 1);
  socket.say(s.u8(0));
  assert.deepEqual(told.slice(1), [["target"]]);
  assert.equal(room.state.ships.get(7).cargo, cargo);
  assert.equal(ship.target, null);
});

test("a frame whose edit does not fit leaves no trace and is answered with RESYNC", async (t) => {
  const { joined, socket } = await live(t);
  const room = await joined;
  const errors = t.mock.method(console, "error", () => {});
  const r = new Records().delta(6, 5);
  r.uv(1).u8(16).uv(1).uv(0).u8(1).uv(1).uv(0).uv(4).str("twice"); // this one fits
  r.uv(2)
    .u8(16)
    .uv(1)
    .uv(0)
    .u8(1)
    .u8(1)
    .uv(4 * 3 + 1)
    .sv(7)
    .uv(0); // cargo has 2 items
  socket.say(r.u8(0));
  assert.equal(errors.mock.callCount(), 1);
  assert.equal(socket.got(SENT.RESYNC).length, 1);
  assert.equal(room.state.log, "once");
  assert.deepEqual(room.state.ships.get(7).cargo, [1, 2]);
});

test("messages with composed fields are checked and encoded", async (t) => {
  const { joined, socket } = await live(t);
  const room = await joined;
  room.send("pack", { list: [1, 255] });
  room.send("pack");
  const [one, two] = socket.got(SENT.EVENT);
  assert.deepEqual([one.uv(), one.uv(), one.u8(), one.u8(), one.end - one.at], [1, 2, 1, 255, 0]);
  assert.deepEqual([two.uv(), two.uv(), two.end - two.at], [1, 0, 0]);
  assert.throws(() => room.send("pack", { list: [1, 256] }), /^RangeError: pack\.list\[1\]: 256 /);
});
