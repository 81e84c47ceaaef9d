// SPDX-License-Identifier: MIT
// @ts-check
/*
 * hud - what floats over the arena: hull, leaders, the small map, the network graph.
 */

import { SIZE } from "./shared.js";
import { colourOf } from "./scene.js";

const GRAPH_FRAMES = 220;

/** @param {string} id */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));
const isDark = matchMedia("(prefers-color-scheme: dark)");

/** @param {any} room @param {any} me the prediction */
export function makeHud(room, me) {
  const life = byId("life");
  const list = /** @type {HTMLElement} */ (byId("top").firstElementChild);
  let shownHp = -1;
  let shownKills = -1;

  /** @param {any} mine */
  function showLife(mine) {
    const hp = mine ? mine.hp : 0;
    if (hp !== shownHp) {
      shownHp = hp;
      life.style.setProperty("--hp", hp);
      life.style.setProperty("--life", hp > 40 ? "var(--good)" : "var(--bad)");
      life.setAttribute("aria-valuenow", hp);
    }
    const kills = mine ? mine.kills : 0;
    if (kills === shownKills) return;
    shownKills = kills;
    /** @type {HTMLElement} */ (life.querySelector(".kills")).textContent = `${kills} ${kills === 1 ? "kill" : "kills"}`;
  }

  // Who leads.
  let shownTop = "";
  function showTop() {
    const mine = room.state.ships.get(room.id)?.name;
    const text = JSON.stringify([room.state.top, mine]);
    if (text === shownTop) return;
    shownTop = text;
    list.replaceChildren(
      ...room.state.top.map((/** @type {any} */ { name, kills }) => {
        const row = document.createElement("li");
        if (name === mine) row.className = "me";
        for (const [kind, word] of [["who", name], ["kills", kills]]) {
          const span = document.createElement("span");
          span.className = kind;
          span.textContent = word;
          row.append(span);
        }
        return row;
      }),
    );
  }

  // The map.
  const radar = /** @type {HTMLCanvasElement} */ (byId("radar"));
  const map = /** @type {CanvasRenderingContext2D} */ (radar.getContext("2d"));
  function drawRadar(/** @type {any} */ mine) {
    const { width } = radar;
    const scale = (width - 24) / SIZE;
    const at = (/** @type {number} */ v) => 12 + v * scale;
    map.clearRect(0, 0, width, width);
    map.fillStyle = isDark.matches ? "rgb(150 180 255 / 85%)" : "rgb(30 50 110 / 75%)";
    const bytes = room.state.radar;
    for (let i = 0; i + 1 < bytes.length; i += 2)
      map.fillRect(at(bytes[i] * 16) - 2.5, at(bytes[i + 1] * 16) - 2.5, 5, 5);
    if (!mine) return;
    map.strokeStyle = isDark.matches ? "rgb(150 180 255 / 45%)" : "rgb(30 50 110 / 40%)";
    map.lineWidth = 2;
    map.strokeRect(at(mine.x - 640), at(mine.y - 400), 1280 * scale, 800 * scale);
    map.fillStyle = colourOf(room.id);
    map.beginPath();
    map.arc(at(mine.x), at(mine.y), 6.5, 0, 7);
    map.fill();
  }

  // The network: a column a frame, bytes that came and corrections; in words above it.
  const net = byId("net");
  const graph = /** @type {HTMLCanvasElement} */ (net.querySelector("canvas"));
  const g = /** @type {CanvasRenderingContext2D} */ (graph.getContext("2d"));
  const bytes = new Float32Array(GRAPH_FRAMES);
  const fixes = new Uint8Array(GRAPH_FRAMES);
  const times = new Float32Array(GRAPH_FRAMES);
  let n = 0;
  let before = room.bytesIn;
  let corrections = 0;
  function note(/** @type {number} */ dt) {
    const i = n++ % GRAPH_FRAMES;
    bytes[i] = room.bytesIn - before;
    fixes[i] = me.corrections - corrections;
    times[i] = dt * 1000;
    before = room.bytesIn;
    corrections = me.corrections;
  }
  function drawNet() {
    const dark = isDark.matches;
    const isOpen = net.getAttribute("aria-pressed") === "true";
    g.clearRect(0, 0, graph.width, graph.height);
    for (let k = 0; k < GRAPH_FRAMES; k++) {
      const i = (n + k) % GRAPH_FRAMES;
      const h = Math.min(66, bytes[i] / 16);
      g.fillStyle = dark ? "#4bd0ff" : "#0b6ea3";
      g.fillRect(k * 2, 118 - h, 2, h);
      g.fillStyle = dark ? "#ffb84d" : "#9a5b00";
      g.fillRect(k * 2, 118 - Math.min(66, times[i] * 1.2), 2, 2);
      if (!fixes[i]) continue;
      g.fillStyle = dark ? "#ff5c8a" : "#b3124a";
      g.fillRect(k * 2, 52, 3, 66);
    }
    if (!isOpen) return;
    g.fillStyle = dark ? "#dfe8ff" : "#18223f";
    g.font = "600 22px ui-monospace, monospace";
    const { delay, rtt } = room;
    g.fillText(`${Math.round(rtt)} ms  ${Math.round(delay)} behind`, 10, 28);
    g.fillText(`${me.pending} ahead  ${me.corrections} fixed`, 10, 50);
  }
  const toggle = () => net.setAttribute("aria-pressed", String(net.getAttribute("aria-pressed") !== "true"));
  net.addEventListener("click", () => {
    toggle();
    net.blur();
  });
  addEventListener("keydown", (e) => {
    if (e.code === "KeyN" && !(e.target instanceof HTMLInputElement)) toggle();
  });

  let nextSlow = 0;
  return {
    /** @param {any} mine @param {number} now ms @param {number} dt s */
    frame(mine, now, dt) {
      note(dt);
      showLife(mine);
      if (now < nextSlow) return;
      nextSlow = now + 100;
      showTop();
      drawRadar(mine);
      drawNet();
    },
  };
}
