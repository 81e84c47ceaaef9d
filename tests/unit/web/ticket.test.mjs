// SPDX-License-Identifier: MIT
/* Tickets: what keeps a seat over a reload of the page, and what does not. */
import assert from "node:assert/strict";
import test from "node:test";

import { join } from "../../../scripts/web/client.js";
import {
  FROGS,
  Records,
  SENT,
  fakeNet,
  fakePage,
  fakeStorage,
  fakeTime,
  liveRoom,
  retry,
} from "./fake.mjs";

const { HELLO } = SENT;

test("a reload of the page keeps the seat; close 1000 is not sent", async (t) => {
  const storage = fakeStorage(t);
  const fire = fakePage(t);
  const { net, socket, time } = await liveRoom(t);
  socket.say(new Records().event("x", 1).event("y", 2));
  fire("pagehide");
  assert.equal(socket.closedWith, undefined);
  assert.equal(storage.size, 1);

  const joined = join(
    "/pond",
    { name: "Ann" },
    { WebSocket: net.WebSocket, base: "http://host:1", now: time.now },
  );
  const next = net.last();
  next.open();
  const [hello] = next.got(HELLO);
  assert.deepEqual([hello.u8(), hello.u32(), hello.u8()], [1, 0, 1]);
  hello.raw(16);
  assert.deepEqual([hello.u32(), hello.uv(), hello.uv()], [3, 0, 2]);
  next.say(new Records().hello({ resumed: true, inputs: 4 }).schema().snapshot(9, FROGS));
  const room = await joined;
  assert.equal(room.state.frogs.get(7).name, "ann");
  room.leave();
  assert.equal(next.closedWith, 1000);
  assert.equal(storage.size, 0, "left: the token is forgotten");
});

test("a duplicated tab takes a seat of its own", async (t) => {
  fakeStorage(t);
  fakePage(t);
  const { net, time } = await liveRoom(t);
  join(
    "/pond",
    { name: "Ann" },
    { WebSocket: net.WebSocket, base: "http://host:1", now: time.now },
  );
  net.last().open();
  const [hello] = net.last().got(HELLO);
  assert.deepEqual([hello.u8(), hello.u32(), hello.u8()], [1, 0, 0]);
});

test("taken over: the stored ticket is the other page's and stays", async (t) => {
  const storage = fakeStorage(t);
  const { socket } = await liveRoom(t);
  socket.die(4005, "taken over");
  assert.equal(storage.size, 1);
});

test("a ticket passed in resumes, in Node too", async (t) => {
  const { room, net, socket, time } = await liveRoom(t);
  socket.say(new Records().event("x", 1));
  const settings = {
    WebSocket: net.WebSocket,
    base: "http://host:1",
    now: time.now,
    resume: room.ticket,
  };
  join("/pond", {}, settings);
  net.last().open();
  const [hello] = net.last().got(HELLO);
  assert.deepEqual([hello.u8(), hello.u32(), hello.u8()], [1, 0, 1]);
  hello.raw(16);
  assert.deepEqual([hello.u32(), hello.uv(), hello.uv()], [3, 0, 1]);
});

/** ROOM, as a spectator is told. */
const watching = (code) => {
  const body = new Records().str(code).u8(2).take();
  return new Records().hello().schema().u8(0x41).uv(body.length).raw(body).snapshot(1, FROGS);
};

test("a spectator comes back to the room that it watched, else as it joined first", async (t) => {
  const storage = fakeStorage(t);
  const net = fakeNet();
  const time = fakeTime(t);
  const settings = { WebSocket: net.WebSocket, base: "http://host:1", now: time.now };
  const joined = join("/pond", { spectate: true }, settings);
  net.last().open();
  net.last().say(watching("k7mq2p"));
  const room = await joined;
  assert.deepEqual([room.spectator, room.code, room.ticket, storage.size], [true, "k7mq2p", null, 0]);
  const asks = () => {
    const last = net.last();
    last.open();
    const [hello] = last.got(HELLO);
    assert.deepEqual([hello.u8(), hello.u32() > 0, hello.u8()], [1, true, 0], "a join");
    return hello.any();
  };
  const again = (code) => {
    net.last().die(code);
    const n = net.sockets.length;
    for (let i = 0; i < 200 && net.sockets.length === n; i++) time.pass(50);
    assert.equal(net.sockets.length, n + 1, "it tries again");
  };
  again(1006);
  assert.deepEqual(asks(), { spectate: true, code: "k7mq2p" });
  again(4002); // the server has begun anew, and that room is not there
  assert.equal(room.status, "away");
  assert.deepEqual(asks(), { spectate: true });
  again(1006);
  assert.deepEqual(asks(), { spectate: true, code: "k7mq2p" }, "it may be back by now");
  net.last().say(watching("k7mq2p"));
  assert.equal(room.status, "live");
  net.last().say(new Records().pong(net.last().got(SENT.PING)[0].u32(), 1000));
  // There is nothing to watch any more.
  again(1006);
  for (let i = 1; i < 10; i++) {
    asks();
    again(4002);
  }
  net.last().open();
  net.last().die(4002, "no such room");
  assert.equal(room.status, "closed");
});

test("a seat whose server is away for long is still held at the next reload", async (t) => {
  const storage = fakeStorage(t);
  const fire = fakePage(t);
  const { net, time } = await liveRoom(t);
  fire("pagehide");
  const joined = join(
    "/pond",
    {},
    { WebSocket: net.WebSocket, base: "http://host:1", now: time.now, timeout: 1000 },
  );
  assert.equal(storage.size, 0, "taken by this join");
  net.last().die(1006);
  time.pass(1000);
  await assert.rejects(joined, { code: 1006 });
  assert.equal(storage.size, 1);
});

test("a reload of the page: requests are numbered on, so that no late answer is mistaken", async (t) => {
  fakeStorage(t);
  const fire = fakePage(t);
  const { room, net, socket, time } = await liveRoom(t);
  room.request("trade", {}).catch(() => {});
  fire("pagehide");
  const joined = join(
    "/pond",
    {},
    { WebSocket: net.WebSocket, base: "http://host:1", now: time.now },
  );
  const next = net.last();
  next.open();
  next.say(new Records().hello({ resumed: true, inputs: 1 }).schema().snapshot(9, FROGS).reply(1, true, "old"));
  const page = await joined;
  const answer = page.request("trade", {});
  next.say(new Records().reply(2, true, "new"));
  assert.equal(await answer, "new");
  assert.deepEqual([page.ticket.events, page.ticket.requests], [2, 2]);
  // Its messages count on from those that the server has.
  next.die(1006);
  retry(time);
  net.last().open();
  net.last().say(new Records().hello({ resumed: true, inputs: 2 }).snapshot(9, FROGS));
  assert.equal(net.last().got(SENT.REQUEST).length, 0);
});
