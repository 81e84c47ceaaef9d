// SPDX-License-Identifier: MIT
// @ts-check
/*
 * channels - the list at the left: those that everybody knows, those one has been
 * to, those where somebody is right now. A link works like any link; a plain click
 * stays on the page.
 */

import { recall, remember } from "../_parlor/people.js";

const KNOWN = ["lobby", "music", "games", "help"];
const LOOK_MS = 4000;
const MOST = 40; // in the list

/** @param {string} text what somebody typed; "" if no name can be made of it */
export function asChannel(text) {
  return text
    .trim()
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 32);
}

/** Of the page's address. */
export function channelOfAddress() {
  return /\/([\w-]{1,64})$/.exec(location.pathname)?.[1] ?? "lobby";
}

/**
 * @param {HTMLElement} list @param {(name: string) => void} go
 */
export function makeChannels(list, go) {
  /** @type {Map<string, number>} */
  let busy = new Map();
  let current = "";
  let shown = "";

  function draw() {
    const visited = recall("parlor.channels").split(" ").filter(asChannel);
    const all = [...new Set([...KNOWN, ...visited, current, ...busy.keys()])].slice(0, MOST);
    const rows = all.map((name) => [name, busy.get(name) ?? 0, name === current]);
    if (JSON.stringify(rows) === shown) return;
    shown = JSON.stringify(rows);
    const focused = /** @type {HTMLElement | null} */ (document.activeElement)?.dataset.channel;
    list.replaceChildren(
      ...all.map((name) => {
        const item = document.createElement("li");
        const link = document.createElement("a");
        const word = document.createElement("span");
        const n = document.createElement("span");
        link.href = `./${name}`;
        link.dataset.channel = name;
        word.textContent = name;
        n.className = "n";
        n.textContent = busy.has(name) ? String(busy.get(name)) : "";
        link.setAttribute("aria-label", busy.has(name) ? `${name}, ${busy.get(name)} there` : name);
        if (name === current) link.setAttribute("aria-current", "page");
        link.addEventListener("click", (event) => {
          if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
          event.preventDefault();
          go(name);
        });
        link.append(word, n);
        item.append(link);
        return item;
      }),
    );
    if (focused)
      /** @type {HTMLElement | null} */ (
        list.querySelector(`[data-channel="${CSS.escape(focused)}"]`)
      )?.focus();
  }

  async function look() {
    if (!document.hidden)
      try {
        const answer = await fetch("../_parlor/rooms?game=chat", { cache: "no-store" });
        const { rooms } = await answer.json();
        busy = new Map(
          rooms.map((/** @type {{id: string, players: number}} */ r) => [r.id, r.players]),
        );
        draw();
      } catch {
        // The server is away for a moment; what is shown stays.
      }
    setTimeout(look, LOOK_MS);
  }
  look();

  return {
    /** This one is open now. @param {string} name */
    show(name) {
      current = name;
      const kept = recall("parlor.channels").split(" ").filter(asChannel);
      const others = kept.filter((other) => other !== name);
      if (!KNOWN.includes(name))
        remember("parlor.channels", [...others, name].slice(-20).join(" "));
      draw();
    },
  };
}
