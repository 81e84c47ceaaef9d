// SPDX-License-Identifier: MIT
/* Events, messages and requests, there and back. */
import assert from "node:assert/strict";
import test from "node:test";

import { FROGS, Records, SENT, liveRoom, quiet, retry } from "./fake.mjs";

const { INPUT, EVENT, REQUEST } = SENT;

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

test("dropped: a page hears of its messages that reached no script", async (t) => {
  const { room, socket } = await liveRoom(t);
  const heard = [];
  room.on("dropped", ({ count, why }) => heard.push(`${count} ${why}`));
  const { events } = room.ticket;
  const record = new Records().u8(10).le(5, 2).uv(0).str("dropped");
  socket.say(record.any({ count: 12, why: "rate" }, "dropped"));
  assert.deepEqual([heard, room.ticket.events], [["12 rate"], events]);
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
