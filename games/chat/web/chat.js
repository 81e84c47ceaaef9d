// SPDX-License-Identifier: MIT
// @ts-check
/*
 * chat - the page: one channel at a time, which is one room of the game chat.
 *
 * Read `open` first. The conversation itself is lines.js.
 */

import { join } from "/_parlor/client.js";
import { pill } from "/_parlor/pill.js";
import { makeAvatar, makeLines } from "./lines.js";

const NAME_BYTES = 24; // as in game.lua
const TEXT_BYTES = 500;
const STILL_TYPING_MS = 3000;
const LOST = "Connection lost. What you write now is sent when it is back.";

const byId = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const input = /** @type {HTMLTextAreaElement} */ (byId("text"));
const nameInput = /** @type {HTMLInputElement} */ (byId("name"));
const newChannel = /** @type {HTMLInputElement} */ (byId("new-channel"));
const line = pill(byId("status"));
const lines = makeLines({ scroll: byId("scroll"), list: byId("lines"), newer: byId("newer") });

/** The channel that is open. @type {any} */
let room;
let channel = "";
let ownName = chosenName();
let visits = 0;
let unseen = 0;

/** Leaves one channel and joins another. @param {string} name */
async function open(name) {
  const visit = ++visits;
  line.watch(undefined);
  room?.leave();
  room = undefined;
  channel = name;
  unseen = 0;
  clearTimeout(typingTimer);
  typing = false;
  lines.clear();
  byId("title").textContent = name;
  input.placeholder = `Message #${name}`;
  byId("quiet").hidden = true;
  byId("typing").textContent = "";
  byId("people").querySelector("ul")?.replaceChildren();
  tell("");
  showTitle();
  showChannels();

  let joined;
  try {
    joined = await join(`/chat/${name}`, { name: ownName });
  } catch (error) {
    if (visit === visits) {
      line.show("closed");
      tell(/** @type {Error} */ (error).message);
    }
    return;
  }
  // Somebody quick is in the next channel already.
  if (visit !== visits) return joined.leave();
  room = joined;
  line.watch(room);

  // State that changes calls these; "add" at once for what is there already.
  const { people, lines: history } = room.state;
  history.on("add", (/** @type {any} */ said, /** @type {number} */ key) => {
    lines.add(key, said, said.from === room.id);
    byId("quiet").hidden = true;
    if (document.hidden) unseen++;
    showTitle();
  });
  history.on("remove", (/** @type {any} */ _said, /** @type {number} */ key) => lines.remove(key));
  for (const what of ["add", "change", "remove"]) people.on(what, showPeople);
  room.on("status", (/** @type {string} */ status) => visit === visits && showStatus(status));
  room.on("leave", (/** @type {any} */ { reason }) => {
    if (visit === visits) tell(`You have left #${name}: ${reason}.`);
  });

  byId("quiet").hidden = lines.size > 0;
  unseen = 0;
  showTitle();
  showPeople();
  showStatus(room.status);
}

/** @param {string} status */
function showStatus(status) {
  if (status === "live") tell("");
  else if (status !== "closed") tell(LOST, true);
  input.disabled = status === "closed";
}

/** @param {string} text @param {boolean} [waits] it will pass by itself */
function tell(text, waits = false) {
  const notice = byId("notice");
  notice.textContent = text;
  notice.hidden = text === "";
  notice.classList.toggle("waits", waits);
}

function showTitle() {
  document.title = `${unseen > 0 ? `(${unseen}) ` : ""}#${channel} – Chat`;
}

let peopleDue = false;

/* However many come and go in one frame, the list is built once. */
function showPeople() {
  if (peopleDue) return;
  peopleDue = true;
  requestAnimationFrame(() => {
    peopleDue = false;
    if (room) drawPeople();
  });
}

function drawPeople() {
  const all = [...room.state.people].map(([id, person]) => ({ id, ...person }));
  all.sort((a, b) => Number(a.away) - Number(b.away) || a.name.localeCompare(b.name));
  byId("n-people").textContent = String(all.length);
  byId("n-here").textContent = String(all.length);
  byId("people")
    .querySelector("ul")
    ?.replaceChildren(...all.map(makePerson));

  const names = all.filter((p) => p.typing && p.id !== room.id).map((p) => p.name);
  byId("typing").textContent =
    names.length === 0
      ? ""
      : names.length === 1
        ? `${names[0]} is typing…`
        : names.length === 2
          ? `${names[0]} and ${names[1]} are typing…`
          : "Several people are typing…";

  const own = room.state.people.get(room.id)?.name;
  if (own && document.activeElement !== nameInput) nameInput.value = own;
}

/** @param {{id: number, name: string, typing: boolean, away: boolean}} person */
function makePerson(person) {
  const item = document.createElement("li");
  const who = document.createElement("span");
  const note = document.createElement("span");
  const mine = person.id === room.id;
  who.className = "who";
  who.textContent = person.name;
  note.className = "note";
  note.textContent = person.away ? "away" : mine ? "you" : person.typing ? "typing" : "";
  item.append(makeAvatar(person.name, person.id), who, note);
  item.classList.toggle("away", person.away);
  item.classList.toggle("mine", mine);
  return item;
}

/* Channels. A link works like any link; a plain click stays on the page. */

const KNOWN = ["lobby", "music", "games", "help"];

/** @returns {string[]} */
function visited() {
  const list = recall("parlor.channels").split(" ").filter(asChannel);
  return [...new Set([...KNOWN, ...list, channel])];
}

function showChannels() {
  const list = visited();
  remember(
    "parlor.channels",
    list
      .filter((name) => !KNOWN.includes(name))
      .slice(-20)
      .join(" "),
  );
  const items = list.map((name) => {
    const item = document.createElement("li");
    const link = document.createElement("a");
    link.href = `/chat/${name}`;
    link.textContent = name;
    if (name === channel) link.setAttribute("aria-current", "page");
    link.addEventListener("click", (event) => {
      if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      go(name);
    });
    item.append(link);
    return item;
  });
  byId("channels")
    .querySelector("ul")
    ?.replaceChildren(...items);
}

/** @param {string} text what somebody typed; "" if no name can be made of it */
function asChannel(text) {
  return text
    .trim()
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 32);
}

/** @param {string} name */
function go(name) {
  showSide(null);
  if (name !== channel) {
    history.pushState(null, "", `/chat/${name}${location.search}`);
    open(name);
  }
  input.focus();
}

function channelOfAddress() {
  return /^\/chat\/([\w-]{1,64})\/?$/.exec(location.pathname)?.[1] ?? "lobby";
}

byId("create").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = asChannel(newChannel.value);
  newChannel.value = "";
  if (name) go(name);
});
window.addEventListener("popstate", () => open(channelOfAddress()));

/* Writing. */

let typing = false;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let typingTimer;

/** @param {boolean} on */
function setTyping(on) {
  clearTimeout(typingTimer);
  if (on) typingTimer = setTimeout(() => setTyping(false), STILL_TYPING_MS);
  if (on === typing) return;
  typing = on;
  room?.send("typing", { on });
}

function fitInput() {
  const left = TEXT_BYTES - new TextEncoder().encode(input.value).length;
  if (left < 0) input.value = fit(input.value, TEXT_BYTES);
  byId("left").textContent = left < 60 ? String(Math.max(0, left)) : "";
  input.style.height = "auto";
  input.style.height = `${input.scrollHeight + 2}px`;
}

input.addEventListener("input", () => {
  fitInput();
  setTyping(input.value.trim() !== "");
});
input.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  say();
});
byId("say").addEventListener("submit", (event) => {
  event.preventDefault();
  say();
  input.focus();
});

function say() {
  const text = input.value.trim();
  if (!text || !room || room.status === "closed") return;
  room.send("say", { text });
  // The server takes a line as the end of typing; nothing need be sent.
  clearTimeout(typingTimer);
  typing = false;
  input.value = "";
  fitInput();
  lines.toEnd();
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  unseen = 0;
  showTitle();
});

/* Names. */

nameInput.addEventListener("keydown", (event) => {
  if (event.key === "Enter") nameInput.blur();
});
nameInput.addEventListener("blur", () => {
  const name = fit(nameInput.value.trim(), NAME_BYTES);
  const own = room?.state.people.get(room.id)?.name ?? "";
  nameInput.value = name || own;
  if (!name || name === own) return;
  ownName = name;
  remember("parlor.name", name);
  room?.send("rename", { name });
});

/** From the address (?name=Ann), from last time, or made up. */
function chosenName() {
  const asked = new URLSearchParams(location.search).get("name")?.trim();
  return fit(asked || recall("parlor.name") || madeUpName(), NAME_BYTES);
}

function madeUpName() {
  const pick = (/** @type {string[]} */ list) => list[Math.floor(Math.random() * list.length)];
  const first = ["Amber", "Quiet", "Early", "Merry", "Silver", "Wandering", "Northern", "Paper"];
  const second = ["Finch", "Lantern", "Kettle", "Harbour", "Sparrow", "Clover", "Otter", "Comet"];
  return `${pick(first)} ${pick(second)}`;
}

/** As much of a text as the game takes, in whole characters. */
function fit(/** @type {string} */ text, /** @type {number} */ bytes) {
  const encoder = new TextEncoder();
  let left = bytes;
  let kept = "";
  for (const c of text) {
    left -= encoder.encode(c).length;
    if (left < 0) break;
    kept += c;
  }
  return kept;
}

/* Storage may be forbidden; then a name lasts as long as the page. */
/** @param {string} key */
function recall(key) {
  try {
    return localStorage.getItem(key) ?? "";
  } catch {
    return "";
  }
}

/** @param {string} key @param {string} value */
function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Nothing is lost but the memory of it.
  }
}

/* On narrow screens the columns at the sides come when called. */

/** @param {string | null} id of the one to show */
function showSide(id) {
  for (const name of ["channels", "people"]) {
    byId(name).classList.toggle("open", name === id);
    byId(`show-${name}`).setAttribute("aria-expanded", String(name === id));
  }
  byId("veil").hidden = id === null;
}

for (const name of ["channels", "people"])
  byId(`show-${name}`).addEventListener("click", () => showSide(name));
byId("veil").addEventListener("click", () => showSide(null));
window.addEventListener("keydown", (event) => {
  if (event.key === "Escape") showSide(null);
});

showSide(null);
fitInput();
open(channelOfAddress());
