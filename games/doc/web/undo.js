// SPDX-License-Identifier: MIT
// @ts-check
/*
 * undo - takes back what was written here, and only that.
 *
 * It keeps what undoes each step. When others write, these operations change like any
 * other that was made before theirs (ops.js), so they still hit what they are meant for.
 */

import { compose, cross, invert, move } from "./ops.js";

/** @typedef {import("./ops.js").Op} Op */
/** `ms`: when it was written. @typedef {{op: Op, kind: string, ms: number}} Step */

const MOST = 200; // steps
const PAUSE_MS = 900; // after such a rest a new step begins

/** What belongs together: letters one after the other, deletions, nothing else. @param {Op} op */
function kindOf(op) {
  const [{ cut, put }] = op;
  if (op.length > 1 || (cut > 0 && put)) return "";
  return put ? (put.length > 2 || put.includes("\n") ? "" : "put") : "cut";
}

export class Undo {
  constructor() {
    /** @type {Step[]} */
    this.done = [];
    /** @type {Step[]} */
    this.undone = [];
    this.place = -1; // where the last edit ended
  }

  /** Something was written. @param {Op} op not empty @param {string} text before it
   * @param {number} ms the time */
  record(op, text, ms) {
    this.undone = [];
    const step = { op: invert(op, text), kind: kindOf(op), ms };
    const last = this.done.at(-1);
    const [{ keep, cut }] = op;
    const goesOn = keep === this.place || (step.kind === "cut" && keep + cut === this.place);
    this.place = op.reduce((n, splice) => n + splice.keep + splice.put.length, 0);
    if (goesOn && last?.kind && last.kind === step.kind && ms - last.ms < PAUSE_MS) {
      last.op = compose(step.op, last.op);
      last.ms = ms;
      return;
    }
    this.done.push(step);
    if (this.done.length > MOST) this.done.shift();
  }

  /** Somebody else has changed the text. @param {Op} op */
  moved(op) {
    this.place = move(this.place, op); // as the caret does
    for (const steps of [this.done, this.undone]) {
      let theirs = op;
      // Text that comes back stands before what was put at its place: people write on behind.
      for (const step of [...steps].reverse())
        [theirs, step.op] = cross(theirs, step.op);
    }
  }

  /** What takes back the last step; null if there is none. @param {string} text as it is now */
  undo(text) {
    return turn(this.done, this.undone, text);
  }

  /** What brings it back. @param {string} text as it is now */
  redo(text) {
    return turn(this.undone, this.done, text);
  }
}

/** @param {Step[]} from @param {Step[]} to @param {string} text */
function turn(from, to, text) {
  for (let step = from.pop(); step; step = from.pop()) {
    if (step.op.length === 0) continue; // others have deleted all of it
    to.push({ op: invert(step.op, text), kind: "", ms: 0 });
    return step.op;
  }
  return null;
}
