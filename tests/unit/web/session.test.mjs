// SPDX-License-Identifier: MIT
/* Joining, frames, acknowledgements, the clock: one connection, against sockets and a
 * clock that do what the test says. */
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

const { HELLO, PING, ACK, RESYNC, SCHEMA_OK } = SENT;

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
  t.mock.method(Math, "random", () => 0); // pings every 5 s
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

test("clock: a good sample of long ago gives way", async (t) => {
  t.mock.method(Math, "random", () => 0); // pings every 5 s
  const { room, socket, time } = await liveRoom(t);
  let server = 0;
  for (let i = 0; i < 102; i++) {
    time.pass(i ? 4800 : 4999);
    const ms = socket.got(PING).at(-1).u32();
    time.pass(200); // slower than the hello
    server = 50_000 + time.now();
    socket.say(new Records().pong(ms, server));
  }
  assert.equal(room.clock.now(), server + 100);
});
