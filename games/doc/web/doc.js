// SPDX-License-Identifier: MIT
// @ts-check
/*
 * doc - the page: joins a document and puts its parts together.
 *
 * Read document.js first: there is what makes one text of many people's edits. ops.js
 * is the arithmetic under it, link.js its way to the room, editor.js the text field,
 * carets.js the others in it, undo.js one's own way back.
 */

import { join } from "../_parlor/client.js";
import { invite } from "../_parlor/invite.js";
import { chosenName, fit, keepName, recall, showPeople } from "../_parlor/people.js";
import { pill } from "../_parlor/pill.js";
import { makeCarets } from "./carets.js";
import { Document } from "./document.js";
import { makeEditor } from "./editor.js";
import { makeLink } from "./link.js";
import { makeShelf } from "./shelf.js";
import { Undo } from "./undo.js";

const NAME_BYTES = 24; // as in game.lua
const SLOW_MS = 600; // what takes longer to be shared is told
const WORD = /[\p{L}\p{N}]+(?:['’.,-][\p{L}\p{N}]+)*/gu;

const byId = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const button = (/** @type {string} */ id) => /** @type {HTMLButtonElement} */ (byId(id));
const field = /** @type {HTMLTextAreaElement} */ (byId("field"));
const hello = /** @type {HTMLDialogElement} */ (byId("hello"));
const nameInput = /** @type {HTMLInputElement} */ (byId("name"));
const line = pill(byId("corner"));

/* The address is the document: /doc/ takes any, /doc/plan the one of that name. */
const address = location.pathname.replace(/\/$/, "");

async function start() {
  // The key tells the room that we are the same writer when the seat was lost.
  const key = [...crypto.getRandomValues(new Uint32Array(4))].map((n) => n.toString(36)).join("-");
  const room = await join(address, { name: await askName(), key });
  const { code } = room;
  line.watch(room);
  document.title = `${code} – Doc`;
  byId("title").textContent = code;
  history.replaceState(null, "", `./${code}${location.search}`);
  makeShelf(code);

  const { text, rev, born } = room.state;
  const undo = new Undo();
  const doc = new Document({ text, rev, born }, (op) => {
    editor.moved(op);
    undo.moved(op);
    carets.moved(op);
    showCount(doc);
    showUndo();
  });
  const shown = () => doc.text;
  const editor = makeEditor(field, {
    text: shown,
    onEdit: (op) => {
      undo.record(op, doc.text, performance.now());
      wrote(op);
    },
    onCaret: () => link.pump(),
    onUndo: () => turn(undo.undo(doc.text)),
    onRedo: () => turn(undo.redo(doc.text)),
  });
  const carets = makeCarets(byId("mirror"), byId("carets"), { text: shown });
  const link = makeLink(room, doc, {
    caret: () => editor.caret,
    onShared: () => showShared(room, doc),
    onRefused: (why) =>
      toast(why === "full" ? "The document is full. Your last words were taken back." : why),
  });

  /** @param {import("./ops.js").Op} op */
  function wrote(op) {
    doc.edit(op);
    carets.moved(op);
    showCount(doc);
    showUndo();
    link.pump();
  }

  /** @param {import("./ops.js").Op | null} op */
  function turn(op) {
    if (!op) return;
    doc.edit(op);
    editor.turned(op);
    carets.moved(op);
    showCount(doc);
    showUndo();
    link.pump();
  }

  function showUndo() {
    button("undo").disabled = undo.done.length === 0;
    button("redo").disabled = undo.undone.length === 0;
  }

  for (const what of ["undo", "redo"])
    byId(what).addEventListener("click", () => {
      if (editor.isComposing) return;
      turn(what === "undo" ? undo.undo(doc.text) : undo.redo(doc.text));
      field.focus();
    });
  // The state comes before the edits that led to it; places count for both.
  room.on("edit", (/** @type {any} */ { by }) => {
    carets.look(room, doc);
    carets.writes(by);
  });
  room.on("state", () => {
    carets.look(room, doc);
    showPeople(byId("people"), room, 3);
  });
  room.on("status", (/** @type {string} */ status) => {
    document.body.classList.toggle("away", status !== "live");
    if (status === "live") byId("notice").hidden = true;
    if (status === "away")
      tell("Connection lost. Write on: it is merged with what others write when it is back.", true);
  });
  room.on("leave", (/** @type {any} */ { reason }) => {
    field.readOnly = true;
    tell(`You have left the document: ${reason}.`);
  });
  byId("invite").addEventListener("click", () =>
    invite({
      title: "Invite to this document",
      text: "Who has the code or the link writes here, too.",
      code,
      path: `./${code}`,
    }),
  );
  byId("save").addEventListener("click", () => save(code, doc.text));
  window.addEventListener("beforeunload", (event) => {
    if (!doc.isShared && room.status !== "closed") event.preventDefault();
  });

  for (const id of ["invite", "save"]) button(id).disabled = false;
  field.disabled = false;
  field.focus();
  field.setSelectionRange(text.length, text.length);
  showCount(doc);
  showShared(room, doc);
  showPeople(byId("people"), room, 3);
  carets.look(room, doc);
}

/** @returns {Promise<string>} */
async function askName() {
  const isKnown = new URLSearchParams(location.search).get("name") || recall("parlor.name");
  if (isKnown) return chosenName(NAME_BYTES);
  nameInput.value = chosenName(NAME_BYTES);
  hello.showModal();
  nameInput.select();
  await new Promise((done) => hello.addEventListener("close", done, { once: true }));
  const name = fit(nameInput.value.trim(), NAME_BYTES) || chosenName(NAME_BYTES);
  keepName(name);
  return name;
}

let countDue = 0;

/** Words, a few times a second at most: it looks at all of the text. @param {Document} doc */
function showCount(doc) {
  countDue ||= window.setTimeout(() => {
    countDue = 0;
    const n = doc.text.match(WORD)?.length ?? 0;
    byId("count").textContent = n === 1 ? "1 word" : `${n} words`;
  }, 200);
}

let sharedDue = 0;

/** Whether others have all that was written here. @param {any} room @param {Document} doc */
function showShared(room, doc) {
  const what = () => {
    if (doc.isShared && room.status === "live") return "Everybody has it";
    if (room.status === "live") return "Sending…";
    return doc.isShared ? "No connection" : "Waits to be sent";
  };
  const show = () => {
    clearTimeout(sharedDue);
    sharedDue = 0;
    const said = what();
    if (byId("shared").textContent !== said) byId("shared").textContent = said;
    byId("shared").classList.toggle("waits", said !== "Everybody has it");
  };
  // While it goes fast nothing flickers.
  if (doc.isShared || room.status !== "live") show();
  else sharedDue ||= window.setTimeout(show, SLOW_MS);
}

/** As a file of one's own: a document lasts as long as somebody is there.
 * @param {string} name @param {string} text */
function save(name, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  link.download = `${name}.txt`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let toastTimer;

/** @param {string} text */
function toast(text) {
  byId("toast").textContent = text;
  byId("toast").classList.remove("gone");
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => byId("toast").classList.add("gone"), 4000);
}

/** @param {string} text @param {boolean} [waits] it will pass by itself */
function tell(text, waits = false) {
  byId("notice").textContent = text;
  byId("notice").hidden = false;
  byId("notice").classList.toggle("waits", waits);
}

start().catch((error) => {
  line.show("closed");
  tell(`No way to the document: ${error.message}.`);
});
