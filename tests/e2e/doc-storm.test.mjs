// SPDX-License-Identifier: MIT
// People who write in one document over bad lines, with the page's own code: connections
// break all the time, some for so long that the seat is lost, in the end the server is
// started again. Nothing that was written is lost, and nothing is there twice.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test, { after } from "node:test";

import { Document } from "../../games/doc/web/document.js";
import { makeLink } from "../../games/doc/web/link.js";
import { joinWithSdk } from "./lib/sdk.mjs";
import { freePort, gamesFolder, sleep, startServer, until } from "./lib/server.mjs";
import { dice, startWeather } from "./lib/weather.mjs";
import { makeDice } from "./lib/writers.mjs";

const SEED = Number(process.env.PARLOR_SEED ?? 1);
const SECONDS = Number(process.env.PARLOR_STORM ?? 5);
const WRITERS = 4;

const folder = gamesFolder(["doc"]);
const script = path.join(folder, "doc/game.lua");
const source = fs.readFileSync(script, "utf8");
// Seats are held for so short a time that some are lost; the room forgets edits as soon.
const hasty = source
  .replace("reconnect = 60", "reconnect = 0.5, resume_bytes = 300")
  .replace("HISTORY = 500", "HISTORY = 20");
assert.match(hasty, /HISTORY = 20\b[^]*reconnect = 0.5, resume_bytes = 300,/);
fs.writeFileSync(script, hasty);

const port = await freePort();
let server = await startServer({ folder, args: ["--port", String(port)] });
const weather = await startWeather(server.port, dice(SEED));
const writers = [];
let reader;
after(async () => {
  for (const { room } of writers) room.leave();
  reader?.leave();
  weather.close();
  await server.stop();
});

/** All words that anybody wrote, and those that somebody took away. */
const written = new Set();
const taken = new Set();
const random = makeDice(SEED);
const counts = { gaps: 0, seats: 0 };

async function come(i) {
  const at = { ws: (where) => `ws://127.0.0.1:${weather.port}${where}` };
  const room = await joinWithSdk(at, "/doc/storm", { name: `w${i}`, key: `key-${i}` });
  const { text, rev, born } = room.state;
  const doc = new Document({ text, rev, born }, () => {});
  const link = makeLink(room, doc, {
    caret: () => ({ from: 0, to: 0 }),
    onShared() {},
    onRefused: (why) => assert.fail(why),
  });
  let { id } = room;
  room.on("gap", () => counts.gaps++);
  room.on("status", () => {
    if (room.status === "live" && room.id !== id) counts.seats++;
    ({ id } = room);
  });
  writers.push({ i, room, doc, link, n: 0 });
}

/** A word more between two others, or one less. */
function write(writer) {
  const { doc, link, i } = writer;
  const words = [...doc.text.matchAll(/\w+ /g)];
  const word = random.below(6) === 0 && words.length > 0 ? random.pick(words) : null;
  if (word) {
    taken.add(word[0]);
    doc.edit([{ keep: word.index, cut: word[0].length, put: "" }]);
  } else {
    const put = `w${i}_${writer.n++} `;
    written.add(put);
    const next = words.length > 0 ? random.pick(words).index : 0;
    doc.edit([{ keep: next, cut: 0, put }]);
  }
  link.pump();
}

async function settled() {
  await until(
    "one text everywhere",
    () => {
      const [{ doc: first }] = writers;
      return writers.every(({ doc }) => doc.isShared && doc.text === first.text && doc.missing < 0);
    },
    60000,
  ).catch((error) => {
    const show = ({ room, doc: { rev, missing, sent, waiting } }) =>
      JSON.stringify({ status: room.status, state: room.state.rev, rev, missing, sent, waiting });
    throw new Error(`${error.message}\n${writers.map(show).join("\n")}`);
  });
  const words = writers[0].doc.text.match(/[^ ]+ /g) ?? [];
  assert.equal(new Set(words).size, words.length, `nothing is there twice: ${words}`);
  assert.deepEqual(
    [...written].filter((word) => !taken.has(word) && !words.includes(word)),
    [],
    "nothing is lost",
  );
  assert.deepEqual(
    words.filter((word) => !written.has(word)),
    [],
    "nothing is torn",
  );
  for (const { doc } of writers) assert.equal(doc.repairs, 0);
}

test("over lines that break all the time no word is lost, doubled or torn", async (t) => {
  // Somebody on a good line: else the room might end, and what is brought to the next one
  // is what one page had of it.
  reader = await joinWithSdk(server, "/doc/storm", { name: "reader" });
  for (let i = 0; i < WRITERS; i++) await come(i);
  const end = Date.now() + SECONDS * 1000;
  for (let k = 0; Date.now() < end; k++) {
    write(random.pick(writers));
    if (k % 8 === 0) weather.strike();
    await sleep(20);
  }
  await settled();
  assert.ok(counts.gaps + counts.seats > 0, `it was a storm: ${JSON.stringify(counts)}`);
  t.diagnostic(JSON.stringify({ words: written.size, ...counts, ...weather.counts }));
});

test("when the server is started again the pages bring the text back", async () => {
  const { text } = writers[0].doc;
  assert.ok(text.length > 100);
  await server.stop();
  await until("all away", () => writers.every(({ room }) => room.status === "away"));
  for (const writer of writers) for (let k = 0; k < 3; k++) write(writer);
  server = await startServer({ folder, args: ["--port", String(port)] });
  await settled();
  for (const { room } of writers) assert.equal(room.state.text, writers[0].doc.text);
});
