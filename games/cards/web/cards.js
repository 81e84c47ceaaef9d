// SPDX-License-Identifier: MIT
// @ts-check
/*
 * cards - the page: a start screen, then a seat at a table, which is a room.
 *
 * Read `sit` first. The table is drawn by table.js, the cards by deck.js.
 */

import { join } from "../_parlor/client.js";
import { invite } from "../_parlor/invite.js";
import { chosenName, fit, keepName } from "../_parlor/people.js";
import { pill } from "../_parlor/pill.js";
import { drawCard } from "./deck.js";
import { makeTable } from "./table.js";

const NAME_BYTES = 16; // as in game.lua
const LOOK_MS = 3000; // between two looks at the list of tables

const byId = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const nameInput = /** @type {HTMLInputElement} */ (byId("name"));
const codeInput = /** @type {HTMLInputElement} */ (byId("code"));
const line = pill(byId("corner"));

/**
 * Takes a seat. How it was taken stays with this entry of the tab's history: a page
 * that is loaded again joins by the same path, and so finds its ticket.
 * @param {string} path "/cards": any table; "/cards/den": that one
 * @param {{code?: string, private?: boolean, spectate?: boolean}} options
 */
async function sit(path, options) {
  const name = fit(nameInput.value.trim(), NAME_BYTES);
  byId("start").inert = true;
  byId("corner").hidden = false;
  line.show("connecting");
  tell("");
  let room;
  try {
    room = await join(path, { ...options, name });
  } catch (error) {
    const { code, message } = /** @type {any} */ (error);
    showStart();
    return tell(code === 4004 ? "That table is full. You can watch it." : `${message}.`);
  }
  line.watch(room);
  byId("start").hidden = true;
  byId("table").hidden = false;
  byId("leave").hidden = false;
  byId("invite").hidden = false;
  document.title = `Table ${room.code} – Crazy Eights`;

  const { spectate } = options;
  history.replaceState({ path, options: { spectate, code: room.code } }, "", `./${room.code}`);
  const table = makeTable(room);
  room.on("state", table.draw);
  room.on("status", table.draw);
  room.on("did", table.say);
  room.on("refused", (/** @type {any} */ { why }) => table.toast(why));
  room.on("leave", (/** @type {any} */ { code, reason }) => {
    table.end();
    history.replaceState(null, "", "./");
    showStart();
    if (code !== 1000) tell(`You have left the table: ${reason}.`);
  });
  byId("leave").onclick = () => room.leave();
  byId("invite").onclick = () =>
    invite({
      title: room.private ? "A private table" : "Invite to this table",
      text: room.private
        ? "Only who has the code or the link finds it."
        : "Who has the code or the link comes to this table.",
      code: room.code,
      path: `./${room.code}`,
    });
  table.draw();
}

/* The start screen. */

/** @type {ReturnType<typeof setTimeout> | undefined} */
let lookTimer;

function showStart() {
  line.watch(undefined);
  byId("corner").hidden = true;
  byId("table").hidden = true;
  byId("leave").hidden = true;
  byId("invite").hidden = true;
  byId("start").hidden = false;
  byId("start").inert = false;
  document.title = "Crazy Eights";
  look();
}

/** The list of tables that anybody may join, as long as the start screen is there. */
async function look() {
  clearTimeout(lookTimer);
  if (byId("start").hidden) return;
  try {
    const answer = await fetch("../_parlor/rooms?game=cards", { cache: "no-store" });
    const { rooms } = await answer.json();
    byId("no-tables").hidden = rooms.length > 0;
    byId("tables")
      .querySelector("ul")
      ?.replaceChildren(...rooms.slice(0, 8).map(makeEntry));
  } catch {
    // The server is away for a moment: the list stays, and is asked for again.
  }
  lookTimer = setTimeout(look, LOOK_MS);
}

/** @param {{id: string, players: number, max: number, spectators: number}} table */
function makeEntry({ id, players, max, spectators }) {
  const entry = document.createElement("li");
  const name = document.createElement("b");
  const note = document.createElement("span");
  name.textContent = id;
  note.textContent = `${players} of ${max}${spectators ? ` · ${spectators} watching` : ""}`;
  entry.append(name, note);
  for (const [word, options] of /** @type {[string, any][]} */ ([
    ["Join", {}],
    ["Watch", { spectate: true }],
  ])) {
    const button = document.createElement("button");
    button.className = "button quiet small";
    button.textContent = word;
    button.setAttribute("aria-label", `${word} table ${id}`);
    button.disabled = word === "Join" && players >= max;
    button.addEventListener("click", () => sit("/cards", { code: id, ...options }));
    entry.append(button);
  }
  return entry;
}

/** @param {string} text */
function tell(text) {
  byId("notice").textContent = text;
  byId("notice").hidden = text === "";
}

nameInput.value = chosenName(NAME_BYTES);
nameInput.addEventListener("change", () => {
  nameInput.value = fit(nameInput.value.trim(), NAME_BYTES);
  if (nameInput.value) keepName(nameInput.value);
});
byId("sit").addEventListener("submit", (event) => {
  event.preventDefault();
  sit("/cards", {});
});
byId("private").addEventListener("click", () => sit("/cards", { private: true }));
byId("by-code").addEventListener("submit", (event) => {
  event.preventDefault();
  sit("/cards", { code: codeInput.value.trim().toLowerCase() });
});
document.addEventListener("visibilitychange", () => document.hidden || look());
byId("fan").append(...[12, 33, 7, 48].map(drawCard));

/* A page that was loaded again, a link to a table, or the start. */
const named = /\/([\w-]{1,64})$/.exec(location.pathname)?.[1];
const spectate = new URLSearchParams(location.search).has("watch") || undefined;
if (history.state?.path) sit(history.state.path, history.state.options);
else if (named) sit(`/cards/${named}`, { spectate });
else showStart();
