// SPDX-License-Identifier: MIT
/*
 * raw - a TCP or TLS socket that says exactly what a test wants, WebSocket frames
 * of any wrongness included, and reads back what the server answers.
 *
 * Every wait is bounded (WAIT_MS) and throws with what had arrived by then.
 *
 * Where to connect is a port of 127.0.0.1, or {port, isSecure} for TLS.
 */
import crypto from "node:crypto";
import net from "node:net";
import tls from "node:tls";
import zlib from "node:zlib";

/* Long, for busy machines, but less than the server's own patience with who is idle
 * (--keep-alive-ms, --ping-ms): what these end has not ended as it should. */
const WAIT_MS = 20000;
/** What a deflate stream ends with after a flush, and messages leave out (RFC 7692, 7.2.1). */
const FLUSH_TAIL = Buffer.from([0, 0, 0xff, 0xff]);
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

/**
 * One client frame. `length` replaces the announced length, `form` (0, 16, 64)
 * its encoding; without `mask` the frame is sent as a server would.
 */
export function frame(
  op,
  payload = "",
  { fin = true, rsv = 0, mask = true, length, form } = {},
) {
  const body = Buffer.from(payload);
  const announced = BigInt(length ?? body.length);
  const bits = form ?? (announced < 126n ? 0 : announced < 65536n ? 16 : 64);
  const head = [Buffer.from([(fin ? 0x80 : 0) | (rsv << 4) | op])];
  const masked = mask ? 0x80 : 0;

  if (bits === 0) head.push(Buffer.from([masked | Number(announced)]));
  if (bits === 16) {
    const b = Buffer.from([masked | 126, 0, 0]);
    b.writeUInt16BE(Number(announced), 1);
    head.push(b);
  }
  if (bits === 64) {
    const b = Buffer.alloc(9);
    b[0] = masked | 127;
    b.writeBigUInt64BE(announced, 1);
    head.push(b);
  }
  if (!mask) return Buffer.concat([...head, body]);
  const key = crypto.randomBytes(4);
  const hidden = Buffer.allocUnsafe(body.length);
  for (let i = 0; i < body.length; i++) hidden[i] = body[i] ^ key[i & 3];
  return Buffer.concat([...head, key, hidden]);
}

/** The payload of a compressed message: raw deflate, flushed, without the tail. */
export function deflate(payload, options = {}) {
  const finishFlush = zlib.constants.Z_SYNC_FLUSH;
  return zlib.deflateRawSync(Buffer.from(payload), { finishFlush, ...options }).subarray(0, -4);
}

/** The message that a compressed payload holds, where no context was kept. */
export function inflate(payload) {
  const finishFlush = zlib.constants.Z_SYNC_FLUSH;
  return zlib.inflateRawSync(Buffer.concat([payload, FLUSH_TAIL]), { finishFlush });
}

/** A whole message in one compressed frame. */
export const packedFrame = (op, payload, options) =>
  frame(op, deflate(payload), { rsv: 4, ...options });

/** A Close frame with this code and reason (bytes or text). */
export function closeFrame(code, reason = "", options) {
  const b = Buffer.alloc(2);
  b.writeUInt16BE(code);
  return frame(CLOSE, Buffer.concat([b, Buffer.from(reason)]), options);
}

class Raw {
  /** `tcp` is what lies beneath a TLS socket, else the same. */
  constructor(socket, tcp) {
    this.socket = socket;
    this.tcp = tcp;
    this.parts = [];
    this.size = 0; // of all parts
    this.isEnded = false;
    this.isClosed = false; // in both directions
    this.wake = () => {};
    socket.on("data", (data) => {
      this.parts.push(data);
      this.size += data.length;
      this.wake();
    });
    // A reset ends the connection as well as a FIN does.
    socket.on("error", () => {});
    socket.on("close", () => (this.isClosed = true));
    for (const name of ["end", "close"])
      socket.on(name, () => {
        this.isEnded = true;
        this.wake();
      });
  }

  /** What has come and was not taken yet. */
  get bytes() {
    if (this.parts.length !== 1) this.bytes = Buffer.concat(this.parts);
    return this.parts[0];
  }

  set bytes(left) {
    this.parts = [left];
    this.size = left.length;
  }

  write(data) {
    this.socket.write(data);
  }

  /** Writes byte by byte, so that each may be a segment (and a record) of its own. */
  async trickle(data) {
    for (const byte of Buffer.from(data)) {
      this.write(Buffer.from([byte]));
      await new Promise(setImmediate);
    }
  }

  /** Cuts the connection with a reset. */
  reset() {
    this.tcp.resetAndDestroy();
  }

  /** Waits until look() is neither undefined nor false. */
  async wait(what, look, ms = WAIT_MS) {
    const end = Date.now() + ms;
    for (;;) {
      const seen = look();
      if (seen !== undefined && seen !== false) return seen;
      const left = end - Date.now();
      if (left <= 0) {
        this.socket.destroy();
        const got = this.bytes.subarray(0, 200).toString("latin1");
        throw new Error(`no ${what} within ${ms} ms; so far: ${JSON.stringify(got)}`);
      }
      await new Promise((done) => {
        const timer = setTimeout(done, left);
        this.wake = () => {
          clearTimeout(timer);
          done();
        };
      });
    }
  }

  /** The server's end of the connection. */
  ended(ms) {
    return this.wait("end of the connection", () => this.isEnded, ms);
  }

  /** One HTTP answer: {status, headers (lower case), body}. `bodiless` for HEAD. */
  async answer({ bodiless = false, ms } = {}) {
    const at = await this.wait(
      "HTTP answer",
      () => {
        const i = this.bytes.indexOf("\r\n\r\n");
        if (i < 0 && this.isEnded) return -1;
        return i < 0 ? undefined : i;
      },
      ms,
    );
    if (at < 0) return { status: 0, headers: {}, body: "" };
    const [first, ...lines] = this.bytes.subarray(0, at).toString("latin1").split("\r\n");
    const headers = {};
    for (const line of lines) {
      const colon = line.indexOf(":");
      headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
    }
    this.bytes = this.bytes.subarray(at + 4);
    const status = Number(first.split(" ")[1]);
    let length = Number(headers["content-length"] ?? 0);
    if (bodiless || status === 101 || status === 304) length = 0;
    await this.wait("body", () => this.isEnded || this.bytes.length >= length, ms);
    const body = this.bytes.subarray(0, length).toString();
    this.bytes = this.bytes.subarray(length);
    return { status, headers, body };
  }

  /** The next frame from the server, or null when the connection has ended. */
  async frame(ms) {
    let need = 2;
    return this.wait(
      "frame",
      () => {
        // Joined only when they may be enough: a long frame comes in many parts.
        const f = this.size >= need ? parseFrame(this.bytes) : { need };
        need = f.need;
        if (f.payload === undefined) return this.isEnded ? null : undefined;
        this.bytes = this.bytes.subarray(f.used);
        return f;
      },
      ms,
    );
  }

  /** The next data message as {op, text, data, isPacked}; pongs and pings are passed
   * over. A compressed one is taken to stand alone. */
  async message(ms) {
    const parts = [];
    let op;
    let isPacked = false;
    for (;;) {
      const f = await this.frame(ms);
      if (!f) throw new Error("the connection ended where a message was due");
      if (f.op === CLOSE) throw new Error(`closed: ${describeClose(f)}`);
      if (f.op >= 8) continue;
      op ??= f.op;
      isPacked ||= f.rsv === 4;
      parts.push(f.payload);
      if (!f.fin) continue;
      const data = isPacked ? inflate(Buffer.concat(parts)) : Buffer.concat(parts);
      return { op, data, text: data.toString(), isPacked };
    }
  }

  /** The code of the server's Close frame (undefined: an empty one; null: the
   * connection ended without). What comes before it is passed over. */
  async closeCode(ms) {
    for (;;) {
      const f = await this.frame(ms);
      if (!f) return null;
      if (f.op === CLOSE) return f.payload.length ? f.payload.readUInt16BE(0) : undefined;
    }
  }

  destroy() {
    this.socket.destroy();
  }
}

function describeClose(f) {
  if (f.payload.length < 2) return "without code";
  return `${f.payload.readUInt16BE(0)} ${f.payload.subarray(2)}`;
}

/** The frame at the front, or {need}: the size that what has come must have. */
function parseFrame(bytes) {
  let at = 2;
  let length = bytes[1] & 0x7f;
  if (length === 126) {
    if (bytes.length < 4) return { need: 4 };
    length = bytes.readUInt16BE(2);
    at = 4;
  } else if (length === 127) {
    if (bytes.length < 10) return { need: 10 };
    length = Number(bytes.readBigUInt64BE(2));
    at = 10;
  }
  if (bytes[1] & 0x80) throw new Error("a server must not mask its frames");
  if (bytes.length < at + length) return { need: at + length };
  return {
    fin: (bytes[0] & 0x80) !== 0,
    rsv: (bytes[0] >> 4) & 7,
    op: bytes[0] & 15,
    payload: bytes.subarray(at, at + length),
    used: at + length,
  };
}

/** Resolves at the event, throws at an error. */
const once = (socket, name) =>
  new Promise((done, fail) => socket.once(name, done).once("error", fail));

/** A connection to the server; with isSecure it has shaken hands. `before` are bytes that
 * go out in clear first, the other options are those of tls.connect(). */
export async function connect(to, { before = "", ...options } = {}) {
  const { port, isSecure = false } = typeof to === "number" ? { port: to } : to;
  const tcp = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  tcp.setNoDelay(true);
  await once(tcp, "connect");
  tcp.write(before);
  if (!isSecure) return new Raw(tcp, tcp);
  const socket = tls.connect({ socket: tcp, rejectUnauthorized: false, ...options });
  await once(socket, "secureConnect");
  return new Raw(socket, tcp);
}

/** Sends one request as it stands (lines without \r\n) and returns the answer. */
export async function request(to, lines, options) {
  const raw = await connect(to);
  raw.write(`${lines.join("\r\n")}\r\n\r\n`);
  const answer = await raw.answer(options);
  raw.destroy();
  return answer;
}

/** The lines of a right opening handshake. Give a header undefined to leave it
 * out, or a list to have it more than once. */
export function handshakeLines(path, headers = {}) {
  const all = {
    Host: "localhost",
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
    ...headers,
  };
  const lines = [`GET ${path} HTTP/1.1`];
  for (const [name, value] of Object.entries(all))
    if (value !== undefined)
      for (const one of [value].flat()) lines.push(`${name}: ${one}`);
  return lines;
}

/** The accept value that belongs to a key (RFC 6455, 4.2.2). */
export const acceptOf = (key) =>
  crypto.createHash("sha1").update(key + GUID).digest("base64");

/** An upgraded connection; its `extensions` is what the server agreed to. `early`
 * goes out together with the handshake. */
export async function upgrade(to, path, headers, early = "") {
  const raw = await connect(to);
  const lines = handshakeLines(path, headers);
  raw.write(Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`), Buffer.from(early)]));
  const answer = await raw.answer();
  if (answer.status !== 101)
    throw new Error(`upgrade of ${path} answered ${answer.status}: ${answer.body}`);
  raw.extensions = answer.headers["sec-websocket-extensions"];
  return raw;
}
