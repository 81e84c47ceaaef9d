// SPDX-License-Identifier: MIT
// @ts-check
/*
 * pond - the page: joins a room, tells it where to hop, shows what comes back.
 *
 * Read `start` first. The picture is drawn by scene.js (water) and frogs.js.
 */

import { join } from "../_parlor/client.js";
import { chosenName, fit, keepName } from "../_parlor/people.js";
import { pill } from "../_parlor/pill.js";
import { colourOf, makeFrogs } from "./frogs.js";
import { HEIGHT, makeScene, WIDTH } from "./scene.js";

const NAME_BYTES = 16; // as in game.lua
const HOP = 3.7; // units that a full hop goes
const PACE_MS = 240; // between two hops while a key or a finger is down

/* What frogs are called that have not been asked. */
const FIRST = ["Mossy", "Dizzy", "Sunny", "Plucky", "Misty", "Jolly", "Rusty", "Velvet", "Tiny"];
const SECOND = ["Pip", "Bog", "Reed", "Fern", "Puddle", "Sedge", "Brook", "Pebble", "Willow"];

/** @type {Record<string, number[]>} */
const KEYS = {
  ArrowUp: [0, -1],
  KeyW: [0, -1],
  ArrowDown: [0, 1],
  KeyS: [0, 1],
  ArrowLeft: [-1, 0],
  KeyA: [-1, 0],
  ArrowRight: [1, 0],
  KeyD: [1, 0],
};

/** @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const canvas = /** @type {HTMLCanvasElement} */ (byId("pond"));
const nameInput = /** @type {HTMLInputElement} */ (byId("name"));
const scene = makeScene(canvas);
const frogs = makeFrogs(scene.ctx);

/* The address is the room: /pond/ takes any pond with space, /pond/mill the
 * one of that name. */
const address = location.pathname.replace(/\/$/, "");

async function start() {
  const line = pill(byId("corner"));
  const room = await join(address, { name: chosenName(NAME_BYTES, FIRST, SECOND) });
  line.watch(room);

  // What happens once.
  room.on("ate", (/** @type {any} */ { frog, x, y }) => {
    frogs.gulp(frog);
    frogs.passing.ring(x, y, seconds(), 0.5);
    frogs.passing.text(x, y, seconds(), "+1");
  });
  room.on("sank", (/** @type {any} */ { name, worms, x, y }) => {
    frogs.passing.bubbles(x, y, seconds());
    frogs.passing.ring(x, y, seconds(), 1.3);
    tell(`${name} went under with ${worms} ${worms === 1 ? "worm" : "worms"}`);
  });
  room.state.frogs.on("remove", (/** @type {any} */ _frog, /** @type {any} */ id) =>
    frogs.forget(id),
  );
  // The seat is gone for good: the room has ended, or another window took over.
  room.on("leave", (/** @type {any} */ { reason }) => stop(`You have left the pond: ${reason}.`));

  takeInput(room);
  takeName(room);
  showScores(room);
  draw(room);
}

/** Seconds for whatever moves on this page. */
const seconds = () => performance.now() / 1000;

/** Draws a frame, and asks for the next one. @param {any} room */
function draw(room) {
  let before = seconds();
  let nextRing = 0;

  function frame() {
    const t = seconds();
    const dt = Math.min(t - before, 0.1);
    before = t;

    // view() gives the frogs as they are at this instant, between two ticks.
    /** @type {[number, any][]} */
    const all = [...room.view("frogs")];
    all.sort(([a], [b]) => Number(a === room.id) - Number(b === room.id)); // ours on top
    const mine = room.state.frogs.has(room.id) && all[all.length - 1][1];
    if (mine) scene.follow(mine.x, mine.y, dt);
    if (t > nextRing) {
      // A fish, perhaps.
      frogs.passing.ring(Math.random() * WIDTH, Math.random() * HEIGHT, t, 0.35);
      nextRing = t + 0.6 + Math.random() * 2;
    }

    scene.begin(t);
    frogs.passing.draw(scene.ctx, t, false);
    scene.drawPads(t);
    frogs.drawWorms(room.view("worms"), t);
    frogs.draw(all, { t, dt, me: room.id });
    frogs.passing.draw(scene.ctx, t, true);
    scene.end(t);
    requestAnimationFrame(frame);
  }
  frame();
}

/** Keys, mouse and fingers become hops: a direction, never a place. @param {any} room */
function takeInput(room) {
  /** @type {Set<string>} */
  const keys = new Set();
  /** @type {{x: number, y: number} | undefined} */
  let pointer;
  let last = 0;

  function wish() {
    if (pointer) {
      const frog = room.state.frogs.get(room.id);
      if (!frog) return [0, 0];
      const to = scene.toPond(pointer.x, pointer.y);
      const [dx, dy] = [to.x - frog.x, to.y - frog.y];
      const far = Math.hypot(dx, dy);
      return far < 0.4 ? [0, 0] : [dx / Math.max(far, HOP), dy / Math.max(far, HOP)];
    }
    let [dx, dy] = [0, 0];
    for (const key of keys) {
      dx += KEYS[key][0];
      dy += KEYS[key][1];
    }
    return [Math.max(-1, Math.min(1, dx)), Math.max(-1, Math.min(1, dy))];
  }

  function hop() {
    const now = performance.now();
    const [dx, dy] = wish();
    if ((dx === 0 && dy === 0) || now - last < PACE_MS) return;
    last = now;
    room.send("hop", { dx, dy });
    byId("hint").classList.add("gone");
  }
  setInterval(hop, 40);

  window.addEventListener("keydown", (event) => {
    if (event.target === nameInput || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!Object.hasOwn(KEYS, event.code)) return;
    event.preventDefault();
    keys.add(event.code);
    hop();
  });
  window.addEventListener("keyup", (event) => keys.delete(event.code));
  window.addEventListener("blur", () => keys.clear());

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    nameInput.blur();
    canvas.setPointerCapture(event.pointerId);
    pointer = { x: event.clientX, y: event.clientY };
    const at = scene.toPond(pointer.x, pointer.y);
    frogs.passing.ring(at.x, at.y, seconds(), 0.3);
    hop();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (pointer) pointer = { x: event.clientX, y: event.clientY };
  });
  for (const end of ["pointerup", "pointercancel"])
    canvas.addEventListener(end, () => {
      pointer = undefined;
    });
}

/** The name at the top left is an input: change it at any time. @param {any} room */
function takeName(room) {
  const own = () => room.state.frogs.get(room.id)?.name ?? "";
  const show = () => {
    if (document.activeElement !== nameInput) nameInput.value = own();
    byId("me").style.setProperty("--colour", colourOf(room.id));
  };
  nameInput.addEventListener("keydown", (event) => {
    if (event.key === "Escape") nameInput.value = own();
    if (event.key === "Enter" || event.key === "Escape") nameInput.blur();
  });
  nameInput.addEventListener("blur", () => {
    const name = fit(nameInput.value.trim(), NAME_BYTES);
    if (name && name !== own()) {
      keepName(name);
      room.send("rename", { name });
    }
    nameInput.value = name || own();
  });
  for (const what of ["add", "change"]) room.state.frogs.on(what, show);
  room.on("status", show);
  show();
}

/** @param {any} room */
function showScores(room) {
  const list = /** @type {HTMLElement} */ (document.querySelector("#scores ol"));
  let shown = "";

  function update() {
    const ranked = [...room.state.frogs]
      .map(([id, frog]) => ({ id, ...frog }))
      .sort((a, b) => b.worms - a.worms || a.id - b.id);
    const most = window.innerWidth > 620 ? 10 : 3;
    const rows = ranked.filter((frog, i) => i < most || frog.id === room.id);
    // Frogs change place all the time; the list is touched only if it differs.
    const now = JSON.stringify(rows.map((f) => [f.id, f.name, f.worms, f.away]));
    if (now === shown) return;
    shown = now;
    list.replaceChildren(...rows.map((frog) => scoreRow(frog, frog.id === room.id)));
  }
  setInterval(update, 250);
  update();
}

/** @param {{id: number, name: string, worms: number, away: boolean}} frog @param {boolean} mine */
function scoreRow(frog, mine) {
  const row = document.createElement("li");
  const [swatch, who, worms] = ["swatch", "who", "worms"].map((name) => {
    const span = document.createElement("span");
    span.className = name;
    row.append(span);
    return span;
  });
  swatch.style.setProperty("--colour", colourOf(frog.id));
  who.textContent = frog.name;
  worms.textContent = String(frog.worms);
  row.classList.toggle("me", mine);
  row.classList.toggle("away", frog.away);
  if (frog.away) row.title = "away";
  return row;
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let newsTimer;

/** One line of news, for a few seconds. @param {string} text */
function tell(text) {
  const news = byId("news");
  news.textContent = text;
  news.classList.remove("gone");
  clearTimeout(newsTimer);
  newsTimer = setTimeout(() => news.classList.add("gone"), 4000);
}

/** @param {string} text */
function stop(text) {
  byId("notice").textContent = text;
  byId("notice").hidden = false;
}

start().catch((error) => stop(`No way into the pond: ${error.message}.`));
