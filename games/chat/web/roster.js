// SPDX-License-Identifier: MIT
// @ts-check
/*
 * roster - who is here, who types, and what a moderator can do about it.
 *
 * Whether somebody may is decided by the server; here one only sees what would be
 * refused anyway.
 */

import { makeAvatar } from "../_parlor/people.js";

/**
 * @typedef {{name: string, typing: boolean, away: boolean, muted: boolean,
 *   moderator: boolean}} Person
 */

/** What to send, what it is called, what it means. @type {[string, string, string][]} */
const ACTS = [
  ["mute", "Mute", "can read, but not write"],
  ["unmute", "Unmute", "can write again"],
  ["kick", "Remove", "leaves the channel, and may come back"],
  ["ban", "Ban", "leaves, and no channel lets them in for ten minutes"],
  ["trust", "Make a moderator", "can do all of this, too"],
];

const byId = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @param {string} tag @param {string} className @param {string} [text] */
function make(tag, className, text = "") {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

/**
 * @param {{act: (who: number, act: string) => void}} calls `act` asks the server
 */
export function makeRoster({ act }) {
  const list = /** @type {HTMLElement} */ (byId("people").querySelector("ul"));
  const dialog = /** @type {HTMLDialogElement} */ (byId("moderate"));
  let shown = "";
  let due = false;

  /** @param {number} id @param {Person} person */
  function openFor(id, person) {
    byId("moderate-title").textContent = person.name;
    byId("acts").replaceChildren(
      ...ACTS.filter(([what]) => what !== (person.muted ? "mute" : "unmute")).map(
        ([what, word, meaning]) => {
          const button = make("button", "button quiet");
          button.append(make("b", "", word), make("span", "", meaning));
          button.addEventListener("click", () => {
            dialog.close();
            act(id, what);
          });
          return button;
        },
      ),
    );
    dialog.showModal();
  }

  /** @param {number} id @param {Person} person @param {boolean} isMe @param {boolean} mayAct */
  function makeItem(id, person, isMe, mayAct) {
    const item = make("li", "");
    const who = make("span", "who", person.name);
    const note = person.away ? "away" : isMe ? "you" : person.typing ? "typing" : "";
    item.append(makeAvatar(person.name, id), who);
    if (person.moderator) item.append(make("span", "tag", "mod"));
    if (person.muted) item.append(make("span", "tag", "muted"));
    item.append(make("span", "note", note));
    if (mayAct && !person.moderator) {
      const button = make("button", "button quiet icon small", "⋯");
      button.dataset.who = String(id);
      button.setAttribute("aria-label", `Moderate ${person.name}`);
      button.addEventListener("click", () => openFor(id, person));
      item.append(button);
    }
    item.classList.toggle("away", person.away);
    item.classList.toggle("mine", isMe);
    return item;
  }

  /** @param {any} room */
  function draw(room) {
    const all = /** @type {[number, Person][]} */ ([...room.state.people]);
    all.sort(([, a], [, b]) => Number(a.away) - Number(b.away) || a.name.localeCompare(b.name));
    const mayAct = room.state.people.get(room.id)?.moderator ?? false;
    const look = JSON.stringify([room.id, mayAct, all]);
    if (look === shown) return;
    shown = look;
    byId("n-people").textContent = String(all.length);
    byId("n-here").textContent = String(all.length);
    const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset.who;
    list.replaceChildren(...all.map(([id, p]) => makeItem(id, p, id === room.id, mayAct)));
    if (focused)
      /** @type {HTMLElement | null} */ (list.querySelector(`[data-who="${focused}"]`))?.focus();

    const names = all.filter(([id, p]) => p.typing && id !== room.id).map(([, p]) => p.name);
    byId("typing").textContent =
      names.length === 0
        ? ""
        : names.length === 1
          ? `${names[0]} is typing…`
          : names.length === 2
            ? `${names[0]} and ${names[1]} are typing…`
            : "Several people are typing…";
  }

  byId("moderate-cancel").addEventListener("click", () => dialog.close());

  return {
    clear() {
      shown = "";
      list.replaceChildren();
      byId("typing").textContent = "";
      if (dialog.open) dialog.close();
    },

    /** However many come and go in one frame, the list is built once.
     * @param {() => any} current the room that is open by then */
    draw(current) {
      if (due) return;
      due = true;
      requestAnimationFrame(() => {
        due = false;
        if (current()) draw(current());
      });
    },
  };
}
