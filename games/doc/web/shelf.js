// SPDX-License-Identifier: MIT
// @ts-check
/*
 * shelf - the documents: those that somebody writes at right now, and those where one
 * has been. Each is a room of its name.
 */

import { recall, remember } from "../_parlor/people.js";

const MOST = 30;

/** @param {string} text what somebody typed; "" if no name can be made of it */
const asName = (text) =>
  text
    .trim()
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 48);

const byId = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
const visited = () => recall("parlor.docs").split(" ").filter(asName);

/** @param {string} current the name of the one that is open */
export function makeShelf(current) {
  const dialog = /** @type {HTMLDialogElement} */ (byId("shelf"));
  const input = /** @type {HTMLInputElement} */ (byId("new-name"));
  const list = /** @type {HTMLElement} */ (dialog.querySelector("ul"));
  const others = visited().filter((name) => name !== current);
  remember("parlor.docs", [current, ...others].slice(0, MOST).join(" "));

  /** @param {Map<string, number>} busy */
  function show(busy) {
    const names = [...new Set([current, ...busy.keys(), ...visited()])].slice(0, MOST);
    list.replaceChildren(
      ...names.map((name) => {
        const item = document.createElement("li");
        const link = document.createElement("a");
        const n = document.createElement("span");
        link.href = `./${name}`;
        link.append(name, n);
        if (busy.has(name)) n.textContent = `${busy.get(name)} here`;
        if (name === current) link.setAttribute("aria-current", "page");
        item.append(link);
        return item;
      }),
    );
  }

  async function open() {
    show(new Map());
    dialog.showModal();
    try {
      const answer = await fetch("../_parlor/rooms?game=doc", { cache: "no-store" });
      /** @type {{rooms: {id: string, players: number}[]}} */
      const { rooms } = await answer.json();
      show(new Map(rooms.map(({ id, players }) => [id, players])));
    } catch {
      // The line is down; what one has visited is there.
    }
  }

  byId("documents").addEventListener("click", open);
  byId("shelf-done").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  byId("new").addEventListener("submit", (event) => {
    event.preventDefault();
    const name = asName(input.value);
    if (name) location.assign(`./${name}`);
  });
}
