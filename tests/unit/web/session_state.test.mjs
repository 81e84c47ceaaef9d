// SPDX-License-Identifier: MIT
/* What a page sees of the state, and is told of it: frames in, rows and listeners. */
import assert from "node:assert/strict";
import test from "node:test";

import { Records, SENT, liveRoom, quiet } from "./fake.mjs";

const { EVENT, RESYNC, SCHEMA_OK } = SENT;

test("state: add, change and remove are told after the whole frame", async (t) => {
  const { room, socket } = await liveRoom(t);
  const told = [];
  const off = room.state.frogs.on("add", (row, id) =>
    told.push(["add", id, row.name, room.state.frogs.size]),
  );
  assert.deepEqual(
    told.splice(0),
    [
      ["add", 7, "ann", 2],
      ["add", 9, "bob", 2],
    ],
    "those that are there",
  );
  room.state.frogs.on("change", (row, id, changed) =>
    told.push(["change", id, row.pos.x, changed]),
  );
  room.state.frogs.on("remove", (row, id) =>
    told.push(["remove", id, row.name, room.state.frogs.has(id)]),
  );
  room.on("state", () => told.push(["state", room.tick]));

  const ann = room.state.frogs.get(7);
  const frame = new Records()
    .delta(6, 5)
    .uv(2)
    .u8(2 + 4 + 16);
  frame.uv(1).uv(1); // leave: slot 1
  frame.uv(1).uv(2).uv(12).u8(1).str("cy"); // enter: slot 2, id 12
  frame.uv(1).uv(0).u8(2).sv(-32).u8(0); // update: slot 0
  socket.say(frame);
  assert.deepEqual(told.splice(0), [
    ["remove", 9, "bob", false],
    ["add", 12, "cy", 2],
    ["change", 7, 0.5, ["pos.x"]],
    ["state", 6],
  ]);
  assert.equal(room.state.frogs.get(7), ann, "changed in place");
  off();
  socket.say(new Records().delta(7, 6).uv(2).u8(4).uv(1).uv(1).uv(13).u8(0).u8(0));
  assert.deepEqual(told.splice(0), [["state", 7]]);
});

test("state: after a snapshot rows keep their objects and tell what differs", async (t) => {
  const { room, socket } = await liveRoom(t);
  const told = [];
  const ann = room.state.frogs.get(7);
  ann.sprite = "mine";
  room.state.frogs.on("change", (row, id, changed) => told.push(["change", id, changed]));
  room.state.frogs.on("remove", (row, id) => told.push(["remove", id]));
  socket.say(
    new Records().snapshot(8, [
      [4, 7, "ann", 70],
      [5, 11, "dee", 0],
    ]),
  );
  assert.deepEqual(told, [
    ["remove", 9],
    ["change", 7, ["pos.x"]],
  ]);
  assert.equal(room.state.frogs.get(7), ann);
  assert.equal(ann.sprite, "mine");
  assert.equal(ann.pos.x, 70 / 64);
});

test("a snapshot in parts shows when the last one is there", async (t) => {
  const { room, socket } = await liveRoom(t);
  const part = (flags, tick) => new Records().u8(3).u8(flags).uv(tick);
  socket.say(part(1, 9).uv(1).u8(4).uv(1).uv(0).u8(0).u8(0));
  assert.deepEqual([room.tick, room.state.frogs.size], [5, 2]);
  socket.say(part(1, 9).uv(2).u8(4).uv(1).uv(0).uv(3).u8(0).u8(0));
  socket.say(part(0, 9).uv(2).u8(4).uv(1).uv(1).uv(4).u8(0).u8(0));
  assert.deepEqual([room.tick, ...room.state.frogs.keys()], [9, 3, 4]);
});

test("hot reload: another schema, rows and listeners live on", async (t) => {
  const { room, socket } = await liveRoom(t);
  const told = [];
  room.state.frogs.on("add", (row, id) => told.push(["add", id]));
  room.state.frogs.on("remove", (row, id) => told.push(["remove", id]));
  told.length = 0;
  const ann = room.state.frogs.get(7);
  ann.sprite = "mine";
  const { frogs } = room.state;
  const next = {
    state: {
      fields: [["frogs2", { t: "u8", def: 4 }]],
      maps: [
        [
          "frogs",
          {
            keys: "player",
            fields: [
              ["hp", { t: "u8", def: 9 }],
              ["name", { t: "str", max: 16 }],
            ],
          },
        ],
      ],
    },
    messages: [["hop", { fields: [["dx", { t: "i16" }]] }]],
    events: [],
  };
  socket.types();
  socket.say(new Records().schema(next));
  assert.deepEqual(socket.types(), [SCHEMA_OK]);
  assert.equal(room.state.phase, "lobby", "until the snapshot comes");
  // root; frogs: slot 0 id 7 name, slot 1 id 20
  socket.say(
    new Records()
      .u8(3)
      .u8(0)
      .uv(6)
      .uv(1)
      .u8(4)
      .uv(1)
      .uv(0)
      .u8(0)
      .uv(2)
      .u8(4)
      .uv(2)
      .uv(0)
      .uv(7)
      .u8(2)
      .str("ann")
      .uv(0)
      .uv(20)
      .u8(0)
      .u8(0),
  );
  assert.deepEqual(told, [
    ["remove", 9],
    ["add", 20],
  ]);
  assert.equal(room.state.frogs, frogs);
  assert.equal(frogs.get(7), ann);
  assert.deepEqual(ann, { hp: 9, name: "ann", sprite: "mine" });
  assert.deepEqual([room.state.frogs2, "phase" in room.state], [4, false]);
  room.send("hop", { dx: 1000 });
  assert.deepEqual([...socket.sent.at(-1)], [EVENT, 1, 0xe8, 3]);
});

test("a listener leaves in the middle of a frame: the rest stays untold", async (t) => {
  const { room, socket, time } = await liveRoom(t);
  const told = [];
  room.on("status", (s) => told.push(s));
  room.state.frogs.on("change", () => room.leave());
  room.on("x", () => told.push("x"));
  socket.say(new Records().move(6, 5, 0, 1).event("x", 1));
  time.pass(20_000);
  assert.deepEqual(told, ["closed"]);
  assert.equal(socket.closedWith, 1000);
});

test("two frames in one message: what entered and left is not told, a change once", async (t) => {
  const { room, socket } = await liveRoom(t);
  const told = [];
  room.state.frogs.on("add", (row, id) => told.push(["add", id]));
  told.length = 0;
  room.state.frogs.on("remove", (row, id) => told.push(["remove", id]));
  room.state.frogs.on("change", (row, id, changed) => told.push(["change", id, changed]));
  const enter = new Records().delta(6, 5).uv(2).u8(4).uv(1).uv(2).uv(12).u8(0).u8(0);
  enter.delta(7, 6).uv(2).u8(2).uv(1).uv(2).u8(0);
  socket.say(enter);
  assert.deepEqual(told.splice(0), []);
  // A frog that moves and then leaves is only gone.
  socket.say(new Records().move(8, 7, 1, 1).delta(9, 8).uv(2).u8(2).uv(1).uv(1).u8(0));
  assert.deepEqual(told.splice(0), [["remove", 9]]);
  socket.say(new Records().move(10, 9, 0, 1).move(11, 10, 0, 1));
  assert.deepEqual(told.splice(0), [["change", 7, ["pos.x"]]]);
  const name = new Records().delta(12, 11).uv(2).u8(8).uv(1).uv(0).u8(1).str("cy").u8(0);
  socket.say(name);
  assert.deepEqual(told.splice(0), [["change", 7, ["name"]]], "not what was told before");
});

test("tables: read like a Map, and take three kinds of listeners", async (t) => {
  const { room } = await liveRoom(t);
  const { frogs } = room.state;
  assert.deepEqual(
    [...frogs.values()].map((frog) => frog.name),
    ["ann", "bob"],
  );
  assert.deepEqual(
    [...frogs].map(([id, frog]) => [id, frog.name]),
    [
      [7, "ann"],
      [9, "bob"],
    ],
  );
  assert.throws(() => frogs.on("move", () => {}), /not move/);
});

test("a slot that is far too large does not become a wild array", async (t) => {
  const { room, socket } = await liveRoom(t);
  quiet(t);
  socket.types();
  socket.say(
    new Records()
      .delta(6, 5)
      .uv(2)
      .u8(4)
      .uv(1)
      .uv(2 ** 31)
      .uv(12)
      .u8(0)
      .u8(0),
  );
  assert.deepEqual(socket.types(), [RESYNC]);
  assert.equal(room.state.frogs.size, 2);
});

test("hot reload: maps and nested records go and come", async (t) => {
  const { room, socket } = await liveRoom(t);
  const told = [];
  const { frogs } = room.state;
  frogs.on("remove", (row, id) => told.push(["remove", id]));
  const name = ["name", { t: "str", max: 16 }];
  const toads = {
    state: {
      fields: [["frogs", { t: "u8", def: 1 }]],
      maps: [["toads", { keys: "string", fields: [name] }]],
    },
  };
  const root = (tick) => new Records().u8(3).u8(0).uv(tick).uv(1).u8(4).uv(1).uv(0).u8(0);
  socket.say(new Records().schema(toads));
  socket.say(root(6).uv(2).u8(4).uv(1).uv(0).str("x").u8(1).str("tim").u8(0));
  assert.deepEqual(told, [
    ["remove", 7],
    ["remove", 9],
  ]);
  assert.deepEqual([room.state.frogs, frogs.size, room.state.toads.get("x").name], [1, 0, "tim"]);

  socket.say(new Records().schema({ state: { maps: toads.state.maps } }));
  socket.say(root(7).uv(2).u8(4).uv(1).uv(0).str("x").u8(0).u8(0));
  assert.deepEqual(Object.keys(room.state), ["toads"]);
  const tim = room.state.toads.get("x");
  const at = ["at", { t: "record", fields: [["x", { t: "u8" }]] }];
  socket.say(
    new Records().schema({ state: { maps: [["toads", { keys: "string", fields: [at, name] }]] } }),
  );
  socket.say(root(8).uv(2).u8(4).uv(1).uv(0).str("x").u8(1).u8(5).u8(0));
  assert.equal(room.state.toads.get("x"), tim);
  assert.deepEqual(tim, { name: "", at: { x: 5 } });
  assert.deepEqual(
    [...room.view("toads")].map(([id, row]) => [id, row === tim]),
    [["x", true]],
    "without smooth fields the rows themselves",
  );
});
