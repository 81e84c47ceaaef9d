// SPDX-License-Identifier: MIT
// @ts-check
/*
 * lines - the conversation: one element per line, and the scroll position.
 *
 * The list stays at its end as long as the reader is there. Who has scrolled
 * up keeps the place and is told how much has come. What people wrote goes in
 * as text, never as HTML. A line from 0 is a notice, said by nobody.
 */

import { makeAvatar } from "../_parlor/people.js";

/** @typedef {{from: number, name: string, text: string, at: number}} Line */

const TOGETHER_S = 300; // lines of one person so close need no second heading
const NEAR_PX = 60; // this far from the end still counts as there

/** @param {number} at in seconds since 1970 */
function dayOf(at) {
  const date = new Date(at * 1000);
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - date.setHours(0, 0, 0, 0)) / 864e5);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  return date.toLocaleDateString([], { weekday: "long", day: "numeric", month: "long" });
}

/** @param {string} tag @param {string} className @param {string} text */
function make(tag, className, text) {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

/** @param {Line} line @param {boolean} mine @param {() => void} remove */
function makeItem(line, mine, remove) {
  const item = make("li", mine ? "line mine" : "line", "");
  const date = new Date(line.at * 1000);
  const by = make("div", "by", "");
  const time = make(
    "time",
    "",
    date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }),
  );
  time.setAttribute("datetime", date.toISOString());
  time.title = date.toLocaleString();
  by.append(make("span", "name", line.name), time);
  const day = make("div", "day", dayOf(line.at));
  if (line.from === 0) {
    item.classList.add("told");
    item.append(day, make("p", "notice-line", line.text));
    return item;
  }
  const said = make("div", "said", "");
  const text = make("p", "text", line.text);
  text.title = time.title;
  // There for those who may: see .may-remove in chat.css.
  const button = make("button", "remove", "✕");
  button.tabIndex = -1; // arrow keys go there, see `onKey`
  button.setAttribute("aria-label", `Take back: ${line.text.slice(0, 60)}`);
  button.addEventListener("click", remove);
  said.append(text, button);
  item.append(day, makeAvatar(line.name, line.from), by, said);
  return item;
}

/**
 * @param {{scroll: HTMLElement, list: HTMLElement, newer: HTMLElement, field: HTMLElement,
 *   onRemove: (key: number) => void}} parts
 */
export function makeLines({ scroll, list, newer, field, onRemove }) {
  /** @type {Map<number, {line: Line, item: HTMLElement}>} */
  let shown = new Map();
  let atEnd = true;
  let unread = 0;

  function toEnd() {
    scroll.scrollTop = scroll.scrollHeight;
    atEnd = true;
    setUnread(0);
  }

  /** @param {number} n */
  function setUnread(n) {
    unread = n;
    newer.hidden = n === 0;
    newer.textContent = n === 1 ? "1 new message ↓" : `${n} new messages ↓`;
  }

  /* Whether an item needs a heading depends on the one before it. */
  /** @param {Element | null | undefined} item */
  function setHeading(item) {
    if (!item) return;
    const find = (/** @type {Element | null} */ e) =>
      e ? shown.get(Number(/** @type {HTMLElement} */ (e).dataset.key))?.line : undefined;
    const line = find(item);
    const before = find(item.previousElementSibling);
    if (!line) return;
    const newDay = !before || dayOf(before.at) !== dayOf(line.at);
    const sameHand = before && before.from === line.from && before.name === line.name;
    item.classList.toggle("new-day", newDay);
    item.classList.toggle(
      "follows",
      !newDay && Boolean(sameHand) && line.at - before.at < TOGETHER_S,
    );
  }

  scroll.addEventListener("scroll", () => {
    atEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < NEAR_PX;
    if (atEnd) setUnread(0);
  });
  newer.addEventListener("click", toEnd);
  /* From the empty box arrow up goes to the lines that one may take back. */
  /** @param {KeyboardEvent} event */
  function onKey(event) {
    const way = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    const box = /** @type {HTMLTextAreaElement} */ (field);
    if (event.key === "Escape" && list.contains(document.activeElement)) box.focus();
    if (!way || (document.activeElement === box && box.value !== "")) return;
    const buttons = /** @type {HTMLElement[]} */ ([...list.querySelectorAll(".remove")]);
    const able = buttons.filter((button) => button.offsetParent);
    const at = able.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    if (at < 0 && way > 0) return;
    const next = able[at < 0 ? able.length - 1 : at + way];
    (next ?? box).focus();
    event.preventDefault();
  }
  list.addEventListener("keydown", onKey);
  field.addEventListener("keydown", onKey);
  // Where nothing hovers, a tap on a line shows what can be done with it.
  list.addEventListener("click", (event) => {
    const line = /** @type {Element} */ (event.target).closest(".line");
    for (const picked of list.querySelectorAll(".picked"))
      if (picked !== line) picked.classList.remove("picked");
    line?.classList.toggle("picked");
  });
  // A phone's keyboard, a wider window, a long line that wraps.
  const sizes = new ResizeObserver(() => atEnd && toEnd());
  sizes.observe(scroll);
  sizes.observe(list);

  return {
    toEnd,

    get size() {
      return shown.size;
    },

    clear() {
      list.replaceChildren();
      shown = new Map();
      toEnd();
    },

    /** @param {number} key @param {Line} line @param {boolean} mine */
    add(key, line, mine) {
      const item = makeItem(line, mine, () => onRemove(key));
      item.dataset.key = String(key);
      shown.set(key, { line, item });
      // Nearly always the newest; after a gap in the connection perhaps not.
      let after = list.lastElementChild;
      while (after && Number(/** @type {HTMLElement} */ (after).dataset.key) > key)
        after = after.previousElementSibling;
      if (after) after.after(item);
      else list.prepend(item);
      setHeading(item);
      setHeading(item.nextElementSibling);
      if (atEnd || mine) toEnd();
      else if (line.from !== 0) setUnread(unread + 1);
    },

    /** What one has said while the line is down. @param {string} text */
    addWaiting(text) {
      const item = make("li", "line mine follows waiting", "");
      const said = make("div", "said", "");
      item.dataset.key = "Infinity"; // behind all that come meanwhile
      said.append(make("p", "text", text), make("span", "note", "waits"));
      item.append(said);
      list.append(item);
      toEnd();
    },

    clearWaiting() {
      for (const item of list.querySelectorAll(".waiting")) item.remove();
    },

    /** @param {number} key */
    remove(key) {
      const item = shown.get(key)?.item;
      const next = item?.nextElementSibling;
      item?.remove();
      shown.delete(key);
      setHeading(next);
    },
  };
}
