// SPDX-License-Identifier: MIT
// scripts/web/qr.js: what it draws, jsqr reads.
import assert from "node:assert/strict";
import test from "node:test";

import jsQR from "jsqr";

import { qr } from "../../../scripts/web/qr.js";

/** What a phone would see: four points a module, and the margin. */
function read(rows) {
  const scale = 4;
  const size = (rows.length + 8) * scale;
  const pixels = new Uint8ClampedArray(size * size * 4).fill(255);
  for (let y = 0; y < size; y++)
    for (let x = 0; x < size; x++) {
      const dark = rows[Math.floor(y / scale) - 4]?.[Math.floor(x / scale) - 4];
      if (dark) pixels.fill(0, (y * size + x) * 4, (y * size + x) * 4 + 3);
    }
  return jsQR(pixels, size, size);
}

test("texts come back as they were, each in the smallest version that holds it", () => {
  const texts = ["", "a", "http://192.168.1.23:8080/", "http://[fe80::1]:8080/pond/k7mq2p", "grün 🐸 зелёный"];
  for (const text of texts) assert.equal(read(qr(text))?.data ?? "", text, text);
  // The bytes that versions 1 to 10 hold at level M (ISO/IEC 18004, table 7).
  [14, 26, 42, 62, 84, 106, 122, 152, 180, 213].forEach((n, i) => {
    for (const length of [n - 1, n]) {
      const text = Array.from({ length }, (_, k) => String.fromCharCode(33 + ((k * 7 + n) % 90))).join("");
      const seen = read(qr(text));
      assert.equal(seen.data, text);
      assert.equal(seen.version, i + 1);
    }
  });
});

test("a code with spots is still read: that is what level M is for", () => {
  const rows = qr("http://192.168.1.23:8080/cards/k7mq2p");
  for (let y = 10; y < 14; y++) for (let x = 10; x < 14; x++) rows[y][x] ^= 1;
  assert.equal(read(rows).data, "http://192.168.1.23:8080/cards/k7mq2p");
});

test("what does not fit is refused", () => {
  assert.throws(() => qr("x".repeat(214)), /214 bytes/);
  assert.throws(() => qr("ü".repeat(107)), RangeError);
});
