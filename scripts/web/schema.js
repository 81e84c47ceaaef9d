// SPDX-License-Identifier: MIT
// @ts-check
/*
 * schema - what a game declared: the schema's JSON turned into records of
 * fields, and values between JavaScript and the wire.
 *
 * A field is held as a cell: its quantum (numbers), its place (enum), or the
 * text itself; for what is composed see composed.js. Changes add up in cells, so they never drift; the value that
 * pages see is made from the cell. The arithmetic is that of PROTOCOL.md, to
 * the bit.
 */
import { MAX_U32, NotLoaded, WireError, loadAny, utf8 } from "./wire.js";

/**
 * @typedef {{ t: string, bytes: number, low: number, high: number, min: number,
 *   step: number, max: number, of: string[], isDelta: boolean, isSum: boolean, isNumber: boolean,
 *   smooth: boolean, preset: any, isComposed: boolean }} Type `bytes` on the wire in absolute
 *   form, 0: uv, sv or str
 * @typedef {{ id: number, path: string, steps: string[], type: Type }} Field
 * @typedef {Map<string, any>} Tree names to fields and nested records
 * @typedef {{ id: number, name: string, keys: string, fields: Field[], open: Field[],
 *   own: Field[], tree: Tree, isInput: boolean }} Shape a record: of a map, the root, a
 *   message or event. Its fields are the open ones, and behind them those that only the
 *   owner of a row gets
 * @typedef {{ at: number, isOwn: boolean, fields: Field[] }} Part what a section is about
 * @typedef {{ hash: number, facets: Shape[], parts: Part[], messages: Map<string, Shape>,
 *   events: Shape[] }} Schema `parts` in the order of their numbers on the wire
 */

/** @type {any} composed.js, for types with others inside; loaded when a schema has one */
let composed = null;
const COMPOSED = /^(bytes|text|opt|list|map|any|record)$/;

/** Resolves when schemas may have composed types. */
export async function loadComposed() {
  [composed] = await Promise.all([import("./composed.js"), loadAny()]);
}

/** @type {any} words.js: what the type takes, in the words of the server */
let words = null;

/** Resolves when what toCell() throws says it all. */
export async function loadWords() {
  words = await import("./words.js");
}

const TURN = 2 * Math.PI;
const MAX_CELL = 2 ** 31;

/** bytes, lowest, highest; `is delta` is what has a range @type {Record<string, number[]>} */
const NUMBERS = {
  uint: [0, 0, MAX_U32],
  int: [0, -MAX_CELL, MAX_CELL - 1],
  angle: [2, 0, 65535],
  fixed: [0, -MAX_CELL, MAX_CELL - 1],
  f32: [4],
  f64: [8],
  bool: [1],
  enum: [0],
  str: [0],
};
for (const bits of [8, 16, 32]) {
  const n = 2 ** bits;
  NUMBERS[`u${bits}`] = [bits / 8, 0, n - 1];
  NUMBERS[`i${bits}`] = [bits / 8, -n / 2, n / 2 - 1];
}

/** @param {any} w as in the schema's JSON @param {string} where @returns {Type} */
export function parseType(w, where) {
  const isComposed = COMPOSED.test(w.t);
  const facts = isComposed ? [0] : NUMBERS[w.t];
  if (!facts) throw new WireError(`${where}: no type ${w.t}`);
  const [bytes, low = 0, high = -1] = facts;
  const isDelta = facts.length > 1;
  const type = {
    t: w.t,
    bytes,
    low,
    high,
    min: w.min ?? 0,
    step: w.t === "angle" ? TURN / 65536 : w.step ?? 1,
    max: w.max ?? 0,
    of: w.of ?? [],
    isDelta,
    isSum: isDelta && w.t !== "angle", // cell + change
    isNumber: isDelta || w.t[0] === "f", // its value is min + cell * step
    smooth: !!w.smooth,
    preset: /** @type {any} */ (0),
    isComposed,
  };
  if (isComposed) {
    if (!composed) throw new NotLoaded(loadComposed);
    composed.setUp(type, w, where);
    return type;
  }
  if (w.t === "fixed" && w.max !== undefined) {
    type.low = 0;
    type.high = Math.floor((w.max - w.min) / w.step + 0.5);
    type.bytes = 1 + [2 ** 8, 2 ** 16, 2 ** 24].filter((n) => type.high >= n).length;
  }
  if (w.t === "str") type.preset = w.def ?? "";
  else if (w.def !== undefined) type.preset = toCell(type, w.def, where);
  else if (w.t === "fixed" && type.bytes)
    type.preset = toCell(type, Math.min(Math.max(0, w.min), w.max), where);
  return type;
}

/**
 * The cell for a value of the page. Throws an Error that names the field.
 * @param {Type} type @param {any} v @param {string} where @returns {number | string}
 */
export function toCell(type, v, where) {
  const { t } = type;
  if (type.isComposed) return composed.toCell(type, v, where);
  if (t === "bool" && typeof v === "boolean") return v ? 1 : 0;
  if (t === "enum" && type.of.includes(v)) return type.of.indexOf(v);
  if (t === "str" && typeof v === "string" && utf8(v).length <= type.max) return v;
  if (t === "f32" && typeof v === "number") v = Math.fround(v);
  if (Number.isFinite(v)) {
    if (t[0] === "f" && t !== "fixed") return v + 0;
    if (t === "angle") {
      const q = Math.floor((v * 65536) / TURN + 0.5) % 65536;
      return (q + 65536) % 65536 || 0; // what is past all numbers has no remainder
    }
    const q = t === "fixed" ? Math.floor((v - type.min) / type.step + 0.5) : v + 0;
    // No number is between those of what is no number.
    if (q >= type.low && q <= type.high && q === Math.floor(q)) return q;
  }
  throw new RangeError(`${where}: ${words?.refusal(type, v) ?? "does not fit"}`);
}

/**
 * What a page sees for a cell; a composed value in place of what it saw before.
 * @param {Type} type @param {any} cell @param {any} [was]
 */
export function toValue(type, cell, was) {
  if (type.isComposed) return composed.toValue(type, cell, was);
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

/** Do two cells stand for the same? @param {Type} type @param {any} a @param {any} b */
export const isSameCell = (type, a, b) => a === b || (type.isComposed && composed.isSameCell(a, b));

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
  if (type.isComposed) return composed.read(type, input);
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
  if (!type.isDelta)
    return type.isComposed ? composed.change(type, input, old) : readCell(type, input);
  const d = input.sv();
  if (type.t === "angle") return (old + within(d, -32768, 32767)) & 65535;
  return within(old + d, type.low, type.high);
}

/** @param {Type} type @param {any} cell @param {import("./wire.js").Out} out */
export function writeCell(type, cell, out) {
  if (type.isComposed) composed.write(type, cell, out);
  else if (type.t === "str") out.str(cell);
  else if (type.t === "f32") out.f32(cell);
  else if (type.t === "f64") out.f64(cell);
  else if (type.bytes) out.le(cell, type.bytes);
  else if (type.low < 0) out.sv(cell);
  else out.uv(cell);
}

/**
 * @param {any} list [name, what] pairs @param {string} where
 * @param {Field[]} open @param {Field[]} own @param {string[]} [steps] @returns {Tree}
 */
export function parseFields(list, where, open, own, steps = []) {
  /** @type {Tree} */
  const tree = new Map();
  for (const [name, what] of list) {
    const inner = [...steps, name];
    if (name === "__proto__") throw new WireError(`${where}: no field may be called ${name}`);
    if (what.t === "record") tree.set(name, parseFields(what.fields, where, open, own, inner));
    else {
      const path = inner.join(".");
      const fields = what.to ? own : open;
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
    const open = [];
    /** @type {Field[]} */
    const own = [];
    const tree = parseFields(w.fields ?? [], where + name, open, own);
    for (const f of own) f.id += open.length;
    const fields = [...open, ...own];
    return { id, name, keys: w.keys ?? "player", fields, open, own, tree, isInput: !!w.input };
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
    if (!words && w.messages) loadWords().catch(() => {});
    const root = parseShapes([["", { fields: w.state?.fields, keys: "" }]], "state");
    const maps = parseShapes(w.state?.maps, "state.");
    const facets = [...root, ...maps];
    return {
      hash,
      facets,
      parts: facets.flatMap(({ open, own }, at) => {
        const all = { at, isOwn: false, fields: open };
        return own.length ? [all, { at, isOwn: true, fields: own }] : [all];
      }),
      messages: new Map(parseShapes(w.messages, "").map((m) => [m.name, m])),
      events: parseShapes(w.events, ""),
    };
  } catch (e) {
    if (e instanceof NotLoaded) throw e;
    throw new WireError(`schema: ${/** @type {Error} */ (e).message}`);
  }
}

/**
 * A declared payload as a plain object; also what a new row looks like. What has no
 * value is left out.
 * @param {Tree} tree @param {(field: Field) => any} value called in order of paths
 */
export function build(tree, value) {
  /** @type {any} */
  let obj;
  for (const [name, node] of tree) {
    const v = node instanceof Map ? build(node, value) : value(node);
    if (v !== undefined) (obj ??= {})[name] = v;
  }
  return obj;
}

/**
 * A row's object, of the fields that it has.
 * @param {import("./image.js").Row} row @param {(field: Field) => any} value
 */
export function buildRow({ facet, cells }, value = (f) => toValue(f.type, cells[f.id])) {
  return build(facet.shape.tree, (f) => (f.id < cells.length ? value(f) : undefined)) ?? {};
}

/** @param {Shape} shape @param {import("./wire.js").In} input */
export function readPayload(shape, input) {
  return build(shape.tree, (f) => toValue(f.type, readCell(f.type, input))) ?? {};
}

/**
 * Absent fields take their default; unknown ones are an error.
 * @param {Tree} tree @param {any} data @param {string} where
 * @param {import("./wire.js").Out | ((field: Field, cell: any) => void)} out where the
 *   cells go, in order of ids
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
    else {
      const cell = v === undefined ? node.type.preset : toCell(node.type, v, at);
      if (typeof out === "function") out(node, cell);
      else writeCell(node.type, cell, out);
    }
  }
}

/** @param {any} obj @param {string[]} steps */
export function get(obj, steps) {
  for (const step of steps) obj = obj[step];
  return obj;
}

/** @param {any} obj @param {string[]} steps @param {any} value */
export function put(obj, steps, value) {
  let i = 0;
  for (; i < steps.length - 1; i++) obj = obj[steps[i]];
  obj[steps[i]] = value;
}
