// SPDX-License-Identifier: MIT
// @ts-check
/*
 * schema - what a game declared: the schema's JSON turned into records of
 * fields, and values between JavaScript and the wire.
 *
 * A field is held as a cell: its quantum (numbers), its place (enum), or the
 * text itself. Changes add up in cells, so they never drift; the value that
 * pages see is made from the cell. The arithmetic is that of PROTOCOL.md, to
 * the bit.
 */
import { MAX_U32, WireError, utf8 } from "./wire.js";

/**
 * @typedef {{ t: string, bytes: number, low: number, high: number, min: number,
 *   step: number, max: number, of: string[], isDelta: boolean, isSum: boolean, isNumber: boolean, smooth: boolean,
 *   preset: any }} Type `bytes` on the wire in absolute form, 0: uv, sv or str
 * @typedef {{ id: number, path: string, steps: string[], type: Type }} Field
 * @typedef {Map<string, any>} Tree names to fields and nested records
 * @typedef {{ id: number, name: string, keys: string, fields: Field[], tree: Tree,
 *   isInput: boolean }} Shape a record: of a map, the root, a message or event
 * @typedef {{ hash: number, facets: Shape[], messages: Map<string, Shape>,
 *   events: Shape[] }} Schema
 */

const TURN = 2 * Math.PI;
const MAX_CELL = 2 ** 31;

/** bytes, lowest, highest; `is delta` is what has a range @type {Record<string, number[]>} */
const NUMBERS = {
  u8: [1, 0, 255],
  u16: [2, 0, 65535],
  u32: [4, 0, MAX_U32],
  i8: [1, -128, 127],
  i16: [2, -32768, 32767],
  i32: [4, -MAX_CELL, MAX_CELL - 1],
  uint: [0, 0, MAX_U32],
  int: [0, -MAX_CELL, MAX_CELL - 1],
  angle: [2, 0, 65535],
  f32: [4],
  f64: [8],
  bool: [1],
  enum: [0],
  str: [0],
};

/** @param {any} w as in the schema's JSON @param {string} where @returns {Type} */
export function parseType(w, where) {
  const facts = w.t === "fixed" ? [0, -MAX_CELL, MAX_CELL - 1] : NUMBERS[w.t];
  if (!facts) throw new WireError(`${where}: no type ${w.t}`);
  const [bytes, low = 0, high = -1] = facts;
  const type = {
    t: w.t,
    bytes,
    low,
    high,
    min: w.min ?? 0,
    step: w.t === "angle" ? TURN / 65536 : w.step ?? 1,
    max: w.max ?? 0,
    of: w.of ?? [],
    isDelta: facts.length > 1,
    isSum: facts.length > 1 && w.t !== "angle", // cell + change
    isNumber: facts.length > 1 || w.t[0] === "f", // its value is min + cell * step
    smooth: !!w.smooth,
    preset: /** @type {any} */ (0),
  };
  if (w.t === "fixed" && w.max !== undefined) {
    type.low = 0;
    type.high = Math.floor((w.max - w.min) / w.step + 0.5);
    type.bytes = type.high < 256 ? 1 : type.high < 65536 ? 2 : type.high < 2 ** 24 ? 3 : 4;
  }
  if (w.t === "str") type.preset = w.def ?? "";
  else if (w.def !== undefined) type.preset = toCell(type, w.def, where);
  else if (w.t === "fixed" && type.bytes)
    type.preset = toCell(type, Math.min(Math.max(0, w.min), w.max), where);
  return type;
}

/** What the type takes, in the words of the server. @param {Type} type @param {any} v */
function describe(type, v) {
  const { t, low, high, step, min } = type;
  if (t === "bool") return "true or false";
  if (t === "str") return `a string of at most ${type.max} bytes`;
  if (t === "enum") return `one of ${type.of.join(", ")}`;
  if (!type.isDelta || t === "angle") return "a finite number";
  if (t === "fixed") return `in ${low * step + min}..${high * step + min}`;
  return v % 1 ? "a whole number" : `in ${low}..${high}`;
}

/** @param {any} v */
function inWords(v) {
  if (typeof v === "string")
    return v.length > 32 ? `a string of ${utf8(v).length} bytes` : JSON.stringify(v);
  if (Array.isArray(v)) return "an array";
  return v && typeof v === "object" ? "an object" : String(v);
}

/**
 * The cell for a value of the page. Throws an Error that names the field.
 * @param {Type} type @param {any} v @param {string} where @returns {number | string}
 */
export function toCell(type, v, where) {
  const { t } = type;
  if (t === "bool" && typeof v === "boolean") return v ? 1 : 0;
  if (t === "enum" && type.of.includes(v)) return type.of.indexOf(v);
  if (t === "str" && typeof v === "string" && utf8(v).length <= type.max) return v;
  if (t in NUMBERS || t === "fixed")
    if (typeof v === "number" && Number.isFinite(v) && t !== "bool" && t !== "enum") {
      if (t === "f64") return v + 0;
      if (t === "f32") {
        v = Math.fround(v) + 0;
        if (Number.isFinite(v)) return v;
      } else if (t === "angle") {
        const q = Math.floor((v * 65536) / TURN + 0.5) % 65536;
        return Number.isNaN(q) ? 0 : (q + 65536) % 65536;
      } else {
        const q = t === "fixed" ? Math.floor((v - type.min) / type.step + 0.5) : v + 0;
        if (q >= type.low && q <= type.high && q === Math.floor(q)) return q;
      }
    }
  throw new RangeError(`${where}: ${inWords(v)} is not ${describe(type, v)}`);
}

/** What a page sees for a cell. @param {Type} type @param {any} cell */
export function toValue(type, cell) {
  switch (type.t) {
    case "bool":
      return cell === 1;
    case "enum":
      return type.of[cell];
    case "str":
      return cell;
  }
  return type.min + cell * type.step;
}

/** @param {number} v @param {number} low @param {number} high */
export function within(v, low, high) {
  if (v >= low && v <= high) return v;
  throw new WireError("value out of range");
}

/**
 * A cell in absolute form.
 * @param {Type} type @param {import("./wire.js").In} input @returns {number | string}
 */
export function readCell(type, input) {
  const { t, bytes } = type;
  switch (t) {
    case "str":
      return input.str(type.max);
    case "enum":
      return within(input.uv(), 0, type.of.length - 1);
    case "bool":
      return within(input.u8(), 0, 1);
    case "f32":
    case "f64": {
      const v = t === "f32" ? input.f32() : input.f64();
      if (!Number.isFinite(v)) throw new WireError("number not finite");
      return v + 0; // -0 becomes 0
    }
    case "uint":
      return input.uv();
  }
  if (!bytes) return within(input.sv(), type.low, type.high);
  const v = input.le(bytes);
  return within(v > type.high && type.low < 0 ? v - 256 ** bytes : v, type.low, type.high);
}

/**
 * A cell from its change.
 * @param {Type} type @param {import("./wire.js").In} input @param {any} old
 */
export function readChange(type, input, old) {
  if (!type.isDelta) return readCell(type, input);
  const d = input.sv();
  if (type.t === "angle") return (old + within(d, -32768, 32767)) & 65535;
  return within(old + d, type.low, type.high);
}

/** @param {Type} type @param {any} cell @param {import("./wire.js").Out} out */
export function writeCell(type, cell, out) {
  if (type.t === "str") out.str(cell);
  else if (type.t === "f32") out.f32(cell);
  else if (type.t === "f64") out.f64(cell);
  else if (type.bytes) out.le(cell, type.bytes);
  else if (type.low < 0) out.sv(cell);
  else out.uv(cell);
}

/**
 * @param {any} list [name, what] pairs @param {string} where @param {Field[]} fields
 * @param {string[]} [steps] @returns {Tree}
 */
function parseFields(list, where, fields, steps = []) {
  /** @type {Tree} */
  const tree = new Map();
  for (const [name, what] of list) {
    const inner = [...steps, name];
    if (name === "__proto__") throw new WireError(`${where}: no field may be called ${name}`);
    if (what.t === "record") tree.set(name, parseFields(what.fields, where, fields, inner));
    else {
      const path = inner.join(".");
      const field = {
        id: fields.length,
        path,
        steps: inner,
        type: parseType(what, `${where}.${path}`),
      };
      fields.push(field);
      tree.set(name, field);
    }
  }
  return tree;
}

/** @param {any} pairs @param {string} where @returns {Shape[]} */
function parseShapes(pairs, where) {
  return (pairs ?? []).map((/** @type {any} */ [name, w], /** @type {number} */ id) => {
    /** @type {Field[]} */
    const fields = [];
    const tree = parseFields(w.fields ?? [], where + name, fields);
    return { id, name, keys: w.keys ?? "player", fields, tree, isInput: !!w.input };
  });
}

/** @param {Uint8Array} bytes FNV-1a, 0 replaced by 1 */
export function schemaHash(bytes) {
  let h = 0x811c9dc5;
  for (const b of bytes) h = Math.imul(h ^ b, 0x01000193);
  return h >>> 0 || 1;
}

/**
 * @param {string} json @param {number} hash @returns {Schema}
 * Throws WireError where it is not a schema.
 */
export function parseSchema(json, hash) {
  try {
    const w = JSON.parse(json);
    const root = parseShapes([["", { fields: w.state?.fields, keys: "" }]], "state");
    const maps = parseShapes(w.state?.maps, "state.");
    return {
      hash,
      facets: [...root, ...maps],
      messages: new Map(parseShapes(w.messages, "").map((m) => [m.name, m])),
      events: parseShapes(w.events, ""),
    };
  } catch (e) {
    throw new WireError(`schema: ${/** @type {Error} */ (e).message}`);
  }
}

/**
 * A declared payload as a plain object; also what a new row looks like.
 * @param {Tree} tree @param {(field: Field) => any} value called in order of ids
 */
export function build(tree, value) {
  /** @type {any} */
  const obj = {};
  for (const [name, node] of tree)
    obj[name] = node instanceof Map ? build(node, value) : value(node);
  return obj;
}

/** @param {Shape} shape @param {import("./wire.js").In} input */
export function readPayload(shape, input) {
  return build(shape.tree, (f) => toValue(f.type, readCell(f.type, input)));
}

/**
 * Absent fields take their default; unknown ones are an error.
 * @param {Tree} tree @param {any} data @param {string} where
 * @param {import("./wire.js").Out} out
 */
export function writePayload(tree, data, where, out) {
  if (data === null || typeof data !== "object" || Array.isArray(data))
    throw new TypeError(`${where}: must be an object`);
  for (const name of Object.keys(data))
    if (!tree.has(name) && data[name] !== undefined)
      throw new TypeError(`${where}.${name}: there is no such field`);
  for (const [name, node] of tree) {
    const v = data[name];
    const at = `${where}.${name}`;
    if (node instanceof Map) writePayload(node, v === undefined ? {} : v, at, out);
    else writeCell(node.type, v === undefined ? node.type.preset : toCell(node.type, v, at), out);
  }
}
