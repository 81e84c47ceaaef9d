// SPDX-License-Identifier: MIT
// People who come and go at random on four workers, under ThreadSanitizer, and under
// AddressSanitizer with scripts that have to be stopped (under ThreadSanitizer signals do
// not interrupt a loop). tools/soak workers is the same for longer.
import assert from "node:assert/strict";
import test from "node:test";

import { bustle } from "../soak/lib/bustle.mjs";

const SECONDS = 20;

// Both at once: what is looked for is in either server, not in its speed.
const [threads, memory] = await Promise.allSettled([
  bustle({ program: "threads", people: 16, seconds: SECONDS }),
  bustle({ program: "checked", people: 16, seconds: SECONDS, kills: true }),
]);

for (const [name, run] of Object.entries({ threads, memory }))
  test(`four workers under load have no fault that a sanitizer sees: ${name}`, (t) => {
    if (run.status === "rejected") throw run.reason;
    t.diagnostic(JSON.stringify(run.value));
    for (const what of ["visits", "joined", "resumed", "saves"])
      assert.ok(run.value[what] > 5, `${what}: ${run.value[what]}`);
  });
