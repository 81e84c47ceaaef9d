// SPDX-License-Identifier: MIT
// @ts-check
/*
 * ticket - what brings a page back to its seat after a reload, kept in
 * sessionStorage by game path.
 *
 * A browser that duplicates a tab copies sessionStorage, and frames of one tab
 * share it. So an entry is used only when the page that wrote it has said that
 * it is gone (pagehide); the copy then takes a seat of its own instead of
 * pushing the first tab out of its.
 */

/**
 * How many events and replies the page has received in its seat, and requests made: their
 * numbers must not come twice.
 * @typedef {{ id: number, token: string, epoch: number, events: number, requests: number }} Ticket
 */

/** There is none in Node, and it may throw. @returns {Storage | undefined} */
const storage = () => globalThis.sessionStorage;
const keyOf = (/** @type {string} */ path) => `parlor ${path}`;

/** Takes the ticket out: one join uses it. @param {string} path @returns {Ticket | null} */
export function takeTicket(path) {
  try {
    const entry = JSON.parse(storage()?.getItem(keyOf(path)) ?? "null");
    if (!entry || entry.isOpen) return null;
    storage()?.removeItem(keyOf(path));
    return entry;
  } catch {
    return null;
  }
}

/**
 * @param {string} path @param {Ticket | null} ticket null: forget it
 * @param {boolean} isOpen the page is there
 */
export function saveTicket(path, ticket, isOpen) {
  try {
    if (ticket) storage()?.setItem(keyOf(path), JSON.stringify({ ...ticket, isOpen }));
    else storage()?.removeItem(keyOf(path));
  } catch {
    // A full or forbidden storage costs the seat at a reload, nothing else.
  }
}
