// SPDX-License-Identifier: MIT
// @ts-check
/*
 * binary - the records of `parlor.b1`: bytes in, plain records out, and back.
 *
 * The records that come out look like those of `parlor.j1` (json.js), so
 * session.js does not know which of the two it speaks. What belongs to the
 * state stays inside and becomes `{ t: "state" }`.
 *
 * A message that throws is undone with undo(); what it brought for the
 * connection (schema, keys) stays, as the server will not send it again.
 */
import { Image } from "./image.js";
import { parseSchema, readPayload, schemaHash, writePayload } from "./schema.js";
import { In, Out, WireError, fromUtf8 } from "./wire.js";

const VERSION = 1;
// One by one, as a minifier then puts the numbers in their place.
const HELLO = 1;
const SCHEMA = 2;
const SNAPSHOT = 3;
const DELTA = 4;
const EVENT = 5;
const PONG = 6;
const BYE = 7;
const KEYS = 8;
const REPLY = 9;
const VOLATILE = 10;
const ROOM = 0x41;
const C_HELLO = 0x81;
const C_INPUT = 0x82;
const C_PING = 0x83;
const C_ACK = 0x84;
const C_EVENT = 0x85;
const C_RESYNC = 0x86;
const C_REQUEST = 0x87;
const C_SCHEMA_OK = 0x88;
const TOKEN_BYTES = 16;

/** @param {Uint8Array} bytes */
const toHex = (bytes) => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
/** @param {string} hex */
const fromHex = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (h) => parseInt(h, 16));

export class Binary {
  /** @param {import("./state.js").State} state */
  constructor(state) {
    this.protocol = "parlor.b1";
    this.state = state;
    /** @type {import("./schema.js").Schema | null} */
    this.schema = null;
    /** @type {Image | null} held; between messages the one that is shown */
    this.image = null;
    /** @type {Image | null} a snapshot of which more parts follow */
    this.parts = null;
    /** @type {string[]} */
    this.keys = [];
    this.inputs = 0; // sequence number of the last input
    this.out = new Out();
  }

  /** Of the state that is held; 0 before the first. */
  get tick() {
    return Math.max(0, this.image?.tick ?? 0);
  }
  /** The schema by which messages are encoded. */
  get version() {
    return this.schema?.hash ?? 0;
  }

  /** @param {ArrayBuffer} data one WebSocket message @returns {any[]} */
  decode(data) {
    const input = new In(new Uint8Array(data));
    input.keys = this.keys;
    this.nKeys = this.keys.length;
    const records = [];
    do {
      const record = this.record(input.u8(), input);
      if (record) records.push(record);
    } while (input.at < input.end);
    return records;
  }

  /** @param {boolean} isAgain the same message will be read again */
  undo(isAgain) {
    if (isAgain) this.keys.length = /** @type {number} */ (this.nKeys);
    this.parts = null;
    this.image = this.state.image;
    this.image?.undo();
  }

  /** @param {number} now @param {number} due */
  show(now, due) {
    return this.image && !this.parts ? this.state.show(this.image, now, due) : [];
  }

  /** @param {number} type @param {In} input @returns {any} */
  record(type, input) {
    switch (type) {
      case HELLO:
        return this.hello(input);
      case SCHEMA: {
        const hash = input.u32();
        const json = input.raw(input.uv());
        if (schemaHash(json) !== hash) throw new WireError("schema: wrong hash");
        this.schema = parseSchema(fromUtf8(json), hash);
        return { t: "schema", hash };
      }
      case SNAPSHOT:
        return this.snapshot(input);
      case DELTA:
        return this.delta(input);
      case EVENT:
      case VOLATILE:
        return { ...this.event(input), volatile: type === VOLATILE };
      case PONG:
        return {
          t: "pong",
          ms: input.u32(),
          server: input.u32(),
          tick: input.uv(),
          phase: input.u16(),
        };
      case BYE:
        return { t: "bye", code: input.u16(), reason: input.str() };
      case KEYS: {
        const keys = [];
        for (let n = input.uv(); n > 0; n--) keys.push(input.str());
        this.keys.push(...keys);
        return null;
      }
      case REPLY:
        return { t: "reply", id: input.uv(), ok: input.u8() === 1, data: input.any() };
    }
    if (type >> 6 !== 1) throw new WireError("unknown record");
    const body = input.raw(input.uv());
    if (type !== ROOM) return { t: "rare", type, body };
    const inner = new In(body);
    const code = inner.str();
    const flags = inner.u8();
    return { t: "room", is: { code, private: !!(flags & 1), spectator: !!(flags & 2) } };
  }

  /** @param {In} input */
  hello(input) {
    if (input.u8() !== VERSION) throw new WireError("another version");
    input.keys = this.keys = []; // they follow, all of them
    this.parts = null;
    return {
      t: "hello",
      resumed: (input.u8() & 1) === 1,
      epoch: input.u32(),
      token: toHex(input.raw(TOKEN_BYTES)),
      id: input.uv(),
      inputs: input.uv(),
      period: input.uv(),
      tick: input.uv(),
      server: input.u32(),
      hash: input.u32(),
    };
  }

  /** @param {In} input */
  snapshot(input) {
    const flags = input.u8();
    const tick = input.uv();
    const acked = flags & 2 ? input.uv() : undefined;
    if (!this.schema) throw new WireError("state without a schema");
    this.state.expect();
    const image = this.parts ?? new Image(this.schema);
    if (flags > 3 || (this.parts && image.tick !== tick)) throw new WireError("bad snapshot");
    image.tick = tick;
    image.read(input, false);
    this.parts = flags & 1 ? image : null;
    if (flags & 1) return null;
    if (!image.root) throw new WireError("no root row");
    this.image = image;
    return { t: "state", tick, isDelta: false, acked };
  }

  /** @param {In} input */
  delta(input) {
    const flags = input.u8();
    const low = input.u16();
    const { image } = this;
    if (flags > 3) throw new WireError("bad flags");
    if (!image || this.parts || image.schema !== this.schema) throw new WireError("no state held");
    const tick = image.tick + input.uv();
    if (tick % 65536 !== low) throw new WireError("wrong base");
    const acked = flags & 1 ? input.uv() : undefined;
    image.read(input, (flags & 2) !== 0);
    if (!image.root) throw new WireError("no root row");
    image.tick = tick;
    return { t: "state", tick, isDelta: true, acked };
  }

  /** @param {In} input */
  event(input) {
    const low = input.u16();
    const tick = this.tick + (((low - this.tick) << 16) >> 16);
    const id = input.uv();
    if (id === 0) return { t: "event", tick, name: input.str(), data: input.any() };
    const shape = this.schema?.events[id - 1];
    if (!shape) throw new WireError("no such event");
    return { t: "event", tick, name: shape.name, data: readPayload(shape, input) };
  }

  /** @param {any} options of the game's join */
  join(options) {
    return this.hi(0).any(options, "options").take();
  }
  /** @param {{ token: string, epoch: number, events: number, tick: number }} ticket */
  resume({ token, epoch, events, tick }) {
    return this.hi(1).raw(fromHex(token)).u32(epoch).uv(tick).uv(events).take();
  }
  /** @param {number} kind */
  hi(kind) {
    return this.start(C_HELLO).u8(VERSION).u32(this.version).u8(kind);
  }
  /** @param {number} type of a record; one that threw may have left something behind */
  start(type) {
    this.out.at = 0;
    return this.out.u8(type);
  }

  /**
   * A message. Throws an Error that names the field where `data` does not fit.
   * @param {string} name @param {any} data @param {number} request its id, 0: none
   */
  message(name, data, request) {
    const shape = this.schema?.messages.get(name);
    const { out } = this;
    if (request) this.start(C_REQUEST).uv(request);
    else if (shape?.isInput)
      this.start(C_INPUT)
        .uv(this.inputs + 1)
        .uv(this.tick);
    else this.start(C_EVENT);
    if (shape) {
      out.uv(shape.id + 1);
      writePayload(shape.tree, data === undefined ? {} : data, name, out);
      if (shape.isInput && !request) this.inputs++;
    } else out.uv(0).str(name).any(data, name);
    return out.take();
  }
  /** @param {number} ms @param {number} events received in this seat */
  ping(ms, events) {
    return this.start(C_PING).u32(ms).uv(events).take();
  }
  /** @param {number} tick */
  ack(tick) {
    return this.start(C_ACK).uv(tick).take();
  }
  resync() {
    return this.start(C_RESYNC).take();
  }
  /** @param {number} hash */
  schemaOk(hash) {
    return this.start(C_SCHEMA_OK).u32(hash).take();
  }
}
