// SPDX-License-Identifier: MIT
// People who come and go at random on four workers, under sanitizers, for a given time;
// README.md says what must hold. WORD: threads or memory alone.
import process from "node:process";

import { bustle } from "./lib/bustle.mjs";

const seconds = Number(process.argv[2] ?? 600);
const word = process.argv[3] ?? "";
const runs = {
  threads: { program: "threads" },
  memory: { program: "checked", kills: true },
};
const chosen = Object.entries(runs).filter(([name]) => name.includes(word));
if (!chosen.length) {
  console.error(`no run has "${word}" in its name: ${Object.keys(runs).join(", ")}`);
  process.exit(64);
}
const results = await Promise.allSettled(
  chosen.map(([, options]) => bustle({ ...options, seconds })),
);
for (const [i, { status, value, reason }] of results.entries()) {
  console.log(`${chosen[i][0]}: ${status === "rejected" ? reason.stack : JSON.stringify(value)}`);
  if (status === "rejected") process.exitCode = 1;
}
