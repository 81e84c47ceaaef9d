// SPDX-License-Identifier: MIT
// @ts-check
/*
 * editor - the text field: what is typed becomes edits, others' edits are put in around
 * the caret.
 *
 * While an input method composes a word (Japanese, most phone keyboards) the field
 * must be left alone; so others' edits wait in `behind` until the word is done. What
 * one writes meanwhile goes out all the same.
 */

import { typed } from "./diff.js";
import { compose, cross, move } from "./ops.js";

/** @typedef {import("./ops.js").Op} Op */

/* What a text field does not show, and what is no text: the server takes neither. */
const NOT_PLAIN = /[\0-\x08\x0b-\x1f\x7f]/g; // eslint-disable-line no-control-regex
const HALVES = /\p{Surrogate}/gu;

/**
 * @param {HTMLTextAreaElement} field
 * @param {{text: () => string, onEdit: (op: Op) => void, onCaret: () => void,
 *   onUndo: () => void, onRedo: () => void}} calls `text`: what is to be shown
 */
export function makeEditor(field, { text, onEdit, onCaret, onUndo, onRedo }) {
  let shown = text();
  /** @type {Op} */
  let behind = [];
  let isComposing = false;
  field.value = shown;

  /* The browser has changed the field: what became different? */
  function read() {
    let value = field.value;
    const at = field.selectionEnd;
    if (!isComposing) value = value.replace(NOT_PLAIN, "").replace(HALVES, "\ufffd");
    let op = typed(shown, value, at);
    shown = value;
    if (value !== field.value) set(value, at, at);
    if (op.length === 0) return;
    [op, behind] = cross(op, behind);
    onEdit(op);
  }

  /** @param {string} value @param {number} from @param {number} to */
  function set(value, from, to) {
    const direction = field.selectionDirection;
    field.value = value;
    field.setSelectionRange(from, to, direction);
  }

  function catchUp() {
    const op = behind;
    behind = [];
    if (op.length > 0) put(op);
  }

  /** @param {Op} op */
  function put(op) {
    shown = text();
    set(shown, move(field.selectionStart, op), move(field.selectionEnd, op));
  }

  field.addEventListener("input", read);
  field.addEventListener("compositionstart", () => (isComposing = true));
  field.addEventListener("compositionend", () => {
    isComposing = false;
    read();
    catchUp();
  });
  // What the browser would undo is the whole field, others' words included.
  field.addEventListener("beforeinput", (event) => {
    if (event.inputType !== "historyUndo" && event.inputType !== "historyRedo") return;
    event.preventDefault();
    event.inputType === "historyUndo" ? onUndo() : onRedo();
  });
  field.addEventListener("keydown", (event) => {
    const key = event.key.toLowerCase();
    if (!(event.ctrlKey || event.metaKey) || event.altKey || (key !== "z" && key !== "y")) return;
    event.preventDefault();
    key === "z" && !event.shiftKey ? onUndo() : onRedo();
  });
  document.addEventListener("selectionchange", () => document.activeElement === field && onCaret());

  return {
    /** Others have changed what is to be shown. @param {Op} op */
    moved(op) {
      if (isComposing) behind = compose(behind, op);
      else put(op);
    },

    /** One's own undo has. The caret goes there. @param {Op} op */
    turned(op) {
      const at = op.reduce((n, { keep, put: text }) => n + keep + text.length, 0);
      shown = text();
      set(shown, at, at);
    },

    get isComposing() {
      return isComposing;
    },

    /** Where the caret is, in the text that is to be shown. */
    get caret() {
      const place = (/** @type {number} */ at) => (behind.length > 0 ? move(at, behind) : at);
      return { from: place(field.selectionStart), to: place(field.selectionEnd) };
    },
  };
}
