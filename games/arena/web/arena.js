// SPDX-License-Identifier: MIT
// @ts-check
/*
 * arena - the page: joins a room, flies the own ship at once, shows the others.
 *
 * Read `start` first. The picture is drawn by scene.js, what floats over it by hud.js.
 * What the player wants comes from input.js; where the ship is, the server decides. But
 * as shared.js is the server's own code, the page knows before it has been told.
 */

import { join } from "../_parlor/client.js";
import { pill } from "../_parlor/pill.js";
import { step } from "./shared.js";
import { makeHud } from "./hud.js";
import { makeInput } from "./input.js";
import { colourOf, makeScene } from "./scene.js";

const NAME_BYTES = 16; // as in game.lua
const SNAP = 300; // units: farther than this the ship has not flown but begun anew

/** @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const nameInput = /** @type {HTMLInputElement} */ (byId("name"));

/* The address is the room: /arena/ takes any with space, /arena/mars the one of that
 * name. ?bots=100 is for whoever opens it. */
const address = location.pathname.replace(/\/$/, "");
const query = new URLSearchParams(location.search);

async function start() {
  const scene = makeScene(/** @type {HTMLCanvasElement} */ (byId("arena")));
  const line = pill(byId("corner"));
  const room = await join(address, { name: chosenName(), bots: query.get("bots") ?? undefined });
  line.watch(room);

  const input = makeInput(scene.canvas, () => scene.middle());
  const me = await room.predict("ships", {
    step: (ship, wish, _room, isAgain) => {
      if (step(ship, wish) && !isAgain) scene.fire(ship, room.id);
    },
    input: "steer",
    read: () => input.read(me.row.angle),
    snap: SNAP,
  });

  room.state.shots.on("add", (/** @type {any} */ shot, /** @type {number} */ key) => {
    // The own ones fly already: they were drawn when they were fired.
    if (shot.by !== room.id || !me.row) scene.shot(key, shot, room.delay);
  });
  room.state.shots.on("remove", (/** @type {any} */ _shot, /** @type {number} */ key) =>
    scene.shotOver(key),
  );
  room.on("boom", (/** @type {any} */ boom) => {
    scene.boom(boom.x, boom.y);
    const mine = room.state.ships.get(room.id)?.name;
    if (boom.who === mine) tell(`${boom.by || "The void"} got you`);
    else if (boom.by === mine) tell(`You got ${boom.who}`);
  });
  // The seat is gone for good: the room has ended, or another window took over.
  room.on("leave", (/** @type {any} */ { reason }) => stop(`You have left the arena: ${reason}.`));

  takeName(room);
  draw(room, me, scene);
}

/**
 * Draws a frame, and asks for the next one.
 * @param {any} room @param {any} me @param {ReturnType<typeof makeScene>} scene
 */
function draw(room, me, scene) {
  const hud = makeHud(room, me);
  let before = performance.now();

  function frame() {
    const now = performance.now();
    const dt = Math.min(now - before, 100) / 1000;
    before = now;
    const mine = me.view(); // steps and sends, where a tick is due
    if (mine) scene.follow(mine.x, mine.y, dt);
    scene.begin(now, dt);
    // view() gives the ships as they were a moment ago, between two ticks; ours is ahead.
    for (const [id, ship] of room.view("ships"))
      scene.ship(id, id === room.id && mine ? mine : ship, id === room.id);
    scene.end();
    hud.frame(mine, now, dt);
    requestAnimationFrame(frame);
  }
  frame();
}

// Words.

let fade = 0;
/** @param {string} text */
function tell(text) {
  const news = byId("news");
  news.textContent = text;
  news.classList.remove("gone");
  clearTimeout(fade);
  fade = window.setTimeout(() => news.classList.add("gone"), 2600);
}

/** @param {string} text */
function stop(text) {
  const notice = byId("notice");
  notice.textContent = text;
  notice.hidden = false;
}

/** At most 16 bytes, never half a character. @param {string} name */
function short(name) {
  let text = name.trim();
  while (new TextEncoder().encode(text).length > NAME_BYTES) text = [...text].slice(0, -1).join("");
  return text;
}

function chosenName() {
  const kept = query.get("name") ?? localStorage.getItem("arena name");
  return short(kept ?? `Pilot ${Math.floor(Math.random() * 90) + 10}`);
}

/** @param {any} room */
function takeName(room) {
  const show = () => {
    const ship = room.state.ships.get(room.id);
    if (ship && document.activeElement !== nameInput) nameInput.value = ship.name;
    byId("me").style.setProperty("--colour", colourOf(room.id));
  };
  room.state.ships.on("add", show);
  room.state.ships.on("change", (/** @type {any} */ _s, /** @type {number} */ id, /** @type {string[]} */ changed) => {
    if (id === room.id && changed.includes("name")) show();
  });
  nameInput.addEventListener("change", () => {
    const name = short(nameInput.value);
    if (name) {
      room.send("rename", { name });
      localStorage.setItem("arena name", name);
    }
    nameInput.blur();
  });
}

setTimeout(() => byId("hint").classList.add("gone"), 9000);
start().catch((error) => stop(`There is no arena for you: ${error.message}`));
