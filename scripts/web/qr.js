// SPDX-License-Identifier: MIT
// @ts-check
/*
 * qr - a text as a QR code (ISO/IEC 18004): bytes, level M, versions 1 to 10, so up to
 * 213 bytes of UTF-8. For links that somebody else's phone should open.
 *
 * Pure code, no page needed but for qrSvg().
 */

// Of versions 1 to 10: code words in all, blocks they are in (level M), code words of
// each block that correct errors, and where alignment patterns are, beside 6.
const WORDS = [26, 44, 70, 100, 134, 172, 196, 242, 292, 346];
const BLOCKS = [1, 1, 1, 2, 2, 4, 4, 4, 5, 5];
const CHECKS = [10, 16, 26, 18, 24, 16, 18, 22, 22, 26];
const ALIGNED = [[], [18], [22], [26], [30], [34], [22, 38], [24, 42], [26, 46], [28, 50]];

// Powers of 2 in GF(256) over x^8 + x^4 + x^3 + x^2 + 1, and their logarithms.
const EXP = new Uint8Array(512);
const LOG = new Uint8Array(256);
for (let i = 0, x = 1; i < 255; i++) {
  EXP[i] = EXP[i + 255] = x;
  LOG[x] = i;
  x = (x << 1) ^ (x > 127 ? 0x11d : 0);
}
/** @param {number} a @param {number} b */
const times = (a, b) => (a && b ? EXP[LOG[a] + LOG[b]] : 0);

/**
 * The Reed-Solomon code words of one block: what is left when its polynomial is divided
 * by (x - 1)(x - 2)(x - 4)…
 * @param {Uint8Array} data @param {number} n
 */
function checksOf(data, n) {
  let divisor = [1];
  for (let i = 0; i < n; i++) {
    const next = [...divisor, 0];
    divisor.forEach((c, k) => (next[k + 1] ^= times(c, EXP[i])));
    divisor = next;
  }
  const rest = new Uint8Array(data.length + n);
  rest.set(data);
  for (let i = 0; i < data.length; i++) {
    const factor = rest[i];
    divisor.forEach((c, k) => (rest[i + k] ^= times(c, factor)));
  }
  return rest.subarray(data.length);
}

/**
 * Data and checks of all blocks, in the order in which they are drawn.
 * @param {Uint8Array} bytes @param {number} version
 */
function wordsOf(bytes, version) {
  const [all, n, checks] = [WORDS[version - 1], BLOCKS[version - 1], CHECKS[version - 1]];
  const data = new Uint8Array(all - n * checks);
  let at = 0;
  /** @param {number} value @param {number} bits */
  const put = (value, bits) => {
    for (let i = bits - 1; i >= 0; i--, at++)
      data[at >> 3] |= ((value >> i) & 1) << (7 - (at & 7));
  };
  put(4, 4); // bytes
  put(bytes.length, version < 10 ? 8 : 16);
  for (const byte of bytes) put(byte, 8);
  at = (Math.min(at + 4, data.length * 8) + 7) & ~7;
  for (let pad = 0xec; at < data.length * 8; pad ^= 0xec ^ 0x11) put(pad, 8);

  const short = Math.floor(data.length / n);
  const blocks = [];
  for (let i = 0, from = 0; i < n; i++) {
    const length = short + (i >= n - (data.length % n) ? 1 : 0);
    blocks.push(data.subarray(from, (from += length)));
  }
  const words = [];
  for (let i = 0; i <= short; i++) for (const b of blocks) if (i < b.length) words.push(b[i]);
  const ends = blocks.map((block) => checksOf(block, checks));
  for (let i = 0; i < checks; i++) for (const end of ends) words.push(end[i]);
  return words;
}

/**
 * `value`, and behind it what is left of it when divided (BCH).
 * @param {number} value @param {number} divisor @param {number} bits of the rest
 */
function guarded(value, divisor, bits) {
  let rest = value;
  for (let i = 0; i < bits; i++) rest = (rest << 1) ^ ((rest >> (bits - 1)) * divisor);
  return (value << bits) | rest;
}

/** @type {((x: number, y: number) => boolean)[]} */
const MASKS = [
  (x, y) => (x + y) % 2 === 0,
  (_, y) => y % 2 === 0,
  (x) => x % 3 === 0,
  (x, y) => (x + y) % 3 === 0,
  (x, y) => ((x / 3 | 0) + (y / 2 | 0)) % 2 === 0,
  (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0,
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0,
  (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
];

/** How hard a code is to read: long runs, squares, what looks like a corner, one colour.
 * @param {Uint8Array[]} rows */
function penalty(rows) {
  const size = rows.length;
  const lines = [...rows, ...rows.map((_, x) => rows.map((row) => row[x]))];
  let sum = 0;
  let dark = 0;
  for (const line of lines) {
    const text = Array.from(line).join("");
    for (const [run] of text.matchAll(/0{5,}|1{5,}/g)) sum += run.length - 2;
    sum += 40 * [...text.matchAll(/(?=00001011101|10111010000)/g)].length;
  }
  for (let y = 0; y < size; y++)
    for (let x = 0; x < size; x++) {
      dark += rows[y][x];
      const four = x && y ? rows[y][x] + rows[y][x - 1] + rows[y - 1][x] + rows[y - 1][x - 1] : 1;
      if (four % 4 === 0) sum += 3;
    }
  return sum + 10 * Math.floor(Math.abs(dark * 20 - size * size * 10) / (size * size));
}

/**
 * The code's modules, row by row: 1 is dark. A margin of 4 light ones belongs around it.
 * @param {string} text up to 213 bytes as UTF-8; longer: a RangeError
 * @returns {Uint8Array[]}
 */
export function qr(text) {
  const bytes = new TextEncoder().encode(text);
  let version = 1;
  const room = () => WORDS[version - 1] - BLOCKS[version - 1] * CHECKS[version - 1] - (version < 10 ? 2 : 3);
  while (bytes.length > room())
    if (++version > 10) throw new RangeError(`${bytes.length} bytes: a QR code of ours holds 213`);

  const size = 17 + 4 * version;
  const rows = Array.from({ length: size }, () => new Uint8Array(size));
  const fixed = rows.map(() => new Uint8Array(size));
  /** @param {number} x @param {number} y @param {unknown} dark */
  const set = (x, y, dark) => {
    if (x < 0 || y < 0 || x >= size || y >= size) return;
    rows[y][x] = dark ? 1 : 0;
    fixed[y][x] = 1;
  };
  /** Squares in squares. @param {number} cx @param {number} cy @param {number} reach @param {number[]} light */
  const square = (cx, cy, reach, light) => {
    for (let dy = -reach; dy <= reach; dy++)
      for (let dx = -reach; dx <= reach; dx++)
        set(cx + dx, cy + dy, !light.includes(Math.max(Math.abs(dx), Math.abs(dy))));
  };

  for (let i = 0; i < size; i++) {
    set(6, i, i % 2 === 0);
    set(i, 6, i % 2 === 0);
  }
  for (const [x, y] of [[3, 3], [size - 4, 3], [3, size - 4]]) square(x, y, 4, [2, 4]);
  const places = version > 1 ? [6, ...ALIGNED[version - 1]] : [];
  for (const x of places)
    for (const y of places) {
      const isCorner = (x === 6 && (y === 6 || y > size - 9)) || (y === 6 && x > size - 9);
      if (!isCorner) square(x, y, 2, [1]);
    }
  /** @param {number} mask */
  const setFormat = (mask) => {
    const bits = guarded(mask, 0x537, 10) ^ 0x5412; // level M is 00
    for (let i = 0; i < 15; i++) {
      const dark = (bits >> i) & 1;
      set(8, i < 6 ? i : i < 8 ? i + 1 : size - 15 + i, dark);
      set(i < 8 ? size - 1 - i : i < 9 ? 7 : 14 - i, 8, dark);
    }
    set(8, size - 8, 1);
  };
  setFormat(0);
  const about = guarded(version, 0x1f25, 12);
  for (let i = 0; version > 6 && i < 18; i++) {
    const [a, b] = [(i / 3) | 0, size - 11 + (i % 3)];
    set(a, b, (about >> i) & 1);
    set(b, a, (about >> i) & 1);
  }

  // Two columns at a time, from the right, up and down.
  const words = wordsOf(bytes, version);
  let at = 0;
  for (let right = size - 1; right > 0; right -= 2) {
    if (right === 6) right = 5;
    const isUp = ((right + 1) & 2) === 0;
    for (let i = 0; i < size; i++)
      for (const x of [right, right - 1]) {
        const y = isUp ? size - 1 - i : i;
        if (fixed[y][x]) continue;
        rows[y][x] = (words[at >> 3] >> (7 - (at & 7))) & 1;
        at++;
      }
  }

  /** @param {number} mask */
  const flip = (mask) =>
    rows.forEach((row, y) => row.forEach((_, x) => (row[x] ^= !fixed[y][x] && MASKS[mask](x, y) ? 1 : 0)));
  let best = 0;
  let least = Infinity;
  for (let mask = 0; mask < 8; mask++) {
    flip(mask);
    setFormat(mask);
    const cost = penalty(rows);
    if (cost < least) [best, least] = [mask, cost];
    flip(mask);
  }
  flip(best);
  setFormat(best);
  return rows;
}

/**
 * The code as a picture: dark on white, in any theme, as scanners want it.
 * @param {string} text @param {string} label what it is, for who does not see it
 */
export function qrSvg(text, label) {
  const rows = qr(text);
  const size = rows.length + 8;
  let path = "";
  rows.forEach((row, y) => row.forEach((dark, x) => dark && (path += `M${x + 4} ${y + 4}h1v1h-1z`)));
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", `0 0 ${size} ${size}`);
  svg.setAttribute("class", "qr");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label);
  svg.setAttribute("shape-rendering", "crispEdges");
  svg.innerHTML = `<path fill="#fff" d="M0 0h${size}v${size}H0z"/><path d="${path}"/>`;
  return svg;
}
