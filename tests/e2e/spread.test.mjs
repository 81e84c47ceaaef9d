// SPDX-License-Identifier: MIT
// Rooms whose members stay on the workers that accepted them: nobody can tell the
// difference, whether they sit where the room is or elsewhere.
import assert from "node:assert/strict";
import test from "node:test";

import { join, joinJ1, Player, resumeJ1 } from "./lib/player.mjs";
import { joinWithSdk, rowsOf } from "./lib/sdk.mjs";
import { freePort, sleep, startServer, until } from "./lib/server.mjs";

const PATIENCE = 30000;
const WORKERS = 4;

/** Who watches the swarm: all see all, everything moves. */
const hive = (version, extra = "") => `local parlor = require "parlor"
local s = parlor.schema
local game = parlor.game {
  tick_rate = 20, max_players = 1000, reconnect = 30, spread = 1, budget_kill = 1000,
  state = { n = s.u32, version = s.uint, ${extra}
            seats = s.map { name = s.str(16), away = s.bool, sum = s.uint },
            bees = s.map({ x = s.u16, y = s.u16 }, { keys = "integer" }) },
  messages = { add = s.message { by = s.uint } },
}
function game:create(options)
  self.state.version = ${version}
  for i = 1, options.bees or 10 do self.state.bees[i] = { x = i, y = i } end
end
function game:reloaded() self.state.version = ${version} end
function game:join(player) self.state.seats[player.id] = { name = player.name } end
function game:drop(player) self.state.seats[player.id].away = true end
function game:resume(player) self.state.seats[player.id].away = false end
function game:leave(player) self.state.seats[player.id] = nil end
function game.on.add(room, player, m)
  local seat = room.state.seats[player.id]
  seat.sum = seat.sum + m.by
  return seat.sum
end
function game:tick()
  if not self.runs then return end
  self.state.n = self.tick
  for _, b in pairs(self.state.bees) do b.x = self:random(0, 65535) b.y = self:random(0, 65535) end
end
function game:message(player, name, data)
  if name == "run" then self.runs = data end
  if name == "count" then
    for i = 1, 5 do player:send("own", i) self:broadcast("all", { by = player.id, i = i }) end
  end
  if name == "flood" then for i = 1, 120 do player:send("drop", ("x"):rep(100000)) end end
  if name == "backlog" then player:send("backlog", player.backlog) end
  if name == "kick" then
    for _, one in pairs(self.players) do if one.name == data then one:kick("enough") end end
  end
  if name == "busy" then for i = 1, 4e8 do end end
  if name == "ban" then player:ban { seconds = 60 } end
  if name == "loop" then while true do end end
  if name == "close" then self:close("all done") end
end
return game
`;

async function start(args = []) {
  const admin = `127.0.0.1:${await freePort()}`;
  const server = await startServer({
    games: [],
    files: { "hive/game.lua": hive(1) },
    args: ["--workers", String(WORKERS), "--admin", admin, ...args],
    // What is sent is what fills a line.
    env: { PARLOR_DEFLATE_LEVEL: "0" },
  });
  const figures = async (name) => {
    const text = await (await fetch(`http://${admin}/metrics`)).text();
    return text
      .split("\n")
      .filter((line) => line.startsWith(`${name}{`))
      .map((line) => Number(line.split(" ").at(-1)));
  };
  const metric = async (name) => (await figures(name)).reduce((a, b) => a + b, 0);
  return Object.assign(server, { figures, metric });
}

/** So many players, 20 at a time. */
async function crowd(server, path, n, options = {}) {
  const all = [];
  for (let i = 0; i < n; i += 20)
    all.push(
      ...(await Promise.all(
        Array.from({ length: Math.min(20, n - i) }, (_, k) =>
          joinJ1(server, path, { name: `p${i + k}`, ...options }),
        ),
      )),
    );
  return all;
}
const leaveAll = (players) => Promise.all(players.map((player) => player.leave()));

/** Stops the swarm and waits until everybody holds the same. */
async function settle(players, rooms = []) {
  const [first] = players;
  first.say("run", false);
  // An answer comes behind all state from before.
  const asked = first.records.length;
  first.send({ t: "request", id: 9, name: "add", data: { by: 0 } });
  await first.record("the answer", (r) => r.t === "reply", { from: asked, ms: PATIENCE });
  const same = (state) => {
    try {
      assert.deepEqual(state, first.state);
      return true;
    } catch {
      return false;
    }
  };
  for (const player of players) await player.until("the same state", () => same(player.state), PATIENCE);
  for (const room of rooms)
    await until("the same state in the SDK", () =>
      same({ ...room.state, seats: rowsOf(room.state.seats), bees: rowsOf(room.state.bees) }), PATIENCE);
}

const server = await start(["--close-ms", "500"]);

test("members of a room sit on all workers, and all hold the same", async (t) => {
  const players = await crowd(server, "/hive/one", 200);
  const outlets = await server.figures("parlor_worker_outlets");
  t.diagnostic(`outlets: ${outlets}`);
  assert.equal(outlets.filter((n) => n > 20).length, WORKERS - 1, "all but the room's own");
  assert.equal(await server.metric("parlor_worker_distant_members"), await server.metric("parlor_worker_outlets"));
  assert.equal(new Set(players.map((player) => player.id)).size, 200);

  await t.test("what goes to one and what goes to all keeps its order", async () => {
    await Promise.all(
      players.slice(0, 40).map(async (player) => {
        player.say("count", 0);
        const seen = () => player.of("event").filter((r) => r.name === "own" || r.data.by === player.id);
        await player.until("ten events", () => seen().length === 10, PATIENCE);
        assert.deepEqual(
          seen().map((r) => `${r.name}${r.data.i ?? r.data}`),
          [1, 2, 3, 4, 5].flatMap((i) => [`own${i}`, `all${i}`]),
        );
      }),
    );
    for (const player of players)
      await player.until("all of them", () => player.of("event").filter((r) => r.name === "all").length === 200, PATIENCE);
  });

  await t.test("messages arrive once each, in order, and requests are answered", async () => {
    await Promise.all(
      players.map(async (player, i) => {
        for (let k = 0; k < 20; k++) player.say("add", { by: i });
        player.send({ t: "request", id: 1, name: "add", data: { by: 1 } });
        const { data } = await player.record("the answer", (r) => r.t === "reply" && r.id === 1, { ms: PATIENCE });
        assert.equal(data, 20 * i + 1);
      }),
    );
  });

  await t.test("cut off, each comes back to its seat, from any worker", async () => {
    for (let round = 0; round < 3; round++) {
      const gone = players.splice(0, 60);
      for (const player of gone) player.drop();
      await players[0].until("60 are away", () =>
        Object.values(players[0].state.seats).filter((seat) => seat.away).length === 60, PATIENCE);
      await Promise.all(
        gone.map(async (player) => {
          const again = await resumeJ1(server, "/hive", player);
          assert.equal(again.id, player.id);
          assert.equal(again.hello.resumed, true);
          players.push(again);
        }),
      );
      await players[0].until("nobody is away", () =>
        Object.values(players[0].state.seats).every((seat) => !seat.away), PATIENCE);
    }
    await until("they are on all workers again", async () =>
      (await server.figures("parlor_worker_outlets")).filter((n) => n > 20).length === WORKERS - 1, PATIENCE);
  });

  await t.test("a second connection takes over", async () => {
    for (const player of players.splice(0, 8)) {
      players.push(await resumeJ1(server, "/hive", player));
      assert.equal((await player.end()).code, 4005);
    }
  });

  await t.test("too many events for a line: 4007, and the seat is kept", async () => {
    // One after the other: a room has 16 MiB for what leaves in one tick.
    for (const player of players.splice(0, 4)) {
      player.ws.pause();
      player.say("flood", 0);
      await until("it is given up", () => players[0].state.seats[player.id].away, PATIENCE);
      player.drop();
      const again = await resumeJ1(server, "/hive", player);
      assert.equal(again.id, player.id);
      players.push(again);
    }
  });

  await t.test("new code with another schema reaches all of them", async () => {
    const rooms = [];
    for (let i = 0; i < 8; i++) rooms.push(await joinWithSdk(server, "/hive/one", { name: `sdk${i}` }));
    for (const player of players) player.had = player.records.length;
    server.save("hive/game.lua", hive(2, "honey = s.u8,"));
    for (const player of players) {
      await player.record("the snapshot", (r) => r.t === "snapshot", { from: player.had, ms: PATIENCE });
      await player.until("the new code", () => player.state.version === 2, PATIENCE);
      assert.equal(player.state.honey, 0);
    }
    for (const room of rooms)
      await until("the new code in the SDK", () => room.state.version === 2 && room.state.honey === 0, PATIENCE);
    for (const room of rooms) assert.equal(await room.request("add", { by: 3 }), 3);
    await settle(players, rooms);
    for (const room of rooms) room.leave();
  });

  await t.test("a script that is stopped costs nobody the seat", async () => {
    players[5].say("loop", {});
    players[0].say("run", true);
    const from = players.map((player) => player.of("delta").length);
    for (const [i, player] of players.entries())
      await player.until("ticks go on", () => player.of("delta").length > from[i] + 5, PATIENCE);
    await settle(players);
  });

  await t.test("kicks and bans reach them", async () => {
    const gone = players.splice(0, 8);
    for (const player of gone) players[0].say("kick", player.state.seats[player.id].name);
    for (const player of gone) assert.deepEqual(await player.end(), { code: 4000, reason: "enough" });
    await players[0].until("their seats", () =>
      Object.keys(players[0].state.seats).length === players.length, PATIENCE);
  });

  await t.test("who leaves for good leaves", async () => {
    const gone = players.splice(0, 40);
    await leaveAll(gone);
    await players[0].until("their seats", () =>
      Object.keys(players[0].state.seats).length === players.length, PATIENCE);
  });

  await t.test("the room's end reaches all", async () => {
    players[0].say("close", 0);
    for (const player of players)
      assert.deepEqual(await player.end(), { code: 4008, reason: "all done" });
    await until("nothing is left", async () =>
      (await server.metric("parlor_worker_outlets")) === 0 &&
      (await server.metric("parlor_worker_distant_members")) === 0, PATIENCE);
  });
});

test("who reads nothing is skipped, and gets one merged delta", async () => {
  const players = await crowd(server, "/hive/slow", 16, { bees: 300 });
  const [first, ...others] = players;
  const slow = others.slice(0, 10); // all on the room's own worker in one of a million runs
  for (const player of slow) player.ws.pause();
  first.say("run", true);
  await first.until("ticks", () => first.of("delta").length > 250, 2 * PATIENCE);
  for (const player of slow) player.had = player.of("delta").length;
  first.say("run", false);
  await sleep(200);
  for (const player of slow) player.ws.resume();
  await settle(players);
  for (const player of slow) {
    const after = player.of("delta").slice(player.had);
    assert.ok(after.some((d) => d.tick - d.base > 5), "a merged one");
    assert.ok(after.length < 230, `${after.length} deltas waited`);
  }
  await leaveAll(players);
});

test("those who come through the lobby, and those who watch, stay where they are as well", async () => {
  const players = await crowd(server, "/hive", 60);
  const watch = [];
  for (let i = 0; i < 40; i++) watch.push(await joinJ1(server, "/hive", { spectate: true }));
  const outlets = await server.figures("parlor_worker_outlets");
  assert.ok(outlets.filter((n) => n > 5).length >= WORKERS - 1, `outlets: ${outlets}`);
  await settle([...players, ...watch]);
  await leaveAll(players);
  for (const player of watch) assert.equal((await player.end()).code, 4008);
});

test("who sends faster than the room can take is held back, and loses nothing", async () => {
  const players = await crowd(server, "/hive/fast", 40);
  const blob = "x".repeat(12000);
  const holds = () => server.metric("parlor_worker_outlet_holds_total");
  const before = await holds();
  // On a slow machine all may come when the room is busy no more: again, then.
  for (let round = 1; round <= 8 && (await holds()) === before; round++) {
    players[0].say("busy", 0);
    for (const player of players) for (let i = 0; i < 60; i++) player.say("other", blob);
    for (const player of players) player.send({ t: "request", id: round, name: "add", data: { by: 1 } });
    for (const player of players)
      await player.record("the answer", (r) => r.t === "reply" && r.id === round, { ms: PATIENCE });
  }
  assert.ok((await holds()) > before);
  await leaveAll(players);
});

test("SIGTERM sends everybody away and ends with 0", async () => {
  const players = await crowd(server, "/hive/end", 60);
  const stopped = server.stop();
  for (const player of players) assert.equal((await player.end()).code, 1001);
  await stopped;
});

test("SIGTERM ends with 0, too, while some flood and others read nothing", async () => {
  const other = await start(["--close-ms", "20000", "--message-rate", "0", "--byte-rate", "0"]);
  const players = await crowd(other, "/hive/flood", 40, { bees: 300 });
  const [floods, honest, stuck] = [players.slice(0, 15), players.slice(15, 30), players.slice(30)];
  const blob = "x".repeat(10000);
  for (const player of stuck) player.ws.pause();
  honest[0].say("run", true);
  const flood = setInterval(() => {
    for (const player of floods)
      for (let i = 0; i < 20 && player.ws.readyState === player.ws.OPEN && player.ws.bufferedAmount < 1e6; i++)
        player.say("other", blob);
  }, 5);
  for (const player of honest)
    await player.until("ticks go on", () => player.of("delta").length > 40, PATIENCE);
  const stopped = other.stop();
  for (const player of honest) assert.equal((await player.end()).code, 1001);
  clearInterval(flood);
  for (const player of stuck) player.drop();
  await stopped;
});
