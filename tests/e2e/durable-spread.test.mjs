// SPDX-License-Identifier: MIT
// Durable rooms whose members stay on the workers that accepted them: after kill -9 all
// come back to the state that was saved, on whichever worker it is now, and play on.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";

import { joinJ1, resumeJ1 } from "./lib/player.mjs";
import { joinWithSdk, rowsOf } from "./lib/sdk.mjs";
import { freePort, gamesFolder, startServer, temporaryFolder, until } from "./lib/server.mjs";

const WORKERS = 4;
const ROOMS = 3;
const JSON_PLAYERS = 12; // in each room
const SDK_PLAYERS = 4;

const HALL = `local parlor = require "parlor"
local s = parlor.schema
local game = parlor.game {
  tick_rate = 20, max_players = 100, reconnect = 300, durable = true, spread = 1,
  state = {
    beats = s.u32, total = s.uint,
    seats = s.map { name = s.str(16), away = s.bool, sum = s.uint, hand = s.list(s.u8) {to = "owner"} },
  },
}
function game:tick() self.state.beats = self.state.beats + 1 end
function game:join(p) self.state.seats[p.id] = { name = p.name, hand = { p.id, 7 } } end
function game:drop(p) self.state.seats[p.id].away = true end
function game:resume(p) self.state.seats[p.id].away = false end
function game:leave(p) self.state.seats[p.id] = nil end
function game:message(p, name, by)
  local state = self.state
  state.seats[p.id].sum = state.seats[p.id].sum + by
  state.total = state.total + by
  return state.seats[p.id].sum
end
return game
`;

const folder = gamesFolder([], { "hall/game.lua": HALL });
const data = temporaryFolder();

async function serve(port) {
  const admin = `127.0.0.1:${await freePort()}`;
  const server = await startServer({
    folder,
    command: "serve",
    args: ["--data", data, "--port", String(port), "--workers", String(WORKERS), "--admin", admin],
  });
  const outlets = async () =>
    (await (await fetch(`http://${admin}/metrics`)).text())
      .split("\n")
      .filter((line) => line.startsWith("parlor_worker_outlets{"))
      .map((line) => Number(line.split(" ").at(-1)));
  return Object.assign(server, { outlets });
}

/** Waits until each room was saved twice: of so many changes of the file one room made
 * three, so the others, which are saved as often, made two. */
async function areSaved() {
  const written = () => fs.statSync(path.join(data, "parlor.db-wal"), { throwIfNoEntry: false })?.mtimeMs;
  for (let times = 0; times < 3 * ROOMS; times++) {
    const before = written();
    await until("a save", () => written() !== before);
  }
}

/** What everybody in a room shall see of a seat, by its id. */
const sums = (seats) =>
  Object.fromEntries(Object.entries(seats).map(([id, seat]) => [id, [seat.name, seat.away, seat.sum]]));

/** Waits until all of a room hold these sums, with nobody away. */
async function holdAll(room, expected) {
  const total = Object.values(expected).reduce((sum, seat) => sum + seat[2], 0);
  const isIt = (state, seats) => state.total === total && JSON.stringify(sums(seats)) === JSON.stringify(expected);
  for (const player of room.players)
    await player.until("the sums", () => isIt(player.state, player.state.seats));
  for (const sdk of room.sdks)
    await until("the sums in the SDK", () => isIt(sdk.state, rowsOf(sdk.state.seats))).catch((error) => {
      throw new Error(`${error.message}: ${sdk.status} ${JSON.stringify(sums(rowsOf(sdk.state.seats)))}`);
    });
  for (const player of room.players)
    assert.deepEqual(player.state.seats[player.id].hand, [player.id, 7], "what is its alone");
}

test("durable rooms with spread members come back as they were after kill -9, twice", async (t) => {
  const port = await freePort();
  let server = await serve(port);
  const rooms = [];
  for (let i = 0; i < ROOMS; i++) {
    const at = `/hall/r${i}`;
    const names = Array.from({ length: JSON_PLAYERS }, (_, k) => `p${k}`);
    const players = await Promise.all(names.map((name) => joinJ1(server, at, { name })));
    const sdks = await Promise.all(
      Array.from({ length: SDK_PLAYERS }, (_, k) => joinWithSdk(server, at, { name: `sdk${k}` })),
    );
    const expected = {};
    for (const p of players) expected[p.id] = [p.state.seats[p.id].name, false, 0];
    for (const [k, sdk] of sdks.entries()) expected[sdk.id] = [`sdk${k}`, false, 0];
    rooms.push({ at, players, sdks, expected });
  }
  const give = (room, id, by) => {
    room.expected[id][2] += by;
    return by;
  };

  for (let kills = 0; kills < 2; kills++) {
    const outlets = await server.outlets();
    t.diagnostic(`outlets: ${outlets}`);
    assert.equal(outlets.length, WORKERS);
    assert.ok(outlets.filter((n) => n > 0).length > 1, "members are away from their rooms");
    for (const [i, room] of rooms.entries()) {
      for (const player of room.players) {
        player.say("add", give(room, player.id, 10 * i + player.id));
      }
      for (const sdk of room.sdks) sdk.send("add", give(room, sdk.id, 5));
      await holdAll(room, room.expected);
    }
    await areSaved();
    // What pages send from here on is saved or sent again, once.
    for (const room of rooms)
      for (const sdk of room.sdks) for (let k = 1; k <= 20; k++) sdk.send("add", give(room, sdk.id, k));
    process.kill(server.pid, "SIGKILL");
    await until("the end", () => !server.isRunning());

    server = await serve(port);
    const back = [...server.log().matchAll(/(\d+) rooms? (?:is|are) back, 0 set aside/g)];
    assert.equal(back.reduce((sum, [, n]) => sum + Number(n), 0), ROOMS, server.log());
    for (const room of rooms) {
      const again = await Promise.all(room.players.map((p) => resumeJ1(server, room.at, p)));
      assert.deepEqual(again.map((p) => p.id), room.players.map((p) => p.id));
      assert.ok(again.every((p) => !p.hello.resumed), "what was on its way is lost");
      room.players = again;
      await until("the pages' return", () => room.sdks.every((sdk) => sdk.status === "live"));
      await holdAll(room, room.expected);
      const [first] = again;
      first.send({ t: "request", id: 1, name: "add", data: 0 });
      const reply = await first.record("the answer", (r) => r.t === "reply");
      assert.equal(reply.data, room.expected[first.id][2]);
    }
  }
  for (const room of rooms) {
    for (const sdk of room.sdks) sdk.leave();
    await Promise.all(room.players.map((player) => player.leave()));
  }
  await until("the end of the rooms", async () => (await server.game("hall")).rooms === 0);
  await server.stop();
});
