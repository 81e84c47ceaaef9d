// SPDX-License-Identifier: MIT
// What the commands have in common that an author runs without a server.
import assert from "node:assert/strict";
import path from "node:path";
import test from "node:test";

import { lines } from "./lib/author.mjs";
import { root, runToEnd, temporaryFolder } from "./lib/server.mjs";

test("each command says with --help what it does, an example first", async () => {
  for (const command of ["new", "check", "test", "types"]) {
    const end = await runToEnd([command, "--help"]);
    assert.equal(end.code, 0);
    assert.match(end.stdout, new RegExp(`^Example: parlor ${command} `));
    assert.match(end.stdout, /^Exit: 0/m);
    const wrong = await runToEnd([command, "--gmaes", "x"]);
    assert.equal(wrong.code, 64);
    assert.match(wrong.stderr, /^parlor: --gmaes: there is no such option/);
  }
  const all = await runToEnd(["--help"]);
  for (const command of ["new NAME", "check [GAME]", "test [GAME]", "types [GAME]"])
    assert.ok(all.stdout.includes(`\n  ${command}`), command);
});

test("a game, a folder of games, or none: one clear line, and the right code", async () => {
  const empty = temporaryFolder();
  for (const command of ["check", "test", "types"]) {
    const none = await runToEnd([command, "--games", "/nowhere"]);
    assert.deepEqual([none.code, lines(none.stderr).length], [78, 1]);
    assert.match(none.stderr, /\/nowhere cannot be read: .*--games/);
    const nothing = await runToEnd([command, "--games", empty]);
    assert.deepEqual([nothing.code, lines(nothing.stderr).length], [78, 1]);
    const wrong = await runToEnd([command, "pnd"]);
    assert.deepEqual([wrong.code, lines(wrong.stderr).length], [64, 1]);
    assert.match(wrong.stderr, /^parlor: pnd: there is no such game in games/);
  }
  for (const word of ["pond", "games/pond", path.join(root, "games/pond/")]) {
    const end = await runToEnd(["check", word]);
    assert.equal(end.stdout, "1 game, nothing found\n", word);
  }
  const all = await runToEnd(["check", path.join(root, "games")]);
  assert.match(all.stdout, /^[0-9]+ games, nothing found\n$/);
});
