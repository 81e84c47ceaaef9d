// SPDX-License-Identifier: MIT
// @ts-check
/*
 * clock - the server's clock, from pings. A sample is wrong by at most half its
 * round trip, and by what the two clocks have drifted apart since (up to 1 in
 * 10 000); the least wrong one counts. now() goes over to another estimate by
 * running 5 % faster or slower, so that it never goes back.
 */

const DRIFT = 1e-4;
const SLEW = 0.05;
const JUMP_MS = 1000; // farther off than this (the computer has slept): at once

export class Clock {
  /** @param {() => number} local ms, never goes back */
  constructor(local) {
    this._local = local;
    /** @type {{ offset: number, half: number, at: number } | null} the one that counts */
    this._best = null;
    this._offset = this._at = 0;
  }
  /** What is known is of another connection. */
  restart() {
    this._best = null;
    this._offset = 0;
  }
  /** The server's time in ms; counts from when it likes. */
  now() {
    const local = this._local();
    const off = (this._best?.offset ?? 0) - this._offset;
    const most = (local - this._at) * SLEW;
    this._offset += Math.abs(off) > JUMP_MS ? off : Math.max(-most, Math.min(off, most));
    this._at = local;
    return local + this._offset;
  }
  /** @param {number} server u32 ms; it wraps after 49 days @param {number} rtt ms */
  sample(server, rtt) {
    const best = this._best;
    const at = this._local();
    const half = rtt / 2;
    if (best && half > best.half + (at - best.at) * DRIFT) return;
    const guess = Math.floor(at + (best?.offset ?? 0));
    // Only the difference to the guess counts, so the wrap does not show.
    const ahead = best ? (server - (guess % 2 ** 32)) | 0 : server - guess;
    this._best = { offset: guess + ahead + half - at, half, at };
    if (best) return;
    this._offset = this._best.offset;
    this._at = at;
  }
}
