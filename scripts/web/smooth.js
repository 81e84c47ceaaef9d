// SPDX-License-Identifier: MIT
// @ts-check
/*
 * smooth - fields marked `smooth`, shown between their last two samples.
 *
 * A sample of tick n is due one tick period and an allowance for jitter after
 * its tick's usual time of arrival. Until then a field moves in a straight
 * line (an angle the short way round) from where it was shown when the sample
 * came. So the picture never jumps, and at a steady speed it runs steadily.
 *
 * Views are written in place: a page that draws at 60 Hz makes no garbage.
 *
 * Loaded when a schema has smooth fields; join() waits for it.
 */
import { buildRow, get, put, toValue } from "./schema.js";

const EVENT_DRIVEN_MS = 50; // rooms without ticks: how long a move takes
const MAX_JITTER_MS = 100;
const TURN = 2 * Math.PI;

/** When samples are due, on the page's own clock. */
export class Timeline {
  /** @param {number} period ms, 0: event-driven */
  constructor(period) {
    this.period = period;
    this.lag = NaN; // arrival minus tick time, at its least
    this.jitter = 0;
  }
  /** For what has no tick to go by, snapshots too. @param {number} now */
  soon(now) {
    return now + (this.period || EVENT_DRIVEN_MS);
  }
  /**
   * The delta of this tick is here; when is it due?
   * @param {number} tick @param {number} now
   */
  arrive(tick, now) {
    if (!this.period) return this.soon(now);
    const lag = now - tick * this.period;
    // The least lag counts; it creeps up, as the two clocks may drift apart.
    if (!(lag > this.lag)) this.lag = lag;
    else this.lag += (lag - this.lag) * 0.02;
    this.jitter += (lag - this.lag - this.jitter) * 0.1;
    const allowance = Math.min(2 * this.jitter, MAX_JITTER_MS);
    return (tick + 1) * this.period + this.lag + allowance;
  }
}

/** @typedef {import("./image.js").Row} Row */
/** @typedef {import("./schema.js").Field} Field */

/** Where one row's smooth fields are. */
export class Motion {
  /** @param {Row} row @param {Field[]} fields the smooth ones */
  constructor(row, fields) {
    this.fields = fields;
    this.to = fields.map((f) => toValue(f.type, row.cells[f.id]));
    this.from = this.to.slice();
    this.start = 0;
    this.due = 0;
    this.version = -1; // of the row, when its view was last copied
    /** @type {[number | string, any]} what iteration yields */
    this.pair = [row.key, buildRow(row, (f) => still(row, f))];
  }
  /** @param {number} i @param {number} now */
  at(i, now) {
    const { start, due } = this;
    const from = this.from[i];
    const to = this.to[i];
    if (now >= due || from === to) return to;
    const share = now <= start ? 0 : (now - start) / (due - start);
    if (this.fields[i].type.t !== "angle") return from + (to - from) * share;
    const way = ((to - from + 1.5 * TURN) % TURN) - TURN / 2;
    return (from + way * share + TURN) % TURN;
  }
  /** The row has new cells. @param {Row} row @param {number} now @param {number} due */
  aim(row, now, due) {
    this.fields.forEach((f, i) => {
      this.from[i] = this.at(i, now);
      this.to[i] = toValue(f.type, row.cells[f.id]);
    });
    this.start = now;
    this.due = due;
  }
  /** @param {Row} row @param {number} now @returns the row's view, up to date */
  show(row, now) {
    const view = this.pair[1];
    if (this.version !== row.version) {
      for (const f of row.fields) if (!f.type.smooth) put(view, f.steps, still(row, f));
      this.version = row.version;
    }
    for (let i = 0; i < this.fields.length; i++) put(view, this.fields[i].steps, this.at(i, now));
    return this.pair;
  }
}

/** What does not move: a composed value is the one that the page's object has. */
/** @param {Row} row @param {Field} f */
const still = (row, f) =>
  f.type.isComposed ? get(row.obj, f.steps) : toValue(f.type, row.cells[f.id]);

/** @param {Row} row @param {number} now @returns {[number | string, any]} */
export function viewOf(row, now) {
  const { fields } = row;
  row.facet.isDrawn = true;
  row.motion ??= new Motion(
    row,
    fields.filter((f) => f.type.smooth),
  );
  return row.motion.show(row, now);
}

/**
 * One loop's cursor, and each of its own results: a loop makes no garbage.
 * @param {(Row | undefined)[]} rows @param {number} now @returns {any}
 */
export function cursor(rows, now) {
  let i = 0;
  return {
    done: false,
    value: /** @type {any} */ (undefined),
    next() {
      while (i < rows.length && !rows[i]) i++;
      const row = rows[i++];
      this.done = !row;
      this.value = row && viewOf(row, now);
      return this;
    },
    [Symbol.iterator]() {
      return this;
    },
  };
}
