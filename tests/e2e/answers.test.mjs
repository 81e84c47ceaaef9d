// SPDX-License-Identifier: MIT
// Every status that the server answers by itself: short, with the headers that
// RFC 9110 asks for, and with a connection that ends exactly where it must.
import assert from "node:assert/strict";
import test, { after } from "node:test";

import { connect, handshakeLines, request, upgrade } from "./lib/raw.mjs";
import { startServer } from "./lib/server.mjs";

const server = await startServer({ args: ["--head-ms", "3000", "--max-body", "1000"] });
after(() => server.stop());

const host = "Host: localhost";
const long = (n) => "a".repeat(n);
const websocket = (at, headers) => handshakeLines(at, headers);

// What is sent, the status, a header and what it must be, whether it ends.
const answers = [
  ["a page that is not there", ["GET /nothing HTTP/1.1", host], 404, {}, false],
  ["a POST", ["POST / HTTP/1.1", host, "Content-Length: 0"], 405, { allow: /GET, HEAD/ }, false],
  ["OPTIONS", ["OPTIONS / HTTP/1.1", host], 405, { allow: /GET, HEAD/ }, false],
  ["TRACE", ["TRACE / HTTP/1.1", host, "Cookie: secret"], 405, { allow: /GET, HEAD/ }, false],
  ["a method nobody knows", ["FROB / HTTP/1.1", host], 501, {}, true],
  ["a method in small letters", ["get / HTTP/1.1", host], 501, {}, true],
  ["a method with a wrong character", ["G@T / HTTP/1.1", host], 400, {}, true],
  ["no Host", ["GET / HTTP/1.1"], 400, {}, true],
  ["a body too long", ["POST / HTTP/1.1", host, "Content-Length: 1001"], 413, {}, true],
  ["a target too long", [`GET /${long(5000)} HTTP/1.1`, host], 414, {}, true],
  [
    "the wrong version of the protocol",
    websocket("/echo", { "Sec-WebSocket-Version": "8" }),
    426,
    { upgrade: /websocket/, "sec-websocket-version": /13/ },
    true,
  ],
  ["headers too long", ["GET / HTTP/1.1", host, `X: ${long(20000)}`], 431, {}, true],
  ["too many headers", ["GET / HTTP/1.1", host, ...Array(100).fill("X: y")], 431, {}, true],
  ["HTTP/2.0", ["GET / HTTP/2.0", host], 505, {}, true],
  ["HTTP/1.2, as 1.1, at an address where nothing is", ["GET /x.y HTTP/1.2", host], 404, {}, false],
  ["a request that stalls", ["GET / HTTP/1.1", host, "X"], 408, {}, true],
];
for (const [what, lines, status, headers, ends] of answers)
  test(`${what} is answered ${status}`, async () => {
    const raw = await connect(server.port);
    raw.write(lines.join("\r\n") + (status === 408 ? "" : "\r\n\r\n"));
    const answer = await raw.answer();
    assert.equal(answer.status, status);
    assert.ok(answer.body.length > 5 && answer.body.length < 80, answer.body);
    assert.ok(!answer.body.includes("secret"));
    assert.equal(answer.headers["content-type"], "text/plain; charset=utf-8");
    assert.equal(answer.headers["x-content-type-options"], "nosniff");
    for (const [name, value] of Object.entries(headers)) assert.match(answer.headers[name], value);
    assert.equal(answer.headers.connection === "close", ends);
    if (ends) {
      await raw.ended();
    } else {
      raw.write(`GET /healthz HTTP/1.1\r\n${host}\r\n\r\n`);
      assert.equal((await raw.answer()).status, 200);
    }
    raw.destroy();
  });

test("426 names Upgrade as an option of the connection", async () => {
  const raw = await connect(server.port);
  raw.write(`${websocket("/echo", { "Sec-WebSocket-Version": "8" }).join("\r\n")}\r\n\r\n`);
  await raw.wait("the head", () => raw.bytes.includes("\r\n\r\n"));
  assert.match(raw.bytes.toString(), /^connection: .*\bupgrade\b/im);
  raw.destroy();
});

test("a full server answers 503, and serves those inside", async () => {
  const full = await startServer({ args: ["--max-conns", "1"] });
  try {
    const inside = await upgrade(full.port, "/echo");
    const refused = await request(full.port, ["GET / HTTP/1.1", host]);
    assert.equal(refused.status, 503);
    assert.equal(refused.headers.connection, "close");
    assert.ok(refused.body.length < 80);
    inside.destroy();
  } finally {
    await full.stop();
  }
});

test("HEAD has the headers of GET and no body, errors too", async () => {
  for (const at of ["/", "/nothing", "/healthz", "/pond", "/_parlor/client.js"]) {
    const get = await request(server.port, [`GET ${at} HTTP/1.1`, host]);
    const raw = await connect(server.port);
    raw.write(`HEAD ${at} HTTP/1.1\r\n${host}\r\nConnection: close\r\n\r\n`);
    await raw.ended();
    const head = await raw.answer({ bodiless: true });
    assert.equal(raw.bytes.length, 0, at);
    assert.equal(head.status, get.status, at);
    delete head.headers.connection;
    assert.deepEqual(head.headers, get.headers, at);
    raw.destroy();
  }
});

test("100 is sent when a body is awaited, and only then", async () => {
  const send = async (lines, body = "") => {
    const raw = await connect(server.port);
    raw.write(`${lines.join("\r\n")}\r\n\r\n${body}`);
    return raw;
  };
  const post = (length) => ["POST / HTTP/1.1", host, "Expect: 100-continue", `Content-Length: ${length}`];

  const waits = await send(post(3));
  assert.equal((await waits.answer()).status, 100);
  waits.write("abc");
  assert.equal((await waits.answer()).status, 405);
  waits.destroy();

  // Who does not wait needs none; who would send too much is told at once.
  const hasty = await send(post(3), "abc");
  assert.equal((await hasty.answer()).status, 405);
  hasty.destroy();
  const big = await send(post(2000));
  assert.equal((await big.answer()).status, 413);
  big.destroy();
  const old = await send(["POST / HTTP/1.0", "Expect: 100-continue", "Content-Length: 3"], "abc");
  assert.equal((await old.answer()).status, 405);
  old.destroy();
});

test("a hundred requests in one write are answered in order", async () => {
  const raw = await connect(server.port);
  const paths = ["/healthz", "/nothing", "/readyz", "/pond"];
  const statuses = [200, 404, 200, 308];
  let all = "";
  for (let i = 0; i < 100; i++) all += `GET ${paths[i % 4]} HTTP/1.1\r\n${host}\r\n\r\n`;
  raw.write(all);
  for (let i = 0; i < 100; i++) {
    const answer = await raw.answer();
    assert.equal(answer.status, statuses[i % 4], `answer ${i}`);
  }
  raw.destroy();
});

test("parts and compressed forms of a page's files", async () => {
  const { body } = await request(server.port, ["GET /_parlor/client.js HTTP/1.1", host]);
  const part = await request(server.port, [
    "GET /_parlor/client.js HTTP/1.1",
    host,
    "Range: bytes=10-19",
  ]);
  assert.equal(part.status, 206);
  assert.equal(part.body, body.slice(10, 20));
  assert.equal(part.headers["content-range"], `bytes 10-19/${Buffer.byteLength(body)}`);
  const none = await request(server.port, [
    "GET /_parlor/client.js HTTP/1.1",
    host,
    "Range: bytes=9999999-",
  ]);
  assert.equal(none.status, 416);
  assert.equal(none.headers["content-range"], `bytes */${Buffer.byteLength(body)}`);
});
