// SPDX-License-Identifier: MIT
// @ts-check
/*
 * image - what the server says is so: rows of cells, by slot and by key.
 *
 * Frames are decoded straight into the rows, and every step goes to a log.
 * A frame that turns out malformed is undone from the log, backwards, so it
 * leaves no trace; one that is whole is shown from the log (state.js).
 * Pages never see an image.
 */
import { WireError } from "./wire.js";
import { readCell, readChange } from "./schema.js";

/** @typedef {import("./schema.js").Shape} Shape */
/** @typedef {import("./wire.js").In} In */

const KEEP = 1;
const LEAVE = 2;
const ENTER = 4;
const SET = 8;
const UPDATE = 16;

/** Slots are small numbers; a list of them shall not become a wild array. */
const MAX_SLOT = 2 ** 24;

/** Steps in the log that are not the change of a field (those are field ids). */
export const ENTERED = -1;
export const LEFT = -2;

export class Row {
  /** @param {Facet} facet @param {number} slot @param {number | string} key @param {any[]} cells */
  constructor(facet, slot, key, cells) {
    this.facet = facet;
    this.slot = slot;
    this.key = key;
    this.cells = cells;
    /** @type {any} the page's object, once shown */
    this.obj = null;
    this.isTouched = false; // by the frame that is being shown
    this.isMoved = false; // that is, a smooth field
    /** @type {string[] | null} what it changed, where somebody listens */
    this.changed = null;
    this.isGone = false;
    this.version = 0; // grows when the page's object changes; -1: not told yet
    /** @type {import("./smooth.js").Motion | null} */
    this.motion = null;
  }
}

class Facet {
  /** @param {Shape} shape @param {number} index */
  constructor(shape, index) {
    this.shape = shape;
    this.index = index;
    this.presets = shape.fields.map((f) => f.type.preset);
    /** @type {(Row | undefined)[]} */
    this.rows = [];
    /** @type {Map<number | string, Row>} */
    this.byKey = new Map();
    /** @type {import("./state.js").Table | null} where pages see the rows; the root has none */
    this.table = null;
  }
}

export class Image {
  /** @param {import("./schema.js").Schema} schema */
  constructor(schema) {
    this.schema = schema;
    this.facets = schema.facets.map((shape, i) => new Facet(shape, i));
    this.tick = -1; // of the state that is held; -1: none
    // The log, as three lists that are used again.
    /** @type {Row[]} */
    this.rows = [];
    /** @type {number[]} a field's id, ENTERED or LEFT */
    this.steps = [];
    /** @type {any[]} the cell before */
    this.olds = [];
    this.n = 0;
    this.oldTick = -1;
    this.ids = new Uint16Array(Math.max(8, ...schema.facets.map((shape) => shape.fields.length)));
  }

  /** The root record's row; none before the first snapshot. */
  get root() {
    return this.facets[0].rows[0];
  }

  /** @param {Row} row @param {number} step @param {any} old */
  note(row, step, old) {
    const n = this.n++;
    this.rows[n] = row;
    this.steps[n] = step;
    this.olds[n] = old;
  }

  /** The frame was shown: from here on undo() comes back to this. */
  settle() {
    this.n = 0;
    this.oldTick = this.tick;
  }

  /** Back to the last settle(). */
  undo() {
    while (this.n > 0) {
      const row = this.rows[--this.n];
      const step = this.steps[this.n];
      if (step === ENTERED) this.remove(row);
      else if (step === LEFT) this.add(row);
      else row.cells[step] = this.olds[this.n];
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

  /** @param {Row} row */
  leave(row) {
    this.remove(row);
    this.note(row, LEFT, null);
  }

  /**
   * The sections of a SNAPSHOT or DELTA, to their end.
   * @param {In} input @param {boolean} isResume a keep run may come
   */
  read(input, isResume) {
    for (let last = 0; ;) {
      const at = input.uv();
      if (at === 0) return;
      if (at <= last || at > this.facets.length) throw new WireError("no such facet here");
      last = at;
      const facet = this.facets[at - 1];
      const runs = input.u8();
      if (runs === 0 || runs > 31 || (runs & KEEP && !isResume)) throw new WireError("bad runs");
      for (let run = KEEP; run <= UPDATE; run *= 2) if (runs & run) this.readRun(facet, run, input);
    }
  }

  /** @param {Facet} facet @param {number} run @param {In} input */
  readRun(facet, run, input) {
    const n = input.uv();
    const kept = run === KEEP ? new Set() : null;
    if (n === 0 && !kept) throw new WireError("empty run");
    for (let i = 0, id = -1; i < n; i++) {
      id += input.uv() + 1;
      if (id >= MAX_SLOT) throw new WireError("id too large");
      const row = facet.rows[id];
      if (run === ENTER) {
        if (row) throw new WireError("row is held already");
        this.enter(facet, id, input);
      } else if (!row) throw new WireError("row is not held");
      else if (run === LEAVE) this.leave(row);
      else if (kept) kept.add(row);
      else this.change(row, run === UPDATE, input);
    }
    if (kept) for (const row of facet.byKey.values()) if (!kept.has(row)) this.leave(row);
  }

  /** @param {Facet} facet @param {number} slot @param {In} input */
  enter(facet, slot, input) {
    const { keys, fields } = facet.shape;
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
    const n = input.mask(fields.length, this.ids);
    for (let i = 0; i < n; i++) cells[this.ids[i]] = readCell(fields[this.ids[i]].type, input);
    const row = new Row(facet, slot, key, cells);
    this.add(row);
    this.note(row, ENTERED, null);
  }

  /** @param {Row} row @param {boolean} isUpdate @param {In} input */
  change(row, isUpdate, input) {
    const { fields } = row.facet.shape;
    const { cells } = row;
    const n = input.mask(fields.length, this.ids);
    if (n === 0) throw new WireError("empty mask");
    for (let i = 0; i < n; i++) {
      const id = this.ids[i];
      const old = cells[id];
      const { type } = fields[id];
      cells[id] = isUpdate ? readChange(type, input, old) : readCell(type, input);
      this.note(row, id, old);
    }
  }
}
