// SPDX-License-Identifier: MIT
// Coming back over a line that was cut: what changed meanwhile comes, no more.
import assert from "node:assert/strict";
import test, { after } from "node:test";
import WebSocket from "ws";

import { startProxy } from "./lib/proxy.mjs";
import { joinWithSdk, rowsOf } from "./lib/sdk.mjs";
import { startServer, until } from "./lib/server.mjs";
import { join } from "../../scripts/web/client.js";

const store = `local parlor = require "parlor"
local s = parlor.schema
local game = parlor.game {
  tick_rate = 20, reconnect = 30,
  state = { goods = s.map({ n = s.u32, name = s.str(16) }, { keys = "integer" }) },
}
function game:create()
  for i = 1, 1000 do self.state.goods[i] = { n = i, name = "good number " .. i } end
end
function game:message(player, name, data)
  if name == "buy" then self.state.goods[data].n = self.state.goods[data].n + 1 end
  if name == "drop" then self.state.goods[data] = nil end
  if name == "add" then self.state.goods[data] = { n = data, name = "new" } end
end
return game
`;
const server = await startServer({ files: { "store/game.lua": store } });
after(() => server.stop());

for (const json of [false, true])
  test(`${json ? "parlor.j1" : "parlor.b1"}: a cut line costs the changes of the absence`, async () => {
    const line = await startProxy(server.port);
    const far = { WebSocket, json, base: `http://127.0.0.1:${line.port}` };
    const ann = await joinWithSdk(server, `/store/${json}`, { name: "ann" });
    const bob = await join(`/store/${json}`, { name: "bob" }, far);
    const first = bob.bytesIn;
    assert.ok(first > 15_000, "the whole state, once");
    const gone = [];
    const added = [];
    const changed = [];
    bob.state.goods.on("remove", (row, id) => gone.push(id));
    bob.state.goods.on("add", (row, id) => added.push(id));
    bob.state.goods.on("change", (row, id) => changed.push(id));
    added.length = 0;
    for (let round = 0; round < 3; round++) {
      const before = bob.bytesIn;
      line.cut();
      await until("away", () => bob.status === "away");
      ann.send("buy", 10 + round);
      ann.send("drop", 20 + round);
      ann.send("add", 2000 + round);
      await until("the changes", () => ann.state.goods.has(2000 + round));
      await until("live", () => bob.status === "live");
      await until("the same", () => bob.state.goods.has(2000 + round));
      assert.deepEqual(rowsOf(bob.state.goods), rowsOf(ann.state.goods));
      // The rows that are kept are listed: one byte each, in JSON their keys.
      const cost = bob.bytesIn - before;
      assert.ok(cost < (json ? 9000 : 2500), `${cost} bytes`);
    }
    assert.deepEqual(gone, [20, 21, 22]);
    assert.deepEqual(added, [2000, 2001, 2002]);
    assert.deepEqual(changed, [10, 11, 12]);
    // Where nothing has left, not even those.
    const before = bob.bytesIn;
    line.cut();
    await until("away", () => bob.status === "away");
    ann.send("buy", 500);
    await until("live", () => bob.status === "live");
    await until("the change", () => bob.state.goods.get(500).n === 501);
    assert.ok(bob.bytesIn - before < 400, `${bob.bytesIn - before} bytes`);
    ann.leave();
    bob.leave();
    line.close();
  });
