// SPDX-License-Identifier: MIT
// @ts-check
/*
 * ops - edits of a text, and how one edit changes when another one came first.
 *
 * An operation is a list of splices: so many units stay, so many go, and a text
 * stands in their place; what is behind the last one stays. Units are those of
 * UTF-16, and no operation parts a pair of surrogates. The server does the same in
 * ops.lua: `apply` and `transform` must come to the same result there, always.
 *
 * Nothing here changes an operation that it was given.
 */

/** @typedef {{keep: number, cut: number, put: string}} Splice */
/** @typedef {Splice[]} Op */

/** The text after an operation. @param {string} text @param {Op} op
 * @throws {RangeError} if the operation reaches past the end of the text */
export function apply(text, op) {
  let out = "";
  let at = 0;
  for (const { keep, cut, put } of op) {
    out += text.slice(at, at + keep) + put;
    at += keep + cut;
  }
  if (at > text.length) throw new RangeError("the edit reaches past the end of the text");
  return out + text.slice(at);
}

/** Whether an operation can be applied to this text. @param {Op} op @param {string} text */
export const fits = (op, text) =>
  op.reduce((n, { keep, cut }) => n + keep + cut, 0) <= text.length;

/* Reads an operation piece by piece: "keep", then "put" and "cut" of what happens at
 * one place; after all of it "end", where everything else stays. */
class Reader {
  /** @param {Op} op */
  constructor(op) {
    this.op = op;
    this.i = -1;
    this.part = 2;
    /** @type {"keep" | "put" | "cut" | "end"} */
    this.kind = "end";
    this.n = 0;
    this.text = "";
    this.next();
  }
  next() {
    do {
      this.part = (this.part + 1) % 3;
      if (this.part === 0) this.i++;
      const splice = this.op[this.i];
      this.kind = "end";
      this.n = Infinity;
      if (!splice) return;
      this.kind = /** @type {const} */ (["keep", "put", "cut"])[this.part];
      this.text = this.kind === "put" ? splice.put : "";
      this.n = this.kind === "put" ? splice.put.length : splice[this.kind];
    } while (this.n === 0);
  }
  /** Goes on by n units of this piece. @param {number} n */
  take(n) {
    this.n -= n;
    this.text = this.text.slice(n);
    if (this.n === 0) this.next();
  }
}

/* Writes an operation, with as few splices as it needs. */
class Writer {
  constructor() {
    /** @type {Op} */
    this.op = [];
    this.kept = 0;
    this.gone = 0;
    this.text = "";
  }
  /** @param {number} n */
  keep(n) {
    this.end();
    this.kept += n;
  }
  /** @param {number} n */
  cut(n) {
    this.gone += n;
  }
  /** @param {string} text */
  put(text) {
    this.text += text;
  }
  end() {
    if (this.gone > 0 || this.text) {
      this.op.push({ keep: this.kept, cut: this.gone, put: this.text });
      this.kept = 0;
    }
    this.gone = 0;
    this.text = "";
    return this.op;
  }
}

/**
 * What `a` is after `b`, where both were made for the same text. Of two texts that
 * are put at the same place, that of `a` comes first if `isFirst`.
 * @param {Op} a @param {Op} b @param {boolean} isFirst
 */
export function transform(a, b, isFirst) {
  const x = new Reader(a);
  const y = new Reader(b);
  const out = new Writer();
  while (x.kind !== "end") {
    if (x.kind === "put" && (isFirst || y.kind !== "put")) {
      out.put(x.text);
      x.next();
    } else if (y.kind === "put") {
      out.keep(y.n);
      y.next();
    } else {
      const n = Math.min(x.n, y.n);
      // What `b` has cut is gone already.
      if (y.kind !== "cut") x.kind === "cut" ? out.cut(n) : out.keep(n);
      x.take(n);
      y.take(n);
    }
  }
  return out.end();
}

/**
 * Two edits of the same text, of which the server has taken `theirs` first. Returns
 * ours after theirs, and theirs after ours.
 * @param {Op} ours @param {Op} theirs @returns {[Op, Op]}
 */
export const cross = (ours, theirs) => [
  transform(ours, theirs, false),
  transform(theirs, ours, true),
];

/** One operation that does what `a` and then `b` do. @param {Op} a @param {Op} b */
export function compose(a, b) {
  const x = new Reader(a);
  const y = new Reader(b);
  const out = new Writer();
  while (x.kind !== "end" || y.kind !== "end") {
    if (x.kind === "cut") {
      out.cut(x.n);
      x.next();
    } else if (y.kind === "put") {
      out.put(y.text);
      y.next();
    } else {
      const n = Math.min(x.n, y.n);
      if (x.kind === "put") {
        if (y.kind !== "cut") out.put(x.text.slice(0, n));
      } else if (y.kind === "cut") out.cut(n);
      else out.keep(n);
      x.take(n);
      y.take(n);
    }
  }
  return out.end();
}

/** What takes an operation back. @param {Op} op @param {string} text as it was before */
export function invert(op, text) {
  let at = 0;
  return op.map(({ keep, cut, put }) => {
    at += keep + cut;
    return { keep, cut: put.length, put: text.slice(at - cut, at) };
  });
}

/** Where a place in the text is after an operation. What is put right there pushes it
 * on. @param {number} at @param {Op} op */
export function move(at, op) {
  let from = 0; // the same place before and after
  let to = 0;
  for (const { keep, cut, put } of op) {
    if (from + keep > at) break;
    from += keep;
    to += keep + put.length;
    if (from + cut > at) return to;
    from += cut;
  }
  return to + at - from;
}

/**
 * Cuts an operation in two that do the same one after the other, the first with no
 * more than so many splices and units of text. The second may be empty.
 * @param {Op} op @param {number} maxSplices @param {number} maxText @returns {[Op, Op]}
 */
export function split(op, maxSplices, maxText) {
  let left = maxText;
  let done = 0; // units of the text behind the first part
  for (const [i, { keep, cut, put }] of op.entries()) {
    if (i === maxSplices || left <= 0) {
      const [next, ...rest] = op.slice(i);
      return [op.slice(0, i), [{ ...next, keep: next.keep + done }, ...rest]];
    }
    if (put.length > left) {
      const n = left - (isPair(put, left) ? 1 : 0);
      const head = { keep, cut, put: put.slice(0, n) };
      const tail = { keep: done + keep + n, cut: 0, put: put.slice(n) };
      return [[...op.slice(0, i), head], [tail, ...op.slice(i + 1)]];
    }
    left -= put.length;
    done += keep + put.length;
  }
  return [op, []];
}

/** Whether a pair of surrogates stands around this place.
 * @param {string} text @param {number} at */
export function isPair(text, at) {
  const low = text.charCodeAt(at);
  const high = text.charCodeAt(at - 1);
  return low >= 0xdc00 && low < 0xe000 && high >= 0xd800 && high < 0xdc00;
}
