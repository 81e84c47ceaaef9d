// SPDX-License-Identifier: MIT
// @ts-check
/*
 * market - the page: the list of what one watches, one company with its order book, and
 * a map of all.
 *
 * Read `sync` first: it tells the server what this page wants to see, and nothing else
 * is ever sent. What comes is drawn once a frame. The map is heat.js, lines are lines.js.
 */

import { join } from "../_parlor/client.js";
import { recall, remember } from "../_parlor/people.js";
import { pill } from "../_parlor/pill.js";
import { makeHeat } from "./heat.js";
import { drawLine, money, percent, pricesOf } from "./lines.js";

const LEVELS = 10; // as in listing.lua
const MOST = 60; // watched companies; the server allows 64 keys
const FLASH_MS = 350; // how long a price is lit, and no more often than
const FLASH_PAUSE_MS = 1500;

const byId = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const find = /** @type {HTMLInputElement} */ (byId("find"));
const chart = /** @type {HTMLCanvasElement} */ (byId("chart"));
const line = pill(byId("corner"));

/** @param {string} tag @param {string} [name] @param {string} [text] */
function make(tag, name = "", text = "") {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.textContent = text;
  return element;
}
/** @param {Element} element @param {string} text */
function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** @type {import("../_parlor/client.js").Room} */
let room;
/** Symbols in the order of the list. @type {string[]} */
let list = recall("market.list").split(" ").filter(Boolean);
let looked = ""; // the symbol of the middle

/** Asks, and says what stands against it. @param {string} name @param {any} data */
async function ask(name, data) {
  try {
    const why = await room.request(name, data);
    if (why) toast(why);
  } catch (error) {
    toast(/** @type {Error} */ (error).message);
  }
}

/** What the server should send: the list, what is looked at, and its book. */
function sync() {
  const { quotes, books } = room.state;
  const wanted = new Set(looked ? [...list, looked] : list);
  for (const symbol of quotes.keys())
    if (!wanted.has(symbol)) ask("watch", { symbol, on: false });
  for (const symbol of wanted)
    if (!quotes.has(symbol)) ask("watch", { symbol, on: true });
  if (!books.has(looked)) ask("look", { symbol: looked });
}

/** @param {string} symbol */
function look(symbol) {
  if (symbol === looked || !room.state.companies.has(symbol)) return;
  looked = symbol;
  history.replaceState(null, "", `#${symbol}`);
  heat.choose(symbol);
  sync();
  draw();
}

/** Takes a company onto the list, or off it. @param {string} symbol */
function star(symbol) {
  if (!list.includes(symbol) && list.length >= MOST)
    return toast(`${MOST} is as many as one can watch.`);
  list = list.includes(symbol) ? list.filter((s) => s !== symbol) : [...list, symbol];
  remember("market.list", list.join(" "));
  sync();
  draw();
}

/* The list. */

/** @type {Map<string, ReturnType<typeof makeQuote>>} */
const rows = new Map();

/** @param {string} symbol */
function makeQuote(symbol) {
  const item = make("li");
  const button = make("button", "quote");
  const company = room.state.companies.get(symbol);
  const who = make("span");
  who.append(make("b", "", symbol), make("small", "", company.name));
  const spark = /** @type {HTMLCanvasElement} */ (make("canvas", "spark"));
  spark.setAttribute("aria-hidden", "true");
  const figures = make("span", "figures");
  const [last, change] = [make("b"), make("small")];
  figures.append(last, change);
  button.append(who, spark, figures);
  button.addEventListener("click", () => look(symbol));
  item.append(button);
  let before = 0;
  let lit = 0;

  return {
    item,
    draw() {
      button.setAttribute("aria-pressed", String(symbol === looked));
      const quote = room.state.quotes.get(symbol);
      if (!quote) return;
      const share = quote.last / company.open - 1;
      put(last, money(quote.last));
      put(change, percent(share));
      change.className = share < 0 ? "down" : "up";
      drawLine(spark, [...pricesOf(quote.trail, company.open), quote.last], company.open, false);
      const now = performance.now();
      if (before && quote.last !== before && now - lit > FLASH_PAUSE_MS) {
        lit = now;
        last.className = quote.last > before ? "rose" : "fell";
        setTimeout(() => (last.className = ""), FLASH_MS);
      }
      before = quote.last;
    },
  };
}

function drawList() {
  const ul = byId("quotes");
  for (const [symbol, row] of rows)
    if (!list.includes(symbol)) {
      row.item.remove();
      rows.delete(symbol);
    }
  list.forEach((symbol, i) => {
    const row = rows.get(symbol) ?? makeQuote(symbol);
    rows.set(symbol, row);
    if (ul.children[i] !== row.item) ul.insertBefore(row.item, ul.children[i] ?? null);
    row.draw();
  });
  byId("none").hidden = list.length > 0;
}

byId("quotes").addEventListener("keydown", (event) => {
  const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
  const buttons = [...byId("quotes").querySelectorAll("button")];
  const next = buttons[buttons.indexOf(/** @type {any} */ (document.activeElement)) + step];
  if (!step || !next) return;
  event.preventDefault();
  next.focus();
});

/* One company. */

const levels = Array.from({ length: LEVELS }, () => {
  const row = make("tr");
  row.append(...Array.from({ length: 4 }, () => make("td")));
  byId("book").querySelector("tbody")?.append(row);
  return /** @type {HTMLElement[]} */ ([...row.children]);
});

function drawDetail() {
  const company = room.state.companies.get(looked);
  if (!company) return;
  const quote = room.state.quotes.get(looked);
  put(byId("name"), `${looked} · ${company.name}`);
  put(byId("sector"), company.sector);
  const isListed = list.includes(looked);
  byId("star").setAttribute("aria-pressed", String(isListed));
  put(byId("star"), isListed ? "Watched" : "Watch");
  const share = quote ? quote.last / company.open - 1 : 0;
  put(byId("last"), quote ? money(quote.last) : "–");
  put(byId("change"), quote ? percent(share) : "");
  byId("change").className = share < 0 ? "down" : "up";
  if (quote)
    drawLine(chart, [...pricesOf(quote.trail, company.open), quote.last], company.open, true);

  const book = room.state.books.get(looked);
  const step = quote ? quote.last - quote.bid : 0;
  const most = Math.max(1, ...(book?.bids ?? []), ...(book?.asks ?? []));
  levels.forEach(([bidSize, bid, ask, askSize], i) => {
    const has = book && quote;
    put(bid, has ? money(quote.bid - i * step) : "–");
    put(ask, has ? money(quote.ask + i * step) : "–");
    put(bidSize, has ? String(book.bids[i] ?? 0) : "–");
    put(askSize, has ? String(book.asks[i] ?? 0) : "–");
    bidSize.style.setProperty("--size", `${has ? ((book.bids[i] ?? 0) / most) * 100 : 0}%`);
    askSize.style.setProperty("--size", `${has ? ((book.asks[i] ?? 0) / most) * 100 : 0}%`);
  });
}
byId("star").addEventListener("click", () => star(looked));

/* All of them. */

const TIP = "Pick a company on the map.";
/** @type {string | null} */
let hovered = null;

const heat = makeHeat(/** @type {HTMLCanvasElement} */ (byId("heat")), {
  pick: (symbol) => look(symbol),
  hover(symbol) {
    hovered = symbol;
    drawTip();
  },
});
/** @type {Uint8Array} */
let painted = new Uint8Array(0);

function drawTip() {
  const company = hovered && room?.state.companies.get(hovered);
  const change = company ? (painted[company.n] ?? 128) - 128 : 0;
  put(byId("tip"), company ? `${hovered} · ${company.name} · ${percent(change / 1000)}` : TIP);
}

function drawHeat() {
  const bytes = room.state.heat;
  if (bytes.length === 0 || String(bytes) === String(painted)) return;
  painted = bytes.slice();
  heat.setHeat(painted);
  const up = painted.filter((b) => b > 128).length;
  const down = painted.filter((b) => b < 128).length;
  const sum = painted.reduce((all, b) => all + b - 128, 0);
  put(byId("mood"), `${up} up, ${down} down, ${percent(sum / painted.length / 1000)} on average`);
  drawTip();
}

/* Finding one. */

/** @type {string[]} */
let found = [];
let active = 0;

function showFound() {
  const text = find.value.trim().toLowerCase();
  found = [];
  if (text && room)
    for (const [symbol, { name }] of room.state.companies)
      if (symbol.toLowerCase().startsWith(text) || name.toLowerCase().includes(text))
        found.push(symbol);
  found.sort((a, b) => Number(b.toLowerCase() === text) - Number(a.toLowerCase() === text));
  found = found.slice(0, 8);
  active = Math.min(active, Math.max(0, found.length - 1));
  const items = found.map((symbol, i) => {
    const item = make("li");
    item.id = `found-${i}`;
    item.setAttribute("role", "option");
    item.setAttribute("aria-selected", String(i === active));
    item.append(make("b", "", symbol), make("span", "", room.state.companies.get(symbol).name));
    // Not click: the field would lose the focus first, and close the list.
    item.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      pick(symbol);
    });
    return item;
  });
  if (text && !found.length) items.push(make("li", "empty", "No such company."));
  byId("found").replaceChildren(...items);
  byId("found").hidden = text === "";
  find.setAttribute("aria-expanded", String(text !== ""));
  find.setAttribute("aria-activedescendant", found.length ? `found-${active}` : "");
}

/** @param {string} symbol */
function pick(symbol) {
  find.value = "";
  showFound();
  look(symbol);
}

find.addEventListener("input", () => {
  active = 0;
  showFound();
});
find.addEventListener("blur", () => (byId("found").hidden = true));
find.addEventListener("focus", showFound);
find.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown") active = Math.min(active + 1, found.length - 1);
  else if (event.key === "ArrowUp") active = Math.max(active - 1, 0);
  else if (event.key === "Escape") find.value = "";
  else return;
  event.preventDefault();
  showFound();
});
byId("search").addEventListener("submit", (event) => {
  event.preventDefault();
  if (found[active]) pick(found[active]);
});
window.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey) return;
  if (document.activeElement === find) return;
  event.preventDefault();
  find.focus();
});

/* Once a frame, where something has come. */

let isDue = false;
function draw() {
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => {
    isDue = false;
    drawList();
    drawDetail();
    drawHeat();
    const { present } = room.state;
    put(byId("present"), present === 1 ? "1 reader" : `${present.toLocaleString("en")} readers`);
  });
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let toastTimer;

/** @param {string} text */
function toast(text) {
  put(byId("toast"), text);
  byId("toast").classList.remove("gone");
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => byId("toast").classList.add("gone"), 3500);
}

/** @param {string} text */
function tell(text) {
  put(byId("notice"), text);
  byId("notice").hidden = text === "";
}

put(byId("tip"), TIP);
try {
  room = await join("/market", list.length ? { symbols: list.slice(0, MOST) } : {});
  line.watch(room);
  const { companies, quotes } = room.state;
  list = list.filter((symbol) => companies.has(symbol));
  if (!list.length) list = [...quotes.keys()];
  heat.setCompanies(companies);
  // Prices are drawn as they come; a page that nobody sees draws nothing.
  room.on("state", draw);
  room.on("status", (/** @type {string} */ status) => {
    tell(status === "away" ? "Connection lost. These are the last prices that came." : "");
    if (status === "live") sync(); // to a new seat, where the old one is lost
  });
  room.on("leave", (/** @type {any} */ { reason }) =>
    tell(`The market is closed: ${reason}. Load the page again.`),
  );
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  window.addEventListener("resize", draw);
  const asked = location.hash.slice(1).toUpperCase();
  look(companies.has(asked) ? asked : list[0]);
} catch (error) {
  line.show("closed");
  tell(`No market: ${/** @type {Error} */ (error).message}.`);
}
