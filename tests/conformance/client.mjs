// SPDX-License-Identifier: MIT
/*
 * client - one connection of the suite: frames of any wrongness out, and a reader
 * that lets the server get away with nothing.
 *
 * event() returns what a WebSocket client would be told: messages whole and
 * inflated, pings, pongs, the Close, the end. It throws where a frame of the server
 * breaks RFC 6455 or 7692 itself. What comes between the fragments of a message is
 * told before it.
 */
import { Buffer } from "node:buffer";
import zlib from "node:zlib";

import { CLOSE, frame, PING, PONG, TEXT, upgrade } from "../e2e/lib/raw.mjs";

const WAIT_MS = 10000;
const FLUSH = zlib.constants.Z_SYNC_FLUSH;
const TAIL = Buffer.from([0, 0, 0xff, 0xff]);

/** A message in frames of `size` bytes of payload. */
export function fragments(op, payload, size, { rsv = 0 } = {}) {
  const all = [];
  let at = 0;
  do {
    const fin = at + size >= payload.length;
    const part = payload.subarray(at, at + size);
    all.push(frame(at ? 0 : op, part, { fin, rsv: at ? 0 : rsv }));
    at += size;
  } while (at < payload.length);
  return Buffer.concat(all);
}

/** Bytes in pieces of `size`, each a write (and with TLS a record) of its own. */
export function chop(bytes, size) {
  const all = [];
  for (let at = 0; at < bytes.length; at += size) all.push(bytes.subarray(at, at + size));
  return all;
}

/** One direction of permessage-deflate on a zlib stream of Node. */
class Stream {
  constructor(make, keepsContext) {
    this.make = make;
    this.keepsContext = keepsContext;
  }

  /** What the stream gives for these bytes, flushed. */
  async pass(bytes) {
    if (!this.keepsContext || !this.zlib) this.zlib = this.make();
    const parts = [];
    const take = (part) => parts.push(part);
    this.zlib.on("data", take);
    await new Promise((done, fail) => {
      this.zlib.once("error", fail);
      this.zlib.write(bytes);
      this.zlib.flush(FLUSH, () => {
        this.zlib.off("error", fail);
        done();
      });
    });
    this.zlib.off("data", take);
    if (!this.keepsContext) this.zlib.close();
    return Buffer.concat(parts);
  }
}

/** What was agreed on, as the server's answer says; throws where that is not an
 * answer to `offer` (RFC 7692 7.1). */
function readAnswer(answer, offer) {
  const [name, ...list] = answer.split(";").map((part) => part.trim());
  if (name !== "permessage-deflate") throw new Error(`agreed on ${name}`);
  const got = new Map(list.map((one) => one.split("=")));
  if (got.size !== list.length) throw new Error(`something twice in ${answer}`);
  const bits = (key) => {
    if (!got.has(key)) return 15;
    if (!/^([89]|1[0-5])$/.test(got.get(key))) throw new Error(`wrong bits in ${answer}`);
    return Number(got.get(key));
  };
  for (const key of got.keys())
    if (!/^(server|client)_(no_context_takeover|max_window_bits)$/.test(key))
      throw new Error(`unknown parameter in ${answer}`);
  if (got.has("client_max_window_bits") && !offer.includes("client_max_window_bits"))
    throw new Error("the client did not offer to be bound");
  return {
    answer,
    serverBits: bits("server_max_window_bits"),
    clientBits: bits("client_max_window_bits"),
    serverContext: !got.has("server_no_context_takeover"),
    clientContext: !got.has("client_no_context_takeover"),
  };
}

export class Client {
  /** Of a message that is not whole yet. */
  parts = [];

  /** Opens `at`; `offer` is a value for Sec-WebSocket-Extensions. */
  static async open(to, at, offer) {
    const c = new Client();
    c.raw = await upgrade(to, at, offer ? { "Sec-WebSocket-Extensions": offer } : {});
    if (c.raw.extensions === undefined) return c;
    if (!offer) throw new Error("the server agreed to what was not offered");
    const d = (c.deflate = readAnswer(c.raw.extensions, offer));
    if (d.clientBits < 9) throw new Error("zlib cannot deflate with 8 bits");
    c.packer = new Stream(
      () => zlib.createDeflateRaw({ windowBits: d.clientBits }),
      d.clientContext,
    );
    c.unpacker = new Stream(
      () => zlib.createInflateRaw({ windowBits: d.serverBits }),
      d.serverContext,
    );
    return c;
  }

  /** Writes pieces one by one; each leaves the process before the next is written. */
  async send(pieces) {
    for (const piece of [pieces].flat())
      await new Promise((done) => this.raw.socket.write(piece, done));
  }

  /** A whole message, compressed where that was agreed on, in frames of `size`. */
  async message(op, payload, size = Infinity) {
    if (!this.deflate) return fragments(op, payload, size);
    const packed = await this.packer.pass(payload);
    if (!packed.subarray(-4).equals(TAIL)) throw new Error("zlib flushed without a tail");
    return fragments(op, packed.subarray(0, -4), size, { rsv: 4 });
  }

  /** {what: "message" | "ping" | "pong" | "close" | "end", op, payload, code}. */
  async event() {
    for (;;) {
      const f = await this.raw.frame(WAIT_MS);
      if (!f && this.parts.length) throw new Error("the end came inside a message");
      if (!f && this.raw.size) throw new Error("bytes after the last frame");
      if (!f) return { what: "end" };
      if (f.op >= 8) return this.control(f);
      this.take(f);
      if (f.fin) return this.whole();
    }
  }

  /** A frame of a message. */
  take(f) {
    const isFirst = this.parts.length === 0;
    const isPacked = f.rsv === 4 && isFirst && this.deflate !== undefined;
    if (isFirst === (f.op === 0)) throw new Error("fragments out of order");
    if (f.rsv && !isPacked) throw new Error(`reserved bits ${f.rsv}`);
    if (isFirst) Object.assign(this, { op: f.op, isPacked });
    this.parts.push(f.payload);
  }

  async whole() {
    let payload = Buffer.concat(this.parts.splice(0));
    if (this.isPacked) payload = await this.unpacker.pass(Buffer.concat([payload, TAIL]));
    if (this.op === TEXT) new TextDecoder("utf-8", { fatal: true }).decode(payload);
    return { what: "message", op: this.op, payload };
  }

  control(f) {
    if (!f.fin || f.rsv || f.payload.length > 125) throw new Error("a bad control frame");
    if (f.op === PING) return { what: "ping", payload: f.payload };
    if (f.op === PONG) return { what: "pong", payload: f.payload };
    if (f.op !== CLOSE) throw new Error(`the server sent opcode ${f.op}`);
    if (f.payload.length === 1) throw new Error("the server sent a Close of one byte");
    const code = f.payload.length ? f.payload.readUInt16BE(0) : undefined;
    new TextDecoder("utf-8", { fatal: true }).decode(f.payload.subarray(2));
    return { what: "close", code, payload: f.payload.subarray(2) };
  }

  end() {
    this.raw.destroy();
  }
}
