// SPDX-License-Identifier: MIT
// Fairness: what one connection and one address may ask, and what happens to
// those already in when somebody asks for too much.
import assert from "node:assert/strict";
import test from "node:test";

import { certificateArgs } from "./lib/lanes.mjs";
import { join, Player } from "./lib/player.mjs";
import { connect, frame, handshakeLines, request, TEXT, upgrade } from "./lib/raw.mjs";
import { startServer, until } from "./lib/server.mjs";

/** Runs `look` with a server of its own, which must end well whatever it does. */
async function withServer(options, look) {
  const server = await startServer(options);
  try {
    await look(server);
  } finally {
    await server.stop();
  }
}

/** One echo over a connection that is already there. */
async function echoes(raw, text) {
  raw.write(frame(TEXT, text));
  assert.equal((await raw.message()).text, text);
}

/** Reads records until one of this kind has come. */
async function heard(raw, kind) {
  for (;;) if (JSON.parse((await raw.message()).text).t === kind) return;
}

test("hundreds of half-open heads hurt nobody, and are gone after head_ms", () =>
  withServer({ args: ["--head-ms", "6000"] }, async (server) => {
    const inside = await upgrade(server.port, "/echo");
    const stalled = await Promise.all(
      Array.from({ length: 500 }, () => connect(server.port)),
    );
    for (const one of stalled) one.write("GET /pond/ HTTP/1.1\r\nHost: loc");
    await echoes(inside, "still here");
    const player = await join(server, "/pond?name=a");
    assert.ok(stalled.every((one) => one.size === 0), "an echo and a join, beside all of them");
    for (const one of stalled) {
      const answer = await one.answer();
      assert.equal(answer.status, 408);
      assert.equal(answer.headers.connection, "close");
      one.destroy();
    }
    await echoes(inside, "and still");
    await player.leave();
    inside.destroy();
  }));

test("one address may have so many connections; loopback counts where configured", () =>
  withServer(
    { args: ["--limit-loopback", "1", "--conns-per-address", "5", "--conn-rate", "0"] },
    async (server) => {
      const inside = [];
      for (let i = 0; i < 5; i++) inside.push(await upgrade(server.port, "/echo"));
      const refused = await request(server.port, handshakeLines("/echo"));
      assert.equal(refused.status, 429);
      assert.match(refused.body, /too many connections/);
      for (const one of inside) await echoes(one, "mine");
      inside.pop().destroy();
      const again = await until("a free place", async () => {
        try {
          return await upgrade(server.port, "/echo");
        } catch {
          return false;
        }
      });
      for (const one of [...inside, again]) one.destroy();
    },
  ));

test("new connections of one address have a rate", () =>
  withServer(
    { args: ["--limit-loopback", "1", "--conn-rate", "1", "--conn-burst", "3"] },
    async (server) => {
      const began = Date.now();
      const inside = await upgrade(server.port, "/echo");
      let refused = 0;
      for (let i = 0; i < 10; i++) {
        const raw = await connect(server.port);
        raw.write(`${handshakeLines("/echo").join("\r\n")}\r\n\r\n`);
        if ((await raw.answer()).status !== 101) refused++;
        raw.destroy();
      }
      const allowed = 3 + (Date.now() - began) / 1000;
      assert.ok(11 - refused <= allowed, `${refused} of 10 were refused, where ${allowed} may come`);
      await echoes(inside, "mine");
      inside.destroy();
    },
  ));

test("messages above the rate are dropped; a long flood ends with 4006", () =>
  withServer(
    { args: ["--message-rate", "20", "--message-burst", "40", "--flood-ms", "500"] },
    async (server) => {
      const calm = await join(server, "/pond?name=calm");
      const flooder = new Player(server.ws("/pond?name=flood"));
      await flooder.seated();
      const began = Date.now();
      const flood = (n) => {
        for (let i = 0; i < n; i++) flooder.ws.send('{"t":"ping"}');
      };
      flood(300);
      const end = flooder.end();
      const timer = setInterval(flood, 20, 10);
      assert.equal((await end).code, 4006);
      clearInterval(timer);
      const pongs = flooder.of("pong").length;
      const allowed = 41 + (20 * (Date.now() - began)) / 1000;
      assert.ok(pongs >= 40 && pongs <= allowed, `${pongs} of more than 300 were answered`);
      await calm.leave();

      // A raw game has no such limit unless the operator wants one.
      const raw = await upgrade(server.port, "/echo");
      for (let i = 0; i < 300; i++) raw.write(frame(TEXT, `${i}`));
      for (let i = 0; i < 300; i++) assert.equal((await raw.message()).text, `${i}`);
      raw.destroy();
    },
  ));

test("raw games are limited where configured", () =>
  withServer(
    { args: ["--limit-raw", "1", "--byte-rate", "1000", "--byte-burst", "10000"] },
    async (server) => {
      const raw = await upgrade(server.port, "/echo");
      const kilobyte = "x".repeat(1000);
      for (let i = 0; i < 100; i++) raw.write(frame(TEXT, kilobyte));
      raw.write(frame(9, "the end"));
      let n = 0;
      for (;;) {
        const f = await raw.frame();
        if (f.op === 10) break;
        n++;
      }
      assert.ok(n >= 9 && n < 20, `${n} of 100 came back`);
      raw.destroy();
    },
  ));

for (const isSecure of [false, true])
  test(`when descriptors run out those inside go on, newcomers get in again later${isSecure ? " (TLS)" : ""}`, () =>
    withServer({ descriptors: 64, args: isSecure ? certificateArgs() : [] }, async (server) => {
      const began = Date.now();
      const to = { port: server.port, isSecure };
      const inside = await upgrade(to, "/echo");
      const player = await upgrade(to, "/pond?name=a");
      const crowd = await Promise.all(Array.from({ length: 100 }, () => connect(server.port)));
      await until("the warning", () => /ulimit -n/.test(server.log()));
      await echoes(inside, "still here");
      await heard(player, "snapshot"); // before it has its seat, pings are not answered
      player.write(frame(TEXT, '{"t":"ping","ms":7}'));
      await heard(player, "pong");
      for (const one of crowd) one.destroy();
      const late = await until("a newcomer", () => upgrade(to, "/echo").catch(() => false));
      await echoes(late, "me too");
      const warnings = server.log().match(/ulimit -n/g).length;
      const seconds = (Date.now() - began) / 1000;
      assert.ok(warnings <= 10 + seconds, `${warnings} warnings: not one for each that was refused`);
      await echoes(inside, "still here");
      for (const one of [player, late, inside]) one.destroy();
    }));
