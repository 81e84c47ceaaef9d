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
const SEA = `local parlor = require "parlor"
local s = parlor.schema
local game = parlor.game {
  tick_rate = 20, reconnect = 30,
  state = {
    rocks = s.map({ x = s.i16, y = s.i16, name = s.str(16) },
      { keys = "integer", interest = s.near {x = "x", y = "y", see = 100, forget = 100} }),
    quotes = s.map({ bid = s.f64 }, { keys = "string", interest = s.keys }),
    hands = s.map({ score = s.u8, cards = s.str(16) {to = "owner"} }),
  },
}
function game:create()
  for i = 1, 400 do self.state.rocks[i] = { x = i, y = 0, name = "rock number " .. i } end
  for _, q in ipairs {"A", "B"} do self.state.quotes[q] = {bid = 1} end
end
function game:join(player)
  self.state.hands[player.id] = { cards = "of " .. player.id }
  player:view {x = 150, y = 0}
  player:watch("quotes", "A")
end
function game:message(player, name, data)
  if name == "put" then self.state.rocks[data[1]] = data[2] and { x = data[2], name = "put" } or nil end
  if name == "bid" then self.state.quotes.A.bid, self.state.quotes.B.bid = data, data end
  if name == "deal" then
    for _, hand in pairs(self.state.hands) do hand.cards = hand.cards .. data end
  end
  if name == "look" then
    for _, one in pairs(self.players) do one:view {x = data, y = 0} end
  end
end
function game:leave(player) self.state.hands[player.id] = nil end
return game
`;
const COUNT = `local parlor = require "parlor"
local s = parlor.schema
local game = parlor.game { tick_rate = 20, reconnect = 30,
  state = { rows = s.map { last = s.u32, n = s.u32, twice = s.u32 } },
  messages = { add = { n = s.u32 } } }
function game:join(p) self.state.rows[p.id] = {} end
function game.on.add(room, p, m)
  local row = room.state.rows[p.id]
  row.n = row.n + 1
  if m.n <= row.last then row.twice = row.twice + 1 end
  row.last = m.n
end
return game
`;
const server = await startServer({ files: { "count/game.lua": COUNT, "store/game.lua": store, "sea/game.lua": SEA } });
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
      line.hold();
      line.cut();
      await until("away", () => bob.status === "away");
      ann.send("buy", 10 + round);
      ann.send("drop", 20 + round);
      ann.send("add", 2000 + round);
      await until("the changes", () => ann.state.goods.has(2000 + round));
      line.letGo();
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

for (const json of [false, true])
  test(`${json ? "parlor.j1" : "parlor.b1"}: sight, watched keys and one's own outlast an absence`, async () => {
    const line = await startProxy(server.port);
    const far = { WebSocket, json, base: `http://127.0.0.1:${line.port}` };
    const ann = await joinWithSdk(server, `/sea/${json}`, { name: "ann" });
    const bob = await join(`/sea/${json}`, { name: "bob" }, far);
    const first = bob.bytesIn;
    const away = async (during) => {
      const before = bob.bytesIn;
      line.hold();
      line.cut();
      await until("away", () => bob.status === "away");
      await during();
      line.letGo();
      await until("live", () => bob.status === "live");
      return bob.bytesIn - before;
    };
    const rocks = () => Object.keys(rowsOf(bob.state.rocks)).map(Number).sort((a, b) => a - b);
    const told = { add: [], remove: [] };
    for (const what of ["add", "remove"]) bob.state.rocks.on(what, (row, id) => told[what].push(id));
    assert.equal(rocks().length, 201);
    told.add.length = 0;

    const cost = await away(async () => {
      ann.send("put", [100]); // gone
      ann.send("put", [101, 400]); // out of sight
      ann.send("put", [400, 101]); // into it
      ann.send("put", [102]);
      ann.send("put", [500, 102]); // in its slot
      ann.send("bid", 7);
      ann.send("deal", "!");
      await until("all of it", () => ann.state.hands.get(ann.id).cards === `of ${ann.id}!`);
    });
    await until("the quote", () => bob.state.quotes.get("A").bid === 7);
    assert.deepEqual(rowsOf(bob.state.quotes), { A: { bid: 7 } });
    assert.deepEqual(rowsOf(bob.state.rocks), rowsOf(ann.state.rocks));
    assert.deepEqual(told.remove.splice(0).sort(), [100, 101, 102]);
    assert.deepEqual(told.add.splice(0).sort(), [400, 500]);
    assert.deepEqual(rowsOf(bob.state.hands), {
      [ann.id]: { score: 0 },
      [bob.id]: { score: 0, cards: `of ${bob.id}!` },
    });
    assert.ok(cost < first / 2, `${cost} bytes, ${first} for a join`);

    // Looked elsewhere while away: half of the rocks is another's now.
    await away(async () => {
      ann.send("look", 250);
      await until("the other place", () => ann.state.rocks.has(349));
    });
    await until("the other place", () => bob.state.rocks.has(349));
    assert.deepEqual(rowsOf(bob.state.rocks), rowsOf(ann.state.rocks));
    assert.equal(new Set(told.remove).size, told.remove.length);
    ann.leave();
    bob.leave();
    line.close();
  });

for (const json of [false, true])
  test(`${json ? "parlor.j1" : "parlor.b1"}: a thousand messages that waited all arrive, no faster than the server takes`, async () => {
    const line = await startProxy(server.port);
    const far = { WebSocket, json, base: `http://127.0.0.1:${line.port}` };
    const bob = await join(`/count/${json}`, { name: "bob" }, far);
    line.cut();
    await until("away", () => bob.status === "away");
    for (let n = 1; n <= 700; n++) bob.send("add", { n });
    await until("live", () => bob.status === "live");
    for (let n = 701; n <= 1000; n++) bob.send("add", { n });
    const row = () => bob.state.rows.get(bob.id);
    await until("all of them", () => row().last === 1000, 60_000);
    assert.deepEqual([row().n, row().twice], [1000, 0]);
    bob.leave();
    line.close();
  });

for (const json of [false, true])
  test(`${json ? "parlor.j1" : "parlor.b1"}: what a limit has dropped is not sent again, nor is what came in`, async () => {
    const line = await startProxy(server.port);
    const far = { WebSocket, json, base: `http://127.0.0.1:${line.port}` };
    const bob = await join(`/count/flood${json}`, { name: "bob" }, far);
    const row = () => bob.state.rows.get(bob.id);
    for (let n = 1; n <= 1000; n++) bob.send("add", { n }); // more than a connection may
    bob.request("none").catch(() => {});
    await until("some", () => row().n >= 200);
    await until("an end of what comes in", async () => {
      const before = row().n;
      await new Promise((done) => setTimeout(done, 2000));
      return row().n === before;
    });
    assert.ok(row().n < 900, `${row().n} came in`);
    const before = row().n;
    line.cut();
    await until("away", () => bob.status === "away");
    await until("live", () => bob.status === "live");
    bob.send("add", { n: 2000 });
    await until("the last", () => row().last === 2000);
    assert.deepEqual([row().n, row().twice], [before + 1, 0]);
    bob.leave();
    line.close();
  });
