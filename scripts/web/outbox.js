// SPDX-License-Identifier: MIT
// @ts-check
/*
 * outbox - the messages of this seat that the server may not have yet.
 *
 * Both sides count. After a resume the server tells how many it has, and the
 * rest is sent again; what is sent while away waits here too. It holds 64 KiB,
 * each message counted with 16 bytes more; beyond that the oldest go.
 */

const MAX_BYTES = 65536;
const AT_ONCE = 50; // the server drops what comes too fast

/** @typedef {{ data: any, request: number, version: number, isSent: boolean }} Message */

/** @param {Message} m */
const size = (m) => 16 + (m.data.byteLength ?? m.data.length);

export class Outbox {
  /** @param {(m: Message) => void} onLost a message that will not be sent is lost */
  constructor(onLost) {
    this.onLost = onLost;
    /** @type {Message[]} */
    this.messages = [];
    this.bytes = 0;
    this.count = 0; // the number of the newest in this seat
  }
  /** @param {Message} m */
  push(m) {
    this.count++;
    this.messages.push(m);
    this.bytes += size(m);
    while (this.bytes > MAX_BYTES) {
      const old = /** @type {Message} */ (this.messages.shift());
      this.bytes -= size(old);
      if (!old.isSent) this.onLost(old); // else the server is likely to have it
    }
  }
  /** Keeps those that pass. @param {(m: Message, i: number) => boolean} test @param {number} base number before the first */
  keep(test, base) {
    this.messages = this.messages.filter(test);
    this.bytes = this.messages.reduce((sum, m) => sum + size(m), 0);
    this.count = base + this.messages.length;
  }
  /**
   * The same seat, of which the server has `received`: the rest goes out again, but for
   * what was written by another schema. Returns how many are lost.
   * @param {number} received @param {number} version
   */
  resumed(received, version) {
    const { count } = this;
    const first = received - count + this.messages.length;
    this.keep((m, i) => {
      m.isSent = false;
      if (i < first || m.version === version) return i >= first;
      this.onLost(m);
      return false;
    }, received);
    return Math.max(0, count - this.count);
  }
  /** Another seat: what was for the old one, or by another schema, is lost. @param {number} version */
  joined(version) {
    this.keep((m) => !m.isSent && m.version === version, 0);
  }
  /** Sends some of those that wait; are there more? @param {(data: any) => void} transmit */
  flush(transmit) {
    let n = 0;
    for (const m of this.messages) {
      if (m.isSent) continue;
      if (n++ === AT_ONCE) return true;
      transmit(m.data);
      m.isSent = true;
    }
    return false;
  }
}
