// SPDX-License-Identifier: MIT
/*
 * writers - people who write random things into one document of games/doc, in an order
 * that a seed decides.
 *
 * Each has a real seat by the SDK and the page's own Document; what the server tells
 * them waits until the dice let it through. So edits cross in all ways there are, and
 * the same seed makes the same schedule.
 */
import { Document } from "../../../games/doc/web/document.js";
import { apply, compose, isPair, move } from "../../../games/doc/web/ops.js";
import { until } from "./server.mjs";
import { dice as makeRandom } from "./weather.mjs";

/** Dice that fall the same for the same seed. */
export function makeDice(seed) {
  const next = makeRandom(seed);
  return {
    /** 0 … n − 1. */
    below: (n) => Math.floor(next() * n),
    pick: (list) => list[Math.floor(next() * list.length)],
  };
}

// One, two, three and four bytes; one unit and two; words and ends of lines.
const SIGNS = ["a", "b", "c", "d", " ", "\n", "é", "€", "😀", "👍"];

/** Up to `most` signs. */
export const anyText = (dice, most) =>
  Array.from({ length: dice.below(most + 1) }, () => dice.pick(SIGNS)).join("");

/** A place between two whole signs. */
function anyPlace(dice, text) {
  const at = dice.below(text.length + 1);
  return isPair(text, at) ? at - 1 : at;
}

/** One to three edits of the text, as one operation. */
export function anyOp(dice, text) {
  let op = [];
  let now = text;
  for (let n = 1 + dice.below(3); n > 0; n--) {
    const [from, to] = [anyPlace(dice, now), anyPlace(dice, now)].sort((p, q) => p - q);
    const isCut = dice.below(2) === 0;
    const put = isCut && dice.below(3) ? "" : dice.pick(SIGNS) + anyText(dice, 2);
    const next = [{ keep: from, cut: isCut ? to - from : 0, put }];
    op = compose(op, next);
    now = apply(now, next);
  }
  return op;
}


/** Somebody who writes: a seat, a document, and what has come but was not let through. */
async function sit(join, server, room, born) {
  const seat = await join(server, `/doc/${room}`, { name: "w", key: `${room}-${born}` });
  const { state } = seat;
  const writer = {
    seat,
    document: new Document({ text: state.text, rev: state.rev, born: state.born }, (op) => {
      writer.caret = move(writer.caret, op);
    }),
    caret: 0,
    isTold: true, // the caret, to the server
    queue: [],
    onWire: false,
    gaps: 0,
  };
  seat.on("edit", (edit) => writer.queue.push(edit));
  return writer;
}

/** Lets one edit through. */
function hear(writer) {
  const edit = writer.queue.shift();
  if (!edit) return;
  const isOurs = edit.by === writer.seat.id;
  writer.document.take(edit, isOurs);
  if (isOurs) writer.onWire = false;
}

/** Something is written, or deleted. */
function write(dice, writer) {
  const { document } = writer;
  const op = anyOp(dice, document.text);
  if (op.length === 0) return;
  document.edit(op);
  writer.isTold = false;
  writer.caret = op.reduce((at, s) => at + s.keep + s.put.length, 0);
}

/** Sends what is next, and waits until the server has handled it. */
async function send(writer) {
  if (writer.onWire) return;
  const edit = writer.document.next();
  if (!edit) return;
  writer.onWire = true;
  writer.isTold = true;
  const caret = { from: writer.caret, to: writer.caret };
  const why = await writer.seat.request("edit", { ...edit, ...caret });
  if (!why) return;
  writer.onWire = false;
  writer.document.refuse(why);
  if (why !== "old") throw new Error(`the server refuses: ${why}`);
}

/** All that the room has told has come: its state is what the edits say. */
const settle = (writer, rev) =>
  until("the newest state", () => {
    const { seat, queue, document } = writer;
    return seat.state.rev === rev && (queue.at(-1)?.rev ?? document.rev) >= rev;
  });

/**
 * One schedule: 3 to 5 people, `steps` turns of random things, then everything is let
 * through. Throws where they do not end with one text, or where a page had to be mended.
 * @param {{join: Function, server: any, seed: number, steps?: number}} options
 */
export async function runSchedule({ join, server, seed, steps = 60 }) {
  const dice = makeDice(seed);
  const n = 3 + dice.below(3);
  const writers = [];
  for (let i = 0; i < n; i++) writers.push(await sit(join, server, `s${seed}`, i));
  try {
    for (let i = 0; i < steps; i++) {
      const writer = dice.pick(writers);
      const what = dice.below(10);
      if (what < 4) write(dice, writer);
      else if (what < 7) await send(writer);
      else for (let k = dice.below(4); k >= 0; k--) hear(writer);
      // Once in a while all that has come for one of them is lost.
      if (dice.below(60) === 0) await forget(writer);
    }
    await until(`the end of schedule ${seed}`, async () => {
      for (const writer of writers) {
        while (writer.queue.length > 0) hear(writer);
        await send(writer);
      }
      return writers.every(({ document }) => document.isShared);
    });
    return await compare(writers, seed);
  } finally {
    await Promise.all(writers.map(({ seat }) => seat.leave()));
  }
}

/** As after a gap: what waits is gone, and the state is what there is. */
async function forget(writer) {
  const { seat, document } = writer;
  const newest = writer.queue.at(-1);
  writer.queue.length = 0;
  document.lose();
  if (newest) document.take(newest, false); // the state may be older than the edits
  await until("a state that is new enough", () => {
    document.look(seat.state, seat.state.people.get(seat.id).last);
    return document.missing < 0;
  });
  writer.queue = writer.queue.filter(({ rev }) => rev > document.rev);
  if (!document.sent) writer.onWire = false;
  writer.isTold = false; // a diff may move it elsewhere than the edits did
  writer.gaps++;
}

async function compare(writers, seed) {
  const rev = Math.max(...writers.map(({ document, queue }) => queue.at(-1)?.rev ?? document.rev));
  const texts = [];
  for (const writer of writers) {
    await settle(writer, rev);
    while (writer.queue.length > 0) hear(writer);
    texts.push(writer.document.text);
  }
  const { text } = writers[0].seat.state;
  for (const [i, { document, seat, caret, isTold }] of writers.entries()) {
    const own = writers[0].seat.state.people.get(seat.id);
    const faults = [
      texts[i] !== text && `writer ${i} has ${JSON.stringify(texts[i])}`,
      document.repairs > 0 && `writer ${i} was mended ${document.repairs} times`,
      isTold && own.from !== caret && `writer ${i} is at ${caret}, others see it at ${own.from}`,
    ].filter(Boolean);
    if (faults.length > 0)
      throw new Error(`seed ${seed}: ${faults.join("; ")}; the room has ${JSON.stringify(text)}`);
  }
  return { rev, length: text.length, gaps: writers.reduce((sum, w) => sum + w.gaps, 0) };
}
