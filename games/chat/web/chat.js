// SPDX-License-Identifier: MIT
// @ts-check
/*
 * chat - the page: one channel at a time, which is one room of the game chat.
 *
 * Read `open` first. The conversation itself is lines.js, the people are roster.js,
 * the list of channels is channels.js.
 */

import { join } from "../_parlor/client.js";
import { chosenName, fit, keepName, recall, remember } from "../_parlor/people.js";
import { pill } from "../_parlor/pill.js";
import { asChannel, channelOfAddress, makeChannels } from "./channels.js";
import { makeLines } from "./lines.js";
import { makeRoster } from "./roster.js";

const NAME_BYTES = 24; // as in game.lua
const TEXT_BYTES = 500;
const STILL_TYPING_MS = 3000;
const LOST = "Connection lost. What you write now is sent when it is back.";
const PLACEHOLDER = "Message #";

const byId = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const input = /** @type {HTMLTextAreaElement} */ (byId("text"));
const nameInput = /** @type {HTMLInputElement} */ (byId("name"));
const newChannel = /** @type {HTMLInputElement} */ (byId("new-channel"));
const line = pill(byId("status"));
const lines = makeLines({
  scroll: byId("scroll"),
  list: byId("lines"),
  newer: byId("newer"),
  field: input,
  onRemove: (key) => ask("remove", { line: key }),
});
const roster = makeRoster({ act: (who, act) => ask("moderate", { who, act }) });
const channels = makeChannels(
  /** @type {HTMLElement} */ (byId("channels").querySelector("ul")),
  (name) => go(name),
);

/** The channel that is open. @type {any} */
let room;
let channel = "";
let ownName = chosenName(NAME_BYTES);
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
  roster.clear();
  channels.show(name);
  byId("title").textContent = name;
  byId("quiet").hidden = true;
  byId("back").hidden = true;
  input.placeholder = PLACEHOLDER + name;
  tell("");
  showTitle();

  let joined;
  try {
    joined = await join(`/chat/${name}`, { name: ownName, visitor: visitorId() });
  } catch (error) {
    if (visit === visits) shutOut(`No way into #${name}: ${/** @type {any} */ (error).message}.`);
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
    if (visit === visits) shutOut(`You are no longer in #${name}: ${reason}.`);
  });

  byId("quiet").hidden = lines.size > 0;
  unseen = 0;
  showTitle();
  showPeople();
  showStatus(room.status);
}

/** There is no seat: refused, removed, banned. @param {string} why */
function shutOut(why) {
  line.show("closed");
  tell(why);
  input.disabled = true;
  byId("back").hidden = false;
}

/** What the server may refuse, and then says why. @param {string} name @param {any} data */
async function ask(name, data) {
  try {
    const why = await room.request(name, data);
    if (why) toast(why);
    return !why;
  } catch (error) {
    const { message } = /** @type {Error} */ (error);
    toast(/too many/.test(message) ? "Slowly, please: that was a lot at once." : message);
    return false;
  }
}

function showPeople() {
  roster.draw(() => room);
  const own = room?.state.people.get(room.id);
  if (!own) return;
  byId("lines").classList.toggle("may-remove", own.moderator);
  if (document.activeElement !== nameInput) nameInput.value = own.name;
  const isMuted = own.muted;
  input.disabled = isMuted || room.status === "closed";
  input.placeholder = isMuted ? "A moderator has muted you" : PLACEHOLDER + channel;
}

/** @param {string} status */
function showStatus(status) {
  if (status === "live") {
    tell("");
    lines.clearWaiting(); // they come back as lines of the state
  } else if (status !== "closed") tell(LOST, true);
  showPeople();
}

/** @param {string} text @param {boolean} [waits] it will pass by itself */
function tell(text, waits = false) {
  byId("notice-text").textContent = text;
  byId("notice").hidden = text === "";
  byId("notice").classList.toggle("waits", waits);
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let toastTimer;

/** @param {string} text */
function toast(text) {
  byId("toast").textContent = text;
  byId("toast").classList.remove("gone");
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => byId("toast").classList.add("gone"), 3500);
}

function showTitle() {
  document.title = `${unseen > 0 ? `(${unseen}) ` : ""}#${channel} – Chat`;
}

/* Going from channel to channel. */

/** @param {string} name */
function go(name) {
  showSide(null);
  if (name !== channel) {
    history.pushState(null, "", `./${name}${location.search}`);
    open(name);
  }
  input.focus();
}

byId("create").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = asChannel(newChannel.value);
  newChannel.value = "";
  if (name) go(name);
});
byId("back").addEventListener("click", () => open(channel));
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

async function say() {
  const text = input.value.trim();
  if (!text || !room || room.status === "closed") return;
  // The server takes a line as the end of typing; nothing need be sent.
  clearTimeout(typingTimer);
  typing = false;
  input.value = "";
  fitInput();
  lines.toEnd();
  // While the line is down it waits, and is sent when it is up again.
  if (room.status !== "live") {
    room.send("say", { text });
    byId("quiet").hidden = true;
    return lines.addWaiting(text);
  }
  const isSaid = await ask("say", { text });
  if (isSaid || input.value !== "") return;
  input.value = text; // nothing that was written is lost
  fitInput();
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
  keepName(name);
  room?.send("rename", { name });
});

/** What a ban goes by: see auth in game.lua. */
function visitorId() {
  const kept = recall("parlor.visitor");
  if (kept) return kept;
  const made = [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, "0"))
    .join("");
  remember("parlor.visitor", made);
  return made;
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

nameInput.value = ownName;
showSide(null);
fitInput();
open(channelOfAddress());
