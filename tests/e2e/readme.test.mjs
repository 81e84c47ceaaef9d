// SPDX-License-Identifier: MIT
// The game that README.md shows works as it stands there, and so does every example of
// scripts/README.md.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test, { after } from "node:test";

import { join } from "./lib/player.mjs";
import { gamesFolder, root, runToEnd, startServer } from "./lib/server.mjs";

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

// scripts/README.md: what has parlor.game in it is a whole game, what has test( in it a
// test.lua, what returns shared a shared.lua, everything else a part of the game that says so.
const reference = fs.readFileSync(path.join(root, "scripts/README.md"), "utf8");
const blocks = [...reference.matchAll(/```lua\n([^]*?)```/g)].map(([, text], i) => ({
  text,
  name: `example-${i}`,
  line: reference.slice(0, reference.indexOf(text)).split("\n").length,
  kind: /parlor\.game \{/.test(text) ? "game" : /^test\(/m.test(text) ? "test" : /^return shared$/m.test(text) ? "shared" : "part",
}));
const base = blocks.find(({ text }) => text.includes("trade = {")).text;
const source = ({ kind, text }) =>
  kind === "game" ? text : kind === "test" ? base : kind === "shared" ? `require "shared"\n${base}` : base.replace(/return game\s*$/, `${text}return game\n`);

/** What is done to each game: everything that players do. */
const play = `
local rig = require "kit.rig"
test("it plays", function(sim)
  local _, is_raw = rig.pace(sim.game)
  local ann, bob = sim:join { name = "Ann" }, sim:join { name = "Bob" }
  for round = 1, 3 do
    for _, p in ipairs { ann, bob } do
      if is_raw then p:send("hello", true) else
        for _, m in ipairs(rig.json(rig.schema(sim.game)).messages) do p:request(m[1], {}) end
        p:send("write", "x") p:send("wave")
      end
    end
    sim:wait(3)
  end
  if not is_raw then
    ann:drop() sim:step(2) expect(ann:resume())
    ann:drop() sim:wait(61)
  end
  expect(sim:reload())
  sim:step(3)
  bob:leave()
  sim:wait(1)
  expect_eq(sim:errors(), "")
end)`;

test("every example of scripts/README.md runs, and parlor check finds nothing in it", async () => {
  assert.ok(blocks.length >= 12, `${blocks.length} examples`);
  const files = Object.fromEntries(
    blocks.flatMap((block) => [
      [`${block.name}/game.lua`, source(block)],
      ...(block.kind === "shared" ? [[`${block.name}/shared.lua`, block.text]] : []),
      [`${block.name}/test.lua`, block.kind === "test" ? block.text : play],
    ]),
  );
  const games = gamesFolder([], files);
  for (const { name, line } of blocks) {
    const ran = await runToEnd(["test", name, "--games", games]);
    assert.equal(ran.code, 0, `the example at line ${line}:\n${ran.stdout}`);
    const checked = await runToEnd(["check", name, "--games", games]);
    const found = checked.stdout.split("\n").filter((text) => /:\d+: /.test(text) && !/nobody handles it/.test(text));
    assert.deepEqual(found, [], `the example at line ${line}`);
  }
});

test("what the editors' definitions name is in the reference, with an example", () => {
  const types = fs.readFileSync(path.join(root, "scripts/types/parlor.lua"), "utf8");
  const prose = reference.replace(/```[^]*?```/g, "");
  const code = blocks.map(({ text }) => text).join("\n");
  const part = (from) => types.slice(types.indexOf(from), types.indexOf("\n\n", types.indexOf(from)));
  const fields = (from) => [...part(from).matchAll(/^---@field (\w+)/gm)].map(([, name]) => name);
  const named = (of) => [...types.matchAll(new RegExp(`^function ${of}[.:](\\w+)`, "gm"))].map(([, name]) => name);
  const expected = [
    ...fields("---@class parlor.Options\n").map((name) => [name, new RegExp(`\\b${name} = `)]),
    ...fields("---@class parlor.Game:").filter((name) => name !== "on").map((name) => [name, new RegExp(`function \\w+[:.]${name}\\(`)]),
    ...fields("---@class parlor.Schema\n").concat(named("Schema")).map((name) => [name, new RegExp(`\\bs\\.${name}\\b`)]),
    ...fields("---@class parlor.Room\n").filter((name) => name !== "on").map((name) => [name, new RegExp(`\\.${name}\\b`)]),
    ...fields("---@class parlor.Player\n").map((name) => [name, new RegExp(`\\.${name}\\b`)]),
    ...fields("---@class parlor.Request\n").map((name) => [name, new RegExp(`request\\.${name}\\b`)]),
    ...["Room", "Player", "Sim", "SimPlayer"].flatMap(named).map((name) => [name, new RegExp(`:${name}\\(|:${name} \\{`)]),
    ...named("parlor").map((name) => [name, new RegExp(`parlor\\.${name}\\b`)]),
  ];
  assert.ok(expected.length > 80, `${expected.length} names`);
  for (const [name, pattern] of expected) {
    if (name === "message" || name === "reload") continue; // of raw games' tests; edit reloads
    assert.match(code, pattern, `${name} has no example in scripts/README.md`);
    assert.match(prose, new RegExp(`\\b${name}\\b`), `${name} is not in scripts/README.md`);
  }
});
