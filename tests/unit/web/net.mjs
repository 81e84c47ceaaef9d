// SPDX-License-Identifier: MIT
/* A simulated line: latency, jitter and stalls (what loss looks like through TCP). */

/** Numbers from 0 to below 1, the same in every run. @param {number} seed */
export function dice(seed) {
  let s = seed >>> 0;
  return () => {
    s = (s + 0x6d2b79f5) >>> 0;
    let t = Math.imul(s ^ (s >>> 15), 1 | s);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * One direction. What is sent arrives in its order, never before what was sent
 * earlier; in a stall (a lost segment, waiting to be sent again) nothing does.
 */
export class Line {
  /** ms, one way; `loss`: how many of the messages stall it for `stall` ms
   * @param {{ latency: number, jitter: number, loss: number, stall: number }} kind
   * @param {() => number} random */
  constructor(kind, random) {
    Object.assign(this, { kind, random, queue: [], last: 0 });
  }
  send(now, item) {
    const { latency, jitter, loss, stall } = this.kind;
    const wait = latency + this.random() * jitter + (this.random() < loss ? stall : 0);
    this.last = Math.max(this.last, now + wait);
    this.queue.push({ at: this.last, item });
  }
  /** What has arrived by now, in order. */
  *arrived(now) {
    while (this.queue.length && this.queue[0].at <= now) yield this.queue.shift().item;
  }
  /** The connection broke: what is on the way is lost. */
  cut() {
    this.queue = [];
  }
}
