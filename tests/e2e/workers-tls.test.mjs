// SPDX-License-Identifier: MIT
// A connection over TLS that goes to another worker than the one that took it: with what
// it has sent already, with its TLS state, and as what it was.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import test, { after } from "node:test";
import { pathToFileURL } from "node:url";
import WebSocket from "ws";

import { Player } from "./lib/player.mjs";
import { freePort, root, startServer, temporaryFolder } from "./lib/server.mjs";

const client = await import(pathToFileURL(path.join(root, "scripts/web/client.js")));

// As patient as slow machines need.
const MS = 30_000;
// The kernel deals connections out to four workers: so many all go to one in a time
// that nobody waits for.
const TRIES = 60;

const game = `local parlor = require "parlor"
local s = parlor.schema
local game = parlor.game {
  tick_rate = 20, reconnect = 60, max_players = 200,
  state = { n = s.uint, seats = s.map { name = s.str(16), backs = s.uint } },
  messages = { say = { text = s.str(2000) } },
  events = { said = { text = s.str(2000) } },
}
function game:join(player) self.state.seats[player.id] = { name = player.name, backs = 0 } end
function game:resume(player)
  local seat = self.state.seats[player.id]
  seat.backs = seat.backs + 1
end
function game:leave(player) self.state.seats[player.id] = nil end
function game:tick() self.state.n = self.state.n + 1 end
function game.on.say(room, player, m) player:send("said", { text = m.text }) end
return game
`;

const folder = temporaryFolder();
const [cert, key] = ["cert.pem", "key.pem"].map((name) => path.join(folder, name));
execFileSync(
  "openssl",
  [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
    ...["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"],
    ...["-keyout", key, "-out", cert],
  ],
  { stdio: "ignore" },
);
const trust = { ca: fs.readFileSync(cert) };

const admin = `127.0.0.1:${await freePort()}`;
const server = await startServer({
  games: [],
  files: { "den/game.lua": game },
  args: ["--workers", "4", "--admin", admin, "--tls_cert", cert, "--tls_key", key],
});
after(() => server.stop());
const url = (at) => `wss://127.0.0.1:${server.port}${at}`;

/** How many connections have gone to another worker so far. */
async function nMoves() {
  const text = await (await fetch(`http://${admin}/metrics`)).text();
  return [...text.matchAll(/^parlor_worker_moves_total\{.*\} (\d+)$/gm)].reduce(
    (sum, [, n]) => sum + Number(n),
    0,
  );
}

/** Calls `act` until a connection moves in it; what it returned then. Those before that
 * are handed to `rest`. */
async function untilMoved(act, rest) {
  for (let i = 0; i < TRIES; i++) {
    const before = await nMoves();
    const result = await act();
    if ((await nMoves()) > before) return result;
    await rest(result);
  }
  throw new Error(`none of ${TRIES} connections has gone to another worker`);
}

/** All of them are three records of TLS. */
const long = (i) => `${i} ${"0123456789".repeat(150)}`;
const N_EARLY = 30;

test("what a moved client has sent behind its hello is answered, in order, once", async () => {
  const witness = new Player(url("/den/early"), { socket: trust });
  await witness.until("its seat", () => witness.of("snapshot")[0], MS);

  const player = await untilMoved(
    async () => {
      const one = new Player(url("/den/early"), {
        protocol: "parlor.j1",
        socket: { ...trust, perMessageDeflate: false }, // compressed ones would be sent later
      });
      one.ws.on("open", () => {
        // As one piece: its first record of TLS holds the hello and messages behind it, so
        // that bytes are read and deciphered, but not looked at, when the connection goes.
        const parts = [];
        const { _socket: line } = one.ws;
        line.write = (bytes) => parts.push(Buffer.from(bytes));
        one.send({ t: "hello", join: { name: "ann" } });
        for (let i = 0; i < N_EARLY; i++) one.say("say", { text: long(i) });
        delete line.write;
        line.write(Buffer.concat(parts));
      });
      await one.until("all answers", () => one.of("event").length >= N_EARLY, MS);
      return one;
    },
    (one) => one.leave(),
  );
  assert.deepEqual(
    player.of("event").map((r) => r.data.text),
    Array.from({ length: N_EARLY }, (_, i) => long(i)),
  );
  player.say("say", { text: "and now" });
  await player.record("one more answer", (r) => r.data?.text === "and now", { ms: MS });
  assert.equal(player.of("event").length, N_EARLY + 1, "none came twice");
  await witness.until("the other's seat", () => witness.state.seats[player.id]?.name === "ann", MS);
  await player.leave();
  await witness.leave();
});

test("the SDK over wss plays on another worker, and comes back from another", async () => {
  const sockets = [];
  class Trusting extends WebSocket {
    constructor(at, protocols) {
      super(at, protocols, trust);
      sockets.push(this);
    }
  }
  const settings = { WebSocket: Trusting, resume: false, timeout: MS };
  const witness = await client.join(url("/den/sdk"), { name: "bob" }, settings);
  const room = await untilMoved(
    () => client.join(url("/den/sdk"), { name: "ann" }, settings),
    (one) => one.leave(),
  );
  const own = sockets.at(-1);
  assert.ok(own.url.startsWith("wss:") && own._socket.encrypted);

  /** Waits until a state of this room shows it. */
  const see = (at, what, look) =>
    new Promise((done, failed) => {
      const timer = setTimeout(() => failed(new Error(`did not see ${what}`)), MS);
      const off = at.on("state", () => {
        if (!look()) return;
        clearTimeout(timer);
        off();
        done();
      });
      if (look()) at.send("say", { text: "" }); // the next tick's state shows it, too
    });
  const said = [];
  room.on("said", ({ text }) => said.push(text));
  const echo = async (text) => {
    room.send("say", { text });
    await see(room, `the echo of ${text}`, () => said.includes(text));
  };

  const n = room.state.n;
  await see(room, "ten more ticks", () => room.state.n >= n + 10);
  await echo("here");

  const { id } = room;
  let backs = 0;
  await untilMoved(
    async () => {
      room._session.ws.terminate();
      backs++;
      for (const at of [witness, room])
        await see(at, "that it is back", () => at.state.seats.get(id)?.backs === backs);
    },
    () => {},
  );
  assert.equal(room.id, id);
  const back = room.state.n;
  await see(room, "ten more ticks", () => room.state.n >= back + 10);
  await echo("again");
  assert.deepEqual(said.filter(Boolean), ["here", "again"], "none lost, none twice");
  assert.equal(room.state.seats.size, 2);
  room.leave();
  witness.leave();
});
