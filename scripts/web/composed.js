// SPDX-License-Identifier: MIT
// @ts-check
/*
 * composed - values with others inside: bytes, text, opt, list, map, any, and
 * the records they hold.
 *
 * A cell is never changed once made; a change makes a new one that shares what
 * stayed, so undo needs only the old cell. An opt is its item's cell or null, a
 * list and a record (by field) an array of cells, a map a Map of cells, an any
 * the value itself. Pages get objects of their own, changed in place.
 *
 * Loaded when a schema has such a type (schema.js); what it exports has the
 * names of what schema.js has for the others.
 */
import { MAX_U32, Out, WireError, utf8 } from "./wire.js";
import * as schema from "./schema.js";

/** @typedef {import("./wire.js").In} In */
/**
 * @typedef {import("./schema.js").Type & { item: any, keys: string,
 *   fields: import("./schema.js").Field[], tree: import("./schema.js").Tree }} Type
 *   what an opt, list or map holds; what a record does
 */

const MAX_DEPTH = 16; // of an any
const [CHANGE, INSERT, REMOVE] = [1, 2, 3]; // edits of a list
const SET = 2; // of a map, whose others are the same

/** @param {boolean} good @param {string} why */
function need(good, why) {
  if (!good) throw new WireError(why);
}

/**
 * What only a composed type has.
 * @param {Type} type @param {any} w as in the schema's JSON @param {string} where
 */
export function setUp(type, w, where) {
  type.max = w.max ?? 0;
  type.keys = w.keys;
  type.fields = [];
  if (w.t === "record") {
    type.tree = schema.parseFields(w.fields, where, type.fields, type.fields);
    need(type.fields.length > 0, `${where}: no fields`);
  }
  if (w.item) type.item = schema.parseType(w.item, `${where}[]`);
  else need(!["opt", "list", "map"].includes(w.t), `${where}: no item`);
  if (w.t === "text") type.preset = w.def ?? "";
  else if (w.t === "bytes") type.preset = new Uint8Array(0);
  else if (w.t === "list") type.preset = [];
  else type.preset = w.t === "map" ? new Map() : null;
}

/** The order of UTF-8, in which surrogates come last. @param {string} a @param {string} b */
export function compareText(a, b) {
  for (let i = 0; i < a.length && i < b.length; i++) {
    let x = a.charCodeAt(i);
    let y = b.charCodeAt(i);
    if (x === y) continue;
    if (x >= 0xd800 && y >= 0xd800) {
      x = (x + 0x2000) & 0xffff;
      y = (y + 0x2000) & 0xffff;
    }
    return x - y;
  }
  return a.length - b.length;
}

/** @param {any} a @param {any} b keys of one kind */
const compareKeys = (a, b) => (typeof a === "string" ? compareText(a, b) : a - b);

/** @param {string} keys @param {any} key */
function isKey(keys, key) {
  if (keys === "string") return key !== "" && (key.length <= 85 || utf8(key).length <= 255);
  return keys === "player" ? key >= 1 && key <= MAX_U32 : key === (key | 0);
}

/** @param {string} keys @param {In} input @param {any} last the key before it, or undefined */
function readKey(keys, input, last) {
  const key = keys === "string" ? input.str() : keys === "player" ? input.uv() : input.sv();
  need(isKey(keys, key) && (last === undefined || compareKeys(last, key) < 0), "bad key");
  return key;
}

/** How many follow, of at least a byte each. @param {In} input @param {number} max */
function readCount(input, max) {
  const n = input.uv();
  need(n <= max && n <= input.end - input.at, "too many");
  return n;
}

/** In absolute form. @param {Type} type @param {In} input @returns {any} */
export function read(type, input) {
  const { item, max, keys } = type;
  switch (type.t) {
    case "text":
      return input.str(max);
    case "bytes":
      return input.raw(readCount(input, max)).slice();
    case "opt":
      return readForm(input, 1) ? schema.readCell(item, input) : null;
    case "record":
      return type.fields.map((f) => schema.readCell(f.type, input));
    case "any": {
      const start = input.at;
      const v = input.any();
      need(input.at - start <= max, "value too long");
      return v;
    }
  }
  let n = readCount(input, max);
  if (type.t === "list") {
    const list = [];
    for (; n > 0; n--) list.push(schema.readCell(item, input));
    return list;
  }
  const map = new Map();
  for (let key; n > 0; n--) {
    key = readKey(keys, input, key);
    map.set(key, schema.readCell(item, input));
  }
  return map;
}

/** @param {In} input @param {number} last the highest that there is */
function readForm(input, last) {
  const form = input.u8();
  need(form <= last, "no such form");
  return form;
}

/** A change. @param {Type} type @param {In} input @param {any} old @returns {any} */
export function change(type, input, old) {
  const { t, item, max } = type;
  if (t === "text") {
    const n = input.uv();
    if (!n) return input.str(max);
    const text = splice(input, old, n);
    need(text.length * 3 <= max || utf8(text).length <= max, "text too long");
    return text;
  }
  if (t === "opt") {
    const form = readForm(input, 2);
    if (form < 2) return form ? schema.readCell(item, input) : null;
    need(old !== null, "there was none");
    return schema.readChange(item, input, old);
  }
  if (t === "record") {
    const cells = old.slice();
    const ids = new Uint16Array(cells.length);
    const n = input.mask(cells.length, ids);
    for (const id of ids.subarray(0, n))
      cells[id] = schema.readChange(type.fields[id].type, input, old[id]);
    return cells;
  }
  if (t === "any") return changeAny(input, old, 0);
  if (t === "bytes" || !readForm(input, 1)) return read(type, input);
  if (t === "list")
    return editList(input, old, max, (was) =>
      was === undefined ? schema.readCell(item, input) : schema.readChange(item, input, was),
    );
  const map = new Map(old);
  editMap(
    input,
    (last) => readKey(type.keys, input, last),
    (key) => map.has(key),
    (key, op) => {
      if (op === REMOVE) map.delete(key);
      else
        map.set(
          key,
          op === SET ? schema.readCell(item, input) : schema.readChange(item, input, map.get(key)),
        );
    },
  );
  need(map.size <= max, "too many");
  return map;
}

/** @param {string} text @param {number} at inside a surrogate pair? */
function isHalf(text, at) {
  return (
    at > 0 &&
    (text.charCodeAt(at) & 0xfc00) === 0xdc00 &&
    (text.charCodeAt(at - 1) & 0xfc00) === 0xd800
  );
}

/** @param {In} input @param {string} old @param {number} n splices */
function splice(input, old, n) {
  const parts = [];
  let at = 0;
  for (; n > 0; n--) {
    const from = at + input.uv();
    const to = from + input.uv();
    need(to <= old.length && !isHalf(old, from) && !isHalf(old, to), "bad splice");
    parts.push(old.slice(at, from), input.str());
    at = to;
  }
  parts.push(old.slice(at));
  return parts.join("");
}

/**
 * @param {In} input @param {any[]} old @param {number} max
 * @param {(was?: any) => any} next one item: changed from `was`, or a new one
 */
function editList(input, old, max, next) {
  const list = [];
  let at = 0;
  for (;;) {
    const head = input.uv();
    const op = head % 4;
    const skip = (head - op) / 4;
    if (!head) break;
    need(op > 0 && skip <= old.length - at, "bad edit");
    for (const end = at + skip; at < end; at++) list.push(old[at]);
    if (op === CHANGE) {
      need(at < old.length, "bad edit");
      list.push(next(old[at++]));
      continue;
    }
    let n = input.uv();
    need(n > 0 && n <= (op === INSERT ? input.end - input.at : old.length - at), "bad edit");
    if (op === REMOVE) at += n;
    else for (; n > 0; n--) list.push(next());
  }
  for (; at < old.length; at++) list.push(old[at]);
  need(list.length <= max, "too many");
  return list;
}

/**
 * @param {In} input @param {(last: any) => any} readKey
 * @param {(key: any) => boolean} has @param {(key: any, op: number) => void} edit
 */
function editMap(input, readKey, has, edit) {
  for (let op, key; (op = readForm(input, REMOVE));) {
    key = readKey(key);
    need(op === SET || has(key), "key is not there");
    edit(key, op);
  }
}

/** Unlike assignment, it takes "__proto__" for a name. @param {any} obj @param {string} key @param {any} value */
function setOwn(obj, key, value) {
  if (key === "__proto__")
    Object.defineProperty(obj, key, {
      value,
      configurable: true,
      enumerable: true,
      writable: true,
    });
  else obj[key] = value;
}

/** @param {any} v */
const isBytes = (v) => v instanceof Uint8Array;
/** @param {any} v */
const isPlain = (v) => v !== null && typeof v === "object" && !Array.isArray(v) && !isBytes(v);
const hasOwn = Object.prototype.hasOwnProperty;

/** @param {In} input @param {any} old @param {number} depth @returns {any} */
function changeAny(input, old, depth) {
  if (!readForm(input, 1)) return input.any(depth);
  if (typeof old === "string") {
    const n = input.uv();
    need(n > 0, "no splices");
    return splice(input, old, n);
  }
  need(depth < MAX_DEPTH, "too deep");
  /** @param {any} [was] */
  const next = (was) =>
    was === undefined ? input.any(depth + 1) : changeAny(input, was, depth + 1);
  if (Array.isArray(old)) return editList(input, old, MAX_U32, next);
  need(isPlain(old), "nothing to edit");
  const obj = { ...old };
  editMap(
    input,
    (last) => {
      const key = input.key();
      need(last === undefined || compareText(last, key) < 0, "keys descend");
      return key;
    },
    (key) => hasOwn.call(obj, key),
    (key, op) => {
      if (op === REMOVE) delete obj[key];
      else setOwn(obj, key, next(op === SET ? undefined : obj[key]));
    },
  );
  return obj;
}

/** @param {any} v */
function inWords(v) {
  return Array.isArray(v) ? "an array" : v && typeof v === "object" ? "an object" : String(v);
}

/** A cell from what a page has. @param {Type} type @param {any} v @param {string} where @returns {any} */
export function toCell(type, v, where) {
  const { t, item, max, keys } = type;
  /** @param {string} what */
  const refuse = (what) => new RangeError(`${where}: ${inWords(v)} is not ${what}`);
  if (t === "opt") return v === null || v === undefined ? null : schema.toCell(item, v, where);
  if (t === "text") {
    if (typeof v !== "string" || utf8(v).length > max)
      throw refuse(`a string of at most ${max} bytes`);
    return v;
  }
  if (t === "bytes") {
    if (v instanceof ArrayBuffer) v = new Uint8Array(v);
    if (!isBytes(v) || v.length > max) throw refuse(`a Uint8Array of at most ${max} bytes`);
    return v.slice();
  }
  if (t === "any") {
    if (new Out().any(v, where).at > max) throw refuse(`a value of at most ${max} bytes`);
    return v;
  }
  if (t === "record") {
    /** @type {any[]} */
    const cells = [];
    schema.writePayload(type.tree, v, where, (f, cell) => (cells[f.id] = cell));
    return cells;
  }
  if (t === "list") {
    if (!Array.isArray(v) || v.length > max) throw refuse(`an array of at most ${max} values`);
    return Array.from(v, (x, i) => schema.toCell(item, x, `${where}[${i}]`));
  }
  const pairs = v instanceof Map ? [...v] : isPlain(v) ? Object.entries(v) : null;
  if (!pairs || pairs.length > max) throw refuse(`an object of at most ${max} values`);
  const cells = pairs.map(([name, x]) => {
    const key = keys === "string" ? String(name) : Number(name);
    if (!isKey(keys, key) || String(key) !== String(name))
      throw new RangeError(`${where}[${name}]: is no key of this map`);
    return /** @type {[any, any]} */ ([key, schema.toCell(item, x, `${where}[${name}]`)]);
  });
  return new Map(cells);
}

/** @param {Type} type @param {any} cell @param {Out} out */
export function write(type, cell, out) {
  const { t, item, keys } = type;
  if (t === "text") out.str(cell);
  else if (t === "bytes") out.uv(cell.length).raw(cell);
  else if (t === "any") out.any(cell, "");
  else if (t === "opt") {
    out.u8(cell === null ? 0 : 1);
    if (cell !== null) schema.writeCell(item, cell, out);
  } else if (t === "record") type.fields.forEach((f) => schema.writeCell(f.type, cell[f.id], out));
  else if (t === "list") {
    out.uv(cell.length);
    for (const x of cell) schema.writeCell(item, x, out);
  } else {
    out.uv(cell.size);
    for (const [key, x] of [...cell].sort(([a], [b]) => compareKeys(a, b))) {
      if (keys === "string") out.str(key);
      else if (keys === "player") out.uv(key);
      else out.sv(key);
      schema.writeCell(item, x, out);
    }
  }
}

/** @param {import("./schema.js").Tree} tree @param {any[]} cells @param {any} obj */
function fill(tree, cells, obj) {
  for (const [name, node] of tree) {
    const was = own(obj, name);
    obj[name] =
      node instanceof Map
        ? fill(node, cells, isPlain(was) ? was : {})
        : schema.toValue(node.type, cells[node.id], was);
  }
  return obj;
}

/** Take out of `obj` what is not in `keep`. @param {any} obj @param {(key: string) => boolean} keep */
function prune(obj, keep) {
  for (const key of Object.keys(obj)) if (!keep(key)) delete obj[key];
}

/**
 * What a page sees: `was`, what it saw before, brought up to the cell, where it is
 * of the same shape.
 * @param {Type} type @param {any} cell @param {any} was @returns {any}
 */
export function toValue(type, cell, was) {
  const { t, item } = type;
  if (t === "text" || t === "bytes") return cell;
  if (t === "any") return anyValue(cell, was);
  if (t === "opt") return cell === null ? null : schema.toValue(item, cell, was);
  if (t === "list") {
    const list = Array.isArray(was) ? was : [];
    for (let i = 0; i < cell.length; i++) list[i] = schema.toValue(item, cell[i], list[i]);
    list.length = cell.length;
    return list;
  }
  const obj = isPlain(was) ? was : {};
  if (t === "record") return fill(type.tree, cell, obj);
  prune(obj, (key) => cell.has(type.keys === "string" ? key : Number(key)));
  for (const [key, x] of cell)
    setOwn(obj, String(key), schema.toValue(item, x, own(obj, String(key))));
  return obj;
}

/** @param {any} obj @param {string} key */
const own = (obj, key) => (hasOwn.call(obj, key) ? obj[key] : undefined);

/** @param {any} v @param {any} was @returns {any} */
function anyValue(v, was) {
  if (Array.isArray(v)) {
    const list = Array.isArray(was) ? was : [];
    for (let i = 0; i < v.length; i++) list[i] = anyValue(v[i], list[i]);
    list.length = v.length;
    return list;
  }
  if (!isPlain(v)) return v;
  const obj = isPlain(was) ? was : {};
  prune(obj, (key) => hasOwn.call(v, key));
  for (const key of Object.keys(v)) setOwn(obj, key, anyValue(v[key], own(obj, key)));
  return obj;
}

/** Do two cells stand for the same? @param {any} a @param {any} b @returns {boolean} */
export function isSameCell(a, b) {
  if (a === b) return true;
  if (!a || !b || typeof a !== "object" || typeof b !== "object") return false;
  if (a instanceof Map)
    return a.size === b.size && [...a].every(([key, x]) => b.has(key) && isSameCell(x, b.get(key)));
  if (Array.isArray(a) || isBytes(a))
    return (
      isBytes(a) === isBytes(b) &&
      a.length === b.length &&
      a.every((/** @type {any} */ x, /** @type {number} */ i) => isSameCell(x, b[i]))
    );
  const keys = Object.keys(a);
  return (
    isPlain(b) &&
    keys.length === Object.keys(b).length &&
    keys.every((key) => hasOwn.call(b, key) && isSameCell(a[key], b[key]))
  );
}
