// SPDX-License-Identifier: MIT
// Defects that other servers really had, and what they teach ours: rows R01 to R23 of
// README.md, in the order in which they became known there. On every lane.
import assert from "node:assert/strict";
import crypto from "node:crypto";
import test from "node:test";

import { certificateArgs, openLanes } from "./lib/lanes.mjs";
import {
  BINARY,
  CLOSE,
  closeFrame,
  connect,
  deflate,
  frame,
  handshakeLines,
  packedFrame,
  TEXT,
} from "./lib/raw.mjs";
import { PATIENCE_MS, runToEnd, startServer, until } from "./lib/server.mjs";

const small = `local parlor = require "parlor"
return parlor.game { max_players = 4, reconnect = 0, state = { n = parlor.schema.u8 } }
`;
const { lanes, row } = await openLanes({
  games: ["echo", "chat", "pond"],
  files: { "small/game.lua": small },
  args: ["--close-ms", "1000", "--max-headers", "64"],
});
// One that counts connections of this machine, too.
const counting = await openLanes({
  args: [
    "--limit-loopback",
    "1",
    "--conns-per-address",
    "8",
    "--conn-rate",
    "0",
    "--close-ms",
    "1000",
  ],
});

row("R02", "a Close holds its code and its reason, and not one byte more", async (lane) => {
  for (const [sent, code, reason] of [
    [frame(3, "a"), 1002, "protocol error"],
    [frame(TEXT, Buffer.from([0xff])), 1007, "the data is not valid UTF-8"],
    [frame(BINARY, "", { length: 2n ** 40n }).subarray(0, 14), 1009, "the message is too big"],
    [closeFrame(1000, "a secret that need not come back"), 1000, ""],
  ]) {
    const raw = await lane.open();
    raw.write(sent);
    const close = await raw.frame();
    assert.equal(close.op, CLOSE);
    assert.equal(close.payload.readUInt16BE(0), code);
    assert.equal(close.payload.subarray(2).toString("latin1"), reason);
  }
});

row("R03", "an Upgrade behind too many headers is refused, not forgotten", async (lane) => {
  const [get, ...headers] = handshakeLines("/echo", lane.headers());
  const answer = await lane.request([get, ...Array(100).fill("X: y"), ...headers]);
  assert.equal(answer.status, 431);
});
row("R04", "long lists of nothing in any header are answered at once", async (lane) => {
  const long = (what) => what.repeat(Math.floor(15000 / what.length));
  for (const name of ["Connection", "Upgrade", "Sec-WebSocket-Protocol", "Expect", "X"])
    for (const what of [", ", " ", "a ", "a,", '"\\', "\t,"]) {
      const answer = await lane.request(
        handshakeLines("/echo", lane.headers({ [name]: long(what) })),
      );
      assert.ok(answer.status > 0, `${name}: ${what}`);
    }
});
row("R05", "messages are limited in a game that says nothing about it", async (lane) => {
  const raw = await lane.open("/pond");
  raw.write(frame(TEXT, "", { length: 65536 }).subarray(0, 14));
  assert.equal(await raw.closeCode(), 1009);
});
row("R07", "JSON nested to any depth is refused and takes no stack", async (lane) => {
  for (const open of ["[", '{"a":', '{"t":"send","name":"x","data":[', "[{"]) {
    const raw = await lane.open("/chat");
    raw.write(frame(TEXT, open.repeat(Math.floor(16000 / open.length))));
    assert.equal(await raw.closeCode(), 1007);
  }
});
row("R08", "a handshake and an early frame split in two at any byte", async (lane) => {
  const head = `${handshakeLines("/echo", lane.headers()).join("\r\n")}\r\n\r\n`;
  const all = Buffer.concat([Buffer.from(head), frame(TEXT, "early")]);
  for (let at = 1; at < all.length; at += lane.isSecure ? 9 : 1) {
    const raw = await lane.connect();
    raw.write(all.subarray(0, at));
    await new Promise(setImmediate);
    raw.write(all.subarray(at));
    assert.equal((await raw.answer()).status, 101, `split at ${at}`);
    assert.equal((await raw.message()).text, "early", `split at ${at}`);
    raw.destroy();
  }
});

for (const isSecure of [false, true])
  test(`R09 PROXY headers${isSecure ? " before TLS" : ""}: what their length does not hold is not read`, async () => {
    const args = ["--proxy-protocol", "1", ...(isSecure ? certificateArgs() : [])];
    const server = await startServer({ games: ["echo"], command: "serve", args });
    const signature = Buffer.from("0d0a0d0a000d0a515549540a", "hex");
    const v2 = (family, length, rest = Buffer.alloc(length)) =>
      Buffer.concat([signature, Buffer.from([0x21, family, length >> 8, length & 255]), rest]);
    const say = async (before) => {
      const to = { port: server.port, isSecure };
      const raw = await connect(to, { before }).catch(() => undefined);
      if (!raw) return 0; // it has not even come to a handshake
      raw.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
      const answer = await raw.answer();
      raw.destroy();
      return answer.status;
    };
    try {
      assert.equal(await say(v2(0x11, 12)), 200);
      assert.equal(await say(v2(0x21, 36)), 200);
      assert.equal(await say("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n"), 200);
      for (const bad of [
        v2(0x11, 0),
        v2(0x11, 11),
        v2(0x21, 12),
        v2(0x31, 36),
        v2(0x41, 12),
        v2(0x11, 65535, Buffer.alloc(20)),
        Buffer.from("PROXY TCP4 1.2.3.4\r\n"),
        Buffer.alloc(0),
      ])
        assert.equal(await say(bad), 0, bad.toString("hex"));
    } finally {
      await server.stop();
    }
  });

row("R11", "the table of headers takes as many as it says", async (lane) => {
  const [get, ...headers] = handshakeLines("/echo", lane.headers());
  const more = (n) => Array.from({ length: n - headers.length }, (_, i) => `X${i}: y`);
  assert.equal((await lane.request([get, ...headers, ...more(64)])).status, 101);
  assert.equal((await lane.request([get, ...headers, ...more(65)])).status, 431);
});
row("R13", "a message whose limit is passed by what it holds is answered 1009", async (lane) => {
  const raw = await lane.open("/chat");
  const packed = packedFrame(TEXT, "a".repeat(20000));
  raw.write(packed);
  assert.equal(await raw.closeCode(), lane.isPacked ? 1009 : 1002);
});
row("R13", "fragments that add up past the limit, compressed or not, are answered 1009", async (lane) => {
  const raw = await lane.open("/chat");
  const text = crypto.randomBytes(10000).toString("hex"); // to a half of it at best
  const bytes = lane.isPacked ? deflate(text) : Buffer.from(text);
  assert.ok(lane.isPacked ? bytes.length < 16384 : true, "the frames alone do not pass it");
  for (let at = 0; at < bytes.length; at += 1000)
    raw.write(
      frame(at ? 0 : TEXT, bytes.subarray(at, at + 1000), {
        fin: false,
        rsv: at === 0 && lane.isPacked ? 4 : 0,
      }),
    );
  assert.equal(await raw.closeCode(), 1009);
  await raw.ended();
});
row("R14", "a length of 63 bits in a continuation does not wrap around", async (lane) => {
  for (const length of [2n ** 63n - 1n, 2n ** 63n - 11n, 2n ** 64n - 10n, 2n ** 32n - 10n]) {
    const raw = await lane.open();
    raw.write(frame(BINARY, "0123456789", { fin: false }));
    raw.write(frame(0, "", { length }).subarray(0, 14));
    assert.ok([1002, 1009].includes(await raw.closeCode()), `${length}`);
  }
});

/** Ways in which a connection comes to its end. */
const ends = [
  (raw) => raw.write(closeFrame(1000)),
  (raw) => raw.write(frame(3, "bad")),
  async (raw) => {
    raw.write(closeFrame(1000));
    await raw.ended();
    raw.destroy();
  },
  async (raw) => {
    raw.write(frame(3, "bad"));
    await raw.ended();
    raw.destroy();
  },
  (raw) => {
    raw.write(frame(TEXT, "x", { length: 100 }));
    raw.destroy();
  },
  (raw) => raw.socket.end(),
  (raw) => raw.reset(),
  (raw) => raw.tcp.destroy(),
];
counting.row("R15", "every way to end a connection gives its place back", async (lane) => {
  // The first two keep theirs until the server gives up waiting for our half.
  for (const end of [...ends, ...ends.slice(2), ...ends.slice(2)])
    await end(await openWhenFree(lane));
  // And a handshake that comes to nothing.
  for (let i = 0; i < 10; i++) {
    const raw = await connect(lane.server.port);
    raw.write(lane.isSecure ? Buffer.from("160301000500", "hex") : "GET / HT");
    raw.destroy();
  }
  const all = [];
  for (let i = 0; i < 6; i++) all.push(await openWhenFree(lane));
  for (const raw of all) await lane.assertEchoes(raw);
});

/** Opens as soon as there is a place; ends seen by us come to the server later. */
async function openWhenFree(lane) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await lane.open();
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
}

row("R18", "a bad frame, record or list during the upgrade ends that connection", async (lane) => {
  const bad = await lane.open("/echo", {}, Buffer.from([0xff, 0xff, 0xff]));
  assert.equal(await bad.closeCode(), 1002);
  const j1 = { "Sec-WebSocket-Protocol": "parlor.j1" };
  const json = await lane.open("/pond", j1, frame(TEXT, "null"));
  assert.equal(await json.closeCode(), 1007);
  const b1 = { "Sec-WebSocket-Protocol": "parlor.b1" };
  const record = await lane.open("/pond", b1, frame(BINARY, Buffer.from([0x81])));
  assert.ok([1002, 4001].includes(await record.closeCode()));
});

test("R19 every limit is on by default", async () => {
  const run = await runToEnd(["config", "print"]);
  for (const name of [
    ...["max_conns", "max_head", "max_target", "max_headers", "max_body", "max_out"],
    ...["high_water", "head_ms", "close_ms", "dead_ms", "conns_per_address", "conn_rate"],
    ...["message_rate", "byte_rate"],
  ])
    assert.ok(Number(new RegExp(`\\b${name} = (\\d+)`).exec(run.stdout)[1]) > 0, name);
});

row("R22", "of twenty who join at once, as many sit as there are seats", async (lane) => {
  const room = `/small/r${lanes.indexOf(lane)}`;
  const join = async (n) => {
    const raw = await lane.open(`${room}?name=p${n}`);
    const record = JSON.parse((await raw.message()).text);
    return { raw, record };
  };
  const all = await Promise.all(Array.from({ length: 20 }, (_, n) => join(n)));
  const seated = all.filter(({ record }) => record.t === "hello");
  assert.equal(seated.length, 4);
  for (const { raw, record } of all)
    if (record.t !== "hello") {
      assert.equal(record.code, 4004);
      assert.equal(await raw.closeCode(), 4004);
    }
  // Those who were refused hold nothing: as many may follow as leave.
  for (const { raw } of seated) raw.destroy();
  for (let n = 0; n < 4; n++) {
    await until("a free seat", async () => (await join(n)).record.t === "hello");
  }
});

row("R23", "without a list, only pages of our own address may connect", async (lane) => {
  const own = `${lane.isSecure ? "https" : "http"}://localhost`;
  for (const [Origin, status] of [
    [own, 101],
    [undefined, 101],
    ["http://example.com", 403],
    ["null", 403],
    ["http://localhost.example.com", 403],
  ]) {
    const answer = await lane.request(handshakeLines("/echo", lane.headers({ Origin })));
    assert.equal(answer.status, status, Origin);
  }
});
