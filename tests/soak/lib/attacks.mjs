// SPDX-License-Identifier: MIT
/*
 * attacks - what the hostile soak does to a server, over and over.
 *
 * Each has run(server, raws): it opens connections, puts them into `raws`, and
 * returns when it is done with them; they are closed for it. It may throw where
 * the server ends it first. Sizes are bounded: the attackers share a process with
 * the honest clients.
 */
import crypto from "node:crypto";
import zlib from "node:zlib";

import { BINARY, connect, frame, handshakeLines, PING, TEXT, upgrade } from "../../e2e/lib/raw.mjs";
import { sleep } from "../../e2e/lib/server.mjs";

const OFFER = { "Sec-WebSocket-Extensions": "permessage-deflate" };
const HELD = 60; // connections that do nothing, at a time
const HOLD_MS = 1500;

const MESSAGE = frame(BINARY, crypto.randomBytes(1 << 20));
const BYTE_FRAMES = Buffer.concat(Array.from({ length: 20000 }, () => frame(TEXT, "x")));
const PINGS = Buffer.concat(Array.from({ length: 5000 }, () => frame(PING, "p".repeat(100))));
const FRAGMENTS = Buffer.concat(
  Array.from({ length: 50000 }, (_, i) => frame(i ? 0 : TEXT, "x", { fin: false })),
);
const JSON_FLOOD = Buffer.concat(Array.from({ length: 2000 }, () => frame(TEXT, '{"t":"ping"}')));
const BOMB = frame(BINARY, zlib.deflateRawSync(Buffer.alloc(100 << 20), { level: 9 }), { rsv: 4 });
const HELLO = Buffer.from("16030100c8010000c40303", "hex");

/** An upgraded connection that the attack owns. */
async function open(server, raws, at = "/echo", headers = {}) {
  const raw = await upgrade(server.to, at, headers);
  raws.push(raw);
  return raw;
}

/** Many plain TCP connections, whatever the server speaks. */
async function hold(server, raws, bytes) {
  for (let i = 0; i < HELD; i++) {
    const raw = await connect(server.port);
    raws.push(raw);
    if (bytes) raw.write(bytes);
  }
  await sleep(HOLD_MS);
}

/** Writes, and reads nothing but what is needed to see the end. */
async function pour(raw, bytes, ms = 300) {
  raw.socket.on("data", () => (raw.bytes = Buffer.alloc(0)));
  raw.write(bytes);
  const end = Date.now() + ms;
  while (Date.now() < end && !raw.isEnded) await sleep(20);
}

/** A flood that must be over, or cut off, before the next. */
const flood = (at, bytes, headers) => async (server, raws) =>
  pour(await open(server, raws, at, headers), bytes);

export const attacks = [
  {
    name: "never reading",
    async run(server, raws) {
      const raw = await open(server, raws);
      raw.socket.pause();
      for (let i = 0; i < 12 && !raw.socket.destroyed; i++) raw.write(MESSAGE);
      await sleep(HOLD_MS);
    },
  },
  { name: "frames of a byte", run: flood("/echo", BYTE_FRAMES) },
  { name: "frames of a byte to chat", run: flood("/chat/flood", BYTE_FRAMES) },
  { name: "pings", run: flood("/echo", PINGS) },
  { name: "fragments without end", run: flood("/echo", FRAGMENTS) },
  { name: "JSON above the rate", run: flood("/pond/flood?name=flood", JSON_FLOOD) },
  { name: "half-open heads", run: (s, raws) => hold(s, raws, "GET /pond/ HTTP/1.1\r\nHost: loc") },
  { name: "slow TLS hellos", run: (s, raws) => hold(s, raws, HELLO) },
  { name: "silent connections", run: (s, raws) => hold(s, raws) },
  {
    name: "garbage for a head",
    async run(server, raws) {
      const raw = await connect(server.to);
      raws.push(raw);
      await pour(raw, crypto.randomBytes(1 + crypto.randomInt(4000)), 50);
    },
  },
  {
    name: "garbage for frames",
    async run(server, raws) {
      const protocols = [undefined, "parlor.b1", "parlor.j1"];
      const headers = { "Sec-WebSocket-Protocol": protocols[crypto.randomInt(3)], ...OFFER };
      const raw = await open(server, raws, "/pond/garbage", headers);
      const bytes = crypto.randomBytes(1 + crypto.randomInt(4000));
      // Half of it as whole frames, so that it comes to the records.
      await pour(raw, crypto.randomInt(2) ? bytes : frame(crypto.randomInt(2) + 1, bytes), 50);
    },
  },
  {
    name: "garbage to inflate",
    async run(server, raws) {
      const raw = await open(server, raws, "/echo", OFFER);
      await pour(
        raw,
        frame(BINARY, crypto.randomBytes(1 + crypto.randomInt(3000)), { rsv: 4 }),
        50,
      );
    },
  },
  {
    name: "resets in a frame",
    async run(server, raws) {
      const raw = await open(server, raws);
      raw.write(MESSAGE.subarray(0, 1 + crypto.randomInt(MESSAGE.length)));
      await sleep(10);
      raw.reset();
    },
  },
  { name: "compressed bombs", run: flood("/echo", BOMB, OFFER) },
  {
    name: "seats thrown away",
    async run(server, raws) {
      for (let i = 0; i < 10; i++)
        await open(server, raws, `/pond/r${crypto.randomInt(1000)}?name=${i}`);
    },
  },
  {
    name: "requests in a row",
    async run(server, raws) {
      const raw = await connect(server.to);
      raws.push(raw);
      const get = (at) => `${handshakeLines(at, { Upgrade: undefined }).join("\r\n")}\r\n\r\n`;
      await pour(raw, (get("/pond/") + get("/nothing") + get("/_parlor/client.js")).repeat(50));
    },
  },
];
