// SPDX-License-Identifier: MIT
// Players on bad lines, for a given time; README.md says what must hold.
import { fork } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";

import { startServer } from "../e2e/lib/server.mjs";
import { STORM } from "../e2e/lib/storm.mjs";

const FAULTS_PER_SECOND = 10;
/** Players and their lines are in processes of so many: one for all of them is behind as
 * soon as it shares its core. */
const PER_PROCESS = 125;
const TICK_RATE = 4; // so that 500 take half a core, their lines included
const SHOWN = 4; // wrongs of one player
const PART = fileURLToPath(new URL("lib/network_part.mjs", import.meta.url));

const seconds = Number(process.argv[2] ?? 600);
const players = Number(process.argv[3] || 500);
if (!(players >= 1 && players <= 2000)) {
  console.error(`the number of players is from 1 to 2000, not ${process.argv[3]}`);
  process.exit(64);
}
const started = Date.now();
const say = (text) =>
  console.log(`${String(Math.round((Date.now() - started) / 1000)).padStart(5)} s  ${text}`);

const server = await startServer({
  games: [],
  files: { "storm/game.lua": STORM.replace(/tick_rate = \d+/, `tick_rate = ${TICK_RATE}`) },
  program: "release",
});
const seed = Number(process.env.SOAK_SEED ?? 1);

/** The n-th process; resolves with what run() of storm.mjs has found. */
const part = (n, count) =>
  new Promise((done, fail) => {
    const about = {
      port: server.port,
      players: count,
      prefix: `part${n}_`,
      perRoom: 50,
      ms: seconds * 1000,
      faultsPerSecond: (FAULTS_PER_SECOND * count) / players,
      seed: seed * 1000 + n,
    };
    const child = fork(PART, [JSON.stringify(about)]);
    child.on("message", ({ text, result }) => (result ? done(result) : say(`part ${n}: ${text}`)));
    child.on("exit", (code) => fail(new Error(`part ${n} ended with ${code}`)));
  });

const parts = [];
for (let left = players; left > 0; left -= PER_PROCESS)
  parts.push(part(parts.length, Math.min(left, PER_PROCESS)));
const results = await Promise.all(parts);

/** One figure of all parts: the sum, but for the longest of something. */
const total = (what, of = (r) => r) => {
  const all = results.map((r) => of(r)[what]);
  return what.startsWith("longest") ? Math.max(...all) : all.reduce((sum, n) => sum + n);
};
const { wrong: _, faults, ...counts } = results[0];
for (const kind of Object.keys(faults)) say(`${kind}: ${total(kind, (r) => r.faults)}`);
for (const what of Object.keys(counts)) say(`${what}: ${total(what)}`);
say(`server: ${Math.round(server.residentBytes() / 2 ** 20)} MiB resident`);
const byWhom = new Map();
for (const [n, { wrong }] of results.entries())
  for (const text of wrong) {
    const who = `part ${n}, ${text.slice(0, text.indexOf(":"))}`;
    byWhom.set(who, [...(byWhom.get(who) ?? []), text]);
  }
for (const [who, texts] of byWhom) {
  for (const text of texts.slice(0, SHOWN)) say(`WRONG: ${who}${text.slice(text.indexOf(":"))}`);
  if (texts.length > SHOWN) say(`... and ${texts.length - SHOWN} more of ${who}`);
}
await server.stop();
const sum = [...byWhom.values()].reduce((n, texts) => n + texts.length, 0);
say(sum ? `${sum} things were wrong, with ${byWhom.size} players` : "all was well");
process.exit(sum ? 1 : 0);
