// SPDX-License-Identifier: MIT
// @ts-check
/*
 * smooth - fields marked `smooth`, shown a little behind, at every moment between
 * two samples.
 *
 * A sample of tick n is due one tick period and a delay for jitter after its
 * tick's usual time of arrival; until then it waits in its row's queue. So a field
 * passes through every sample in straight lines (an angle the short way round), at
 * a steady speed where the samples are steady, though they come when they like.
 *
 * The delay follows the jitter: up at once by half of what a sample was too late
 * for it, down by 1 % a tick. It changes when later samples are due, never what is
 * shown now, and no sample is due before the last one: time runs up to twice as
 * fast or stands still, but never goes back. Nothing waits for longer than two ticks and
 * the most that the delay may be.
 *
 * Views are written in place: a page that draws at 60 Hz makes no garbage.
 *
 * Loaded when a schema has smooth fields; join() waits for it.
 */
import { buildRow, get, put, toValue } from "./schema.js";

const EVENT_DRIVEN_MS = 50; // rooms without ticks: how long a move takes
const MAX_DELAY_MS = 150; // what comes later than this shows
const MAX_QUEUE = 8; // samples of a row that wait
const TURN = 2 * Math.PI;

/** When samples are due, on the page's own clock. */
export class Timeline {
  /** @param {number} period ms, 0: event-driven */
  constructor(period) {
    this.period = period;
    this.lag = NaN; // arrival minus tick time, at its least
    this.delay = 0; // ms, for jitter; up to MAX_DELAY_MS
    this.tick = 0;
    this.due = -Infinity; // of the last sample
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
    const { period } = this;
    if (!period) return this.soon(now);
    const lag = now - tick * period;
    // The least lag counts; it creeps up, as the two clocks may drift apart.
    if (!(lag > this.lag)) this.lag = lag;
    else this.lag += (lag - this.lag) * 0.02;
    const late = Math.min(lag - this.lag, MAX_DELAY_MS);
    if (late > this.delay) this.delay += (late - this.delay) / 2;
    else this.delay -= (this.delay - late) * 0.01;
    const first = this.due + ((tick - this.tick) * period) / 2;
    // A page that hung gets many at once, one whose clock stood still in a sleep a tick far
    // ahead: neither is played, the last one shows in a moment.
    const last = now + 2 * period + MAX_DELAY_MS;
    this.tick = tick;
    this.due = Math.min(Math.max(first, (tick + 1) * period + this.lag + this.delay), last);
    return this.due;
  }
}

/** @typedef {import("./image.js").Row} Row */
/** @typedef {import("./schema.js").Field} Field */

/** Where one row's smooth fields are. */
export class Motion {
  /** @param {Row} row @param {Field[]} fields the smooth ones */
  constructor(row, fields) {
    this.fields = fields;
    this.start = 0; // the time of `from`
    this.from = fields.map((f) => toValue(f.type, row.cells[f.id]));
    /** @type {number[][]} samples that are not reached */
    this.queue = [];
    /** @type {number[]} and when they are due */
    this.dues = [];
    /** @type {number[][]} to be used again */
    this.spare = [];
    this.version = -1; // of the row, when its view was last copied
    /** @type {[number | string, any]} what iteration yields */
    this.pair = [row.key, buildRow(row, (f) => still(row, f))];
  }
  /** Leave behind what was due. @param {number} now */
  pass(now) {
    while (this.dues.length && this.dues[0] <= now) {
      this.start = /** @type {number} */ (this.dues.shift());
      this.spare.push(this.from);
      this.from = /** @type {number[]} */ (this.queue.shift());
    }
  }
  /** Behind pass(now). @param {number} i @param {number} now */
  at(i, now) {
    const from = this.from[i];
    if (!this.queue.length || now <= this.start) return from;
    const to = this.queue[0][i];
    const share = (now - this.start) / (this.dues[0] - this.start);
    if (this.fields[i].type.t !== "angle") return from + (to - from) * share;
    const way = ((to - from + 1.5 * TURN) % TURN) - TURN / 2;
    return (from + way * share + TURN) % TURN;
  }
  /**
   * The row has new cells.
   * @param {Row} row @param {number} now @param {number} due
   * @param {number} period how long a move from rest takes
   */
  aim(row, now, due, period) {
    const { fields, dues, queue } = this;
    this.pass(now);
    if (queue.length >= MAX_QUEUE) {
      // A burst: straight to the newest from here.
      const here = fields.map((_, i) => this.at(i, now));
      this.spare.push(...queue.splice(0));
      dues.length = 0;
      this.from = here;
    }
    if (!queue.length) this.start = Math.max(now, due - (period || EVENT_DRIVEN_MS));
    const sample = this.spare.pop() ?? [];
    for (let i = 0; i < fields.length; i++)
      sample[i] = toValue(fields[i].type, row.cells[fields[i].id]);
    queue.push(sample);
    dues.push(Math.max(due, dues.length ? dues[dues.length - 1] : this.start));
  }
  /** @param {Row} row @param {number} now @returns the row's view, up to date */
  show(row, now) {
    const view = this.pair[1];
    if (this.version !== row.version) {
      for (const f of row.fields) if (!f.type.smooth) put(view, f.steps, still(row, f));
      this.version = row.version;
    }
    this.pass(now);
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
