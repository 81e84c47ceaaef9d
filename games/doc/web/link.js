// SPDX-License-Identifier: MIT
// @ts-check
/*
 * link - between the room and the document: edits one way and the other, the caret,
 * and what is to be done when the line breaks.
 *
 * What is written while the line is down stays in the document, as one edit, and goes
 * when it is back. A request that was on its way then is answered once all the same
 * (scripts/web/README.md, "Coming back").
 */

/** @typedef {import("./document.js").Document} Document */

const EDIT_MS = 60; // between two edits: 20 a second are allowed
const CARET_MS = 100;
const AGAIN_MS = 1000; // after an edit that has failed
const HOUR_MS = 3600_000;

/**
 * @param {any} room @param {Document} document
 * @param {{caret: () => {from: number, to: number}, onShared: () => void,
 *   onRefused: (why: string) => void}} calls `onShared`: look at `document.isShared`
 */
export function makeLink(room, document, { caret, onShared, onRefused }) {
  let seat = room.id;
  let isBusy = false;
  let round = 0; // answers of an earlier one mean nothing
  let notBefore = 0;
  let told = "";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  const own = () => room.state.people.get(room.id);

  /* The state is there after a join, a gap, another seat. Else the edits say it all. */
  function look() {
    if (room.id !== seat) {
      document.lose();
      told = "";
    }
    seat = room.id;
    const { text, rev, born } = room.state;
    document.look({ text, rev, born }, own()?.last ?? 0);
    pump();
  }

  /** @param {number} ms */
  function later(ms) {
    clearTimeout(timer);
    timer = setTimeout(pump, ms);
  }

  /* Sends what there is to send, if it is time for it. */
  function pump() {
    onShared();
    if (isBusy || room.status !== "live" || document.missing >= 0 || room.id !== seat) return;
    const wait = notBefore - performance.now();
    if (wait > 0) return later(wait);
    const edit = document.next();
    const { from, to } = caret();
    if (edit) {
      isBusy = true;
      told = `${from} ${to}`;
      notBefore = performance.now() + EDIT_MS;
      const now = round;
      room.request("edit", { ...edit, from, to }, { timeout: HOUR_MS }).then(
        (/** @type {string | undefined} */ why) => now === round && answered(edit.id, why),
        // Too many, lost with the seat, or written before a reload changed the schema.
        () => now === round && answered(edit.id, "again"),
      );
    } else if (told !== `${from} ${to}` && document.isShared) {
      told = `${from} ${to}`;
      notBefore = performance.now() + CARET_MS;
      room.send("caret", { base: document.rev, from, to });
    }
  }

  /** @param {number} id @param {string | undefined} why */
  function answered(id, why) {
    isBusy = false;
    if (document.sent?.id === id) {
      // The edit itself comes before its answer, so something went wrong.
      if (why === "full" || why === "wrong") onRefused(why);
      if (why === "full" || why === "wrong" || why === "old") document.refuse(why);
      if (why !== "full") notBefore = performance.now() + (why === "old" ? EDIT_MS : AGAIN_MS);
      if (why === "old" && room.state.rev < document.rev) document.lose();
    }
    look();
  }

  room.on("edit", (/** @type {any} */ edit) => {
    document.take(edit, edit.by === room.id);
    pump();
  });
  room.on("gap", (/** @type {number | null} */ n) => {
    if (n === null) {
      // The answer may be among what is lost. Sent twice an edit counts once.
      document.lose();
      round++;
      isBusy = false;
    }
    told = "";
    look();
  });
  room.on("state", look);
  room.on("status", pump);

  return {
    /** Something was written, or the caret has moved. */
    pump,
  };
}
