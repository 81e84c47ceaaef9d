// SPDX-License-Identifier: MIT
// Several workers in one server: whichever of them accepts a connection, its player sits
// where the room is, and what one worker knows all of them go by.
import assert from "node:assert/strict";
import test from "node:test";

import { join, joinJ1, Player, resumeJ1 } from "./lib/player.mjs";
import { freePort, startServer, until } from "./lib/server.mjs";

const den = (version, tick = "") => `local parlor = require "parlor"
local s = parlor.schema
local game = parlor.game {
  tick_rate = 50, max_players = 64, reconnect = 20, budget_kill = 2000, max_kills = 5,
  state = { n = s.uint, version = s.uint, heard = s.str(32),
            seats = s.map { name = s.str(16), away = s.bool } },
}
function game:create() self.state.version = ${version} end
function game:reloaded() self.state.version = ${version} end
function game:auth(r) return { user = { id = r.options.name or "?" } } end
function game:join(player) self.state.seats[player.id] = { name = player.name } end
function game:drop(player) self.state.seats[player.id].away = true end
function game:resume(player) self.state.seats[player.id].away = false end
function game:leave(player) self.state.seats[player.id] = nil end
function game:tick() self.state.n = self.state.n + 1 ${tick} end
function game:signal(name, data) self.state.heard = name .. data end
function game:message(player, name, data)
  if name == "loop" then while true do end end
  if name == "ban" then parlor.ban { user = data.user, seconds = 60, reason = "enough" } end
  if name == "unban" then parlor.unban { user = data.user } end
  if name == "rooms" then player:send("rooms", #parlor.rooms()) end
  if name == "tell" then
    for _, room in ipairs(parlor.rooms()) do parlor.signal(room.id, "hear", data.text) end
  end
end
return game
`;

const pairs = `local parlor = require "parlor"
local game = parlor.game { max_players = 4, queue = { min = 4, max = 4, wait = 20 } }
return game
`;

const open = `local parlor = require "parlor"
return parlor.game { max_players = 4 }
`;

/** A server with so many workers, and its figures. */
async function start(workers, args = []) {
  const admin = `127.0.0.1:${await freePort()}`;
  const server = await startServer({
    games: [],
    files: { "den/game.lua": den(1), "pairs/game.lua": pairs, "open/game.lua": open },
    args: ["--workers", String(workers), "--admin", admin, ...args],
  });
  const metrics = async () => (await fetch(`http://${admin}/metrics`)).text();
  /** The sum of the samples whose line fits. */
  const metric = async (pattern) =>
    (await metrics())
      .split("\n")
      .filter((line) => pattern.test(line))
      .reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
  return Object.assign(server, { metrics, metric });
}

const crowd = (server, path, n) =>
  Promise.all(Array.from({ length: n }, (_, i) => join(server, `${path}?name=p${i}`)));
const leaveAll = (players) => Promise.all(players.map((player) => player.leave()));
const nSeats = (player) => Object.keys(player.state.seats).length;

for (const workers of [2, 4])
  test(`with ${workers} workers`, async (t) => {
    const server = await start(workers);

    await t.test("a named room is one, whoever accepts its players", async () => {
      const players = await crowd(server, "/den/one", 16);
      for (const player of players) await player.until("all", () => nSeats(player) === 16);
      assert.equal(new Set(players.map((player) => player.id)).size, 16);
      assert.ok((await server.metric(/^parlor_worker_moves_total/)) > 0);
      assert.equal(await server.metric(/^parlor_rooms\{game="den"\}/), 1);
      assert.equal(await server.metric(/^parlor_players\{game="den"\}/), 16);
      assert.equal((await server.game("den")).players, 16);
      await leaveAll(players);
      await until("no room", async () => (await server.game("den")).rooms === 0);
    });

    await t.test("rooms lie on all workers", async () => {
      const players = await Promise.all(
        Array.from({ length: 4 * workers }, (_, i) => join(server, `/den/r${i}`)),
      );
      await until("a room on each", async () => {
        const lines = (await server.metrics()).match(/^parlor_worker_rooms\{.*$/gm);
        return lines.length === workers && lines.every((line) => Number(line.split(" ")[1]) > 0);
      });
      players[0].say("rooms", {});
      const told = await players[0].record("the list", (r) => r.name === "rooms");
      assert.equal(told.data, 4 * workers, "parlor.rooms knows them all");
      players[1].say("tell", { text: "o" });
      for (const player of players)
        await player.until("the signal", () => player.state.heard === "hearo");
      for (let i = 0; i < 8; i++) {
        // Each is another connection, so perhaps another worker.
        const answer = await fetch(`${server.origin}/_parlor/rooms?game=den`, {
          headers: { connection: "close" },
        });
        const { rooms } = await answer.json();
        assert.deepEqual(
          rooms.map((room) => room.id),
          players.map((_, k) => `r${k}`).sort(),
        );
      }
      await leaveAll(players);
    });

    await t.test("those who name no room fill rooms four by four", async () => {
      const players = await crowd(server, "/open", 20);
      await until("five rooms", async () => {
        const game = await server.game("open");
        return game.rooms === 5 && game.players === 20;
      });
      await leaveAll(players);
    });

    await t.test("those who wait in a queue begin together", async () => {
      const players = await crowd(server, "/pairs", 12);
      await until("three rooms", async () => {
        const game = await server.game("pairs");
        return game.rooms === 3 && game.players === 12;
      });
      const party = await Promise.all(
        Array.from({ length: 4 }, () =>
          joinJ1(server, "/pairs", { party: { id: "us", size: 4 } }),
        ),
      );
      assert.deepEqual(party.map((player) => player.id).sort(), [1, 2, 3, 4]);
      await leaveAll([...players, ...party]);
    });

    await t.test("a token brings its player back from any worker", async () => {
      let player = await joinJ1(server, "/den/back", { name: "ann" });
      const witness = await join(server, "/den/back?name=bob");
      for (let i = 0; i < 12; i++) {
        player.drop();
        await witness.until("it is away", () => witness.state.seats[player.id].away);
        const again = await resumeJ1(server, "/den", player);
        assert.equal(again.id, player.id);
        await witness.until("it is back", () => !witness.state.seats[player.id].away);
        player = again;
      }
      const wrong = new Player(server.ws("/den"), {
        protocol: "parlor.j1",
        hello: {
          t: "hello",
          resume: { token: "0".repeat(player.hello.token.length), epoch: 1, tick: 1 },
        },
      });
      assert.equal((await wrong.end()).code, 4002, "nobody knows this one");
      await leaveAll([player, witness]);
    });

    await t.test("a ban holds everywhere", async () => {
      const players = await Promise.all(
        Array.from({ length: 4 * workers }, (_, i) => join(server, `/den/b${i}?name=evil`)),
      );
      const judge = await join(server, "/den/judge?name=judge");
      judge.say("ban", { user: "evil" });
      for (const player of players)
        assert.deepEqual(await player.end(), { code: 4003, reason: "enough" });
      for (let i = 0; i < 8; i++) {
        const again = new Player(server.ws(`/den/c${i}?name=evil`));
        assert.equal((await again.end()).code, 4003);
      }
      judge.say("unban", { user: "evil" });
      await until("being let in", async () => {
        const again = new Player(server.ws("/den/d?name=evil"));
        await again.until("an answer", () => again.closed || again.hello);
        again.ws.close(1000);
        return again.hello;
      });
      await judge.leave();
    });

    await t.test("new code runs in all rooms, and is told once", async () => {
      await until("no room", async () => (await server.game("den")).rooms === 0);
      const players = await Promise.all(
        Array.from({ length: 2 * workers }, (_, i) => joinJ1(server, `/den/l${i}`)),
      );
      const from = server.log().length;
      server.save("den/game.lua", den(7));
      for (const player of players) {
        await player.until("the new code", () => player.state.version === 7);
        await player.record("the toast", (r) => r.t === "dev" && r.kind === "reloaded");
        assert.equal(player.of("dev").filter((r) => r.kind === "reloaded").length, 1);
      }
      const lines = server.log().slice(from).match(/is live, \d+ rooms? kept/g);
      assert.deepEqual(lines, [`is live, ${2 * workers} rooms kept`]);
      await leaveAll(players);
    });

    await t.test("code that fails in one room is taken back in all", async () => {
      const players = await Promise.all(
        Array.from({ length: 2 * workers }, (_, i) => joinJ1(server, `/den/f${i}`)),
      );
      const from = server.log().length;
      server.save("den/game.lua", den(8, `if self.id == "f1" then error "no luck" end`));
      for (const player of players)
        await player.record("that", (r) => r.t === "dev" && r.kind === "taken_back");
      const n = players[0].state.n;
      await players[0].until("ticks", () => players[0].state.n > n + 5);
      await until("one version everywhere", async () =>
        (await server.metric(/^parlor_game_version\{game="den"\}/)) === 2);
      assert.equal(server.log().slice(from).match(/is taken back/g).length, 1);
      server.save("den/game.lua", den(9));
      for (const player of players)
        await player.until("the next code", () => player.state.version === 9);
      await leaveAll(players);
    });

    await t.test("a worker whose script is being stopped stalls no other", async () => {
      const rooms = Array.from({ length: 2 * workers }, (_, i) => `/den/k${i}`);
      const players = await Promise.all(rooms.map((room) => join(server, room)));
      const gaps = players.map(() => 0);
      players.forEach((player, i) => {
        let last = Date.now();
        player.ws.on("message", () => {
          gaps[i] = Math.max(gaps[i], Date.now() - last);
          last = Date.now();
        });
      });
      players[0].say("loop", {});
      await until("the stop", async () =>
        (await server.metric(/callback_kills_total\{game="den",callback="message"\}/)) > 0);
      await until("that its own room stood still", () => gaps[0] >= 1900);
      t.diagnostic(`longest silences beside a callback of 2 s: ${gaps.join(" ")} ms`);
      assert.ok(Math.min(...gaps) < 1500, "rooms of other workers did not");
      await leaveAll(players);
    });

    await t.test("SIGTERM sends everybody away and ends with 0", async () => {
      const players = await crowd(server, "/den/end", 16);
      const waiting = new Player(server.ws("/pairs"));
      await waiting.record("its place", (r) => r.t === "queue");
      const stopped = server.stop();
      for (const player of [...players, waiting])
        assert.equal((await player.end()).code, 1001);
      await stopped;
    });
  });

test("limits of an address hold for all workers together", async () => {
  const server = await start(4, ["--limit_loopback", "1", "--conns_per_address", "6"]);
  const players = Array.from({ length: 12 }, () => new Player(server.ws("/den/x")));
  await until("six answers each", () =>
    players.filter((p) => p.of("snapshot").length > 0).length === 6 &&
    players.filter((p) => p.status === 429 || p.error).length === 6);
  await leaveAll(players.filter((p) => p.hello));
  await server.stop();
});

test("compressed messages survive the way to another worker", async () => {
  const server = await start(4);
  const players = await crowd(server, "/den/long", 12);
  const name = "0123456789".repeat(3);
  for (const player of players) {
    assert.match(player.ws.extensions, /permessage-deflate/);
    player.say("tell", { text: name.slice(0, 20) });
    await player.until("the signal", () => player.state.heard === `hear${name.slice(0, 20)}`);
  }
  await leaveAll(players);
  await server.stop();
});
