// SPDX-License-Identifier: MIT
// @ts-check
/*
 * json - the records of `parlor.j1`, for `join(path, options, { json: true })`.
 * Loaded only then; the same page runs over it, legible in the network panel.
 *
 * There is no schema here, so four things are guessed or missing: a root
 * object whose values are all objects is a map; an id that reads as an integer
 * is a number; an object in a change is a nested record (a map or an any keeps
 * what went from it until the next snapshot); what is sent is not checked here,
 * and nothing is interpolated.
 */
import { WireError } from "./wire.js";

const OWN = new Set(["t", "tick", "base", "ack"]); // root names in a delta that are no state

/** @param {any} v */
const isObject = (v) => v !== null && typeof v === "object" && !Array.isArray(v);
/** @param {any} v */
const isMap = (v) => isObject(v) && Object.values(v).every(isObject);
/** @param {string} key */
const idOf = (key) => (/^(0|-?[1-9]\d{0,9})$/.test(key) ? Number(key) : key);

/** @param {unknown} v @param {string} what @returns {any} */
function need(v, what) {
  if (!v) throw new WireError(what);
  return v;
}

/** Merge nested records. @param {any} to @param {any} from @param {string} at @param {string[]} changed */
function merge(to, from, at, changed) {
  for (const [name, v] of Object.entries(from))
    if (isObject(v) && isObject(to[name])) merge(to[name], v, `${at}${name}.`, changed);
    else if (to[name] !== v) {
      to[name] = v;
      changed.push(at + name);
    }
}

/** After a resume: rows that are held and not kept. @param {any} table @param {any} change */
function dropped(table, change) {
  if (!change["="]) return [];
  const kept = new Set(change["="].map(idOf));
  return [...table.keys()].filter((id) => !kept.has(id));
}

/** Anything but plain JSON: bytes travel as base64. @param {string} _ @param {any} v */
function asJson(_, v) {
  if (v instanceof ArrayBuffer) v = new Uint8Array(v);
  if (!(v instanceof Uint8Array)) return v;
  return btoa(Array.from(v, (b) => String.fromCharCode(b)).join(""));
}

export class Json {
  /** @param {import("./state.js").State} state */
  constructor(state) {
    this.protocol = "parlor.j1";
    this.state = state;
    this.version = 0;
    this.tick = 0;
    /** Names of the messages that are predicted. @type {Set<string>} */
    this.predicted = new Set();
    this.inputs = 0; // sequence number of the last one
    /** @type {any[]} records of the message that is not shown yet */
    this.waiting = [];
  }

  /** @param {string} text one WebSocket message @returns {any[]} */
  decode(text) {
    let r;
    try {
      r = JSON.parse(text);
    } catch {
      throw new WireError("not JSON");
    }
    need(isObject(r), "not a record");
    if (r.t === "snapshot") this.checkSnapshot(r);
    else if (r.t === "delta") this.checkDelta(r);
    else if (r.t === "hello") {
      const { room: code = "", private: isPrivate = false, spectator = false, ...hello } = r;
      return [hello, { t: "room", is: { code, private: isPrivate, spectator } }];
    } else return [r];
    this.waiting = [r];
    return [{ t: "state", tick: r.tick, isDelta: r.t === "delta", acked: r.ack }];
  }
  undo() {
    this.waiting = [];
  }

  /** @param {any} r */
  checkSnapshot(r) {
    need(isObject(r.state), "snapshot without state");
    this.hasState = true;
  }
  /** @param {any} r */
  checkDelta(r) {
    need(this.hasState && r.base === this.tick, "wrong base");
    for (const [name, w] of Object.entries(r)) {
      const table = this.state.tables.get(name);
      if (OWN.has(name) || !table || this.state.root[name] !== table) continue;
      need(isObject(w), "a map that is none");
      const gone = new Set([...(w["-"] ?? []).map(idOf), ...dropped(table, w)]);
      for (const id of gone) need(table.has(id), "row is not held");
      for (const [key, row] of Object.entries(w["+"] ?? {}))
        need(
          isObject(row) && (!table.has(idOf(key)) || gone.has(idOf(key))),
          "row is held already",
        );
      for (const [key, row] of Object.entries(w["~"] ?? {}))
        need(isObject(row) && table.has(idOf(key)), "row is not held");
    }
  }

  /** What the frame did, as calls to make. */
  show() {
    /** @type {import("./state.js").Call[]} */
    const calls = [];
    for (const r of this.waiting) {
      if (r.t === "snapshot") this.showSnapshot(r.state, calls);
      else this.showDelta(r, calls);
      this.tick = r.tick;
    }
    this.waiting = [];
    return calls;
  }

  /** @param {any} next @param {import("./state.js").Call[]} calls */
  showSnapshot(next, calls) {
    const { root, tables } = this.state;
    for (const [name, table] of tables) if (!isMap(next[name])) this.fill(table, {}, calls);
    for (const name of Object.keys(root)) if (!(name in next)) delete root[name];
    for (const [name, v] of Object.entries(next))
      if (isMap(v)) this.fill(this.state.table(name), v, calls);
      else if (isObject(v) && isObject(root[name])) merge(root[name], v, "", []);
      else root[name] = v;
  }

  /** @param {any} table @param {any} rows @param {import("./state.js").Call[]} calls */
  fill(table, rows, calls) {
    const keys = new Set(Object.keys(rows).map(idOf));
    for (const id of [...table.keys()]) if (!keys.has(id)) this.remove(table, id, calls);
    for (const [key, row] of Object.entries(rows))
      if (table.has(idOf(key))) this.change(table, idOf(key), row, calls);
      else this.add(table, idOf(key), row, calls);
  }

  /** @param {any} r @param {import("./state.js").Call[]} calls */
  showDelta(r, calls) {
    const { root, tables } = this.state;
    for (const [name, w] of Object.entries(r)) {
      if (OWN.has(name)) continue;
      const table = tables.get(name);
      if (!table || root[name] !== table) merge(root, { [name]: w }, "", []);
      else {
        for (const id of dropped(table, w)) this.remove(table, id, calls);
        for (const key of w["-"] ?? []) this.remove(table, idOf(key), calls);
        for (const [key, row] of Object.entries(w["+"] ?? {}))
          this.add(table, idOf(key), row, calls);
        for (const [key, row] of Object.entries(w["~"] ?? {}))
          this.change(table, idOf(key), row, calls);
      }
    }
  }

  /** @param {any} table @param {number | string} key @param {any} obj @param {any[]} calls */
  add(table, key, obj, calls) {
    table._rows.set(key, { key, obj });
    table._tell("add", [obj, key], calls);
  }
  /** @param {any} table @param {number | string} key @param {any[]} calls */
  remove(table, key, calls) {
    const { obj } = table._rows.get(key);
    table._rows.delete(key);
    table._tell("remove", [obj, key], calls);
  }
  /** @param {any} table @param {number | string} key @param {any} row @param {any[]} calls */
  change(table, key, row, calls) {
    /** @type {string[]} */
    const changed = [];
    const { obj } = table._rows.get(key);
    merge(obj, row, "", changed);
    if (changed.length) table._tell("change", [obj, key, changed], calls);
  }

  /** @param {any} record */
  text(record) {
    return JSON.stringify(record, asJson);
  }
  /** @param {any} options of the game's join */
  join(options) {
    return this.text({ t: "hello", join: options });
  }
  /** @param {{ token: string, epoch: number, events: number, tick: number }} ticket */
  resume({ token, epoch, events, tick }) {
    return this.text({ t: "hello", resume: { token, epoch, tick, events } });
  }
  /** @param {string} name @param {any} data @param {number} request its id, 0: none */
  message(name, data, request) {
    if (request) return this.text({ t: "request", id: request, name, data });
    const seq = this.predicted.has(name) ? ++this.inputs : undefined;
    return this.text({ t: "send", name, data, seq });
  }
  /** @param {number} ms @param {number} events received in this seat */
  ping(ms, events) {
    return this.text({ t: "ping", ms, events });
  }
  /** @param {number} tick */
  ack(tick) {
    return this.text({ t: "ack", tick });
  }
  resync() {
    return this.text({ t: "resync" });
  }
}
