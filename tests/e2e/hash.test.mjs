// SPDX-License-Identifier: MIT
// State hashes of `parlor dev`: what the SDK holds is what the server says, in a game
// with all kinds of fields and audiences, for seconds of changes.
import assert from "node:assert/strict";
import test, { after } from "node:test";

import { check } from "../../scripts/web/hash.js";
import { joinJ1 } from "./lib/player.mjs";
import { joinWithSdk } from "./lib/sdk.mjs";
import { startServer, until } from "./lib/server.mjs";

const GAME = `local parlor = require "parlor"
local s = parlor.schema
local game = parlor.game {
  tick_rate = 100, max_watched = 8,
  state = {
    fixed = s.u8, round = s.uint, story = s.text, draft = s.any, goal = s.opt({ why = s.str(8), x = s.f32 }),
    ships = s.map({
      at = { x = s.fixed {min = -100, max = 100, step = 1/8}, y = s.i16 }, turn = s.angle,
      bag = s.list({ n = s.u8, raw = s.bytes(4) }) {to = "owner"}, luck = s.u8 {to = "server"},
    }, { interest = s.near {x = "at.x", y = "at.y", see = 30, forget = 40} }),
    rocks = s.map({ at = { x = s.f64, y = s.int } }, { keys = "integer",
      interest = s.near {x = "at.x", y = "at.y", see = 30} }),
    quotes = s.map({ bid = s.f64, by = s.map(s.u16, { keys = "integer" }) },
      { keys = "string", interest = s.keys }),
  },
}
function game:join(player)
  self.state.ships[player.id] = { at = {x = player.id, y = 0} }
  for i = 1, 4 do player:watch("quotes", "Q" .. i) end
end
function game:leave(player) self.state.ships[player.id] = nil end
function game:tick()
  local st, n = self.state, self.state.round + 1
  st.round = n
  st.story = ("é🐸"):rep(n % 9) .. n .. ("z"):rep(n % 4)
  st.draft = { ["10"] = n, ["9"] = {n / 3, false, "x" .. n % 5}, [n % 2 == 0 and "ä" or "z"] = {} }
  st.goal = n % 4 > 0 and {why = "w" .. n % 7, x = n / 10} or nil
  for id, ship in pairs(st.ships) do
    ship.at.x = math.sin(n / 20 + id) * 60
    ship.turn = n / 10
    ship.luck = n % 256
    ship.bag = { {n = n % 200, raw = "\\255\\0"}, {n = id} }
  end
  local rock = n % 30 - 15
  st.rocks[rock] = not st.rocks[rock] and { at = {x = rock * 4, y = -rock} } or nil
  local quote = "Q" .. n % 6
  st.quotes[quote] = n % 5 > 0 and {bid = n / 7, by = {[n % 9 - 4] = n % 100, [7] = 1}} or nil
end
return game
`;
const server = await startServer({ games: [], files: { "all/game.lua": GAME } });
after(() => server.stop());

test("in hundreds of ticks no client finds another state than the server's", async (t) => {
  const json = await joinJ1(server, "/all/x", { name: "json" });
  t.after(() => json.leave());
  const seats = [];
  for (let i = 0; i < 3; i++) {
    const room = await joinWithSdk(server, "/all/x", { name: `p${i}` });
    t.after(() => room.leave());
    const results = [];
    room.on("error", (e) => results.push(e.message));
    room.on("dev", (r) => {
      const result = r.kind === "hash" ? check(room, r) : undefined;
      // The first may come late: what listens to it loads with it, meanwhile a tick passes.
      if (result !== undefined) results.push(result);
    });
    seats.push({ room, results });
  }
  const first = seats[0].room.tick;
  const enough = () => seats.every(({ results }) => results.length >= 4);
  await until("four hashes each", enough);
  assert.ok(seats[0].room.tick - first > 200);
  for (const { results } of seats) assert.deepEqual(new Set(results), new Set([""]));
  assert.deepEqual(json.of("dev"), [], "JSON players get none");
});

test("a client that went astray finds out, and gets a snapshot", async (t) => {
  t.mock.method(console, "error", () => {});
  const room = await joinWithSdk(server, "/all/y");
  t.after(() => room.leave());
  const results = [];
  room.on("dev", (r) => r.kind === "hash" && results.push(check(room, r)));
  await until("a hash", () => results.length === 1);
  const { root } = room._session.codec.image;
  const { id } = root.fields.find((f) => f.path === "fixed");
  root.cells[id] = 1; // the game never sends it again by itself
  await until("two more", () => results.length === 3);
  assert.deepEqual(results, ["", "the state's own fields: the row differs", ""]);
});
