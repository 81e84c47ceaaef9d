// SPDX-License-Identifier: MIT
/* Tabs that are hidden, where timers run once a minute and nothing is drawn, and machines
 * that have slept. */
import assert from "node:assert/strict";
import test from "node:test";

import { FROGS, Records, SENT, liveRoom, retry } from "./fake.mjs";

const PERIOD = 50;

/** x of the frog 7 as it is drawn now. */
const drawn = (room) => new Map(room.view("frogs")).get(7).pos.x;

/** What a page hears of its tab and its machine. */
function fakePage(t) {
  const fns = new Map();
  globalThis.addEventListener = (name, fn) => fns.set(name, fn);
  globalThis.removeEventListener = (name) => fns.delete(name);
  t.after(() => {
    delete globalThis.addEventListener;
    delete globalThis.removeEventListener;
  });
  return { fire: (name) => fns.get(name)?.(), listens: () => fns.size };
}

test("hidden for ten minutes: the seat stays, nothing piles up, and the present shows at once", async (t) => {
  const { net, room, socket, time } = await liveRoom(t);
  const session = room._session;
  drawn(room);
  room.send("hop", { dx: 1 });
  let tick = 5;
  for (let minute = 0; minute < 10; minute++) {
    for (let i = 0; i < 1200; i++) {
      time.sleep(PERIOD);
      // To and fro by a quantum, and at last away.
      socket.say(new Records().move(++tick, tick - 1, 0, tick % 2 ? 1 : -1));
    }
    time.pass(0); // the timers' turn, once a minute
    socket.say(new Records().pong(Math.floor(time.now()) >>> 0, 1));
  }
  socket.say(new Records().move(++tick, tick - 1, 0, 640));
  assert.deepEqual([room.status, net.sockets.length, room.tick], ["live", 1, tick]);
  const acks = socket.got(SENT.ACK);
  assert.ok(acks.length > 11_000, `${acks.length} ACKs: a line without is slow`);
  assert.equal(acks[acks.length - 1].uv(), tick - 1, "that of the last goes in 30 ms");
  assert.ok(session.outbox.messages.length <= 1 && session.pending.size === 0);
  const row = [...session.codec.image.facets.flatMap((f) => [...f.byKey.values()])].find(
    (r) => r.key === 7,
  );
  assert.ok(row.motion.queue.length <= 8, `${row.motion.queue.length} samples wait`);
  assert.ok(row.motion.spare.length <= 16, `${row.motion.spare.length} samples are kept`);
  time.pass(2 * PERIOD + room.delay);
  assert.equal(drawn(room), room.state.frogs.get(7).pos.x);
});

test("a page that hung for ten seconds does not play them: it shows the present", async (t) => {
  const { room, socket, time } = await liveRoom(t);
  for (let tick = 6; tick < 30; tick++) {
    socket.say(new Records().move(tick, tick - 1, 0, 1));
    drawn(room);
    time.pass(PERIOD);
  }
  time.sleep(10_000);
  for (let tick = 30; tick < 230; tick++) socket.say(new Records().move(tick, tick - 1, 0, 8));
  time.pass(300);
  assert.equal(drawn(room), room.state.frogs.get(7).pos.x);
});

test("a sleep in which the page's clock stood still: the first state after it shows at once", async (t) => {
  const { room, socket, time } = await liveRoom(t);
  for (let tick = 6; tick < 30; tick++) {
    socket.say(new Records().move(tick, tick - 1, 0, 1));
    drawn(room);
    time.pass(PERIOD);
  }
  // Two minutes by the server's clock, none by ours; one delta over all of it.
  socket.say(new Records().move(2429, 29, 0, 640));
  time.pass(300);
  assert.equal(drawn(room), room.state.frogs.get(7).pos.x);
  for (let tick = 2430; tick < 2440; tick++) {
    const before = drawn(room);
    socket.say(new Records().move(tick, tick - 1, 0, 8));
    time.pass(PERIOD);
    assert.ok(drawn(room) >= before);
  }
  time.pass(300);
  assert.equal(drawn(room), room.state.frogs.get(7).pos.x);
});

for (const isHeld of [true, false])
  test(`asleep for two minutes, the seat ${isHeld ? "is still held" : "is lost"}: the status tells, and it plays on`, async (t) => {
    const { net, room, socket, time } = await liveRoom(t);
    const told = [];
    room.on("status", (status) => told.push(`${status} as ${room.id}`));
    drawn(room);
    time.sleep(120_000);
    socket.die(1006);
    assert.equal(room.status, "away");
    retry(time);
    const second = net.last();
    second.open();
    const [hello] = second.got(SENT.HELLO);
    hello.skip(5);
    assert.equal(hello.u8(), 1, "a resume");
    if (isHeld) second.say(new Records().hello({ resumed: true }).snapshot(2405, [[0, 7, "ann", 640]]));
    else {
      second.die(4002, "the seat was held no longer");
      net.last().open();
      net.last().say(new Records().hello({ id: 12 }).snapshot(2405, [[0, 7, "ann", 640]]));
    }
    assert.deepEqual(told, ["away as 7", `live as ${isHeld ? 7 : 12}`]);
    time.pass(300);
    assert.equal(drawn(room), 10);
  });

test("asleep, and nobody tells that the line is dead: its silence does", async (t) => {
  const { net, room, time } = await liveRoom(t);
  time.sleep(120_000);
  time.pass(30_000);
  assert.equal(room.status, "away");
  assert.ok(net.sockets.length > 1);
});

test("away in a hidden tab: seen again it tries at once, whenever its timer would run", async (t) => {
  const page = fakePage(t);
  const { net, room, socket, time } = await liveRoom(t);
  const listens = page.listens();
  page.fire("visibilitychange");
  assert.equal(net.sockets.length, 1, "a line that is there stays");
  socket.die(1006);
  page.fire("visibilitychange");
  assert.equal(net.sockets.length, 2);
  net.last().open();
  net.last().say(new Records().hello({ resumed: true }).snapshot(6, FROGS));
  assert.equal(room.status, "live");
  time.pass(6000);
  assert.equal(net.sockets.length, 2, "once");
  room.leave();
  assert.ok(page.listens() < listens);
  assert.equal(page.listens(), 0);
});
