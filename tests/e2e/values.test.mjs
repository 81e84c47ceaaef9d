// SPDX-License-Identifier: MIT
// Composed values from a script to pages and back: the SDK gets edits, a JSON client
// that has just come the whole state, and both must see the same.
import assert from "node:assert/strict";
import test, { after } from "node:test";

import { join, joinJ1 } from "./lib/player.mjs";
import { joinWithSdk } from "./lib/sdk.mjs";
import { startServer, until } from "./lib/server.mjs";

const bag = `local parlor = require "parlor"
local s = parlor.schema
local ship = {
  cargo = s.list(s.u8, {max = 9}), flag = s.bytes(4), hp = s.i16,
  crew = s.list({ name = s.str, at = { x = s.fixed {step = 1/8} }, log = s.text(200) }, {max = 9}),
  items = s.map(s.list(s.bool), {keys = "string"}), target = s.opt { id = s.uint, why = s.any },
}
local game = parlor.game {
  tick_rate = 0, max_players = 99,
  state = { ships = s.map(ship), doc = s.any, story = s.text, scores = s.map(s.angle, {keys = "integer"}) },
  messages = { pack = { list = s.list { n = s.u8 }, raw = s.bytes(4), map = s.map(s.u8, {keys = "string"}),
    opt = s.opt(s.text(9)), any = s.any } },
  events = { packed = { list = s.list { n = s.u8 }, raw = s.bytes(4), map = s.map(s.u8, {keys = "string"}),
    opt = s.opt(s.text(9)), any = s.any } },
}
function game:create() self.state.ships[1] = { crew = { { name = "ann" } }, cargo = { 1, 2, 3, 4 } } end
function game.on.pack(room, player, m) room:broadcast("packed", m) end
function game:message(player, name, code)
  assert(load("local S, ship = ... " .. code))(self.state, self.state.ships[1])
  self:broadcast("done", name)
end
return game
`;
const server = await startServer({ files: { "bag/game.lua": bag } });
after(() => server.stop());

/** As JSON says it. */
const plain = (room) =>
  JSON.parse(
    JSON.stringify(
      { ...room.state, ships: Object.fromEntries(room.state.ships.entries()) },
      function (key) {
        const v = this[key];
        return v instanceof Uint8Array ? Buffer.from(v).toString("base64") : v;
      },
    ),
  );

const steps = [
  "ship.cargo[N % 4 + 1] = N",
  "if #ship.cargo < 9 then table.insert(ship.cargo, 1, N) end",
  "table.remove(ship.cargo, 1)",
  "ship.cargo = { N, 5, N }",
  "ship.flag = string.char(N, 255, 0)",
  "ship.hp = -N",
  "if #ship.crew < 9 then table.insert(ship.crew, { name = 'b' .. N, at = { x = N / 8 } }) end",
  "if #ship.crew > 1 then table.remove(ship.crew, 1) end",
  "if ship.crew[1] then ship.crew[1].at = { x = N } end",
  "if ship.crew[1] then ship.crew[1].log = 'day 🐸 ' .. N .. ', ' .. (ship.crew[1].log or ''):sub(1, 60):gsub('[^a-z ]', '') end",
  "ship.items['k' .. N % 5] = { N % 2 == 0, true }",
  "ship.items['k' .. N % 5] = nil",
  "ship.items['k' .. N % 5] = ship.items.k1 and { true, unpack(ship.items.k1, 1, 3) }",
  "ship.target = { id = N, why = { 'long enough to be worth an edit', { n = N } } }",
  "if ship.target then ship.target.id = N ship.target.why = { 'long enough to be worth an edit', { n = N } } end",
  "ship.target = nil",
  "S.doc = { title = 'a document', lines = { 'one', 'two', 'three' }, [N] = true }",
  "if type(S.doc) == 'table' and S.doc.lines then S.doc.lines[N % 3 + 1] = 'line ' .. N end",
  "if type(S.doc) == 'table' then S.doc.more = { deep = { deeper = N } } end",
  "S.doc = N % 3 == 0 and N / 4 or 'text ' .. N",
  "S.story = S.story .. 'Zoë met 🐹 number ' .. N .. '. '",
  "S.story = (S.story:gsub('number', 'nr', 1))",
  "S.story = ''",
  "S.scores[N - 100] = N",
  "S.scores[next(S.scores) or 1] = N + 0.5",
  "S.ships[2] = { cargo = { N } }",
  "S.ships[2] = nil",
];

test("after any change the SDK, which had the edits, sees what a newcomer sees", async () => {
  const room = await joinWithSdk(server, "/bag/same", { name: "sdk" });
  let done = 0;
  room.on("done", () => done++);
  const errors = [];
  room.on("error", (e) => errors.push(e));
  let seed = 20261125;
  const pick = (n) => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) % n;
  let sent = 0;
  for (let turn = 0; turn < 25; turn++) {
    for (let i = 0; i < 8; i++) {
      room.send("run", steps[pick(steps.length)].replaceAll("N", String(1 + pick(200))));
      sent++;
      if (pick(2)) await until("the change", () => done === sent); // alone in its delta
    }
    await until("all changes", () => done === sent);
    const newcomer = await join(server, "/bag/same?name=new");
    assert.deepEqual(plain(room), newcomer.state, `turn ${turn}`);
    await newcomer.leave();
  }
  assert.deepEqual(errors, []);
  room.leave();
});

test("messages and events carry them between the SDK and a JSON client", async () => {
  const room = await joinWithSdk(server, "/bag/pack", { name: "sdk" });
  const j1 = await joinJ1(server, "/bag/pack", { name: "j1" });
  const heard = [];
  room.on("packed", (data) => heard.push(data));
  room.send("pack", {
    list: [{ n: 1 }, {}],
    raw: new Uint8Array([0, 255]),
    map: new Map([
      ["b", 2],
      ["a", 1],
    ]),
    opt: "🐸",
    any: [1, { x: new Uint8Array([7]) }],
  });
  const { data } = await j1.record("the event", (r) => r.name === "packed");
  assert.deepEqual(data, {
    list: [{ n: 1 }, { n: 0 }],
    raw: "AP8=",
    map: { a: 1, b: 2 },
    opt: "🐸",
    any: [1, { x: "\u0007" }],
  });
  const from = j1.records.length;
  j1.say("pack", { raw: "AP8=", map: { z: 9 }, any: null });
  const again = await j1.record("the event", (r) => r.name === "packed", { from });
  assert.deepEqual(again.data, { list: [], raw: "AP8=", map: { z: 9 }, opt: null, any: null });
  await until("both events", () => heard.length === 2);
  assert.deepEqual(heard[1].raw, new Uint8Array([0, 255]));
  assert.deepEqual(heard[0].list, [{ n: 1 }, { n: 0 }]);
  j1.say("pack", { list: [{ n: 300 }] }); // dropped and counted
  room.send("run", "S.story = 'still here'");
  await until("the state", () => room.state.story === "still here");
  assert.equal(heard.length, 2);
  room.leave();
  await j1.leave();
});
