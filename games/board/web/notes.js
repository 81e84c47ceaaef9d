// SPDX-License-Identifier: MIT
// @ts-check
/*
 * notes - sticky notes: elements over the canvas, so that one can write, select and
 * read them aloud like anything on a page.
 *
 * Who begins to change a note asks for it (`hold`); the server gives it to one at a
 * time. While one has it, what is on this page counts and is sent; for everybody
 * else what comes from the server.
 */

import { fit, hueOf } from "../_parlor/people.js";
import { COLOURS, SIZE } from "./paper.js";

export const NOTE = 190; // units, both ways
const TEXT_BYTES = 280; // as in game.lua
const SEND_MS = 60;
const NUDGE = 16; // units that an arrow key moves
/** @type {Record<string, number[]>} */
const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** @typedef {{x: number, y: number, colour: string, text: string, hidden: boolean, holder: number,
 *   by: number}} Note */

/** @param {string} tag @param {string} className */
function make(tag, className) {
  const element = document.createElement(tag);
  element.className = className;
  return element;
}

/**
 * @param {{home: HTMLElement, room: any, paper: ReturnType<typeof import("./paper.js").makePaper>,
 *   toast: (text: string) => void}} parts
 */
export function makeNotes({ home, room, paper, toast }) {
  const { notes, people } = room.state;
  /** @type {Map<number, ReturnType<typeof makeNote>>} */
  const shown = new Map();
  /** The one in hand here. */
  let mine = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  let isDue = false;

  /** The one that is asked for, and the answer to come. */
  let asked = 0;
  let answer = Promise.resolve(false);
  /** The one that shall have the cursor as soon as it is there. */
  let awaited = 0;
  let isSticking = false;

  /** Asks for a note, once, whatever happens meanwhile. @param {number} key */
  function take(key) {
    if (mine === key) return Promise.resolve(true);
    if (asked === key) return answer;
    asked = key;
    answer = ask(key);
    return answer;
  }

  /** @param {number} key */
  async function ask(key) {
    const has = await room.request("hold", { note: key }).catch(() => false);
    asked = 0;
    if (has) mine = key;
    else {
      const holder = people.get(notes.get(key)?.holder);
      toast(holder ? `${holder.name} has this note in hand.` : "This note cannot be changed now.");
      shown.get(key)?.update();
    }
    return has;
  }

  function flush() {
    clearTimeout(timer);
    timer = undefined;
    const note = shown.get(mine);
    if (!isDue || !note) return;
    isDue = false;
    room.send("change", note.value());
  }

  /** Sends what the note in hand is like now, soon. */
  function changed() {
    isDue = true;
    timer ??= setTimeout(flush, SEND_MS);
  }

  /** Lays a note down again; not before it is known whether one has it.
   * @param {number} key */
  async function letGo(key, remove = false) {
    if (asked) await answer;
    if (mine !== key) return;
    flush();
    room.send("release", { remove });
    mine = 0;
  }

  /** @param {number} key @param {Note} note */
  function makeNote(key, note) {
    const root = make("article", "note");
    const grip = make("div", "grip");
    const handle = /** @type {HTMLButtonElement} */ (make("button", "handle"));
    const paint = /** @type {HTMLButtonElement} */ (make("button", "paint"));
    const bin = /** @type {HTMLButtonElement} */ (make("button", "bin"));
    const text = /** @type {HTMLTextAreaElement} */ (make("textarea", "text"));
    root.setAttribute("role", "listitem");
    paint.setAttribute("aria-label", "Another colour");
    bin.setAttribute("aria-label", "Throw away");
    bin.textContent = "✕";
    text.placeholder = "Write…";
    text.spellcheck = false;
    grip.append(handle, paint, bin);
    root.append(grip, text);
    home.append(root);
    const here = { x: note.x, y: note.y, colour: note.colour };

    function place() {
      root.style.left = `${here.x}px`;
      root.style.top = `${here.y}px`;
      root.dataset.colour = here.colour;
    }

    /** @param {Partial<typeof here>} what */
    async function set(what) {
      while (mine !== key) if (!(await take(key))) return; // it may be let go before we go on
      Object.assign(here, what);
      here.x = Math.min(Math.max(here.x, 0), SIZE - NOTE);
      here.y = Math.min(Math.max(here.y, 0), SIZE - NOTE);
      place();
      changed();
    }

    async function throwAway() {
      while (mine !== key) if (!(await take(key))) return;
      await letGo(key, true);
    }

    text.addEventListener("input", () => {
      text.value = fit(text.value, TEXT_BYTES);
      if (mine === key) changed();
      else take(key).then((has) => has && changed());
    });
    text.addEventListener("blur", () => letGo(key));
    text.addEventListener("keydown", (event) => event.key === "Escape" && handle.focus());
    paint.addEventListener("click", async () => {
      await set({ colour: COLOURS[(COLOURS.indexOf(here.colour) + 1) % COLOURS.length] });
      letGo(key);
    });
    bin.addEventListener("click", throwAway);

    // Drag by the handle, or use the arrow keys there.
    handle.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      const from = { px: event.clientX, py: event.clientY, x: here.x, y: here.y };
      const drag = new AbortController();
      const { signal } = drag;
      handle.setPointerCapture(event.pointerId);
      handle.addEventListener(
        "pointermove",
        (e) =>
          set({
            x: from.x + (e.clientX - from.px) / paper.view.scale,
            y: from.y + (e.clientY - from.py) / paper.view.scale,
          }),
        { signal },
      );
      for (const what of ["pointerup", "pointercancel"])
        handle.addEventListener(
          what,
          () => {
            drag.abort();
            letGo(key);
          },
          { signal },
        );
    });
    handle.addEventListener("keydown", async (event) => {
      const way = WAYS[event.key];
      if (way) {
        event.preventDefault();
        event.stopPropagation();
        await set({ x: here.x + way[0] * NUDGE, y: here.y + way[1] * NUDGE });
      } else if (event.key === "Enter") {
        event.preventDefault();
        text.focus();
      } else if (event.key === "Delete") await throwAway();
    });
    handle.addEventListener("blur", () => letGo(key));

    return {
      root,
      text,
      box: () => [here.x, here.y, here.x + NOTE, here.y + NOTE],
      value: () => ({ ...here, text: text.value }),
      update() {
        const now = /** @type {Note | undefined} */ (notes.get(key));
        if (!now || mine === key || asked === key) return;
        Object.assign(here, { x: now.x, y: now.y, colour: now.colour });
        place();
        if (text.value !== now.text) text.value = now.text;
        const holder = now.holder && now.holder !== room.id ? people.get(now.holder) : null;
        const author = people.get(now.by)?.name ?? "somebody";
        root.classList.toggle("held", Boolean(holder));
        root.style.setProperty("--hue", String(hueOf(now.holder)));
        handle.textContent = holder ? `${holder.name}…` : "";
        text.readOnly = paint.disabled = bin.disabled = Boolean(holder);
        text.setAttribute("aria-label", `Note by ${author}`);
        handle.setAttribute(
          "aria-label",
          `Note by ${author}: move with arrow keys, Enter to write, Delete to throw away`,
        );
        if (document.activeElement !== text) text.scrollTop = 0;
      },
    };
  }

  function draw() {
    for (const [key, { root }] of shown)
      if (!notes.has(key) || notes.get(key).hidden) {
        root.remove();
        shown.delete(key);
        if (mine === key) mine = 0;
      }
    for (const [key, note] of notes) {
      if (note.hidden) continue;
      if (!shown.has(key)) shown.set(key, makeNote(key, note));
      shown.get(key)?.update();
      if (awaited !== key) continue;
      awaited = 0;
      isSticking = false;
      shown.get(key)?.text.focus({ preventScroll: true });
    }
  }
  room.on("state", draw);
  draw();

  // What was written while the line was down: the server let go of the note then.
  room.on("status", async (/** @type {string} */ status) => {
    const key = mine;
    if (status !== "live" || !key) return;
    mine = 0;
    if (await take(key)) changed();
  });

  return {
    /** @param {number} x @param {number} y units @param {string} colour */
    async stick(x, y, colour) {
      const at = {
        x: Math.min(Math.max(x - NOTE / 2, 0), SIZE - NOTE),
        y: Math.min(Math.max(y - NOTE / 2, 0), SIZE - NOTE),
      };
      if (isSticking) return;
      isSticking = true;
      try {
        const key = await room.request("stick", { ...at, colour });
        if (!key) return toast("There are enough notes on this board.");
        awaited = key; // it comes with the state, before or after this answer
        draw();
      } catch (error) {
        toast(`${/** @type {Error} */ (error).message}.`);
      }
      isSticking = awaited !== 0;
    },

    /** A new note is on its way: keys are meant for it, not for the tools. */
    get isBusy() {
      return isSticking || awaited !== 0;
    },

    /** The notes lie on the paper. */
    view() {
      const [x, y] = paper.toScreen(0, 0);
      home.style.transform = `translate(${x}px, ${y}px) scale(${paper.view.scale})`;
    },

    boxes: () => [...shown.values()].map((note) => note.box()),
    get size() {
      return shown.size;
    },
  };
}
