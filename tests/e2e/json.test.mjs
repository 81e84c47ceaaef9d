// SPDX-License-Identifier: MIT
// State records, seen by three clients that know nothing of each other: one
// without subprotocol, one that speaks parlor.j1, and the SDK in binary.
import assert from "node:assert/strict";
import test, { after } from "node:test";
import { isDeepStrictEqual } from "node:util";
import WebSocket from "ws";

import { join, joinJ1, Player } from "./lib/player.mjs";
import { joinWithSdk, rowsOf } from "./lib/sdk.mjs";
import { startServer, until } from "./lib/server.mjs";

const duo = `local parlor = require "parlor"
local s = parlor.schema
local game = parlor.game {
  max_players = 2, state = { calls = s.uint, note = s.str(40) },
  messages = { ask = s.message({ n = s.u8 }) },
  events = { asked = { n = s.u8 } },
}
function game:create(options) self.state.note = tostring(options.note) end
function game.on.ask(room, player, m)
  room.state.calls = room.state.calls + 1
  room:broadcast("asked", {n = m.n})
  room:broadcast("loose", {list = {1, "two", true}, from = player.name})
  return {twice = 2 * m.n}
end
function game:message(player, name, data) player:send(name, data) end
return game
`;
const server = await startServer({ files: { "duo/game.lua": duo } });
after(() => server.stop());

const frogOf = (player, id = player.id) => player.state.frogs[id];

test("twenty lines of npm ws are a client", async () => {
  const ws = new WebSocket(server.ws("/pond/lines?name=x"));
  const seen = [];
  ws.on("message", (data) => seen.push(JSON.parse(data)));
  const first = (t) => until(t, () => seen.find((record) => record.t === t));

  const hello = await first("hello");
  assert.equal(hello.id, 1);
  assert.equal(hello.resumed, false);
  assert.equal(hello.period, 50000);
  const snapshot = await first("snapshot");
  assert.equal(snapshot.state.frogs[hello.id].name, "x");
  const { x } = snapshot.state.frogs[hello.id];

  ws.send('{"t":"send","name":"hop","data":{"dx":1,"dy":0}}');
  const moved = await until("a delta that moves the frog", () =>
    seen.find((r) => r.t === "delta" && r.frogs?.["~"]?.[hello.id]?.x > x),
  );
  assert.ok(moved.tick > snapshot.tick);
  assert.ok(seen.indexOf(snapshot) > seen.indexOf(hello));
  ws.close(1000);
});

test("deltas follow on one another: each base is the tick before", async () => {
  const player = await join(server, "/pond/bases?name=a");
  for (let i = 0; i < 3; i++) {
    player.say("hop", { dx: i % 2 ? -1 : 1, dy: 0 });
    const from = player.records.length;
    await player.record("a delta", (r) => r.t === "delta", { from });
  }
  let tick;
  for (const record of player.records) {
    if (record.t === "snapshot") tick = record.tick;
    if (record.t !== "delta") continue;
    assert.equal(record.base, tick);
    assert.ok(record.tick > record.base);
    tick = record.tick;
  }
  await player.leave();
});

test("JSON without subprotocol, parlor.j1 and the SDK see the same frogs", async () => {
  const plain = await join(server, "/pond/three?name=plain");
  const j1 = await joinJ1(server, "/pond/three", { name: "j1" });
  const sdk = await joinWithSdk(server, "/pond/three", { name: "sdk" });
  assert.equal(j1.ws.protocol, "parlor.j1");
  assert.equal(plain.ws.protocol, "");

  plain.say("hop", { dx: 1, dy: 0 });
  j1.say("hop", { dx: 0, dy: 1 });
  sdk.send("hop", { dx: -1, dy: 0 });
  const names = ["j1", "plain", "sdk"];
  await until("three frogs everywhere", () =>
    [plain.state.frogs, j1.state.frogs, rowsOf(sdk.state.frogs)].every(
      (frogs) => Object.values(frogs).map((frog) => frog.name).sort().join() === names.join(),
    ),
  );
  // Once the frogs are at rest all three hold the same numbers, to the bit.
  await until("the same state in all three", () =>
    [j1.state, { frogs: rowsOf(sdk.state.frogs), worms: rowsOf(sdk.state.worms) }].every(
      (state) => isDeepStrictEqual(state, plain.state),
    ),
  );
  sdk.leave();
  await plain.until("the SDK's frog gone", () => Object.keys(plain.state.frogs).length === 2);
  await plain.leave();
  await j1.leave();
});

test("parlor.j1 waits for the client's hello", async () => {
  const player = new Player(server.ws("/pond/wait"), { protocol: "parlor.j1" });
  await player.until("the open connection", () => player.ws.readyState === WebSocket.OPEN);
  player.send({ t: "ping", ms: 1 });
  assert.equal((await player.end()).code, 4001);
  assert.equal(player.of("hello").length, 0);
});

test("a ping is answered with its own time", async () => {
  const player = await join(server, "/pond/ping");
  player.send({ t: "ping", ms: 1234 });
  const pong = await player.record("a pong", (r) => r.t === "pong");
  assert.equal(pong.ms, 1234);
  assert.equal(typeof pong.server, "number");
  await player.leave();
});

test("a resync is answered with a snapshot", async () => {
  const player = await join(server, "/pond/resync");
  const from = player.records.length;
  player.send({ t: "resync" });
  const again = await player.record("a snapshot", (r) => r.t === "snapshot", { from });
  assert.ok(again.state.frogs[player.id]);
  await player.leave();
});

test("join options reach the game, events and replies come back", async () => {
  const player = await join(server, "/duo/talk?note=from%20the%20address&name=%C3%A9");
  assert.equal(player.state.note, "from the address");
  player.send({ t: "request", id: 7, name: "ask", data: { n: 21 } });
  const reply = await player.record("the reply", (r) => r.t === "reply");
  assert.deepEqual([reply.id, reply.ok, reply.data], [7, true, { twice: 42 }]);
  const typed = await player.record("the event", (r) => r.t === "event" && r.name === "asked");
  assert.deepEqual(typed.data, { n: 21 });
  const loose = await player.record("the other", (r) => r.t === "event" && r.name === "loose");
  assert.deepEqual(loose.data, { list: [1, "two", true], from: "é" });
  await player.until("the state", () => player.state.calls === 1);

  const any = { a: [1, 2.5, { b: "ü" }], c: false };
  player.say("anything", any);
  const back = await player.record("it back", (r) => r.name === "anything");
  assert.deepEqual(back.data, any);
  await player.leave();
});

test("a full room says so and closes with 4004", async () => {
  const first = await join(server, "/duo/full");
  const second = await join(server, "/duo/full");
  const third = new Player(server.ws("/duo/full"));
  assert.equal((await third.end()).code, 4004);
  assert.equal(third.of("bye")[0].code, 4004);
  assert.equal(third.id, undefined);
  await first.leave();
  await until("a free seat", async () => (await server.game("duo")).players === 1);
  const fourth = await join(server, "/duo/full");
  await second.leave();
  await fourth.leave();
});

for (const [what, text, code] of [
  ["text that is not JSON", "hop!", 1007],
  ["JSON cut short", '{"t":"send"', 1007],
  ["JSON that is no object", "[1,2,3]", 1007],
  ["ten thousand open brackets", "[".repeat(10000), 1007],
  ["an unknown kind of record", '{"t":"fly"}', 1002],
])
  test(`${what} ends the connection with ${code}, and only that one`, async () => {
    const other = await join(server, "/pond/bad");
    const player = await join(server, "/pond/bad");
    player.send(text);
    assert.equal((await player.end()).code, code);
    await other.until("it gone", () => !frogOf(other, player.id));
    assert.equal(other.closed, undefined);
    await other.leave();
  });

test("binary data on a JSON connection ends it with 1003", async () => {
  const player = await join(server, "/pond/bad");
  player.ws.send(Buffer.from([1, 2, 3]));
  assert.equal((await player.end()).code, 1003);
});

test("a message that does not fit is dropped; many of them end with 1008", async () => {
  const player = await join(server, "/pond/misfits?name=a");
  const { x, y } = frogOf(player);
  for (const data of [{ dx: 5, dy: 0 }, { dx: "1", dy: 0 }, { dx: 1, dy: [] }, [1, 1], null])
    player.say("hop", data);
  const late = await join(server, "/pond/misfits?name=b"); // its frog is there a tick later
  await player.until("b's frog", () => frogOf(player, late.id));
  await late.leave();
  await player.until("b gone", () => !frogOf(player, late.id));
  assert.deepEqual([frogOf(player).x, frogOf(player).y], [x, y], "none of them hopped");
  player.say("hop", { dx: x > 20 ? -1 : 1, dy: 0 });
  await player.until("a hop after all", () => frogOf(player).x !== x);

  for (let i = 0; i < 2000 && !player.closed; i++) {
    player.say("hop", { dx: 5, dy: 0 });
    if (i % 50 === 49) await new Promise(setImmediate);
  }
  assert.equal((await player.end()).code, 1008);
});
