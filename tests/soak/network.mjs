// SPDX-License-Identifier: MIT
// Players on bad lines, for a given time; README.md says what must hold.
import process from "node:process";

import { startServer } from "../e2e/lib/server.mjs";
import { STORM, run } from "../e2e/lib/storm.mjs";

const FAULTS_PER_SECOND = 10;
const SHOWN = 4; // wrongs of one player

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
  files: { "storm/game.lua": STORM },
  program: "release",
});
const seed = Number(process.env.SOAK_SEED ?? 1);
const result = await run({
  server,
  players,
  perRoom: 50,
  ms: seconds * 1000,
  faultsPerSecond: FAULTS_PER_SECOND,
  seed,
  say,
});
const { wrong, faults, ...counts } = result;
for (const [kind, n] of Object.entries(faults)) say(`${kind}: ${n}`);
for (const [what, n] of Object.entries(counts)) say(`${what}: ${n}`);
say(`server: ${Math.round(server.residentBytes() / 2 ** 20)} MiB resident`);
const byWhom = new Map();
for (const text of wrong) {
  const who = text.slice(0, text.indexOf(":"));
  byWhom.set(who, [...(byWhom.get(who) ?? []), text]);
}
for (const texts of byWhom.values()) {
  for (const text of texts.slice(0, SHOWN)) say(`WRONG: ${text}`);
  if (texts.length > SHOWN) say(`... and ${texts.length - SHOWN} more of the same player`);
}
await server.stop();
say(wrong.length ? `${wrong.length} things were wrong, with ${byWhom.size} players` : "all was well");
process.exit(wrong.length ? 1 : 0);
