// SPDX-License-Identifier: MIT
// One text for all: random schedules of 3 to 5 people who write at once, the page's own
// code against the real server. Here a short share of them; all:
//
//   PARLOR_SCHEDULES=1000 node --test tests/e2e/doc-converge.test.mjs
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test, { after } from "node:test";

import { joinWithSdk as join } from "./lib/sdk.mjs";
import { gamesFolder, startServer, until } from "./lib/server.mjs";
import { runSchedule } from "./lib/writers.mjs";

const SCHEDULES = Number(process.env.PARLOR_SCHEDULES ?? 60);
const FIRST = Number(process.env.PARLOR_SEED ?? 1);
const AT_ONCE = 12; // each has a room of its own

// Answers come with the state, twenty times a second; so the tests would wait most of the time.
const folder = gamesFolder(["doc"]);
const script = path.join(folder, "doc/game.lua");
const source = fs.readFileSync(script, "utf8");
assert.match(source, /sync_rate = 20,/);
fs.writeFileSync(script, source.replace("sync_rate = 20,", "sync_rate = 120,"));

const server = await startServer({ folder });
after(() => server.stop());

/** Runs schedules; throws the first fault. Returns what they were. */
async function run(count) {
  const seeds = Array.from({ length: count }, (_, i) => FIRST + i);
  const all = { schedules: 0, edits: 0, signs: 0, gaps: 0 };
  let fault;
  const lanes = Array.from({ length: AT_ONCE }, async () => {
    while (seeds.length > 0 && !fault)
      try {
        const { rev, length, gaps } = await runSchedule({ join, server, seed: seeds.shift() });
        all.schedules++;
        all.edits += rev;
        all.signs += length;
        all.gaps += gaps;
      } catch (error) {
        fault ??= error;
      }
  });
  await Promise.all(lanes);
  if (fault) throw fault;
  return all;
}

test(`${SCHEDULES} random schedules end with one text each`, async (t) => {
  const all = await run(SCHEDULES);
  t.diagnostic(JSON.stringify(all));
  assert.equal(all.schedules, SCHEDULES);
  assert.ok(all.edits > 5 * SCHEDULES && all.signs > SCHEDULES, "they have written something");
});

/** What somebody might get wrong: file, what it is, what is there, what stands in its place. */
const BUGS = [
  ["ops.lua", "whose text comes first", "(is_first or y.kind", "(not is_first or y.kind"],
  ["ops.lua", "what was cut twice", 'if y.kind ~= "cut" then', "if true then"],
  ["ops.lua", "units are not characters", "byte >= 0xF0 then n = n + 1", "byte >= 0xF0 then n = n"],
  ["game.lua", "one edit too few", "room.state.rev do step", "room.state.rev - 1 do step"],
  ["game.lua", "carets that stay", "after = ops.transform(before, op, true)", "after = {}"],
];

/** Saves a file of the game, and waits until it runs. */
async function save(name, text) {
  const { version } = await server.game("doc");
  server.save(name, text);
  await until("the new code", async () => (await server.game("doc")).version > version);
}

test("each planted bug is caught within a few schedules", async () => {
  for (const [file, name, right, wrong] of BUGS) {
    const good = server.read(`doc/${file}`);
    const broken = good.replace(right, wrong);
    assert.notEqual(broken, good, name);
    await save(`doc/${file}`, broken);
    await assert.rejects(run(40), /seed \d+|refuses/, name);
    await save(`doc/${file}`, good);
  }
});
