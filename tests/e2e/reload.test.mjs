// SPDX-License-Identifier: MIT
// Saving a file while people play: new code runs, nobody is dropped, nothing is
// lost, and a broken script changes nothing.
import assert from "node:assert/strict";
import fs from "node:fs";
import test, { after } from "node:test";

import { join, joinJ1 } from "./lib/player.mjs";
import { joinWithSdk, rowsOf } from "./lib/sdk.mjs";
import { startServer, until } from "./lib/server.mjs";

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
const names = ["live", "typo", "shape", "page", "raise"];
const files = Object.fromEntries(
  names.flatMap((name) => [
    [`${name}/game.lua`, script()],
    [`${name}/web/index.html`, page("first")],
  ]),
);
const server = await startServer({ games: [], files });
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
  const saved = Date.now();
  await ann.until("the new code", () => ann.state.version === 2);
  assert.ok(Date.now() - saved < 1000, `it took ${Date.now() - saved} ms`);
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
