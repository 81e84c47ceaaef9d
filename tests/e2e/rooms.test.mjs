// SPDX-License-Identifier: MIT
// Rooms and seats: who shares a room, who keeps a seat, and who may come back.
import assert from "node:assert/strict";
import test, { after } from "node:test";

import { join, joinJ1, Player, resumeJ1 } from "./lib/player.mjs";
import { startServer, until } from "./lib/server.mjs";

const brief = `local parlor = require "parlor"
local s = parlor.schema
local game = parlor.game {
  reconnect = 1, state = { seats = s.map { name = s.str(16), away = s.bool } },
}
function game:join(player) self.state.seats[player.id] = {name = player.name} end
function game:drop(player) self.state.seats[player.id].away = true end
function game:resume(player) self.state.seats[player.id].away = false end
function game:message(player, name) if name == "kick" then player:kick("out you go") end
  if name == "close" then self:close("enough") end end
function game:leave(player, reason)
  self:broadcast("left", {id = player.id, reason = reason})
  self.state.seats[player.id] = nil
end
return game
`;
const server = await startServer({ files: { "brief/game.lua": brief } });
after(() => server.stop());

test("rooms of different names are apart, and each begins with player 1", async () => {
  const ann = await join(server, "/chat/one?name=ann");
  const bob = await join(server, "/chat/two?name=bob");
  assert.deepEqual([ann.id, bob.id], [1, 1]);
  ann.say("say", { text: "hello?" });
  await ann.until("the line", () => ann.state.lines[1]?.text === "hello?");
  bob.say("say", { text: "mine" });
  await bob.until("the line", () => bob.state.lines[1]);
  assert.equal(bob.state.lines[1].text, "mine");
  assert.deepEqual(Object.values(bob.state.people).map((p) => p.name), ["bob"]);
  await ann.leave();
  await bob.leave();
});

test("those who join a game without a room's name meet", async () => {
  const ann = await join(server, "/pond?name=ann");
  const bob = await join(server, "/pond?name=bob");
  await ann.until("bob", () => ann.state.frogs[bob.id]?.name === "bob");
  await ann.leave();
  await bob.leave();
});

test("ids ascend and are not used again", async () => {
  const seats = [];
  for (let i = 0; i < 3; i++) seats.push(await join(server, "/pond/ids"));
  assert.deepEqual(seats.map((player) => player.id), [1, 2, 3]);
  await seats[2].leave();
  const next = await join(server, "/pond/ids");
  assert.equal(next.id, 4);
  for (const player of [seats[0], seats[1], next]) await player.leave();
});

test("who closes with 1000 leaves at once, and the others see it", async () => {
  const ann = await join(server, "/pond/leave");
  const bob = await joinJ1(server, "/pond/leave");
  await ann.until("bob", () => ann.state.frogs[bob.id]);
  const from = ann.records.length;
  await bob.leave();
  await ann.record(
    "a delta without bob",
    (r) => r.t === "delta" && r.frogs?.["-"]?.includes(String(bob.id)),
    { from, ms: 20000 }, // less than the 30 s for which a seat is held
  );
  const sank = await ann.record("the event", (r) => r.name === "sank", { from });
  assert.equal(sank.tick > 0, true);
  await ann.leave();
});

test("a connection without subprotocol leaves even when it is cut", async () => {
  const ann = await join(server, "/brief/plain");
  const bob = await join(server, "/brief/plain");
  bob.drop();
  await ann.until("bob gone", () => ann.state.seats[bob.id] === undefined, 900);
  await ann.leave();
});

test("who is cut off keeps the seat, and the token brings it back", async () => {
  const ann = await joinJ1(server, "/pond/back", { name: "ann" });
  const bob = await joinJ1(server, "/pond/back", { name: "bob" });
  await ann.until("bob", () => ann.state.frogs[bob.id]);
  bob.drop();
  await ann.until("bob away", () => ann.state.frogs[bob.id].away === true);

  const again = await resumeJ1(server, "/pond/back", bob);
  assert.equal(again.id, bob.id);
  assert.equal(again.hello.resumed, true);
  await ann.until("bob back", () => ann.state.frogs[bob.id].away === false);
  assert.equal(again.state.frogs[bob.id].name, "bob");

  const x = ann.state.frogs[bob.id].x;
  again.say("hop", { dx: x > 20 ? -1 : 1, dy: 0 });
  await ann.until("bob's hop", () => ann.state.frogs[bob.id].x !== x);
  await again.leave();
  await ann.leave();
});

test("a second connection with the token takes the seat over", async () => {
  const first = await joinJ1(server, "/pond/twice", { name: "ann" });
  const second = await resumeJ1(server, "/pond/twice", first);
  assert.equal(second.id, first.id);
  assert.equal((await first.end()).code, 4005);
  assert.equal(first.of("bye")[0].code, 4005);
  second.send({ t: "ping", ms: 1 });
  await second.record("a pong", (r) => r.t === "pong");
  await second.leave();
});

test("a token that nobody was given opens no seat of somebody else", async () => {
  const ann = await joinJ1(server, "/pond/thief", { name: "ann" });
  const thief = new Player(server.ws("/pond/thief"), {
    protocol: "parlor.j1",
    hello: {
      t: "hello",
      resume: { token: "0".repeat(32), epoch: ann.hello.epoch, tick: 0, events: 0 },
    },
  });
  await thief.until("an answer", () => thief.closed || thief.state);
  if (!thief.closed) {
    assert.notEqual(thief.id, ann.id);
    assert.equal(thief.hello.resumed, false);
    await thief.leave();
  }
  assert.equal(ann.closed, undefined);
  await ann.leave();
});

test("a seat ends when nobody came back in time", async () => {
  const ann = await joinJ1(server, "/brief/late");
  const bob = await joinJ1(server, "/brief/late");
  await ann.until("bob", () => ann.state.seats[bob.id]);
  bob.drop();
  await ann.until("bob away", () => ann.state.seats[bob.id]?.away);
  const left = await ann.record("bob leaving", (r) => r.name === "left");
  assert.deepEqual(left.data, { id: bob.id, reason: "lost" });
  await ann.until("bob gone", () => ann.state.seats[bob.id] === undefined);
  await ann.leave();
});

test("the game may kick a player and close a room", async () => {
  const ann = await joinJ1(server, "/brief/out");
  const bob = await joinJ1(server, "/brief/out");
  bob.say("kick");
  assert.equal((await bob.end()).code, 4000);
  const left = await ann.record("bob leaving", (r) => r.name === "left");
  assert.equal(left.data.reason, "kicked");
  ann.say("close");
  assert.equal((await ann.end()).code, 4008);
});

test("rooms come with their first player and go with their last", async () => {
  const players = [];
  for (const at of ["/brief/a", "/brief/a", "/brief/b"]) players.push(await join(server, at));
  const counts = async () => {
    const { rooms, players: n } = await server.game("brief");
    return `${rooms} rooms, ${n} players`;
  };
  await until("two rooms", async () => (await counts()) === "2 rooms, 3 players");
  for (const player of players) await player.leave();
  await until("no room", async () => (await counts()) === "0 rooms, 0 players");

  const again = await join(server, "/brief/a");
  assert.equal(again.id, 1, "a room of the same name is a new one");
  await again.leave();
});

test("SIGTERM sends the players away with 1001 and ends with 0", async () => {
  const other = await startServer({ games: ["pond"] });
  const plain = await join(other, "/pond");
  const j1 = await joinJ1(other, "/pond");
  await other.stop();
  assert.equal((await plain.end()).code, 1001);
  assert.equal((await j1.end()).code, 1001);
});
