// SPDX-License-Identifier: MIT
/* What only the owner of a row sees, and frames about it that do not fit. */
import assert from "node:assert/strict";
import test from "node:test";
import { Binary } from "../../../scripts/web/binary.js";
import { parseSchema } from "../../../scripts/web/schema.js";
import { State } from "../../../scripts/web/state.js";

const SCHEMA = `{"state":{"fields":[],"maps":[["m",{"keys":"player","fields":[
  ["a",{"t":"u8"}],["b",{"t":"record","fields":[["c",{"t":"u8","to":"owner","def":5}]]}],
  ["d",{"t":"u8","to":"owner"}]]}]]}}`;
const ROOT = "01 04 01 00 00";
// Players 7 and 8, in slots 0 and 2; slot 2 is ours.
const SNAPSHOT = `03 00 05 ${ROOT} 02 04 02 00 07 01 09 01 08 00 03 04 01 02 02 08 00`;

function open(first = SNAPSHOT) {
  const state = new State((fn, args) => fn(...args));
  const codec = new Binary(state);
  codec.schema = parseSchema(SCHEMA, 1);
  const apply = (hex) => {
    try {
      codec.decode(Uint8Array.from(hex.split(/\s+/), (h) => parseInt(h, 16)).buffer);
    } catch (e) {
      codec.undo();
      throw e;
    }
    for (const { fn, args } of codec.show(0, 0)) fn(...args);
    return Object.fromEntries(state.root.m);
  };
  return { apply, state, held: apply(first) };
}

test("the owner's fields are merged into its row, and into no other", () => {
  const { held, apply, state } = open();
  assert.deepEqual(held, { 7: { a: 9 }, 8: { a: 0, b: { c: 5 }, d: 8 } });
  const changes = [];
  state.root.m.on("change", (row, id, changed) => changes.push([id, ...changed]));
  assert.deepEqual(apply("04 00 06 00 01 02 08 01 02 01 03 03 10 01 02 03 02 03 00")[8], {
    a: 3,
    b: { c: 6 },
    d: 6,
  });
  assert.deepEqual(changes, [[8, "a", "b.c", "d"]]);
});

test("a row that leaves takes what was the owner's with it", () => {
  const { apply } = open();
  // Slot 2 leaves, and player 9 takes it.
  const held = apply("04 00 06 00 01 02 06 01 02 01 02 09 00 00");
  assert.deepEqual(held, { 7: { a: 9 }, 9: { a: 0 } });
  // The row comes back in another slot, with what is ours.
  assert.deepEqual(apply("04 00 07 00 01 02 04 01 01 08 00 03 04 01 01 00 00")[8], {
    a: 0,
    b: { c: 5 },
    d: 0,
  });
});

test("a resume keeps what it lists, drops the rest, and what is the owner's with it", () => {
  const keeps = open().apply("04 02 06 00 01 02 01 01 02 03 08 01 02 02 01 00");
  assert.deepEqual(keeps, { 8: { a: 0, b: { c: 5 }, d: 1 } });
  assert.deepEqual(open().apply("04 02 06 00 01 02 01 00 00"), {});
  const anew = open().apply("04 02 06 00 01 02 05 00 01 02 08 00 03 04 01 02 00 00");
  assert.deepEqual(anew, { 8: { a: 0, b: { c: 5 }, d: 0 } });
});

test("a resume without a keep run keeps all", () => {
  assert.deepEqual(open().apply("04 02 06 00 01 00"), open().held);
  const { held } = open();
  assert.deepEqual(open().apply("04 02 06 00 01 02 08 01 00 01 04 00"), { ...held, 7: { a: 4 } });
});

const bad = {
  "an owner's part of a row that is not held": "04 00 06 00 01 03 04 01 01 00 00",
  "an owner's part that enters without its row": "04 00 06 00 01 03 04 01 00 00 00",
  "an owner's part that is held already": "04 00 06 00 01 03 04 01 02 00 00",
  "a change of an owner's part that is not held": "04 00 06 00 01 03 10 01 00 01 02 00",
  "a leave run in an owner's facet": "04 00 06 00 01 03 02 01 02 00",
  "a keep run in an owner's facet": "04 02 06 00 01 02 01 01 02 03 01 01 02 00",
  "a keep run of the root": "04 02 06 00 01 01 01 01 00 00",
  "a keep run without a resume": "04 00 06 00 01 02 01 01 02 00",
  "a keep run of a row that is not held": "04 02 06 00 01 02 01 01 01 00",
  "a set of a row that was not kept": "04 02 06 00 01 02 09 01 02 01 00 01 01 00",
  "an owner's part of a row that was not kept": "04 02 06 00 01 02 01 00 03 08 01 02 02 01 00",
  "a facet past the owner's": "04 00 06 00 01 04 10 01 02 01 02 00",
  "an owner's field past its last": "04 00 06 00 01 03 10 01 02 04 02 00",
};
for (const [what, hex] of Object.entries(bad))
  test(`${what} is refused, and nothing of its frame stays`, () => {
    const { apply, held, state } = open();
    assert.throws(() => apply(hex));
    assert.deepEqual(Object.fromEntries(state.root.m), held);
    assert.deepEqual(apply("04 00 06 00 01 02 08 01 02 01 03 00")[8].a, 3);
  });
