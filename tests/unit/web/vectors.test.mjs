// SPDX-License-Identifier: MIT
/* The examples of tests/vectors, which the C code reads too. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { Binary } from "../../../scripts/web/binary.js";
import { Json } from "../../../scripts/web/json.js";
import {
  parseSchema,
  parseType,
  readCell,
  readChange,
  readPayload,
  schemaHash,
  toCell,
  toValue,
  writeCell,
  writePayload,
} from "../../../scripts/web/schema.js";
import { State } from "../../../scripts/web/state.js";
import { In, Out, WireError, utf8 } from "../../../scripts/web/wire.js";
import { fromHex, plain, toHex } from "./fake.mjs";

const vectors = (name) =>
  JSON.parse(readFileSync(new URL(`../../vectors/${name}.json`, import.meta.url), "utf8"));
const reader = (hex) => new In(fromHex(hex));

/** Read with `fn`; the bytes must be used up. */
function readAll(hex, fn) {
  const input = reader(hex);
  const v = fn(input);
  assert.equal(input.at, input.end, `${hex} is read to its end`);
  return v;
}

test("wire: numbers and strings, there and back", () => {
  const w = vectors("wire");
  for (const kind of ["uv", "sv", "str"])
    for (const { value, hex } of w[kind]) {
      assert.equal(
        readAll(hex, (input) => input[kind]()),
        value,
        `${kind} ${hex}`,
      );
      assert.equal(toHex(new Out()[kind](value).take()), hex, `${kind} ${value}`);
    }
});

test("wire: malformed numbers, strings and masks are refused", () => {
  const w = vectors("wire");
  for (const kind of ["uv", "sv", "str"])
    for (const hex of w[`${kind}_bad`])
      assert.throws(() => reader(hex)[kind](), WireError, `${kind} ${hex}`);
  for (const hex of w.uv_past_32_bits) {
    assert.throws(() => reader(hex).uv(), WireError, hex);
    reader(hex).wide();
  }
  for (const { n, hex } of w.mask_bad)
    assert.throws(
      () => readAll(hex, (input) => input.mask(n, new Uint16Array(300))),
      `mask ${hex}`,
    );
});

test("wire: masks name their fields", () => {
  for (const { n, fields, hex } of vectors("wire").mask) {
    const ids = new Uint16Array(n);
    const count = readAll(hex, (input) => input.mask(n, ids));
    assert.deepEqual([...ids.subarray(0, count)], fields);
  }
});

test("any: values there and back, bad ones refused", () => {
  const { values, value_only, bad } = vectors("any");
  for (const { value, hex } of values) {
    assert.deepEqual(
      readAll(hex, (input) => input.any()),
      value,
      hex,
    );
    assert.equal(toHex(new Out().any(value, "data").take()), hex);
  }
  for (const { hex, json } of value_only) {
    const v = readAll(hex, (input) => input.any());
    assert.deepEqual(v instanceof Uint8Array ? Buffer.from(v).toString("base64") : v, json);
  }
  for (const hex of bad) assert.throws(() => readAll(hex, (input) => input.any()), hex);
});

test("types: defaults, rounding, bytes, refusals", () => {
  for (const c of vectors("types")) {
    const type = parseType(c.type, "x");
    const about = JSON.stringify(c.type).slice(0, 80);
    assert.equal(toValue(type, type.preset), c.default, `${about} default`);
    for (const v of c.values) {
      const cell = toCell(type, v.in, "x");
      const out = new Out();
      writeCell(type, cell, out);
      assert.equal(toHex(out.take()), v.hex, `${about} ${v.in}`);
      assert.equal(
        readAll(v.hex, (input) => readCell(type, input)),
        cell,
      );
      assert.ok(
        Object.is(toValue(type, cell), v.out),
        `${about} ${v.in} is ${toValue(type, cell)}`,
      );
    }
    for (const v of c.refused)
      assert.throws(() => toCell(type, v, "x.y"), /^RangeError: x\.y: /, `${about} ${v}`);
    for (const { from, to, hex } of c.changes) {
      const old = toCell(type, from, "x");
      assert.equal(
        readAll(hex, (input) => readChange(type, input, old)),
        toCell(type, to, "x"),
        `${about} ${hex}`,
      );
    }
    for (const hex of c.bad)
      assert.throws(() => readCell(type, reader(hex)), WireError, `${about} ${hex}`);
  }
});

test("payloads: there and back, refused with the field's name, bad bytes", () => {
  const { schema, good, refused, bad } = vectors("payload");
  const { messages, events } = parseSchema(schema, 1);
  const shape = ({ kind, name }) =>
    kind === "message" ? messages.get(name) : events.find((event) => event.name === name);
  for (const c of good) {
    const out = new Out();
    writePayload(shape(c).tree, c.value, c.name, out);
    assert.equal(toHex(out.take()), c.hex, JSON.stringify(c.value));
    assert.deepEqual(
      readAll(c.hex, (input) => readPayload(shape(c), input)),
      c.out,
    );
  }
  for (const c of refused)
    assert.throws(
      () => writePayload(shape(c).tree, c.value, c.name, new Out()),
      (e) => e.message.startsWith(c.name) && e.message.includes(c.error),
      `${JSON.stringify(c.value)}: ${c.error}`,
    );
  for (const c of bad)
    assert.throws(() => readAll(c.hex, (input) => readPayload(shape(c), input)), undefined, c.why);
});

const frames = vectors("frames");
const call = (fn, args) => fn(...args);

/** A codec that has the schema, and nothing of the state. */
function binary() {
  const state = new State(call);
  const codec = new Binary(state);
  codec.schema = parseSchema(frames.schema, frames.hash);
  return { state, codec };
}
const take = (codec, hex) => {
  codec.decode(fromHex(hex).buffer);
  for (const { fn, args } of codec.show(0, 0)) fn(...args);
};

test("frames: the hash of the schema", () => {
  assert.equal(schemaHash(utf8(frames.schema)), frames.hash);
});

test("frames: every step leads to the state it should", () => {
  const { state, codec } = binary();
  for (const step of frames.steps) {
    take(codec, step.hex);
    assert.equal(codec.tick, step.tick, step.about);
    assert.deepEqual(plain(state.root), step.state, step.about);
  }
});

test("frames: the JSON records lead there too", () => {
  const state = new State(call);
  const codec = new Json(state);
  for (const step of frames.steps) {
    codec.decode(JSON.stringify(step.json));
    codec.show();
    assert.equal(codec.tick, step.tick, step.about);
    assert.deepEqual(plain(state.root), step.state, step.about);
  }
});

/** Everything the page and the decoder hold, to compare before and after. */
const all = ({ state, codec }) => ({
  page: plain(state.root),
  tick: codec.tick,
  cells: codec.image.facets.map((f) =>
    f.rows.filter(Boolean).map((row) => [row.slot, row.key, row.cells.slice()]),
  ),
  keys: codec.image.facets.map((f) => [...f.byKey.keys()].sort()),
});

test("frames: a bad frame is refused and leaves no trace", () => {
  for (const { after, why, hex } of frames.bad) {
    const s = binary();
    for (const step of frames.steps.slice(0, after + 1)) take(s.codec, step.hex);
    const before = all(s);
    assert.throws(() => s.codec.decode(fromHex(hex).buffer), WireError, why);
    s.codec.undo();
    assert.deepEqual(all(s), before, why);
    take(s.codec, frames.steps[after + 1].hex);
    assert.deepEqual(
      plain(s.state.root),
      frames.steps[after + 1].state,
      `${why}: the next one fits`,
    );
  }
});

test("frames: a good frame with a bad one behind it, in one message, is undone too", () => {
  for (const step of frames.steps.slice(3)) {
    const s = binary();
    for (const earlier of frames.steps.slice(0, frames.steps.indexOf(step)))
      take(s.codec, earlier.hex);
    const before = all(s);
    assert.throws(() => s.codec.decode(fromHex(`${step.hex}0a`).buffer), WireError);
    s.codec.undo();
    assert.deepEqual(all(s), before, step.about);
  }
});

test("frames: cut anywhere, each frame is refused without a trace", () => {
  const at = 9; // every type
  const s = binary();
  for (const step of frames.steps.slice(0, at)) take(s.codec, step.hex);
  const before = all(s);
  const { hex } = frames.steps[at];
  for (let n = 0; n < hex.length; n += 2) {
    assert.throws(() => s.codec.decode(fromHex(hex.slice(0, n)).buffer), WireError);
    s.codec.undo();
  }
  assert.deepEqual(all(s), before);
});
