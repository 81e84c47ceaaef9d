// SPDX-License-Identifier: MIT
// @ts-check
/*
 * predict - the player's own row as it will be: what the player does is done here
 * at once, with the game's own step function, and again on top of each state that
 * does not contain it yet. Loaded by room.predict().
 *
 * One input is one step, there and here. The server says with its state which
 * inputs it contains (PROTOCOL.md, "Inputs"); the rest is stepped anew from it. Where
 * that leads elsewhere than was shown, what is shown goes over to it in a moment.
 */
import { build, get, put, toValue, writePayload } from "./schema.js";

const EASE_MS = 80; // a correction is down to a third after so long
const MAX_CATCH_UP = 5; // steps at once, after a page was held up
const MAX_PENDING = 250; // inputs without answer; the outbox holds 256
const EVENT_DRIVEN_MS = 50;
const TURN = 2 * Math.PI;

/** @param {any} v of a state: plain data @returns {any} */
function copy(v) {
  if (v === null || typeof v !== "object") return v;
  if (Array.isArray(v)) return v.map(copy);
  if (v instanceof Uint8Array) return v.slice();
  return Object.fromEntries(Object.entries(v).map(([k, inner]) => [k, copy(inner)]));
}

/** From a to b; of angles the short way round. @param {number} a @param {number} b @param {boolean} isAngle */
const way = (a, b, isAngle) => (isAngle ? ((b - a + 1.5 * TURN) % TURN) - TURN / 2 : b - a);

/**
 * @typedef {{
 *   input: string, read: () => any,
 *   step: (row: any, input: any, room: import("./client.js").Room, isAgain: boolean) => void,
 *   smooth?: string[], ease?: number, snap?: number,
 * }} Options
 */

export class Prediction {
  /**
   * @param {import("./client.js").Room} room @param {string} map
   * @param {Options} options
   */
  constructor(room, map, options) {
    this._room = room;
    this._map = map;
    this._options = options;
    this._codec = room._session.codec;
    /** @type {{ seq: number, input: any }[]} */
    this._pending = [];
    /** @type {{ steps: string[], isAngle: boolean, before: number, error: number }[]} */
    this._fields = [];
    /** @type {any} */
    this._schema = undefined;
    this._owner = 0;
    this._next = NaN; // when the next step is due
    this._isStopped = false;
    this._drawnAt = 0;
    /** @type {any} what view() returns */
    this._shown = null;
    /** The row with all of the player's inputs; null while there is none. @type {any} */
    this.row = null;
    /** Inputs that were sent. */
    this.steps = 0;
    /** States after which something else was so than had been predicted. */
    this.corrections = 0;
    /** By how much, the last time and at most; in the fields' own unit, the farthest of them. */
    this.corrected = 0;
    this.worst = 0;
    this._checkInput();
    room.on("state", () => this._reconcile());
    this._reconcile();
  }

  /** Inputs that no state contains yet. */
  get pending() {
    return this._pending.length;
  }

  /** No more inputs. The row goes on with the state. */
  stop() {
    this._isStopped = true;
  }

  /** Over JSON there is no schema: the codec numbers what it is told to. */
  _checkInput() {
    const { input } = this._options;
    const { _codec: codec } = this;
    if (codec.predicted) codec.predicted.add(input);
    else if (!codec.schema?.messages.get(input)?.isInput)
      throw new TypeError(`${input} is no message with input = true`);
  }

  /** As the server will read it: in quanta. @param {any} input */
  _fit(input) {
    const { input: name } = this._options;
    const shape = this._codec.schema?.messages.get(name);
    if (!shape) return copy(input);
    /** @type {any[]} */
    const cells = [];
    writePayload(shape.tree, input, name, (f, cell) => (cells[f.id] = cell));
    return build(shape.tree, (f) => toValue(f.type, cells[f.id])) ?? {};
  }

  /** Which fields are shown smoothly; anew with each schema. */
  _choose() {
    const { _codec: codec, _options: options, _map: map } = this;
    if (this._schema === (codec.schema ?? null)) return;
    this._schema = codec.schema ?? null;
    /** @type {any[]} */
    const known = codec.schema?.facets.find((/** @type {any} */ f) => f.name === map)?.fields ?? [];
    const paths = options.smooth ?? known.filter((f) => f.type.smooth).map((f) => f.path);
    this._fields = paths.map((path) => ({
      steps: path.split("."),
      isAngle: known.find((f) => f.path === path)?.type.t === "angle",
      before: NaN,
      error: 0,
    }));
  }

  /** A state has come. */
  _reconcile() {
    const { _room: room, _fields: old } = this;
    if (room.id !== this._owner) {
      // Another seat: what was sent was for the old one.
      this._owner = room.id;
      this._pending = [];
      this.row = null;
    }
    this._choose();
    while (this._pending.length && this._pending[0].seq <= room.acked) this._pending.shift();
    const held = room.state[this._map]?.get(room.id);
    if (!held) {
      this.row = this._shown = null;
      return;
    }
    const row = copy(held);
    for (const { input } of this._pending) this._options.step(row, input, room, true);
    const was = old === this._fields ? this.row : null;
    this.row = row;
    this._correct(was);
  }

  /** @param {any} was predicted before; null: nothing */
  _correct(was) {
    const { snap = Infinity } = this._options;
    let most = 0;
    for (const f of this._fields) {
      const is = get(this.row, f.steps);
      const off = was ? way(get(was, f.steps), is, f.isAngle) : 0;
      if (was && !off) continue;
      most = Math.max(most, Math.abs(off));
      f.before = was ? f.before + off : is;
      f.error = was && Math.abs(off) <= snap ? f.error - off : 0;
    }
    if (!most) return;
    this.corrections++;
    this.corrected = most;
    this.worst = Math.max(this.worst, most);
  }

  /** The steps that are due. @param {number} now */
  _advance(now) {
    const { _room: room } = this;
    const period = room._state.period || EVENT_DRIVEN_MS;
    const isIdle = room.status !== "live" || !this.row;
    if (isIdle || !(now - this._next < period * MAX_CATCH_UP)) this._next = now;
    if (isIdle || this._isStopped) return;
    for (; now >= this._next && this._pending.length < MAX_PENDING; this._next += period) this._step();
  }

  _step() {
    const { input: name, read, step } = this._options;
    const input = this._fit(read());
    for (const f of this._fields) f.before = get(this.row, f.steps);
    this._room.send(name, input);
    this._pending.push({ seq: this._codec.inputs, input });
    this.steps++;
    step(this.row, input, this._room, false);
  }

  /**
   * The row as it is to be drawn now: between its last two steps, corrections on
   * their way. The same object each time; null while there is none. Sends the inputs
   * that are due, so call it in each frame.
   */
  view() {
    const { _room: room } = this;
    const now = room._session.now();
    this._advance(now);
    const { row } = this;
    if (!row) return null;
    const period = room._state.period || EVENT_DRIVEN_MS;
    const share = Math.max(0, Math.min(1, 1 - (this._next - now) / period)) || 0;
    const left = Math.exp((this._drawnAt - now) / (this._options.ease ?? EASE_MS));
    this._drawnAt = now;
    const shown = (this._shown = Object.assign(this._shown ?? {}, copy(row)));
    for (const f of this._fields) {
      const is = get(row, f.steps);
      f.error *= left;
      const back = way(is, f.before, f.isAngle) * (1 - share);
      const at = is + back + f.error;
      put(shown, f.steps, f.isAngle ? ((at % TURN) + TURN) % TURN : at);
    }
    return shown;
  }
}
