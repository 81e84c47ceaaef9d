// SPDX-License-Identifier: MIT
/* Joining, frames, messages: one connection, against sockets and a clock that do
 * what the test says. */
import assert from "node:assert/strict";
import test from "node:test";

import { join } from "../../../scripts/web/client.js";
import {
  FROGS,
  POND,
  Records,
  SENT,
  fakeNet,
  fakeTime,
  liveRoom,
  quiet,
  retry,
  wireSchema,
} from "./fake.mjs";

const { HELLO, INPUT, PING, ACK, EVENT, RESYNC, REQUEST, SCHEMA_OK } = SENT;

test("join: says hello with the options, and resolves with the state there", async (t) => {
  const { room, socket } = await liveRoom(t);
  assert.equal(socket.url, "ws://host:1/pond");
  assert.deepEqual(socket.protocols, ["parlor.b1"]);
  const [hello] = socket.got(HELLO);
  assert.deepEqual([hello.u8(), hello.u32(), hello.u8()], [1, 0, 0]);
  assert.deepEqual(hello.any(), { name: "Ann" });
  assert.equal(hello.at, hello.end);
  assert.equal(room.id, 7);
  assert.equal(room.name, "/pond");
  assert.equal(room.status, "live");
  assert.equal(room.tick, 5);
  assert.equal(room.state.phase, "lobby");
  assert.equal(room.state.frogs.get(9).pos.x, 2);
  assert.deepEqual([...room.state.frogs.keys()], [7, 9]);
  const [ok] = socket.got(SCHEMA_OK);
  assert.equal(ok.u32(), wireSchema(POND).hash);
});

test("join: a path with a slash and https", async (t) => {
  const net = fakeNet();
  fakeTime(t);
  join("/pond/lobby/", {}, { WebSocket: net.WebSocket, base: "https://host/x/" });
  assert.equal(net.last().url, "wss://host/pond/lobby");
});

test("join: refused with the server's code and reason", async (t) => {
  for (const code of [4001, 4002, 4003, 4004, 4009, 1002, 1008]) {
    const net = fakeNet();
    const joined = join("/pond", {}, { WebSocket: net.WebSocket, base: "http://host" });
    net.last().open();
    net.last().say(new Records().bye(code, "no"));
    net.last().die(code, "no");
    await assert.rejects(joined, { code, message: "no" });
    assert.equal(net.sockets.length, 1);
  }
});

test("join: the network fails, then it works; without an answer it gives up", async (t) => {
  const net = fakeNet();
  const time = fakeTime(t);
  const settings = { WebSocket: net.WebSocket, base: "http://host", now: time.now };
  const joined = join("/pond", {}, settings);
  net.last().die(1006);
  retry(time);
  assert.equal(net.sockets.length, 2);
  net.last().open();
  net.last().say(new Records().hello().schema().snapshot(1));
  assert.equal((await joined).status, "live");

  const never = join("/pond", {}, { ...settings, timeout: 3000 });
  net.last().die(1006);
  time.pass(3000);
  await assert.rejects(never, { code: 1006 });
});

test("a server whose game takes its time over a join is waited for as long as `timeout` says", async (t) => {
  const net = fakeNet();
  const time = fakeTime(t);
  const settings = { WebSocket: net.WebSocket, base: "http://host", now: time.now };
  const patient = join("/pond", { token: "t" }, { ...settings, timeout: 40_000 });
  const socket = net.last();
  socket.open();
  time.pass(39_000);
  assert.equal(net.last(), socket);
  socket.say(new Records().hello().schema().snapshot(1));
  assert.equal((await patient).status, "live");
});

test("events that come with the snapshot wait for listeners", async (t) => {
  const net = fakeNet();
  const time = fakeTime(t);
  const joined = join(
    "/pond",
    {},
    { WebSocket: net.WebSocket, base: "http://host", now: time.now },
  );
  net.last().open();
  net.last().say(new Records().hello().schema().snapshot(5).event("welcome", 1, 5));
  net.last().say(new Records().event("welcome", 2, 5));
  const room = await joined;
  const heard = [];
  room.on("welcome", (data, { tick }) => heard.push([data, tick]));
  time.pass(1);
  net.last().say(new Records().event("welcome", 3, 6));
  assert.deepEqual(heard, [
    [1, 5],
    [2, 5],
    [3, 6],
  ]);
});

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

test("a listener that throws stops nobody else, and is reported", async (t) => {
  const { room, socket } = await liveRoom(t);
  const log = quiet(t);
  const heard = [];
  room.on("boom", () => {
    throw new Error("mine");
  });
  room.on("boom", (data) => heard.push(data));
  room.on("error", (e) => heard.push(e.message));
  socket.say(new Records().event("boom", 1));
  assert.deepEqual(heard, ["mine", 1]);
  assert.equal(log.mock.callCount(), 1);
});

test("events: volatile ones are not counted", async (t) => {
  const { room, socket } = await liveRoom(t);
  const heard = [];
  room.on("spark", (data, { tick }) => heard.push([data, tick]));
  const before = room.ticket.events;
  socket.say(new Records().event("spark", 1, 5));
  const volatile = new Records().event("spark", 2, 5);
  volatile.bytes[0] = 10;
  socket.say(volatile);
  assert.deepEqual(heard, [[1, 5], [2, 5]]);
  assert.equal(room.ticket.events, before + 1);
});

test("events: declared ones by their fields; the room's own names have a prefix", async (t) => {
  const { room, socket } = await liveRoom(t);
  const heard = [];
  room.on("sank", (data) => heard.push(data));
  room.on("leave", () => heard.push("not this"));
  room.on("event:leave", (data) => heard.push(data));
  socket.say(new Records().u8(5).le(6, 2).uv(1).le(300, 2).event("leave", "bus", 6));
  assert.deepEqual(heard, [{ worms: 300 }, "bus"]);
});

test("send: declared by the schema, others as any, inputs with a number", async (t) => {
  const { room, socket } = await liveRoom(t);
  socket.sent.length = 0;
  room.send("hop", { dx: -3, how: { high: true } });
  room.send("hop");
  room.send("say", { text: "hi" });
  room.send("steer", { left: true });
  const [hop, bare, say] = socket.got(EVENT);
  assert.deepEqual([hop.uv(), hop.u8(), hop.u8(), hop.at === hop.end], [1, 253, 1, true]);
  assert.deepEqual([bare.uv(), bare.u8(), bare.u8(), bare.at === bare.end], [1, 0, 0, true]);
  assert.deepEqual([say.uv(), say.str(), say.any()], [0, "say", { text: "hi" }]);
  const [steer] = socket.got(INPUT);
  assert.deepEqual([steer.uv(), steer.uv(), steer.uv(), steer.u8()], [1, 5, 2, 1]);
});

test("send: what does not fit throws and names the field; nothing is sent", async (t) => {
  const { room, socket } = await liveRoom(t);
  socket.sent.length = 0;
  const cases = [
    [{ dx: 300 }, "hop.dx: 300 is not in -128..127"],
    [{ dx: "1" }, 'hop.dx: "1" is not in -128..127'],
    [{ how: { high: 1 } }, "hop.how.high: 1 is not true or false"],
    [{ how: 3 }, "hop.how: must be an object"],
    [{ dy: 1 }, "hop.dy: there is no such field"],
    [7, "hop: must be an object"],
    [null, "hop: must be an object"],
  ];
  for (const [data, message] of cases) assert.throws(() => room.send("hop", data), { message });
  assert.throws(() => room.send("any", { f: [() => 1] }), /^TypeError: any\.f\[0\]: /);
  for (const name of ["", "x".repeat(65), 7]) {
    assert.throws(() => room.send(name, 1), /a message's name/);
    await assert.rejects(room.request(name, 1), /a message's name/);
  }
  assert.throws(() => room.send("any", NaN), /NaN cannot be sent/);
  const loop = {};
  loop.loop = loop;
  assert.throws(() => room.send("any", loop), RangeError);
  assert.deepEqual(socket.sent, []);
  room.send("hop", { dx: 1 });
  const [hop] = socket.got(EVENT);
  assert.deepEqual(
    [hop.uv(), hop.u8(), hop.u8(), hop.at === hop.end],
    [1, 1, 0, true],
    "clean after errors",
  );
});

test("request: answered, refused, too late", async (t) => {
  const { room, socket, time } = await liveRoom(t);
  const yes = room.request("trade", { n: 1 });
  const no = room.request("trade", { n: 2 });
  const late = room.request("trade", { n: 3 }, { timeout: 500 });
  const ids = socket.got(REQUEST).map((input) => input.uv());
  assert.deepEqual(ids, [1, 2, 3]);
  socket.say(new Records().reply(2, false, "too poor").reply(1, true, { got: "tea" }));
  assert.deepEqual(await yes, { got: "tea" });
  await assert.rejects(no, { message: "too poor" });
  time.pass(500);
  await assert.rejects(late, { message: "no answer to trade" });
  await assert.rejects(room.request("hop", { dx: 999 }), RangeError);
});

test("a bad frame: no trace, one RESYNC until the snapshot comes", async (t) => {
  const { room, socket, time } = await liveRoom(t);
  const log = quiet(t);
  let states = 0;
  room.on("state", () => states++);
  socket.types();
  socket.say(new Records().move(9, 8, 0, 1)); // wrong base
  socket.say(new Records().move(6, 5, 0, 1).u8(0x0a)); // good, then garbage
  socket.say(new Records().event("x", 1).u8(0)); // discarded whole: not counted
  assert.deepEqual(socket.types(), [RESYNC]);
  assert.deepEqual([states, room.tick, room.state.frogs.get(7).pos.x], [0, 5, 1]);
  assert.equal(room.ticket.events, 0);
  socket.say(new Records().snapshot(9, FROGS));
  assert.deepEqual([states, room.tick], [1, 9]);
  socket.say(new Records().u8(0));
  assert.ok(socket.types().includes(RESYNC), "the snapshot came: it may ask again");
  time.pass(2100);
  socket.types();
  socket.say(new Records().u8(0));
  assert.deepEqual(socket.types(), [RESYNC], "none came: it asks again after a while");
  assert.equal(log.mock.callCount(), 5);
});

test("records that may be skipped are skipped", async (t) => {
  const { room, socket } = await liveRoom(t);
  socket.types();
  socket.say(new Records().u8(0x55).uv(2).u8(1).u8(2).move(6, 5, 0, 64));
  assert.equal(room.state.frogs.get(7).pos.x, 2);
  assert.ok(!socket.types().includes(RESYNC));
});

test("any keys: by the room's dictionary, which starts anew with a hello", async (t) => {
  const { room, socket, net, time } = await liveRoom(t);
  const heard = [];
  room.on("x", (data) => heard.push(data));
  const event = () => new Records().u8(5).le(5, 2).uv(0).str("x").u8(7).uv(1).uv(2).u8(2);
  socket.say(new Records().u8(8).uv(2).str("a").str("b"));
  socket.say(event());
  assert.deepEqual(heard, [{ b: true }]);
  socket.die(1006);
  retry(time);
  net.last().open();
  net
    .last()
    .say(new Records().hello({ resumed: true }).u8(8).uv(2).str("c").str("d").snapshot(6, FROGS));
  net.last().say(event());
  assert.deepEqual(heard, [{ b: true }, { d: true }]);
});

test("acks: each state at once; where they come thick, one for several", async (t) => {
  const { socket, time } = await liveRoom(t);
  time.pass(200);
  const held = (wait) => {
    socket.sent.length = 0;
    for (let i = 0; i < 40; i++, tick++) {
      socket.say(new Records().move(tick, tick - 1, 0, 1));
      if (wait > 30) assert.equal(socket.got(ACK).at(-1)?.uv(), tick, "at once");
      time.pass(wait);
    }
    return socket.got(ACK).map((input) => input.uv());
  };
  let tick = 6;
  assert.equal(held(50).length, 40);
  const ticks = held(8);
  assert.ok(ticks.length >= 9 && ticks.length <= 12, `${ticks.length} in 320 ms`);
  time.pass(200);
  assert.equal(socket.got(ACK).at(-1).uv(), tick - 1, "the last one is acknowledged too");
});

test("acks: a hidden tab, whose timers sleep, acknowledges with the next state", async (t) => {
  const { room, socket, time } = await liveRoom(t);
  time.pass(200);
  socket.say(new Records().move(6, 5, 0, 1));
  socket.say(new Records().move(7, 6, 0, 1)); // too soon: a timer is set
  let late = time.now() + 500;
  t.mock.method(room._session, "now", () => late);
  socket.sent.length = 0;
  socket.say(new Records().move(8, 7, 0, 1));
  assert.deepEqual(socket.got(ACK).map((input) => input.uv()), [8]);
});

test("rtt and clock: the least round trip counts", async (t) => {
  // The hello took 100 ms, so the server's clock is taken to be 50 ms further.
  const wrap = 2 ** 32;
  const { room, socket, time } = await liveRoom(t, { server: wrap - 6000 });
  assert.equal(room.clock.now(), wrap - 6000 + 50 + 1);
  const answer = (wait, server) => {
    const ms = socket.got(PING).at(-1).u32();
    time.pass(wait);
    socket.say(new Records().pong(ms, server % wrap));
  };
  time.pass(4999);
  answer(40, wrap - 1000); // asked 5 s after the hello, answered 20 ms later
  assert.equal(room.rtt, 40);
  assert.equal(room.clock.now(), wrap - 1000 + 20, "better than the hello's");
  time.pass(4960);
  answer(400, 9999); // slow: tells little
  assert.equal(room.rtt, 400);
  assert.equal(room.clock.now(), wrap - 1000 + 20 + 5360, "unmoved, and past the wrap");
});

test("a bye tells the code even where the close is cut off", async (t) => {
  const { room, socket } = await liveRoom(t);
  const told = [];
  room.on("leave", (why) => told.push([why.code, why.reason]));
  socket.say(new Records().bye(4000, "be nice"));
  socket.die(1006);
  assert.deepEqual(told, [[4000, "be nice"]]);
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

test("a seat that ends at once still tells what came, and why", async (t) => {
  const net = fakeNet();
  const time = fakeTime(t);
  const joined = join(
    "/pond",
    {},
    { WebSocket: net.WebSocket, base: "http://host", now: time.now },
  );
  net.last().open();
  net
    .last()
    .say(new Records().hello().schema().snapshot(5).event("hint", "not you", 5).bye(4000, "out"));
  net.last().die(4000, "out");
  const room = await joined;
  const told = [];
  room.on("hint", (data) => told.push(data));
  room.on("leave", ({ code, reason }) => told.push(code, reason));
  time.pass(1);
  assert.deepEqual(told, ["not you", 4000, "out"]);
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

test("clock: a good sample of long ago gives way", async (t) => {
  const { room, socket, time } = await liveRoom(t);
  let server = 0;
  for (let i = 0; i < 9; i++) {
    time.pass(i ? 4800 : 4999);
    const ms = socket.got(PING).at(-1).u32();
    time.pass(200); // slower than the hello
    server = 50_000 + time.now();
    socket.say(new Records().pong(ms, server));
  }
  assert.equal(room.clock.now(), server + 100);
});
