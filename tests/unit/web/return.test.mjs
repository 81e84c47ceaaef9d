// SPDX-License-Identifier: MIT
/* Coming back, staying away, resuming: one seat over many connections. */
import assert from "node:assert/strict";
import test from "node:test";

import { join } from "../../../scripts/web/client.js";
import {
  FROGS,
  POND,
  Records,
  SENT,
  fakeNet,
  fakePage,
  fakeTime,
  liveRoom,
  quiet,
  retry,
  turn,
  wireSchema,
} from "./fake.mjs";

const { HELLO, EVENT } = SENT;

test("a dead connection is noticed by its silence", async (t) => {
  const { room, net, socket, time } = await liveRoom(t);
  socket.say(new Records().pong(socket.got(SENT.PING)[0].u32(), 1000));
  time.pass(14_000);
  assert.equal(room.status, "live");
  time.pass(5000);
  assert.equal(room.status, "away");
  assert.ok(net.sockets.length >= 2);
});

/** Events come once a second, as many as `seconds`, the answers to pings `late` s after
 * them, but for those to pings sent when `isLost`. Returns after how many the room was
 * away. */
function readLate({ room, socket, time }, seconds, late, isLost = () => false) {
  const pings = [];
  for (let s = 1; s <= seconds; s++) {
    time.pass(1000);
    if (room.status === "away") return s;
    for (const ping of socket.got(SENT.PING)) pings.push({ ms: ping.u32(), at: s });
    socket.sent.length = 0;
    while (pings.length && pings[0].at + late <= s) {
      const { ms, at } = pings.shift();
      if (!isLost(at)) socket.say(new Records().pong(ms, 1000));
    }
    socket.say(new Records().event("x", s));
  }
}

test("a dead connection is noticed, too, while what came before its end is still read", async (t) => {
  t.mock.method(Math, "random", () => 0); // pings every 5 s
  await t.test("the answers end", async (t) => {
    const away = readLate(await liveRoom(t), 60, 0, (s) => s > 20);
    assert.ok(away > 30 && away <= 41, `after ${away} s`);
  });
  await t.test("the answers are those to pings of long ago", async (t) => {
    const live = await liveRoom(t);
    assert.equal(readLate(live, 6, 0), undefined);
    const away = readLate(live, 60, 30);
    assert.ok(away > 10 && away <= 25, `after ${away} s`);
  });
  await t.test("there were never any", async (t) => {
    const away = readLate(await liveRoom(t), 60, 100);
    assert.ok(away > 10 && away <= 20, `after ${away} s`);
  });
  await t.test("a slow line is none: answers that are twelve seconds late", async (t) => {
    const live = await liveRoom(t);
    assert.equal(readLate(live, 120, 12), undefined);
    assert.equal(Math.round(live.room.rtt / 100), 120, "and it is told");
  });
  await t.test("nor one that brings a large state first", async (t) => {
    const { room, net, socket, time } = await liveRoom(t);
    socket.die(1006);
    retry(time);
    const slow = net.last();
    slow.open();
    slow.say(new Records().hello({ resumed: true }));
    for (let s = 0; s < 60; s++) {
      time.pass(1000);
      slow.say(new Records().event("x", s)); // in place of a part of it
    }
    slow.say(new Records().snapshot(6));
    assert.equal(room.status, "live");
    const ms = slow.got(SENT.PING).at(-1).u32();
    slow.sent.length = 0;
    time.pass(9000);
    slow.say(new Records().pong(ms, 1000));
    assert.ok(room.rtt >= 9000);
    assert.equal(readLate({ room, socket: slow, time }, 60, 9), undefined);
    assert.equal(net.last(), slow);
  });
  await t.test("nor one on which a ping was dropped now and then", async (t) => {
    assert.equal(readLate(await liveRoom(t), 120, 0, (s) => s % 10 > 4), undefined);
  });
  await t.test("nor what comes behind it on another connection", async (t) => {
    const { room, net, socket, time } = await liveRoom(t);
    assert.equal(readLate({ room, socket, time }, 6, 0), undefined);
    assert.equal(readLate({ room, socket, time }, 15, 30), undefined);
    socket.die(1006);
    retry(time);
    net.last().open();
    net.last().say(new Records().hello({ resumed: true }).snapshot(6));
    assert.equal(readLate({ room, socket: net.last(), time }, 60, 1), undefined);
  });
});

test("away: comes back by itself, resumes with token and counts, and sends what waited", async (t) => {
  for (const code of [1001, 1005, 1006, 1011, 1013, 4007]) {
    await t.test(`after ${code}`, async (t) => {
      const { room, net, socket, time } = await liveRoom(t);
      const statuses = [];
      room.on("status", (s) => statuses.push(s));
      const { hash } = wireSchema(POND);
      socket.say(new Records().event("x", 1).event("y", 2).reply(99, true, 0));
      room.send("hop", { dx: 1 });
      room.send("hop", { dx: 2 });
      socket.die(code);
      room.send("hop", { dx: 3 });
      assert.equal(room.status, "away");
      retry(time);
      const next = net.last();
      assert.notEqual(next, socket);
      next.open();
      const [hello] = next.got(HELLO);
      assert.deepEqual([hello.u8(), hello.u32(), hello.u8()], [1, hash, 1]);
      assert.equal(Buffer.from(hello.raw(16)).toString("hex"), "00112233445566778899aabbccddeeff");
      assert.deepEqual([hello.u32(), hello.uv(), hello.uv()], [3, 5, 3]);
      assert.equal(hello.at, hello.end);
      // The server has the first message; the second was lost on the way.
      next.say(
        new Records()
          .hello({ resumed: true, inputs: 1, token: "ff".repeat(16) })
          .snapshot(6, FROGS),
      );
      assert.deepEqual(
        next.got(EVENT).map((m) => (m.uv(), m.u8())),
        [2, 3],
      );
      assert.deepEqual(statuses, ["away", "live"]);
      assert.equal(room.ticket.token, "ff".repeat(16));
      // Next time the count goes on from there: one sent, three had.
      room.send("hop", { dx: 4 });
      next.die(1006);
      retry(time);
      net.last().open();
      net.last().say(new Records().hello({ resumed: true, inputs: 3 }).snapshot(7, FROGS));
      assert.deepEqual(
        net
          .last()
          .got(EVENT)
          .map((m) => (m.uv(), m.u8())),
        [4],
      );
    });
  }
});

test("away: what waits is bounded, the oldest go, and their requests fail", async (t) => {
  const { room, net, socket, time } = await liveRoom(t);
  socket.die(1006);
  const told = [];
  room.on("gap", (lost) => told.push([room.status, lost]));
  const lost = room.request("trade", {}, { timeout: 60_000 });
  for (let i = 0; i < 10; i++) room.send("big", "x".repeat(10_000));
  await assert.rejects(lost, { message: "the message was lost" });
  retry(time);
  net.last().open();
  net.last().say(new Records().hello({ resumed: true }).snapshot(6, FROGS));
  assert.equal(net.last().got(EVENT).length, 6, "64 KiB hold six of these");
  assert.deepEqual(told, [["live", 5]]);
  // Of what was sent long ago the server has some: those are not lost.
  for (let i = 0; i < 10; i++) room.send("big", "x".repeat(10_000));
  net.last().die(1006);
  retry(time);
  net.last().open();
  net.last().say(new Records().hello({ resumed: true, inputs: 12 }).snapshot(7, FROGS));
  assert.equal(net.last().got(EVENT).length, 4);
  assert.equal(told.length, 1);
});

test("backoff: grows to five seconds, never in step with others", async (t) => {
  const { net, socket, time } = await liveRoom(t);
  socket.die(1006);
  const pauses = [];
  for (let i = 0; i < 9; i++) {
    const n = net.sockets.length;
    const from = time.now();
    while (net.sockets.length === n) time.pass(10);
    pauses.push(time.now() - from);
    net.last().die(1006);
  }
  pauses.forEach((pause, i) => {
    const most = Math.min(250 * 2 ** i, 5000);
    assert.ok(pause >= most / 2 && pause <= most + 10, `pause ${i} is ${pause}`);
  });
});

test("backoff: a hello without an answer behind it does not begin it anew", async (t) => {
  const { net, socket, time } = await liveRoom(t);
  t.mock.method(Math, "random", () => 0.999);
  socket.die(1006);
  const pauses = [];
  for (let i = 0; i < 5; i++) {
    const n = net.sockets.length;
    const from = time.now();
    while (net.sockets.length === n) time.pass(10);
    pauses.push(time.now() - from);
    const next = net.last();
    next.open();
    next.say(new Records().hello({ resumed: true }).snapshot(6 + i));
    if (i === 3) next.say(new Records().pong(next.got(SENT.PING)[0].u32(), 1000));
    next.die(1006);
  }
  assert.deepEqual(pauses.map((ms) => Math.round(ms / 10)), [25, 50, 100, 200, 25]);
});

test("pings of those who came in one moment part", async (t) => {
  const { socket, time } = await liveRoom(t);
  const dice = [0, 0.5, 0.999];
  t.mock.method(Math, "random", () => dice.shift());
  const at = [];
  time.pass(6000); // the first pause was cast before
  socket.sent.length = 0;
  const from = time.now();
  for (let ms = 0; ms < 11_900; ms += 10) {
    time.pass(10);
    for (const ping of socket.got(SENT.PING)) {
      at.push(time.now() - from);
      socket.say(new Records().pong(ping.u32(), 1000));
    }
    socket.sent.length = 0;
  }
  assert.equal(Math.round((at[1] - at[0]) / 100), 55, `${at}`);
});

test("kicked, taken over, protocol errors: it stays away, and tells why", async (t) => {
  for (const code of [1000, 1002, 1003, 1007, 1008, 1009, 4000, 4005, 4006, 4008, 4009]) {
    await t.test(`after ${code}`, async (t) => {
      const { room, net, socket, time } = await liveRoom(t);
      const told = [];
      room.on("status", (s) => told.push(s));
      room.on("leave", (why) => told.push(why));
      const pending = room.request("trade", {});
      socket.die(code, "so");
      await assert.rejects(pending, { code });
      retry(time);
      assert.equal(net.sockets.length, 1);
      assert.deepEqual(told, ["closed", { code, reason: "so" }]);
      room.send("hop", { dx: 1 }); // nobody listens; no error
      await assert.rejects(room.request("trade", {}), { code: 1000 });
    });
  }
});

test("resume refused: joins anew with the first options", async (t) => {
  for (const code of [4001, 4002, 4003]) {
    await t.test(`with ${code}`, async (t) => {
      const { room, net, socket, time } = await liveRoom(t);
      const old = room.request("trade", {});
      room.send("hop", { dx: 1 });
      socket.die(1006);
      room.send("hop", { dx: 2 });
      retry(time);
      net.last().open();
      net.last().die(code, "unknown token");
      assert.equal(net.sockets.length, 3, "at once");
      net.last().open();
      const [hello] = net.last().got(HELLO);
      assert.deepEqual([hello.u8(), hello.u32() > 0, hello.u8()], [1, true, 0]);
      assert.deepEqual(hello.any(), { name: "Ann" });
      net.last().say(new Records().hello({ id: 12 }).snapshot(1, FROGS));
      assert.deepEqual([room.status, room.id, room.ticket.events], ["live", 12, 0]);
      assert.deepEqual(
        net
          .last()
          .got(EVENT)
          .map((m) => (m.uv(), m.u8())),
        [2],
        "only what was never sent",
      );
      await assert.rejects(old, { message: "the seat was lost" });
    });
  }
});

test("resume answered with a stranger's seat: leaves it and joins", async (t) => {
  const { room, net, socket, time } = await liveRoom(t);
  socket.die(1006);
  retry(time);
  const second = net.last();
  second.open();
  second.say(new Records().hello({ id: 8 }).snapshot(1, FROGS));
  assert.equal(second.closedWith, 1000);
  const third = net.last();
  third.open();
  const [hello] = third.got(HELLO);
  assert.deepEqual([hello.u8(), hello.u32() > 0, hello.u8()], [1, true, 0]);
  third.say(new Records().hello({ id: 9 }).snapshot(1, FROGS));
  assert.deepEqual([room.status, room.id], ["live", 9]);
});

test("resume answered with our seat but not resumed: goes on with new counts", async (t) => {
  const { room, net, socket, time } = await liveRoom(t);
  socket.say(new Records().event("x", 1));
  room.send("hop", { dx: 1 });
  room.send("hop", { dx: 2 });
  socket.die(1006);
  retry(time);
  net.last().open();
  const told = [];
  room.on("gap", (lost) => told.push(lost));
  const answer = room.request("trade", {});
  net.last().say(new Records().hello({ id: 7, inputs: 1 }).snapshot(9, FROGS).event("gap", []));
  assert.deepEqual([room.status, room.id, room.ticket.events], ["live", 7, 1]);
  assert.deepEqual(told, [null]);
  // On the way there nothing is lost, and requests go on.
  assert.deepEqual(net.last().got(EVENT).map((m) => (m.uv(), m.u8())), [2]);
  assert.equal(net.last().got(SENT.REQUEST).length, 1);
  net.last().say(new Records().reply(1, true, 5));
  assert.equal(await answer, 5);
});

test("a gap: a request whose answer is lost rejects at once, the others go on", async (t) => {
  const { room, net, socket, time } = await liveRoom(t);
  const told = [];
  const ask = (name) =>
    room.request(name, {}, { timeout: 3_600_000 }).then(
      (answer) => told.push(`${name}: ${answer}`),
      (e) => told.push(`${name}: ${e.message} (${e.code})`),
    );
  ask("answered"); // 1; the answer is in what the server has lost
  ask("waits"); // 2; the game has not come to it yet
  ask("on its way"); // 3; the server never got it
  socket.die(1006);
  ask("late"); // 4
  room.on("gap", (lost) => told.push(`gap ${lost}`));
  room.on("status", (status) => status === "live" && ask("now")); // 5
  retry(time);
  net.last().open();
  net.last().say(new Records().hello({ inputs: 2 }).snapshot(9, FROGS).event("gap", [2]));
  await turn();
  assert.deepEqual(told, ["gap null", "answered: the answer was lost (1006)"]);
  assert.deepEqual(net.last().got(SENT.REQUEST).map((m) => m.uv()), [3, 4, 5]);
  const all = new Records();
  for (const id of [2, 3, 4, 5]) all.reply(id, true, id);
  net.last().say(all);
  await turn();
  assert.deepEqual(told.slice(2), ["waits: 2", "on its way: 3", "late: 4", "now: 5"]);
});

test("a gap of a server that was started anew: it answers nothing that it had received", async (t) => {
  const { room, net, socket, time } = await liveRoom(t);
  const lost = room.request("trade", {}, { timeout: 3_600_000 });
  socket.die(1006);
  retry(time);
  net.last().open();
  net.last().say(new Records().hello({ inputs: 1, epoch: 4 }).snapshot(9, FROGS).event("gap", []));
  await assert.rejects(lost, { message: "the answer was lost", code: 1006 });
});

test("leave: closes with 1000, once, while away too", async (t) => {
  const { room, net, socket, time } = await liveRoom(t);
  const told = [];
  room.on("leave", (why) => told.push(why.code));
  room.leave();
  room.leave();
  assert.equal(socket.closedWith, 1000);
  assert.deepEqual(told, [1000]);
  const away = await liveRoomAgain(net, time);
  net.last().die(1006);
  away.leave();
  retry(time);
  assert.equal(away.status, "closed");
  assert.equal(net.sockets.length, 2);
});

async function liveRoomAgain(net, time) {
  const joined = join(
    "/pond",
    {},
    { WebSocket: net.WebSocket, base: "http://host:1", now: time.now },
  );
  net.last().open();
  net.last().say(new Records().hello().schema().snapshot(1));
  return joined;
}

test("resume delta: rows that are not kept leave", async (t) => {
  const { room, socket } = await liveRoom(t);
  const gone = [];
  room.state.frogs.on("remove", (row, id) => gone.push(id));
  const frame = new Records()
    .u8(4)
    .u8(2)
    .le(60, 2)
    .uv(55)
    .uv(2)
    .u8(1 + 4 + 16);
  frame.uv(1).uv(1); // keep slot 1
  frame.uv(1).uv(0).uv(30).u8(0); // enter in slot 0
  frame.uv(1).uv(1).u8(2).sv(64).u8(0);
  socket.say(frame);
  assert.deepEqual(gone, [7]);
  assert.deepEqual([...room.state.frogs.keys()].sort(), [30, 9]);
  assert.deepEqual([room.tick, room.state.frogs.get(9).pos.x], [60, 3]);
});

test("resume delta: nothing is kept, and a keep run elsewhere is refused", async (t) => {
  quiet(t);
  const { room, socket } = await liveRoom(t);
  const frame = (flags) => new Records().u8(4).u8(flags).le(60, 2).uv(55).uv(2).u8(1).uv(0).u8(0);
  socket.say(frame(0));
  assert.equal(room.state.frogs.size, 2);
  socket.say(frame(2));
  assert.deepEqual([room.state.frogs.size, room.tick], [0, 60]);
});

test("away: comes back with the tick it holds, and goes on from a delta", async (t) => {
  const { net, room, socket, time } = await liveRoom(t);
  const told = [];
  room.state.frogs.on("add", (row, id) => told.push(`add ${id}`));
  told.length = 0;
  room.state.frogs.on("remove", (row, id) => told.push(`remove ${id}`));
  room.on("status", (status) => told.push(status));
  const frog = room.state.frogs.get(9);
  socket.die(1006);
  retry(time);
  net.last().open();
  const hello = net.last().got(SENT.HELLO)[0];
  hello.skip(1 + 4 + 1 + 16 + 4);
  assert.equal(hello.uv(), 5, "the tick");
  const delta = new Records().hello({ resumed: true }).u8(4).u8(2).le(60, 2).uv(55);
  net.last().say(delta.uv(2).u8(1 + 8).uv(1).uv(1).uv(1).uv(1).u8(2).le(640, 2).u8(0));
  assert.deepEqual(told, ["away", "remove 7", "live"]);
  assert.equal(frog.pos.x, 10);
  assert.equal(room.state.frogs.get(9), frog, "the same object");
});

test("away: nothing of another room's state is offered", async (t) => {
  const { net, socket, time } = await liveRoom(t, { epoch: 3 });
  socket.die(1006);
  retry(time);
  net.last().open();
  net.last().die(4002); // the seat is gone: a new one, in another room
  net.last().open();
  net.last().say(new Records().hello({ epoch: 4, id: 9 }));
  net.last().die(1006); // before its state came
  retry(time);
  net.last().open();
  const hello = net.last().got(SENT.HELLO)[0];
  hello.skip(1 + 4 + 1 + 16);
  assert.equal(hello.u32(), 4);
  assert.equal(hello.uv(), 0);
});

test("a frame that breaks before the hello: tries again later", async (t) => {
  quiet(t);
  const net = fakeNet();
  const time = fakeTime(t);
  join("/pond", {}, { WebSocket: net.WebSocket, base: "http://host", now: time.now });
  net.last().open();
  net.last().say(new Records().u8(1).u8(2));
  assert.equal(net.last().closedWith, 1005);
  retry(time);
  assert.equal(net.sockets.length, 2);
});

test("a new seat counts from one: the resume after it sends what is missing", async (t) => {
  const { room, net, socket, time } = await liveRoom(t);
  for (let i = 0; i < 5; i++) room.send("hop", { dx: i });
  socket.die(1006);
  retry(time);
  net.last().open();
  net.last().die(4002);
  net.last().open();
  net.last().say(new Records().hello({ id: 8 }).snapshot(1, FROGS));
  for (let i = 10; i < 13; i++) room.send("hop", { dx: i });
  net.last().die(1006);
  retry(time);
  net.last().open();
  net.last().say(new Records().hello({ id: 8, resumed: true, inputs: 2 }).snapshot(2, FROGS));
  const sent = net
    .last()
    .got(EVENT)
    .map((m) => (m.uv(), m.u8()));
  assert.deepEqual(sent, [12]);
});

test("what was written by a schema that is no more is lost, and told", async (t) => {
  const { room, net, socket, time } = await liveRoom(t);
  const told = [];
  room.on("gap", (lost) => told.push(lost));
  room.send("hop", { dx: 1 });
  const lost = room.request("trade", {});
  socket.say(new Records().schema({ ...POND, events: [] }).snapshot(6));
  room.send("hop", { dx: 3 });
  socket.die(1006);
  retry(time);
  net.last().open();
  net.last().say(new Records().hello({ resumed: true, inputs: 1 }).snapshot(7));
  assert.deepEqual(net.last().got(EVENT).map((m) => (m.uv(), m.u8())), [3]);
  await assert.rejects(lost, { message: "the message was lost" });
  assert.deepEqual(told, [1]);
  // And it counts on: the server has two of the three.
  net.last().die(1006);
  retry(time);
  net.last().open();
  net.last().say(new Records().hello({ resumed: true, inputs: 2 }).snapshot(8));
  assert.equal(net.last().got(EVENT).length, 0);
  assert.deepEqual(told, [1]);
});

test("a ping tells how many events have come", async (t) => {
  const { socket, time } = await liveRoom(t);
  socket.say(new Records().event("x", 1).event("y", 2));
  time.pass(6000);
  const ping = socket.got(SENT.PING).at(-1);
  ping.u32();
  assert.equal(ping.uv(), 2);
  assert.equal(ping.at, ping.end);
});

test("what the server has makes room again", async (t) => {
  const { room, net, socket, time } = await liveRoom(t);
  for (let i = 0; i < 6; i++) room.send("big", "x".repeat(10_000));
  socket.die(1006);
  retry(time);
  net.last().open();
  net.last().say(new Records().hello({ resumed: true, inputs: 6 }).snapshot(6, FROGS));
  net.last().die(1006);
  for (let i = 0; i < 6; i++) room.send("big", "x".repeat(10_000));
  retry(time);
  net.last().open();
  net.last().say(new Records().hello({ resumed: true, inputs: 6 }).snapshot(7, FROGS));
  assert.equal(net.last().got(EVENT).length, 6);
});

test("online again: tries at once, and only when it was away", async (t) => {
  const fire = fakePage(t);
  const { room, net, socket } = await liveRoom(t);
  fire("online");
  assert.equal(net.sockets.length, 1);
  socket.die(1006);
  fire("online");
  assert.equal(net.sockets.length, 2);
  room.leave();
  fire("online");
  assert.equal(net.sockets.length, 2);
});

test("join: without a WebSocket class it says so", async (t) => {
  const there = globalThis.WebSocket;
  delete globalThis.WebSocket;
  t.after(() => there && (globalThis.WebSocket = there));
  await assert.rejects(
    join("/pond", {}, { base: "http://host", timeout: 10 }),
    /no WebSocket here/,
  );
});

test("a resume that is not answered is tried anew after ten seconds, whatever a join may take", async (t) => {
  const net = fakeNet();
  const time = fakeTime(t);
  const settings = { WebSocket: net.WebSocket, base: "http://host:1", now: time.now, timeout: 60_000 };
  const joined = join("/pond", {}, settings);
  net.last().open();
  time.pass(30_000);
  assert.equal(net.sockets.length, 1, "a join waits as long as it was told");
  net.last().say(new Records().hello().schema().snapshot(1));
  await joined;
  net.last().die(1006);
  retry(time);
  const dead = net.last();
  dead.open();
  time.pass(16_000);
  assert.ok(net.sockets.length > 2 && dead.closedWith !== undefined);
});
