// SPDX-License-Identifier: MIT
// People who come and go at random on four workers, under ThreadSanitizer, and under
// AddressSanitizer with scripts that have to be stopped (under ThreadSanitizer signals do
// not interrupt a loop). tools/soak workers is the same for longer.
import assert from "node:assert/strict";
import test from "node:test";

import { bustle } from "../soak/lib/bustle.mjs";

const SECONDS = 20;
const least = { visits: 6, joined: 6, resumed: 6, saves: 6 };

// Both at once: what is looked for is in either server, not in its speed.
const [threads, memory] = await Promise.allSettled([
  bustle({ program: "threads", people: 16, seconds: SECONDS, least }),
  bustle({ program: "checked", people: 16, seconds: SECONDS, least, kills: true }),
]);

for (const [name, run] of Object.entries({ threads, memory }))
  test(`four workers under load have no fault that a sanitizer sees: ${name}`, (t) => {
    if (run.status === "rejected") throw run.reason;
    t.diagnostic(JSON.stringify(run.value));
    for (const [what, n] of Object.entries(least))
      assert.ok(run.value[what] >= n, `${what}: ${run.value[what]}`);
  });
