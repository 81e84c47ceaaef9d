// SPDX-License-Identifier: MIT
// @ts-check
/*
 * session - one seat over any number of connections: hello, resume, coming
 * back, acks, pings, and what each record from the server does.
 *
 * The codec (binary.js or json.js) knows bytes, the room (client.js) knows
 * listeners; this file knows when. Nothing of the page is called before a
 * message has been taken whole.
 */
import { Clock } from "./clock.js";
import { Outbox } from "./outbox.js";
import { saveTicket, takeTicket } from "./ticket.js";
import { NotLoaded, loadAny } from "./wire.js";

const COME_BACK = new Set([1001, 1005, 1006, 1011, 1013, 4007]);
/** A resume that ends otherwise, from 4000 on, is over, though not the wish to play. */
const KEEPS_SEAT = new Set([4000, 4005, 4006, 4007]);
const BACKOFF_MS = 250;
const MAX_BACKOFF_MS = 5000;
const SEEKS = 10; // some 20 s
const HELLO_MS = 10_000;
const PING_MS = 5000;
const ACK_MS = 30; // an ACK is 3 or 4 bytes, 9 or 10 with its frame
const FLUSH_MS = 250;
const RESYNC_MS = 2000; // ask again when no snapshot has come

/** @param {string} message @param {number} code */
function fault(message, code) {
  return Object.assign(new Error(message), { code });
}

export class Session {
  /**
   * @param {import("./client.js").Room} room @param {any} codec
   * @param {string} url @param {any} options of the game's join
   * @param {import("./client.js").Settings} settings
   */
  constructor(room, codec, url, options, settings) {
    /** @type {any[] | null} messages that wait, see wait() */
    this.unread = null;
    /** What this connection has waited for: one try. @type {Set<() => Promise<void>>} */
    this.waited = new Set();
    /** @type {any[]} records for rare.js */
    this.rare = [];
    this.room = room;
    this.codec = codec;
    this.url = url;
    this.options = options;
    this.settings = settings;
    this.now = settings.now ?? (() => performance.now());
    this.clock = new Clock(this.now);
    this.outbox = new Outbox((m) => this.settle(m.request, fault("the message was lost", 1006)));
    /** @type {Map<number, { resolve: Function, reject: Function, timer: any }>} */
    this.pending = new Map();
    /** With a "gap" those reject that the server will not answer. @type {number[]} */
    this.doubtful = [];
    this.lost = 0; // own messages that did not arrive, until the page is told
    this.attempts = 0;
    this.helloAt = 0;
    this.ackedAt = -Infinity;
    this.heardAt = 0;
    /** When the pings of this connection were sent that wait for an answer. @type {number[]} */
    this.asked = [];
    /** @type {any} */
    this.ws = null;
    /** @type {Record<string, any>} timers by name */
    this.timers = {};
    /** @type {(() => void)[] | null} events, until the page had a chance to listen */
    this.held = [];
    /** @type {{ code: number, reason: string } | null} */
    this.bye = null;
    const { resume } = settings;
    this.keeps = resume === undefined || resume === true; // in sessionStorage
    /** @type {import("./ticket.js").Ticket | null} */
    this.ticket = typeof resume === "object" ? resume : this.keeps ? takeTicket(room.name) : null;
    this.events = this.ticket?.events ?? 0; // records 05 and 09 received in this seat
    this.requests = this.ticket?.requests ?? 0; // made in this seat
    this.onHide = () => this.save(false);
    this.onOnline = () => this.timers.retry && this.connect();
    globalThis.addEventListener?.("pagehide", this.onHide);
    globalThis.addEventListener?.("online", this.onOnline);
    // A hidden tab's timers run late.
    globalThis.addEventListener?.("visibilitychange", this.onOnline);
  }

  /** Live once, or refused. */
  start() {
    return new Promise((resolve, reject) => {
      this.started = { resolve, reject };
      this.timer("start", this.settings.timeout ?? 15_000, () => this.end(1006, "no answer"));
      this.connect();
    });
  }

  /** @param {string} name @param {number} ms @param {() => void} fn */
  timer(name, ms, fn) {
    this.stop(name);
    this.timers[name] = setTimeout(() => {
      delete this.timers[name];
      fn();
    }, ms);
  }
  /** @param {string} name */
  stop(name) {
    clearTimeout(this.timers[name]);
    delete this.timers[name];
  }

  /** @param {boolean} isOpen */
  save(isOpen) {
    if (this.keeps) saveTicket(this.room.name, this.room.ticket, isOpen);
  }

  connect() {
    this.stop("retry");
    const Socket = this.settings.WebSocket ?? globalThis.WebSocket;
    if (!Socket) throw new TypeError("there is no WebSocket here: pass one in the third argument");
    const ws = new Socket(this.url, [this.codec.protocol]);
    ws.binaryType = "arraybuffer";
    this.ws = ws;
    this.bye = null;
    this.isWelcome = false; // the server's hello has come
    this.isResume = !!this.ticket;
    this.resyncAt = -Infinity;
    this.asked = [];
    this.awaitHello();
    ws.onopen = () => {
      this.helloAt = this.now();
      const hello = this.ticket
        ? this.codec.resume({ ...this.room.ticket, tick: this.heldTick() })
        : this.codec.join(
            this.room.spectator && !this.isAstray
              ? { ...this.options, code: this.room.code }
              : this.options,
          );
      ws.send(hello);
    };
    ws.onmessage = (/** @type {any} */ e) => this.receive(e.data);
    ws.onerror = () => {}; // a close follows and tells
    ws.onclose = (/** @type {any} */ e) => this.closed(e.code, e.reason);
  }

  /** Or a sign of life before it. */
  awaitHello() {
    // A resume asks no auth: a line that is dead must not cost the time that a seat is held.
    const patience = this.isResume ? 0 : (this.settings.timeout ?? 0);
    this.timer("hello", Math.max(HELLO_MS, patience), () => this.lose());
  }

  /** Of the state that is held, if it is that of the room to which the ticket leads. */
  heldTick() {
    return this.heldEpoch === this.ticket?.epoch ? this.codec.tick : 0;
  }

  /** The connection is of no use any more. @param {number} [code] */
  drop(code) {
    const { ws } = this;
    this.ws = null;
    this.unread = null;
    this.waited.clear();
    for (const name of ["hello", "ping", "ack", "flush"]) this.stop(name);
    if (!ws) return;
    ws.onopen = ws.onmessage = ws.onclose = null;
    try {
      ws.close(code);
    } catch {
      // closed already
    }
  }
  lose() {
    this.closed(1006, "the connection was lost");
  }

  /** @param {number} code @param {string} reason */
  closed(code, reason) {
    ({ code, reason } = this.bye ?? { code, reason });
    this.drop();
    // What a spectator watched may be back in a moment, or there may be another room.
    this.isAstray = this.room.spectator && code === 4002 && this.attempts < SEEKS;
    if (this.isResume && !this.isWelcome && code >= 4000 && !KEEPS_SEAT.has(code)) {
      this.forget(); // the seat is gone: take a new one
      this.connect();
    } else if (COME_BACK.has(code) || this.isAstray) {
      if (this.room.status === "live") this.room._setStatus("away");
      if (this.room.status === "closed") return; // a listener has left
      const most = Math.min(BACKOFF_MS * 2 ** this.attempts++, MAX_BACKOFF_MS);
      this.timer("retry", most * (0.5 + Math.random() / 2), () => this.connect());
    } else this.end(code, reason);
  }

  forget() {
    this.ticket = null;
    this.save(false);
  }

  /** For good. @param {number} code @param {string} reason */
  end(code, reason) {
    if (this.room.status === "closed") return;
    this.drop(code === 1000 ? 1000 : undefined);
    this.stop("start");
    this.stop("retry");
    globalThis.removeEventListener?.("pagehide", this.onHide);
    globalThis.removeEventListener?.("online", this.onOnline);
    globalThis.removeEventListener?.("visibilitychange", this.onOnline);
    // After 4005 the seat is another page's; after 1006 it may still be there.
    if (code === 1006) this.save(false);
    else if (code !== 4005) this.forget();
    const error = fault(reason || `closed with ${code}`, code);
    for (const id of [...this.pending.keys()]) this.settle(id, error);
    this.started?.reject(error);
    this.started = undefined;
    this.room._setStatus("closed");
    this.deliver(() => this.room._emit("leave", { code, reason }));
  }

  /**
   * Messages wait until the part of the SDK is here that they need.
   * @param {any} data @param {() => Promise<void>} load
   */
  async wait(data, load) {
    const unread = [data];
    this.unread = unread;
    this.waited.add(load);
    await load().catch(() => {});
    if (this.unread !== unread) return; // another connection by now
    this.unread = null;
    for (const next of unread) if (this.ws) this.take(next, this.now());
  }

  /** @param {any} data one WebSocket message */
  receive(data) {
    const now = this.now();
    this.heardAt = now;
    this.room.bytesIn += data.byteLength ?? data.length;
    this.take(data, now);
  }

  /** @param {any} data @param {number} now */
  take(data, now) {
    if (this.unread) this.unread.push(data);
    else this.read(data, now);
  }

  /** @param {any} data @param {number} now */
  read(data, now) {
    let records;
    try {
      records = this.codec.decode(data);
    } catch (e) {
      const isEarly = e instanceof NotLoaded && !this.waited.has(e.load);
      this.codec.undo(isEarly);
      if (isEarly) this.wait(data, e.load);
      else this.malformed(e, now);
      return;
    }
    let due = now;
    let tick = -1;
    const after = [];
    for (const r of records) {
      if (r.t === "hello" && !this.welcome(r)) return;
      else if (r.t === "room") {
        Object.assign(this.room, r.is);
        if (r.is.spectator) this.forget(); // no seat: it comes back by joining
        // If the seat is lost, back to the friends, not into another room of its own.
        if (this.options?.private) this.options = { ...this.options, private: false, code: r.is.code };
      }
      else if (r.t === "schema") this.transmit(this.codec.schemaOk(r.hash));
      else if (r.t === "state") {
        tick = r.tick;
        due = this.room._state.due(tick, r.isDelta, now);
        if (!r.isDelta) this.resyncAt = -Infinity;
        if (r.acked !== undefined) this.room.acked = r.acked;
      } else if (r.t === "event") {
        if (!r.volatile) this.events++;
        if (r.name === "gap") {
          const error = fault("the answer was lost", 1006);
          const still = new Set([r.data].flat());
          const lost = this.doubtful.filter((id) => !still.has(id));
          after.push(() => lost.forEach((id) => this.settle(id, error)));
          r.data = null;
        }
        after.push(() => this.room._event(r));
      } else if (r.t === "reply") {
        this.events++;
        const error = r.ok
          ? null
          : fault(typeof r.data === "string" ? r.data : "the request failed", 0);
        after.push(() => this.settle(r.id, error, r.data));
      } else if (r.t === "pong") this.pong(r, now);
      else if (r.t === "bye") this.bye = r;
      else {
        this.rare.push(r);
        import("./rare.js").then((rare) => rare.tell(this), () => {}); // the next tries again
      }
    }
    if (tick >= 0) {
      this.room.tick = tick;
      this.heldEpoch = this.ticket?.epoch;
      for (const { fn, args } of this.codec.show(now, due)) this.room._call(fn, args);
      if (this.ws && this.isWelcome && this.room.status !== "live") this.live();
      this.room._emit("state");
      if (this.ws) this.ack(now);
    }
    for (const fn of after) if (this.ws) fn(); // a listener may leave at any point
  }

  /** @param {any} error @param {number} now */
  malformed(error, now) {
    this.room._report(error);
    if (!this.isWelcome) this.lose();
    else if (now - /** @type {number} */ (this.resyncAt) >= RESYNC_MS) {
      this.resyncAt = now;
      this.transmit(this.codec.resync());
    }
  }

  /** The server's hello. @param {any} r @returns {boolean} false: this connection was given up */
  welcome(r) {
    if (this.isResume && !r.resumed && r.id !== this.ticket?.id) {
      // A stranger's seat, without our join options: leave it and join properly.
      this.drop(1000);
      this.forget();
      this.connect();
      return false;
    }
    this.stop("hello");
    this.isWelcome = true;
    this.room.id = r.id;
    this.ticket = { id: r.id, token: r.token, epoch: r.epoch, events: 0, requests: 0 };
    this.room._state.restart(r.period / 1000);
    this.clock.restart();
    if (r.server !== undefined) this.clock.sample(r.server, this.now() - this.helloAt);
    if (!r.resumed) this.events = 0; // "gap" tells the page
    if (this.isResume) {
      this.lost = this.outbox.resumed(r.inputs, this.codec.version);
      this.doubtful = this.delivered();
      this.flush();
    } else this.isNewSeat = true;
    this.save(true);
    this.ping();
    return true;
  }

  live() {
    if (this.isNewSeat) {
      this.isNewSeat = false;
      this.outbox.joined(this.codec.version);
      for (const id of this.delivered()) this.settle(id, fault("the seat was lost", 1006));
    }
    this.asked = this.asked.slice(-1); // the others waited behind the state
    this.room._setStatus("live");
    this.flush();
    if (this.lost) this.room._emit("gap", this.lost);
    this.lost = 0;
    const { started } = this;
    if (!started) return;
    this.started = undefined;
    this.stop("start");
    this.room._state.loaded.then(() => {
      started.resolve(this.room);
      // A page attaches its listeners right after `await join()`; events that came
      // with the snapshot wait until it had the chance.
      this.timer("held", 0, () => {
        const { held } = this;
        this.held = null;
        held?.forEach((fn) => fn());
      });
    });
  }

  /** @param {() => void} fn calls listeners of events */
  deliver(fn) {
    if (this.held) this.held.push(fn);
    else fn();
  }

  /** @param {any} data */
  transmit(data) {
    if (this.ws?.readyState === 1) this.ws.send(data);
  }
  /** What waits goes out, no faster than the server takes it. */
  flush() {
    if (!this.timers.flush && this.outbox.flush((data) => this.transmit(data)))
      this.timer("flush", FLUSH_MS, () => this.flush());
  }

  /** @param {string} name @param {any} data @param {number} [request] */
  send(name, data, request = 0) {
    const encoded = this.codec.message(name, data, request);
    const isSent = this.room.status === "live" && !this.timers.flush;
    if (isSent) this.transmit(encoded);
    this.outbox.push({ data: encoded, request, version: this.codec.version, isSent });
  }

  /** @param {string} name @param {any} data @param {number} timeout ms */
  request(name, data, timeout) {
    return new Promise((resolve, reject) => {
      if (this.room.status === "closed") throw fault("the room is closed", 1000);
      const id = ++this.requests;
      const timer = setTimeout(() => this.settle(id, fault(`no answer to ${name}`, 1006)), timeout);
      this.pending.set(id, { resolve, reject, timer });
      loadAny().catch(() => {}); // for the answer
      try {
        this.send(name, data, id);
      } catch (e) {
        this.settle(id, e);
      }
    });
  }
  /** Requests that do not wait here: the server has received them. */
  delivered() {
    const waiting = new Set(this.outbox.messages.map((m) => m.request));
    return [...this.pending.keys()].filter((id) => !waiting.has(id));
  }
  /** @param {number} id @param {any} error @param {any} [data] */
  settle(id, error, data) {
    const request = this.pending.get(id);
    if (!request) return;
    this.pending.delete(id);
    clearTimeout(request.timer);
    if (error) request.reject(error);
    else request.resolve(data);
  }

  /**
   * The tick that is held: by it the server knows what our line takes. At once,
   * but for rooms of more than 33 ticks a second, where one stands for several.
   * A hidden tab's timers run late, so the next frame is looked at too.
   * @param {number} now
   */
  ack(now) {
    const wait = this.ackedAt + ACK_MS - now;
    if (wait <= 0) {
      this.stop("ack");
      this.ackedAt = now;
      this.transmit(this.codec.ack(this.codec.tick));
    } else if (!this.timers.ack) this.timer("ack", wait, () => this.ack(this.now()));
  }

  /**
   * Every few seconds. Two without a sign of life: the connection is dead. So it is with
   * three without an answer, once the state is here, which may be large: what still comes
   * may have waited on this side since before the end. By chance a little later:
   * those who came in one moment would all leave in one, too, where the server is slow.
   */
  ping() {
    const now = this.now();
    const n = this.asked.length;
    if (this.heardAt < this.asked[n - 2] || (n > 2 && this.room.status === "live")) {
      this.lose();
      return;
    }
    this.asked.push(now);
    this.transmit(this.codec.ping(Math.floor(now) >>> 0, this.events));
    this.timer("ping", PING_MS * (1 + Math.random() / 5), () => this.ping());
  }
  /** @param {any} r @param {number} now */
  pong(r, now) {
    const i = this.asked.findIndex((at) => r.ms === Math.floor(at) >>> 0);
    if (i < 0) return;
    this.room.rtt = now - this.asked[i];
    this.asked.splice(0, i + 1);
    this.attempts = 0; // not by a hello alone: a server that is slow is asked less and less
    this.clock.sample(r.server, this.room.rtt);
  }
}
