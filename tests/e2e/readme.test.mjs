// SPDX-License-Identifier: MIT
// The game that README.md shows works as it stands there.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test, { after } from "node:test";

import { join } from "./lib/player.mjs";
import { root, startServer } from "./lib/server.mjs";

const readme = fs.readFileSync(path.join(root, "README.md"), "utf8");
const block = (language) => readme.match(new RegExp("```" + language + "\n([^]*?)```"))[1];
const server = await startServer({
  files: { "hop/game.lua": block("lua"), "hop/web/index.html": block("html") },
});
after(() => server.stop());

test("the game of README.md plays: a jump moves the frog", async () => {
  const player = await join(server, "/hop?name=ann");
  assert.deepEqual(player.state.frogs[player.id], { name: "ann", x: 20 });
  player.say("jump", { dx: -3 });
  await player.until("the jump", () => player.state.frogs[player.id].x === 17);
  await player.leave();
});

test("the page of README.md is served as its game's page", async () => {
  const page = await (await fetch(`${server.origin}/hop/`)).text();
  assert.equal(page, block("html"));
});
