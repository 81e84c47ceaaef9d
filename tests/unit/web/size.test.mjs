// SPDX-License-Identifier: MIT
/* What a page loads before anything special is asked for. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { gzipSync } from "node:zlib";
import { minify } from "terser";

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

const zipped = (text) => gzipSync(text, { level: 9 }).length;

test("the core is small", async (t) => {
  const texts = [...core().values()];
  const small = await Promise.all(texts.map((text) => minify(text, { module: true })));
  const code = zipped(small.map((s) => s.code).join(""));
  const served = texts.reduce((sum, text) => sum + zipped(text), 0);
  t.diagnostic(`${texts.length} files, gzipped: minified ${code} bytes, as they are ${served}`);
  assert.ok(code < 12 * 1024, `${code} bytes`);
});

test("the core does not load what is special", () => {
  const names = [...core().keys()];
  assert.ok(names.includes("session.js") && names.includes("wire.js"));
  const special = "again any columns composed dev hash json predict rare smooth words write";
  for (const name of special.split(" ")) assert.ok(!names.includes(`${name}.js`), name);
});
