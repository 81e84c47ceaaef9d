// SPDX-License-Identifier: MIT
// What people get wrong when they start the server, and what strangers send to
// its port. Exit codes: 64 usage, 69 unavailable, 78 configuration.
import assert from "node:assert/strict";
import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import test, { after } from "node:test";

import { join, Player } from "./lib/player.mjs";
import { BINARY, connect, frame, handshakeLines, request, TEXT, upgrade } from "./lib/raw.mjs";
import {
  gamesFolder,
  runToEnd,
  sleep,
  startServer,
  temporaryFolder,
  until,
} from "./lib/server.mjs";

const server = await startServer({
  files: { "broken/game.lua": 'local parlor = require "parlor"\nlocal x = = 1\n' },
});
after(() => server.stop());

const alive = async () => assert.equal((await fetch(`${server.origin}/healthz`)).status, 200);

/** Starts that must fail: their code, and a line that says what `tells` fits. */
async function fails(args, code, tells) {
  const run = await runToEnd(args);
  assert.equal(run.code, code, `${args.join(" ")}: ${run.stdout}${run.stderr}`);
  assert.match(run.stderr, tells);
  const lines = run.stderr.trim().split("\n");
  assert.ok(lines.length <= 3, `short and clear, not ${lines.length} lines:\n${run.stderr}`);
}

test("a script with a syntax error is named with its line, the other games run", async () => {
  assert.match(server.log(), /broken\/game\.lua:2/);
  const answer = await request(server.port, handshakeLines("/broken"));
  assert.equal(answer.status, 503);
  const player = await join(server, "/pond?name=a");
  await player.leave();

  // A page that opens in dev is told why, and to come back.
  const page = new Player(server.ws("/broken"), { protocol: "parlor.j1" });
  const error = await page.record("why it does not load", (r) => r.t === "dev");
  assert.deepEqual(
    [error.kind, error.file, error.line, error.waits],
    ["error", "broken/game.lua", 2, true],
  );
  assert.equal((await page.end()).code, 1013);

  // Repaired, it is there without a new start.
  server.save(
    "broken/game.lua",
    'local parlor = require "parlor"\nreturn parlor.game { state = { n = parlor.schema.u8 } }\n',
  );
  await until("the repaired game", async () => {
    const again = await request(server.port, handshakeLines("/broken"));
    return again.status === 101;
  });
});

test("a port that is taken is one clear line and exit code 69", () =>
  fails(
    ["dev", server.folder, "--port", String(server.port), "--host", "127.0.0.1"],
    69,
    new RegExp(`\\b${server.port}\\b`),
  ));

test("a games folder that is not there is exit code 78", async () => {
  const missing = path.join(temporaryFolder(), "nowhere");
  await fails(["dev", missing, "--port", "0"], 78, /nowhere/);
  await fails(["serve", missing, "--port", "0"], 78, /nowhere/);
});

test("what the command line does not know is exit code 64", async () => {
  await fails(["dev", server.folder, "--prot", "0"], 64, /--prot/);
  await fails(["dance"], 64, /dance/);
  await fails(["dev", server.folder, "--port", "70000"], 64, /70000/);
  await fails(["dev", server.folder, "--port", "many"], 64, /many/);
  await fails(["dev", server.folder, "--port"], 64, /--port/);
});

test("--help is on stdout, with an example first, and exit code 0", async () => {
  for (const args of [["--help"], ["dev", "--help"], ["serve", "--help"]]) {
    const run = await runToEnd(args);
    assert.equal(run.code, 0, args.join(" "));
    assert.match(run.stdout, /parlor (dev|serve|new)/);
    assert.equal(run.stderr, "");
  }
});

test("a wrong configuration is exit code 78 and names the file", async () => {
  const folder = gamesFolder(["echo"]);
  const config = path.join(temporaryFolder(), "parlor.lua");
  const serve = ["serve", folder, "--port", "0", "--host", "127.0.0.1", "--config", config];
  await fails(serve, 78, /parlor\.lua/);
  for (const text of [
    "return { origins = ",
    "return { orgins = {} }",
    "return { origins = 7 }",
    'return { origins = {"example"}, port = "many" }',
    "while true do end",
    "return 7",
    "error('no')",
    "os.execute('true')",
  ]) {
    fs.writeFileSync(config, text);
    await fails(serve, 78, /parlor\.lua/);
  }
});

test("random bytes on the port hurt nobody", async () => {
  for (let i = 0; i < 50; i++) {
    const raw = await connect(server.port);
    raw.write(crypto.randomBytes(1 + ((i * 37) % 3000)));
    raw.socket.end();
    await raw.ended();
    raw.destroy();
  }
  for (let i = 0; i < 50; i++) {
    const raw = await upgrade(server.port, "/pond", {}, crypto.randomBytes(1 + i * 20));
    raw.socket.end();
    await raw.ended();
    raw.destroy();
  }
  await alive();
});

test("random binary records end their own connection only", async () => {
  const other = await join(server, "/pond/fuzz0?name=a");
  const hello = Buffer.from([0x81, 1, 0, 0, 0, 0, 0, 7, 0]);
  for (let i = 0; i < 100; i++) {
    const headers = { "Sec-WebSocket-Protocol": "parlor.b1" };
    // A seat whose connection broke is held for a while; a room has 32.
    const raw = await upgrade(server.port, `/pond/fuzz${i >> 4}`, headers, frame(BINARY, hello));
    raw.write(frame(BINARY, Buffer.concat([Buffer.from([0x81 + (i % 8)]), crypto.randomBytes(i)])));
    raw.write(frame(BINARY, Buffer.from([0xff])));
    const code = await raw.closeCode();
    assert.ok([1002, 1008].includes(code), `record ${i} closed with ${code}`);
    raw.destroy();
  }
  assert.equal(other.closed, undefined);
  await other.leave();
});

test("hostile names are cleaned before a game sees them", async () => {
  for (const name of ["%00%01%1b[2J", "a%0ab", "%ff%fe", "x".repeat(3000), "%E2%80%AE"]) {
    const answer = await request(server.port, handshakeLines(`/pond/names?name=${name}`));
    assert.ok([101, 400].includes(answer.status), `answered ${answer.status}`);
  }
  const player = await join(server, `/pond/names?name=${"é".repeat(100)}%0a`);
  assert.doesNotMatch(player.state.frogs[player.id].name, /[\p{Cc}\ufffd]/u);
  await player.leave();
});

test("a head that never ends is cut off after ten seconds", async () => {
  const raw = await connect(server.port);
  raw.write("GET / HTTP/1.1\r\nHost: localhost\r\n");
  const start = Date.now();
  await raw.ended(15000);
  assert.ok(Date.now() - start > 5000, "a slow network is no reason to be cut off");
  raw.destroy();
});

test("a client that sends and never reads costs bounded memory", async () => {
  const plain = await startServer({ games: ["echo"], program: "release" });
  const raw = await upgrade(plain.port, "/echo");
  const before = plain.residentBytes();
  raw.socket.pause();
  const message = frame(BINARY, Buffer.alloc(1 << 20));
  let sent = 0;
  // Writes until the server takes no more for a second, or has dropped us.
  for (; sent < 120 && !raw.socket.destroyed; sent++) {
    if (raw.socket.write(message)) continue;
    const drained = await Promise.race([
      new Promise((done) => raw.socket.once("drain", () => done(true))),
      sleep(1000),
    ]);
    if (!drained) break;
  }
  assert.ok(sent < 120, "the server took it all");
  const grown = plain.residentBytes() - before;
  assert.ok(grown < 48 << 20, `memory grew by ${grown >> 20} MiB`);

  const other = await upgrade(plain.port, "/echo");
  other.write(frame(TEXT, "meanwhile"));
  assert.equal((await other.message()).text, "meanwhile");
  raw.destroy();
  other.destroy();
  await plain.stop();
});

test("after all of this the server still plays", async () => {
  await alive();
  const player = await join(server, "/pond?name=last");
  await player.leave();
});
