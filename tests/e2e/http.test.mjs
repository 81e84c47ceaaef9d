// SPDX-License-Identifier: MIT
// Pages and opening handshakes, as any browser, proxy or scanner may send them.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test, { after } from "node:test";

import { acceptOf, connect, handshakeLines, request } from "./lib/raw.mjs";
import { startServer, temporaryFolder } from "./lib/server.mjs";

const server = await startServer({
  files: { "pond/secret.txt": "not for the web", "pond/web/.hidden": "neither is this" },
});
after(() => server.stop());

/** A plain request; the path goes out as it is written here. */
const ask = (method, at, headers = [], options) =>
  request(server.port, [`${method} ${at} HTTP/1.1`, "Host: localhost", ...headers], options);

test("the hub is at /", async () => {
  const answer = await ask("GET", "/");
  assert.equal(answer.status, 200);
  assert.match(answer.headers["content-type"], /^text\/html/);
  assert.match(answer.body, /<html/i);
});

test("/_parlor/games lists every game with its title", async () => {
  const answer = await ask("GET", "/_parlor/games");
  assert.equal(answer.status, 200);
  assert.match(answer.headers["content-type"], /^application\/json/);
  for (const name of ["pond", "echo", "chat"])
    assert.ok(await server.game(name), `${name} is listed`);
  assert.equal((await server.game("pond")).title, "Pond");
});

test("/healthz and /readyz answer 200", async () => {
  assert.equal((await ask("GET", "/healthz")).status, 200);
  assert.equal((await ask("GET", "/readyz")).status, 200);
});

test("the SDK is served as JavaScript", async () => {
  const answer = await ask("GET", "/_parlor/client.js");
  assert.equal(answer.status, 200);
  assert.match(answer.headers["content-type"], /^text\/javascript/);
});

test("a page that is not there is 404", async () => {
  for (const at of ["/nothing/here.html", "/pond/nothing.js", "/_parlor/nothing.js"])
    assert.equal((await ask("GET", at)).status, 404, at);
});

test("/pond leads to /pond/ for good", async () => {
  const answer = await ask("GET", "/pond");
  assert.equal(answer.status, 308);
  assert.match(answer.headers.location, /^(http:\/\/localhost)?\/pond\/$/);
});

test("a room's address serves the game's page, with the same content", async () => {
  const page = await ask("GET", "/pond/");
  const room = await ask("GET", "/pond/lobby");
  assert.equal(page.status, 200);
  assert.equal(room.status, 200);
  assert.equal(room.body, page.body);
});

test("no path leaves the folder of the game's pages", async () => {
  for (const at of [
    "/pond/../pond/secret.txt",
    "/pond/%2e%2e/secret.txt",
    "/pond/..%2fsecret.txt",
    "/pond/%2e%2e%2fsecret.txt",
    "/pond/..%5csecret.txt",
    "/pond/./../../echo/game.lua",
    "/_parlor/../../../../../../etc/passwd",
    "/_parlor/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
    "/pond/.hidden",
    "/pond/game.lua",
    "/pond/web/../../game.lua",
    "//etc/passwd",
    "/pond/%00index.html",
  ]) {
    const answer = await ask("GET", at);
    assert.ok([400, 403, 404].includes(answer.status), `${at} answered ${answer.status}`);
    assert.doesNotMatch(answer.body, /root:|not for the web|neither is this|parlor\.game/);
  }
});

test("HEAD has the headers of GET and no body", async () => {
  const get = await ask("GET", "/pond/");
  const head = await ask("HEAD", "/pond/", ["Connection: close"], { bodiless: true });
  assert.equal(head.status, 200);
  assert.equal(head.headers["content-length"], get.headers["content-length"]);
  assert.equal(head.headers["content-type"], get.headers["content-type"]);

  const raw = await connect(server.port);
  raw.write("HEAD /pond/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  await raw.ended();
  assert.ok(raw.bytes.toString("latin1").endsWith("\r\n\r\n"), "nothing after the head");
});

test("a page that has not changed is 304, one that was saved is sent anew", async () => {
  const first = await ask("GET", "/pond/");
  assert.ok(first.headers.etag);
  const again = await ask("GET", "/pond/", [`If-None-Match: ${first.headers.etag}`]);
  assert.equal(again.status, 304);
  assert.equal(again.body, "");

  server.save("pond/web/index.html", `${server.read("pond/web/index.html")}<!-- new -->\n`);
  const changed = await ask("GET", "/pond/", [`If-None-Match: ${first.headers.etag}`]);
  assert.equal(changed.status, 200);
  assert.match(changed.body, /<!-- new -->/);
});

test("methods other than GET and HEAD are 405", async () => {
  for (const at of ["/", "/pond/", "/_parlor/client.js"])
    assert.equal((await ask("POST", at, ["Content-Length: 0"])).status, 405, at);
});

test("requests on one connection are answered in their order", async () => {
  const raw = await connect(server.port);
  raw.write(
    ["/healthz", "/nothing", "/healthz"]
      .map((at) => `GET ${at} HTTP/1.1\r\nHost: localhost\r\n\r\n`)
      .join(""),
  );
  const got = [await raw.answer(), await raw.answer(), await raw.answer()];
  raw.destroy();
  assert.deepEqual(got.map((answer) => answer.status), [200, 404, 200]);
});

test("a request a byte at a time is a request", async () => {
  const raw = await connect(server.port);
  for (const byte of "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n") {
    raw.write(byte);
    await new Promise(setImmediate);
  }
  assert.equal((await raw.answer()).status, 200);
  raw.destroy();
});

test("subprotocols that we do not know are no fault: 101, and none is chosen", async () => {
  const answer = await request(server.port, [
    "GET /chat HTTP/1.1",
    "Host: server.example.com",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==",
    "Sec-WebSocket-Protocol: chat, superchat",
    "Sec-WebSocket-Version: 13",
    "Origin: http://example.com",
  ]);
  assert.equal(answer.status, 101);
  assert.equal(answer.headers["sec-websocket-accept"], "HSmrc0sMlYUkAGmm5OPpG2HaGWk=");
  assert.equal(answer.headers.upgrade.toLowerCase(), "websocket");
  assert.match(answer.headers.connection, /upgrade/i);
  for (const name of ["sec-websocket-protocol", "content-length", "transfer-encoding"])
    assert.equal(answer.headers[name], undefined, name);
});

test("a subprotocol is answered only where it was offered", async () => {
  for (const [offer, want] of [
    ["parlor.j1", "parlor.j1"],
    ["chat, parlor.b1", "parlor.b1"],
    ["PARLOR.B1", undefined],
    ["chat", undefined],
    [undefined, undefined],
  ]) {
    const lines = handshakeLines("/pond", { "Sec-WebSocket-Protocol": offer });
    const answer = await request(server.port, lines);
    assert.equal(answer.status, 101, offer);
    assert.equal(answer.headers["sec-websocket-protocol"], want, offer);
  }
});

test("handshakes that are right but unusual are taken", async () => {
  for (const headers of [
    { Upgrade: "WebSocket", Connection: "keep-alive, UPGRADE" },
    { Upgrade: undefined, Connection: undefined, uPgRaDe: "websocket", CONNECTION: "upgrade" },
    { Connection: ["keep-alive", "Upgrade"] },
    { Origin: undefined, "X-Nothing": "" },
  ]) {
    const answer = await request(server.port, handshakeLines("/echo", headers));
    assert.equal(answer.status, 101, JSON.stringify(headers));
    assert.equal(
      answer.headers["sec-websocket-accept"],
      acceptOf("dGhlIHNhbXBsZSBub25jZQ=="),
    );
  }
});

test("the upgrade of a game that is not there is 404", async () => {
  for (const at of ["/nothing", "/nothing/room", "/Pond", "/_parlor/client.js"])
    assert.equal((await request(server.port, handshakeLines(at))).status, 404, at);
});

// Each row breaks one rule: what is changed in a right handshake, and the
// status that answers it.
const broken = [
  ["no Host", { Host: undefined }, 400],
  ["two Hosts", { Host: ["localhost", "localhost"] }, 400],
  ["no key", { "Sec-WebSocket-Key": undefined }, 400],
  ["a key of 3 bytes", { "Sec-WebSocket-Key": "AQID" }, 400],
  ["a key that is not base64", { "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25j!Q==" }, 400],
  [
    "two keys",
    { "Sec-WebSocket-Key": ["dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ=="] },
    400,
  ],
  ["no version", { "Sec-WebSocket-Version": undefined }, 400, 426],
  ["version 8", { "Sec-WebSocket-Version": "8" }, 426],
  ["versions 13, 8", { "Sec-WebSocket-Version": "13, 8" }, 400, 426],
  ["a body's length", { "Content-Length": "5" }, 400],
  ["a chunked body", { "Transfer-Encoding": "chunked" }, 400],
  ["protocols a,,b", { "Sec-WebSocket-Protocol": "a,,b" }, 400],
  ["a protocol with a space", { "Sec-WebSocket-Protocol": "a b" }, 400],
  ["a protocol twice", { "Sec-WebSocket-Protocol": "a,a" }, 400],
  ["a protocol in quotes", { "Sec-WebSocket-Protocol": '"a"' }, 400],
  ["only a comma for protocols", { "Sec-WebSocket-Protocol": "," }, 400],
  ["a NUL in a value", { "X-Bad": "a\0b" }, 400],
  ["a space in a name", { "X Bad": "a" }, 400],
  ["a space before the colon", { "X-Bad ": "a" }, 400],
];
for (const [what, headers, ...statuses] of broken)
  test(`a handshake with ${what} is answered ${statuses.join(" or ")}`, async () => {
    const answer = await request(server.port, handshakeLines("/echo", headers));
    assert.ok(statuses.includes(answer.status), `answered ${answer.status}`);
    if ("Sec-WebSocket-Version" in headers)
      assert.equal(answer.headers["sec-websocket-version"], "13");
    if (answer.status === 426)
      assert.match(answer.headers.upgrade, /websocket/i);
  });

test("an upgrade by POST is 405", async () => {
  const [, ...headers] = handshakeLines("/echo");
  const answer = await request(server.port, ["POST /echo HTTP/1.1", ...headers]);
  assert.equal(answer.status, 405);
});

test("an upgrade without Connection: upgrade is none", async () => {
  const answer = await request(server.port, handshakeLines("/pond", { Connection: "close" }));
  assert.notEqual(answer.status, 101);
});

test("heads that are too big are refused with their own status", async () => {
  for (const [lines, status] of [
    [[`GET /${"a".repeat(65536)} HTTP/1.1`, "Host: localhost"], 414],
    [["GET / HTTP/1.1", "Host: localhost", `X-Big: ${"a".repeat(65536)}`], 431],
    [["GET / HTTP/1.1", "Host: localhost", ...Array(3000).fill("A: b")], 431],
  ]) {
    const answer = await request(server.port, lines);
    assert.equal(answer.status, status);
  }
});

test("what is not HTTP/1.1 is refused and the connection ends", async () => {
  for (const bytes of [
    "GET / HTTP/2.0\r\nHost: localhost\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "\0\0\0\0\r\n\r\n",
    Buffer.from("16030100c8010000c40303", "hex"),
    "GET / HTTP/1.1\nHost: localhost\n\n",
    "GET  / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n" +
      "\r\n0\r\n\r\n",
  ]) {
    const raw = await connect(server.port);
    raw.write(bytes);
    await raw.ended();
    const answer = await raw.answer();
    assert.ok([0, 400, 405, 501, 505].includes(answer.status), `answered ${answer.status}`);
    raw.destroy();
  }
});

test("in serve a foreign Origin is 403, and allowed when it is configured", async () => {
  const foreign = handshakeLines("/echo", {
    Host: "server.example.com",
    Origin: "http://example.com",
  });
  const own = handshakeLines("/echo", {
    Host: "server.example.com",
    Origin: "http://server.example.com",
  });

  const strict = await startServer({ command: "serve" });
  assert.equal((await request(strict.port, foreign)).status, 403);
  const unknown = handshakeLines("/echo", { Origin: "null" });
  assert.equal((await request(strict.port, unknown)).status, 403);
  assert.equal((await request(strict.port, own)).status, 101);
  assert.equal((await request(strict.port, handshakeLines("/echo"))).status, 101);
  await strict.stop();

  const config = path.join(temporaryFolder(), "parlor.lua");
  fs.writeFileSync(config, 'return { origins = {"http://example.com"} }\n');
  const open = await startServer({ command: "serve", args: ["--config", config] });
  assert.equal((await request(open.port, foreign)).status, 101);
  assert.equal((await request(open.port, own)).status, 101);
  const other = handshakeLines("/echo", { Origin: "http://example.com.evil.test" });
  assert.equal((await request(open.port, other)).status, 403);
  await open.stop();
});

test("pages that may connect may import modules, others may not", async () => {
  const read = async (server, origin, path = "/_parlor/client.js") => {
    const answer = await request(server.port, [
      `GET ${path} HTTP/1.1`,
      "Host: localhost",
      ...(origin ? [`Origin: ${origin}`] : []),
    ]);
    assert.equal(answer.headers["access-control-allow-credentials"], undefined);
    const { vary = "", "access-control-allow-origin": leave } = answer.headers;
    return [answer.status, leave, vary.includes("Origin")];
  };
  const start = (...args) => startServer({ command: "serve", args });

  const strict = await start();
  assert.deepEqual(await read(strict, "http://example.com"), [200, undefined, false]);
  await strict.stop();

  const some = await start("--origins", "http://example.com,http://b.example");
  for (const path of ["/_parlor/client.js", "/pond/", "/pond/pond.js"])
    assert.deepEqual(await read(some, "http://example.com", path), [200, "http://example.com", true]);
  for (const origin of ["http://evil.example", "http://example.com.evil.example", "null", undefined])
    assert.deepEqual(await read(some, origin), [200, undefined, true], `${origin}`);
  assert.deepEqual(await read(some, "http://example.com", "/_parlor/games"), [200, undefined, false]);
  await some.stop();

  const all = await start("--origins", "*");
  for (const origin of ["http://evil.example", "null", undefined])
    assert.deepEqual(await read(all, origin), [200, "*", false], `${origin}`);
  await all.stop();
});
