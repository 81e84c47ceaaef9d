// SPDX-License-Identifier: MIT
// @ts-check
/*
 * clock - the server's clock, from pings: of the last few the one with the
 * least round trip knows best.
 */

const SAMPLES = 8;

export class Clock {
  /** @param {() => number} local ms, never goes back */
  constructor(local) {
    this._local = local;
    /** @type {{ rtt: number, offset: number }[]} */
    this._samples = [];
    this._offset = 0;
  }
  /** The server's time in ms; counts from when it likes. */
  now() {
    return this._local() + this._offset;
  }
  /** @param {number} server u32 ms; it wraps after 49 days @param {number} rtt ms */
  sample(server, rtt) {
    const local = this._local();
    const guess = Math.floor(local + this._offset);
    // Only the difference to the guess counts, so the wrap does not show.
    const ahead = this._samples.length ? (server - (guess % 2 ** 32)) | 0 : server - guess;
    const offset = guess + ahead + rtt / 2 - local;
    this._samples.push({ rtt, offset });
    if (this._samples.length > SAMPLES) this._samples.shift();
    this._offset = this._samples.reduce((a, b) => (b.rtt < a.rtt ? b : a)).offset;
  }
  restart() {
    this._samples = [];
    this._offset = 0;
  }
}
