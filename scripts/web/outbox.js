// SPDX-License-Identifier: MIT
// @ts-check
/*
 * outbox - the messages of this seat that the server may not have yet.
 *
 * Both sides count. After a resume the server tells how many it has, and the
 * rest is sent again; what is sent while away waits here too. It holds at most
 * 256 messages and 64 KiB; beyond that the oldest go.
 */

const MAX_MESSAGES = 256;
const MAX_BYTES = 65536;

/** @typedef {{ data: any, request: number, version: number, isSent: boolean }} Message */

/** @param {Message} m */
const size = (m) => m.data.byteLength ?? m.data.length;

export class Outbox {
  /** @param {(m: Message) => void} onDropped a message that was never sent is lost */
  constructor(onDropped) {
    this.onDropped = onDropped;
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
    while (this.messages.length > MAX_MESSAGES || this.bytes > MAX_BYTES) {
      const old = /** @type {Message} */ (this.messages.shift());
      this.bytes -= size(old);
      if (!old.isSent) this.onDropped(old);
    }
  }
  /** @param {Message[]} messages @param {number} base number before the first */
  keep(messages, base) {
    this.messages = messages;
    this.bytes = messages.reduce((sum, m) => sum + size(m), 0);
    this.count = base + messages.length;
  }
  /** The same seat, of which the server has `received`: the rest goes out again. @param {number} received */
  resumed(received) {
    const before = this.count - this.messages.length;
    this.keep(this.messages.slice(Math.max(0, received - before)), received);
    for (const m of this.messages) m.isSent = false;
  }
  /** Another seat: what was for the old one, or by another schema, is lost. @param {number} version */
  joined(version) {
    this.keep(
      this.messages.filter((m) => !m.isSent && m.version === version),
      0,
    );
  }
  /** @param {(data: any) => void} transmit */
  flush(transmit) {
    for (const m of this.messages) {
      if (!m.isSent) transmit(m.data);
      m.isSent = true;
    }
  }
}
