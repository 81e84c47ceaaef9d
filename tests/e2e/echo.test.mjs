// SPDX-License-Identifier: MIT
// RFC 6455 through the echo game: what must come back, and what must end the
// connection with which code. Rows of violations are sent as raw bytes.
import assert from "node:assert/strict";
import crypto from "node:crypto";
import test, { after } from "node:test";
import WebSocket from "ws";

import {
  BINARY,
  CLOSE,
  closeFrame,
  frame,
  PING,
  PONG,
  TEXT,
  upgrade,
} from "./lib/raw.mjs";
import { startServer } from "./lib/server.mjs";

const server = await startServer({ games: ["echo", "chat"] });
after(() => server.stop());

const echo = (headers, early) => upgrade(server.port, "/echo", headers, early);

/** The connection still echoes. */
async function assertEchoes(raw) {
  raw.write(frame(TEXT, "still here"));
  assert.equal((await raw.message()).text, "still here");
}

/** npm ws, open. */
async function open(options) {
  const ws = new WebSocket(server.ws("/echo"), { maxPayload: 64 << 20, ...options });
  await new Promise((done, fail) => ws.once("open", done).once("error", fail));
  return ws;
}

/** Sends and waits for the message that comes back. */
const answerTo = (ws, data) =>
  new Promise((done, fail) => {
    const closed = (code) => fail(new Error(`closed with ${code}`));
    ws.once("close", closed);
    ws.once("message", (got, isBinary) => {
      ws.off("close", closed);
      done({ data: got, isBinary });
    });
    ws.send(data);
  });

test("text and binary of every size come back byte for byte", async () => {
  const ws = await open();
  for (const size of [0, 1, 125, 126, 127, 65535, 65536, 1 << 20]) {
    const bytes = crypto.randomBytes(size);
    const binary = await answerTo(ws, bytes);
    assert.ok(binary.isBinary);
    assert.ok(binary.data.equals(bytes), `${size} bytes`);
    const text = "é".repeat(size >> 1) + "x".repeat(size & 1);
    const back = await answerTo(ws, text);
    assert.ok(!back.isBinary);
    assert.ok(back.data.toString() === text, `${size} bytes of text`);
  }
  ws.close(1000);
});

test("a message of 16 MiB comes back", async () => {
  const ws = await open();
  const bytes = crypto.randomBytes(16 << 20);
  const back = await answerTo(ws, bytes);
  assert.ok(back.data.equals(bytes));
  ws.close(1000);
});

test("compressed or not, a client that offers permessage-deflate is served", async () => {
  const ws = await open({ perMessageDeflate: true });
  const text = "worm ".repeat(5000);
  assert.equal((await answerTo(ws, text)).data.toString(), text);
  assert.equal((await answerTo(ws, text)).data.toString(), text);
  ws.close(1000);
});

test("a fragmented message comes back whole, whatever stands between", async () => {
  const raw = await echo();
  const sign = Buffer.from("€");
  raw.write(frame(TEXT, sign.subarray(0, 1), { fin: false }));
  raw.write(frame(0, sign.subarray(1, 2), { fin: false }));
  raw.write(frame(PING, "between"));
  const pong = await raw.frame();
  assert.equal(pong.op, PONG);
  assert.equal(pong.payload.toString(), "between");
  raw.write(frame(0, sign.subarray(2)));
  assert.equal((await raw.message()).text, "€");
  raw.write(frame(BINARY, "", { fin: false }));
  raw.write(frame(0, "", { fin: false }));
  raw.write(frame(0, "end"));
  assert.equal((await raw.message()).text, "end");
  raw.destroy();
});

test("pings come back as pongs with the same bytes, pongs are passed over", async () => {
  const raw = await echo();
  const longest = crypto.randomBytes(125);
  for (const payload of [Buffer.alloc(0), Buffer.from("a"), longest]) {
    raw.write(frame(PING, payload));
    const pong = await raw.frame();
    assert.equal(pong.op, PONG);
    assert.ok(pong.payload.equals(payload));
  }
  raw.write(frame(PONG, "nobody asked"));
  await assertEchoes(raw);
  raw.destroy();
});

test("a frame a byte at a time, and 300 frames in one write, arrive in order", async () => {
  const raw = await echo();
  for (const byte of frame(TEXT, "slowly")) {
    raw.write(Buffer.from([byte]));
    await new Promise(setImmediate);
  }
  assert.equal((await raw.message()).text, "slowly");
  raw.write(Buffer.concat(Array.from({ length: 300 }, (_, i) => frame(TEXT, `${i}`))));
  for (let i = 0; i < 300; i++) assert.equal((await raw.message()).text, `${i}`);
  raw.destroy();
});

test("frames that come with the handshake are not lost", async () => {
  const raw = await echo({}, Buffer.concat([frame(TEXT, "early"), frame(TEXT, "bird")]));
  assert.equal((await raw.message()).text, "early");
  assert.equal((await raw.message()).text, "bird");
  raw.destroy();

  // A second request instead of frames is no frame either.
  const other = await echo({}, "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  assert.equal(await other.closeCode(), 1002);
  other.destroy();
});

test("close codes that may be sent are echoed, and the server ends TCP", async () => {
  for (const code of [1000, 1001, 1003, 1007, 1012, 1014, 3000, 4999]) {
    const raw = await echo();
    raw.write(closeFrame(code, "enough"));
    assert.equal(await raw.closeCode(), code);
    await raw.ended();
    raw.destroy();
  }
  const raw = await echo();
  raw.write(frame(CLOSE));
  assert.equal(await raw.closeCode(), undefined, "an empty Close is answered by one");
  await raw.ended();
  raw.destroy();
});

test("npm ws closes cleanly", async () => {
  const ws = await open();
  const closed = new Promise((done) => ws.once("close", (code) => done(code)));
  ws.close(3001, "enough");
  assert.equal(await closed, 3001);
});

test("after a Close everything is ignored, and one Close is the answer", async () => {
  const raw = await echo();
  raw.write(
    Buffer.concat([
      frame(TEXT, "before"),
      closeFrame(1000),
      frame(TEXT, "after"),
      closeFrame(1001),
    ]),
  );
  assert.equal((await raw.frame()).payload.toString(), "before");
  const close = await raw.frame();
  assert.equal(close.op, CLOSE);
  assert.equal(close.payload.readUInt16BE(0), 1000);
  assert.equal(await raw.frame(), null);
  raw.destroy();
});

test("a client that ends its half of the connection is let go", async () => {
  const raw = await echo();
  raw.socket.end();
  await raw.ended();
  raw.destroy();
});

test("a reset in the middle of a frame hurts nobody else", async () => {
  const other = await echo();
  const raw = await echo();
  raw.write(frame(TEXT, "x".repeat(100)).subarray(0, 50));
  await assertEchoes(other);
  raw.socket.resetAndDestroy();
  await assertEchoes(other);
  other.destroy();
});

test("five thousand pings in one go leave the connection whole", async () => {
  const raw = await echo();
  raw.write(Buffer.concat(Array.from({ length: 5000 }, () => frame(PING, "p"))));
  await assertEchoes(raw);
  raw.destroy();
});

test("twenty thousand empty fragments are a message, or refused; others go on", async () => {
  const other = await echo();
  const raw = await echo();
  raw.write(frame(TEXT, "a", { fin: false }));
  raw.write(Buffer.concat(Array.from({ length: 20000 }, () => frame(0, "", { fin: false }))));
  raw.write(frame(0, "z"));
  await assertEchoes(other);
  const f = await raw.frame(10000);
  if (f.op === CLOSE) assert.equal(f.payload.readUInt16BE(0), 1008);
  else assert.equal(f.payload.toString(), "az");
  raw.destroy();
  other.destroy();
});

const cut = (bytes, n) => bytes.subarray(0, n);

// What a client sends, and the code that must end the connection at once: in
// rows marked `cut` more bytes are announced than ever come.
const violations = [
  ["an unmasked frame", frame(TEXT, "hello", { mask: false }), 1002],
  ["the header alone of an unmasked frame, cut", Buffer.from([0x81, 0x05]), 1002],
  ["RSV1", frame(TEXT, "a", { rsv: 4 }), 1002],
  ["RSV2", frame(TEXT, "a", { rsv: 2 }), 1002],
  ["RSV3", frame(TEXT, "a", { rsv: 1 }), 1002],
  ["RSV1 on a ping", frame(PING, "a", { rsv: 4 }), 1002],
  ["opcode 3", frame(3, "a"), 1002],
  ["opcode 7", frame(7, "a"), 1002],
  ["opcode 11", frame(11, "a"), 1002],
  ["opcode 15", frame(15, "a"), 1002],
  ["a fragmented ping", frame(PING, "a", { fin: false }), 1002],
  ["a fragmented Close", closeFrame(1000, "", { fin: false }), 1002],
  ["a ping of 126 bytes", frame(PING, "a".repeat(126)), 1002],
  ["the header of a ping of 60000 bytes, cut", cut(frame(PING, "", { length: 60000 }), 4), 1002],
  ["a length of 2^63, cut", cut(frame(TEXT, "", { length: 2n ** 63n }), 14), 1002, 1009],
  ["a length of 2^63 - 1, cut", cut(frame(TEXT, "", { length: 2n ** 63n - 1n }), 14), 1002, 1009],
  ["a length of 1 TiB, cut", cut(frame(TEXT, "", { length: 2n ** 40n }), 14), 1009],
  ["5 bytes in a 16-bit length", frame(TEXT, "hello", { form: 16 }), 1002],
  ["5 bytes in a 64-bit length", frame(TEXT, "hello", { form: 64 }), 1002],
  ["125 bytes in a 16-bit length", frame(TEXT, "a".repeat(125), { form: 16 }), 1002],
  ["a continuation of nothing", frame(0, "a"), 1002],
  [
    "a message inside a message",
    Buffer.concat([frame(TEXT, "a", { fin: false }), frame(TEXT, "b")]),
    1002,
  ],
  ["a Close of one byte", frame(CLOSE, Buffer.from([3])), 1002],
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535].map((code) => [
    `a Close with code ${code}`,
    closeFrame(code),
    1002,
  ]),
  ["a Close whose reason is not UTF-8", closeFrame(1000, Buffer.from([0xff])), 1007],
  ["a lone surrogate", frame(TEXT, Buffer.from([0xed, 0xa0, 0x80])), 1007],
  ["a code point past U+10FFFF", frame(TEXT, Buffer.from([0xf4, 0x90, 0x80, 0x80])), 1007],
  ["an overlong slash", frame(TEXT, Buffer.from([0xc0, 0xaf])), 1007],
  ["a character cut off by the end", frame(TEXT, Buffer.from([0xe2, 0x82])), 1007],
  [
    "a bad byte in the first of two fragments, cut",
    frame(TEXT, Buffer.from([0x61, 0xff]), { fin: false }),
    1007,
  ],
  [
    "a bad byte inside an unfinished frame, cut",
    cut(frame(TEXT, Buffer.concat([Buffer.from([0x61, 0xff]), Buffer.alloc(1000, 0x61)])), 100),
    1007,
  ],
];
for (const [what, bytes, ...codes] of violations)
  test(`${what} is answered ${codes.join(" or ")}`, async () => {
    const raw = await echo();
    raw.write(frame(TEXT, "before"));
    raw.write(bytes);
    assert.equal((await raw.message()).text, "before", "what came before it is delivered");
    const code = await raw.closeCode();
    assert.ok(codes.includes(code), `closed with ${code}`);
    await raw.ended(); // though the client never answers
    raw.destroy();
  });

test("messages over a game's limit are refused at their header, and in fragments", async () => {
  const announced = await upgrade(server.port, "/chat");
  announced.write(cut(frame(TEXT, "", { length: 20000 }), 8));
  assert.equal(await announced.closeCode(), 1009);
  announced.destroy();

  const adding = await upgrade(server.port, "/chat");
  adding.write(frame(TEXT, "a".repeat(4096), { fin: false }));
  for (let i = 0; i < 4; i++) adding.write(frame(0, "a".repeat(4096), { fin: false }));
  assert.equal(await adding.closeCode(), 1009);
  adding.destroy();
});

test("every one of those left the server able to echo", async () => {
  const raw = await echo();
  await assertEchoes(raw);
  raw.destroy();
});
