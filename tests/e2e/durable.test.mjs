// SPDX-License-Identifier: MIT
// What outlives the process: durable rooms after kill -9, SIGTERM and a takeover, and
// what becomes of a data folder that is no good.
import assert from "node:assert/strict";
import fs from "node:fs";
import http from "node:http";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import test from "node:test";

import { Player, joinJ1, resumeJ1 } from "./lib/player.mjs";
import { joinWithSdk, rowsOf } from "./lib/sdk.mjs";
import {
  freePort,
  gamesFolder,
  runToEnd,
  sleep,
  startServer,
  temporaryFolder,
  until,
} from "./lib/server.mjs";

const TABLE = `local parlor = require "parlor"
local s = parlor.schema
local game = parlor.game {
  tick_rate = 20, reconnect = 30, durable = true, max_players = 100,
  state = {
    n = s.u32, beats = s.u32,
    seats = s.map({ name = s.str(16), score = s.u32, hand = s.list(s.u8) {to = "owner"}, deck = s.u32 {to = "server"} }),
  },
}
function game:create() self:every(50, "beat") end
function game:beat() self.state.beats = self.state.beats + 1 end
function game:join(p) self.state.seats[p.id] = { name = p.name, hand = { p.id, 7 }, deck = 1000 + p.id } end
function game:leave(p) self.state.seats[p.id] = nil end
function game:message(p, name, data)
  local seat = self.state.seats[p.id]
  if name == "score" then seat.score = data
  elseif name == "add" then self.state.n = self.state.n + data
  elseif name == "deck" then return seat.deck
  end
end
return game
`;

const GATE = `local parlor = require "parlor"
local s = parlor.schema
local game = parlor.game { reconnect = 30, durable = true, state = { n = s.u32 } }
function game:auth(request) return { user = { id = request.token } } end
function game:message(p, name, data)
  if name == "ban" then parlor.ban { user = data, seconds = 600, reason = "be kind" }
  elseif name == "add" then self.state.n = self.state.n + data end
end
return game
`;

const folder = gamesFolder([], { "table/game.lua": TABLE, "gate/game.lua": GATE });

/** A server over `data`, on the port of one before where it is given. */
const serve = async (data, { port, args = [], ...more } = {}) =>
  startServer({
    folder,
    command: "serve",
    args: ["--data", data, "--port", String(port ?? (await freePort())), ...args],
    ...more,
  });

async function kill(server) {
  process.kill(server.pid, "SIGKILL");
  await until("the end", () => !server.isRunning());
}

/** Waits until the store has written twice: what was so before is on the disk. */
async function isSaved(data) {
  const wal = path.join(data, "parlor.db-wal");
  const written = () => fs.statSync(wal, { throwIfNoEntry: false })?.mtimeMs;
  for (let times = 0; times < 2; times++) {
    const before = written();
    await until("a save", () => written() !== before);
  }
}

/** What a restarted server must give back to one who sat there before. */
async function back(server, player, room = "/table/den") {
  const again = await resumeJ1(server, room, player);
  assert.equal(again.hello.id, player.id);
  assert.notEqual(again.hello.epoch, player.hello.epoch);
  assert.equal(again.hello.resumed, false);
  return again;
}

test("after kill -9 three players have their seats, and a state of at most a second ago", async () => {
  const data = temporaryFolder();
  const first = await serve(data);
  const { port } = first;
  const sdk = await joinWithSdk(first, "/table/den", { name: "sdk" });
  const players = [];
  for (const name of ["ann", "bob"])
    players.push(await joinJ1(first, "/table/den", { name }));
  players.forEach((p, i) => p.say("score", 100 + i));
  sdk.send("score", 99);
  await players[0].until("the scores", () =>
    Object.values(players[0].state.seats).every((seat) => seat.score >= 99),
  );
  await isSaved(data);
  // More than a second, so another save is due.
  const { beats } = players[0].state;
  await players[0].until("25 beats", () => players[0].state.beats > beats + 25);
  const held = structuredClone(players.map((p) => p.state));
  await kill(first);
  assert.ok(fs.existsSync(path.join(data, "parlor.db")));

  const second = await serve(data, { port });
  assert.match(second.log(), /1 room is back, 0 set aside/);
  const again = await Promise.all(players.map((p) => back(second, p)));
  for (const [i, p] of again.entries()) {
    assert.deepEqual(p.state.seats, held[i].seats, "the hand too");
    // 20 beats are a second; what was on its way to the client does not count.
    assert.ok(p.state.beats > held[i].beats - 22, `${p.state.beats} of ${held[i].beats}`);
  }
  again[0].send({ t: "request", id: 1, name: "deck" });
  const reply = await again[0].record("the reply", (r) => r.t === "reply");
  assert.equal(reply.data, 1000 + again[0].id, "what is the server's alone");
  // The SDK comes back by itself.
  await until("the SDK's return", () => sdk.status === "live");
  assert.equal(sdk.state.seats.get(sdk.id).score, 99);
  again[1].say("score", 5);
  await until("play", () => sdk.state.seats.get(again[1].id).score === 5);
  // A token that nobody was given.
  const stranger = new Player(second.ws("/table/den"), {
    protocol: "parlor.j1",
    hello: { t: "hello", resume: { token: "0".repeat(32), epoch: 1, tick: 1 } },
  });
  assert.equal((await stranger.end()).code, 4002);
  sdk.leave();
  await second.stop();
});

test("after kill -9 who was banned is kept out, and who watched watches again", async () => {
  const data = temporaryFolder();
  const first = await serve(data);
  const { port } = first;
  const ann = await joinJ1(first, "/gate/den", { token: "ann" });
  const bad = await joinJ1(first, "/gate/den", { token: "bad" });
  const watchers = [];
  for (const json of [false, true])
    watchers.push(await joinWithSdk(first, "/gate", { spectate: true }, { json }));
  await sleep(1200); // the room is saved with both
  ann.say("ban", "bad");
  assert.equal((await bad.end()).code, 4003);
  const wal = path.join(data, "parlor.db-wal");
  await until("the ban on the disk", () => fs.readFileSync(wal).includes("be kind"), 30_000);
  await kill(first);

  const second = await serve(data, { port });
  const again = await back(second, ann, "/gate/den");
  for (const hello of [
    { t: "hello", join: { token: "bad" } },
    { t: "hello", resume: { token: bad.hello.token, epoch: bad.hello.epoch, tick: 0 } },
  ]) {
    const gone = new Player(second.ws("/gate/den"), { protocol: "parlor.j1", hello });
    const { code, reason } = await gone.end();
    // As it was saved the seat is there and then given up, or gone already.
    const expected = hello.join ? ["4003 be kind"] : ["4000 the player was kicked", "4002 there is no seat of this token"];
    assert.ok(expected.includes(`${code} ${reason}`), `${code} ${reason}`);
  }
  await until("the watchers", () => watchers.every((room) => room.status === "live"), 30_000);
  for (const room of watchers) assert.deepEqual([room.spectator, room.code], [true, "den"]);
  again.say("add", 7);
  await until("the change", () => watchers.every((room) => room.state.n === 7), 30_000);
  for (const room of watchers) room.leave();
  await second.stop();
});

test("what the SDK sends arrives once, through three kills", async () => {
  const data = temporaryFolder();
  let server = await serve(data);
  const { port } = server;
  const players = [];
  let gaps = 0;
  for (const json of [false, true]) {
    const room = await joinWithSdk(server, "/table/den", { name: "sdk" }, { json });
    room.on("gap", () => gaps++);
    players.push(room);
  }
  let sent = 0;
  const say = async (times) => {
    for (let i = 0; i < times; i++) {
      for (const room of players) {
        room.send("add", ++sent);
      }
      await sleep(15);
    }
  };
  for (let kills = 1; kills <= 3; kills++) {
    await say(30 + 17 * kills);
    await kill(server);
    await say(5);
    server = await serve(data, { port });
    await until("both", () => players.every((room) => room.status === "live"));
  }
  await say(5);
  const total = (sent * (sent + 1)) / 2;
  await until(`${total}`, () => players.every((room) => room.state.n === total)).catch((error) => {
    throw new Error(`${error.message}: ${players.map((room) => room.state.n)}`);
  });
  await sleep(200);
  assert.ok(players.every((room) => room.state.n === total));
  assert.ok(gaps >= 2, "pages hear that events may be missing");
  for (const room of players) room.leave();
  await server.stop();
});

test("SIGTERM loses nothing, ends with 0, and tells players to come back", async () => {
  const data = temporaryFolder();
  const first = await serve(data);
  const ann = await joinJ1(first, "/table/den", { name: "ann" });
  ann.say("score", 4711);
  await ann.until("the score", () => ann.state.seats[ann.id].score === 4711);
  process.kill(first.pid, "SIGTERM");
  assert.equal((await ann.end()).code, 1001);
  await until("the end", () => !first.isRunning());
  await first.stop(); // with 0
  assert.match(first.log(), /1 room is saved/);
  assert.ok(!fs.existsSync(path.join(data, "parlor.db-wal")), "the file is whole by itself");
  const second = await serve(data, { port: first.port });
  const again = await back(second, ann);
  assert.equal(again.state.seats[ann.id].score, ann.state.seats[ann.id].score);
  assert.ok(again.state.beats >= ann.state.beats, "not a beat is missing");
  // Whose time is over leaves, and an empty room does not come back.
  await again.leave();
  await until("the end of the room", async () => (await second.game("table")).rooms === 0);
  await second.stop();
  const third = await serve(data);
  assert.doesNotMatch(third.log(), /is back/);
  await third.stop();
});

test("a second server takes over from the first: 20 players keep their seats", async () => {
  const data = temporaryFolder();
  const first = await serve(data);
  const { port } = first;
  const rooms = await Promise.all(
    Array.from({ length: 20 }, (_, i) =>
      joinWithSdk(first, `/table/r${i % 4}`, { name: `p${i}` }, { json: i % 2 === 1 }),
    ),
  );
  rooms.forEach((room, i) => room.send("score", 500 + i));
  await until("all scores", () =>
    rooms.every((room, i) => room.state.seats.get(room.id)?.score === 500 + i),
  );
  const ids = rooms.map((room) => room.id);
  const beats = rooms.map((room) => room.state.beats);
  // Somebody asks for pages all the time.
  const failures = [];
  let asks = true;
  const asking = (async () => {
    while (asks) {
      await new Promise((done) => {
        http
          .get({ host: "127.0.0.1", port, path: "/healthz", agent: false }, (answer) => {
            answer.resume();
            answer.on("end", done);
          })
          .on("error", (error) => {
            failures.push(error.code);
            done();
          });
      });
      await sleep(5);
    }
  })();

  const second = await serve(data, { port, args: ["--takeover"] });
  // Each worker tells of its own.
  const back = [...second.log().matchAll(/(\d+) rooms? (?:is|are) back, 0 set aside/g)];
  assert.equal(back.reduce((sum, [, n]) => sum + Number(n), 0), 4);
  await until("the first server's end", () => !first.isRunning());
  await first.stop(); // with 0
  await until("everybody", () => rooms.every((room) => room.status === "live"));
  asks = false;
  await asking;
  // The kernel resets who shook hands with a listener in the moment it closed: one of us,
  // for each of its listeners.
  assert.ok(failures.length <= os.cpus().length, failures.join());
  rooms.forEach((room, i) => {
    assert.equal(room.id, ids[i]);
    assert.equal(room.state.seats.get(room.id).score, 500 + i);
    assert.equal(room.state.seats.size, 5);
    assert.ok(room.state.beats >= beats[i]);
  });
  rooms[0].send("score", 1);
  await until("play", () => rooms[4].state.seats.get(ids[0]).score === 1);
  assert.deepEqual(rowsOf(rooms[0].state.seats)[ids[4]].score, 504);
  for (const room of rooms) room.leave();
  await second.stop();
});

test("a folder belongs to one server, and a port too, unless it is taken over", async () => {
  const data = temporaryFolder();
  const first = await serve(data);
  const args = ["serve", folder, "--admin", "off", "--host", "127.0.0.1"];
  const same = await runToEnd([...args, "--port", "0", "--data", data]);
  assert.equal(same.code, 69);
  assert.match(same.stderr, new RegExp(`data folder .* belongs to another server \\(process ${first.pid}\\)`));
  const port = await runToEnd([...args, "--port", String(first.port), "--data", temporaryFolder()]);
  assert.equal(port.code, 69);
  assert.match(port.stderr, /is in use/);
  const off = await runToEnd([...args, "--port", "0", "--data", "off", "--takeover"]);
  assert.equal(off.code, 78);
  assert.match(off.stderr, /--takeover needs the data folder/);
  const dev = await runToEnd(["dev", folder, "--takeover"]);
  assert.equal(dev.code, 64);
  assert.ok(first.isRunning(), "nobody has told it to stop");
  await first.stop();
  // With nobody there it is a start like any other.
  const second = await serve(data, { args: ["--takeover"] });
  await second.stop();
});

test("a damaged database is kept aside, said loudly, and nobody is kept out", async () => {
  const data = temporaryFolder();
  fs.writeFileSync(path.join(data, "parlor.db"), "this is no database ".repeat(1000));
  const server = await serve(data);
  assert.match(server.log(), /parlor\.db cannot be used: file is not a database\. It is kept as /);
  const kept = fs.readdirSync(data).find((name) => name.includes(".damaged-"));
  assert.match(fs.readFileSync(path.join(data, kept), "utf8"), /^this is no database/);
  const ann = await joinJ1(server, "/table/den", { name: "ann" });
  await isSaved(data);
  await kill(server);
  const second = await serve(data, { port: server.port });
  assert.doesNotMatch(second.log(), /cannot be used/);
  await (await back(second, ann)).leave();
  await second.stop();
});

test("a folder that cannot be made: the server runs, in memory, and says so", async () => {
  const file = path.join(temporaryFolder(), "file");
  fs.writeFileSync(file, "");
  const server = await serve(path.join(file, "data"));
  assert.match(server.log(), /cannot be used: .*Nothing is kept beyond the end/);
  const ann = await joinJ1(server, "/table/den", { name: "ann" });
  await ann.leave();
  await server.stop();
});

test("dev keeps rooms only where it is given a folder", async () => {
  const data = temporaryFolder();
  const first = await startServer({ folder, args: ["--data", data] });
  const ann = await joinJ1(first, "/table/den", { name: "ann" });
  await first.stop();
  const second = await startServer({ folder, args: ["--data", data, "--port", String(first.port)] });
  await (await back(second, ann)).leave();
  await second.stop();
});

test("a room whose bytes are damaged is set aside, the others come back", async () => {
  const data = temporaryFolder();
  const first = await serve(data);
  const ann = await joinJ1(first, "/table/den", { name: "ann" });
  const bob = await joinJ1(first, "/table/attic", { name: "bob" });
  await first.stop();
  const file = path.join(data, "parlor.db");
  const bytes = fs.readFileSync(file);
  const at = bytes.indexOf(Buffer.from("ann"));
  assert.ok(at > 0);
  bytes[at] = "X".charCodeAt(0);
  fs.writeFileSync(file, bytes);
  const second = await serve(data, { port: first.port });
  assert.match(second.log(), /room den cannot be brought back: its bytes are damaged; it is set aside/);
  assert.match(second.log(), /1 room is back, 1 set aside/);
  await (await resumeJ1(second, "/table/attic", bob)).leave();
  const lost = new Player(second.ws("/table/den"), {
    protocol: "parlor.j1",
    hello: { t: "hello", resume: { token: ann.hello.token, epoch: 1, tick: 1 } },
  });
  assert.equal((await lost.end()).code, 4002);
  await second.stop();
});

test("a port in use is told before anything else, also while the folder is free", async () => {
  const other = net.createServer().listen(0, "127.0.0.1");
  await new Promise((done) => other.on("listening", done));
  const run = await runToEnd([
    "serve",
    folder,
    "--admin",
    "off",
    "--host",
    "127.0.0.1",
    "--port",
    String(other.address().port),
    "--data",
    temporaryFolder(),
  ]);
  assert.equal(run.code, 69);
  other.close();
});
