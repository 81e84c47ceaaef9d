// SPDX-License-Identifier: MIT
// @ts-check
/*
 * words - why a value that the page would send does not fit, in the words of the
 * server. Loaded when a schema has messages; nobody waits for it.
 */
import { utf8 } from "./wire.js";

/** @typedef {import("./schema.js").Type} Type */

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

/** @param {Type} type @param {any} v */
export const refusal = (type, v) => `${inWords(v)} is not ${describe(type, v)}`;
