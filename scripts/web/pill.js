// SPDX-License-Identifier: MIT
// @ts-check
/*
 * pill - the connection in one line: status, round trip, tick, bytes a second.
 *
 * Watches one room at a time; `watch` may be called again with the next one.
 * Only the status word is announced to screen readers. Looks: parlor.css.
 */

/** @typedef {import("./client.js").Room} Room */
/** @typedef {import("./client.js").Status} Status */

/** @type {Record<Status, string>} */
const WORDS = {
  connecting: "connecting",
  live: "live",
  away: "reconnecting",
  closed: "closed",
};

/** @param {number} bytes a second */
function rate(bytes) {
  const kb = bytes / 1000;
  return `${kb < 10 ? kb.toFixed(1) : Math.round(kb)} kB/s`;
}

/**
 * Makes a pill at the end of `parent`.
 * @param {Element} parent
 */
export function pill(parent) {
  const root = document.createElement("div");
  root.className = "pill";

  /** @param {string} name @param {string} [wide] room for the longest text */
  function part(name, wide) {
    const span = document.createElement("span");
    span.className = wide ? `pill-part ${name}` : name;
    if (wide) span.style.setProperty("--wide", wide);
    root.append(span);
    return span;
  }
  part("pill-dot").setAttribute("aria-hidden", "true");
  const word = part("pill-status");
  word.setAttribute("role", "status");
  const rtt = part("pill-rtt", "4.4em");
  const tick = part("pill-tick", "5.6em");
  const bytes = part("pill-bytes", "4.9em");
  rtt.title = "round trip";
  tick.title = "steps of the room so far";
  bytes.title = "received";
  parent.append(root);
  // Where only the dot is shown, a tap shows the figures (parlor.css).
  root.addEventListener("click", () => root.toggleAttribute("data-open"));

  /** @type {Room | undefined} */
  let room;
  let received = 0;
  let at = 0;
  let off = () => {};

  /** @param {Status} status */
  function show(status) {
    root.dataset.status = status;
    word.textContent = WORDS[status];
  }

  function sample() {
    const now = performance.now();
    if (!room || document.hidden) return;
    const perSecond = at ? ((room.bytesIn - received) * 1000) / (now - at) : 0;
    rtt.textContent = room.rtt > 0 ? `${Math.round(room.rtt)} ms` : "– ms";
    tick.textContent = `tick ${room.tick}`;
    bytes.textContent = rate(Math.max(0, perSecond));
    received = room.bytesIn;
    at = now;
  }

  show("connecting");
  rtt.textContent = "– ms";
  tick.textContent = "tick –";
  bytes.textContent = "0.0 kB/s";
  setInterval(sample, 1000);

  return {
    show,
    /** @param {Room | undefined} next none: the page is between two rooms */
    watch(next) {
      off();
      off = () => {};
      room = next;
      if (!room) return show("connecting");
      received = room.bytesIn;
      at = performance.now();
      off = room.on("status", show);
      show(room.status);
      sample();
    },
  };
}
