// SPDX-License-Identifier: MIT
// Frames as attackers and broken clients send them (RFC 6455 5, 7, 8), on every lane.
// A test's name begins with its row in README.md.
import assert from "node:assert/strict";
import crypto from "node:crypto";

import { openLanes } from "./lib/lanes.mjs";
import { BINARY, CLOSE, closeFrame, frame, PING, PONG, TEXT } from "./lib/raw.mjs";

/** Longer than anybody waits here: what ends is ended by what the client has sent. */
const { row } = await openLanes({ args: ["--close-ms", "60000"] });

const cut = (bytes, n) => bytes.subarray(0, n);
const bytes = (...list) => Buffer.from(list);

/** Frames that must be answered with a Close of this code (or one of these) and the
 * end of the connection, after the good one before them. They may be cut: an answer
 * that waits for more never comes. */
function failing(id, what, sent, ...codes) {
  row(id, `${what} is answered ${codes.join(" or ")}`, async (lane) => {
    const raw = await lane.open();
    raw.write(lane.message(TEXT, "before"));
    raw.write(sent);
    assert.equal((await raw.message()).text, "before");
    const code = await raw.closeCode();
    assert.ok(codes.includes(code), `closed with ${code}`);
    await raw.ended();
    assert.equal(raw.size, 0, "nothing after the Close");
  });
}

row("F00", "an echo, then Close: echoed, and the server ends TCP", async (lane) => {
  const raw = await lane.open();
  await lane.assertEchoes(raw);
  raw.write(closeFrame(1000, "bye"));
  assert.equal(await raw.closeCode(), 1000);
  await raw.ended();
});

failing("F01", "an unmasked frame", frame(TEXT, "hello", { mask: false }), 1002);
failing("F01", "the header of an unmasked frame", bytes(0x81, 0x05), 1002);
failing(
  "F01",
  "an unmasked frame of 64 KiB",
  frame(TEXT, "a".repeat(65536), { mask: false }),
  1002,
);
failing(
  "F01",
  "an unmasked continuation",
  Buffer.concat([frame(TEXT, "a", { fin: false }), frame(0, "b", { mask: false })]),
  1002,
);
for (const rsv of [1, 2, 3, 5, 6, 7])
  failing("F02", `reserved bits ${rsv}`, frame(TEXT, "a", { rsv }), 1002);
row("F02", "RSV1 is an error where nothing was agreed", async (lane) => {
  const raw = await lane.open("/echo", { "Sec-WebSocket-Extensions": undefined });
  raw.write(frame(TEXT, "a", { rsv: 4 }));
  assert.equal(await raw.closeCode(), 1002);
});
for (const op of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) {
  failing("F03", `opcode ${op}`, frame(op, "a"), 1002);
  failing("F03", `the first byte and length of opcode ${op}`, bytes(0x80 | op, 0x85), 1002);
}
failing("F04", "a fragmented ping", frame(PING, "a", { fin: false }), 1002);
failing("F04", "a fragmented Close", closeFrame(1000, "", { fin: false }), 1002);
failing("F05", "a ping of 126 bytes", frame(PING, "a".repeat(126)), 1002);
failing("F05", "a header that announces a ping of 60000", bytes(0x89, 0xfe), 1002);
failing("F05", "a Close of 126 bytes", closeFrame(1000, "a".repeat(124)), 1002);
failing("F06", "a length of 2^63", cut(frame(TEXT, "", { length: 2n ** 63n }), 14), 1002);
failing("F06", "2^63 - 1", cut(frame(TEXT, "", { length: 2n ** 63n - 1n }), 14), 1009);
failing("F06", "2^64 - 1", cut(frame(TEXT, "", { length: 2n ** 64n - 1n }), 14), 1002);
failing("F06", "1 TiB", cut(frame(BINARY, "", { length: 2n ** 40n }), 14), 1009);
failing("F07", "5 bytes in a 16-bit length", frame(TEXT, "hello", { form: 16 }), 1002);
failing("F07", "5 bytes in a 64-bit length", frame(TEXT, "hello", { form: 64 }), 1002);
failing("F07", "125 bytes in 16 bits", frame(TEXT, "a".repeat(125), { form: 16 }), 1002);
failing("F07", "65535 bytes in 64 bits", frame(TEXT, "a".repeat(65535), { form: 64 }), 1002);
failing("F08", "a continuation of nothing", frame(0, "a"), 1002);
failing(
  "F08",
  "a last continuation twice",
  Buffer.concat([frame(PONG, ""), frame(0, "", { fin: false })]),
  1002,
);
failing(
  "F08",
  "a message inside a message",
  Buffer.concat([frame(TEXT, "a", { fin: false }), frame(BINARY, "b")]),
  1002,
);
failing("F09", "a Close of one byte", frame(CLOSE, bytes(3)), 1002);
for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535])
  failing("F10-", `a Close with code ${code}`, closeFrame(code), 1002);
for (const code of [1000, 1001, 1003, 1007, 1012, 1014, 3000, 4999])
  row("F10+", `a Close with code ${code} is echoed`, async (lane) => {
    const raw = await lane.open();
    raw.write(closeFrame(code, "a reason of ours"));
    assert.equal(await raw.closeCode(), code);
    await raw.ended();
  });
row("F10+", "an empty Close is answered by an empty one", async (lane) => {
  const raw = await lane.open();
  raw.write(frame(CLOSE));
  const answer = await raw.frame();
  assert.equal(answer.op, CLOSE);
  assert.equal(answer.payload.length, 0);
  await raw.ended();
});
failing("F11", "a reason that is not UTF-8", closeFrame(1000, bytes(0xff)), 1007);
failing("F11", "a reason that is cut off", closeFrame(1000, bytes(0xe2, 0x82)), 1007);
for (const [what, text] of [
  ["a lone surrogate", bytes(0xed, 0xa0, 0x80)],
  ["a code point past U+10FFFF", bytes(0xf4, 0x90, 0x80, 0x80)],
  ["an overlong slash", bytes(0xc0, 0xaf)],
  ["an overlong NUL", bytes(0xe0, 0x80, 0x80)],
  ["a character cut off", bytes(0xe2, 0x82)],
  ["a continuation byte alone", bytes(0x80)],
])
  failing("F12", what, frame(TEXT, text), 1007);
failing("F12e", "a bad byte before FIN", frame(TEXT, bytes(0x61, 0xff), { fin: false }), 1007);
failing(
  "F12e",
  "a bad byte in the second fragment",
  Buffer.concat([frame(TEXT, bytes(0xe2), { fin: false }), frame(0, bytes(0x61), { fin: false })]),
  1007,
);
failing(
  "F12f",
  "a bad byte inside an unfinished frame",
  cut(frame(TEXT, Buffer.concat([bytes(0x61, 0xff), Buffer.alloc(1000, 0x61)])), 10),
  1007,
);

row("F13", "a character over three fragments, a ping between", async (lane) => {
  const raw = await lane.open();
  const sign = Buffer.from("€");
  raw.write(frame(TEXT, sign.subarray(0, 1), { fin: false }));
  raw.write(frame(0, sign.subarray(1, 2), { fin: false }));
  raw.write(frame(PING, "between"));
  const pong = await raw.frame();
  assert.equal(pong.op, PONG);
  assert.equal(pong.payload.toString(), "between");
  raw.write(frame(0, sign.subarray(2)));
  assert.equal((await raw.message()).text, "€");
});

row("F16", "fragments that add up past the limit are answered 1009", async (lane) => {
  const raw = await lane.open("/chat");
  raw.write(frame(TEXT, "a".repeat(4096), { fin: false }));
  for (let i = 0; i < 4; i++) raw.write(frame(0, "a".repeat(4096), { fin: false }));
  assert.equal(await raw.closeCode(), 1009);
  await raw.ended();
});
row("F16", "a message past the limit is refused at its header", async (lane) => {
  const raw = await lane.open("/chat");
  raw.write(cut(frame(TEXT, "", { length: 20000 }), 8));
  assert.equal(await raw.closeCode(), 1009);
});

row("F18", "a Close inside a message is answered, the message is not", async (lane) => {
  const raw = await lane.open();
  raw.write(Buffer.concat([frame(TEXT, "a", { fin: false }), closeFrame(1001), frame(0, "b")]));
  assert.equal(await raw.closeCode(), 1001);
  await raw.ended();
  assert.equal(raw.size, 0);
});
row("F18", "after a Close everything is ignored, and one Close is the answer", async (lane) => {
  const raw = await lane.open();
  raw.write(
    Buffer.concat([
      lane.message(TEXT, "before"),
      closeFrame(1000),
      lane.message(TEXT, "after"),
      frame(TEXT, "bad", { mask: false }),
      closeFrame(1001),
    ]),
  );
  assert.equal((await raw.message()).text, "before");
  assert.equal(await raw.closeCode(), 1000);
  assert.equal(await raw.frame(), null);
});
row("F20", "a client that ends its half is let go at once", async (lane) => {
  const raw = await lane.open();
  raw.socket.end();
  await raw.ended();
});
row("F20", "what came right before the end of its half is answered", async (lane) => {
  const raw = await lane.open();
  raw.socket.end(lane.message(TEXT, "last words"));
  assert.equal((await raw.message()).text, "last words");
  await raw.ended();
});
row("F20", "TCP that ends in a frame, or without TLS saying so, ends it at once", async (lane) => {
  for (const last of [lane.message(TEXT, "x"), cut(frame(TEXT, "x".repeat(100)), 50), ""]) {
    const raw = await lane.open();
    await lane.assertEchoes(raw);
    raw.write(last);
    raw.tcp.end();
    await raw.ended();
  }
});
row("F25", "a mask of zeros is a mask", async (lane) => {
  const raw = await lane.open();
  raw.write(Buffer.concat([bytes(0x81, 0x85, 0, 0, 0, 0), Buffer.from("hello")]));
  assert.equal((await raw.message()).text, "hello");
});
row("F24", "empty messages, and messages of empty fragments, are messages", async (lane) => {
  const raw = await lane.open();
  for (const op of [TEXT, BINARY]) {
    raw.write(frame(op));
    const got = await raw.message();
    assert.equal(got.op, op);
    assert.equal(got.data.length, 0);
    raw.write(Buffer.concat([frame(op, "", { fin: false }), frame(0, "", { fin: false })]));
    raw.write(frame(0, ""));
    assert.equal((await raw.message()).data.length, 0);
  }
});
row("F26", "a ping of 125 bytes comes back as it was", async (lane) => {
  const raw = await lane.open();
  for (const payload of [Buffer.alloc(0), crypto.randomBytes(125)]) {
    raw.write(frame(PING, payload));
    const pong = await raw.frame();
    assert.equal(pong.op, PONG);
    assert.ok(pong.payload.equals(payload));
  }
});
row("F27", "a pong that nobody asked for is passed over", async (lane) => {
  const raw = await lane.open();
  raw.write(frame(PONG, "nobody asked"));
  await lane.assertEchoes(raw);
});
row("F28", "a byte per segment", async (lane) => {
  const raw = await lane.open();
  await raw.trickle(lane.message(TEXT, "slowly"));
  assert.equal((await raw.message()).text, "slowly");
  await raw.trickle(closeFrame(1000));
  assert.equal(await raw.closeCode(), 1000);
});
row("F29", "300 frames in one write come back in order", async (lane) => {
  const raw = await lane.open();
  raw.write(Buffer.concat(Array.from({ length: 300 }, (_, i) => lane.message(TEXT, `${i}`))));
  for (let i = 0; i < 300; i++) assert.equal((await raw.message()).text, `${i}`);
});
row("F32", "a reset in the middle of a frame", async (lane) => {
  const raw = await lane.open();
  raw.write(cut(frame(TEXT, "x".repeat(100)), 50));
  await lane.assertHonest();
  raw.reset();
  const fragment = await lane.open();
  fragment.write(frame(TEXT, "x".repeat(1000), { fin: false }));
  await lane.assertHonest();
  fragment.reset();
});
row("F35", "frames that come with the handshake are not lost", async (lane) => {
  const two = Buffer.concat([frame(TEXT, "early"), frame(TEXT, "bird")]);
  const raw = await lane.open("/echo", {}, two);
  assert.equal((await raw.message()).text, "early");
  assert.equal((await raw.message()).text, "bird");
});
row("F35", "a request that comes with the handshake is a bad frame, no request", async (lane) => {
  const early = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const raw = await lane.open("/echo", {}, early);
  assert.equal(await raw.closeCode(), 1002);
  await raw.ended();
  assert.equal(raw.size, 0);
});
