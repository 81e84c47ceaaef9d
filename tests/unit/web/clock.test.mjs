// SPDX-License-Identifier: MIT
/* The server's clock by pings that take their time. */
import assert from "node:assert/strict";
import test from "node:test";
import { Clock } from "../../../scripts/web/clock.js";
import { dice } from "./net.mjs";

/** Plays an hour of pings every 5 s; returns the largest error after the first minute. */
function play({ drift, away = () => 0 }) {
  const random = dice(7);
  let real = 0;
  const server = () => 5_000_000 + real;
  const clock = new Clock(() => 1000 + real * (1 + drift));
  let worst = 0;
  let last = -Infinity;
  while (real < 3_600_000) {
    const up = 20 + random() ** 4 * 200; // mostly 20 ms, now and then much more
    const down = 20 + random() ** 4 * 200;
    real += up;
    const said = Math.floor(server()) >>> 0;
    real += down;
    clock.sample(said, (up + down) * (1 + drift));
    for (const end = real + 5000; real < end; real += 50) {
      const now = clock.now();
      assert.ok(now >= last, `back from ${last} to ${now}`);
      last = now;
      if (real > 60_000) worst = Math.max(worst, Math.abs(now - server()));
    }
    real += away(real);
  }
  return worst;
}

test("clock: within a few ms over slow pings", () => {
  const worst = play({ drift: 0 });
  assert.ok(worst < 12, `${worst} ms`);
});

test("clock: follows a clock that drifts, and never goes back", () => {
  for (const drift of [5e-5, -5e-5, 1e-4]) {
    const worst = play({ drift });
    assert.ok(worst < 15, `${worst} ms at ${drift}`);
  }
});
