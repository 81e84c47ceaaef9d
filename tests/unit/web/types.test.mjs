// SPDX-License-Identifier: MIT
/*
 * The SDK's types, which are its JSDoc: its own files and the games' pages keep to
 * them, and what TypeScript emits of them serves a page in strict TypeScript.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const web = path.join(root, "scripts/web");
const folders = [web, ...readdirSync(path.join(root, "games")).map((g) => path.join(root, "games", g, "web"))];

/** The modules of a folder; none where there is no such folder. */
function modules(folder) {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith(".js"))
      .map((name) => path.join(folder, name));
  } catch {
    return [];
  }
}

/** @param {Record<string, string[]>} paths what a page imports by its address from the root */
const options = (paths, more = {}) => ({
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ES2022,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  lib: ["lib.es2022.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts"],
  types: [],
  strict: true,
  noEmit: true,
  paths,
  ...more,
});

/** One line for each error. */
function errors(files, settings) {
  const program = ts.createProgram(files, settings);
  return ts.getPreEmitDiagnostics(program).map((d) => {
    const at = d.file && d.file.getLineAndCharacterOfPosition(d.start);
    const where = at ? `${path.relative(root, d.file.fileName)}:${at.line + 1}: ` : "";
    return where + ts.flattenDiagnosticMessageText(d.messageText, "\n");
  });
}

const PAGE = `
import { join, type Room } from "/_parlor/client.js";

const room: Room = await join("/arena", { name: "Ann" }, { timeout: 5000 });
const off: () => void = room.on("status", (status: string) => console.log(status));
const me = await room.predict("ships", {
  input: "steer",
  read: () => ({ turn: 1 }),
  step: (ship: { x: number }, input: { turn: number }) => void (ship.x += input.turn),
  snap: 100,
});
const x: number = me.view()?.x ?? 0;
const numbers: number[] = [room.clock.now(), room.rtt, room.delay, me.pending, me.corrections, x];
for (const [id, ship] of room.view("ships")) console.log(id, ship.x, numbers);
const answer: unknown = await room.request("trade", { with: 7 }, { timeout: 100 });
room.send("say", { text: String(answer) });
off();
`;

const WRONG = `
import { join } from "/_parlor/client.js";
const room = await join(7);
room.send();
room.predict("ships", { input: "steer" });
const status: "gone" = room.status;
room.nosuch;
`;

/** What `parlor types` writes of each game's shared.lua: the folders of the shared.d.ts. */
function sharedBy(folder) {
  const types = [];
  for (const game of readdirSync(path.join(root, "games"))) {
    if (!existsSync(path.join(root, "games", game, "shared.lua"))) continue;
    cpSync(path.join(root, "games", game), path.join(folder, game), { recursive: true });
    declare(folder, game);
    types.push(path.join(folder, game, ".types"));
  }
  return types;
}

/** Runs `parlor types`. */
function declare(games, game) {
  const bin = process.env.PARLOR_BIN ?? path.join(root, "build/asan/parlor");
  execFileSync(bin, ["types", game, "--games", games], { cwd: root });
}

const SHARED = `local shared = { LIMIT = 5, name = "pond" }
shared.far = math.huge
shared.grid = { step = 8 }
local function twice(v) return v * 2 end
function shared.half(v) return v / 2 end
function shared.four(v) return twice(twice(v)) end
function shared.sign(v) if v > 0 then return 1 elseif v < 0 then return -1 else return 0 end end
function shared.find(a, b) if a.x == b then return b - 1 end end
function shared.move(row, input) row.x = row.x + (input.dx or 0) end
function shared.either(a, isOn) if isOn then return a.x end return false end
function shared.maybe(v) if v == nil then return nil end return v + 1 end
function shared.long(n) if n < 1 then return 0 end return 1 + shared.long(n - 1) end
return shared
`;

const SHARED_PAGE = `
import shared, { LIMIT, either, far, find, four, grid, half, long, maybe, move, name, sign } from "/g/shared.js";
const numbers: number[] = [LIMIT, far, half(3), four(2), sign(-1), long(3), maybe(null) ?? 0, shared.half(1)];
const text: string = name;
const found: number | undefined = find({ x: 1 }, 2);
const nothing: void = move({ x: 1 }, {});
const step: number = grid.step + either(1, true);
console.log(numbers, text, found, nothing, step);
`;

const SHARED_WRONG = `
import { LIMIT, find, half, move, name, sign } from "/g/shared.js";
half("3");
const a: string = LIMIT;
const b: number = find({}, 2);
const c: number = move({}, {});
sign();
name.length.x;
`;

test("shared.lua is typed for its page, as far as its code tells", (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "parlor-types-"));
  t.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(path.join(folder, "g"));
  writeFileSync(path.join(folder, "g/shared.lua"), SHARED);
  writeFileSync(path.join(folder, "g/game.lua"), 'require "shared"\nreturn require("parlor").game {}\n');
  declare(folder, "g");
  writeFileSync(path.join(folder, "page.ts"), SHARED_PAGE);
  writeFileSync(path.join(folder, "wrong.ts"), SHARED_WRONG);
  const strict = options({ "/g/shared.js": [path.join(folder, "g/.types/shared.d.ts")] });
  assert.deepEqual(errors([path.join(folder, "page.ts")], strict), []);
  const lines = errors([path.join(folder, "wrong.ts")], strict).map((e) => Number(/:(\d+):/.exec(e)?.[1]));
  assert.deepEqual(lines, [3, 4, 5, 6, 7, 8]);
});

test("the SDK and the games' pages keep to the types", (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "parlor-types-"));
  t.after(() => rmSync(folder, { recursive: true }));
  // Their imports are relative to their address: /_parlor/ is beside a game's folder, shared.js in it.
  symlinkSync(web, path.join(folder, "_parlor"));
  const pages = folders.filter((page) => page !== web);
  const rootDirs = [folder, ...pages, ...pages.map(path.dirname), ...sharedBy(folder)];
  const found = errors(
    folders.flatMap(modules),
    options({}, { allowJs: true, checkJs: true, rootDirs }),
  );
  assert.deepEqual(found, []);
});

test("what is emitted serves a page in TypeScript, and tells what is wrong", (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "parlor-types-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const emit = options({}, { allowJs: true, declaration: true, emitDeclarationOnly: true });
  const program = ts.createProgram([path.join(web, "client.js")], {
    ...emit,
    noEmit: false,
    outDir: path.join(folder, "types"),
  });
  assert.equal(program.emit().emitSkipped, false);
  writeFileSync(path.join(folder, "page.ts"), PAGE);
  writeFileSync(path.join(folder, "wrong.ts"), WRONG);
  const strict = options({ "/_parlor/*": [`${folder}/types/*`] });
  assert.deepEqual(errors([path.join(folder, "page.ts")], strict), []);
  const lines = errors([path.join(folder, "wrong.ts")], strict).map((e) => Number(/:(\d+):/.exec(e)?.[1]));
  assert.deepEqual(lines, [3, 4, 5, 6, 7]);
});
