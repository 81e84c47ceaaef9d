// SPDX-License-Identifier: MIT
/*
 * proxy - a line to the server that a test can cut, hold or slow down. Cut: every
 * connection through it ends without a word, and the next ones go through again,
 * while it is held only once it is let go.
 * Slow: it takes from the server whatever comes, as a router with a deep buffer
 * does, and hands on so many bytes a second.
 */
import net from "node:net";

const STEP_MS = 10;

export async function startProxy(port) {
  const open = new Set();
  /** @type {import('node:net').Socket[] | null} who waits, while the line is held */
  let held = null;
  const line = { rate: Infinity, waiting: 0 };

  /** What the client gets, at the line's rate. */
  function drip(from, to) {
    const queue = [];
    let spare = 0;
    const send = () => {
      if (queue.length === 0) spare = 0;
      spare += line.rate === Infinity ? Infinity : (line.rate * STEP_MS) / 1000;
      while (queue.length > 0 && spare >= 1) {
        const n = Math.min(Math.floor(spare), queue[0].length);
        to.write(queue[0].subarray(0, n));
        queue[0] = queue[0].subarray(n);
        if (queue[0].length === 0) queue.shift();
        spare -= n;
        line.waiting -= n;
      }
      if (queue.length === 0 && from.readableEnded) to.end();
    };
    const timer = setInterval(send, STEP_MS);
    from.on("data", (bytes) => {
      queue.push(bytes);
      line.waiting += bytes.length;
      if (line.rate === Infinity) send();
    });
    from.on("end", send);
    from.on("close", () => {
      clearInterval(timer);
      for (const bytes of queue.splice(0)) line.waiting -= bytes.length;
    });
  }

  const listener = net.createServer((near) => {
    if (!held) return connect(near);
    open.add(near);
    near.on("error", () => {});
    near.on("close", () => open.delete(near));
    held.push(near);
  });

  function connect(near) {
    if (near.destroyed) return;
    const far = net.connect({ port, host: "127.0.0.1" });
    for (const [from, to] of [
      [near, far],
      [far, near],
    ]) {
      open.add(from);
      from.on("error", () => {});
      from.on("close", () => {
        open.delete(from);
        to.destroy();
      });
    }
    near.pipe(far);
    drip(far, near);
  }
  await new Promise((done) => listener.listen(0, "127.0.0.1", done));
  listener.unref(); // a test that fails and does not close it does not keep the others waiting

  return {
    port: listener.address().port,
    /** Bytes a second towards the clients, all connections of the line each. */
    slow(rate) {
      line.rate = rate;
    },
    /** Bytes that the line holds. */
    get waiting() {
      return line.waiting;
    },
    /** Who comes from now on waits before the line. */
    hold() {
      held ??= [];
    },
    letGo() {
      const waiting = held ?? [];
      held = null;
      waiting.forEach(connect);
    },
    cut() {
      for (const socket of open) socket.resetAndDestroy();
    },
    close() {
      this.cut();
      listener.close();
    },
  };
}
