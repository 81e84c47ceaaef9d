// SPDX-License-Identifier: MIT
/*
 * slow_client - a page that joins and does nothing but look: our SDK over a WebSocket
 * of a few lines. Prints one JSON object at its end.
 *
 *   node slow_client.mjs HOST PORT SKIP_S SECONDS [mute]
 *
 * `mute`: it sends no ACKs. The state's field `at` is the server's clock when it was
 * made; both are on one machine, so now - at is how old it is.
 */
import crypto from "node:crypto";
import net from "node:net";

import { join } from "../../../scripts/web/client.js";

const [host, port, skip, seconds, mute] = process.argv.slice(2);
const LOOK_MS = 5;
const ACK = 0x84;

/** What the SDK asks of a WebSocket, and no more: whole frames from the server. */
class Socket {
  constructor(url, protocols) {
    const { pathname } = new URL(url);
    this.readyState = 0;
    this.waiting = Buffer.alloc(0);
    this.tcp = net.connect(Number(port), host, () =>
      this.tcp.write(
        `GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
          `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${crypto.randomBytes(16).toString("base64")}\r\n` +
          `Sec-WebSocket-Protocol: ${protocols[0]}\r\n\r\n`,
      ),
    );
    this.tcp.setNoDelay(true);
    this.tcp.on("data", (bytes) => this.take(Buffer.concat([this.waiting, bytes])));
    this.tcp.on("error", () => {});
    this.tcp.on("close", () => this.onclose?.({ code: 1006, reason: "" }));
  }
  take(bytes) {
    if (this.readyState === 0) {
      const end = bytes.indexOf("\r\n\r\n");
      if (end >= 0) {
        this.readyState = 1;
        this.onopen();
        bytes = bytes.subarray(end + 4);
      }
    }
    while (this.readyState === 1 && bytes.length >= 2) {
      const short = bytes[1] & 127;
      const head = short === 127 ? 10 : short === 126 ? 4 : 2;
      if (bytes.length < head) break;
      const n = head === 2 ? short : head === 4 ? bytes.readUInt16BE(2) : bytes.readUInt32BE(6);
      if (bytes.length < head + n) break;
      if ((bytes[0] & 15) === 2)
        this.onmessage({ data: Uint8Array.from(bytes.subarray(head, head + n)).buffer });
      if ((bytes[0] & 15) === 9) this.frame(10, bytes.subarray(head, head + n));
      bytes = bytes.subarray(head + n);
    }
    this.waiting = bytes;
  }
  frame(op, bytes) {
    const out = Buffer.alloc(6 + bytes.length); // masked with zeros
    out[0] = 128 | op;
    out[1] = 128 | bytes.length;
    out.set(bytes, 6);
    this.tcp.write(out);
  }
  send(bytes) {
    if (!(mute && bytes[0] === ACK)) this.frame(2, bytes);
  }
  close() {
    this.tcp.destroy();
  }
}

const room = await join("/swarm", {}, { WebSocket: Socket, base: `http://${host}:${port}` });
const ages = [];
const gaps = [];
let frames = 0;
let last = 0;
let measures = false;
let from = 0;
room.on("state", () => {
  const now = performance.now();
  frames++;
  if (measures && last) gaps.push(now - last);
  last = now;
});
setTimeout(() => {
  measures = true;
  frames = 0;
  from = room.bytesIn;
  setInterval(() => ages.push(Date.now() - room.state.at * 1000), LOOK_MS);
}, skip * 1000);
setTimeout(() => {
  const at = (list, share) => list.sort((a, b) => a - b)[Math.floor((list.length - 1) * share)] ?? 0;
  console.log(
    JSON.stringify({
      p50: at(ages, 0.5),
      p95: at(ages, 0.95),
      worst: at(ages, 1),
      gap: at(gaps, 0.99),
      frames: frames / seconds,
      bytes: (room.bytesIn - from) / Math.max(frames, 1),
      status: room.status,
    }),
  );
  process.exit(0);
}, (Number(skip) + Number(seconds)) * 1000);
