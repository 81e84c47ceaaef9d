// SPDX-License-Identifier: MIT
// A game that does not come back, beside one that people play.
import assert from "node:assert/strict";
import test, { after } from "node:test";

import { join } from "./lib/player.mjs";
import { freePort, startServer, until } from "./lib/server.mjs";

const runaway = `local parlor = require "parlor"
local s = parlor.schema
local game = parlor.game { tick_rate = 20, budget_kill = 100, max_kills = 3, memory = 16,
  state = { n = s.u32, seats = s.map { name = s.str(16) } } }
local heap = {}
function game:join(player) self.state.seats[player.id] = { name = player.name } end
function game:leave(player) self.state.seats[player.id] = nil end
function game:tick() self.state.n = self.state.n + 1 end
function game:message(player, name)
  self.state.seats[player.id] = nil
  self:broadcast("never", {})
  if name == "eat" then for i = 1, 1e9 do heap[i] = { i } end end
  while name == "loop" do pcall(function() while true do end end) end
end
return game
`;
// /metrics is on a listener of its own.
const admin = `127.0.0.1:${await freePort()}`;

const server = await startServer({
  args: ["--admin", admin],
  files: {
    "runaway/game.lua": runaway,
    "stuck/game.lua": "while true do end\n",
    "eater/game.lua": runaway,
  },
});
after(() => server.stop());

/** The longest time between two deltas of a player while body() runs. */
async function longestGap(player, body) {
  let last = Date.now();
  let gap = 0;
  const onMessage = () => {
    gap = Math.max(gap, Date.now() - last);
    last = Date.now();
  };
  player.ws.on("message", onMessage);
  await body();
  player.ws.off("message", onMessage);
  return gap;
}

async function metric(pattern) {
  const answer = await fetch(`http://${admin}/metrics`);
  const line = (await answer.text()).split("\n").find((text) => pattern.test(text));
  return line && Number(line.split(" ").at(-1));
}

test("an endless loop in a message costs nobody a seat, and other games go on", async (t) => {
  const ann = await join(server, "/runaway/den?name=ann");
  const bob = await join(server, "/runaway/den?name=bob");
  const frog = await join(server, "/pond?name=frog");
  await bob.until("both", () => bob.state.seats[ann.id] && bob.state.n > 3);
  const before = bob.state.n;
  const gap = await longestGap(frog, async () => {
    for (let i = 1; i <= 2; i++) {
      ann.say("loop", {});
      await until("the stop", async () =>
        (await metric(/callback_kills_total\{game="runaway",callback="message"\}/)) === i);
    }
    await bob.until("ticks", () => bob.state.n > before + 3);
  });
  t.diagnostic(`pond's longest silence beside two stops at 100 ms: ${gap} ms`);
  assert.equal(bob.state.seats[ann.id].name, "ann", "the state is what it was");
  assert.equal(bob.records.filter((r) => r.name === "never").length, 0);
  assert.deepEqual([ann.closed, bob.closed, frog.closed], [undefined, undefined, undefined]);

  ann.say("loop", {});
  await bob.until("the end of the room", () => bob.closed);
  assert.deepEqual(bob.closed, {
    code: 4009, reason: "the game was stopped 3 times within a minute",
  });
  const again = await join(server, "/runaway/den?name=ann");
  assert.equal(again.id, 1, "the first in a new room");
  await again.until("its seat", () => again.state.seats[again.id]);
  await again.leave();
  await frog.leave();
});

test("a game that eats its memory keeps its declared state in a new VM", async () => {
  const ann = await join(server, "/eater/den?name=ann");
  await ann.until("ticks", () => ann.state.n > 3);
  const before = ann.state.n;
  ann.say("eat", {});
  await until("a new VM", async () =>
    (await metric(/vm_replaced_total\{game="eater"\}/)) === 1);
  await ann.until("further ticks", () => ann.state.n > before + 3);
  assert.equal(ann.state.seats[ann.id].name, "ann");
  assert.equal(ann.closed, undefined);
  assert.ok((await metric(/vm_bytes\{game="eater"\}/)) < 4e6);
  assert.ok((await metric(/vm_peak_bytes\{game="eater"\}/)) > 0);
  assert.ok((await metric(/callbacks_total\{game="eater",callback="tick"\}/)) > 3);
  assert.ok((await metric(/callback_p99_seconds\{game="eater",callback="tick"\}/)) > 0);
  await ann.leave();
});

test("a game.lua that does not end is not served; the server has started all the same", async () => {
  const stuck = await server.game("stuck");
  assert.match(stuck.error, /stuck\/game\.lua:1: stopped after 1000 ms/);
});
