// SPDX-License-Identifier: MIT
// @ts-check
/*
 * hash - is what we hold what the server says that we do? `parlor dev` sends hashes
 * of the state now and then; one that differs is a bug of the server or of this SDK,
 * and shall not stay silent. Loaded with dev.js, so never in production.
 *
 * It looks at the rows as they came (image.js), also of maps that are in columns,
 * not at the objects that pages see and may write to.
 */
import { compareText } from "./composed.js";
import { schemaHash, writeCell } from "./schema.js";
import { Out } from "./wire.js";

/** Writes an any as the state has it: keys in byte order. */
class Sorted extends Out {
  /** @param {any} v @param {string} where @param {number} [depth] @returns {this} */
  any(v, where, depth = 0) {
    const isMap = v && Object.getPrototypeOf(v) === Object.prototype;
    if (!isMap) return super.any(v, where, depth);
    const keys = Object.keys(v).sort(compareText);
    this.u8(7).uv(keys.length);
    for (const key of keys)
      this.u8(0)
        .str(key)
        .any(v[key], where, depth + 1);
    return this;
  }
}

/** @param {string} keys @param {any} key @param {Out} out */
function writeKey(keys, key, out) {
  if (keys === "string") out.str(key);
  else if (keys === "integer") out.sv(key);
  else if (keys) out.uv(key);
}

/**
 * For each facet of the wire, in order: how many rows, and their hash. PROTOCOL.md
 * says of what.
 * @param {import("./image.js").Image} image @returns {[number, number][]}
 */
export function facetHashes(image) {
  const out = new Sorted();
  return image.schema.parts.map(({ at, isOwn, fields }) => {
    const { shape, rows } = image.facets[at];
    let n = 0;
    for (const row of rows) {
      if (!row || (isOwn && row.fields === shape.open)) continue;
      n++;
      out.uv(row.slot);
      if (!isOwn) writeKey(shape.keys, row.key, out);
      for (const { id, type } of fields) writeCell(type, row.cells[id], out);
    }
    return [n, schemaHash(out.take())];
  });
}

/**
 * A record of kind "hash". Where what we hold is another state: an error in the
 * console and to the room's listeners, and RESYNC. Returns what differs in words, ""
 * where nothing does, and undefined where it was not compared, as by now another tick
 * is held.
 * @param {any} room @param {{ tick: number, facets: [number, number][] }} record
 * @returns {string | undefined}
 */
export function check(room, { tick, facets }) {
  const { _session: session } = room;
  const { image, tick: held } = session.codec;
  if (!image || held !== tick) return undefined;
  const ours = facetHashes(image);
  const names = image.schema.parts.map((/** @type {import("./schema.js").Part} */ { at, isOwn }) => {
    const { name } = image.facets[at].shape;
    return name ? `state.${name}${isOwn ? ", the owner's fields" : ""}` : "the state's own fields";
  });
  const differs = names
    .map((/** @type {string} */ name, /** @type {number} */ i) => {
      const [n, hash] = facets[i] ?? [0, 0];
      if (n !== ours[i][0]) return `${name}: ${ours[i][0]} rows here, ${n} on the server`;
      return hash === ours[i][1] ? "" : `${name}: ${n === 1 ? "the row differs" : `of ${n} rows some differ`}`;
    })
    .filter(Boolean)
    .join("; ");
  if (differs) {
    const what = `${room.name}: the state of tick ${tick} is not the server's: ${differs}`;
    session.malformed(new Error(what), session.now());
  }
  return differs;
}
