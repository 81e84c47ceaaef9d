// SPDX-License-Identifier: MIT
/*
 * socket - what the SDK asks of a WebSocket, and no more: a few lines over TCP, so that
 * a benchmark needs no package. Whole, uncompressed frames from the server, small ones to
 * it.
 */
import crypto from "node:crypto";
import net from "node:net";

export class Socket {
  constructor(url, protocols) {
    const { hostname: host, port, pathname, search } = new URL(url);
    const offer = protocols.length ? `Sec-WebSocket-Protocol: ${protocols[0]}\r\n` : "";
    this.readyState = 0;
    this.waiting = Buffer.alloc(0);
    this.tcp = net.connect(Number(port), host, () =>
      this.tcp.write(
        `GET ${pathname}${search} HTTP/1.1\r\nHost: ${host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
          `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${crypto.randomBytes(16).toString("base64")}\r\n` +
          `${offer}\r\n`,
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
    this.frame(2, bytes);
  }
  close() {
    this.tcp.destroy();
  }
}
