// SPDX-License-Identifier: MIT
// @ts-check
/*
 * change - set and update runs of many rows: what Image.change() does, in more code
 * and less time. Loaded, and put in its place, when a page first has many rows.
 *
 * Where all fields of a batch are sums (cell + change) their ids and ranges stand in
 * arrays, so no row asks what a field's type is, and numbers of one and two bytes are
 * read in place.
 */
import { Image } from "./image.js";
import { readCell, readChange } from "./schema.js";
import { WireError } from "./wire.js";

/** @type {number[]} of the fields of the batch at hand */
const lows = [];
/** @type {number[]} */
const highs = [];

/**
 * Are all fields of this batch sums? Then their ranges are taken over.
 * @param {import("./schema.js").Field[]} fields @param {number[]} ids
 */
function takeRanges(fields, ids) {
  for (let k = 0; k < ids.length; k++) {
    const { type } = fields[ids[k]];
    if (!type.isSum) return false;
    lows[k] = type.low;
    highs[k] = type.high;
  }
  return true;
}

/**
 * The cells of a row from the k-th field of the batch on, for undo(): what follows may throw.
 * @param {any[]} cells @param {number[]} ids @param {any[]} olds @param {number} old @param {number} k
 */
function keep(cells, ids, olds, old, k) {
  for (; k < ids.length; k++) olds[old + k] = cells[ids[k]];
}

/**
 * @this {Image}
 * @param {any} facet @param {import("./schema.js").Part} part
 * @param {number} n @param {boolean} isUpdate @param {import("./wire.js").In} input
 */
function change(facet, part, n, isUpdate, input) {
  const { fields, open } = facet.shape;
  const { rows } = facet;
  const { isOwn } = part;
  const { bytes } = input;
  let { at } = input;
  let batch = null;
  let mask = 256; // no byte
  let isSums = false;
  /** @type {number[]} */
  let ids = [];
  /** @type {any[]} */
  let olds = ids;
  /** @type {import("./image.js").Row[]} */
  let held = [];
  let old = 0;
  for (let i = 0, slot = -1; i < n; i++) {
    if (bytes[at] < 128) slot += bytes[at++] + 1;
    else {
      input.at = at;
      slot += input.uv() + 1;
      at = input.at;
    }
    const row = rows[slot];
    if (!row || (isOwn && row.fields === open)) throw new WireError("row is not held");
    if (batch && bytes[at] === mask) at++;
    else {
      input.at = at;
      batch = this.changing(part.fields, input);
      at = input.at;
      ({ mask, ids, olds, rows: held } = batch);
      old = 0;
      isSums = isUpdate && takeRanges(fields, ids);
    }
    const { cells } = row;
    const last = ids.length;
    if (held[batch.n] !== row) held[batch.n] = row; // as a rule the same as in the last frame
    batch.n++; // from here on undo() knows it
    if (isSums)
      for (let k = 0; k < last; k++) {
        const id = ids[k];
        const cell = cells[id];
        olds[old + k] = cell;
        let d = bytes[at];
        if (d < 128) {
          at++;
          d = (d >> 1) ^ -(d & 1);
        } else {
          const c = bytes[at + 1];
          if (c > 0 && c < 128) {
            at += 2;
            d = (((d & 127) | (c << 7)) >> 1) ^ -(d & 1);
          } else {
            keep(cells, ids, olds, old, k);
            input.at = at;
            d = input.sv();
            at = input.at;
          }
        }
        const v = cell + d;
        if (!(v >= lows[k] && v <= highs[k])) {
          keep(cells, ids, olds, old, k);
          throw new WireError("value out of range");
        }
        cells[id] = v;
      }
    else {
      keep(cells, ids, olds, old, 0);
      input.at = at;
      for (let k = 0; k < last; k++) {
        const id = ids[k];
        const { type } = fields[id];
        cells[id] = isUpdate ? readChange(type, input, cells[id]) : readCell(type, input);
      }
      at = input.at;
    }
    old += last;
  }
  input.at = at;
}

Image.prototype.change = change;
