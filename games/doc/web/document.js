// SPDX-License-Identifier: MIT
// @ts-check
/*
 * document - the text as this page shows it, and how it stays the same as everywhere.
 *
 * What is shown is the server's text `base` after edit number `rev`, then the one edit
 * that is on its way (`sent`), then all that was written since (`waiting`). One at a
 * time is on its way: so the server knows exactly what each was made for. An edit of
 * somebody else comes before these two in the server's order, so both change by it,
 * and it by them before it is shown.
 *
 * Knows neither the room nor the page: link.js carries its messages.
 */

import { diff } from "./diff.js";
import { apply, compose, cross, fits, split, transform } from "./ops.js";

/** @typedef {import("./ops.js").Op} Op */
/** What the game's state says. @typedef {{text: string, rev: number, born: number}} State */

const MOST_SPLICES = 100; // in one message, as in game.lua
const MOST_TEXT = 8000; // units; at most 24000 bytes

const anyId = () => 1 + Math.floor(Math.random() * 0xfffffffe);

export class Document {
  /**
   * @param {State} state
   * @param {(op: Op) => void} onChange somebody else has changed what is shown
   */
  constructor(state, onChange) {
    this.onChange = onChange;
    this.base = state.text;
    this.rev = state.rev;
    this.born = state.born;
    this.text = state.text;
    /** @type {{id: number, op: Op, whole: boolean} | null} */
    this.sent = null;
    /** @type {Op} */
    this.waiting = [];
    /** The newest edit that has come behind a gap; -1: none is missing. */
    this.missing = -1;
    /** How often the server's text was another one than we thought. */
    this.repairs = 0;
    /** While a text is brought back: what it was before one's own latest edits.
     * @type {string | null} */
    this.former = null;
  }

  /** Whether everything written here is in the server's text. */
  get isShared() {
    return !this.sent && this.waiting.length === 0;
  }

  /** Something was written here. @param {Op} op of what is shown */
  edit(op) {
    this.text = apply(this.text, op);
    this.waiting = compose(this.waiting, op);
  }

  /** The edit that is to be sent next, or again; null if there is none. It is the same
   * one until the server has taken it. */
  next() {
    if (!this.sent && this.waiting.length > 0) {
      const whole = this.former !== null;
      const [op, rest] = split(this.waiting, whole ? Infinity : MOST_SPLICES, MOST_TEXT);
      this.sent = { id: anyId(), op, whole };
      this.waiting = rest;
    }
    return this.sent && { born: this.born, base: this.rev, ...this.sent };
  }

  /** An edit in the server's order. @param {{rev: number, id: number, op: Op}} edit
   * @param {boolean} isOurs made in this seat */
  take({ rev, id, op }, isOurs) {
    if (rev <= this.rev) return; // in the text that we began with
    const before = this.base;
    if (this.missing >= 0 || rev !== this.rev + 1 || !fits(op, before)) {
      this.missing = rev;
      return;
    }
    this.rev = rev;
    this.base = apply(before, op);
    if (!isOurs || id !== this.sent?.id) return this.#show(op);
    const expected = apply(before, this.sent.op);
    this.sent = null;
    this.former = null;
    if (expected !== this.base) {
      this.repairs++;
      this.#show(diff(expected, this.base));
    }
  }

  /* Theirs, then ours: ours changes by it, and what is shown changes by theirs. */
  /** @param {Op} op */
  #show(op) {
    if (this.sent) [this.sent.op, op] = cross(this.sent.op, op);
    [this.waiting, op] = cross(this.waiting, op);
    if (op.length === 0) return;
    this.text = apply(this.text, op);
    this.onChange(op);
  }

  /** Edits are lost, or it is another seat: the next state counts. */
  lose() {
    this.missing = Math.max(this.missing, this.rev);
  }

  /**
   * The state has changed. Nothing to do as a rule: the edits say it all. It counts
   * after a gap, and where it is not what these have led to.
   * @param {State} state @param {number} last the id of the newest edit of this seat in it
   */
  look(state, last) {
    if (state.born !== this.born) return this.#moveTo(state);
    const isWhole = this.missing < 0;
    if (isWhole ? state.rev !== this.rev : state.rev < this.missing) return;
    if (isWhole && state.text === this.base) return;
    if (isWhole) this.repairs++;
    this.missing = -1;
    this.rev = state.rev;
    if (this.sent?.id === last) {
      this.base = apply(this.base, this.sent.op); // it has arrived before the line broke
      this.sent = null;
      this.former = null;
    }
    const before = this.base;
    this.base = state.text;
    this.#show(diff(before, state.text));
  }

  /* The room has ended, and there is a new one of its name: the server was started
   * again, or nobody was there for too long. Whoever comes first brings the text back;
   * whoever comes then adds what was not sent yet. */
  /** @param {State} state */
  #moveTo(state) {
    const ours = this.sent ? compose(this.sent.op, this.waiting) : this.waiting;
    this.born = state.born;
    this.rev = state.rev;
    this.missing = -1;
    this.sent = null;
    if (state.text === "" && state.rev === 0 && this.text !== "") {
      this.former = this.base;
      this.base = "";
      this.waiting = [{ keep: 0, cut: 0, put: this.text }];
      return;
    }
    this.waiting = ours;
    const before = this.base;
    this.base = state.text;
    this.#show(diff(before, state.text));
  }

  /** The server did not take what was sent. @param {string} why "old": too much has
   * happened since (it is sent again, as it is now), else it never will be */
  refuse(why) {
    if (why === "old" && this.former !== null && this.sent) {
      // Somebody else has brought the text back meanwhile: to that we add our edits.
      const wanted = compose(this.sent.op, this.waiting).map(({ put }) => put);
      const ours = diff(this.former, wanted.join(""));
      this.sent = null;
      this.waiting = transform(ours, diff(this.former, this.base), false);
      this.former = null;
      this.#showAgain();
    } else if (why !== "old") {
      this.sent = null;
      this.former = null;
      this.waiting = [];
      this.#showAgain();
    }
  }

  #showAgain() {
    const op = diff(this.text, apply(this.base, this.waiting));
    if (op.length === 0) return;
    this.text = apply(this.text, op);
    this.onChange(op);
  }
}
