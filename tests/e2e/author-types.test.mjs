// SPDX-License-Identifier: MIT
// parlor types: what editors learn from a schema.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";

import { HEAD, lines, run } from "./lib/author.mjs";
import { root, runToEnd } from "./lib/server.mjs";

test("types: what the schema declares is written for LuaLS and TypeScript", async () => {
  const { games, code, stdout } = await run("types", {
    "pond-2/game.lua": `${HEAD}local g = parlor.game {
  state = { phase = s.enum {"lobby", "play"}, pos = { x = s.f32, deep = { y = s.u8 {default = 7} } },
    frogs = s.map { name = s.str(16), on = s.bool }, story = s.text, draft = s.any, raw = s.bytes(9),
    goal = s.opt({ why = s.opt(s.text), x = s.f32 }), tags = s.list(s.enum {"a", "b"}), secrets = s.map({ x = s.u8 }, { to = "server" }),
    ships = s.map { bag = s.list({ n = s.u8 }, {max = 20}) {to = "owner"}, kinds = s.map(s.map(s.list(s.u8), { keys = "string" })),
      seed = s.u32 {to = "server"} }, quotes = s.map({ bid = s.fixed {min = 0, max = 9, step = 1/8} }, { keys = "string" }) },
  messages = { hop = { dx = s.i8 } }, events = { sank = { name = s.str }, over = {} } }
function g.on.hop() end
return g\n`,
  });
  assert.deepEqual(
    [code, stdout],
    [0, "games/pond-2/.types/game.lua\ngames/pond-2/.types/schema.d.ts\n"],
  );
  const lua = fs.readFileSync(`${games}/pond-2/.types/game.lua`, "utf8");
  for (const line of [
    "---@meta",
    "---@class Pond2FrogsRow",
    "---@field on boolean",
    "---@field name string up to 16 bytes",
    "---@class Pond2State",
    '---@field phase "lobby"|"play"',
    "---@field pos Pond2StatePos",
    "---@field frogs table<integer, Pond2FrogsRow> by player id",
    "---@field quotes table<string, Pond2QuotesRow> by string",
    "---@field y integer 0…255, default 7",
    "---@field bid number 0…9, steps of 0.125",
    "---@field hop fun(room: Pond2Room, player: parlor.Player, m: Pond2HopMessage): any",
    "---@class Pond2Game: parlor.Game, Pond2Room",
    "---@field story string up to 65536 bytes",
    "---@field draft any up to 65536 bytes",
    "---@field raw string up to 9 bytes",
    "---@field goal Pond2StateGoal|nil",
    "---@field why string|nil",
    '---@field tags ("a"|"b")[] up to 1024',
    "---@field bag Pond2ShipsRowBag[] up to 20, its owner's alone",
    "---@field kinds table<integer, table<string, integer[]>> up to 1024",
    "---@field seed integer 0…4294967295, the server's alone",
    "---@field secrets table<integer, Pond2SecretsRow> by player id",
  ])
    assert.ok(lua.split("\n").includes(line), line);
  const ts = fs
    .readFileSync(`${games}/pond-2/.types/schema.d.ts`, "utf8")
    .replace(/\s+/g, " ");
  assert.ok(!/seed|secrets/.test(ts), "pages do not hear of what is the server's");
  for (const part of [
    'phase: "lobby" | "play";',
    "pos: { deep: { /** 0…255, default 7 */ y: number; }; x: number; };",
    "frogs: Table<number, FrogsRow>;",
    "/** up to 65536 bytes */ story: string;",
    "/** up to 9 bytes */ raw: Uint8Array;",
    "goal: { why: string | null; x: number; } | null;",
    '/** up to 1024 */ tags: Array<"a" | "b">;',
    "/** up to 20, its owner's alone */ bag?: Array<{ /** 0…255 */ n: number; }>;",
    "/** up to 1024 */ kinds: Record<number, Record<string, Array<number>>>;",
    "quotes: Table<string, QuotesRow>;",
    "export interface Messages { hop: { /** -128…127 */ dx?: number; }; }",
    "export interface Events { over: Record<string, never>; sank: { /** up to 255 bytes */ name: string; }; }",
  ])
    assert.ok(ts.includes(part), `${part} in ${ts}`);

  // Both the game's definitions and the API's are Lua that loads.
  fs.writeFileSync(
    `${games}/pond-2/test.lua`,
    `test("they load", function()
  assert(loadfile ${JSON.stringify(`${games}/pond-2/.types/game.lua`)})
  assert(loadfile ${JSON.stringify(path.join(root, "scripts/types/parlor.lua"))})
end)`,
  );
  assert.equal((await runToEnd(["test", "pond-2", "--games", games])).code, 0);

  const printed = await runToEnd(["types", "pond-2", "--print", "--games", games]);
  assert.equal(
    printed.stdout,
    `${lua}\n${fs.readFileSync(`${games}/pond-2/.types/schema.d.ts`, "utf8")}\n`,
  );
  const broken = await run("types", { "g/game.lua": "x =" });
  assert.deepEqual([broken.code, lines(broken.stderr).length], [65, 1]);
  assert.ok(!fs.existsSync(`${broken.games}/g/.types`));
});
