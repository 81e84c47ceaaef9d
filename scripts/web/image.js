// SPDX-License-Identifier: MIT
// @ts-check
/*
 * image - what the server says is so: rows of cells, by slot and by key.
 *
 * Frames are decoded straight into the rows, and every step goes to a log of
 * batches. A frame that turns out malformed is undone from the log, backwards, so
 * it leaves no trace; one that is whole is shown from the log (state.js).
 * Pages never see an image.
 */
import { WireError } from "./wire.js";
import { readCell, readChange } from "./schema.js";

/** @typedef {import("./schema.js").Shape} Shape */
/** @typedef {import("./schema.js").Part} Part */
/** @typedef {import("./wire.js").In} In */

const KEEP = 1;
const LEAVE = 2;
const ENTER = 4;
const SET = 8;
const UPDATE = 16;

/** Slots are small numbers; a list of them shall not become a wild array. */
const MAX_SLOT = 2 ** 24;

/** What a batch of the log did. */
export const ENTERED = 1;
export const LEFT = 2;
export const CHANGED = 3;

/**
 * A stretch of the log: rows of one facet with which the same was done. Used again
 * for each frame, so a frame makes no garbage of it.
 */
export class Batch {
  constructor() {
    this.what = 0;
    this.mask = 0; // CHANGED: the byte that names the fields; 256 where several do
    /** @type {number[]} CHANGED: which fields */
    this.ids = [];
    /** @type {Row[]} the first n are its rows */
    this.rows = [];
    this.n = 0;
    /** @type {any[]} CHANGED: the cells before, row by row */
    this.olds = [];
  }
}

export class Row {
  /** @param {Facet} facet @param {number} slot @param {number | string} key @param {any[]} cells */
  constructor(facet, slot, key, cells) {
    this.facet = facet;
    this.fields = facet.shape.open; // with the player's own row: all
    this.slot = slot;
    this.key = key;
    this.cells = cells;
    /** @type {any} the page's object, or where it is, once shown */
    this.obj = null;
    this.isTouched = false; // by the frame that is being shown, and somebody asks
    this.isMoved = false; // that is, a smooth field
    /** @type {string[] | null} what it changed, where somebody listens */
    this.changed = null;
    this.isGone = false;
    this.version = 0; // grows when the page's object changes; -1: not told yet
    /** @type {import("./smooth.js").Motion | null} */
    this.motion = null;
  }
}

export class Facet {
  /** @param {Shape} shape @param {number} index */
  constructor(shape, index) {
    this.shape = shape;
    this.index = index;
    this.presets = shape.open.map((f) => f.type.preset);
    /** @type {(Row | undefined)[]} */
    this.rows = [];
    /** @type {Map<number | string, Row>} */
    this.byKey = new Map();
    /** @type {import("./state.js").Table | null} where pages see the rows; the root has none */
    this.table = null;
    this.isDrawn = false; // a row of it has a motion
    /** @type {import("./columns.js").Columns | null} instead of objects */
    this.columns = null;
  }
}

export class Image {
  /** @param {import("./schema.js").Schema} schema */
  constructor(schema) {
    this.schema = schema;
    this.facets = schema.facets.map((shape, i) => new Facet(shape, i));
    this.tick = -1; // of the state that is held; -1: none
    /** @type {Batch[]} the log; the first n are in use */
    this.log = [];
    this.n = 0;
    this.oldTick = -1;
    this.ids = new Uint16Array(Math.max(8, ...schema.parts.map((part) => part.fields.length)));
  }

  /** The root record's row; none before the first snapshot. */
  get root() {
    return this.facets[0].rows[0];
  }

  /** A new stretch of the log. @param {number} what */
  batch(what) {
    const batch = (this.log[this.n++] ??= new Batch());
    batch.what = what;
    batch.n = 0;
    return batch;
  }

  /** The frame was shown: from here on undo() comes back to this. */
  settle() {
    this.n = 0;
    this.oldTick = this.tick;
  }

  /** Back to the last settle(). */
  undo() {
    while (this.n > 0) {
      const { what, rows, n, ids, olds } = this.log[--this.n];
      for (let i = n - 1; i >= 0; i--)
        if (what === ENTERED) this.remove(rows[i]);
        else if (what === LEFT) this.add(rows[i]);
        else ids.forEach((id, k) => (rows[i].cells[id] = olds[i * ids.length + k]));
    }
    this.tick = this.oldTick;
  }

  /** @param {Row} row */
  add(row) {
    row.facet.rows[row.slot] = row;
    row.facet.byKey.set(row.key, row);
  }

  /** @param {Row} row */
  remove(row) {
    row.facet.rows[row.slot] = undefined;
    row.facet.byKey.delete(row.key);
  }

  /**
   * The sections of a SNAPSHOT or DELTA, to their end.
   * @param {In} input @param {boolean} isResume a keep run may come
   */
  read(input, isResume) {
    for (let last = 0; ;) {
      const at = input.uv();
      if (at === 0) return;
      if (at <= last || at > this.schema.parts.length) throw new WireError("no such facet here");
      last = at;
      const part = this.schema.parts[at - 1];
      const facet = this.facets[part.at];
      const runs = input.u8();
      const may = part.isOwn ? ENTER | SET | UPDATE : isResume && facet.index ? 31 : 30;
      if (runs === 0 || runs & ~may) throw new WireError("bad runs");
      for (let run = KEEP; run <= UPDATE; run *= 2)
        if (runs & run) this.readRun(facet, part, run, input);
    }
  }

  /** @param {Facet} facet @param {Part} part @param {number} run @param {In} input */
  readRun(facet, part, run, input) {
    const n = input.uv();
    const kept = run === KEEP ? new Set() : null;
    if (n === 0 && !kept) throw new WireError("empty run");
    if (run >= SET) return this.change(facet, part, n, run === UPDATE, input);
    const batch = this.batch(run === ENTER ? ENTERED : LEFT);
    for (let i = 0, id = -1; i < n; i++) {
      id += input.uv() + 1;
      if (id >= MAX_SLOT) throw new WireError("id too large");
      const row = facet.rows[id];
      if (run === ENTER && !part.isOwn) {
        if (row) throw new WireError("row is held already");
        const fresh = this.enter(facet, id, input);
        this.add(fresh);
        batch.rows[batch.n++] = fresh;
      } else if (!row) throw new WireError("row is not held");
      else if (run === ENTER) this.enterOwn(row, part, input);
      else if (kept) kept.add(row);
      else this.leave(row, batch);
    }
    if (kept) for (const row of facet.byKey.values()) if (!kept.has(row)) this.leave(row, batch);
  }

  /** @param {Row} row @param {Batch} batch */
  leave(row, batch) {
    this.remove(row);
    batch.rows[batch.n++] = row;
  }

  /** @param {Facet} facet @param {number} slot @param {In} input */
  enter(facet, slot, input) {
    const { keys, open } = facet.shape;
    /** @type {number | string} */
    let key = slot;
    if (keys === "player") key = input.uv();
    else if (keys === "string") key = input.str();
    else if (keys === "integer") {
      key = input.sv();
      if (key !== (key | 0)) throw new WireError("key past 32 bits");
    } else if (slot) throw new WireError("there is one root row");
    if (facet.byKey.has(key)) throw new WireError("key is held already");

    const cells = facet.presets.slice();
    this.fill(open, cells, input);
    return new Row(facet, slot, key, cells);
  }

  /** @param {import("./schema.js").Field[]} fields @param {any[]} cells @param {In} input */
  fill(fields, cells, input) {
    const n = input.mask(fields.length, this.ids);
    for (let i = 0; i < n; i++) {
      const { id, type } = fields[this.ids[i]];
      cells[id] = readCell(type, input);
    }
  }

  /**
   * What only its owner sees of a row, which has entered right before.
   * @param {Row} row @param {Part} part @param {In} input
   */
  enterOwn(row, part, input) {
    const { open, fields } = row.facet.shape;
    if (row.obj || row.fields !== open) throw new WireError("row is held already");
    row.fields = fields;
    for (const f of part.fields) row.cells.push(f.type.preset);
    this.fill(part.fields, row.cells, input);
  }

  /**
   * A set or update run. Rows that name the same fields go into one batch. Pages with
   * many rows get another one, which does the same (change.js).
   * @param {Facet} facet @param {Part} part
   * @param {number} n @param {boolean} isUpdate @param {In} input
   */
  change(facet, part, n, isUpdate, input) {
    const { fields, open } = facet.shape;
    /** @type {Batch | null} */
    let batch = null;
    for (let i = 0, slot = -1; i < n; i++) {
      slot += input.uv() + 1;
      const row = facet.rows[slot];
      if (!row || (part.isOwn && row.fields === open)) throw new WireError("row is not held");
      if (batch && input.bytes[input.at] === batch.mask) input.at++;
      else batch = this.changing(part.fields, input);
      const { ids, olds } = batch;
      const { cells } = row;
      let old = batch.n * ids.length;
      for (const id of ids) olds[old++] = cells[id];
      batch.rows[batch.n++] = row; // from here on undo() knows it
      for (const id of ids) {
        const { type } = fields[id];
        cells[id] = isUpdate ? readChange(type, input, cells[id]) : readCell(type, input);
      }
    }
  }

  /** A batch for those of the fields that the mask names. @param {Part["fields"]} fields @param {In} input */
  changing(fields, input) {
    const first = input.bytes[input.at];
    const n = input.mask(fields.length, this.ids);
    if (n === 0) throw new WireError("empty mask");
    const batch = this.batch(CHANGED);
    batch.mask = first < 128 ? first : 256;
    batch.ids.length = n;
    for (let i = 0; i < n; i++) batch.ids[i] = fields[this.ids[i]].id;
    return batch;
  }
}
