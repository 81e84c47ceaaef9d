// SPDX-License-Identifier: MIT
// @ts-check
/*
 * state - what pages see: plain objects, changed in place, and tables of them.
 *
 * show() brings the objects up to the image after a whole frame and returns
 * what has happened as calls to make; nobody is called in between. A row keeps
 * its object as long as its key stays, through snapshots and reloads too.
 */
import { buildRow, get, put, toValue } from "./schema.js";
import { ENTERED, LEFT } from "./image.js";
import { NotLoaded } from "./wire.js";

/** @typedef {import("./image.js").Row} Row */
/** @typedef {number | string} Key */
/** @typedef {(row: any, id: Key, changed: string[]) => void} RowFn */
/** @typedef {{ fn: Function, args: any[] }} Call */
/** What a table reads: rows by key. @typedef {{ key: Key, obj: any }} Shown */

/**
 * A map of the state. Read it like a Map; ids are numbers for players and
 * integers, else strings.
 */
export class Table {
  /** @param {(fn: Function, args: any[]) => void} call one call, its errors caught */
  constructor(call) {
    this._call = call;
    /** @type {Map<Key, Shown>} */
    this._rows = new Map();
    /** @type {Record<string, Set<RowFn>>} */
    this._fns = { add: new Set(), change: new Set(), remove: new Set() };
  }
  get size() {
    return this._rows.size;
  }
  /** @param {Key} id @returns {any} the row, undefined where there is none */
  get(id) {
    return this._rows.get(id)?.obj;
  }
  /** @param {Key} id */
  has(id) {
    return this._rows.has(id);
  }
  keys() {
    return this._rows.keys();
  }
  /** @returns {Generator<any>} */
  *values() {
    for (const row of this._rows.values()) yield row.obj;
  }
  /** @returns {Generator<[any, any]>} */
  *entries() {
    for (const row of this._rows.values()) yield [row.key, row.obj];
  }
  [Symbol.iterator]() {
    return this.entries();
  }
  /**
   * Called after a whole frame. "add" is called at once for the rows that are
   * there already. Returns its own unsubscribe.
   * @param {"add" | "change" | "remove"} what @param {RowFn} fn
   */
  on(what, fn) {
    const fns = this._fns[what];
    if (!fns) throw new TypeError(`a table tells add, change and remove, not ${what}`);
    fns.add(fn);
    if (what === "add")
      for (const row of [...this._rows.values()]) this._call(fn, [row.obj, row.key]);
    return () => fns.delete(fn);
  }
  /** @param {string} what @param {any[]} args @param {Call[]} calls */
  _tell(what, args, calls) {
    for (const fn of this._fns[what]) calls.push({ fn, args });
  }
}

/** From so many rows of a frame on the loops of write.js are worth their call. */
const MANY = 8;
/** @type {any} write.js, or its promise, once a frame has had so many */
let loops = null;
/** @type {any} smooth.js, once a schema has had smooth fields */
let smooth = null;
/** @type {any} again.js, once a snapshot has followed another */
let again = null;

/** Resolves when a snapshot may replace another one. */
export async function loadAgain() {
  again = await import("./again.js");
}

/** @param {import("./schema.js").Shape} shape */
const isSmooth = (shape) => shape.fields.some((f) => f.type.smooth);

/**
 * The field of the first n rows, into the objects that pages see.
 * @param {import("./schema.js").Field} field @param {Row[]} rows @param {number} n
 */
function write(field, rows, n) {
  const { id, steps, type } = field;
  if (n >= MANY && type.isNumber && loops?.write?.(field, rows, n)) return;
  for (let i = 0; i < n; i++) {
    const { obj, cells } = rows[i];
    put(obj, steps, toValue(type, cells[id], type.isComposed && get(obj, steps)));
  }
}


export class State {
  /**
   * @param {(fn: Function, args: any[]) => void} call
   * @param {Map<string, import("./columns.js").Columns>} [columns] maps that are no tables
   */
  constructor(call, columns = new Map()) {
    this.call = call;
    this.columns = columns;
    /** @type {any} what the page sees: root fields and tables */
    this.root = {};
    /** @type {Map<string, Table>} */
    this.tables = new Map();
    /** @type {import("./image.js").Image | null} the one that is shown */
    this.image = null;
    /** What the schema needs is here. @type {Promise<any>} */
    this.loaded = Promise.resolve();
    this.period = 0; // ms, 0: event-driven
    /** @type {import("./smooth.js").Timeline | null} */
    this.timeline = null;
  }

  /** Ticks count anew. @param {number} period */
  restart(period) {
    this.period = period;
    this.timeline = null;
  }

  /**
   * When smooth fields shall have arrived.
   * @param {number} tick @param {boolean} isDelta @param {number} now
   */
  due(tick, isDelta, now) {
    if (!smooth) return now;
    const timeline = (this.timeline ??= new smooth.Timeline(this.period));
    return isDelta ? timeline.arrive(tick, now) : timeline.soon(now);
  }

  /** A snapshot comes. Throws NotLoaded where one is held and that needs again.js. */
  expect() {
    if (this.image && !again) throw new NotLoaded(loadAgain);
  }

  /** @param {string} name of a map; made if it is not there */
  table(name) {
    let table = this.tables.get(name);
    if (!table) this.tables.set(name, (table = new Table(this.call)));
    this.root[name] = table;
    return table;
  }

  /**
   * Bring the page's objects up to `image`. Returns the calls to make.
   * @param {import("./image.js").Image} image @param {number} now
   * @param {number} due when smooth fields shall have arrived
   * @returns {Call[]}
   */
  show(image, now, due) {
    /** @type {Row[]} */
    const added = [];
    /** @type {Row[]} */
    const touched = [];
    /** @type {Row[]} */
    const removed = [];
    /** @type {Call[]} */
    const calls = [];

    if (image !== this.image) this.replace(image, added, touched, removed, calls);
    else
      for (let i = 0; i < image.n; i++) {
        const batch = image.log[i];
        const { what, rows, n } = batch;
        const columns = n && rows[0].facet.columns;
        if (columns) columns._take(batch, now, due, calls);
        else if (what === ENTERED) for (let k = 0; k < n; k++) this.create(rows[k], added);
        else if (what === LEFT)
          for (let k = 0; k < n; k++) {
            rows[k].isGone = true;
            removed.push(rows[k]);
          }
        else if (n) this.write(rows, n, batch.ids, touched);
      }
    image.settle();

    for (const row of removed)
      if (row.version >= 0) row.facet.table?._tell("remove", [row.obj, row.key], calls);
    for (const row of added) {
      row.version = 0;
      if (!row.isGone) row.facet.table?._tell("add", [row.obj, row.key], calls);
    }
    for (const row of touched) {
      const { changed, facet } = row;
      if (row.isMoved && row.motion) row.motion.aim(row, now, due, this.period);
      row.version++;
      row.isTouched = row.isMoved = false;
      row.changed = null;
      if (changed && !row.isGone) facet.table?._tell("change", [row.obj, row.key, changed], calls);
    }
    return calls;
  }

  /** @param {Row} row @param {Row[]} added */
  create(row, added) {
    const fresh = buildRow(row);
    if (row.facet.index === 0) row.obj = Object.assign(this.root, fresh);
    else {
      row.obj = fresh;
      row.version = -1; // nobody was told yet
      added.push(row);
    }
  }

  /**
   * These fields of the first n rows, all of one facet, have changed.
   * @param {Row[]} rows @param {number} n @param {number[]} ids @param {Row[]} touched
   */
  write(rows, n, ids, touched) {
    const { shape, table } = rows[0].facet;
    const isWatched = table && table._fns.change.size > 0;
    const moves = ids.some((id) => shape.fields[id].type.smooth);
    if (n >= MANY) loops ??= import("./write.js").then((m) => (loops = m), () => {});
    const fields = ids.map((id) => shape.fields[id]);
    if (n < MANY || !loops?.writePair?.(fields, rows, n)) for (const f of fields) write(f, rows, n);
    if (!isWatched && !rows[0].facet.isDrawn) return; // nobody will ask what changed
    for (let i = 0; i < n; i++) {
      const row = rows[i];
      if (!isWatched && !row.motion) continue;
      row.isMoved ||= moves;
      if (!row.isTouched) {
        row.isTouched = true;
        touched.push(row);
        if (isWatched) row.changed = [];
      }
      const { changed } = row;
      if (changed)
        for (const id of ids) {
          const { path } = shape.fields[id];
          if (!changed.includes(path)) changed.push(path);
        }
    }
  }

  /**
   * A snapshot: another image, perhaps by another schema.
   * @param {import("./image.js").Image} image
   * @param {Row[]} added @param {Row[]} touched @param {Row[]} removed @param {Call[]} calls
   */
  replace(image, added, touched, removed, calls) {
    const before = this.image;
    this.image = image;
    if (!smooth && image.facets.some((f) => isSmooth(f.shape)))
      this.loaded = import("./smooth.js").then((m) => (smooth = m), () => {});
    for (const facet of image.facets) {
      const { name } = facet.shape;
      facet.columns = this.columns.get(name) ?? null;
      if (facet.columns) {
        this.root[name] = facet.columns;
        facet.columns._load(facet, calls);
        continue;
      }
      if (facet.index) {
        facet.table = this.table(name);
        facet.table._rows = facet.byKey;
      }
      if (!before) for (const row of facet.byKey.values()) this.create(row, added);
    }
    if (before) again.replace(this, before, added, touched, removed, calls);
  }

  /**
   * Rows of a table with their smooth fields where they are now.
   * @param {string} name @param {number} now @returns {any}
   */
  view(name, now) {
    const columns = this.columns.get(name);
    if (columns) return columns.view(now);
    const facet = this.image?.facets.find((f) => f.index && f.shape.name === name);
    if (!facet && !this.tables.has(name)) throw new TypeError(`the state has no map ${name}`);
    return smooth && facet && isSmooth(facet.shape)
      ? smooth.cursor(facet.rows, now)
      : this.table(name);
  }

  /** The root record with its smooth fields where they are now. @param {number} now */
  viewRoot(now) {
    const row = this.image?.root;
    return row && smooth ? smooth.viewOf(row, now)[1] : this.root;
  }
}
