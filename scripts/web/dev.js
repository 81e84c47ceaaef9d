// SPDX-License-Identifier: MIT
// @ts-check
/*
 * dev - what `parlor dev` tells the author, on the page itself: the last script
 * error with its place, its source and a hint, a word when a reload has worked or
 * was taken back, and a state that is not the server's (hash.js). Loaded by rare.js
 * when the first such record arrives, so never in production.
 *
 * Everything sits in a shadow root and takes no room from the page; keys are
 * the page's own, but for Escape while the panel is open.
 */
import { check } from "./hash.js";
import { base } from "./place.js";

/**
 * @typedef {{ kind: "error", game: string, room?: string, where?: string, file?: string,
 *   line?: number, message: string, hint?: string, traceback?: string,
 *   excerpt?: [number, string][] }} ScriptError
 */

const TOAST_MS = 3500;

const STYLE = `
:host { all: initial; }
* { box-sizing: border-box; }
.box {
  --ground: #fffdf8; --sunk: #f3eee2; --ink: #1f2a27; --dim: #5a6560; --line: #ddd5c4;
  --bad: #b3261e; --bad-soft: #fbe6e2; --good: #1a7a4c; --focus: #0b57d0;
  --shadow: 0 2px 6px rgb(60 48 20 / 14%), 0 18px 50px rgb(60 48 20 / 24%);
  position: fixed; inset: auto 0 0 0; z-index: 2147483647; pointer-events: none;
  display: flex; flex-direction: column; align-items: center; gap: 10px; padding: 16px;
  font: 14px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  color: var(--ink); text-align: left;
}
@media (prefers-color-scheme: dark) {
  .box {
    --ground: #1b2320; --sunk: #141b18; --ink: #e8ede8; --dim: #a0ada6; --line: #35423c;
    --bad: #ff9b8e; --bad-soft: #46231f; --good: #6fd699; --focus: #8ab8ff;
    --shadow: 0 2px 6px rgb(0 0 0 / 40%), 0 18px 50px rgb(0 0 0 / 55%);
  }
}
.panel, .toast, .pill {
  pointer-events: auto; background: var(--ground); border: 1px solid var(--line);
  box-shadow: var(--shadow);
}
.panel {
  width: min(760px, 100%); max-height: min(62vh, 560px); border-radius: 14px;
  border-top: 3px solid var(--bad); display: flex; flex-direction: column; overflow: hidden;
}
.head { display: flex; align-items: flex-start; gap: 12px; padding: 14px 16px 0 18px; }
.head > div { flex: 1; min-width: 0; }
.where { color: var(--dim); font-size: 12.5px; }
.place { font: 600 19px/1.3 var(--mono); overflow-wrap: anywhere; }
.message { margin: 8px 18px 0; color: var(--bad); font-size: 15px; font-weight: 550; overflow-wrap: anywhere; white-space: pre-wrap; }
.hint { margin: 4px 18px 0; color: var(--ink); overflow-wrap: anywhere; }
.hint::before { content: "→ "; color: var(--dim); }
.scroll { overflow: auto; padding: 12px 18px 16px; }
.box, pre { --mono: ui-monospace, "SF Mono", "Cascadia Code", "DejaVu Sans Mono", monospace; }
pre { margin: 0; font: 13px/1.55 var(--mono); tab-size: 4; }
.source { background: var(--sunk); border-radius: 9px; padding: 8px 0; overflow-x: auto; }
.row { display: flex; min-width: max-content; padding-right: 14px; }
.row span { flex: none; width: 4.5em; padding-right: 1.2em; text-align: right; color: var(--dim); user-select: none; }
.row.here { background: var(--bad-soft); box-shadow: inset 3px 0 0 var(--bad); }
.row.here span { color: var(--bad); font-weight: 600; }
.trace { margin-top: 12px; color: var(--dim); white-space: pre-wrap; overflow-wrap: anywhere; }
button { font: inherit; color: inherit; cursor: pointer; }
button:focus-visible { outline: 2px solid var(--focus); outline-offset: 2px; }
.close { border: 0; background: none; color: var(--dim); font-size: 20px; line-height: 1; width: 32px; height: 32px; border-radius: 8px; }
.close:hover { background: var(--sunk); color: var(--ink); }
.pill { border-radius: 999px; padding: 5px 14px; align-self: flex-end; color: var(--bad); font-weight: 600; font-size: 13px; }
.toast { border-radius: 999px; padding: 7px 16px; font-weight: 550; animation: up 0.18s ease-out; }
.toast::before { content: ""; display: inline-block; width: 8px; height: 8px; margin-right: 9px; border-radius: 50%; background: var(--good); }
.toast.bad::before { background: var(--bad); }
@keyframes up { from { opacity: 0; transform: translateY(6px); } }
@media (prefers-reduced-motion: reduce) { .toast { animation: none; } }
[hidden] { display: none !important; }
`;

/** @param {string} tag @param {string} className @param {any[]} inside text or elements */
function el(tag, className, ...inside) {
  const e = document.createElement(tag);
  e.className = className;
  e.append(...inside);
  return e;
}

/** The errors that are not fixed yet, by place; the last one is shown. @type {Map<string, { error: ScriptError, times: number }>} */
const errors = new Map();
let isHidden = false; // by the author; the pill stays

const panel = el("section", "panel");
panel.setAttribute("role", "alert");
const pill = /** @type {HTMLButtonElement} */ (el("button", "pill"));
const toast = el("div", "toast");
toast.setAttribute("role", "status");
/** @type {any} */
let toastTimer;

pill.addEventListener("click", () => {
  isHidden = false;
  draw();
});
addEventListener(
  "keydown",
  (e) => {
    if (e.key !== "Escape" || panel.hidden) return;
    e.stopPropagation();
    hide();
  },
  true,
);

function hide() {
  isHidden = true;
  draw();
}

/** Where the page has its body; made once. */
function mount() {
  if (panel.isConnected) return;
  const host = document.createElement("parlor-dev");
  const root = host.attachShadow({ mode: "open" });
  const style = el("style", "", STYLE);
  root.append(style, el("div", "box", toast, panel, pill));
  toast.hidden = true;
  (document.body ?? document.documentElement).append(host);
}

/** Games whose newest code was taken back: what the panel says of it. @type {Map<string, string>} */
const takenBack = new Map();

/** @param {ScriptError} e @param {number} times */
function fill({ game, room, where, file, line, message, hint, traceback, excerpt }, times) {
  const close = el("button", "close", "×");
  close.setAttribute("aria-label", "Hide this error (Escape)");
  close.title = "Hide (Esc)";
  close.addEventListener("click", hide);

  const about = [where ?? game, room, times > 1 ? `${times} times` : ""];
  if (takenBack.has(game)) about.push(/** @type {string} */ (takenBack.get(game)));
  if (errors.size > 1) about.push(`${errors.size} errors, this is the last`);
  const head = el("div", "head");
  head.append(
    el(
      "div",
      "",
      el("div", "where", about.filter(Boolean).join(" · ")),
      el("div", "place", file ? `${file}:${line ?? "?"}` : game),
    ),
    close,
  );

  const scroll = el("div", "scroll");
  scroll.tabIndex = 0;
  if (excerpt?.length) {
    const source = el("pre", "source");
    for (const [n, text] of excerpt)
      source.append(
        el("div", n === line ? "row here" : "row", el("span", "", String(n)), text || " "),
      );
    scroll.append(source);
  }
  if (traceback) scroll.append(el("pre", "trace", traceback));
  const says = [el("p", "message", message)];
  if (hint) says.push(el("p", "hint", hint));
  panel.replaceChildren(head, ...says, scroll);
}

function draw() {
  const last = [...errors.values()].at(-1);
  panel.hidden = !last || isHidden;
  pill.hidden = !last || !isHidden;
  pill.textContent = errors.size === 1 ? "1 script error" : `${errors.size} script errors`;
  if (last && !isHidden) fill(last.error, last.times);
}

/** @param {ScriptError} error */
function addError(error) {
  const key = [error.game, error.where, error.file, error.line, error.message].join("\n");
  const times = (errors.get(key)?.times ?? 0) + 1;
  if (times === 1) isHidden = false; // the same one again does not come back by itself
  errors.delete(key);
  errors.set(key, { error, times });
}

/** @param {string} game */
function clear(game) {
  takenBack.delete(game);
  for (const [key, { error }] of errors) if (error.game === game) errors.delete(key);
}

/** @param {string} text @param {boolean} [isBad] */
function say(text, isBad = false) {
  toast.textContent = text;
  toast.classList.toggle("bad", isBad);
  toast.hidden = false;
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => (toast.hidden = true), TOAST_MS);
}

/** Put a new version of a stylesheet in its place; all of them where none has that path. @param {string} path */
function swapStyles(path) {
  const links = [...document.querySelectorAll('link[rel~="stylesheet"]')].map((e) => {
    const link = /** @type {HTMLLinkElement} */ (e);
    return { link, url: new URL(link.href, location.href) };
  });
  const own = links.filter(({ url }) => url.origin === location.origin);
  const end = `/${path.replace(/^\/+/, "")}`;
  const hit = own.filter(({ url }) => url.pathname.endsWith(end));
  for (const { link, url } of hit.length ? hit : own) {
    url.searchParams.set("parlor", String(Date.now()));
    const next = /** @type {HTMLLinkElement} */ (link.cloneNode());
    next.href = url.href;
    // The old one goes when the new one is there: no flash of a bare page.
    next.addEventListener("load", () => link.remove());
    next.addEventListener("error", () => next.remove());
    link.after(next);
  }
}

/** @param {any} r of kind "hash" @param {any} room */
function addHash(r, room) {
  const differs = check(room, r);
  if (!differs) return;
  const [, game, id] = room.name.slice(base.length).split("/");
  addError({
    kind: "error",
    game,
    room: id,
    where: `tick ${r.tick}`,
    message: `This page does not hold the server's state: ${differs}`,
    hint: "this is a bug of Parlor, not of your game; a whole snapshot was asked for",
  });
}

/**
 * One DEV record.
 * @param {any} r @param {any} room the Room that got it
 */
export function show(r, room) {
  if (r.kind === "hash") addHash(r, room);
  if (r.kind === "hash" && !errors.size) return; // takes no place on the page
  mount();
  if (r.kind === "error") addError(r);
  else if (r.kind === "fixed") clear(r.game);
  else if (r.kind === "warning") say(`${r.game}: a message was dropped: ${r.message}`, true);
  else if (r.kind === "reloaded") {
    clear(r.game);
    const rooms = r.rooms === 1 ? "1 room kept" : `${r.rooms} rooms kept`;
    say(
      [`${r.game} v${r.version}`, rooms, r.ms === undefined ? "" : `${Math.round(r.ms * 10) / 10} ms`]
        .filter(Boolean)
        .join(" · "),
    );
  } else if (r.kind === "taken_back") {
    takenBack.set(r.game, `v${r.failed} was taken back, v${r.version} goes on`);
    say(`${r.game} v${r.failed} failed · v${r.version} goes on`, true);
  } else if (r.kind === "page") {
    if (/\.css$/.test(r.path)) swapStyles(r.path);
    else location.reload();
  }
  draw();
}
