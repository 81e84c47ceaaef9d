// SPDX-License-Identifier: MIT
// @ts-check
/*
 * people - what the sample games share about those who play: the name that one
 * has chosen, the colour and the letter that stand for others, and the list of them.
 */

const FIRST = ["Amber", "Quiet", "Early", "Merry", "Silver", "Roving", "Northern", "Paper"];
const SECOND = ["Finch", "Lantern", "Kettle", "Harbour", "Sparrow", "Clover", "Otter", "Comet"];

/** As much of a text as fits into so many bytes of UTF-8, in whole characters.
 * @param {string} text @param {number} bytes */
export function fit(text, bytes) {
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

/** What this browser remembers of an earlier visit; "" if nothing, or if storage
 * is forbidden. @param {string} key */
export function recall(key) {
  try {
    return localStorage.getItem(key) ?? "";
  } catch {
    return "";
  }
}

/** Remembers it for the next visit, where storage is allowed.
 * @param {string} key @param {string} value */
export function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Nothing is lost but the memory of it.
  }
}

/**
 * The name to join with: that of the address (?name=Ann), that of last time, or
 * one made of two words. @param {number} bytes how long it may be
 * @param {string[]} [first] @param {string[]} [second] words to make it of
 */
export function chosenName(bytes, first = FIRST, second = SECOND) {
  const pick = (/** @type {string[]} */ list) => list[Math.floor(Math.random() * list.length)];
  const asked = new URLSearchParams(location.search).get("name")?.trim();
  return fit(asked || recall("parlor.name") || `${pick(first)} ${pick(second)}`, bytes);
}

/** Remembers a name for all games here. @param {string} name */
export const keepName = (name) => remember("parlor.name", name);

/** Hues far apart for ids close together; use it with the colours of `.avatar`.
 * @param {number} id */
export const hueOf = (id) => Math.round((200 + id * 137.508) % 360);

/** A round sign with the first letter of a name. Not for screen readers: the name
 * stands beside it. @param {string} name @param {number} id */
export function makeAvatar(name, id) {
  const avatar = document.createElement("span");
  avatar.className = "avatar";
  avatar.setAttribute("aria-hidden", "true");
  avatar.style.setProperty("--hue", String(hueOf(id)));
  avatar.textContent = [...name][0]?.toUpperCase() ?? "?";
  return avatar;
}

/** What each list shows now. @type {WeakMap<Element, string>} */
const shown = new WeakMap();

/**
 * Fills a list with those of `room.state.people` (rows with a name, and `away`): a sign
 * each, 8 at most, on a phone `few`. Cheap where nothing has changed.
 * @param {Element} list @param {any} room @param {number} [few]
 */
export function showPeople(list, room, few = 4) {
  const all = [...room.state.people].map(([id, { name, away }]) => ({ id, name, away }));
  const most = window.innerWidth < 700 ? few : 8;
  const look = JSON.stringify([all, most, room.id]);
  if (look === shown.get(list)) return;
  shown.set(list, look);
  const items = all.slice(0, most).map(({ id, name, away }) => {
    const item = document.createElement("li");
    const who = document.createElement("span");
    who.className = "unseen";
    who.textContent = `${name}${id === room.id ? " (you)" : ""}${away ? " (away)" : ""}`;
    item.title = who.textContent;
    item.classList.toggle("away", away);
    item.append(makeAvatar(name, id), who);
    return item;
  });
  if (all.length > most) {
    const more = document.createElement("li");
    more.className = "more";
    more.textContent = `+${all.length - most}`;
    items.push(more);
  }
  list.replaceChildren(...items);
}
