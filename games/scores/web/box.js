// SPDX-License-Identifier: MIT
// @ts-check
/*
 * box - the scores on somebody else's page. It lives in a shadow root: the page's
 * styles do not reach in, nor do these reach out. It reads, and asks for nothing:
 * no cookie, no storage, no name.
 */

import { join } from "../_parlor/client.js";
import { aloud, clockOf, inOrder, isLive, lineOf, put, sign, timelines } from "./board.js";

const LAST = 4; // moments of the one match that is shown

const STYLE = `
  :host { display: block; max-width: 480px; }
  .box {
    /* Rules of the page for "*" reach the host, and would be inherited from it. */
    all: initial; display: block; color-scheme: light dark;
    --ground: #fffdf8; --ink: #1f2a27; --dim: #5a6560; --line: #dbd3c2;
    --accent: #0f6657; --accent-soft: #d8eae3; --live: #b3261e;
    box-sizing: border-box; min-height: 258px; padding: 12px 16px 8px;
    color: var(--ink); background: var(--ground);
    border: 1px solid var(--line); border-radius: 12px;
    font: 15px/1.4 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
    font-variant-numeric: tabular-nums; text-align: left;
  }
  @media (prefers-color-scheme: dark) {
    .box:not(.light) {
      --ground: #1b2320; --ink: #e8ede8; --dim: #a0ada6; --line: #313d38;
      --accent: #72d2bb; --accent-soft: #1f3d35; --live: #ff9b8e;
    }
  }
  .box.dark {
    --ground: #1b2320; --ink: #e8ede8; --dim: #a0ada6; --line: #313d38;
    --accent: #72d2bb; --accent-soft: #1f3d35; --live: #ff9b8e;
  }
  .box.one { min-height: 0; }
  header { display: flex; align-items: baseline; gap: 8px; margin-bottom: 4px; }
  header a { flex: 1; color: inherit; font-weight: 650; text-decoration: none; }
  header a:hover { color: var(--accent); }
  a:focus-visible { outline: 3px solid #0b57d0; outline-offset: 2px; border-radius: 4px; }
  header span, .clock, .moments { color: var(--dim); font-size: 13px; }
  ul, ol { margin: 0; padding: 0; list-style: none; }
  .match {
    display: grid; grid-template-columns: 4.3em minmax(0, 1fr) 3.2em minmax(0, 1fr);
    gap: 8px; align-items: baseline; margin: 0 -8px; padding: 6px 8px;
    border-top: 1px solid var(--line); transition: background 1s;
  }
  .match.goal { background: var(--accent-soft); transition: none; }
  .match b { overflow: hidden; font-weight: 500; text-overflow: ellipsis; white-space: nowrap; }
  .match b:first-of-type { text-align: right; }
  .score { font-weight: 700; text-align: center; white-space: nowrap; }
  .live .clock { color: var(--live); font-weight: 600; }
  .moments { min-height: ${LAST * 1.7}em; padding: 4px 0 6px; }
  .moments li { display: flex; gap: 8px; align-items: center; min-height: 1.7em; }
  .moments svg { flex: none; width: 14px; height: 14px; }
  .empty { margin: 12px 0; color: var(--dim); }
  @media (prefers-reduced-motion: reduce) { .match { transition: none; } }
`;

/** Rooms by their address: several boxes on a page share a connection.
 * @type {Map<string, {room: Promise<import("../_parlor/client.js").Room>, boxes: number}>} */
const shared = new Map();

/** @param {URL} at */
function enter({ href, pathname, origin }) {
  let one = shared.get(href);
  if (!one) {
    // No seat is kept in the host page's storage: a reader has nothing to lose.
    one = { room: join(pathname, {}, { base: origin, resume: false }), boxes: 0 };
    shared.set(href, one);
    one.room.catch(() => shared.delete(href));
  }
  one.boxes++;
  return one.room;
}

/** @param {URL} at @param {import("../_parlor/client.js").Room} room */
function exit({ href }, room) {
  const one = shared.get(href);
  if (!one || --one.boxes > 0) return;
  shared.delete(href);
  room.leave();
}

/** @param {string} tag @param {string} [name] @param {string} [text] */
function make(tag, name = "", text = "") {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.textContent = text;
  return element;
}

function makeRow() {
  const row = make("li", "match");
  const [clock, home, score, away] = ["span", "b", "span", "b"].map((tag) => make(tag));
  clock.className = "clock";
  score.className = "score";
  row.append(clock, home, score, away);
  let goals = -1;

  return {
    row,
    /** @param {import("./board.js").Match} match */
    draw(match) {
      put(clock, clockOf(match));
      put(home, match.home);
      put(score, `${match.home_goals} – ${match.away_goals}`);
      put(away, match.away);
      row.classList.toggle("live", isLive(match));
      row.setAttribute("aria-label", aloud(match));
      const sum = match.home_goals + match.away_goals;
      if (goals >= 0 && sum > goals) {
        row.classList.add("goal");
        setTimeout(() => row.classList.remove("goal"), 4000);
      }
      goals = sum;
    },
  };
}

/**
 * Fills the element with scores and keeps them fresh.
 * @param {HTMLElement} host
 * @param {{at: URL, match?: string, theme?: string}} options `at`: the room's address;
 *   `match`: one match instead of all
 */
export async function show(host, { at, match: only, theme }) {
  const root = host.attachShadow({ mode: "open" });
  // A sheet that is made here is no inline style to a Content-Security-Policy.
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(STYLE);
  root.adoptedStyleSheets = [sheet];

  const box = make("section", `box ${theme === "light" || theme === "dark" ? theme : ""}`);
  box.classList.toggle("one", !!only);
  box.setAttribute("aria-label", "Live scores");
  const title = /** @type {HTMLAnchorElement} */ (make("a", "", "Live scores"));
  title.href = at.href;
  const status = make("span", "", "connecting…");
  status.setAttribute("role", "status");
  const head = make("header");
  head.append(title, status);
  const list = make("ul");
  const last = make("ol", "moments");
  last.hidden = !only;
  const empty = make("p", "empty");
  box.append(head, list, empty, last);
  root.append(box);
  host.style.minHeight = "";

  /** @type {import("../_parlor/client.js").Room} */
  let room;
  try {
    room = await enter(at);
  } catch (error) {
    put(status, "away");
    put(empty, `No scores just now: ${/** @type {Error} */ (error).message}.`);
    return;
  }
  const { state } = room;
  /** @type {Map<string, ReturnType<typeof makeRow>>} */
  const rows = new Map();
  let shown = "";
  let wasThere = false;

  function draw() {
    // Taken off the page: nobody reads here any more.
    if (wasThere && !host.isConnected) {
      for (const off of offs) off();
      return exit(at, room);
    }
    wasThere = host.isConnected;
    const all = inOrder(state.matches).filter(([id]) => !only || id === only);
    for (const [id, row] of rows)
      if (!all.some(([other]) => other === id)) {
        row.row.remove();
        rows.delete(id);
      }
    all.forEach(([id, match], i) => {
      const row = rows.get(id) ?? makeRow();
      rows.set(id, row);
      if (list.children[i] !== row.row) list.insertBefore(row.row, list.children[i] ?? null);
      row.draw(match);
    });
    put(empty, all.length ? "" : only ? "This match is not on." : "No match is on.");
    empty.hidden = all.length > 0;
    if (!only) return;
    const moments = (timelines(state.moments.values()).get(only) ?? []).slice(-LAST).reverse();
    const lines = moments.map(lineOf);
    if (String(lines) === shown) return;
    shown = String(lines);
    last.replaceChildren(
      ...moments.map((moment, i) => {
        const item = make("li");
        item.append(sign(moment.kind), make("span", "", lines[i]));
        return item;
      }),
    );
  }

  const words = { connecting: "connecting…", live: "", away: "reconnecting…", closed: "ended" };
  const tell = () => put(status, words[room.status]);
  const offs = [room.on("state", draw), room.on("status", tell)];
  tell();
  draw();
}
