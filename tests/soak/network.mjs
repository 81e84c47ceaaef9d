// SPDX-License-Identifier: MIT
// Players on bad lines, for a given time; README.md says what must hold.
import process from "node:process";

import { startServer } from "../e2e/lib/server.mjs";
import { STORM, run } from "../e2e/lib/storm.mjs";

const FAULTS_PER_SECOND = 10;

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
for (const text of wrong.slice(0, 50)) say(`WRONG: ${text}`);
await server.stop();
say(wrong.length ? `${wrong.length} things were wrong` : "all was well");
process.exit(wrong.length ? 1 : 0);
