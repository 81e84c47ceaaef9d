// SPDX-License-Identifier: MIT
// @ts-check
/*
 * hub - the page at /: one tile per game, with who is there right now.
 *
 * Asks GET /_parlor/games every two seconds, and only while somebody looks.
 * Tiles stay the same elements from one answer to the next, so focus and
 * scroll position survive. Texts of games go in as text, never as HTML.
 */

/**
 * @typedef {object} Game
 * @property {string} name
 * @property {string} title
 * @property {string} about
 * @property {boolean} raw
 * @property {number} players
 * @property {number} rooms
 * @property {number} max_players
 * @property {string | null} error
 */

const POLL_MS = 2000;
const PATIENCE_MS = 5000;

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

/** @param {string} name */
function makeTile(name) {
  const item = document.createElement("li");
  const link = /** @type {HTMLAnchorElement} */ (make("a", "tile panel"));
  const body = make("div", "body");
  const title = make("h2", "title");
  const about = make("p", "about");
  const counts = make("p", "counts");
  const error = make("p", "error notice");
  link.href = `/${name}/`;
  body.append(title, about, counts, error);
  link.append(motif(name), body);
  item.append(link);

  return {
    item,
    /** @param {Game} game */
    update(game) {
      setText(title, game.title || game.name);
      setText(about, game.about);
      setText(
        counts,
        game.players > 0
          ? `${count(game.players, "player", "players")} in ${count(game.rooms, "room", "rooms")}`
          : "nobody here yet",
      );
      setText(error, game.error ?? "");
      error.hidden = !game.error;
      link.toggleAttribute("data-busy", game.players > 0);
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
    const answer = await fetch("/_parlor/games", {
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

document.addEventListener("visibilitychange", poll);
poll();
