// SPDX-License-Identifier: MIT
// @ts-check
/*
 * columns - a map of the state as arrays by slot, for pages that draw thousands of
 * rows: `join(path, options, { columns: ["ships"] })`. Loaded only then.
 *
 * A row has a slot, a small number that is used again when the row has left. There
 * are no objects; a frame writes numbers into typed arrays, and view() moves the
 * smooth ones in one loop each.
 */
import "./change.js";
import { CHANGED, LEFT } from "./image.js";
import { toValue } from "./schema.js";

const TURN = 2 * Math.PI;
const FIRST = 64; // slots; doubled when they run out

/** @typedef {import("./schema.js").Field} Field */
/** @typedef {number | string} Key */
/** @typedef {(slot: number, id: Key) => void} SlotFn */
/**
 * What a smooth field needs: it is shown between `from` and `to`.
 * @typedef {{ from: Float64Array, to: Float64Array, shown: Float64Array }} Motion
 */

/** @param {Float64Array} old @param {number} n */
function grown(old, n) {
  const array = new Float64Array(n);
  array.set(old);
  return array;
}

export class Columns {
  /** @param {(fn: Function, args: any[]) => void} call one call, its errors caught */
  constructor(call) {
    this._call = call;
    /** @type {Record<string, Set<SlotFn>>} */
    this._fns = { add: new Set(), remove: new Set(), change: new Set() };
    /** @type {any} */
    this._facet = null;
    this._start = new Float64Array(0); // by slot: when the last sample came
    this._due = new Float64Array(0); // and when it shall be reached
    /** @type {Map<number, Motion>} by field id */
    this._motions = new Map();
    /** Slots are below this. */
    this.end = 0;
    /** The row's id by slot; undefined where there is none. @type {(Key | undefined)[]} */
    this.ids = [];
    /** By path: Float64Array for numbers, else a plain array. @type {Record<string, any>} */
    this.columns = {};
    /** The same with smooth fields where they were at the last view(). @type {Record<string, any>} */
    this.shown = {};
  }
  get size() {
    return this._facet ? this._facet.byKey.size : 0;
  }
  /** @param {Key} id @returns {number} -1: there is no such row */
  slot(id) {
    return this._facet?.byKey.get(id)?.slot ?? -1;
  }
  /** @param {Key} id */
  has(id) {
    return this.slot(id) >= 0;
  }
  /**
   * "add" (called at once for the rows that are there) and "remove", after a whole
   * frame, with the slot and the id. Returns its own unsubscribe.
   * @param {"add" | "remove"} what @param {SlotFn} fn
   */
  on(what, fn) {
    if (what !== "add" && what !== "remove")
      throw new TypeError(`columns tell add and remove, not ${what}`);
    this._fns[what].add(fn);
    if (what === "add")
      for (let slot = 0; slot < this.end; slot++)
        if (this.ids[slot] !== undefined) this._call(fn, [slot, this.ids[slot]]);
    return () => this._fns[what].delete(fn);
  }

  /** @param {string} what @param {number} slot @param {Key} id @param {any[]} calls */
  _tell(what, slot, id, calls) {
    for (const fn of this._fns[what]) calls.push({ fn, args: [slot, id] });
  }

  /** Room for slots up to `end`. @param {number} end */
  _grow(end) {
    this.end = Math.max(this.end, end);
    if (end <= this._start.length) return;
    let n = this._start.length || FIRST;
    while (n < end) n *= 2;
    this._start = grown(this._start, n);
    this._due = grown(this._due, n);
    for (const { id, path, type } of this._facet.shape.fields) {
      if (!type.isNumber) continue;
      this.columns[path] = this.shown[path] = grown(this.columns[path], n);
      const motion = this._motions.get(id);
      if (!motion) continue;
      motion.from = grown(motion.from, n);
      motion.to = this.columns[path];
      motion.shown = this.shown[path] = grown(motion.shown, n);
    }
  }

  /**
   * A snapshot: another facet, perhaps by another schema. Who was there and is not
   * any more is told, and who is new.
   * @param {any} facet @param {any[]} calls
   */
  _load(facet, calls) {
    const before = new Map(this._facet?.byKey);
    for (const [key, row] of before)
      if (!facet.byKey.has(key)) this._tell("remove", row.slot, key, calls);
    this._facet = facet;
    this.end = 0;
    this.ids = [];
    this.columns = {};
    this.shown = {};
    this._start = this._due = new Float64Array(0);
    this._motions.clear();
    for (const { id, path, type } of facet.shape.fields) {
      /** @type {any} */
      const array = type.isNumber ? new Float64Array(0) : [];
      this.columns[path] = this.shown[path] = array;
      if (type.isNumber && type.smooth)
        this._motions.set(id, { from: array, to: array, shown: array });
    }
    for (const row of facet.byKey.values()) {
      this._enter(row);
      if (!before.has(row.key)) this._tell("add", row.slot, row.key, calls);
    }
  }

  /** @param {import("./image.js").Row} row */
  _enter(row) {
    const { slot, cells } = row;
    this._grow(slot + 1);
    this.ids[slot] = row.key;
    this._start[slot] = this._due[slot] = 0;
    row.obj = this;
    for (const { id, path, type } of this._facet.shape.fields) {
      const v = id < cells.length ? toValue(type, cells[id]) : undefined;
      this.columns[path][slot] = v;
      const motion = this._motions.get(id);
      if (motion) motion.from[slot] = /** @type {any} */ (v);
    }
  }

  /**
   * What a frame did.
   * @param {import("./image.js").Batch} batch
   * @param {number} now @param {number} due @param {any[]} calls
   */
  _take({ what, rows, n, ids }, now, due, calls) {
    if (what === CHANGED) {
      this._change(rows, n, ids, now, due);
      return;
    }
    for (let i = 0; i < n; i++) {
      const row = rows[i];
      const { slot, key } = row;
      if (what === LEFT) {
        this.ids[slot] = undefined;
        this._tell("remove", slot, key, calls);
      } else {
        this._enter(row);
        this._tell("add", slot, key, calls);
      }
    }
  }

  /**
   * @param {import("./image.js").Row[]} rows @param {number} n @param {number[]} ids
   * @param {number} now @param {number} due
   */
  _change(rows, n, ids, now, due) {
    const { fields } = this._facet.shape;
    // Every smooth field of a row starts anew with it, for they share the times.
    if (ids.some((id) => this._motions.has(id))) {
      for (const [id, motion] of this._motions) {
        const isAngle = fields[id].type.t === "angle";
        for (let i = 0; i < n; i++) {
          const { slot } = rows[i];
          motion.from[slot] = this._at(motion, slot, now, isAngle);
        }
      }
      for (let i = 0; i < n; i++) {
        this._start[rows[i].slot] = now;
        this._due[rows[i].slot] = due;
      }
    }
    for (const id of ids) {
      const { path, type } = fields[id];
      const column = this.columns[path];
      const { min, step, isNumber } = type;
      for (let i = 0; i < n; i++) {
        const { slot, cells } = rows[i];
        column[slot] = isNumber ? min + cells[id] * step : toValue(type, cells[id], column[slot]);
      }
    }
  }

  /** @param {Motion} motion @param {number} slot @param {number} now @param {boolean} isAngle */
  _at({ from, to }, slot, now, isAngle) {
    const a = from[slot];
    const b = to[slot];
    const due = this._due[slot];
    if (a === b || now >= due) return b;
    const start = this._start[slot];
    const share = now <= start ? 0 : (now - start) / (due - start);
    if (!isAngle) return a + (b - a) * share;
    const way = ((b - a + 1.5 * TURN) % TURN) - TURN / 2;
    return (a + way * share + TURN) % TURN;
  }

  /** Smooth fields where they are now, in `shown`. @param {number} now */
  view(now) {
    for (const [id, motion] of this._motions) {
      const isAngle = this._facet.shape.fields[id].type.t === "angle";
      const { shown } = motion;
      for (let slot = 0; slot < this.end; slot++)
        shown[slot] = this._at(motion, slot, now, isAngle);
    }
    return this.shown;
  }
}

/** What join() was asked for. @param {import("./client.js").Room} room @param {import("./client.js").Settings} settings */
export function setUp(room, { columns = [], json }) {
  if (json) throw new TypeError("columns need the schema that parlor.j1 does not have");
  for (const map of columns)
    room._columns.set(map, new Columns((fn, args) => room._call(fn, args)));
}
