// SPDX-License-Identifier: MIT
/*
 * player - a JSON client in a few lines of npm ws, as somebody would write it
 * who has read PROTOCOL.md and nothing else. It keeps the state by the rules of
 * the page, and every record that came.
 */
import WebSocket from "ws";

import { until } from "./server.mjs";

/** Applies a delta to the state. Names are identifiers, so an object made of
 * "-", "+" and "~" only is the change of a map. */
export function applyDelta(state, delta) {
  for (const [name, change] of Object.entries(delta)) {
    if (["t", "tick", "base", "ack"].includes(name)) continue;
    mergeField(state, name, change);
  }
}

function mergeField(into, name, change) {
  if (change === null || typeof change !== "object") {
    into[name] = change;
  } else if (Object.keys(change).every((key) => "=-+~".includes(key))) {
    const map = (into[name] ??= {});
    if (change["="])
      for (const key of Object.keys(map)) if (!change["="].includes(key)) delete map[key];
    for (const key of change["-"] ?? []) delete map[key];
    for (const [key, row] of Object.entries(change["+"] ?? {})) map[key] = row;
    for (const [key, row] of Object.entries(change["~"] ?? {})) mergeField(map, key, row);
  } else {
    for (const [key, value] of Object.entries(change)) mergeField((into[name] ??= {}), key, value);
  }
}

export class Player {
  /** Without protocol the options belong in the address; with parlor.j1 give
   * `hello`, the record to send first, and to resume the `state` that is held.
   * `headers` go with the request, `socket` are more options of ws. */
  constructor(url, { protocol, hello, state, headers, socket } = {}) {
    this.records = [];
    this.state = state;
    this.closed = undefined; // {code, reason} in the end
    this.status = undefined; // of an HTTP answer other than 101
    this.ws = new WebSocket(url, protocol ? [protocol] : [], { headers, ...socket });
    this.ws.on("open", () => hello && this.send(hello));
    this.ws.on("unexpected-response", (request, answer) => {
      this.status = answer.statusCode;
      request.destroy();
    });
    this.ws.on("error", (error) => (this.error = error));
    this.ws.on("close", (code, reason) => (this.closed = { code, reason: String(reason) }));
    this.ws.on("message", (data, isBinary) => {
      if (isBinary) throw new Error("a JSON client was sent a binary message");
      this.take(JSON.parse(String(data)));
    });
  }

  take(record) {
    this.records.push(record);
    if (record.t === "hello") Object.assign(this, { id: record.id, hello: record });
    if (record.t === "snapshot") this.state = record.state;
    if (record.t === "delta") applyDelta(this.state, record);
  }

  send(record) {
    this.ws.send(typeof record === "string" ? record : JSON.stringify(record));
  }

  say(name, data) {
    this.send({ t: "send", name, data });
  }

  of(type) {
    return this.records.filter((record) => record.t === type);
  }

  /** Waits for a record that fits; looks at those from `from` on. */
  record(what, fits, { from = 0, ms } = {}) {
    return this.until(what, () => this.records.slice(from).find(fits), ms);
  }

  /** Waits until look() is true. */
  until(what, look, ms) {
    return until(what, look, ms).catch((error) => {
      const last = JSON.stringify(this.records.slice(-5)).slice(0, 1500);
      const end = this.closed ? `closed with ${this.closed.code}` : "open";
      throw new Error(`${error.message} (${end}; last records: ${last})`);
    });
  }

  /** Waits until the player sits: hello and the first snapshot are there. */
  async seated() {
    await this.until("hello and state", () => this.of("snapshot")[0] ?? this.of("delta")[0]);
    return this;
  }

  async end() {
    await this.until("the end of the connection", () => this.closed);
    return this.closed;
  }

  /** Leaves for good. */
  async leave() {
    this.ws.close(1000);
    return this.end();
  }

  /** Cuts the connection without a word. */
  drop() {
    this.ws.terminate();
  }
}

/** A client without subprotocol, seated. */
export const join = (server, path, options) =>
  new Player(server.ws(path), options).seated();

/** A parlor.j1 client, seated by a join. */
export const joinJ1 = (server, path, options = {}) =>
  join(server, path, { protocol: "parlor.j1", hello: { t: "hello", join: options } });

/** A parlor.j1 client, seated by a resume of what another one held. */
export const resumeJ1 = (server, path, from, token = from.hello.token) =>
  join(server, path, {
    protocol: "parlor.j1",
    state: structuredClone(from.state),
    hello: {
      t: "hello",
      resume: {
        token,
        epoch: from.hello.epoch,
        tick: [...from.of("snapshot"), ...from.of("delta")].reduce((t, r) => Math.max(t, r.tick), 0),
        events: from.of("event").length + from.of("reply").length,
      },
    },
  });
