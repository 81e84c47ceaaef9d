// SPDX-License-Identifier: MIT
// Compressed messages as attackers and odd clients send them (RFC 7692 6, 7.2). A
// test's name begins with its row in README.md.
import assert from "node:assert/strict";
import crypto from "node:crypto";
import zlib from "node:zlib";

import { openLanes } from "./lib/lanes.mjs";
import { BINARY, closeFrame, deflate, frame, packedFrame, PING, PONG, TEXT } from "./lib/raw.mjs";

const { row: everyRow } = await openLanes();
// The server keeps no window of a client unless it is told to.
const keeping = await openLanes({ args: ["--deflate-client-context", "1"] });
const only = (lane) => lane.isPacked;
const row = (id, what, run) => everyRow(id, what, run, { only });

const RSV1 = { rsv: 4 };

/** A connection that has agreed on compression, as this offer wants it. */
async function agreed(lane, offer = "permessage-deflate") {
  const raw = await lane.open("/echo", { "Sec-WebSocket-Extensions": offer });
  assert.ok(raw.extensions, "compression was agreed on");
  return raw;
}

/** Frames that must end the connection with this code, after the good one before. */
function failing(id, what, sent, code) {
  row(id, `${what} is answered ${code}`, async (lane) => {
    const raw = await agreed(lane);
    raw.write(packedFrame(TEXT, "before"));
    raw.write(sent);
    assert.equal((await raw.message()).text, "before");
    assert.equal(await raw.closeCode(), code);
    await raw.ended();
  });
}

/** A payload in one compressed frame that must come back as this text. */
function echoed(id, what, payload, text) {
  row(id, `${what} is echoed`, async (lane) => {
    const raw = await agreed(lane);
    raw.write(frame(TEXT, payload, RSV1));
    assert.equal((await raw.message()).text, text);
    await lane.assertEchoes(raw);
  });
}

everyRow("D01", "who offers compression may still send everything plain", async (lane) => {
  const raw = await lane.open();
  raw.write(frame(TEXT, "plain"));
  assert.equal((await raw.message()).text, "plain");
});

failing(
  "D02",
  "RSV1 on a continuation",
  Buffer.concat([
    frame(TEXT, deflate("hello").subarray(0, 3), { rsv: 4, fin: false }),
    frame(0, deflate("hello").subarray(3), RSV1),
  ]),
  1002,
);
failing(
  "D02",
  "RSV1 on a continuation of a plain message",
  Buffer.concat([frame(TEXT, "hel", { fin: false }), frame(0, deflate("lo"), RSV1)]),
  1002,
);
failing("D02", "RSV1 on a ping", frame(PING, deflate("a"), RSV1), 1002);
failing("D02", "RSV1 on a pong", frame(PONG, "", RSV1), 1002);
failing("D02", "RSV1 on a Close", closeFrame(1000, "", RSV1), 1002);
failing("D02", "RSV2 beside RSV1", frame(TEXT, deflate("a"), { rsv: 6 }), 1002);

failing(
  "D03",
  "a block of the type that does not exist",
  frame(BINARY, Buffer.from([7]), RSV1),
  1002,
);
failing(
  "D03",
  "a stored block of a wrong length",
  frame(BINARY, Buffer.from([0, 5, 0, 0, 0, 1]), RSV1),
  1002,
);
failing("D03", "a reference past the beginning", frame(BINARY, Buffer.from([2, 4, 0]), RSV1), 1002);
failing(
  "D14",
  "a block that is cut off",
  frame(TEXT, deflate("hello hello").subarray(0, 4), RSV1),
  1002,
);
row("D03", "garbage ends in an error or an echo, and leaks into nobody's message", async (lane) => {
  for (let i = 0; i < 20; i++) {
    const raw = await agreed(lane);
    const garbage = crypto.randomBytes(1 + i * 13);
    raw.write(frame(BINARY, garbage, RSV1));
    raw.write(packedFrame(TEXT, "after"));
    try {
      let got = await raw.message();
      if (got.op === BINARY) got = await raw.message();
      assert.equal(got.text, "after");
    } catch (error) {
      assert.match(error.message, /^closed: 100[279]/);
    }
    await lane.assertHonest();
  }
});

const last = zlib.deflateRawSync(Buffer.from("the last block"));
echoed("D04", "a message of a last block", last, "the last block");
row("D04", "a last block, then another message, and a message of two of them", async (lane) => {
  const raw = await agreed(lane);
  raw.write(frame(TEXT, last, RSV1));
  raw.write(packedFrame(TEXT, "another"));
  assert.equal((await raw.message()).text, "the last block");
  assert.equal((await raw.message()).text, "another");
  raw.write(frame(TEXT, Buffer.concat([last, Buffer.from([0])]), RSV1));
  assert.equal((await raw.message()).text, "the last block");
});
echoed("D05", "the byte 00", Buffer.from([0]), "");
const stored = zlib.deflateRawSync(Buffer.from("as it is"), {
  level: 0,
  finishFlush: zlib.constants.Z_SYNC_FLUSH,
});
echoed("D13", "a stored block", stored.subarray(0, -4), "as it is");
echoed("D13", "a stored block with its tail left on", stored, "as it is");
echoed("D15", "an empty payload with RSV1", Buffer.alloc(0), "");
echoed(
  "D15",
  "a hundred empty blocks",
  Buffer.concat([...Array(100).fill(Buffer.from([0, 0, 0, 0xff, 0xff])), deflate("in the end")]),
  "in the end",
);

/** `n` empty blocks of the fixed code, ten bits each, then one that ends the data. */
function emptyBlocks(n) {
  const all = Buffer.alloc(Math.ceil(((n + 1) * 10) / 8));
  // Of each, bits 1 and 2 are its type, 01; the rest is 0: not the last, and its end.
  for (let i = 0; i < n; i++) all[(i * 10 + 1) >> 3] |= 1 << ((i * 10 + 1) & 7);
  return all.subarray(0, Math.ceil((n * 10 + 3) / 8));
}
row("D15", "blocks of nothing without end are an empty message, and hold nobody up", async (lane) => {
  const raw = await agreed(lane);
  const stored = Buffer.alloc(2000000);
  for (let i = 0; i < stored.length; i += 5) stored.writeUInt16BE(0xffff, i + 3);
  for (const blocks of [stored, emptyBlocks(400000)]) {
    raw.write(frame(BINARY, blocks, RSV1));
    await lane.assertHonest();
    assert.equal((await raw.message(30000)).data.length, 0);
  }
});

/** A client that keeps its context, as one deflate stream over all messages. */
async function contextual(texts, windowBits) {
  const stream = zlib.createDeflateRaw({ windowBits });
  const payloads = [];
  for (const text of texts) {
    const parts = [];
    const take = (part) => parts.push(part);
    stream.on("data", take);
    stream.write(text);
    await new Promise((done) => stream.flush(zlib.constants.Z_SYNC_FLUSH, done));
    stream.off("data", take);
    payloads.push(Buffer.concat(parts).subarray(0, -4));
  }
  return payloads;
}
const worm = crypto.randomBytes(300).toString("hex");

keeping.row(
  "D07",
  "a client that keeps its context is understood",
  async (lane) => {
    const raw = await agreed(lane, "permessage-deflate; client_max_window_bits=10");
    assert.doesNotMatch(raw.extensions, /client_no_context_takeover/);
    for (const payload of await contextual([worm, worm, worm], 10)) {
      raw.write(frame(TEXT, payload, RSV1));
      assert.equal((await raw.message()).text, worm);
    }
  },
  { only },
);
row("D08", "a client that keeps it where it may not gets an error", async (lane) => {
  const raw = await agreed(lane, "permessage-deflate; client_no_context_takeover");
  assert.match(raw.extensions, /client_no_context_takeover/);
  const [first, second] = await contextual([worm, worm], 15);
  assert.ok(second.length < 20, "the second refers to the first");
  raw.write(frame(TEXT, first, RSV1));
  assert.equal((await raw.message()).text, worm);
  raw.write(frame(TEXT, second, RSV1));
  assert.equal(await raw.closeCode(), 1002);
});

failing(
  "D10",
  "text that is not UTF-8 once it is inflated",
  frame(TEXT, deflate(Buffer.from([0x61, 0xff])), RSV1),
  1007,
);
failing(
  "D10",
  "the same in a fragment that is not the last",
  frame(TEXT, deflate(Buffer.from([0x61, 0xff])), {
    rsv: 4,
    fin: false,
  }),
  1007,
);
failing(
  "D10",
  "a character that is cut off",
  frame(TEXT, deflate(Buffer.from([0xe2, 0x82])), RSV1),
  1007,
);
row("D11", "fragments, an empty first one, a ping between", async (lane) => {
  const raw = await agreed(lane);
  const payload = deflate("in pieces");
  raw.write(frame(TEXT, "", { rsv: 4, fin: false }));
  raw.write(frame(PING, "p"));
  for (const byte of payload) raw.write(frame(0, Buffer.from([byte]), { fin: false }));
  raw.write(frame(0, ""));
  assert.equal((await raw.frame()).op, PONG);
  assert.equal((await raw.message()).text, "in pieces");
});
row("D12", "compressed and plain messages in turn", async (lane) => {
  const raw = await agreed(lane);
  for (let i = 0; i < 10; i++) {
    raw.write(i % 2 ? packedFrame(TEXT, `${i}`) : frame(TEXT, `${i}`));
    assert.equal((await raw.message()).text, `${i}`);
  }
});
row("D12", "what comes back compressed is as long and as true as what was sent", async (lane) => {
  for (const bits of [8, 9, 12, 15]) {
    const raw = await agreed(lane, `permessage-deflate; server_max_window_bits=${bits}`);
    for (const size of [1, 127, 128, 5000, 70000]) {
      const text = worm.repeat(Math.ceil(size / worm.length)).slice(0, size);
      raw.write(packedFrame(TEXT, text));
      const got = await raw.message();
      assert.ok(got.text === text, `${size} bytes with ${bits} bits`);
    }
  }
});
