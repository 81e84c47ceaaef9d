// SPDX-License-Identifier: MIT
// Who sees what, over real sockets: owners' and server fields, maps by nearness and by
// keys, with the SDK, a parlor.j1 client and one without subprotocol at one table.
import assert from "node:assert/strict";
import test, { after } from "node:test";

import { join, joinJ1 } from "./lib/player.mjs";
import { joinWithSdk, rowsOf } from "./lib/sdk.mjs";
import { startServer, until } from "./lib/server.mjs";

const GAME = (see) => `local parlor = require "parlor"
local s = parlor.schema
local game = parlor.game {
  tick_rate = 50, max_watched = 2,
  state = {
    round = s.u8,
    seed_srv = s.str(16) {to = "server"},
    secrets_srv = s.map({ n = s.u8 }, { keys = "string", to = "server" }),
    ships = s.map({
      name = s.str(16), at = { x = s.fixed {min = -1000, max = 1000, step = 1/4}, y = s.i16 },
      cards = s.str(16) {to = "owner"}, luck_srv = s.str(16) {to = "server"},
    }, { interest = s.near {x = "at.x", y = "at.y", see = ${see}, forget = ${see * 1.5}} }),
    quotes = s.map({ bid = s.f64 }, { keys = "string", interest = s.keys }),
  },
}
function game:create()
  self.state.seed_srv = "SECRET-seed"
  self.state.secrets_srv.k = {n = 1}
  for i = 1, 5 do self.state.quotes["Q" .. i] = {bid = i} end
end
function game:join(player)
  self.state.ships[player.id] = { name = player.name, at = {x = player.id, y = 0},
    cards = "CARDS-" .. player.id, luck_srv = "SECRET-luck" }
end
function game:message(player, name, data)
  local ship = self.state.ships[player.id]
  if name == "go" then ship.at.x = data end
  if name == "draw" then ship.cards = "CARDS-" .. player.id .. data end
  if name == "look" then player:view(data) end
  if name == "watch" then return {player:watch("quotes", data)} end
  if name == "unwatch" then player:unwatch("quotes", data) end
  if name == "bid" then self.state.quotes[data[1]] = {bid = data[2]} end
end
function game:leave(player) self.state.ships[player.id] = nil end
return game
`;
const server = await startServer({ games: [], files: { "sea/game.lua": GAME(10) } });
after(() => server.stop());

/** The same questions to the SDK and to a JSON client. */
const sdk = async (room) => {
  const client = await joinWithSdk(server, `/sea/${room}`, { name: "sdk" });
  return {
    id: client.id,
    ships: () => rowsOf(client.state.ships),
    quotes: () => rowsOf(client.state.quotes),
    state: () => client.state,
    say: (name, data) => client.send(name, data),
    watch: (key) => client.request("watch", key),
    leave: () => client.leave(),
  };
};
const json = async (room, joined) => {
  const player = await joined(server, `/sea/${room}`);
  return {
    id: player.id,
    ships: () => player.state.ships,
    quotes: () => player.state.quotes,
    state: () => player.state,
    say: (name, data) => player.say(name, data),
    watch: async (key) => {
      player.send({ t: "request", id: 1, name: "watch", data: key });
      const from = player.records.length;
      return (await player.record("the reply", (r) => r.t === "reply", { from })).data;
    },
    leave: () => player.leave(),
    records: player.records,
  };
};
const crowd = async (room) => [await sdk(room), await json(room, joinJ1), await json(room, join)];
const names = (rows) => Object.keys(rows).sort().join();

test("only its player sees an owner's field, and nobody a server's", async () => {
  const all = await crowd("cards");
  for (const one of all) await until("all ships", () => names(one.ships()) === "1,2,3");
  all[1].say("draw", "!");
  await until("a card", () => all[1].ships()[2].cards === "CARDS-2!");
  all[1].say("go", 4);
  for (const one of all) {
    await until("the move", () => one.ships()[2].at.x === 4);
    for (const [id, ship] of Object.entries(one.ships())) {
      const fields = Number(id) === one.id ? "at,cards,name" : "at,name";
      assert.equal(Object.keys(ship).sort().join(), fields, `${one.id} looks at ${id}`);
    }
    assert.equal(names(one.state()), "quotes,round,ships");
  }
  for (const one of all.slice(1)) {
    const text = JSON.stringify(one.records);
    assert.ok(!/SECRET|_srv/.test(text));
    assert.deepEqual(new Set(text.match(/CARDS-\d/g)), new Set([`CARDS-${one.id}`]));
  }
  for (const one of all) await one.leave();
});

test("ships come into sight and go out of it, and one's own stays", async () => {
  const all = await crowd("near");
  for (const one of all) await until("all ships", () => names(one.ships()) === "1,2,3");
  all[0].say("go", 14); // 12 and 11 away: still held
  for (const one of all) await until("the move", () => one.ships()[1]?.at.x === 14);
  all[0].say("go", 100);
  await until("to be alone", () => names(all[0].ships()) === "1");
  for (const one of all.slice(1)) await until("it gone", () => names(one.ships()) === "2,3");
  all[0].say("go", 13); // 11 and 10 away: out of one's sight, in the other's
  await until("the third", () => names(all[2].ships()) === "1,2,3");
  assert.equal(names(all[1].ships()), "2,3");
  all[1].say("look", { x: 13, y: 0, radius: 1 });
  await until("a look from there", () => names(all[1].ships()) === "1,2");
  all[1].say("look");
  // From home the first is past sight, but it is held, and not yet forgotten.
  await until("a look from home", () => names(all[1].ships()) === "1,2,3");
  for (const one of all) await one.leave();
});

test("quotes are seen by who watches them, later ones too, up to the limit", async () => {
  const all = await crowd("keys");
  for (const one of all) {
    assert.equal(names(one.quotes()), "");
    assert.deepEqual(await one.watch("Q2"), [true]);
    await until("the quote", () => one.quotes().Q2?.bid === 2);
    assert.deepEqual(await one.watch("new"), [true]);
    const refused = await one.watch("Q3");
    assert.equal(Object.values(refused).at(-1), "too many keys are watched");
  }
  all[0].say("bid", ["new", 9.5]);
  for (const one of all) {
    await until("what was not there", () => one.quotes().new?.bid === 9.5);
    one.say("unwatch", "Q2");
    await until("less", () => names(one.quotes()) === "new");
  }
  for (const one of all) await one.leave();
});

test("a wider sight comes with a save, and watched keys stay", async () => {
  const all = await crowd("save");
  await all[1].watch("Q1");
  all[0].say("go", 30);
  await until("to be alone", () => names(all[0].ships()) === "1");
  server.save("sea/game.lua", GAME(50));
  for (const one of all) await until("all ships again", () => names(one.ships()) === "1,2,3");
  assert.equal(names(all[1].quotes()), "Q1");
  for (const one of all) await one.leave();
});
