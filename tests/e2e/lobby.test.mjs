// SPDX-License-Identifier: MIT
// Before the game: what is listed, and who comes into which room.
import assert from "node:assert/strict";
import test, { after } from "node:test";
import WebSocket from "ws";

import { join, joinJ1, Player } from "./lib/player.mjs";
import { joinWithSdk } from "./lib/sdk.mjs";
import { startServer, until } from "./lib/server.mjs";

const arena = `local parlor = require "parlor"
local s = parlor.schema
local game = parlor.game { tick_rate = 20, max_players = 2, state = { n = s.u8 } }
function game:create(o) self:label { mode = o.mode or "free", skill = 3, open = true } end
function game:message(player, name, data)
  if name == "lock" then self:lock(data) end
  if name == "label" then self:label(data) end
end
return game
`;
const duel = `local parlor = require "parlor"
local m = parlor.match
return parlor.game { tick_rate = 20, max_players = 2, queue = { min = 2, wait = 6 },
  match = { skill = m.near { by = 10 } } }
`;
const server = await startServer({
  files: { "arena/game.lua": arena, "duel/game.lua": duel, "broken/game.lua": "return nothing" },
});
after(() => server.stop());

const list = async (query = "?game=arena") => {
  const answer = await fetch(`${server.origin}/_parlor/rooms${query}`);
  return { status: answer.status, body: answer.ok && (await answer.json()) };
};

test("rooms are listed with players, labels and the lock; private ones are not", async () => {
  assert.deepEqual((await list()).body, { game: "arena", total: 0, rooms: [] });
  const ann = await joinJ1(server, "/arena", { mode: "duel" });
  const own = await joinJ1(server, "/arena", { private: true });
  const den = await join(server, "/arena/den");
  ann.say("lock", true);
  den.say("label", { "</script>": "ä", n: 1.5 });
  await until("the lock", async () => (await list()).body.rooms.some((r) => r.locked));
  await until("the label", async () => (await list()).body.rooms.some((r) => r.labels.n));
  const { body } = await list();
  const rooms = Object.fromEntries(body.rooms.map((room) => [room.id, room]));
  assert.equal(body.total, 2);
  assert.deepEqual(rooms, {
    [ann.hello.room]: {
      id: ann.hello.room, players: 1, max: 2, spectators: 0, locked: true,
      labels: { mode: "duel", open: true, skill: 3 },
    },
    den: { id: "den", players: 1, max: 2, spectators: 0, locked: false, labels: { "</script>": "ä", n: 1.5 } },
  });
  for (const player of [ann, own, den]) await player.leave();
  await until("empty", async () => (await list()).body.total === 0);
});

test("a list of no game, of one that is not there, of one that does not load", async () => {
  assert.equal((await list("")).status, 400);
  assert.equal((await list("?games=arena")).status, 400);
  assert.equal((await list("?game=")).status, 404);
  assert.equal((await list("?game=nothing&x=1")).status, 404);
  assert.equal((await list("?x=1&game=broken")).status, 503);
  assert.equal((await list("?x=1&game=arena&y=2")).status, 200);
  const post = await fetch(`${server.origin}/_parlor/rooms?game=arena`, { method: "POST" });
  assert.equal(post.status, 405);
});

test("a private room's code is in hello and in the SDK, and brings friends there", async () => {
  const ann = await joinWithSdk(server, "/arena", { private: true });
  assert.match(ann.code, /^[a-z2-9]{6}$/);
  assert.equal(ann.private, true);
  const bob = await joinWithSdk(server, "/arena", { code: ann.code.toUpperCase() });
  assert.deepEqual([bob.code, bob.private], [ann.code, true]);
  const late = new Player(server.ws(`/arena?code=${ann.code}`));
  assert.equal((await late.end()).code, 4004);
  const lost = new Player(server.ws("/arena?code=zzzzzz"));
  assert.equal((await lost.end()).code, 4002);
  const other = await joinWithSdk(server, "/arena");
  assert.notEqual(other.code, ann.code);
  assert.equal(other.private, false);
  for (const room of [ann, bob, other]) room.leave();
});

test("a page waits in a queue, is shown where it stands, and begins with another", async () => {
  const told = [];
  const waits = joinWithSdk(server, "/duel", { skill: "5" }, { onQueue: (q) => told.push(q) });
  await until("the queue", () => told.length);
  assert.deepEqual(told[0], { position: 1, waiting: 1, found: 1, need: 2, estimate: null });
  const bob = new Player(server.ws("/duel?skill=14"));
  const [ann] = await Promise.all([waits, bob.seated()]);
  assert.equal(ann.code, bob.hello.room);
  ann.leave();
  await bob.leave();
});

test("who gives up waiting is gone, who waits too long is told 4010", async () => {
  const gone = joinWithSdk(server, "/duel", { skill: 1 }, { onQueue: (q, leave) => leave() });
  await assert.rejects(gone, { code: 1000 });
  const json = { json: true, onQueue() {} };
  await assert.rejects(joinWithSdk(server, "/duel", { skill: 1 }, json), { code: 4010 });
  const bad = new Player(server.ws("/duel?skill=good"));
  assert.deepEqual(await bad.end(), { code: 4001, reason: "skill: a number is expected" });
});

test("forty that come at once sit two by two", async () => {
  const players = Array.from({ length: 40 }, () => new Player(server.ws("/duel?skill=3")));
  await Promise.all(players.map((player) => player.seated()));
  const rooms = new Map();
  for (const { hello } of players) rooms.set(hello.room, (rooms.get(hello.room) ?? 0) + 1);
  assert.deepEqual([...rooms.values()], Array(20).fill(2));
  await Promise.all(players.map((player) => player.leave()));
});

test("a page watches beside the seats, counted by itself, and comes back when cut off", async () => {
  const ann = await joinJ1(server, "/arena/show");
  const bob = await joinJ1(server, "/arena/show");
  const eve = await joinWithSdk(server, "/arena", { spectate: true });
  assert.deepEqual([eve.spectator, eve.code], [true, "show"]);
  await assert.rejects(eve.request("lock", true), { message: "spectators only watch" });
  const { rooms } = (await list()).body;
  assert.deepEqual([rooms[0].players, rooms[0].spectators, rooms[0].locked], [2, 1, false]);
  const game = await server.game("arena");
  assert.deepEqual([game.players, game.spectators], [2, 1]);
  const before = eve.id;
  eve._session.ws.terminate();
  await until("eve again", () => eve.status === "live" && eve.id !== before);
  assert.equal(eve.spectator, true);
  await ann.leave();
  await bob.leave();
  await until("the end", () => eve.status === "closed");
});

/** Listens to a list; `rooms` is what it holds, by id. */
function listen(query = "?game=arena", options = {}, at = server) {
  const ws = new WebSocket(at.ws(`/_parlor/rooms${query}`), options);
  const ear = { ws, records: [], rooms: {}, closed: undefined, status: undefined };
  ws.on("unexpected-response", (request, answer) => {
    ear.status = answer.statusCode;
    request.destroy();
  });
  ws.on("error", () => {});
  ws.on("close", (code) => (ear.closed = code));
  ws.on("message", (data) => {
    const record = JSON.parse(String(data));
    ear.records.push(record);
    if (record.t === "rooms") ear.rooms = {};
    for (const room of record.rooms) ear.rooms[room.id] = room;
    for (const id of record.gone ?? []) {
      assert.ok(ear.rooms[id], "a room is gone that was not told");
      delete ear.rooms[id];
    }
  });
  return ear;
}

const held = async (ear) => {
  const { rooms } = (await list()).body;
  const now = Object.fromEntries(rooms.map((room) => [room.id, room]));
  return JSON.stringify(Object.entries(now).sort()) === JSON.stringify(Object.entries(ear.rooms).sort());
};

test("a list is live: rooms come, change and go, private ones never", async () => {
  const den = await join(server, "/arena/den");
  const ear = listen();
  await until("the list", () => ear.records.length);
  assert.equal(ear.records[0].t, "rooms");
  assert.equal(ear.records[0].game, "arena");
  assert.equal(ear.rooms.den.players, 1);
  ear.ws.send("anything");
  const own = await joinJ1(server, "/arena", { private: true });
  const ann = await joinJ1(server, "/arena", { mode: "duel" });
  await until("the new room", () => ear.rooms[ann.hello.room]);
  assert.deepEqual(ear.rooms[ann.hello.room].labels, { mode: "duel", open: true, skill: 3 });
  ann.say("lock", true);
  await until("the lock", () => ear.rooms[ann.hello.room].locked);
  assert.deepEqual(ear.records.at(-1).rooms.map((room) => room.id), [ann.hello.room]);
  await den.leave();
  await until("the end of den", () => !ear.rooms.den);
  const second = listen();
  await until("the list", () => second.records.length);
  await until("what the list has", () => held(second));
  await ann.leave();
  await own.leave();
  await until("nothing", () => !Object.keys(ear.rooms).length && !Object.keys(second.rooms).length);
  const all = JSON.stringify([...ear.records, ...second.records]);
  assert.ok(!all.includes(own.hello.room));
  ear.ws.close();
  second.ws.close();
  await until("both ends", () => ear.closed && second.closed);
});

test("a listener of no game or with a bad handshake is refused", async () => {
  for (const [query, status] of [["", 400], ["?game=nothing", 404], ["?game=broken", 503]]) {
    const ear = listen(query);
    assert.equal(await until("an answer", () => ear.status), status);
  }
  const old = listen("?game=arena", { protocolVersion: 8 });
  assert.equal(await until("an answer", () => old.status), 426);
});

test("in serve pages of other origins may not listen; a stop is told", async () => {
  const strict = await startServer({ files: { "arena/game.lua": arena }, command: "serve" });
  const stranger = listen("?game=arena", { origin: "http://evil.example" }, strict);
  assert.equal(await until("an answer", () => stranger.status), 403);
  const ear = listen("?game=arena", { origin: strict.origin }, strict);
  await until("the list", () => ear.records.length);
  await strict.stop();
  await until("the end", () => ear.closed);
  assert.equal(ear.closed, 1001);
});
