// SPDX-License-Identifier: MIT
// @ts-check
/*
 * carets - where the others are in the text: a line and a name, what they have selected.
 *
 * The state tells places in the server's text; here they move with every edit, one's
 * own included, so that they are right at once. Where that is on the screen a copy of
 * the text tells, which lies unseen under the field and breaks its lines as that does.
 */

import { hueOf } from "../_parlor/people.js";
import { move } from "./ops.js";

/** @typedef {import("./ops.js").Op} Op */
/** @typedef {{name: string, from: number, to: number, movedAt: number}} Caret */

const NAME_MS = 3000; // a name stands there after its caret has moved
const MOST_LINES = 200; // of one selection

/**
 * @param {HTMLElement} mirror the copy @param {HTMLElement} home of what is painted
 * @param {{text: () => string}} calls
 */
export function makeCarets(mirror, home, { text }) {
  /** @type {Map<number, Caret>} */
  const carets = new Map();
  const copy = document.createTextNode("");
  mirror.append(copy);
  const range = document.createRange();
  let isDue = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  /* However much comes in a frame, it is painted once. */
  function later() {
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(() => {
      isDue = false;
      paint();
    });
  }

  function fill() {
    const value = `${text()}\u200b`; // the last line has a height, too
    if (copy.data !== value) copy.data = value;
  }

  /** @param {string} className @param {number} id @param {DOMRect} box @param {DOMRect} origin */
  function make(className, id, box, origin) {
    const element = document.createElement("div");
    element.className = className;
    element.style.setProperty("--hue", String(hueOf(id)));
    element.style.left = `${box.left - origin.left}px`;
    element.style.top = `${box.top - origin.top}px`;
    element.style.height = `${box.height}px`;
    return element;
  }

  /** The box of a place: as high as its line. @param {number} at */
  function boxOf(at) {
    range.setStart(copy, at);
    range.setEnd(copy, at + 1);
    const boxes = range.getClientRects();
    // A sign that a line was broken at has an empty box before it and its own behind.
    return boxes[boxes.length - 1];
  }

  function paint() {
    fill();
    const origin = home.getBoundingClientRect();
    const now = performance.now();
    const most = copy.length - 1;
    let nextMs = Infinity;
    const parts = [];
    for (const [id, caret] of carets) {
      const from = Math.min(caret.from, most);
      const to = Math.min(caret.to, most);
      if (from < to) {
        range.setStart(copy, from);
        range.setEnd(copy, to);
        for (const box of [...range.getClientRects()].slice(0, MOST_LINES)) {
          const part = make("selected", id, box, origin);
          part.style.width = `${Math.max(box.width, 4)}px`;
          parts.push(part);
        }
      }
      const box = boxOf(to);
      if (!box) continue;
      const line = make("caret", id, box, origin);
      line.dataset.id = String(id);
      const name = document.createElement("b");
      name.textContent = caret.name;
      line.append(name);
      const left = NAME_MS - (now - caret.movedAt);
      line.classList.toggle("quiet", left <= 0);
      line.classList.toggle("below", box.top - origin.top < 20);
      line.classList.toggle("left", box.left - origin.left > origin.width - 120);
      if (left > 0) nextMs = Math.min(nextMs, left);
      parts.push(line);
    }
    home.replaceChildren(...parts);
    clearTimeout(timer);
    if (nextMs < Infinity) timer = setTimeout(later, nextMs + 20);
  }

  new ResizeObserver(later).observe(mirror);
  document.fonts?.ready.then(later);
  fill();

  return {
    /** The text has changed, by whomever. @param {Op} op */
    moved(op) {
      for (const caret of carets.values()) {
        caret.from = move(caret.from, op);
        caret.to = move(caret.to, op);
      }
      fill(); // at once: the field is as high as the copy
      later();
    },

    /**
     * What the state says of the others.
     * @param {any} room @param {import("./document.js").Document} document
     */
    look(room, { rev, sent, waiting }) {
      if (room.state.rev !== rev) return; // older than the edits: the next one will do
      for (const id of carets.keys())
        if (!room.state.people.has(id)) {
          carets.delete(id);
          later();
        }
      for (const [id, person] of room.state.people) {
        if (id === room.id || person.away) {
          if (carets.delete(id)) later();
          continue;
        }
        const place = (/** @type {number} */ at) => move(sent ? move(at, sent.op) : at, waiting);
        const [from, to] = [place(person.from), place(person.to)];
        const caret = carets.get(id);
        if (caret && caret.from === from && caret.to === to && caret.name === person.name) continue;
        const movedAt = caret ? performance.now() : -NAME_MS;
        carets.set(id, { name: person.name, from, to, movedAt });
        later();
      }
    },

    /** Somebody writes: the name is to be seen. @param {number} id */
    writes(id) {
      const caret = carets.get(id);
      if (caret) caret.movedAt = performance.now();
    },
  };
}
