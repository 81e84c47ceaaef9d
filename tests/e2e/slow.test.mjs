// SPDX-License-Identifier: MIT
// Slow lines: state does not queue up, neither here nor in the network, and nobody
// else notices.
import assert from "node:assert/strict";
import test, { after } from "node:test";

import { joinJ1 } from "./lib/player.mjs";
import { startProxy } from "./lib/proxy.mjs";
import { joinWithSdk, rowsOf } from "./lib/sdk.mjs";
import { startServer, until } from "./lib/server.mjs";

const swarm = `local parlor = require "parlor"
local s = parlor.schema
local game = parlor.game {
  tick_rate = 20, reconnect = 30,
  state = { n = s.u32, bees = s.map({ x = s.u16, y = s.u16 }, { keys = "integer" }) },
}
function game:create() for i = 1, 300 do self.state.bees[i] = { x = i, y = i } end self.runs = true end
function game:tick()
  if not self.runs then return end
  self.state.n = self.tick
  for _, b in pairs(self.state.bees) do b.x = self:random(0, 65535) b.y = self:random(0, 65535) end
end
function game:message(player, name, data)
  if name == "run" then self.runs = data end
  if name == "flood" then for i = 1, data do player:send("drop", ("x"):rep(100000)) end end
end
return game
`;
const FRAME = 300 * 8; // a tick of the swarm has about so many bytes
// What is sent is what fills the line, so nothing is compressed.
const server = await startServer({
  files: { "swarm/game.lua": swarm },
  env: { PARLOR_DEFLATE_LEVEL: "0" },
});
after(() => server.stop());

test("behind a slow line with a deep buffer only a few frames wait, ever", async () => {
  const line = await startProxy(server.port);
  const far = { ...server, ws: (at) => server.ws(at).replace(server.port, line.port) };
  const fast = await joinWithSdk(server, "/swarm/deep", { name: "ann" });
  const slow = await joinWithSdk(far, "/swarm/deep", { name: "bob" });
  let frames = 0;
  fast.on("state", () => frames++);
  await until("some frames", () => frames > 20);
  line.slow(FRAME * 4); // four a second, of twenty
  const ticks = (n) => until(`${n} ticks`, ((to) => () => fast.tick >= to)(fast.tick + n));
  await ticks(40); // what was let out before anybody could know
  let most = 0;
  const from = { tick: slow.tick, fast: frames };
  const looking = setInterval(() => (most = Math.max(most, line.waiting)), 20);
  await ticks(40);
  clearInterval(looking);
  // Without the rule 16 frames more would wait every second.
  assert.ok(most < 4 * FRAME, `${most} bytes waited`);
  assert.ok(slow.tick - from.tick >= 10, "it is kept up to date");
  assert.ok(frames - from.fast >= 20, `and nobody else is held back: ${frames - from.fast} of 40`);
  fast.send("run", false);
  line.slow(Infinity);
  await until("the same state", () => {
    const [a, b] = [fast, slow].map((room) => JSON.stringify(rowsOf(room.state.bees)));
    return a === b && fast.state.n === slow.state.n;
  });
  fast.leave();
  slow.leave();
  line.close();
});

test("a client that reads nothing gets one merged delta when it reads again", async () => {
  const ann = await joinJ1(server, "/swarm/stalled", { name: "ann" });
  const bob = await joinJ1(server, "/swarm/stalled", { name: "bob" });
  bob.ws.pause();
  await ann.until("ticks", () => ann.of("delta").length > 100);
  ann.say("run", false);
  bob.ws.resume();
  await bob.until("the same state", () => bob.state.n === ann.state.n);
  assert.deepEqual(bob.state.bees, ann.state.bees);
  // It never sent an ACK: what the socket took before it was full is on its way.
  assert.ok(bob.of("delta").some((d) => d.tick - d.base > 5), "some ticks were merged");
  await ann.leave();
  await bob.leave();
});

test("too many events for a line: closed with 4007, the seat is kept, and the page comes back", async () => {
  const line = await startProxy(server.port);
  const far = { ...server, ws: (at) => server.ws(at).replace(server.port, line.port) };
  const room = await joinWithSdk(far, "/swarm/flood", { name: "ann" });
  const { id } = room;
  const seen = [];
  room.on("status", (status) => seen.push(status));
  room.send("flood", 120); // 12 MB in one go
  await until("the line to be given up", () => seen.includes("away"));
  await until("to be back", () => room.status === "live");
  assert.equal(room.id, id);
  room.leave();
  line.close();
});
