// SPDX-License-Identifier: MIT
/* What a page loads before anything special is asked for. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { gzipSync } from "node:zlib";

const WEB = new URL("../../../scripts/web/", import.meta.url);

/** client.js and what it imports by itself, each file once. */
function core() {
  const files = new Map();
  const add = (name) => {
    if (files.has(name)) return;
    const text = readFileSync(new URL(name, WEB), "utf8");
    files.set(name, text);
    for (const [, next] of text.matchAll(/^import .* from "\.\/(.+)";$/gm)) add(next);
  };
  add("client.js");
  return files;
}

/** Roughly what a minifier does, but for short names: an upper bound of it. */
const bare = (text) =>
  text
    .replace(/\/\*[^]*?\*\//g, "")
    .replace(/^(.*;)?\s*\/\/.*$/gm, "$1")
    .replace(/^import .*$/gm, "")
    .replace(/\s*([{}()[\],;:=<>+\-*/%?!&|])\s*/g, "$1")
    .replace(/\s+/g, " ");
const zipped = (text) => gzipSync(text, { level: 9 }).length;

test("the core is small", (t) => {
  const texts = [...core().values()];
  const code = zipped(texts.map(bare).join(""));
  const served = texts.reduce((sum, text) => sum + zipped(text), 0);
  t.diagnostic(`${texts.length} files, gzipped: code ${code} bytes, with comments ${served}`);
  // With short names too it would be a seventh less (esbuild: 10.8 KB where this finds
  // 12.2), so this stands for the 12 KB that a page may load.
  assert.ok(code < 13.5 * 1024, `${code} bytes of code`);
});

test("the core does not load what is special", () => {
  const names = [...core().keys()];
  assert.ok(names.includes("session.js") && names.includes("wire.js"));
  for (const name of ["composed.js", "dev.js", "json.js"]) assert.ok(!names.includes(name), name);
});
