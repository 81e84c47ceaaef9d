// SPDX-License-Identifier: MIT
// @ts-check
/*
 * board - the page: joins a board, turns pens, fingers and keys into strokes.
 *
 * Read `start` first, then `takePen`. Lines are painted by paper.js, notes are
 * notes.js.
 */

import { join } from "../_parlor/client.js";
import { invite } from "../_parlor/invite.js";
import { chosenName, fit, hueOf, keepName, recall, showPeople } from "../_parlor/people.js";
import { pill } from "../_parlor/pill.js";
import { makeNotes } from "./notes.js";
import { COLOURS, makePaper, pack, SIZE, STEP } from "./paper.js";

const NAME_BYTES = 24; // as in game.lua
const SEND_MS = 45; // between two messages of a pen: 30 a second are allowed
const MOST_POINTS = 100; // in a message
const NEAR_PX = 2; // points closer than that say nothing new

/** @type {[string, string, string, string][]} */
const TOOLS = [
  ["pen", "Pen", "p", "M3 17l1-4L14 3l3 3L7 16zM12 5l3 3"],
  ["eraser", "Eraser", "e", "M8 17l-5-5 9-9 5 5-9 9zM7.5 7.5l5 5M8 17h9"],
  ["note", "Note", "n", "M3 3h14v9l-5 5H3zM17 12h-5v5"],
  [
    "hand",
    "Move",
    "h",
    "M10 2v16M2 10h16M10 2 7.5 4.5M10 2l2.5 2.5M10 18l-2.5-2.5M10 18l2.5-2.5M2 10l2.5-2.5M2 10l2.5 2.5M18 10l-2.5-2.5M18 10l-2.5 2.5",
  ],
];
/** @type {[number, string][]} */
const WIDTHS = [
  [3, "Thin"],
  [7, "Medium"],
  [16, "Thick"],
];

const byId = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const canvas = /** @type {HTMLCanvasElement} */ (byId("paper"));
const hello = /** @type {HTMLDialogElement} */ (byId("hello"));
const nameInput = /** @type {HTMLInputElement} */ (byId("name"));
const line = pill(byId("corner"));
let onView = () => {};
const paper = makePaper(canvas, () => onView());

const chosen = { tool: "pen", colour: "ink", width: 7 };

/* The address is the board: /board/ takes any, /board/plan the one of that name. */
const address = location.pathname.replace(/\/$/, "");

async function start() {
  const room = await join(address, { name: await askName() });
  line.watch(room);
  document.title = `${room.code} – Board`;
  paper.follow(room);
  const notes = makeNotes({ home: byId("notes"), room, paper, toast });
  const cursors = makeCursors(room);
  onView = () => {
    notes.view();
    cursors.draw();
  };
  const isEmpty = () => room.state.strokes.size + notes.size === 0;
  const showEmpty = () => (byId("empty").hidden = !isEmpty());
  room.on("state", showEmpty);
  room.on("state", () => showPeople(byId("people"), room));
  room.on("status", (/** @type {string} */ status) => showStatus(status, room));
  room.on("full", () => {
    paper.forgetFresh();
    toast("The board is full of ink.");
  });
  room.on("leave", (/** @type {any} */ { reason }) => stop(`You have left the board: ${reason}.`));
  byId("invite").addEventListener("click", () =>
    invite({
      title: "Invite to this board",
      text: "Who has the code or the link draws here, too.",
      code: room.code,
      path: `./${room.code}`,
    }),
  );
  /** @type {HTMLButtonElement} */ (byId("invite")).disabled = false;

  takePen(room, notes);
  takeKeys(room, notes);
  showEmpty();
  showPeople(byId("people"), room);
  paper.fit(notes.boxes());
  canvas.focus();
  onFrame = cursors.draw;
}

let onFrame = () => {};

/** Paints before there is a room as well. */
function frame() {
  paper.frame();
  onFrame();
  requestAnimationFrame(frame);
}

/** @returns {Promise<string>} */
async function askName() {
  const isKnown = new URLSearchParams(location.search).get("name") || recall("parlor.name");
  if (isKnown) return chosenName(NAME_BYTES);
  nameInput.value = chosenName(NAME_BYTES);
  hello.showModal();
  nameInput.select();
  await new Promise((done) => hello.addEventListener("close", done, { once: true }));
  const name = fit(nameInput.value.trim(), NAME_BYTES) || chosenName(NAME_BYTES);
  keepName(name);
  return name;
}

/** Pens, mice and fingers. One finger draws, two move the paper. @param {any} room @param {any} notes */
function takePen(room, notes) {
  /** @type {Map<number, {x: number, y: number}>} */
  const down = new Map();
  /** @type {ReturnType<typeof paper.begin> | undefined} */
  let drawn;
  /** @type {number[]} */
  let waiting = [];
  /** @type {"draw" | "erase" | "pan" | undefined} */
  let doing;
  let isSpace = false;
  let saidAt = 0;
  /** Where the pointer has come to since. @type {{x: number, y: number} | null} */
  let unsaid = null;

  /** @param {{clientX: number, clientY: number}} event */
  function place({ clientX, clientY }) {
    const { x, y } = paper.toBoard(clientX, clientY);
    const most = SIZE - STEP;
    return { x: Math.min(Math.max(x, 0), most), y: Math.min(Math.max(y, 0), most) };
  }

  /** Where the pointer is, for the others. @param {{x: number, y: number}} at @param {boolean} here */
  function say(at, here) {
    const now = performance.now();
    unsaid = here && now - saidAt < SEND_MS ? at : null;
    if (unsaid) return;
    saidAt = now;
    room.send("point", { ...at, here });
  }

  function flush() {
    if (unsaid) say(unsaid, true);
    while (drawn && waiting.length > 0) {
      const points = pack(waiting.splice(0, 2 * MOST_POINTS));
      drawn.sent += points.length;
      room.send("draw", { points });
    }
  }
  setInterval(flush, SEND_MS);

  /** @param {PointerEvent} event */
  function addPoint(event) {
    const line = drawn;
    if (!line) return;
    for (const each of event.getCoalescedEvents?.().length ? event.getCoalescedEvents() : [event]) {
      const { x, y } = place(each);
      const n = line.points.length;
      if (
        n &&
        Math.hypot(x - line.points[n - 2], y - line.points[n - 1]) * paper.view.scale < NEAR_PX
      )
        continue;
      line.points.push(x, y);
      waiting.push(x, y);
    }
    paper.dirty();
  }

  function endLine() {
    if (!drawn) return;
    flush();
    drawn.isDone = true;
    drawn = undefined;
  }

  /** Strokes that this move of the eraser has met. @type {Set<number>} */
  const met = new Set();

  /** @param {{x: number, y: number}} at */
  function erase({ x, y }) {
    const key = paper.strokeAt(x, y, 8 / paper.view.scale);
    if (!key || met.has(key)) return;
    met.add(key);
    room.send("erase", { stroke: key });
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (room.status === "closed" || event.button > 1) return;
    /** @type {HTMLElement | null} */ (document.activeElement)?.blur();
    canvas.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    down.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const { tool, colour, width } = chosen;
    if (down.size > 1 || event.button === 1 || isSpace || tool === "hand") {
      endLine();
      doing = "pan";
    } else if (tool === "note") {
      const { x, y } = place(event);
      event.preventDefault(); // or the canvas would take the focus from the note
      notes.stick(x, y, colour === "ink" ? "orange" : colour);
      choose("tool", "pen");
    } else if (tool === "eraser") {
      doing = "erase";
      met.clear();
      erase(place(event));
    } else {
      doing = "draw";
      drawn = paper.begin(colour, Math.max(1, Math.round(width / Math.max(paper.view.scale, 0.4))));
      room.send("begin", { colour, width: drawn.width });
      addPoint(event);
    }
  });

  canvas.addEventListener("pointermove", (event) => {
    say(place(event), true);
    const before = down.get(event.pointerId);
    if (!before) return;
    if (doing === "pan") {
      const all = [...down.values()];
      const [a, b] = all;
      const gap = b ? Math.hypot(a.x - b.x, a.y - b.y) : 0;
      paper.pan((event.clientX - before.x) / all.length, (event.clientY - before.y) / all.length);
      Object.assign(before, { x: event.clientX, y: event.clientY });
      if (b && gap > 0)
        paper.zoom(Math.hypot(a.x - b.x, a.y - b.y) / gap, (a.x + b.x) / 2, (a.y + b.y) / 2);
    } else if (doing === "draw") addPoint(event);
    else if (doing === "erase") erase(place(event));
  });

  for (const what of ["pointerup", "pointercancel"])
    canvas.addEventListener(what, (event) => {
      const { pointerId, pointerType } = /** @type {PointerEvent} */ (event);
      if (!down.delete(pointerId) || down.size > 0) return;
      endLine();
      doing = undefined;
      // A finger that is lifted points nowhere.
      if (pointerType === "touch") say(place(/** @type {PointerEvent} */ (event)), false);
    });
  canvas.addEventListener("pointerleave", (event) => down.size === 0 && say(place(event), false));
  canvas.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      if (event.ctrlKey || event.metaKey)
        paper.zoom(Math.exp(-event.deltaY / 250), event.clientX, event.clientY);
      else paper.pan(-event.deltaX, -event.deltaY);
    },
    { passive: false },
  );
  for (const what of ["keydown", "keyup"])
    window.addEventListener(what, (event) => {
      const { code, target } = /** @type {KeyboardEvent} */ (event);
      if (code !== "Space" || target !== canvas) return;
      event.preventDefault();
      isSpace = what === "keydown";
      canvas.classList.toggle("moves", isSpace);
    });
}

/** Keys, and the buttons for the same. @param {any} room @param {any} notes */
function takeKeys(room, notes) {
  const undo = (redo = false) => room.send("undo", { redo });
  byId("undo").addEventListener("click", () => undo());
  byId("redo").addEventListener("click", () => undo(true));
  byId("closer").addEventListener("click", () => paper.zoom(1.25));
  byId("farther").addEventListener("click", () => paper.zoom(0.8));
  byId("all").addEventListener("click", () => paper.fit(notes.boxes()));

  window.addEventListener("keydown", (event) => {
    const isText = /** @type {HTMLElement} */ (event.target).matches("input, textarea");
    if (isText || notes.isBusy || document.querySelector("dialog[open]")) return;
    const key = event.key.toLowerCase();
    if ((event.ctrlKey || event.metaKey) && (key === "z" || key === "y")) {
      event.preventDefault();
      return undo(event.shiftKey || key === "y");
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const tool = TOOLS.find(([, , letter]) => letter === key);
    const colour = COLOURS[Number(key) - 1];
    const way = { arrowleft: [1, 0], arrowright: [-1, 0], arrowup: [0, 1], arrowdown: [0, -1] }[
      key
    ];
    if (key === "n") {
      event.preventDefault(); // or the letter would be the note's first
      notes.stick(paper.view.x, paper.view.y, chosen.colour === "ink" ? "orange" : chosen.colour);
    } else if (tool) choose("tool", tool[0]);
    else if (colour) choose("colour", colour);
    else if (key === "0") paper.fit(notes.boxes());
    else if (key === "+" || key === "=") paper.zoom(1.25);
    else if (key === "-") paper.zoom(0.8);
    else if (way && event.target === canvas) paper.pan(way[0] * 60, way[1] * 60);
  });
}

/** The others' pointers, where they are at this instant. @param {any} room */
function makeCursors(room) {
  /** @type {Map<number, HTMLElement>} */
  const shown = new Map();
  const home = byId("cursors");

  return {
    draw() {
      for (const [id, cursor] of shown)
        if (!room.state.people.get(id)?.here) {
          cursor.remove();
          shown.delete(id);
        }
      // view() moves smooth fields between two ticks.
      for (const [id, person] of room.view("people")) {
        if (!person.here || id === room.id) continue;
        let cursor = shown.get(id);
        if (!cursor) {
          cursor = document.createElement("div");
          cursor.className = "cursor";
          cursor.style.setProperty("--hue", String(hueOf(id)));
          cursor.innerHTML = `<svg viewBox="0 0 20 20"><path d="M2 2l6 16 2.5-7L17 8.5z"/></svg><b></b>`;
          home.append(cursor);
          shown.set(id, cursor);
          const label = cursor.querySelector("b");
          if (label) label.textContent = person.name;
        }
        const [x, y] = paper.toScreen(person.x, person.y);
        cursor.style.transform = `translate(${x}px, ${y}px)`;
      }
    },
  };
}

/* The tools. */

/** @param {"tool" | "colour" | "width"} what @param {any} value */
function choose(what, value) {
  /** @type {any} */ (chosen)[what] = value;
  if (what !== "tool" && chosen.tool !== "pen" && chosen.tool !== "note") chosen.tool = "pen";
  canvas.dataset.tool = chosen.tool;
  for (const button of document.querySelectorAll("#tools [role=radio]")) {
    const { kind, value: own } = /** @type {HTMLElement} */ (button).dataset;
    const isOn = String(/** @type {any} */ (chosen)[kind ?? ""]) === own;
    button.setAttribute("aria-checked", String(isOn));
    /** @type {HTMLElement} */ (button).tabIndex = isOn ? 0 : -1;
  }
}

/** @param {string} home @param {"tool" | "colour" | "width"} kind @param {any[][]} all [value, name, title, html] */
function makeChoice(home, kind, all) {
  const buttons = all.map(([value, name, title, html]) => {
    const button = document.createElement("button");
    button.className = `button quiet icon ${kind}`;
    button.dataset.kind = kind;
    button.dataset.value = String(value);
    button.setAttribute("role", "radio");
    button.setAttribute("aria-label", name);
    button.title = title;
    button.innerHTML = html;
    button.addEventListener("click", () => choose(kind, value));
    return button;
  });
  // As in any group of radio buttons arrows go from one to the next.
  byId(home).addEventListener("keydown", (event) => {
    const way = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!way) return;
    event.preventDefault();
    event.stopPropagation();
    const at = buttons.indexOf(/** @type {any} */ (document.activeElement));
    const next = buttons[(at + way + buttons.length) % buttons.length];
    next.click();
    next.focus();
  });
  byId(home).append(...buttons);
}

/** @param {string} status @param {any} room */
function showStatus(status, room) {
  if (status === "away") stop("Connection lost. What you draw now is sent when it is back.", true);
  if (status === "live") byId("notice").hidden = true;
  if (status === "live" && room.id !== seat) paper.forgetFresh();
  seat = room.id;
}
let seat = 0;

/** @type {ReturnType<typeof setTimeout> | undefined} */
let toastTimer;

/** @param {string} text */
function toast(text) {
  byId("toast").textContent = text;
  byId("toast").classList.remove("gone");
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => byId("toast").classList.add("gone"), 3000);
}

/** @param {string} text @param {boolean} [waits] it will pass by itself */
function stop(text, waits = false) {
  byId("notice").textContent = text;
  byId("notice").hidden = false;
  byId("notice").classList.toggle("waits", waits);
}

makeChoice(
  "which",
  "tool",
  TOOLS.map(([value, name, key, path]) => [
    value,
    name,
    `${name} (${key.toUpperCase()})`,
    `<svg viewBox="0 0 20 20" aria-hidden="true"><path d="${path}"/></svg>`,
  ]),
);
makeChoice(
  "widths",
  "width",
  WIDTHS.map(([value, name]) => [
    value,
    name,
    name,
    `<i style="--size:${Math.round(4 + value * 0.8)}px"></i>`,
  ]),
);
makeChoice(
  "colours",
  "colour",
  COLOURS.map((name, i) => [
    name,
    name[0].toUpperCase() + name.slice(1),
    `${name} (${i + 1})`,
    `<i data-colour="${name}"></i>`,
  ]),
);
choose("tool", "pen");
frame();
start().catch((error) => {
  line.show("closed");
  stop(`No way to the board: ${error.message}.`);
});
