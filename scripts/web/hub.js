// SPDX-License-Identifier: MIT
// @ts-check
/*
 * hub - the page at / (below base_path, if there is one): one tile per game, with who is there right now.
 *
 * Asks GET /_parlor/games every two seconds, and only while somebody looks. The line in
 * a tile is how many play, as this page has seen it in the last three minutes.
 * Tiles stay the same elements from one answer to the next, so focus and
 * scroll position survive. Texts of games go in as text, never as HTML.
 */

import { invite } from "./invite.js";

/**
 * @typedef {object} Game
 * @property {string} name
 * @property {string} title
 * @property {string} about
 * @property {boolean} raw
 * @property {number} players
 * @property {number} spectators
 * @property {number} rooms
 * @property {number} max_players
 * @property {string | null} error
 */

const POLL_MS = 2000;
const PATIENCE_MS = 5000;
const SEEN = 90; // counts that a tile's line shows

const list = byId("games");
const sum = byId("sum");

/** @param {string} id */
function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/* Drawings for the games that come with Parlor: hue, hue of the contrast, and
 * what an SVG of 320 by 160 holds. The colours are those of .motif in hub.html. */
/** @type {Record<string, [number, number, string]>} */
const MOTIFS = {
  pond: [
    168,
    88,
    `<g fill="none" stroke="var(--two)" stroke-width="2.5" opacity=".8">
      <ellipse cx="214" cy="92" rx="30" ry="15"/><ellipse cx="214" cy="92" rx="56" ry="29"/>
      <ellipse cx="214" cy="92" rx="86" ry="45" opacity=".55"/></g>
    <path d="M96 104 L138 84 A50 30 0 1 1 112 76 Z" fill="var(--one)"/>
    <path d="M276 128 L296 118 A26 15 0 1 1 284 113 Z" fill="var(--two)"/>
    <path d="M22 34 L44 26 A26 15 0 1 1 32 20 Z" fill="var(--two)"/>
    <g fill="var(--three)"><ellipse cx="92" cy="80" rx="25" ry="19"/>
      <ellipse cx="68" cy="93" rx="14" ry="7"/><ellipse cx="116" cy="93" rx="14" ry="7"/>
      <circle cx="81" cy="62" r="9"/><circle cx="103" cy="62" r="9"/></g>
    <g fill="var(--back)"><circle cx="81" cy="61" r="5"/><circle cx="103" cy="61" r="5"/></g>
    <path d="M80 83 Q92 92 104 83" fill="none" stroke="var(--back)" stroke-width="3"
      stroke-linecap="round"/>`,
  ],
  chat: [
    28,
    78,
    `<path d="M56 34 h118 a16 16 0 0 1 16 16 v24 a16 16 0 0 1 -16 16 h-92 l-20 18 v-18 h-6
      a16 16 0 0 1 -16 -16 v-24 a16 16 0 0 1 16 -16z" fill="var(--two)"/>
    <path d="M158 72 h104 a16 16 0 0 1 16 16 v22 a16 16 0 0 1 -16 16 h-6 v18 l-20 -18 h-78
      a16 16 0 0 1 -16 -16 v-22 a16 16 0 0 1 16 -16z" fill="var(--one)" stroke="var(--back)"
      stroke-width="5"/>
    <g fill="var(--back)"><circle cx="184" cy="99" r="7"/><circle cx="210" cy="99" r="7"/>
      <circle cx="236" cy="99" r="7"/></g>
    <path d="M62 54 h76 M62 70 h48" stroke="var(--back)" stroke-width="6" stroke-linecap="round"/>`,
  ],
  cards: [
    2,
    160,
    `<g stroke="var(--back)" stroke-width="4"><rect x="76" y="34" width="72" height="102" rx="9"
      fill="var(--two)" transform="rotate(-16 112 85)"/><rect x="124" y="26" width="72" height="102"
      rx="9" fill="var(--one)"/><rect x="172" y="34" width="72" height="102" rx="9"
      fill="var(--three)" transform="rotate(16 208 85)"/></g>
    <path d="M160 104c-20-16-26-26-26-36a13.5 13.5 0 0 1 26-4 13.5 13.5 0 0 1 26 4c0 10-6 20-26 36z"
      fill="var(--back)"/>`,
  ],
  board: [
    150,
    262,
    `<path d="M28 112c26-70 50-70 58-22s26 34 44-18 40-44 52-6" fill="none" stroke="var(--one)"
      stroke-width="9" stroke-linecap="round"/>
    <path d="M36 138h92" stroke="var(--two)" stroke-width="6" stroke-linecap="round"/>
    <path d="M206 36h78v56l-22 22h-56z" fill="var(--three)"/>
    <path d="M284 92h-22v22z" fill="var(--back)" opacity=".35"/>
    <path d="M220 58h48M220 74h34" stroke="var(--back)" stroke-width="5" stroke-linecap="round"/>
    <path d="M176 92l13 36 6-15 15-6z" fill="var(--two)" stroke="var(--back)" stroke-width="3"/>`,
  ],
  arena: [
    268,
    330,
    `<g fill="none" stroke="var(--two)" stroke-width="1.5" opacity=".5">
      <path d="M0 40H320M0 80H320M0 120H320M40 0V160M80 0V160M120 0V160M160 0V160M200 0V160M240 0V160M280 0V160"/></g>
    <path d="M64 128l44-62 16 60-26-9z" fill="var(--one)" stroke="var(--back)" stroke-width="4"/>
    <path d="M262 30l-46 22 34 26 2-20z" fill="var(--three)" stroke="var(--back)" stroke-width="4"/>
    <path d="M128 62l18-10M156 46l18-10M184 31l14-8" stroke="var(--one)" stroke-width="5" stroke-linecap="round"/>
    <g fill="var(--three)"><circle cx="212" cy="120" r="4"/><circle cx="228" cy="132" r="3"/>
      <circle cx="200" cy="138" r="3"/><circle cx="220" cy="108" r="2.5"/></g>`,
  ],
  doc: [
    205,
    24,
    `<path d="M84 18h120l34 34v108H84z" fill="var(--three)"/>
    <path d="M204 18v34h34z" fill="var(--two)"/>
    <path d="M104 48h72M104 72h112M104 96h60M104 120h96M104 144h50" stroke="var(--back)" stroke-width="7"
      stroke-linecap="round"/>
    <path d="M176 84v26" stroke="var(--one)" stroke-width="4"/><path d="M174 78h34a5 5 0 0 1 0 12h-34z" fill="var(--one)"/>
    <path d="M214 108v26" stroke="var(--two)" stroke-width="4"/>`,
  ],
  market: [
    130,
    12,
    `<path d="M0 128H320M0 88H320M0 48H320" stroke="var(--two)" stroke-width="1.5" opacity=".5"/>
    <g fill="var(--one)"><path d="M50 84h22v40H50zM59 66h4v72h-4z"/><path d="M130 56h22v44h-22zM139 44h4v76h-4z"/>
      <path d="M210 40h22v36h-22zM219 26h4v66h-4z"/><path d="M250 26h22v30h-22zM259 14h4v56h-4z"/></g>
    <g fill="var(--three)"><path d="M90 70h22v38H90zM99 58h4v62h-4z"/><path d="M170 52h22v34h-22zM179 38h4v60h-4z"/></g>`,
  ],
  scores: [
    232,
    48,
    `<circle cx="160" cy="80" r="34" fill="none" stroke="var(--two)" stroke-width="3"/>
    <path d="M160 0V160M0 30H34V130H0M320 30H286V130H320" fill="none" stroke="var(--two)" stroke-width="3"/>
    <g stroke="var(--back)" stroke-width="4"><rect x="64" y="44" width="80" height="72" rx="12" fill="var(--one)"/>
      <rect x="176" y="44" width="80" height="72" rx="12" fill="var(--three)"/></g>
    <path d="M92 66h24v14H92v16h24M206 66h24v30h-24z" fill="none" stroke="var(--back)" stroke-width="7"
      stroke-linejoin="round"/>
    <g fill="var(--one)"><circle cx="160" cy="70" r="5"/><circle cx="160" cy="90" r="5"/></g>`,
  ],
  echo: [
    215,
    38,
    `<g fill="none" stroke-width="7" stroke-linecap="round">
      <path d="M150 58 a31 31 0 0 1 0 44" stroke="var(--one)"/>
      <path d="M174 40 a57 57 0 0 1 0 80" stroke="var(--one)" opacity=".75"/>
      <path d="M198 23 a81 81 0 0 1 0 114" stroke="var(--two)"/>
      <path d="M222 6 a105 105 0 0 1 0 148" stroke="var(--two)" opacity=".6"/></g>
    <circle cx="112" cy="80" r="20" fill="var(--three)"/>`,
  ],
};

/**
 * Any other game gets a wallpaper of quarter circles: the same name, the same
 * wallpaper.
 * @param {string} name
 * @returns {[number, number, string]}
 */
function wallpaper(name) {
  let seed = 2166136261;
  for (const c of name) seed = Math.imul(seed ^ (c.codePointAt(0) ?? 0), 16777619);
  /** @param {number} n */
  const next = (n) => {
    seed = Math.imul(seed ^ (seed >>> 15), 2246822519) + 0x9e3779b9;
    return (seed >>> 8) % n;
  };
  const hue = next(360);
  let svg = "";
  for (let y = 0; y < 160; y += 40)
    for (let x = 0; x < 320; x += 40) {
      const fill = ["var(--one)", "var(--two)", "var(--three)", "none"][next(4)];
      const turn = next(4) * 90;
      const shape = [
        "M0 0 H40 A40 40 0 0 1 0 40 Z",
        "M20 0 A20 20 0 0 1 20 40 A20 20 0 0 1 20 0 Z",
      ];
      const d = shape[next(4) === 0 ? 1 : 0];
      svg += `<path d="${d}" fill="${fill}" transform="translate(${x} ${y}) rotate(${turn} 20 20)"/>`;
    }
  return [hue, hue + 50, svg];
}

/** @param {string} name */
function motif(name) {
  const [hue, contrast, drawing] = Object.hasOwn(MOTIFS, name) ? MOTIFS[name] : wallpaper(name);
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "motif");
  svg.setAttribute("viewBox", "0 0 320 160");
  svg.setAttribute("preserveAspectRatio", "xMidYMid slice");
  svg.setAttribute("aria-hidden", "true");
  svg.style.setProperty("--hue", String(hue));
  svg.style.setProperty("--contrast", String(contrast));
  svg.innerHTML = drawing;
  return svg;
}

/** @param {number} n @param {string} one @param {string} many */
function count(n, one, many) {
  return `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
}

/** @param {HTMLElement} element @param {string} text */
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** @param {string} tag @param {string} className */
function make(tag, className) {
  const element = document.createElement(tag);
  element.className = className;
  return element;
}

/** A line of counts, oldest first, on a ground from 0 to the highest of them.
 * @param {number[]} counts */
function lineOf(counts) {
  const top = Math.max(4, ...counts);
  const y = (/** @type {number} */ n) => (22 - (n / top) * 20).toFixed(1);
  const from = SEEN - counts.length;
  return counts.map((n, i) => `${i ? "L" : "M"}${from + i} ${y(n)}`).join("");
}

function makeLine() {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "seen");
  svg.setAttribute("viewBox", `0 0 ${SEEN - 1} 24`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.append(path);
  return { svg, path };
}

/** @param {Game} game */
function countsOf({ players, spectators, rooms }) {
  if (players + spectators === 0) return "nobody here yet";
  const watching = spectators > 0 ? `, ${spectators.toLocaleString("en")} watching` : "";
  return `${count(players, "player", "players")}${watching} in ${count(rooms, "room", "rooms")}`;
}

/** @param {string} name */
function makeTile(name) {
  const item = make("li", "game");
  const link = /** @type {HTMLAnchorElement} */ (make("a", "tile panel"));
  const body = make("div", "body");
  const title = make("h2", "title");
  const about = make("p", "about");
  const counts = make("p", "counts");
  const text = make("span", "");
  const error = make("p", "error notice");
  const line = makeLine();
  const others = /** @type {HTMLButtonElement} */ (make("button", "button quiet small others"));
  /** @type {number[]} */
  const seen = [];
  link.href = `./${name}/`;
  counts.append(text, line.svg);
  body.append(title, about, counts, error);
  link.append(motif(name), body);
  item.append(link, others);
  others.type = "button";
  others.textContent = "Invite";
  others.addEventListener("click", () =>
    invite({
      title: title.textContent ?? name,
      text: "Whoever opens this link plays with you.",
      path: `./${name}/`,
    }),
  );

  return {
    item,
    /** @param {Game} game */
    update(game) {
      const isBusy = game.players + game.spectators > 0;
      setText(title, game.title || game.name);
      setText(about, game.about);
      setText(text, countsOf(game));
      setText(error, game.error ?? "");
      error.hidden = !game.error;
      link.toggleAttribute("data-busy", isBusy);
      others.setAttribute("aria-label", `Invite others to ${title.textContent}`);
      seen.push(game.players);
      if (seen.length > SEEN) seen.shift();
      line.path.setAttribute("d", lineOf(seen));
      line.svg.toggleAttribute("data-flat", !seen.some((n) => n > 0));
    },
  };
}

/** @type {Map<string, ReturnType<typeof makeTile>>} */
const tiles = new Map();

/** @param {{dev: boolean, games: Game[]}} answer */
function show({ dev, games }) {
  const names = new Set(games.map((game) => game.name));
  for (const [name, tile] of tiles)
    if (!names.has(name)) {
      tile.item.remove();
      tiles.delete(name);
    }

  /** @type {Element | null} */
  let before = list.firstElementChild;
  let players = 0;
  for (const game of games) {
    let tile = tiles.get(game.name);
    if (!tile) tiles.set(game.name, (tile = makeTile(game.name)));
    tile.update(game);
    if (tile.item === before) before = before.nextElementSibling;
    else list.insertBefore(tile.item, before);
    players += game.players;
  }

  const here = players > 0 ? count(players, "player", "players") : "nobody here yet";
  setText(sum, `${count(games.length, "game", "games")} · ${here}`);
  byId("none").hidden = games.length > 0;
  byId("dev").hidden = !dev;
  document.body.classList.remove("stale");
}

function showTrouble() {
  setText(sum, "The server does not answer; trying again…");
  document.body.classList.add("stale");
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
let asking = false;

async function poll() {
  clearTimeout(timer);
  if (asking || document.hidden) return;
  asking = true;
  try {
    const answer = await fetch(new URL("./games", import.meta.url), {
      cache: "no-store",
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    show(await answer.json());
  } catch {
    showTrouble();
  }
  asking = false;
  timer = setTimeout(poll, POLL_MS);
}

byId("invite").addEventListener("click", () =>
  invite({ title: "Parlor", text: "All games of this server, for whoever opens this link.", path: "./" }),
);
document.addEventListener("visibilitychange", poll);
poll();
