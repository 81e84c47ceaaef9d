// SPDX-License-Identifier: MIT
/*
 * What image.js and change.js make of the same runs of changes, good ones and broken
 * ones, must be the same: cells, batches, what is refused, and what undo() leaves.
 */
import assert from "node:assert/strict";
import test from "node:test";
import { Binary } from "../../../scripts/web/binary.js";
import { Image } from "../../../scripts/web/image.js";
import { parseSchema } from "../../../scripts/web/schema.js";
import { State } from "../../../scripts/web/state.js";
import { In, Out } from "../../../scripts/web/wire.js";

const plain = Image.prototype.change;
await import("../../../scripts/web/write.js"); // with change.js, as a page with many rows does
const quick = Image.prototype.change;

const fields = [
  ["a", { t: "u8" }],
  ["b", { t: "i32" }],
  ["c", { t: "fixed", min: 0, max: 4096, step: 1 / 8 }],
  ["d", { t: "angle" }],
  ["e", { t: "str", max: 8 }],
  ["f", { t: "u32" }],
];
const state = { fields: [], maps: [["m", { keys: "integer", fields }]] };
const schema = parseSchema(JSON.stringify({ state, messages: [], events: [] }), 1);
const ROWS = 20;

let seed = 7;
function draw(n) {
  seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
  return (seed >>> 8) % n;
}

/** An update or set run behind its head; few fields, so that batches are long. */
function sections(isUpdate) {
  const out = new Out();
  const slots = Array.from({ length: ROWS }, (_, i) => i).filter(() => draw(4) > 0);
  if (!slots.length) slots.push(3);
  out.uv(2).u8(isUpdate ? 16 : 8).uv(slots.length);
  let mask = 6;
  let last = -1;
  for (const slot of slots) {
    out.uv(slot - last - 1);
    last = slot;
    if (draw(8) === 0) mask = 1 + draw(63);
    out.u8(mask);
    fields.forEach(([, { t }], i) => {
      if (!(mask & (1 << i))) return;
      if (t === "str") out.str("x".repeat(draw(9)));
      else if (isUpdate) out.sv((draw(2) ? 1 : -1) * draw([40, 9000, 3e6][draw(12) ? draw(2) : 2]));
      else if (t === "u8") out.u8(draw(256));
      else if (t === "i32" || t === "u32") out.le(draw(2 ** 24), 4);
      else out.le(draw(32769), 2);
    });
  }
  return out.u8(0).take();
}

function fresh() {
  const image = new Image(schema);
  const out = new Out();
  out.uv(1).u8(4).uv(1).uv(0).u8(0);
  out.uv(2).u8(4).uv(ROWS);
  for (let i = 0; i < ROWS; i++) out.uv(0).sv(i).u8(6).le(500, 4).le(500, 2);
  image.read(new In(out.u8(0).take()), false);
  image.settle();
  return image;
}

/** Read by one of both; what came of it. */
function read(image, change, bytes) {
  Image.prototype.change = change;
  let error = "";
  try {
    image.read(new In(bytes), false);
  } catch (e) {
    error = `${e.constructor.name}: ${e.message}`;
  }
  const log = image.log.slice(0, image.n).map((b) => {
    const width = b.n * b.ids.length;
    return [b.what, b.ids, b.rows.slice(0, b.n).map((r) => r.slot), b.olds.slice(0, width)];
  });
  return { error, log, cells: image.facets[1].rows.map((r) => r.cells) };
}

test("both ways to read changes come to the same, broken bytes too", () => {
  const images = [fresh(), fresh()];
  let refused = 0;
  for (let i = 0; i < 6000; i++) {
    const bytes = sections(draw(4) > 0);
    if (draw(3) === 0) bytes[draw(bytes.length)] = draw(256);
    const cut = draw(20) === 0 ? bytes.subarray(0, draw(bytes.length)) : bytes;
    const [a, b] = [read(images[0], plain, cut), read(images[1], quick, cut)];
    assert.deepEqual(b, a, `round ${i}`);
    if (a.error) refused++;
    for (const image of images) a.error ? image.undo() : image.settle();
    const [x, y] = images.map((image) => image.facets[1].rows.map((r) => r.cells));
    assert.deepEqual(y, x, `round ${i}, settled`);
  }
  assert.ok(refused > 500 && refused < 5500, `${refused} were refused`);
});

test("objects of many rows hold what one or several fields, nested ones too, came to", async () => {
  const place = { t: "fixed", min: -8, max: 4096, step: 1 / 8 };
  const paths = ["at.x", "at.y", "hp", "x", "y", "z"];
  const fields = [["at", { t: "record", fields: [["x", place], ["y", place]] }]];
  for (const path of paths.slice(2)) fields.push([path, place]);
  const shape = { state: { fields: [], maps: [["m", { keys: "integer", fields }]] } };
  const state = new State((fn, args) => fn(...args));
  const codec = new Binary(state);
  codec.schema = parseSchema(JSON.stringify({ ...shape, messages: [], events: [] }), 1);
  const want = Array.from({ length: ROWS }, () => paths.map(() => 64)) /* 0 */;
  const take = (out) => {
    codec.decode(out.u8(0).take().buffer);
    codec.show(0, 0);
  };
  const out = new Out();
  out.u8(3).u8(0).uv(1).uv(1).u8(4).uv(1).uv(0).u8(0).uv(2).u8(4).uv(ROWS);
  want.forEach((_, i) => out.uv(0).sv(i).u8(0));
  take(out);
  for (let tick = 2; tick < 80; tick++) {
    const mask = tick < 66 ? tick - 2 || 24 : [24, 3, 10, 24, 40][tick % 5];
    out.u8(4).u8(0).le(tick, 2).uv(1).uv(2).u8(16).uv(ROWS);
    want.forEach((row, i) => {
      out.uv(0).u8(mask);
      paths.forEach((_, k) => {
        if (!(mask & (1 << k))) return;
        const step = draw(300);
        row[k] += step;
        out.sv(step);
      });
    });
    take(out);
    await null; // the first frame asks for write.js
    want.forEach((row, i) => {
      const [ax, ay, hp, x, y, z] = row.map((q) => q / 8 - 8);
      assert.deepEqual(state.root.m.get(i), { at: { x: ax, y: ay }, hp, x, y, z }, `tick ${tick}`);
    });
    if (tick === 2) await new Promise((done) => setTimeout(done, 20));
  }
});
