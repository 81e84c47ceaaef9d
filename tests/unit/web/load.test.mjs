// SPDX-License-Identifier: MIT
/* Parts of the SDK that come with the first message that needs them. */
import assert from "node:assert/strict";
import test from "node:test";

globalThis.comesOnDemand = true;
const { Records, SENT, liveRoom, turn } = await import("./fake.mjs");

/** Until the part is here and the messages that waited are read. */
const arrived = async (isThere) => {
  for (const end = Date.now() + 30_000; !isThere() && Date.now() < end; ) await turn();
};

test("join waits for what smooths, and the view is smooth at once", async (t) => {
  const { room, socket, time } = await liveRoom(t);
  const x = () => [...room.view("frogs")][0][1].pos.x;
  assert.equal(x(), 1);
  socket.say(new Records().move(6, 5, 0, 64));
  time.pass(25);
  assert.ok(x() > 1 && x() < 2, `${x()}`);
});

test("an undeclared event waits for any.js; keys in its message are held once", async (t) => {
  const { room, socket } = await liveRoom(t);
  const heard = [];
  room.on("score", (data) => heard.push(data));
  // KEYS with "a"; then a map with the key 1 ("a"), and KEYS with "b", a map with key 2.
  const first = new Records().u8(8).uv(1).str("a");
  first.u8(5).le(5, 2).uv(0).str("score").u8(7).uv(1).uv(1).u8(2);
  socket.say(first);
  const second = new Records().u8(8).uv(1).str("b");
  second.u8(5).le(5, 2).uv(0).str("score").u8(7).uv(1).uv(2).u8(1);
  socket.say(second);
  socket.say(new Records().move(6, 5, 0, 64));
  assert.deepEqual(heard, []);
  assert.equal(room.tick, 5, "all messages keep their order");
  await arrived(() => room.tick === 6);
  assert.deepEqual(heard, [{ a: true }, { b: false }]);
  assert.equal(socket.got(SENT.RESYNC).length, 0);
});

test("a second snapshot waits for again.js; rows keep their objects", async (t) => {
  const { room, socket } = await liveRoom(t);
  const frog = room.state.frogs.get(7);
  socket.say(new Records().snapshot(9, [[0, 7, "amy", 64]]));
  assert.equal(frog.name, "ann");
  await arrived(() => room.tick === 9);
  assert.equal(room.state.frogs.get(7), frog);
  assert.equal(frog.name, "amy");
  assert.equal(room.state.frogs.size, 1);
});

