// SPDX-License-Identifier: MIT
// @ts-check
/*
 * wire - cursors over the bytes of PROTOCOL.md: numbers, strings, masks, `any`.
 *
 * Reading throws WireError at the first byte that does not fit; what a frame
 * would change is undone by whoever reads (image.js), not here.
 */

export const MAX_U32 = 2 ** 32 - 1;
export const MAX_DEPTH = 16; // arrays and maps inside each other

/** The bytes are not what PROTOCOL.md says. */
export class WireError extends Error {}

/** What came cannot be read before load(). */
export class NotLoaded extends Error {
  /** @param {() => Promise<void>} load */
  constructor(load) {
    super();
    this.load = load;
  }
}

/** @type {any} any.js, once an `any` has come */
let anys = null;

/** Resolves when In.any() can read. */
export async function loadAny() {
  anys = await import("./any.js");
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** @param {string} text */
export const utf8 = (text) => encoder.encode(text);

/** @param {Uint8Array} bytes @returns {string} */
export function fromUtf8(bytes) {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new WireError("text is not UTF-8");
  }
}

export class In {
  /** @param {Uint8Array} bytes read in place, never copied but by `any` bytes */
  constructor(bytes) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.at = 0;
    this.end = bytes.length;
    /** @type {string[]} the room's dictionary */
    this.keys = [];
  }
  /** @param {number} n @returns {number} where these n bytes begin */
  skip(n) {
    const at = this.at;
    if (n > this.end - at) throw new WireError("cut short");
    this.at += n;
    return at;
  }
  u8() {
    if (this.at >= this.end) throw new WireError("cut short");
    return this.bytes[this.at++];
  }
  u16() {
    return this.le(2);
  }
  u32() {
    return this.le(4);
  }
  /** @param {number} n 1 to 4 bytes, lowest first */
  le(n) {
    let at = this.skip(n) + n;
    let v = 0;
    while (n-- > 0) v = v * 256 + this.bytes[--at];
    return v;
  }
  f32() {
    return this.view.getFloat32(this.skip(4), true);
  }
  f64() {
    return this.view.getFloat64(this.skip(8), true);
  }
  /** Up to 2^34 - 1, as `sv` needs it: hence no bit operations past 31 bits. */
  wide() {
    let b = this.u8();
    if (b < 128) return b;
    let v = b & 127;
    for (let i = 1, scale = 128; ; i++, scale *= 128) {
      b = this.u8();
      v += (b & 127) * scale;
      if (b < 128) break;
      if (i === 4) throw new WireError("number too long");
    }
    if (b === 0 || v >= 2 ** 34) throw new WireError("number not minimal");
    return v;
  }
  uv() {
    const v = this.wide();
    if (v > MAX_U32) throw new WireError("number past 32 bits");
    return v;
  }
  sv() {
    const v = this.wide();
    if (v < 2 ** 30) return (v >> 1) ^ -(v & 1);
    return v % 2 ? -(v + 1) / 2 : v / 2;
  }
  /** @param {number} n */
  raw(n) {
    const at = this.skip(n);
    return this.bytes.subarray(at, at + n);
  }
  /** @param {number} [max] bytes */
  str(max = MAX_U32) {
    const n = this.uv();
    if (n > max) throw new WireError("text too long");
    return fromUtf8(this.raw(n));
  }
  /**
   * Which fields follow. Their ids go to `out`; returns how many.
   * @param {number} nFields @param {Uint16Array} out holds nFields
   */
  mask(nFields, out) {
    let count = 0;
    for (let first = 0; ; first += 7) {
      const b = this.u8();
      for (let bits = b & 127, id = first; bits; bits >>= 1, id++)
        if (bits & 1) {
          if (id >= nFields) throw new WireError("no such field");
          out[count++] = id;
        }
      if (b === 0 && first > 0) throw new WireError("mask not minimal");
      if (b < 128) return count;
    }
  }
  /** The key of a map in an `any`. */
  key() {
    const id = this.uv();
    if (id > this.keys.length) throw new WireError("no such key");
    return id ? this.keys[id - 1] : this.str();
  }
  /** @param {number} [depth] @returns {any} */
  any(depth = 0) {
    if (!anys) throw new NotLoaded(loadAny);
    return anys.read(this, depth);
  }
}

export class Out {
  constructor() {
    this.bytes = new Uint8Array(256);
    this.view = new DataView(this.bytes.buffer);
    this.at = 0;
  }
  /** @param {number} n @returns {number} where these n bytes begin */
  room(n) {
    const at = this.at;
    this.at += n;
    if (this.at > this.bytes.length) {
      const old = this.bytes;
      this.bytes = new Uint8Array(Math.max(this.at, old.length * 2));
      this.bytes.set(old);
      this.view = new DataView(this.bytes.buffer);
    }
    return at;
  }
  /** What was written, as a copy; starts over. */
  take() {
    const bytes = this.bytes.slice(0, this.at);
    this.at = 0;
    return bytes;
  }
  /** @param {number} v */
  u8(v) {
    const at = this.room(1);
    this.bytes[at] = v;
    return this;
  }
  /** @param {number} v @param {number} n bytes, 1 to 4; negative v too */
  le(v, n) {
    for (let i = 0; i < n; i++, v = Math.floor(v / 256)) this.u8(v);
    return this;
  }
  /** @param {number} v */
  u32(v) {
    return this.le(v, 4);
  }
  /** @param {number} v */
  f32(v) {
    const at = this.room(4);
    this.view.setFloat32(at, v, true);
    return this;
  }
  /** @param {number} v */
  f64(v) {
    const at = this.room(8);
    this.view.setFloat64(at, v, true);
    return this;
  }
  /** @param {number} v */
  uv(v) {
    for (; v >= 128; v = Math.floor(v / 128)) this.u8((v % 128) | 128);
    return this.u8(v);
  }
  /** @param {number} v */
  sv(v) {
    return this.uv(v < 0 ? -2 * v - 1 : 2 * v);
  }
  /** @param {Uint8Array} bytes */
  raw(bytes) {
    const at = this.room(bytes.length);
    this.bytes.set(bytes, at);
    return this;
  }
  /** @param {string} text */
  str(text) {
    const bytes = utf8(text);
    return this.uv(bytes.length).raw(bytes);
  }
  /**
   * @param {any} v null, boolean, finite number, string, array, plain object,
   *   bytes (Uint8Array, ArrayBuffer)
   * @param {string} where for the error's text
   * @param {number} [depth]
   * @returns {this}
   */
  any(v, where, depth = 0) {
    if (v === undefined || v === null) return this.u8(0);
    if (typeof v === "boolean") return this.u8(v ? 2 : 1);
    if (typeof v === "number" && Number.isFinite(v))
      return v === (v | 0) ? this.u8(3).sv(v | 0) : this.u8(4).f64(v);
    if (typeof v === "string") return this.u8(5).str(v);
    if (v instanceof ArrayBuffer) v = new Uint8Array(v);
    if (v instanceof Uint8Array) return this.u8(8).uv(v.length).raw(v);
    if (typeof v !== "object") throw new TypeError(`${where}: ${String(v)} cannot be sent`);
    if (depth >= MAX_DEPTH) throw new RangeError(`${where}: more than ${MAX_DEPTH} levels`);
    if (Array.isArray(v)) {
      this.u8(6).uv(v.length);
      for (let i = 0; i < v.length; i++) this.any(v[i], `${where}[${i}]`, depth + 1);
      return this;
    }
    const keys = Object.keys(v).filter((key) => v[key] !== undefined);
    this.u8(7).uv(keys.length);
    for (const key of keys)
      this.u8(0)
        .str(key)
        .any(v[key], `${where}.${key}`, depth + 1);
    return this;
  }
}
