// SPDX-License-Identifier: MIT
// @ts-check
/*
 * scores - the page: all matches, and the timeline of one of them.
 *
 * It only reads: whatever the state is, `draw` brings the page up to it. Signs and
 * words are in board.js, which the box on other sites (embed.js, box.js) shares.
 */

import { join } from "../_parlor/client.js";
import { pill } from "../_parlor/pill.js";
import { aloud, clockOf, hueOf, inOrder, isLive, lineOf } from "./board.js";
import { put, sign, timelines, wordOf } from "./board.js";

/** @typedef {import("./board.js").Match} Match */
/** @typedef {import("./board.js").Moment} Moment */

const GOAL_MS = 4500; // a card is lit after a goal

const byId = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const named = /\/([\w-]{1,64})$/.exec(location.pathname)?.[1];
const roomName = named ?? "today";
const line = pill(byId("corner"));
const narrow = matchMedia("(max-width: 900px)");

/** @param {string} tag @param {string} [name] @param {string} [text] */
function make(tag, name = "", text = "") {
  const element = document.createElement(tag);
  element.className = name;
  element.textContent = text;
  return element;
}

/** The match whose timeline is shown; on phones there may be none. */
let chosen = decodeURIComponent(location.hash.slice(1));
/** @type {import("../_parlor/client.js").Room} */
let room;

/** @param {string} id */
function choose(id) {
  chosen = narrow.matches && chosen === id ? "" : id;
  history.replaceState(null, "", chosen ? `#${encodeURIComponent(chosen)}` : location.pathname);
  drawn = "";
  draw();
}

/* One match of the list. */

/** @param {string} id */
function makeCard(id) {
  const item = make("li");
  const card = make("button", "match panel");
  const top = make("span", "top");
  const [clock, from] = [make("span", "clock"), make("span", "tag")];
  top.append(clock, from);
  const teams = ["home", "away"].map(() => {
    const team = make("span", "team");
    const parts = [make("span", "crest"), make("b"), make("span", "goals")];
    team.append(...parts);
    return { team, parts };
  });
  const course = make("span", "course");
  course.style.display = "block";
  const latest = make("span", "latest");
  card.append(top, ...teams.map(({ team }) => team), course, latest);
  card.addEventListener("click", () => choose(id));
  item.append(card);
  let goals = -1;
  let last = "";
  let lit = 0;

  return {
    item,
    /** @param {Match} match @param {Moment[]} moments */
    draw(match, moments) {
      const score = [match.home_goals, match.away_goals];
      if (goals >= 0 && score[0] + score[1] > goals) {
        lit = performance.now() + GOAL_MS;
        put(byId("aloud"), `Goal! ${aloud(match)}`);
        setTimeout(draw, GOAL_MS + 50);
      }
      goals = score[0] + score[1];
      const isLit = performance.now() < lit;
      put(clock, clockOf(match));
      put(from, isLit ? "Goal!" : match.fed ? "feed" : "simulated");
      [match.home, match.away].forEach((name, i) => {
        const { team, parts } = teams[i];
        put(parts[0], [...name][0] ?? "?");
        parts[0].style.setProperty("--hue", String(hueOf(name)));
        put(parts[1], name);
        put(parts[2], String(score[i]));
        team.classList.toggle("behind", score[i] < score[1 - i]);
      });
      card.classList.toggle("live", isLive(match));
      card.classList.toggle("goal", isLit);
      card.setAttribute("aria-pressed", String(chosen === id));
      card.setAttribute("aria-label", `${aloud(match)}. Timeline`);

      // What is drawn of the moments only changes when there is another one.
      const newest = moments.at(-1);
      const now = `${match.minute} ${moments.length} ${newest && lineOf(newest)}`;
      if (now === last) return;
      last = now;
      const at = (/** @type {number} */ minute) => `${Math.min((minute / 90) * 100, 100)}%`;
      const bar = make("i");
      bar.style.width = at(match.minute);
      course.replaceChildren(bar);
      for (const { kind, side, minute } of moments) {
        if (kind !== "goal") continue;
        const dot = make("u", `at-${side}`);
        dot.style.left = at(minute);
        course.append(dot);
      }
      latest.replaceChildren();
      if (newest) latest.append(sign(newest.kind), make("span", "", lineOf(newest)));
    },
  };
}

/** @type {Map<string, ReturnType<typeof makeCard>>} */
const cards = new Map();
let drawn = ""; // of the timeline

function draw() {
  if (!room) return;
  const { matches, moments, readers } = room.state;
  const all = inOrder(matches);
  const lines = timelines(moments.values());
  if (!matches.has(chosen)) chosen = narrow.matches ? "" : (all[0]?.[0] ?? "");

  const list = byId("matches");
  for (const [id, card] of cards)
    if (!matches.has(id)) {
      if (card.item.contains(byId("detail"))) byId("side").append(byId("detail"));
      card.item.remove();
      cards.delete(id);
    }
  all.forEach(([id, match], i) => {
    const card = cards.get(id) ?? makeCard(id);
    cards.set(id, card);
    if (list.children[i] !== card.item) list.insertBefore(card.item, list.children[i] ?? null);
    card.draw(match, lines.get(id) ?? []);
  });
  put(byId("readers"), readers === 1 ? "1 reader" : `${readers.toLocaleString("en")} readers`);
  drawDetail(matches.get(chosen), lines.get(chosen) ?? []);
}

/** @param {Match | undefined} match @param {Moment[]} moments */
function drawDetail(match, moments) {
  const detail = byId("detail");
  const place = narrow.matches && chosen ? cards.get(chosen)?.item : byId("side");
  if (place && detail.parentElement !== place) place.append(detail);
  detail.hidden = !match;
  if (!match) return;
  put(byId("detail-clock"), clockOf(match));
  put(byId("detail-home"), match.home);
  put(byId("detail-away"), match.away);
  put(byId("detail-score"), `${match.home_goals} – ${match.away_goals}`);
  detail.classList.toggle("live", isLive(match));

  const now = `${chosen} ${moments.map((m) => `${m.n} ${m.kind} ${m.who} ${m.minute}`)}`;
  if (now === drawn) return;
  drawn = now;
  byId("timeline").replaceChildren(...moments.map(makeMoment).reverse());
}

/** @param {Moment} moment */
function makeMoment(moment) {
  const { kind, side, minute, who } = moment;
  const item = make("li", `at-${side} ${kind}`);
  const what = make("span", "what");
  const words = make("span");
  if (side === "none") {
    words.textContent = [wordOf(moment), who].filter(Boolean).join(" – ");
    if (kind === "half" || kind === "over")
      words.textContent += ` ${moment.home_goals} – ${moment.away_goals}`;
    what.append(words);
    item.append(what);
    return item;
  }
  words.append(make("span", "unseen", `${wordOf(moment)}: `), who || wordOf(moment));
  what.append(sign(kind), words);
  if (kind === "goal")
    what.append(make("b", "", `${moment.home_goals} – ${moment.away_goals}`));
  const at = make("span", "minute");
  at.append(make("span", "", `${minute}′`));
  if (side === "home") item.append(what, at);
  else item.append(make("span"), at, what);
  return item;
}

/* A box like this on other sites. */

function showEmbed() {
  const dialog = /** @type {HTMLDialogElement} */ (byId("embed"));
  const source = new URL("./embed.js", location.href).href;
  const more = roomName === "today" ? "" : ` data-room="${roomName}"`;
  const only = chosen ? ` data-match="${chosen}"` : "";
  const snippet = /** @type {HTMLTextAreaElement} */ (byId("snippet"));
  snippet.value = `<script src="${source}"${more}${only} async></script>`;
  const tag = document.createElement("script");
  tag.src = source;
  Object.assign(tag.dataset, { room: roomName, ...(chosen && { match: chosen }) });
  byId("sample").replaceChildren(tag);
  dialog.showModal();
}

byId("share").addEventListener("click", showEmbed);
byId("embed-done").addEventListener("click", () =>
  /** @type {HTMLDialogElement} */ (byId("embed")).close(),
);
byId("embed").addEventListener("close", () => byId("sample").replaceChildren());
byId("copy").addEventListener("click", async () => {
  const snippet = /** @type {HTMLTextAreaElement} */ (byId("snippet"));
  snippet.select();
  try {
    await navigator.clipboard.writeText(snippet.value);
    put(byId("copy"), "Copied");
    setTimeout(() => put(byId("copy"), "Copy the tag"), 2000);
  } catch {
    // Only https and localhost have a clipboard: it is selected, ready for the keyboard.
  }
});
narrow.addEventListener("change", draw);

/** @param {string} text */
function tell(text) {
  put(byId("notice"), text);
  byId("notice").hidden = text === "";
}

try {
  room = await join(`/scores/${roomName}`);
  line.watch(room);
  room.on("state", draw);
  room.on("status", (/** @type {string} */ status) => {
    if (status === "live") tell("");
    if (status === "away") tell("Connection lost. These are the scores as they were.");
  });
  room.on("leave", (/** @type {any} */ { reason }) =>
    tell(`No more scores: ${reason}. Load the page again.`),
  );
  draw();
} catch (error) {
  line.show("closed");
  tell(`No scores: ${/** @type {Error} */ (error).message}.`);
}
