// SPDX-License-Identifier: MIT
// Saving a file while people play: new code runs, nobody is dropped, nothing is
// lost, and a broken script changes nothing.
import assert from "node:assert/strict";
import fs from "node:fs";
import test, { after } from "node:test";

import { join, joinJ1 } from "./lib/player.mjs";
import { joinWithSdk, rowsOf } from "./lib/sdk.mjs";
import path from "node:path";

import { freePort, root, startServer, temporaryFolder, until } from "./lib/server.mjs";

/** The game, with what a test wants changed in it. */
const script = ({ add = "m.by", version = 1, field = "", extra = "" } = {}) => `-- a game
local parlor = require "parlor"
local s = parlor.schema
local game = parlor.game {
  tick_rate = 20,
  state = {
    sum = s.uint, version = s.uint, beats = s.uint,
    people = s.map { name = s.str(16) ${field} },
  },
  messages = { add = s.message({ by = s.u8 }) },
}
function game:create() self:every(50, "beat") end
function game:beat() self.state.beats = self.state.beats + 1 end
function game:join(player) self.state.people[player.id] = {name = player.name} end
function game.on.add(room, player, m) room.state.sum = room.state.sum + ${add} end
function game:reloaded() self.state.version = ${version} end
function game:leave(player) self.state.people[player.id] = nil end
${extra}
return game
`;
const page = (text) => `<!doctype html><title>${text}</title>\n`;
const names = ["live", "typo", "shape", "page", "raise", "tick", "back", "moved"];
const files = Object.fromEntries(
  names.flatMap((name) => [
    [`${name}/game.lua`, script()],
    [`${name}/web/index.html`, page("first")],
  ]),
);
Object.assign(files, {
  "parts/game.lua": script({ add: 'require("rules.add").by(m) + require("latest")' }),
  "parts/rules/add.lua": "return { by = function(m) return m.by end }\n",
  "parts/latest.lua": "return 0\n",
  "parts/web/index.html": page("parts"),
  "shared/game.lua": script({ add: 'm.by * require("vec")' }),
});
// A copy of the library, so that a test may save in it.
const scripts = path.join(temporaryFolder(), "scripts");
fs.cpSync(path.join(root, "scripts"), scripts, { recursive: true });
fs.writeFileSync(path.join(scripts, "vec.lua"), "return 2\n");
const admin = await freePort();
const server = await startServer({
  games: [],
  files,
  args: ["--scripts", scripts, "--admin", `127.0.0.1:${admin}`],
});
after(() => server.stop());

const dev = (kind) => (record) => record.t === "dev" && record.kind === kind;

/** Adds 1 and waits until the sum is as it must be. */
async function adds(player, want) {
  player.say("add", { by: 1 });
  await player.until(`a sum of ${want}`, () => player.state.sum === want);
}

test("a saved script runs in the rooms that are open, with the same people", async () => {
  const ann = await join(server, "/live?name=ann");
  const bob = await joinJ1(server, "/live", { name: "bob" });
  const ids = [ann.id, bob.id];
  await adds(ann, 1);
  const beats = ann.state.beats;

  server.save("live/game.lua", script({ add: "10 * m.by", version: 2 }));
  await ann.until("the new code", () => ann.state.version === 2);
  await adds(bob, 11);
  await ann.until("the same sum", () => ann.state.sum === 11);

  assert.deepEqual([ann.id, bob.id], ids);
  assert.equal(ann.of("hello").length + bob.of("hello").length, 2, "nobody came back");
  assert.deepEqual([ann.closed, bob.closed], [undefined, undefined]);
  const people = Object.values(bob.state.people).map((p) => p.name);
  assert.deepEqual(people, ["ann", "bob"]);
  // Timers name methods, so the one that create() started goes on.
  await ann.until("the timer's beats", () => ann.state.beats > beats + 3);
  await ann.leave();
  await bob.leave();
});

test("a syntax error changes nothing, is told to every page, and goes with the next save", async () => {
  const ann = await joinJ1(server, "/typo", { name: "ann" });
  const bob = await joinJ1(server, "/typo", { name: "bob" });
  await adds(ann, 1);

  server.save("typo/game.lua", script({ version: 2, extra: "local x = = 1" }));
  const line = script().split("\n").length - 2;
  for (const player of [ann, bob]) {
    const error = await player.record("the error", dev("error"));
    assert.match(error.file, /typo\/game\.lua$/);
    assert.equal(error.line, line);
  }
  assert.match(server.log(), new RegExp(`typo/game\\.lua:${line}`));
  await adds(bob, 2);
  assert.equal(ann.state.version, 0, "the old code runs");

  server.save("typo/game.lua", script({ add: "100 * m.by", version: 3 }));
  for (const player of [ann, bob]) await player.record("that it is fixed", dev("fixed"));
  await ann.until("the new code", () => ann.state.version === 3);
  await adds(ann, 102);
  await ann.leave();
  await bob.leave();
});

test("a field more reaches everybody who is there, without a reconnect", async () => {
  const ann = await join(server, "/shape?name=ann");
  const sdk = await joinWithSdk(server, "/shape", { name: "sdk" });
  await adds(ann, 1);
  const status = [];
  sdk.on("status", (s) => status.push(s));
  const from = ann.records.length;

  server.save(
    "shape/game.lua",
    script({ version: 2, field: ", mood = s.enum {'calm', 'glad'}, luck = s.u8 {default = 7}" }),
  );
  const want = { name: "ann", mood: "calm", luck: 7 };
  const snapshot = await ann.record("a snapshot", (r) => r.t === "snapshot", { from });
  assert.deepEqual(snapshot.state.people[ann.id], want);
  await until("the new fields in the SDK", () => {
    const row = rowsOf(sdk.state.people)[ann.id];
    return row?.mood === "calm" && row.luck === 7 && row.name === "ann";
  });
  sdk.send("add", { by: 1 });
  await ann.until("the SDK's message by the new schema", () => ann.state.sum === 2);
  await until("the sum in the SDK", () => sdk.state.sum === 2);
  assert.deepEqual(status.filter((s) => s !== "live"), [], "the SDK stayed live");
  assert.equal(ann.of("hello").length, 1);
  assert.equal(ann.closed, undefined);
  sdk.leave();
  await ann.leave();
});

test("an error in a callback is shown with its line, and the room goes on", async () => {
  const ann = await joinJ1(server, "/raise", { name: "ann" });
  const extra = "function game:message(player, name) error('as asked: ' .. name) end";
  server.save("raise/game.lua", script({ version: 2, extra }));
  await ann.until("the new code", () => ann.state.version === 2);
  ann.say("oops");
  const error = await ann.record("the error", dev("error"));
  assert.match(error.file, /raise\/game\.lua$/);
  assert.equal(error.line, script().split("\n").length - 2);
  assert.match(JSON.stringify(error), /as asked: oops/);
  await adds(ann, 1);
  await ann.leave();
});

test("a saved page tells the pages that are open", async () => {
  const ann = await joinJ1(server, "/page", { name: "ann" });
  server.save("page/web/index.html", page("second"));
  await ann.record("the page's change", dev("page"));
  const answer = await fetch(`${server.origin}/page/`);
  assert.match(await answer.text(), /second/);
  assert.equal(ann.state.version, 0, "the script was not loaded again");
  await ann.leave();
});

test("a game that is new is there at once", async () => {
  fs.mkdirSync(`${server.folder}/fresh/web`, { recursive: true });
  server.save("fresh/game.lua", script());
  await until("the game in the list", () => server.game("fresh"));
  const ann = await join(server, "/fresh?name=ann");
  await adds(ann, 1);
  await ann.leave();
});

test("any file that the game has required reloads it, and no other does", async () => {
  const ann = await joinJ1(server, "/parts", { name: "ann" });
  await adds(ann, 1); // so that `require` in the handler has run
  const version = async () => (await server.game("parts")).version;
  assert.equal(await version(), 1);
  server.save("parts/rules/add.lua", "return { by = function(m) return 10 * m.by end }\n");
  await until("the module's new code", async () => (await version()) === 2);
  await adds(ann, 11);
  server.save("parts/latest.lua", "return 100\n");
  await until("its other module's", async () => (await version()) === 3);
  await adds(ann, 121);

  for (const name of ["parts/test.lua", "parts/tools.lua", "parts/rules/notes.txt"]) server.save(name, "oops\n");
  server.save("parts/web/index.html", page("again"));
  await ann.record("the page's change", dev("page"));
  assert.equal(await version(), 3, "nobody has required those");

  // It is required in a handler, so its mistake shows at the first message.
  server.save("parts/rules/add.lua", "oops oops\n");
  await until("the new code", async () => (await version()) === 4);
  ann.say("add", { by: 1 });
  const error = await ann.record("the error", dev("error"));
  assert.deepEqual([error.file, error.line], ["parts/rules/add.lua", 1]);
  await until("the old code", async () => (await version()) === 3);
  await adds(ann, 231);
  await ann.leave();
});

test("a module of the library reloads the games that require it", async () => {
  const ann = await joinJ1(server, "/shared", { name: "ann" });
  await adds(ann, 2);
  const others = (await server.game("live")).version;
  fs.writeFileSync(path.join(scripts, "vec.lua"), "return 5\n");
  await until("the new code", async () => (await server.game("shared")).version === 2);
  await adds(ann, 7);
  assert.equal((await server.game("live")).version, others);
  await ann.leave();
});

test("code that fails in its first tick is taken back, and every page is told", async () => {
  const ann = await joinJ1(server, "/tick", { name: "ann" });
  const bob = await join(server, "/tick?name=bob");
  await adds(ann, 1);
  const extra = "function game:tick() local t = nil t.x = 1 end";
  server.save("tick/game.lua", script({ version: 2, add: "10 * m.by", extra }));
  const back = await ann.record("that it was taken back", dev("taken_back"));
  assert.deepEqual([back.game, back.failed, back.version], ["tick", 2, 1]);
  const [error] = ann.records.filter(dev("error"));
  assert.equal(error.line, script().split("\n").length - 2);
  assert.match(error.hint, /it is nil/);
  assert.match(server.log(), /v2 is taken back, v1 goes on: tick\/game\.lua:\d+: attempt to index/);
  await adds(bob, 2);
  await ann.until("the sum by the old code", () => ann.state.sum === 2);
  assert.deepEqual([ann.closed, bob.closed], [undefined, undefined]);
  const listed = await server.game("tick");
  assert.equal(listed.version, 1);
  assert.match(listed.error, /attempt to index/);
  const late = await joinJ1(server, "/tick", { name: "late" });
  assert.match((await late.record("the error", dev("error"))).message, /attempt to index/);

  const metrics = async () => (await fetch(`http://127.0.0.1:${admin}/metrics`)).text();
  for (const line of ['game_version{game="tick"} 1', 'reloads_total{game="tick"} 1', 'reloads_failed_total{game="tick"} 1'])
    assert.ok((await metrics()).includes(`\nparlor_${line}\n`), line);

  server.save("tick/game.lua", script({ version: 3, add: "100 * m.by" }));
  await ann.record("that it is fixed", dev("fixed"));
  const reloaded = await ann.record("the reload", (r) => dev("reloaded")(r) && r.version === 3);
  assert.equal(reloaded.rooms, 1);
  await adds(bob, 102);
  assert.equal((await server.game("tick")).error, null);
  assert.match(await metrics(), /\nparlor_game_version\{game="tick"\} 3\n/);
  await ann.leave();
  await bob.leave();
  await late.leave();
});

test("another schema whose first message raises is taken back for pages too", async () => {
  const ann = await join(server, "/back?name=ann");
  const sdk = await joinWithSdk(server, "/back", { name: "sdk" });
  await adds(ann, 1);
  server.save("back/game.lua", script({ version: 2, field: ", mood = s.u8", add: "nil + m.by" }));
  await ann.until("the new schema", () => ann.state.people[ann.id].mood === 0);
  sdk.send("add", { by: 1 });
  await ann.until("the old schema", () => !("mood" in ann.state.people[ann.id]));
  await until("it in the SDK", () => !("mood" in rowsOf(sdk.state.people)[ann.id]));
  sdk.send("add", { by: 1 });
  await ann.until("the sum", () => ann.state.sum === 2);
  await until("the sum in the SDK", () => sdk.state.sum === 2);
  assert.equal(sdk.status, "live");
  sdk.leave();
  await ann.leave();
});

test("a value that cannot be kept is told with its path, behind the reload itself", async () => {
  const ann = await joinJ1(server, "/moved", { name: "ann" });
  await adds(ann, 1);
  const from = ann.records.length;
  server.save("moved/game.lua", script({ version: 2 }).replace("name = s.str(16)", "name = s.u8"));
  const error = await ann.record("the error", dev("error"), { from });
  assert.match(error.message, /^people\[\d+\]\.name: "ann" cannot become u8; the default is in its place$/);
  const kinds = ann.records.slice(from).filter((r) => r.t === "dev").map((r) => r.kind);
  assert.ok(kinds.indexOf("reloaded") < kinds.indexOf("error"), `a reload wipes older errors: ${kinds}`);
  await ann.until("the new schema", () => ann.state.people[ann.id].name === 0);
  await ann.leave();
});
