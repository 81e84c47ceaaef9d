// SPDX-License-Identifier: MIT
// parlor new: a game that runs, and names that are refused.
import assert from "node:assert/strict";
import fs from "node:fs";
import test, { after } from "node:test";

import { HEAD, lines } from "./lib/author.mjs";
import { join } from "./lib/player.mjs";
import { gamesFolder, runToEnd, startServer, until } from "./lib/server.mjs";

const servers = [];
after(() => Promise.all(servers.map((server) => server.stop())));

test("new: a game that checks, tests, and is served by a server that runs", async () => {
  const server = await startServer({
    games: [],
    files: { "other/game.lua": `${HEAD}return parlor.game {}\n` },
  });
  servers.push(server);
  const made = await runToEnd(["new", "tag", "--games", server.folder]);
  assert.equal(made.code, 0, made.stderr);
  for (const command of ["check", "test"]) {
    const end = await runToEnd([command, "tag", "--games", server.folder]);
    assert.equal(end.code, 0, end.stdout);
  }
  assert.ok(
    fs.readFileSync(`${server.folder}/tag/game.lua`, "utf8").trimEnd().split("\n").length <=
      30,
  );
  assert.ok(!/NAME/.test(fs.readFileSync(`${server.folder}/tag/web/index.html`, "utf8")));

  await until(
    "the game in the list",
    async () => (await server.game("tag"))?.error === null,
  );
  assert.match(await (await fetch(`${server.origin}/tag/`)).text(), /<title>tag<\/title>/);
  const ann = await join(server, "/tag?name=ann");
  const { x } = ann.state.dots[ann.id];
  ann.say("push", { dx: 2, dy: 0 });
  await ann.until("the push", () => ann.state.dots[ann.id].x === x + 2);
  await ann.leave();
});

test("new: a folder that is there, and names that are none, are refused in one line", async () => {
  const games = gamesFolder([], { "tag/mine.txt": "keep" });
  for (const [name, why] of [
    ["tag", /is there already/],
    ["Tag", /cannot be a game's name/],
    ["4tag", /cannot be/],
    ["a_b", /cannot be/],
    ["../tag2", /cannot be/],
    ["metrics", /cannot be/],
    ["a".repeat(33), /cannot be/],
    ["", /cannot be/],
  ]) {
    const end = await runToEnd(["new", name, "--games", games]);
    assert.equal(end.code, 64, name);
    assert.match(end.stderr, why);
    assert.equal(lines(end.stderr).length, 1);
  }
  assert.deepEqual(fs.readdirSync(games), ["tag"]);
  assert.deepEqual(fs.readdirSync(`${games}/tag`), ["mine.txt"]);
  assert.equal((await runToEnd(["new"])).code, 64);
  assert.equal((await runToEnd(["new", "a", "b"])).code, 64);
});
