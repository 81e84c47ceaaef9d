// SPDX-License-Identifier: MIT
// @ts-check
/*
 * write - cells into the objects that pages see, one field of many rows at a time.
 * Loaded when a frame first changes many; only numbers.
 *
 * A browser's compiler makes `obj[name] = v` as fast as `obj.x = v` where that place
 * in the code meets one name only, and some five times slower where it meets many.
 * Without eval (which many pages forbid) the place has to be there several times, so
 * the loop is, word for word, and the fields that change first get one each. Pairs of
 * fields that change together, places as a rule, have loops that do both at once.
 */

import "./change.js";

/** @typedef {import("./image.js").Row} Row */
/** @typedef {import("./schema.js").Field} Field */
/** @typedef {(rows: Row[], n: number, id: number, within: string, name: string, min: number, step: number) => void} Loop */
/** @typedef {(rows: Row[], n: number, a: number, b: number, x: string, y: string, minA: number, stepA: number, minB: number, stepB: number) => void} Pair */

// prettier-ignore
/** @type {Loop[]} */
const loops = [
  (rows, n, id, within, name, min, step) => { for (let i = 0; i < n; i++) { const { cells, obj } = rows[i]; (within ? obj[within] : obj)[name] = min + cells[id] * step; } },
  (rows, n, id, within, name, min, step) => { for (let i = 0; i < n; i++) { const { cells, obj } = rows[i]; (within ? obj[within] : obj)[name] = min + cells[id] * step; } },
  (rows, n, id, within, name, min, step) => { for (let i = 0; i < n; i++) { const { cells, obj } = rows[i]; (within ? obj[within] : obj)[name] = min + cells[id] * step; } },
  (rows, n, id, within, name, min, step) => { for (let i = 0; i < n; i++) { const { cells, obj } = rows[i]; (within ? obj[within] : obj)[name] = min + cells[id] * step; } },
  (rows, n, id, within, name, min, step) => { for (let i = 0; i < n; i++) { const { cells, obj } = rows[i]; (within ? obj[within] : obj)[name] = min + cells[id] * step; } },
  (rows, n, id, within, name, min, step) => { for (let i = 0; i < n; i++) { const { cells, obj } = rows[i]; (within ? obj[within] : obj)[name] = min + cells[id] * step; } },
  (rows, n, id, within, name, min, step) => { for (let i = 0; i < n; i++) { const { cells, obj } = rows[i]; (within ? obj[within] : obj)[name] = min + cells[id] * step; } },
  (rows, n, id, within, name, min, step) => { for (let i = 0; i < n; i++) { const { cells, obj } = rows[i]; (within ? obj[within] : obj)[name] = min + cells[id] * step; } },
];
/** By the fields' paths: a room that is joined again, or another one, has the same. @type {Map<string, Loop>} */
const loopOf = new Map();

/**
 * The field of the first n rows; false where it is none for these loops.
 * @param {Field} field @param {Row[]} rows @param {number} n
 */
export function write({ id, path, steps, type }, rows, n) {
  if (steps.length > 2) return false;
  let loop = loopOf.get(path);
  if (!loop) loopOf.set(path, (loop = loops[loopOf.size % loops.length]));
  const within = steps.length > 1 ? steps[0] : "";
  loop(rows, n, id, within, steps[steps.length - 1], type.min, type.step);
  return true;
}

// prettier-ignore
/** @type {Pair[]} of fields within no record */
const pairs = [
  (rows, n, a, b, x, y, minA, stepA, minB, stepB) => { for (let i = 0; i < n; i++) { const { cells, obj } = rows[i]; obj[x] = minA + cells[a] * stepA; obj[y] = minB + cells[b] * stepB; } },
  (rows, n, a, b, x, y, minA, stepA, minB, stepB) => { for (let i = 0; i < n; i++) { const { cells, obj } = rows[i]; obj[x] = minA + cells[a] * stepA; obj[y] = minB + cells[b] * stepB; } },
  (rows, n, a, b, x, y, minA, stepA, minB, stepB) => { for (let i = 0; i < n; i++) { const { cells, obj } = rows[i]; obj[x] = minA + cells[a] * stepA; obj[y] = minB + cells[b] * stepB; } },
  (rows, n, a, b, x, y, minA, stepA, minB, stepB) => { for (let i = 0; i < n; i++) { const { cells, obj } = rows[i]; obj[x] = minA + cells[a] * stepA; obj[y] = minB + cells[b] * stepB; } },
];
/** By both paths. @type {Map<string, Pair>} */
const pairOf = new Map();

/**
 * Both fields of the first n rows; false where these loops are not for them.
 * @param {Field[]} fields @param {Row[]} rows @param {number} n
 */
export function writePair(fields, rows, n) {
  if (fields.length !== 2) return false;
  const [a, b] = fields;
  const key = `${a.path} ${b.path}`;
  let pair = pairOf.get(key);
  if (!pair) {
    if (pairOf.size === pairs.length || fields.some((f) => !f.type.isNumber || f.steps.length > 1))
      return false;
    pairOf.set(key, (pair = pairs[pairOf.size]));
  }
  pair(rows, n, a.id, b.id, a.path, b.path, a.type.min, a.type.step, b.type.min, b.type.step);
  return true;
}
