// SPDX-License-Identifier: MIT
// Bad lines: everybody ends with the server's state, and nothing is lost or doubled.
// For longer: tools/soak network.
import assert from "node:assert/strict";
import test, { after } from "node:test";

import { startServer } from "./lib/server.mjs";
import { STORM, run } from "./lib/storm.mjs";

const server = await startServer({ games: [], files: { "storm/game.lua": STORM } });
after(() => server.stop());

test("a hundred players whose lines are cut, stalled and half open", async (t) => {
  const result = await run({ server, players: 100, ms: 8000, faultsPerSecond: 15, seed: 7 });
  t.diagnostic(JSON.stringify({ ...result, wrong: result.wrong.length }));
  assert.deepEqual(result.wrong, []);
  assert.ok(Object.values(result.faults).every((n) => n > 10), "all kinds of faults");
  // How many, is the machine's matter.
  assert.ok(result.returns > 20 && result.events > 300 && result.answers > 60);
});
