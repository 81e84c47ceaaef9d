// SPDX-License-Identifier: MIT
// @ts-check
/*
 * rare - what the server says to few: where those stand who wait for others, and what
 * `parlor dev` tells the author. Loaded with the first such record.
 */
import { In, fromUtf8 } from "./wire.js";

/** @typedef {import("./session.js").Session} Session */

const DEV = 0x40;
const QUEUE = 0x42;

/** The developer overlay, when it was needed. @type {Promise<any> | undefined} */
let overlay;

/** A record of `parlor.b1`, which is bytes yet. @param {number} type @param {Uint8Array} body */
function parse(type, body) {
  if (type === DEV) return { ...JSON.parse(fromUtf8(body)), t: "dev" };
  if (type !== QUEUE) return { t: "" }; // of a server that is newer than this page
  const input = new In(body);
  const [position, waiting, found, need] = [input.uv(), input.uv(), input.uv(), input.uv()];
  const estimate = input.uv() - 1;
  return { t: "queue", position, waiting, found, need, estimate: estimate < 0 ? null : estimate };
}

/** @param {Session} session @param {import("./client.js").Queue} queue */
function tellQueue(session, queue) {
  const { room, settings } = session;
  if (session.isWelcome) return; // there is a room by now
  session.stop("start"); // the server has the time in hand, and says so every few seconds
  session.awaitHello();
  if (settings.onQueue) room._call(settings.onQueue, [queue, () => room.leave()]);
  room._emit("queue", queue);
}

/** @param {Session["room"]} room @param {any} r */
function tellDev(room, r) {
  room._emit("dev", r);
  // One after the other: imports of a module that still loads may end in any order.
  if (typeof document !== "undefined")
    overlay = (overlay ?? import("./dev.js"))
      .then((dev) => (dev.show(r, room), dev))
      .catch((e) => (console.error(e), import("./dev.js")));
  if (!r.waits) return;
  // When the game loads at last, nobody is there to be told.
  const off = room.on("status", (status) => {
    if (status !== "live") return;
    off();
    tellDev(room, { kind: "fixed", game: r.game });
  });
}

/** Records that wait in session.rare. @param {Session} session */
export function tell(session) {
  for (const record of session.rare.splice(0)) {
    if (session.room.status === "closed") return; // a listener has left
    const { t, ...r } = record.body ? parse(record.type, record.body) : record;
    if (t === "queue") tellQueue(session, /** @type {any} */ (r));
    else if (t === "dev") tellDev(session.room, { t, ...r });
  }
}
