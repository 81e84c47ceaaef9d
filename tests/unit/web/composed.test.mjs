// SPDX-License-Identifier: MIT
/* Composed values: the vectors that the C code reads too, and what pages see. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import {
  isSameCell,
  loadComposed,
  parseType,
  readCell,
  readChange,
  toCell,
  toValue,
  writeCell,
} from "../../../scripts/web/schema.js";
import { In, Out, WireError } from "../../../scripts/web/wire.js";

await loadComposed();
const vectors = JSON.parse(
  readFileSync(new URL("../../vectors/values.json", import.meta.url), "utf8"),
);
const reader = (hex) => new In(Uint8Array.from(hex.match(/../g) ?? [], (h) => parseInt(h, 16)));
const toHex = (bytes) => Buffer.from(bytes).toString("hex");

/** As JSON says it: bytes as base64. */
const asJson = (v) =>
  JSON.parse(
    JSON.stringify(v, function (key) {
      const x = this[key];
      return x instanceof Uint8Array ? Buffer.from(x).toString("base64") : x;
    }),
  );

/** A JSON value of a vector as a page would give it: base64 as bytes where the type says so. */
function asPage(t, v) {
  if (v === null || v === undefined) return v;
  if (t.t === "bytes") return Uint8Array.from(Buffer.from(v, "base64"));
  if (t.t === "opt") return asPage(t.item, v);
  if (t.t === "list" && Array.isArray(v)) return v.map((x) => asPage(t.item, x));
  if (t.t === "record" && typeof v === "object")
    return Object.fromEntries(
      Object.entries(v).map(([name, x]) => [
        name,
        asPage(t.fields.find(([n]) => n === name)?.[1] ?? {}, x),
      ]),
    );
  return v;
}

for (const c of vectors) {
  const about = JSON.stringify(c.type).slice(0, 70);
  const type = parseType(c.type, "x");
  const cellOf = (v) => toCell(type, asPage(c.type, v), "x");

  test(`values of ${about}`, () => {
    for (const v of c.values) {
      const out = new Out();
      writeCell(type, cellOf(v.in), out);
      assert.equal(toHex(out.take()), v.hex);
      const input = reader(v.hex);
      const cell = readCell(type, input);
      assert.equal(input.at, input.end);
      assert.deepEqual(asJson(toValue(type, cell)), v.out);
      assert.ok(isSameCell(type, cell, cellOf(v.in)));
      for (let n = 0; n < v.hex.length; n += 2)
        assert.throws(() => readCell(type, reader(v.hex.slice(0, n))), WireError);
    }
    for (const { hex, why } of c.bad)
      assert.throws(() => readCell(type, reader(hex)), WireError, `${why} ${hex}`);
    for (const { value, error } of c.refused)
      if (c.type.t !== "bytes" && !error.includes("[d]") && !error.startsWith("d:"))
        assert.throws(
          () => toCell(type, asPage(c.type, value), "x"),
          /^(Range|Type)Error: x[.[:]/,
          error,
        );
  });

  test(`changes of ${about}`, () => {
    for (const { from, to, hex } of [...c.changes, ...c.apply_only]) {
      const old = cellOf(from);
      const page = toValue(type, old);
      const input = reader(hex);
      const cell = readChange(type, input, old);
      assert.equal(input.at, input.end);
      assert.ok(isSameCell(type, cell, cellOf(to)), hex);
      assert.ok(isSameCell(type, old, cellOf(from)), "the old cell is as it was");
      const again = toValue(type, cell, page);
      assert.deepEqual(again, toValue(type, cell), "in place and anew");
      if (Array.isArray(page) && Array.isArray(again)) assert.equal(again, page);
      for (let n = 0; n < hex.length; n += 2)
        assert.throws(() => readChange(type, reader(hex.slice(0, n)), old), WireError, hex);
    }
    for (const { from, hex, why } of c.bad_changes) {
      const old = cellOf(from);
      const take = () => {
        const input = reader(hex);
        readChange(type, input, old);
        if (input.at < input.end) throw new WireError("more behind it");
      };
      assert.throws(take, WireError, `${why} ${hex}`);
      assert.ok(isSameCell(type, old, cellOf(from)));
    }
  });
}

/** Seeded: a failure comes back. */
function random(seed) {
  return () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 32;
  };
}

test("of changes with wrong bytes each is refused or leads to a value of the type", () => {
  const next = random(7);
  let taken = 0;
  let refused = 0;
  for (const c of vectors) {
    const type = parseType(c.type, "x");
    for (const { from, hex } of c.changes) {
      const old = toCell(type, asPage(c.type, from), "x");
      const before = toValue(type, old);
      for (let i = 0; i < 300; i++) {
        const input = reader(hex);
        for (let k = 0; k <= next() * 3; k++)
          input.bytes[Math.floor(next() * input.end)] = Math.floor(next() * 256);
        let cell;
        try {
          cell = readChange(type, input, old);
        } catch (e) {
          assert.ok(e instanceof WireError, e.stack);
          refused++;
          continue;
        }
        taken++;
        // A value of the type can be written and read again. (An any is not measured.)
        const out = new Out();
        writeCell(type, cell, out);
        if (c.type.t !== "any")
          assert.ok(isSameCell(type, readCell(type, new In(out.take())), cell));
      }
      assert.deepEqual(toValue(type, old), before);
    }
  }
  assert.ok(taken > 100 && refused > 1000);
});

test("counts that lie allocate nothing, depth has an end", () => {
  const list = parseType({ t: "list", item: { t: "u8" }, max: 65535 }, "x");
  assert.throws(() => readCell(list, reader("ffff03")), WireError);
  assert.throws(() => readChange(list, reader("0102ffff0300"), []), WireError);
  const text = parseType({ t: "text", max: 99 }, "x");
  assert.throws(() => readChange(text, reader("ffffffff0f000000"), "abc"), WireError);

  const any = parseType({ t: "any", max: 65536 }, "x");
  let v = []; // each change puts a list into the innermost one
  for (let depth = 1; depth <= 16; depth++) {
    const hex = "0101".repeat(depth - 1) + "0102" + "01" + "0600" + "00".repeat(depth);
    if (depth === 16) assert.throws(() => readChange(any, reader(hex), v), /bad value/);
    else v = readChange(any, reader(hex), v);
  }
});

test("a key may be called __proto__, and names of Object's own are names like any", () => {
  const map = parseType({ t: "map", keys: "string", item: { t: "u8" }, max: 9 }, "x");
  const any = parseType({ t: "any", max: 99 }, "x");
  const hex = "02" + "095f5f70726f746f5f5f" + "07" + "0b636f6e7374727563746f72" + "08";
  const v = toValue(map, readCell(map, reader(hex)));
  assert.deepEqual(Object.entries(v), [
    ["__proto__", 7],
    ["constructor", 8],
  ]);
  const a = readChange(any, reader("0102" + "00095f5f70726f746f5f5f" + "0302" + "00"), {});
  assert.deepEqual(Object.entries(toValue(any, a, {})), [["__proto__", 1]]);
  assert.equal(Object.getPrototypeOf(a), Object.prototype);

  const fields = [["constructor", { t: "record", fields: [["x", { t: "u8" }]] }]];
  const record = parseType({ t: "opt", item: { t: "record", fields } }, "x");
  assert.deepEqual(toValue(record, readCell(record, reader("0105"))), { constructor: { x: 5 } });
  assert.equal(Object.x, undefined);
});

test("objects inside are changed in place", () => {
  const fields = [
    ["n", { t: "u8" }],
    ["tags", { t: "map", keys: "integer", item: { t: "bool" }, max: 9 }],
  ];
  const type = parseType({ t: "list", item: { t: "record", fields }, max: 9 }, "x");
  const page = toValue(
    type,
    toCell(type, [{ n: 1, tags: { "-1": true, 5: false } }, { n: 2 }], "x"),
  );
  const [first] = page;
  const { tags } = first;
  toValue(type, toCell(type, [{ n: 9, tags: { 5: true } }], "x"), page);
  assert.deepEqual(page, [{ n: 9, tags: { 5: true } }]);
  assert.equal(page[0], first);
  assert.equal(page[0].tags, tags);
});

test("what a page sends: Maps and objects, ArrayBuffers, undefined for an opt", () => {
  const map = parseType({ t: "map", keys: "player", item: { t: "u8" }, max: 9 }, "x");
  const bytes = (type, v) => {
    const out = new Out();
    writeCell(type, toCell(type, v, "x"), out);
    return toHex(out.take());
  };
  assert.equal(
    bytes(
      map,
      new Map([
        [10, 1],
        [9, 2],
      ]),
    ),
    "0209020a01",
  );
  assert.equal(bytes(map, { 10: 1, 9: 2 }), "0209020a01");
  assert.throws(() => toCell(map, { x: 1 }, "m"), /^RangeError: m\[x\]: is no key/);
  assert.throws(() => toCell(map, 7, "m"), /^RangeError: m: 7 is not an object/);
  const raw = parseType({ t: "bytes", max: 3 }, "x");
  assert.equal(bytes(raw, new Uint8Array([1, 2]).buffer), "020102");
  assert.throws(() => toCell(raw, "abc", "b"), /^RangeError: b: /);
  const opt = parseType({ t: "opt", item: { t: "u8" } }, "x");
  assert.equal(bytes(opt, undefined), "00");
});
