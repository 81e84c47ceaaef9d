// SPDX-License-Identifier: MIT
// @ts-check
/*
 * client - the browser SDK of Parlor: join a game, read its state, send.
 *
 *   import { join } from "../_parlor/client.js";
 *   const room = await join("/pond", { name: "Ann" });
 *
 * README.md beside this file is the reference. Plain ES modules, no build; the
 * same files run in Node with a WebSocket class passed in.
 */
import { Binary } from "./binary.js";
import { place } from "./place.js";
import { Session } from "./session.js";
import { State } from "./state.js";
import { utf8 } from "./wire.js";

/**
 * @typedef {"connecting" | "live" | "away" | "closed"} Status
 * @typedef {{
 *   position: number, waiting: number, found: number, need: number, estimate: number | null,
 * }} Queue
 * @typedef {{
 *   WebSocket?: any, base?: string, json?: boolean, timeout?: number,
 *   columns?: string[], onQueue?: (queue: Queue, leave: () => void) => void,
 *   resume?: boolean | import("./ticket.js").Ticket, now?: () => number,
 * }} Settings
 */

/** Names that listeners use for the room itself; an event called so is "event:<name>". */
const OWN = new Set(["status", "state", "leave", "error", "dev", "queue"]);

/** @param {string} name of a message */
function checkName(name) {
  if (typeof name !== "string" || !name || utf8(name).length > 64)
    throw new TypeError(`a message's name is a string of 1 to 64 bytes, not ${name}`);
}

export class Room {
  /** @param {string} name the path that was joined */
  constructor(name) {
    this.name = name;
    this.id = 0; // this player's
    this.code = ""; // by which others can join this room: `join("/pond", { code })`
    this.private = false; // only by its code
    this.spectator = false; // joined with { spectate: true }
    /** @type {Status} */
    this.status = "connecting";
    this.tick = 0; // of the state that is held
    this.rtt = 0; // ms, of the last ping
    this.bytesIn = 0;
    this.acked = 0; // last predicted input that the state contains
    /** @type {Map<string, Set<Function>>} */
    this._fns = new Map();
    /** @type {Map<string, any>} */
    this._columns = new Map();
    this._state = new State((fn, args) => this._call(fn, args), this._columns);
    /** @type {any} */
    this.state = this._state.root;
    /** @type {any} */
    this._session = null;
  }

  /** The server's time: `clock.now()` in ms. */
  get clock() {
    return this._session.clock;
  }
  /** ms by which view() is behind the server's ticks as they come: a period and the jitter. */
  get delay() {
    const { period, timeline } = this._state;
    return period + (timeline?.delay ?? 0);
  }
  /** What brings this seat back: pass it as `resume` to a later join. */
  get ticket() {
    const { ticket, events, requests } = this._session;
    return ticket && { ...ticket, events, requests };
  }

  /**
   * An event of the game, or "status", "state", "leave", "error".
   * Returns its own unsubscribe.
   * @param {string} name @param {(...args: any[]) => void} fn
   */
  on(name, fn) {
    let fns = this._fns.get(name);
    if (!fns) this._fns.set(name, (fns = new Set()));
    fns.add(fn);
    return () => void fns.delete(fn);
  }

  /**
   * Throws where a declared message does not fit. While away it waits.
   * @param {string} name @param {any} [data]
   */
  send(name, data) {
    checkName(name);
    if (this.status !== "closed") this._session.send(name, data);
  }

  /**
   * The game's answer, or an Error.
   * @param {string} name @param {any} [data] @param {{ timeout?: number }} [options] ms
   * @returns {Promise<any>}
   */
  async request(name, data, { timeout = 10_000 } = {}) {
    checkName(name);
    return this._session.request(name, data, timeout);
  }

  /**
   * [id, row] of a map, smooth fields where they are at this moment. Without a
   * name: the root record.
   * @param {string} [name] @returns {any}
   */
  view(name) {
    const now = this._session.now();
    return name === undefined ? this._state.viewRoot(now) : this._state.view(name, now);
  }

  /**
   * The player's own row of a map, ahead of the server: see predict.js.
   * @param {string} map @param {import("./predict.js").Options} options
   */
  async predict(map, options) {
    const { Prediction } = await import("./predict.js");
    return new Prediction(this, map, options);
  }

  /** For good: the seat is given up. */
  leave() {
    this._session.end(1000, "left");
  }

  /** @param {Function} fn @param {any[]} args one listener; its error stops nobody else */
  _call(fn, args) {
    try {
      fn(...args);
    } catch (e) {
      this._report(e);
    }
  }
  /** @param {any} error */
  _report(error) {
    console.error(error);
    for (const fn of this._fns.get("error") ?? [])
      try {
        fn(error);
      } catch (e) {
        console.error(e);
      }
  }
  /** @param {string} name @param {any[]} args */
  _emit(name, ...args) {
    for (const fn of [...(this._fns.get(name) ?? [])]) this._call(fn, args);
  }
  /** @param {{ name: string, data: any, tick: number }} r */
  _event({ name, data, tick }) {
    this._session.deliver(() => this._emit(OWN.has(name) ? `event:${name}` : name, data, { tick }));
  }
  /** @param {Status} status */
  _setStatus(status) {
    if (status === this.status) return;
    this.status = status;
    this._emit("status", status);
  }
}

/**
 * Take a seat. Rejects with an Error whose `code` is the close code when the
 * server refuses (4002 no such room, 4003 refused, 4004 full), or after
 * `timeout` ms without an answer (1006).
 * @param {string} path "/pond", "/pond/lobby": below the server's base path, see place.js
 * @param {any} [options] what the game's join gets
 * @param {Settings} [settings]
 * @returns {Promise<Room>}
 */
export async function join(path, options = {}, settings = {}) {
  const url = settings.base == null ? place(path) : new URL(path, settings.base);
  url.protocol = url.protocol.replace("http", "ws");
  url.pathname = url.pathname.replace(/\/$/, "");
  url.hash = "";
  const room = new Room(url.pathname);
  if (settings.columns?.length) (await import("./columns.js")).setUp(room, settings);
  const Codec = settings.json ? (await import("./json.js")).Json : Binary;
  room._session = new Session(room, new Codec(room._state), url.href, options, settings);
  return room._session.start();
}
