// SPDX-License-Identifier: MIT
/* What several tests need: hex, plain copies, and a server that says what the
 * test wants over WebSockets that are none. */
import { join } from "../../../scripts/web/client.js";
import { loadWords, schemaHash } from "../../../scripts/web/schema.js";
import { Table, loadAgain } from "../../../scripts/web/state.js";
import { In, Out, loadAny, utf8 } from "../../../scripts/web/wire.js";

// What comes on demand is here, so that nothing waits but in load.test.mjs.
if (!globalThis.comesOnDemand) await Promise.all([loadAgain(), loadAny(), loadWords()]);

export const fromHex = (hex) => Uint8Array.from(Buffer.from(hex, "hex"));
export const toHex = (bytes) => Buffer.from(bytes).toString("hex");

/** State without its tables' methods, as in the vectors. */
export function plain(root) {
  const copy = {};
  for (const [name, v] of Object.entries(root))
    copy[name] = v instanceof Table ? Object.fromEntries(v) : v;
  return JSON.parse(JSON.stringify(copy));
}

/** Types of the records from a client. */
export const SENT = {
  HELLO: 0x81,
  INPUT: 0x82,
  PING: 0x83,
  ACK: 0x84,
  EVENT: 0x85,
  RESYNC: 0x86,
  REQUEST: 0x87,
  SCHEMA_OK: 0x88,
};

/** One row for Records.snapshot(). */
export const FROGS = [[0, 7, "ann", 64]];

/** The schema most tests use; fields, messages and events in byte order. */
export const POND = {
  state: {
    fields: [["phase", { t: "enum", of: ["lobby", "play"] }]],
    maps: [
      [
        "frogs",
        {
          keys: "player",
          fields: [
            ["name", { t: "str", max: 16 }],
            [
              "pos",
              {
                t: "record",
                fields: [["x", { t: "fixed", min: 0, max: 40, step: 1 / 64, smooth: true }]],
              },
            ],
            ["turn", { t: "angle", smooth: true }],
          ],
        },
      ],
    ],
  },
  messages: [
    [
      "hop",
      {
        fields: [
          ["dx", { t: "i8" }],
          ["how", { t: "record", fields: [["high", { t: "bool" }]] }],
        ],
      },
    ],
    ["steer", { fields: [["left", { t: "bool" }]], input: true }],
  ],
  events: [["sank", { fields: [["worms", { t: "u16" }]] }]],
};

/** Turns a schema into what SCHEMA carries. */
export function wireSchema(schema) {
  const json = utf8(JSON.stringify(schema));
  return { json, hash: schemaHash(json) };
}

/** Records from the server; chained, then sent as one message. */
export class Records extends Out {
  hello({
    id = 7,
    resumed = false,
    epoch = 3,
    token = "00112233445566778899aabbccddeeff",
    inputs = 0,
    period = 50_000,
    tick = 0,
    server = 1000,
    hash = 0,
  } = {}) {
    this.u8(1)
      .u8(1)
      .u8(resumed ? 1 : 0)
      .u32(epoch)
      .raw(fromHex(token));
    return this.uv(id).uv(inputs).uv(period).uv(tick).u32(server).u32(hash);
  }
  schema(schema = POND) {
    const { json, hash } = wireSchema(schema);
    return this.u8(2).u32(hash).uv(json.length).raw(json);
  }
  /** With frogs [slot, id, name, x in quanta]. */
  snapshot(tick, frogs = []) {
    this.u8(3).u8(0).uv(tick).uv(1).u8(4).uv(1).uv(0).u8(0);
    if (frogs.length) this.uv(2).u8(4).uv(frogs.length);
    let last = -1;
    for (const [slot, id, name, x] of frogs) {
      this.uv(slot - last - 1)
        .uv(id)
        .u8(3)
        .str(name)
        .le(x, 2);
      last = slot;
    }
    return this.u8(0);
  }
  /** Up to the sections; end them with end(). */
  delta(tick, base) {
    return this.u8(4)
      .u8(0)
      .le(tick % 65536, 2)
      .uv(tick - base);
  }
  /** One frog moves by so many quanta. */
  move(tick, base, slot, by) {
    return this.delta(tick, base).uv(2).u8(16).uv(1).uv(slot).u8(2).sv(by).u8(0);
  }
  event(name, data, tick = 0) {
    return this.u8(5)
      .le(tick % 65536, 2)
      .uv(0)
      .str(name)
      .any(data, name);
  }
  reply(id, ok, data) {
    return this.u8(9)
      .uv(id)
      .u8(ok ? 1 : 0)
      .any(data, "reply");
  }
  pong(ms, server, tick = 0) {
    return this.u8(6).u32(ms).u32(server).uv(tick).le(0, 2);
  }
  bye(code, reason) {
    return this.u8(7).le(code, 2).str(reason);
  }
}

/** Fake timers and a clock that moves with them. (Those of node:test take other
 * arguments in Debian's Node 18 than in newer ones.) */
export function fakeTime(t) {
  let now = 10_000;
  let last = 0;
  const due = new Map();
  const { setTimeout, clearTimeout } = globalThis;

  globalThis.setTimeout = (call, ms = 0, ...args) => {
    due.set(++last, { at: now + ms, call: () => call(...args) });
    return last;
  };
  globalThis.clearTimeout = (id) => void due.delete(id);
  t.after(() => Object.assign(globalThis, { setTimeout, clearTimeout }));
  return {
    now: () => now,
    /** Time in which no timer runs: the machine sleeps, or the tab is hidden. */
    sleep: (ms) => void (now += ms),
    /** A timer sees the time at which it was due. */
    pass(ms) {
      const end = now + ms;
      for (;;) {
        const [id, next] = [...due].sort(([, a], [, b]) => a.at - b.at)[0] ?? [];
        if (!next || next.at > end) break;
        due.delete(id);
        now = Math.max(now, next.at);
        next.call();
      }
      now = end;
    },
  };
}

/** Wait out the longest pause before the next attempt. */
export const retry = (time) => time.pass(6000);

/** Errors that a test expects are not shown. */
export const quiet = (t) => t.mock.method(console, "error", () => {});

export const turn = () => new Promise((done) => setImmediate(done));

/** A class to inject, and the sockets made of it. */
export function fakeNet() {
  const sockets = [];
  class FakeSocket {
    constructor(url, protocols) {
      this.url = url;
      this.protocols = protocols;
      this.readyState = 0;
      this.sent = [];
      this.closedWith = undefined;
      sockets.push(this);
    }
    send(data) {
      if (this.readyState !== 1) throw new Error("not open");
      this.sent.push(data);
    }
    close(code) {
      this.closedWith = code ?? 1005;
      this.readyState = 3;
    }
    /** What the network does. */
    open() {
      this.readyState = 1;
      this.onopen?.();
    }
    say(records) {
      const data = typeof records === "string" ? records : records.take().buffer;
      this.onmessage?.({ data });
    }
    die(code, reason = "") {
      this.readyState = 3;
      this.onclose?.({ code, reason });
    }
    /** Types of the records that the client sent since the last call. */
    types() {
      return this.sent.splice(0).map((bytes) => bytes[0]);
    }
    /** Records of one type that the client sent so far, as readers behind the type. */
    got(type) {
      return this.sent
        .filter((bytes) => bytes[0] === type)
        .map((bytes) => {
          const input = new In(bytes);
          input.u8();
          return input;
        });
    }
  }
  return { sockets, WebSocket: FakeSocket, last: () => sockets[sockets.length - 1] };
}

/** A room that is live, with two frogs. */
export async function liveRoom(t, hello = {}) {
  const net = fakeNet();
  const time = fakeTime(t);
  const joined = join(
    "/pond",
    { name: "Ann" },
    {
      WebSocket: net.WebSocket,
      base: "http://host:1",
      now: time.now,
    },
  );
  net.last().open();
  time.pass(100);
  net.last().say(
    new Records()
      .hello(hello)
      .schema()
      .snapshot(5, [
        [0, 7, "ann", 64],
        [1, 9, "bob", 128],
      ]),
  );
  const room = await joined;
  time.pass(1);
  return { net, time, room, socket: net.last() };
}

/** A sessionStorage for this test. */
export function fakeStorage(t) {
  const entries = new Map();
  globalThis.sessionStorage = {
    getItem: (key) => entries.get(key) ?? null,
    setItem: (key, v) => entries.set(key, v),
    removeItem: (key) => entries.delete(key),
  };
  t.after(() => delete globalThis.sessionStorage);
  return entries;
}

/** addEventListener of a page, to fire pagehide. */
export function fakePage(t) {
  const fns = [];
  globalThis.addEventListener = (name, fn) => fns.push([name, fn]);
  globalThis.removeEventListener = (name, fn) => {
    const at = fns.findIndex((entry) => entry[0] === name && entry[1] === fn);
    if (at >= 0) fns.splice(at, 1);
  };
  t.after(() => {
    delete globalThis.addEventListener;
    delete globalThis.removeEventListener;
  });
  return (name) => fns.filter((entry) => entry[0] === name).forEach((entry) => entry[1]());
}
